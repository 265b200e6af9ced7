//! Tests of the routes with judges that break down, hang or are held back.

use std::sync::Mutex;
use std::sync::mpsc;

use axum::http::Method;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::gate::review::{Settings, Subject};

const REVIEW: &str = include_str!("../../../tests/admission-reviews/002-CREATE-ModelDeployment.json");
const UID: &str = "0bc58afb-9fff-4261-9b05-2e5fad3465f1";

fn gate(max_in_flight: usize, judge: impl Fn(Endpoint, &[u8]) -> Answer + Send + Sync + 'static) -> Arc<Gate> {
    Arc::new(Gate::new(Box::new(judge), max_in_flight, Arc::new(Metrics::default())))
}

fn real() -> Arc<Gate> {
    gate(8, move |endpoint, body| review::answer(endpoint, body, Settings::alone()))
}

fn admitted() -> Answer {
    Answer { status: 200, body: b"{}".to_vec(), verdict: Verdict::Admitted, subject: Subject::default() }
}

fn request(path: &str, body: impl Into<Body>) -> Request {
    Request::post(path).header(CONTENT_TYPE, "application/json").body(body.into()).unwrap()
}

async fn send(gate: &Arc<Gate>, request: Request) -> (u16, Value) {
    let response = router(gate).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8(bytes.to_vec()).unwrap().into());
    (status, body)
}

/// A review larger than what is judged where it was read.
fn large() -> String {
    format!("{REVIEW}{}", " ".repeat(MAX_INLINE))
}

#[tokio::test]
async fn a_review_is_answered_by_both_sides() {
    for path in ["/mutate", "/validate", "/validate?timeout=5s", "/advise?timeout=2s"] {
        for body in [REVIEW.to_owned(), large()] {
            let (status, body) = send(&real(), request(path, body)).await;
            assert_eq!(
                (status, &body["response"]["uid"], &body["response"]["allowed"]),
                (200, &json!(UID), &json!(true))
            );
        }
    }
}

#[tokio::test]
async fn what_is_no_review_by_its_headers_is_not_read() {
    let gate = real();
    let mut sent = Vec::new();
    let ask = |method: Method, path: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from(REVIEW)).unwrap()
    };
    let json = ("content-type", "application/json");
    for (request, status) in [
        (ask(Method::GET, "/validate", &[json]), 405),
        (ask(Method::PUT, "/mutate", &[json]), 405),
        (ask(Method::POST, "/", &[json]), 404),
        (ask(Method::POST, "/validate/", &[json]), 404),
        (ask(Method::GET, "/metrics", &[]), 404),
        (ask(Method::POST, "/validate", &[]), 415),
        (ask(Method::POST, "/validate", &[("content-type", "text/json")]), 415),
        (ask(Method::POST, "/validate", &[("content-type", "application/jsonp")]), 415),
        (ask(Method::POST, "/validate", &[json, ("content-length", "7340033")]), 413),
        (ask(Method::POST, "/validate", &[json, ("content-length", "99999999999999999999")]), 200),
        (ask(Method::POST, "/validate", &[json, ("content-length", "7340032")]), 200),
        (ask(Method::POST, "/validate", &[("content-type", "Application/JSON; charset=utf-8")]), 200),
    ] {
        let what = format!("{request:?}");
        let (found, body) = send(&gate, request).await;
        assert_eq!(found, status, "{what}: {body}");
        sent.push(found);
    }
    assert_eq!(gate.metrics.in_flight.get(), 0);
}

#[tokio::test]
async fn a_body_without_a_length_is_cut_off_at_the_cap() {
    let (status, body) = send(&real(), request("/validate", " ".repeat(MAX_BODY) + "1")).await;
    assert_eq!((status, body), (413, "the body must not be larger than 7 MiB\n".into()));
}

#[tokio::test]
async fn a_judgement_that_breaks_down_is_answered_and_counted() {
    let gate = gate(8, |_, _| panic!("on purpose"));
    for (number, body) in [REVIEW.to_owned(), large()].into_iter().enumerate() {
        let (status, answer) = send(&gate, request("/validate", body.clone())).await;
        assert_eq!(
            (status, &answer["response"]["uid"], &answer["response"]["allowed"]),
            (200, &json!(UID), &json!(false))
        );
        assert_eq!(answer["response"]["status"]["code"], 500);
        assert!(!answer.to_string().contains("on purpose"));
        assert_eq!(send(&gate, request("/mutate", body)).await.0, 500);
        assert_eq!(gate.metrics.panics.get(), 2 * (number as u64 + 1));
    }
    assert_eq!(send(&gate, request("/validate", "no review")).await.0, 500);
    // It goes on as if nothing had been.
    assert_eq!(gate.metrics.in_flight.get(), 0);
    assert_eq!(gate.slots.count(), 0);
}

