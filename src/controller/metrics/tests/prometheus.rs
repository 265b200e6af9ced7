//! External metrics from a Prometheus that answers, refuses and is somebody else.

use std::path::Path;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::engine::configuration::Prometheus;

const QUERY: &str = "/prefix/api/v1/query";
const PATIENT: Limits = Limits { call: Duration::from_secs(60), sweep: Duration::from_secs(60), concurrency: 8 };

fn settings(url: &str) -> Prometheus {
    Prometheus { url: format!("{url}/prefix").parse().unwrap(), ca_file: None, bearer_token_file: None }
}

fn vector(values: &[&str]) -> Json {
    let all: Vec<Json> =
        values.iter().map(|value| json!({"metric": {}, "value": [TAKEN_MILLIS.0 as f64 / 1000.0, value]})).collect();
    json!({"status": "success", "data": {"resultType": "vector", "result": all}})
}

fn in_namespace(namespace: &str, metric: &str) -> Query {
    Query::External { namespace: namespace.to_owned(), metric: metric.to_owned(), selector: Selector::default() }
}

/// What was asked, decoded.
fn asked(stand_in: &StandIn) -> Vec<(String, String)> {
    let parse = |uri: String| {
        let url = url::Url::parse(&format!("http://x{uri}")).unwrap();
        let query = url.query_pairs().find(|(key, _)| key == "query").map(|(_, value)| value.into_owned());
        (url.path().to_owned(), query.unwrap())
    };
    stand_in.asked().into_iter().map(parse).collect()
}

#[tokio::test]
async fn what_several_ask_is_asked_once() {
    let (kubernetes, sources) = sources(PATIENT).await;
    let (prometheus, url) = StandIn::start().await;
    sources.configure(Some(&settings(&url)));
    prometheus.set(QUERY, Reply::json(&vector(&["1", "2.5"])));
    let expression = "sum(rate(requests_total{job=\"a b\"}[5m]))";
    let all = set([in_namespace("a", "queue"), in_namespace("b", "queue"), in_namespace("a", expression)]);
    let readings = sources.read(&all.clone()).await;
    let mut queries = asked(&prometheus);
    queries.sort();
    assert_eq!(
        queries,
        [expression, "{__name__=\"queue\"}"].map(|query| (QUERY.to_owned(), query.to_owned())),
        "one for each metric"
    );
    assert_eq!(kubernetes.asked(), [""; 0]);
    let value = |milli, window| Value { milli: Milli(milli), timestamp: TAKEN_MILLIS, window };
    for namespace in ["a", "b"] {
        let reading = readings.reading(&in_namespace(namespace, "queue"), &[]).unwrap();
        assert_eq!(reading.samples, Samples::External(vec![value(1000, None), value(2500, None)]));
        assert_eq!(reading.resolution, Reading::RESOLUTION);
    }
    let window = Some(Duration::from_secs(300));
    let reading = readings.reading(&in_namespace("a", expression), &[]).unwrap();
    assert_eq!(reading.samples, Samples::External(vec![value(1000, window), value(2500, window)]));
    assert_eq!(sources.health()[&Source::Prometheus], Health::Answers);
    assert_eq!(sources.health()[&Source::External], Health::Unasked);
}

#[tokio::test]
async fn another_source_is_another_answer() {
    let (_kubernetes, sources) = sources(PATIENT).await;
    let (prometheus, url) = StandIn::start().await;
    prometheus.set(QUERY, Reply::json(&vector(&["1"])));
    let query = in_namespace("a", "queue");
    sources.configure(Some(&settings(&url)));
    assert!(sources.read(&set([query.clone()])).await.reading(&query, &[]).is_ok());
    // The same again changes nothing: the last answer counts while the source fails.
    sources.configure(Some(&settings(&url)));
    prometheus.set(QUERY, Reply::status(500, ""));
    assert!(sources.read(&set([query.clone()])).await.reading(&query, &[]).is_ok());
    sources.configure(None);
    let why = sources.read(&set([query.clone()])).await.reading(&query, &[]).unwrap_err().to_string();
    assert!(why.contains("external.metrics.k8s.io is not served"), "{why}");
}

