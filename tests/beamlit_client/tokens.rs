//! Tokens: got once for all, renewed in time, and never by two at once.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use beamlit_operator::controller::beamlit::{Credentials, Error};
use serde_json::{Value, json};

use super::common::{client, client_of, key, settings};
use crate::beamlit::{Answer, Beamlit, CREDENTIALS};

/// original-defects.md: "One OAuth token fetch per request; auth failure ignored."
#[tokio::test]
async fn one_token_serves_all() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    beamlit.script("POST", "/oauth/token", [Answer::Late(Duration::from_millis(100))]);
    let calls = (0..30).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.get(&key()).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), Ok(None));
    }
    assert_eq!((beamlit.tokens(), beamlit.calls().len()), ((1, 1), 30));
}

#[tokio::test]
async fn all_who_wait_for_a_token_share_its_failure() {
    let beamlit = Beamlit::start();
    let mut settings = settings(&beamlit);
    settings.pace.retries = 0;
    let (client, metrics) = client_of(settings);
    beamlit.script("POST", "/oauth/token", [Answer::error(400, "invalid_client")]);
    let key = key();
    let answers = futures::future::join_all((0..30).map(|_| client.get(&key))).await;
    let failed = answers.iter().filter(|answer| answer.is_err()).count();
    assert!(failed >= 1);
    for error in answers.into_iter().filter_map(Result::err) {
        assert_eq!(error.to_string(), "Beamlit does not take the credentials: invalid_client");
    }
    let line = "beamlit_operator_beamlit_requests_total{operation=\"token\",result=\"forbidden\"} 1\n";
    assert!(metrics.encode().contains(line));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let beamlit = Beamlit::start();
    beamlit.expires_in(json!(2));
    let client = client(&beamlit);
    client.get(&key()).await.unwrap();
    // The renewal fails, and what there is still counts.
    beamlit.script("POST", "/oauth/token", [Answer::error(500, "oops")]);
    tokio::time::sleep(Duration::from_millis(1700)).await;
    client.get(&key()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    beamlit.revoke();
    client.get(&key()).await.unwrap();
    assert!(beamlit.lines().iter().all(|line| line.ends_with("404")), "no call was made with a token that had ended");
    assert_eq!(beamlit.tokens(), (2, 1));
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_got_anew_once() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    client.get(&key()).await.unwrap();
    beamlit.revoke();
    client.get(&key()).await.unwrap();
    assert_eq!(beamlit.tokens().0, 2);
    let statuses: Vec<Option<u16>> = beamlit.calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [Some(404), Some(401), Some(404)]);
    beamlit.forget_calls();
    beamlit.script("GET", "/models", vec![Answer::error(401, "never"); 5]);
    assert_eq!(client.get(&key()).await, Err(Error::CredentialsRefused("never".to_owned())));
    assert_eq!(beamlit.calls().len(), 2);
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    let token = |changes: Value| {
        let mut answer = json!({"access_token": "t", "token_type": "Bearer", "expires_in": 7200});
        answer.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        Answer::json(200, &answer)
    };
    for answer in [
        token(json!({"access_token": ""})),
        token(json!({"access_token": "a b"})),
        token(json!({"access_token": "a\r\nX-Evil: 1"})),
        token(json!({"access_token": "ä"})),
        token(json!({"access_token": "a".repeat(9000)})),
        token(json!({"access_token": 7})),
        token(json!({"access_token": null})),
        token(json!({"token_type": "mac"})),
        token(json!({"expires_in": 0})),
        token(json!({"expires_in": -5})),
        token(json!({"expires_in": "soon"})),
        token(json!({"expires_in": {}})),
        Answer::json(200, &json!({"error": "invalid_client"})),
        Answer::json(200, &json!([])),
        Answer::page(200),
        Answer::Status(200, Vec::new(), "a".repeat(100_000)),
        Answer::Status(200, Vec::new(), String::new()),
    ] {
        beamlit.script("POST", "/oauth/token", [answer.clone()]);
        let error = client.get(&key()).await.unwrap_err();
        assert!(matches!(error, Error::Malformed(_)), "{answer:?}: {error}");
    }
    assert_eq!(beamlit.calls().len(), 0, "nothing was called without a token");
    beamlit.script("POST", "/oauth/token", [Answer::redirect("https://elsewhere.example.com/token")]);
    assert_eq!(client.get(&key()).await, Err(Error::Redirected { status: 307 }));
    for status in [400, 401, 403] {
        let refused = Answer::json(status, &json!({"error": "invalid_client", "error_description": "who are you?"}));
        beamlit.script("POST", "/oauth/token", [refused]);
        let error = client.get(&key()).await.unwrap_err().to_string();
        assert_eq!(error, "Beamlit does not take the credentials: invalid_client: who are you?");
    }
    // Neither is there anything wrong with no word on type and life.
    beamlit.expires_in(Value::Null);
    assert_eq!(client.get(&key()).await, Ok(None));
}

