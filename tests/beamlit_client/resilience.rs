//! What becomes of calls while Beamlit is not well.

use std::time::Duration;

use beamlit_operator::controller::beamlit::{Change, Error, Released};
use serde_json::json;

use super::common::{client, client_of, key, lines, model, owner, settings};
use crate::beamlit::{Answer, Beamlit};

/// original-defects.md: "no timeout, retry or backoff; bodies never closed".
#[tokio::test]
async fn what_passes_is_waited_out() {
    for answer in [
        Answer::error(500, "oops"),
        Answer::page(502),
        Answer::error(408, "slow"),
        Answer::busy(429, "0"),
        Answer::busy(503, "Sun, 06 Nov 1994 08:49:37 GMT"),
        Answer::Cut,
    ] {
        let beamlit = Beamlit::start();
        let client = client(&beamlit);
        client.apply_model(&model(), &owner("mine"), false).await.unwrap();
        for method in ["GET", "PUT"] {
            beamlit.script(method, "/models", vec![answer.clone(); 2]);
        }
        let applied = client.apply_model(&model(), &owner("mine"), true).await;
        assert_eq!(applied.map(|it| it.change), Ok(Change::Updated), "{answer:?}: {:?}", lines(&beamlit));
        beamlit.script("DELETE", "/models", vec![answer.clone(); 2]);
        assert_eq!(client.release(&key(), &owner("mine")).await, Ok(Released::Deleted), "{answer:?}");
        assert_eq!(beamlit.violations(), [""; 0]);
    }
}

#[tokio::test]
async fn what_does_not_pass_is_told_after_a_few_attempts() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    beamlit.down(Some(Answer::error(503, "away")));
    beamlit.script("POST", "/oauth/token", []);
    let error = client.get(&key()).await.unwrap_err();
    assert_eq!(error, Error::Failed { status: 503, said: "away".to_owned(), after: None });
    assert!(error.is_passing());
    beamlit.down(None);
    assert_eq!(client.get(&key()).await, Ok(None), "it converges without help");
}