/// Each row: an answer, and what people read.
#[tokio::test]
async fn answers_that_are_none() {
    let error = |status: u16, type_: &str, error: &str| {
        let body = json!({"status": "error", "errorType": type_, "error": error}).to_string();
        Reply::Body(status, None, body.into())
    };
    let page = |status: u16| Reply::Body(status, None, b"<html>hunter2</html>".to_vec());
    for (reply, text, answers) in [
        (error(400, "bad_data", "parse error"), "its source refuses to answer: parse error", true),
        (error(422, "execution", "many-to-many"), "its source refuses to answer: many-to-many", true),
        (error(503, "timeout", "timed out"), "its source did not answer: timed out", false),
        (
            error(429, "", "too many").with("retry-after", "7"),
            "its source did not answer: too many (it asks to be left alone for 7 s)",
            false,
        ),
        (page(404), "its source did not answer: there is no API of Prometheus at its url (status 404)", false),
        (page(401), "its source did not answer: it does not know who asks (status 401)", false),
        (page(502), "its source did not answer: status 502", false),
        (
            page(302).with("location", "http://127.0.0.1:1/"),
            "its source did not answer: it redirects to another place (status 302)",
            false,
        ),
        (page(200), "the answer of its source cannot be read: it is not what Prometheus answers", false),
        (Reply::json(&vector(&["NaN"])), "the sample is no finite number", true),
    ] {
        let (_kubernetes, sources) = sources(PATIENT).await;
        let (prometheus, url) = StandIn::start().await;
        sources.configure(Some(&settings(&url)));
        prometheus.set(QUERY, reply);
        let query = in_namespace("a", "queue");
        let readings = sources.read(&set([query.clone()])).await;
        assert_eq!(readings.reading(&query, &[]).unwrap_err().to_string(), text);
        assert_eq!(sources.health()[&Source::Prometheus] == Health::Answers, answers, "{text}");
    }
    let (_kubernetes, sources) = sources(PATIENT).await;
    let (prometheus, url) = StandIn::start().await;
    sources.configure(Some(&settings(&url)));
    let query = in_namespace("a", "rtae(a[5m])");
    let why = sources.read(&set([query.clone()])).await.reading(&query, &[]).unwrap_err().to_string();
    assert!(why.contains("no function rtae()"), "{why}");
    assert_eq!(prometheus.asked(), [""; 0], "what is no PromQL is not asked");
}

#[tokio::test]
async fn a_token_is_sent_as_it_is_now_and_never_shown() {
    let (_kubernetes, sources) = sources(PATIENT).await;
    let (prometheus, url) = StandIn::start().await;
    prometheus.set(QUERY, Reply::json(&vector(&["1"])));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let own = Prometheus { bearer_token_file: Some(file.display().to_string()), ..settings(&url) };
    sources.configure(Some(&own));
    let query = in_namespace("a", "queue");
    for token in ["hunter2", "hunter3\n"] {
        std::fs::write(&file, token).unwrap();
        assert!(sources.read(&set([query.clone()])).await.reading(&query, &[]).is_ok());
        assert_eq!(prometheus.last_header("authorization"), Some(format!("Bearer {}", token.trim())));
        let shown = format!("{:?}", lock(&sources.prometheus));
        assert!(shown.contains("Connection") && !shown.contains("hunter"), "{shown}");
    }
    sources.configure(None);
    sources.configure(Some(&own));
    for (content, why) in [
        (Some(""), "its bearerTokenFile holds no token"),
        (Some("hunter2\nhunter3"), "its bearerTokenFile holds no token"),
        (None, "cannot be read"),
    ] {
        match content {
            Some(content) => std::fs::write(&file, content).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        prometheus.asked();
        let said = sources.read(&set([query.clone()])).await.reading(&query, &[]).unwrap_err().to_string();
        assert!(said.contains(why) && !said.contains("hunter"), "{said}");
        assert_eq!(prometheus.asked(), [""; 0], "nobody is asked without the token");
    }
}

/// A Prometheus behind TLS that always has one answer. Returns its port, and its certificate.
async fn over_tls() -> (u16, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            _ = stream.read(&mut request).await;
            let body = vector(&["1"]).to_string();
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            _ = stream.shutdown().await;
        }
    });
    (port, cert.pem())
}

#[tokio::test]
async fn certificates_are_trusted_by_the_file_that_is_named_and_by_no_other() {
    let (_kubernetes, sources) = sources(PATIENT).await;
    let ((port, pem), (_, other)) = (over_tls().await, over_tls().await);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.crt");
    let named = |file: &Path| Some(file.display().to_string());
    let query = in_namespace("a", "queue");
    let read = async |ca_file: Option<String>| {
        sources.configure(None);
        sources.configure(Some(&Prometheus { ca_file, ..settings(&format!("https://localhost:{port}")) }));
        let reading = sources.read(&set([query.clone()])).await.reading(&query, &[]);
        reading.map(|_| ()).map_err(|fault| fault.to_string())
    };
    std::fs::write(&file, &pem).unwrap();
    assert_eq!(read(named(&file)).await, Ok(()));
    std::fs::write(&file, [other.as_str(), &pem].concat()).unwrap();
    assert_eq!(read(named(&file)).await, Ok(()));
    std::fs::write(&file, &other).unwrap();
    for untrusted in [named(&file), None] {
        let why = read(untrusted).await.unwrap_err();
        assert!(why.contains("invalid peer certificate"), "{why}");
    }
    for content in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, content).unwrap();
        let why = read(named(&file)).await.unwrap_err();
        assert_eq!(why, "its source did not answer: its caFile holds no certificates in PEM", "{content}");
    }

    // A file that is mended is taken over without a word from anybody.
    let own = Prometheus { ca_file: named(&file), ..settings(&format!("https://localhost:{port}")) };
    sources.configure(Some(&own));
    assert!(sources.read(&set([query.clone()])).await.reading(&query, &[]).is_err());
    std::fs::write(&file, &pem).unwrap();
    assert!(sources.read(&set([query.clone()])).await.reading(&query, &[]).is_ok());
}
