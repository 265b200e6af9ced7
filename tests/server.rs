//! The real binary over real TLS on loopback.
#![cfg(feature = "operator")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use more of it")]
mod server {
    pub(crate) mod client;
    pub(crate) mod process;
}

use std::path::Path;
use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};
use server::client::{Client, request_head};
use server::process::{Certificate, Process};

const REVIEW: &str = include_str!("admission-reviews/002-CREATE-ModelDeployment.json");
const UID: &str = "0bc58afb-9fff-4261-9b05-2e5fad3465f1";

/// More than enough for anything that should happen at once.
const SOON: Duration = Duration::from_secs(20);

fn bad_review() -> String {
    REVIEW.replace("\"percentage\": 50", "\"percentage\": 150")
}

fn response(body: &[u8]) -> Value {
    let answer: Value = serde_json::from_slice(body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(body)));
    assert_eq!((&answer["apiVersion"], &answer["kind"]), (&json!("admission.k8s.io/v1"), &json!("AdmissionReview")));
    answer["response"].clone()
}

#[tokio::test]
async fn nothing_is_judged_before_the_cluster_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    // Nobody listens on port 1.
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n";
    std::fs::write(&kubeconfig, text).unwrap();
    let environment = [("KUBECONFIG", kubeconfig.as_path()), ("BEAMLIT_OPERATOR_STANDALONE", Path::new("false"))];
    let process = Process::start_where(&environment, &[]);
    let mut client = Client::connect(&process, &[&TLS13], false).await;
    let (status, body) = client.review("/validate", REVIEW).await;
    let refused = response(&body);
    assert_eq!((status, &refused["uid"], &refused["allowed"]), (200, &json!(UID), &json!(false)));
    assert_eq!((&refused["status"]["code"], &refused["status"]["reason"]), (&json!(503), &json!("ServiceUnavailable")));
    assert_eq!(
        refused["status"]["message"],
        "the operator does not know what else is in the cluster (not everything has been listed yet), and so judges nothing; try again"
    );
    // Where `failurePolicy: Ignore` is to pass over it, the call fails.
    let mut client = Client::connect(&process, &[&TLS13], false).await;
    assert_eq!(client.review("/mutate", REVIEW).await.0, 503);
    // What needs no judgement goes through, wherever it is asked about: deletions above all.
    let deletion = REVIEW.replace("\"operation\": \"CREATE\"", "\"operation\": \"DELETE\"");
    assert_ne!(deletion, REVIEW);
    for path in ["/mutate", "/validate", "/advise"] {
        let mut client = Client::connect(&process, &[&TLS13], false).await;
        let (status, body) = client.review(path, &deletion).await;
        assert_eq!((status, &response(&body)["allowed"]), (200, &json!(true)), "{path}");
    }
}