#[tokio::test]
async fn what_is_refused_is_not_asked_again() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    for status in [400, 402, 403, 405, 409, 410, 422] {
        beamlit.forget_calls();
        beamlit.script("GET", "/models", [Answer::error(status, "no")]);
        let refused = Error::Refused { status, said: "no".to_owned() };
        assert_eq!(client.get(&key()).await, Err(refused));
        assert_eq!(beamlit.calls().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_creation_without_an_answer_is_looked_for() {
    for answer in [Answer::error(500, "oops"), Answer::error(504, "slow"), Answer::Cut, Answer::busy(429, "0")] {
        for arrived in [true, false] {
            let beamlit = Beamlit::start();
            let client = client(&beamlit);
            let instead = if arrived { answer.clone().done() } else { answer.clone() };
            beamlit.script("POST", "/models", [instead]);
            let applied = client.apply_model(&model(), &owner("mine"), false).await.unwrap();
            assert_eq!(applied.change, Change::Created, "{answer:?} {arrived}");
            assert_eq!(beamlit.bodies("POST").len(), if arrived { 1 } else { 2 }, "{answer:?} {arrived}");
            assert_eq!((beamlit.store(|store| store.len()), beamlit.bodies("PUT").len()), (1, 0));
        }
    }
}

#[tokio::test]
async fn a_creation_that_hangs_is_looked_for() {
    let beamlit = Beamlit::start();
    let mut settings = settings(&beamlit);
    settings.timeout = Duration::from_secs(1);
    let (client, metrics) = client_of(settings);
    // So that the machine's own slowness counts for no part of it.
    client.get(&key()).await.unwrap();
    beamlit.script("POST", "/models", [Answer::Hang.done()]);
    assert_eq!(client.apply_model(&model(), &owner("mine"), false).await.unwrap().change, Change::Created);
    assert_eq!(beamlit.bodies("POST").len(), 1);
    let line = "beamlit_operator_beamlit_requests_total{operation=\"create_model\",result=\"timed_out\"} 1\n";
    assert!(metrics.encode().contains(line), "{}", metrics.encode());
}

#[tokio::test]
async fn a_conflict_is_resolved_by_looking_again() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    // Somebody else creates it between our look and our call.
    beamlit.store(|store| store.put_model("production", "my-model-on-Beamlit", json!({}), json!({})));
    beamlit.script("GET", "/models", [Answer::error(404, "not found")]);
    let applied = client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    assert_eq!(applied.change, Change::TakenOver);
    assert_eq!(lines(&beamlit), ["GET /models/m 404", "POST /models 409", "GET /models/m 200", "PUT /models/m 200"]);
    // Somebody else deletes it between our look and our call.
    beamlit.forget_calls();
    beamlit.script("PUT", "/models", [Answer::error(404, "not found")]);
    client.apply_model(&model(), &owner("mine"), true).await.unwrap();
    assert_eq!(lines(&beamlit)[..3], ["GET /models/m 200", "PUT /models/m 404", "GET /models/m 200"]);
    // And if it goes on for ever, it is told.
    beamlit.script("PUT", "/models", vec![Answer::error(409, "busy"); 3]);
    let error = client.apply_model(&model(), &owner("mine"), false).await.unwrap_err();
    assert_eq!(error, Error::Refused { status: 409, said: "busy".to_owned() });
}

#[tokio::test]
async fn calls_are_held_back_and_come_back_by_themselves() {
    let beamlit = Beamlit::start();
    let mut settings = settings(&beamlit);
    settings.pace.failures = 3;
    settings.pace.first_hold = Duration::from_millis(300);
    settings.pace.longest_hold = Duration::from_secs(1);
    let (client, metrics) = client_of(settings);
    client.get(&key()).await.unwrap();
    beamlit.down(Some(Answer::page(503)));
    let error = client.get(&key()).await.unwrap_err();
    assert_eq!(error.to_string(), "Beamlit failed with status 503: with a page");
    beamlit.forget_calls();
    // Clones know it as well, whatever they are asked for.
    let error = client.clone().apply_model(&model(), &owner("mine"), false).await.unwrap_err();
    assert!(matches!(&error, Error::HeldBack { because, .. } if because.contains("503")), "{error}");
    assert!(error.after().is_some() && error.is_passing());
    assert_eq!(beamlit.calls().len(), 0);
    assert!(metrics.encode().contains("beamlit_operator_beamlit_circuit_open 1\n"));
    beamlit.down(None);
    while client.get(&key()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(metrics.encode().contains("beamlit_operator_beamlit_circuit_open 0\n"));
}

#[tokio::test]
async fn a_long_wait_that_is_asked_for_holds_all_calls_back() {
    let beamlit = Beamlit::start();
    for status in [429, 503] {
        let client = client(&beamlit);
        beamlit.script("GET", "/models", [Answer::busy(status, "60")]);
        beamlit.forget_calls();
        assert!(client.get(&key()).await.is_err());
        assert!(
            matches!(client.policies().await, Err(Error::HeldBack { after, .. }) if after > Duration::from_secs(30))
        );
        assert_eq!(beamlit.calls().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_short_wait_that_is_asked_for_is_kept() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    client.get(&key()).await.unwrap();
    let began = std::time::Instant::now();
    beamlit.script("GET", "/models", [Answer::busy(429, "1")]);
    client.get(&key()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "not before the time that was asked for");
}

#[tokio::test]
async fn where_nobody_listens_it_says_so() {
    let beamlit = Beamlit::start();
    let settings = settings(&beamlit);
    drop(beamlit);
    let (client, _) = client_of(settings);
    let error = client.get(&key()).await.unwrap_err().to_string();
    assert!(error.starts_with("Beamlit cannot be reached: ") && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn calls_are_counted() {
    let beamlit = Beamlit::start();
    let (client, metrics) = client_of(settings(&beamlit));
    client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    beamlit.script("GET", "/policies", [Answer::page(200)]);
    assert!(client.policies().await.is_err());
    let text = metrics.encode();
    for line in [
        "beamlit_operator_beamlit_requests_total{operation=\"token\",result=\"ok\"} 1",
        "beamlit_operator_beamlit_requests_total{operation=\"get_model\",result=\"not_found\"} 1",
        "beamlit_operator_beamlit_requests_total{operation=\"create_model\",result=\"ok\"} 1",
        "beamlit_operator_beamlit_requests_total{operation=\"list_policies\",result=\"malformed\"} 1",
        "beamlit_operator_beamlit_request_duration_seconds_count 4",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in:\n{text}");
    }
}