/// original-defects.md: "Missing token accepted silently; secrets containing `:` rejected."
#[tokio::test]
async fn credentials_come_in_every_form_and_their_absence_is_told() {
    let beamlit = Beamlit::start();
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&beamlit);
    settings.credentials = Credentials::in_folder(folder.path());
    let (client, _) = client_of(settings.clone());
    let error = client.get(&key()).await.unwrap_err();
    assert!(matches!(&error, Error::NoCredentials(said) if said.contains("has neither")), "{error}");
    assert_eq!(beamlit.tokens().0, 0);
    assert!(CREDENTIALS.1.contains(':'));
    std::fs::write(folder.path().join("token"), Beamlit::token()).unwrap();
    assert_eq!(client.get(&key()).await, Ok(None), "what appears later is found");
    settings.credentials = Credentials::in_token(&Beamlit::token()).unwrap();
    assert_eq!(client_of(settings).0.get(&key()).await, Ok(None));
}

#[tokio::test]
async fn credentials_that_are_renewed_are_read_again_when_they_are_refused() {
    let beamlit = Beamlit::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let mut settings = settings(&beamlit);
    settings.credentials = Credentials::in_folder(folder.path());
    settings.pace.after_refusal = Duration::from_secs(600);
    let (client, metrics) = client_of(settings);
    std::fs::write(&file, BASE64_STANDARD.encode("old:secret")).unwrap();
    let error = client.get(&key()).await.unwrap_err();
    assert_eq!(error.to_string(), "Beamlit does not take the credentials: invalid_client: who are you?");
    for _ in 0..3 {
        assert_eq!(client.get(&key()).await, Err(error.clone()));
    }
    let line = "beamlit_operator_beamlit_requests_total{operation=\"token\",result=\"forbidden\"} 1\n";
    assert!(metrics.encode().contains(line), "what was refused is not shown again at once");
    std::fs::write(&file, Beamlit::token()).unwrap();
    assert_eq!(client.get(&key()).await, Ok(None));
    // And what is swapped just now still counts.
    std::fs::remove_file(&file).unwrap();
    beamlit.revoke();
    assert_eq!(client.get(&key()).await, Ok(None));
}

#[tokio::test]
async fn a_token_that_beamlit_gives_and_does_not_take_is_none() {
    let beamlit = Beamlit::start();
    let (client, metrics) = client_of(settings(&beamlit));
    let valid = || metrics.encode().lines().any(|line| line == "beamlit_operator_beamlit_token_valid 1");
    client.get(&key()).await.unwrap();
    assert!(valid());
    // One that was taken back is replaced, and nothing is wrong.
    beamlit.revoke();
    client.get(&key()).await.unwrap();
    assert!(valid());
    for _ in 0..3 {
        beamlit.script("GET", "/models", vec![Answer::error(401, "never"); 2]);
        assert!(client.get(&key()).await.is_err());
        assert!(!valid());
    }
    // As little as somebody who is away does one who says no to everything say that the token counts.
    for answer in [Answer::error(403, "no"), Answer::error(400, "no such thing")] {
        let takes = matches!(answer, Answer::Status(400, ..));
        beamlit.script("GET", "/models", [answer]);
        assert!(client.get(&key()).await.is_err());
        assert_eq!(valid(), takes);
    }
}