#[tokio::test]
async fn a_full_gate_turns_reviews_away_so_that_the_api_server_understands() {
    let gate = gate(1, |_, _| admitted());
    let held = gate.slots.take().unwrap().slot;
    assert!(held.stands(Standing::Busy));
    let (status, answer) = send(&gate, request("/validate", REVIEW)).await;
    assert_eq!((status, &answer["response"]["uid"], &answer["response"]["allowed"]), (200, &json!(UID), &json!(false)));
    assert_eq!(answer["response"]["status"]["code"], 429);
    assert_eq!(answer["response"]["status"]["details"]["retryAfterSeconds"], 1);
    assert_eq!(send(&gate, request("/validate", "no review")).await.0, 503);

    let response = router(&gate).oneshot(request("/mutate", REVIEW)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()[RETRY_AFTER].to_str().unwrap()), (503, "1"));
    assert_eq!(gate.metrics.full.get(), 3);
}

#[tokio::test]
async fn a_client_is_told_when_its_connection_will_not_go_on() {
    let gate = gate(1, |_, _| admitted());
    let held = gate.slots.take().unwrap().slot;
    assert!(held.stands(Standing::Busy));
    let closes = async |request: Request| {
        let response = router(&gate).oneshot(request).await.unwrap();
        (response.status().as_u16(), response.headers().get(CONNECTION).is_some())
    };
    let huge = || Body::from(" ".repeat(MAX_BODY));
    assert_eq!(closes(request("/validate", REVIEW)).await, (200, false), "turned away, but read");
    assert_eq!(closes(request("/mutate", REVIEW)).await, (503, false));
    assert_eq!(closes(request("/validate", huge())).await, (503, true));
    assert_eq!(closes(Request::post("/validate").body(REVIEW.into()).unwrap()).await, (415, false));
    assert_eq!(closes(Request::post("/validate").body(huge()).unwrap()).await, (415, true));
    assert_eq!(closes(Request::get("/validate").body(Body::empty()).unwrap()).await, (405, false));
    assert_eq!(closes(request("/nowhere", REVIEW)).await, (404, true));
    let mut http2 = request("/nowhere", REVIEW);
    *http2.version_mut() = Version::HTTP_2;
    assert_eq!(closes(http2).await, (404, false));
}

#[tokio::test]
async fn a_judgement_that_takes_too_long_is_not_waited_for_and_keeps_its_place() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let gate = gate(1, move |_, _| {
        _ = held.lock().unwrap().recv();
        admitted()
    });
    let (status, answer) = send(&gate, request("/validate?timeout=100ms", large())).await;
    assert_eq!((status, &answer["response"]["uid"]), (200, &json!(UID)));
    assert_eq!(answer["response"]["status"]["code"], 504);

    assert_eq!(gate.metrics.in_flight.get(), 1);
    assert_eq!(send(&gate, request("/mutate", REVIEW)).await.0, 503, "its slot is still taken");
    release.send(()).unwrap();
    while gate.metrics.in_flight.get() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    release.send(()).unwrap();
    assert_eq!(send(&gate, request("/mutate", REVIEW)).await.0, 200);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_none() {
    let gate = gate(1, |_, _| {
        std::thread::sleep(Duration::from_millis(30));
        admitted()
    });
    let (_, answer) = send(&gate, request("/validate?timeout=10ms", REVIEW)).await;
    assert_eq!(answer["response"]["status"]["code"], 504);
    assert_eq!(send(&gate, request("/mutate?timeout=10ms", REVIEW)).await.0, 504);
}

#[tokio::test]
async fn what_was_answered_is_counted_with_bounded_labels() {
    let gate = real();
    send(&gate, request("/validate", REVIEW)).await;
    send(
        &gate,
        request("/validate", REVIEW.replace("\"CREATE\"", "\"DELETE\"").replace("ModelDeployment", "Nonsense")),
    )
    .await;
    send(&gate, request("/validate", "no review")).await;
    let text = gate.metrics.encode();
    for labels in [
        r#"{endpoint="validate",operation="CREATE",kind="ModelDeployment",verdict="admitted"} 1"#,
        r#"{endpoint="validate",operation="DELETE",kind="other",verdict="passed"} 1"#,
        r#"{endpoint="validate",operation="other",kind="other",verdict="undecodable"} 1"#,
    ] {
        assert!(text.contains(labels), "{labels} is not in:\n{text}");
    }
    assert!(!text.contains("Nonsense"));
}