#[tokio::test]
async fn reviews_are_answered_over_every_http_and_every_tls() {
    let process = Process::start(&[]);
    for version in [&TLS12, &TLS13] {
        for http2 in [false, true] {
            let mut client = Client::connect(&process, &[version], http2).await;
            for path in ["/mutate?timeout=2s", "/validate?timeout=5s"] {
                let (status, body) = client.review(path, REVIEW).await;
                assert_eq!(status, 200);
                assert_eq!(response(&body)["uid"], UID);
                assert_eq!(response(&body)["allowed"], true);

                let (status, body) = client.review(path, &bad_review()).await;
                let refused = response(&body);
                assert_eq!(
                    (status, &refused["allowed"], &refused["status"]["code"]),
                    (200, &json!(false), &json!(422))
                );
                let message = refused["status"]["message"].as_str().unwrap();
                assert!(message.starts_with(
                    "ModelDeployment.deployment.beamlit.com \"my-model\" is invalid:\n* spec.offloadingConfig.behavior.percentage: Invalid value: 150: "
                ), "{message}");
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_the_next_is_answered() {
    let process = Process::start(&[]);
    let deep = |open: &str, close: &str| {
        let object = format!("{{\"spec\":{}{}}}", open.repeat(10_000), close.repeat(10_000));
        format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"CREATE",
            "kind":{{"group":"authorization.beamlit.com","version":"v1alpha1","kind":"Policy"}},"object":{object}}}}}"#
        )
    };
    let known = [
        ("truncated", REVIEW[..2000].to_owned()),
        ("nested lists", deep("[", "]")),
        ("nested maps", deep("{\"a\":", "}").replace("{\"a\":}", "{\"a\":1}")),
        (
            "duplicate key",
            REVIEW.replacen("\"model\": \"my-model\"", "\"model\": \"my-model\", \"model\": \"other\"", 1),
        ),
        ("wrong version", REVIEW.replace("admission.k8s.io/v1", "admission.k8s.io/v1beta1")),
        ("wrong kind", REVIEW.replace("AdmissionReview", "AdmissionRequest")),
        ("object missing", REVIEW.replace("\"object\":", "\"objekt\":")),
        ("NaN", REVIEW.replace("\"percentage\": 50", "\"percentage\": NaN")),
        ("trailing", format!("{REVIEW}{REVIEW}")),
    ];
    let unknown = ["", "null", "[]", "{}", "not JSON", "{\"request\":{}}", "\u{feff}{}", &"[".repeat(100_000)];
    for http2 in [false, true] {
        let mut client = Client::connect(&process, &[&TLS13], http2).await;
        for path in ["/mutate", "/validate"] {
            for (what, body) in &known {
                let (status, answer) = client.review(path, body).await;
                let answer = response(&answer);
                assert_eq!((status, &answer["allowed"]), (200, &json!(false)), "{what}");
                assert!([UID, "u"].contains(&answer["uid"].as_str().unwrap()), "{what}");
                assert_eq!(answer["status"]["code"], 400, "{what}: {answer}");
                assert_eq!(answer["status"]["reason"], "BadRequest");
            }
            for body in unknown {
                let (status, answer) = client.review(path, body).await;
                assert_eq!(status, 400, "{body:.20}");
                assert!(answer.starts_with(b"the admission review cannot be read: "), "{body:.20}");
            }
            let mut bytes = REVIEW.as_bytes().to_vec();
            let place = REVIEW.find("my-model").unwrap();
            bytes[place] = 0xff;
            let (status, answer) = client.post(path, "application/json", bytes).await;
            assert_eq!((status, &response(&answer)["status"]["code"]), (200, &json!(400)));

            assert_eq!(response(&client.review(path, REVIEW).await.1)["allowed"], true);
        }
    }
    let metrics = process.probe("/metrics").await.1;
    // Known, unknown and not UTF-8, over two protocols, to two endpoints.
    let failures = (known.len() + unknown.len() + 1) * 4;
    assert!(metrics.contains(&format!("beamlit_operator_admission_decode_failures_total {failures}\n")), "{metrics}");
}

#[tokio::test]
async fn what_is_no_review_by_its_headers_has_its_own_status() {
    let process = Process::start(&[]);
    for http2 in [false, true] {
        let mut client = Client::connect(&process, &[&TLS13], http2).await;
        assert_eq!(client.get("/validate").await.0, 405);
        assert_eq!(client.get("/nowhere").await.0, 404);
        // The probes have a port of their own.
        assert_eq!(client.get("/metrics").await.0, 404);
        assert_eq!(client.post("/validate", "text/plain", REVIEW.into()).await.0, 415);
        assert_eq!(client.review("/validate", REVIEW).await.0, 200);
    }
}

#[tokio::test]
async fn a_body_over_the_cap_is_refused_before_it_is_read() {
    let process = Process::start(&[]);
    let mut client = Client::connect(&process, &[&TLS13], false).await;
    // Nothing of the body is sent: the length alone decides.
    client.write(request_head("/validate", "content-length: 7340033\r\n").as_bytes()).await;
    assert_eq!(client.raw_status().await, 413);

    let mut client = Client::connect(&process, &[&TLS13], false).await;
    client.write(request_head("/validate", "transfer-encoding: chunked\r\n").as_bytes()).await;
    // One without a length is not begun either.
    assert_eq!(client.raw_status().await, 411);
}

#[tokio::test]
async fn a_million_policies_are_refused_in_time_and_in_measure() {
    let process = Process::start(&[]);
    let mut client = Client::connect(&process, &[&TLS13], false).await;
    let policies = |item: &str, count: usize| {
        let list = vec![item; count].join(",");
        let body = REVIEW.replacen("\"policies\": [", &format!("\"policies\": [{list},"), 1);
        assert!(body.len() < 7 * 1024 * 1024, "{}", body.len());
        body
    };
    for body in [policies("{}", 1_000_000), policies("{\"name\":1}", 500_000), policies("{\"name\":\"a\"}", 300_000)] {
        for path in ["/mutate?timeout=30s", "/validate?timeout=30s"] {
            let started = Instant::now();
            let (status, answer) = client.review(path, &body).await;
            assert_eq!(status, 200);
            assert!(answer.len() < 100_000, "{}", answer.len());
            assert_eq!(response(&answer)["uid"], UID);
            assert!(started.elapsed() < SOON);
        }
    }
    let (_, answer) = client.review("/validate?timeout=30s", &policies("{\"name\":1}", 300_000)).await;
    let refused = response(&answer);
    assert_eq!(refused["status"]["code"], 422);
    assert_eq!(refused["status"]["details"]["causes"].as_array().unwrap().len(), 11);
    let (_, answer) = client.review("/validate", REVIEW).await;
    assert_eq!(response(&answer)["allowed"], true);
}

#[tokio::test]
async fn a_slow_body_is_not_waited_for_and_gives_way_to_a_review_that_comes() {
    let process = Process::start(&["--max-in-flight=1"]);
    let slow = async |path: &str| {
        let mut slow = Client::connect(&process, &[&TLS13], false).await;
        slow.write(request_head(path, &format!("content-length: {}\r\n", REVIEW.len())).as_bytes()).await;
        slow.write(&REVIEW.as_bytes()[..1000]).await;
        process.wait_for_metric("beamlit_operator_admission_reviews_in_flight 1").await;
        slow
    };
    let mut displaced = slow("/validate?timeout=30s").await;
    // Longer than a body may take before it can be made to give way.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut client = Client::connect(&process, &[&TLS13], false).await;
    let (status, body) = client.review("/validate", REVIEW).await;
    assert_eq!((status, &response(&body)["allowed"]), (200, &json!(true)));
    let (status, body) = displaced.raw_response().await;
    let refused = response(&body);
    assert_eq!((status, &refused["uid"], &refused["allowed"]), (200, &json!(UID), &json!(false)));
    assert_eq!(
        (&refused["status"]["code"], &refused["status"]["details"]["retryAfterSeconds"]),
        (&json!(429), &json!(1))
    );
    assert!(displaced.is_closed().await);

    // What had come of a slow one is enough to answer under its uid.
    let (status, body) = slow("/validate?timeout=1s").await.raw_response().await;
    let late = response(&body);
    assert_eq!((status, &late["uid"], &late["status"]["code"]), (200, &json!(UID), &json!(504)));
    assert_eq!(client.review("/mutate", REVIEW).await.0, 200);
    assert_eq!(slow("/mutate?timeout=200ms").await.raw_response().await.0, 504);
}

#[tokio::test]
async fn neither_a_silent_connection_nor_an_idle_one_keeps_the_only_place() {
    let process = Process::start(&["--max-connections=1"]);
    let silent = std::net::TcpStream::connect(process.gate).unwrap();
    let mut idle = Client::connect(&process, &[&TLS13], false).await;
    let mut client = Client::connect(&process, &[&TLS13], false).await;
    assert_eq!(client.review("/validate", REVIEW).await.0, 200);
    assert!(idle.is_closed().await);
    drop(silent);
    process.wait_for_metric("beamlit_operator_connections_evicted_total 2").await;
}

#[tokio::test]
async fn the_probes_tell_how_it_is() {
    let process = Process::start(&[]);
    assert_eq!(process.probe("/healthz").await, (200, "ok\n".into()));
    assert_eq!(process.probe("/readyz").await, (200, "ok\n".into()));
    assert_eq!(process.probe("/validate").await.0, 404);
    Client::connect(&process, &[&TLS13], false).await.review("/validate", &bad_review()).await;
    let (status, metrics) = process.probe("/metrics").await;
    assert_eq!(status, 200);
    let line = r#"beamlit_operator_admission_reviews_total{endpoint="validate",operation="CREATE",kind="ModelDeployment",verdict="denied"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains("_bucket{le=\"0.00005\",endpoint=\"validate\"}"), "{metrics}");
}

#[tokio::test]
async fn a_review_in_flight_is_finished_when_told_to_end() {
    let mut process = Process::start(&["--shutdown-delay=1s"]);
    let mut client = Client::connect(&process, &[&TLS13], false).await;
    let mut idle = Client::connect(&process, &[&TLS13], true).await;
    assert_eq!(idle.review("/validate", REVIEW).await.0, 200);
    let head = request_head("/validate?timeout=25s", &format!("content-length: {}\r\n", REVIEW.len()));
    client.write(head.as_bytes()).await;
    client.write(&REVIEW.as_bytes()[..1000]).await;
    process.wait_for_metric("beamlit_operator_admission_reviews_in_flight 1").await;

    process.signal("TERM");
    process.wait_for_probe("/readyz", 503).await;
    // Not ready, but still there for those who have not heard of it.
    assert_eq!(Client::connect(&process, &[&TLS13], false).await.review("/validate", REVIEW).await.0, 200);
    assert_eq!(process.probe("/healthz").await.0, 200);
    assert!(idle.is_closed().await, "an idle connection is closed when the listener is");
    let started = Instant::now();
    while std::net::TcpStream::connect(process.gate).is_ok() {
        assert!(started.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    client.write(&REVIEW.as_bytes()[1000..]).await;
    let (status, body) = client.raw_response().await;
    assert_eq!((status, &response(&body)["allowed"]), (200, &json!(true)));
    assert_eq!(process.wait().code(), Some(0));
}

#[tokio::test]
async fn what_does_not_finish_is_cut_off() {
    for second_signal in [true, false] {
        let flags = if second_signal {
            ["--shutdown-delay=1h", "--shutdown-timeout=1h"]
        } else {
            ["--shutdown-delay=0", "--shutdown-timeout=300ms"]
        };
        let mut process = Process::start(&flags);
        let mut client = Client::connect(&process, &[&TLS13], false).await;
        client.write(request_head("/validate?timeout=30s", "content-length: 4000\r\n").as_bytes()).await;
        process.wait_for_metric("beamlit_operator_admission_reviews_in_flight 1").await;
        let started = Instant::now();
        process.signal("INT");
        if second_signal {
            process.wait_for_probe("/readyz", 503).await;
            process.signal("TERM");
        }
        assert_eq!(process.wait().code(), Some(1));
        assert!(started.elapsed() < SOON);
    }
}

#[test]
fn a_bad_start_says_why_in_one_line() {
    let certificate = Certificate::new();
    let other = Certificate::new();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    std::fs::write(certificate.folder().join("empty.pem"), "").unwrap();
    let empty = certificate.folder().join("empty.pem");
    let expired = Certificate::made(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let early = Certificate::made(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1));
    let missing = certificate.folder().join("missing.pem");
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("--listen={}", held.local_addr().unwrap());
    for (cert, key, listen, code, why) in [
        (&certificate.cert, &other.key, "--listen=127.0.0.1:0", 1, "does not belong to the certificate in"),
        (
            &missing,
            &certificate.key,
            "--listen=127.0.0.1:0",
            1,
            "missing.pem: cannot be read: No such file or directory",
        ),
        (&certificate.cert, &empty, "--listen=127.0.0.1:0", 1, "empty.pem: is empty, and should hold a private key"),
        (&certificate.key, &certificate.key, "--listen=127.0.0.1:0", 1, "there is no CERTIFICATE in PEM in it"),
        (&expired.cert, &expired.key, "--listen=127.0.0.1:0", 1, "the certificate expired at 2020-01-01T00:00:00Z"),
        (
            &early.cert,
            &early.key,
            "--listen=127.0.0.1:0",
            1,
            "the certificate is not valid before 4000-01-01T00:00:00Z",
        ),
        (
            &certificate.cert,
            &certificate.key,
            "--tls-name=hook.ns.svc",
            1,
            "is not for hook.ns.svc, by which the API server calls, but for localhost",
        ),
        (&certificate.cert, &certificate.key, taken.as_str(), 1, "cannot listen on 127.0.0.1:"),
        (&certificate.cert, &certificate.key, "--listen=here", 64, "invalid value 'here'"),
        (&certificate.cert, &certificate.key, "--max-in-flight=0", 64, "0 is not in 1.."),
    ] {
        let mut flags = vec![listen, "--health-listen=127.0.0.1:0"];
        if !listen.starts_with("--tls-name") {
            flags.push("--tls-name=localhost");
        }
        let (cert, key) = (path(cert), path(key));
        flags.extend(["--tls-cert", &cert, "--tls-key", &key]);
        let (status, log) = Process::run(&flags);
        assert_eq!(status.code(), Some(code), "{log}");
        assert!(log.contains(why), "{log}");
        if code == 1 {
            assert_eq!(log.lines().count(), 1, "{log}");
        }
    }
    let key = path(&certificate.key);
    for (flags, why) in [
        (vec![], "<--tls-cert <FILE>|--tls-self-managed>"),
        (vec!["--tls-cert", &key], "--tls-key <FILE>"),
        (vec!["--tls-self-managed", "--tls-cert", &key, "--tls-key", &key], "cannot be used with"),
        (vec!["--tls-self-managed", "--client-name=apiserver"], "--client-ca <FILE>"),
        (
            vec!["--tls-self-managed", "--client-ca", &key, "--client-name="],
            "a value is required for '--client-name <NAME>'",
        ),
    ] {
        let (status, said) = Process::run(&flags);
        assert_eq!(status.code(), Some(64), "{said}");
        assert!(said.contains(why), "{said}");
    }
    let (status, help) = Process::run(&["--help"]);
    assert_eq!(status.code(), Some(0));
    assert!(help.contains("--tls-cert <FILE>") && help.contains("BEAMLIT_OPERATOR_LISTEN"), "{help}");
}

#[tokio::test]
async fn the_log_names_every_review_and_no_secret() {
    const SECRET: &str = "hunter2-is-secret";
    let backend = json!({"host": "models.example.com", "scheme": "https", "headersToAdd": {"x-api-key": SECRET, "bad name": SECRET},
        "authConfig": {"type": "oauth", "oauthConfig": {"clientId": "c", "clientSecret": SECRET,
            "tokenUrl": format!("https://user:{SECRET}@auth.example.com/token")}}});
    let mut review: Value = serde_json::from_str(REVIEW).unwrap();
    let object = &mut review["request"]["object"];
    object["spec"]["offloadingConfig"]["remoteBackend"] = backend.clone();
    object["metadata"]["name"] = "forged\n{\"level\":\"INFO\"}".into();
    review["request"]["name"] = object["metadata"]["name"].clone();
    let whole = review.to_string();
    let mut reviews = vec![
        whole.clone(),
        whole.replace("oauth\"", "OAuth\""),
        whole[..whole.len() - 400].to_owned(),
        whole.replace(&format!("\"clientSecret\":\"{SECRET}\""), &format!("\"clientSecret\":[\"{SECRET}\"]")),
        whole.replace(
            &format!("\"clientSecret\":\"{SECRET}\""),
            &format!("\"clientSecret\":\"{SECRET}\",\"clientSecret\":\"{SECRET}\""),
        ),
        whole.replace(&format!("\"{SECRET}\""), &format!("\"{SECRET}\\u00\"")),
        whole.replace("\"x-api-key\"", "\"x-api-key\":{},\"y\""),
    ];
    review["request"]["object"] = SECRET.into();
    reviews.push(review.to_string());
    review["request"] = SECRET.into();
    reviews.push(review.to_string());

    for format in ["json", "text"] {
        let mut process =
            Process::start(&[&format!("--log-format={format}"), "--log-level=trace", "--shutdown-delay=0"]);
        let mut client = Client::connect(&process, &[&TLS13], false).await;
        for path in ["/mutate", "/validate"] {
            for review in &reviews {
                let (_, answer) = client.review(path, review).await;
                assert!(!String::from_utf8_lossy(&answer).contains(SECRET), "{}", String::from_utf8_lossy(&answer));
            }
        }
        drop(client);
        process.signal("TERM");
        assert_eq!(process.wait().code(), Some(0));
        let log = process.log();
        assert!(!log.contains(SECRET), "{}", log.lines().find(|line| line.contains(SECRET)).unwrap());
        if format == "json" {
            let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let of: Vec<&Value> = lines.iter().filter(|line| line["target"] == "beamlit_operator::review").collect();
            assert_eq!(of.len(), 2 * reviews.len());
            let first = of[0];
            assert_eq!(first["uid"], UID);
            assert_eq!(first["name"], "forged\\u{a}{\"level\":\"INFO\"}");
            assert_eq!((&first["kind"], &first["namespace"]), (&json!("ModelDeployment"), &json!("default")));
            assert_eq!((&first["operation"], &first["dry_run"]), (&json!("CREATE"), &json!(false)));
            assert_eq!(first["endpoint"], "mutate");
            assert!(first["duration_us"].is_u64() && first["verdict"].is_string() && first["codes"].is_string());
        } else {
            assert!(log.contains("forged\\u{a}{\"level\""), "{log}");
        }
    }
}
