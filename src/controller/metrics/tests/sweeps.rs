//! Sweeps over sources that answer, refuse, hang and come back.

use tokio::time::{advance, pause, resume};

use super::*;

const NO_TIME: Limits = Limits { call: Duration::from_millis(50), sweep: Duration::from_secs(60), concurrency: 8 };
const PATIENT: Limits = Limits { call: Duration::from_secs(60), sweep: Duration::from_secs(60), concurrency: 8 };

fn unavailable<T>(why: &str) -> Result<T, Fault> {
    Err(Fault::Unavailable(why.to_owned()))
}

/// Time goes on, and nobody waits for it.
async fn later(seconds: u64) {
    pause();
    advance(Duration::from_secs(seconds)).await;
    resume();
}

fn usage_path(namespace: &str) -> String {
    format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods")
}

const ALL_USAGE: &str = "/apis/metrics.k8s.io/v1beta1/pods";
const EXTERNAL: &str = "/apis/external.metrics.k8s.io/v1beta1/namespaces/models";

fn serves_external(stand_in: &StandIn) {
    stand_in.set("/apis/external.metrics.k8s.io", Reply::json(&group("external.metrics.k8s.io", &["v1beta1"])));
}

#[tokio::test]
async fn each_namespace_is_listed_once_and_many_in_one() {
    let (stand_in, sources) = sources(PATIENT).await;
    for index in 0..9 {
        let namespace = format!("ns-{index}");
        stand_in.set(&usage_path(&namespace), Reply::json(&usage_list(&namespace, &[("a", "1m")])));
    }
    let queries = |count| (0..count).map(|index| resource(&format!("ns-{index}"))).collect::<BTreeSet<_>>();
    let readings = sources.read(&queries(8)).await;
    let asked: BTreeSet<String> = stand_in.asked().into_iter().collect();
    assert_eq!(asked, (0..8).map(|index| usage_path(&format!("ns-{index}"))).collect());
    assert_eq!(cpu(readings.reading(&resource("ns-7"), &pods(&["a"]))), owned(&[("a", 1)]));
    let unasked = "it has not been asked yet";
    assert_eq!(cpu(readings.reading(&resource("ns-8"), &pods(&["a"]))), unavailable(unasked));

    let mut all = usage_list("ns-3", &[("a", "3m")]);
    all["items"].as_array_mut().unwrap().push(usage_list("unknown", &[("a", "9m")])["items"][0].clone());
    stand_in.set(ALL_USAGE, Reply::json(&all));
    let readings = sources.read(&queries(9)).await;
    assert_eq!(stand_in.asked(), [ALL_USAGE]);
    assert_eq!(cpu(readings.reading(&resource("ns-3"), &pods(&["a"]))), owned(&[("a", 3)]));
    assert_eq!(cpu(readings.reading(&resource("ns-4"), &pods(&["a"]))), owned(&[]));
    assert_eq!(sources.health()[&Source::Resource], Health::Answers);
    assert_eq!(sources.health()[&Source::Custom], Health::Unasked);
}

#[tokio::test]
async fn a_namespace_that_fails_is_alone_in_it() {
    let (stand_in, sources) = sources(PATIENT).await;
    stand_in.set(&usage_path("good"), Reply::json(&usage_list("good", &[("a", "1m")])));
    stand_in.set(&usage_path("bad"), Reply::status(500, "boom\u{202e}"));
    let readings = sources.read(&set([resource("bad"), resource("good")])).await;
    assert_eq!(cpu(readings.reading(&resource("good"), &pods(&["a"]))), owned(&[("a", 1)]));
    assert_eq!(cpu(readings.reading(&resource("bad"), &pods(&["a"]))), unavailable("boom\\u{202e}"));
    assert!(matches!(&sources.health()[&Source::Resource], Health::Fails { why, .. } if why == "boom\\u{202e}"));
}

#[tokio::test]
async fn apis_that_are_absent_say_what_is_missing() {
    let (stand_in, sources) = sources(PATIENT).await;
    let (custom, external) = (of_pods("queue", json!({})), external("queue", json!({})));
    let readings = sources.read(&set([resource("models"), custom.clone(), external.clone()])).await;
    let said = |query: &Query| readings.reading(query, &[]).unwrap_err().to_string();
    assert_eq!(
        said(&resource("models")),
        "its source did not answer: metrics.k8s.io is not served: is metrics-server installed?"
    );
    assert_eq!(
        said(&custom),
        "its source did not answer: custom.metrics.k8s.io is not served: is a metrics adapter installed?"
    );
    assert_eq!(
        said(&external),
        "its source did not answer: external.metrics.k8s.io is not served: is a metrics adapter installed, or should the operator's configuration name a Prometheus?"
    );
    for source in [Source::Resource, Source::Custom, Source::External] {
        assert!(matches!(sources.health()[&source], Health::Fails { .. }), "{source:?}");
    }
    // That an API is not there is remembered for a minute; what it is asked for then is there.
    stand_in.asked();
    sources.read(&set([external.clone()])).await;
    assert_eq!(stand_in.asked(), [""; 0]);
    serves_external(&stand_in);
    stand_in.set(&format!("{EXTERNAL}/queue"), Reply::json(&series_list(&["1"])));
    later(61).await;
    let readings = sources.read(&set([external.clone()])).await;
    assert_eq!(readings.reading(&external, &[]).unwrap().samples, Samples::External(vec![sample(1000)]));
}

#[tokio::test]
async fn custom_metrics_in_the_better_version_that_is_served() {
    for (versions, served) in
        [(&["v1beta1", "v1beta2"][..], "v1beta2"), (&["v1beta2"][..], "v1beta2"), (&["v2", "v1beta1"][..], "v1beta1")]
    {
        let (stand_in, sources) = sources(PATIENT).await;
        stand_in.set("/apis/custom.metrics.k8s.io", Reply::json(&group("custom.metrics.k8s.io", versions)));
        let path = format!("/apis/custom.metrics.k8s.io/{served}/namespaces/models/pods/*/queue");
        stand_in.set(&path, Reply::json(&value_list("Pod", "models", &[("a", "5")])));
        let query = of_pods(
            "queue",
            json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}),
        );
        for _ in 0..2 {
            let readings = sources.read(&set([query.clone()])).await;
            let samples = readings.reading(&query, &pods(&["a", "z"])).unwrap().samples;
            let value = crate::offload::evaluate::PodValue { pod: "a".to_owned(), value: sample(5000) };
            assert_eq!(samples, Samples::Pods(vec![value]));
        }
        let call = format!("{path}?metricLabelSelector=a%3Db%2Cc");
        assert_eq!(stand_in.asked(), ["/apis/custom.metrics.k8s.io", &call, &call], "{versions:?}");
    }
}

/// original-defects.md: "Object queries the scale target instead of describedObject."
#[tokio::test]
async fn the_described_object_is_asked_about_by_its_resource() {
    let (stand_in, sources) = sources(PATIENT).await;
    stand_in.set("/apis/custom.metrics.k8s.io", Reply::json(&group("custom.metrics.k8s.io", &["v1beta2"])));
    stand_in.set(
        "/api/v1",
        Reply::json(&resources(&[("pods", "Pod"), ("services/status", "Service"), ("services", "Service")])),
    );
    let networking = "networking.k8s.io";
    stand_in.set("/apis/networking.k8s.io", Reply::json(&group(networking, &["v1", "v1beta1"])));
    stand_in.set("/apis/networking.k8s.io/v1", Reply::json(&resources(&[("ingresses", "Ingress")])));
    stand_in.set(
        "/apis/networking.k8s.io/v1beta1",
        Reply::json(&resources(&[("oldies", "Ingress"), ("ipaddresses", "IPAddress")])),
    );
    let base = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/models";
    let one = |kind: &str, name: &str| Reply::json(&value_list(kind, "models", &[(name, "5")]));
    stand_in.set(&format!("{base}/services/main/rps"), one("Service", "main"));
    stand_in.set(&format!("{base}/ingresses.networking.k8s.io/main/rps"), one("Ingress", "main"));
    stand_in.set(&format!("{base}/ipaddresses.networking.k8s.io/main/rps"), one("IPAddress", "main"));
    stand_in.set(&format!("{base}/metrics/rps"), one("Namespace", "models"));

    let unknown = object("networking.k8s.io/v1", "Gateway");
    let elsewhere = object("nowhere.example.com/v1", "Thing");
    let known = [
        object("", "Service"),
        object("v1", "Service"),
        object("networking.k8s.io/v1", "Ingress"),
        // As for the HPA, the group decides.
        object("networking.k8s.io/v9", "Ingress"),
        object("networking.k8s.io/v1", "IPAddress"),
        object("v1", "Namespace"),
    ];
    let all: BTreeSet<Query> = known.iter().chain([&unknown, &elsewhere]).cloned().collect();
    let mut discoveries = Vec::new();
    for _ in 0..2 {
        let readings = sources.read(&all.clone()).await;
        for query in &known {
            assert_eq!(readings.reading(query, &[]).unwrap().samples, Samples::Object(sample(5000)), "{query:?}");
        }
        let said = |query: &Query| readings.reading(query, &[]).unwrap_err().to_string();
        assert_eq!(said(&unknown), "its source does not know it: there is no kind Gateway in networking.k8s.io");
        assert_eq!(said(&elsewhere), "its source does not know it: there is no kind Thing in nowhere.example.com");
        let asked = stand_in.asked();
        discoveries.push(asked.iter().filter(|path| !path.starts_with(base)).count());
    }
    // Each group and each of its versions once.
    assert_eq!(discoveries, [6, 0]);
    assert_eq!(sources.health()[&Source::Custom], Health::Answers, "an unknown kind is no fault of the source");

    // A kind that appears is found, in a minute.
    stand_in.set(
        "/apis/networking.k8s.io/v1",
        Reply::json(&resources(&[("ingresses", "Ingress"), ("gateways", "Gateway")])),
    );
    stand_in.set(&format!("{base}/gateways.networking.k8s.io/main/rps"), one("Gateway", "main"));
    later(61).await;
    let readings = sources.read(&all).await;
    assert!(readings.reading(&unknown, &[]).is_ok());
}

#[tokio::test]
async fn a_metric_that_its_source_does_not_know_is_no_outage() {
    let (stand_in, sources) = sources(PATIENT).await;
    serves_external(&stand_in);
    let path = format!("{EXTERNAL}/queue");
    let query = external("queue", json!({"matchLabels": {"a": "b"}}));
    stand_in.set(&path, Reply::json(&series_list(&["1", "2"])));
    let readings = sources.read(&set([query.clone()])).await;
    assert_eq!(readings.reading(&query, &[]).unwrap().samples, Samples::External(vec![sample(1000), sample(2000)]));
    assert_eq!(stand_in.asked(), ["/apis/external.metrics.k8s.io", &format!("{path}?labelSelector=a%3Db")]);
    for (status, said) in [
        (404, "its source does not know it: the server could not find the metric queue"),
        (400, "its source refuses to answer: the server could not find the metric queue"),
    ] {
        stand_in.set(&path, Reply::status(status, "the server could not find the metric queue"));
        let readings = sources.read(&set([query.clone()])).await;
        assert_eq!(readings.reading(&query, &[]).unwrap_err().to_string(), said);
        assert_eq!(sources.health()[&Source::External], Health::Answers);
    }
    stand_in.set(&path, Reply::json(&series_list(&[])));
    let readings = sources.read(&set([query.clone()])).await;
    assert_eq!(readings.reading(&query, &[]).unwrap().samples, Samples::External(vec![]), "to be judged as no series");
}

#[tokio::test]
async fn a_source_that_fails_leaves_its_last_answer_for_a_minute() {
    let (stand_in, sources) = sources(PATIENT).await;
    let query = resource("models");
    let read = async || {
        let readings = sources.read(&set([query.clone()])).await;
        (cpu(readings.reading(&query, &pods(&["a"]))), readings.fault(&query).map(ToString::to_string))
    };
    let path = usage_path("models");
    for (reply, why) in [
        (Reply::status(500, "boom"), "its source did not answer: boom"),
        (Reply::Body(200, None, b"<html>".to_vec()), "the answer of its source cannot be read: it is no list in JSON"),
        (Reply::status(403, "forbidden"), "its source did not answer: it does not allow the question (forbidden)"),
        (
            Reply::Body(404, None, b"404 page not found\n".to_vec()),
            "its source did not answer: metrics.k8s.io is not served: is metrics-server installed?",
        ),
        (
            Reply::Body(503, None, b"service unavailable\n".to_vec()),
            "its source did not answer: what its APIService names is not available",
        ),
        (Reply::BreaksOff(b"{\"kind\"".to_vec()), "its source did not answer: the answer broke off"),
    ] {
        stand_in.set(&path, Reply::json(&usage_list("models", &[("a", "1m")])));
        assert_eq!(read().await, (owned(&[("a", 1)]), None));
        stand_in.set(&path, reply);
        let (reading, fault) = read().await;
        assert_eq!(reading, owned(&[("a", 1)]));
        assert!(fault.as_ref().unwrap().starts_with(why), "{fault:?}");
        later(59).await;
        assert_eq!(read().await.0, owned(&[("a", 1)]));
        later(2).await;
        let (reading, fault) = read().await;
        assert_eq!(reading.unwrap_err().to_string(), fault.unwrap());
    }
}

#[tokio::test]
async fn health_tells_since_when() {
    let (stand_in, sources) = sources(PATIENT).await;
    let path = usage_path("models");
    let fails = async |reply: Reply| {
        stand_in.set(&path, reply);
        sources.read(&set([resource("models")])).await;
        match sources.health()[&Source::Resource].clone() {
            Health::Fails { since, why } => Some((since, why)),
            Health::Answers => None,
            Health::Unasked => panic!("it was asked"),
        }
    };
    let (since, why) = fails(Reply::status(500, "one")).await.unwrap();
    assert_eq!(why, "one");
    later(30).await;
    assert_eq!(fails(Reply::status(500, "two")).await, Some((since, "two".to_owned())));
    assert_eq!(fails(Reply::json(&usage_list("models", &[]))).await, None);
    assert!(fails(Reply::status(500, "three")).await.unwrap().0 > since);
    sources.read(&set([])).await;
    assert_eq!(sources.health()[&Source::Resource], Health::Unasked);
}

#[tokio::test]
async fn a_source_that_wants_to_be_left_alone_is() {
    let (stand_in, sources) = sources(Limits { concurrency: 1, ..PATIENT }).await;
    serves_external(&stand_in);
    let queries = set([external("a", json!({})), external("b", json!({}))]);
    let busy = Reply::status(429, "too many requests").with("retry-after", "30");
    stand_in.set(&format!("{EXTERNAL}/a"), busy.clone());
    stand_in.set(&format!("{EXTERNAL}/b"), busy);
    stand_in.set(&usage_path("models"), Reply::json(&usage_list("models", &[])));
    let why = "too many requests (it asks to be left alone for 30 s)";
    for asked in [2, 0] {
        let readings = sources.read(&queries.clone()).await;
        // The group and the one metric; the other is not asked for.
        assert_eq!(stand_in.asked().len(), asked);
        for query in &queries {
            assert_eq!(readings.reading(query, &[]), unavailable(why));
        }
        later(15).await;
    }
    // Others are none of its business.
    let readings = sources.read(&set([resource("models")])).await;
    assert!(readings.reading(&resource("models"), &[]).is_ok());
    for metric in ["a", "b"] {
        stand_in.set(&format!("{EXTERNAL}/{metric}"), Reply::json(&series_list(&["1"])));
    }
    let readings = sources.read(&queries.clone()).await;
    for query in &queries {
        assert!(readings.reading(query, &[]).is_ok());
    }
}

#[tokio::test]
async fn a_source_that_hangs_is_not_waited_for() {
    let (stand_in, sources) = sources(NO_TIME).await;
    stand_in.set(&usage_path("models"), Reply::Hangs);
    let readings = sources.read(&set([resource("models")])).await;
    assert_eq!(cpu(readings.reading(&resource("models"), &[])), unavailable("no answer within 50ms"));
}

#[tokio::test]
async fn a_sweep_ends_in_time_and_each_has_its_turn() {
    let limits = Limits { call: Duration::from_secs(60), sweep: Duration::from_millis(50), concurrency: 2 };
    let (stand_in, sources) = sources(limits).await;
    let all = BTreeSet::from(["a", "b", "c"].map(of_external));
    // Nobody says what is served, so that all of them wait.
    stand_in.set("/apis/external.metrics.k8s.io", Reply::Hangs);
    let mut cut = BTreeSet::new();
    for _ in 0..2 {
        let readings = sources.read(&all.clone()).await;
        for query in &all {
            let why = readings.reading(query, &[]).unwrap_err();
            match why.to_string().as_str() {
                "its source did not answer: no answer within the time of a sweep" => _ = cut.insert(query.clone()),
                "its source did not answer: not everything could be asked in the time of a sweep" => {}
                other => panic!("{other}"),
            }
        }
    }
    assert_eq!(cut, all, "whoever was not asked comes first the next time");
}

#[tokio::test]
async fn who_has_few_questions_does_not_wait_for_who_has_hundreds() {
    let (_stand_in, sources) = sources(PATIENT).await;
    let in_namespace = |namespace: &str, metric: String| Query::External {
        namespace: namespace.to_owned(),
        metric,
        selector: Selector::of(None),
    };
    let many = (0..300).map(|index| in_namespace("busy", format!("m{index}")));
    let all: BTreeSet<Query> = many.chain([in_namespace("calm", "m".to_owned()), resource("calm")]).collect();
    let in_turn = sources.in_turn(&all);
    assert_eq!(in_turn.len(), all.len());
    let calm: Vec<usize> =
        in_turn.iter().enumerate().filter(|(_, query)| query.namespace() == "calm").map(|(index, _)| index).collect();
    assert!(calm.iter().all(|index| *index < 4), "{calm:?}");
}

fn of_external(metric: &str) -> Query {
    external(metric, json!({}))
}

#[tokio::test]
async fn so_many_calls_at_a_time() {
    let (stand_in, sources) = sources(Limits { concurrency: 3, ..PATIENT }).await;
    serves_external(&stand_in);
    let metrics: Vec<String> = (0..20).map(|index| format!("m{index}")).collect();
    for metric in &metrics {
        stand_in.set(&format!("{EXTERNAL}/{metric}"), Reply::json(&series_list(&["1"])));
    }
    let readings = sources.read(&metrics.iter().map(|metric| of_external(metric)).collect()).await;
    for metric in &metrics {
        assert!(readings.reading(&of_external(metric), &[]).is_ok(), "{metric}");
    }
    assert!((2..=3).contains(&stand_in.most_under_way()), "{}", stand_in.most_under_way());
}

#[tokio::test]
async fn where_nobody_listens_the_rest_of_the_sweep_is_saved() {
    _ = crate::gate::tls::provider().install_default();
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let config = kube::Config::new(format!("http://{closed}").parse().unwrap());
    let sources =
        Sources::new(crate::watch::client(config).unwrap(), Limits { concurrency: 1, ..PATIENT }, Default::default());
    let all = set([of_external("a"), of_external("b")]);
    let readings = sources.read(&all.clone()).await;
    for query in &all {
        let why = readings.reading(query, &[]).unwrap_err().to_string();
        assert!(why.contains("onnection refused"), "{why}");
    }
    let tried = |query| lock(&sources.memory).known[query].tried.is_some();
    assert_eq!(all.iter().filter(|query| tried(query)).count(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_down_is_one_of_many() {
    let (stand_in, sources) = sources(Limits { concurrency: 1, ..PATIENT }).await;
    serves_external(&stand_in);
    stand_in.set(&format!("{EXTERNAL}/a"), Reply::BreaksOff(Vec::new()));
    stand_in.set(&format!("{EXTERNAL}/b"), Reply::json(&series_list(&["1"])));
    let [a, b] = ["a", "b"].map(of_external);
    let readings = sources.read(&set([a.clone(), b.clone()])).await;
    assert!(matches!(readings.reading(&a, &[]), Err(Fault::Unavailable(_))));
    assert!(readings.reading(&b, &[]).is_ok());
}

#[test]
fn a_sweep_is_over_before_the_next() {
    for (interval, call, sweep) in [(15, 5000, 10_000), (60, 5000, 55_000), (5, 1666, 3333), (1, 333, 666)] {
        let limits = Limits::every(Duration::from_secs(interval));
        assert_eq!((limits.call.as_millis(), limits.sweep.as_millis()), (call, sweep), "{interval} s");
    }
}

#[tokio::test]
async fn names_that_are_no_part_of_a_path_are_not_asked_for() {
    let (stand_in, sources) = sources(PATIENT).await;
    serves_external(&stand_in);
    for metric in ["..", ".", "", "a\nb"] {
        let query = external(metric, json!({}));
        let readings = sources.read(&set([query.clone()])).await;
        assert_eq!(readings.reading(&query, &[]), unavailable("a name in it cannot be a part of a path"), "{metric:?}");
    }
    let query = external("a b?c=d#e", json!({}));
    sources.read(&set([query])).await;
    assert_eq!(stand_in.asked().last().unwrap(), &format!("{EXTERNAL}/a%20b%3Fc=d%23e"));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let (stand_in, sources) = sources(PATIENT).await;
    stand_in.set(&usage_path("models"), Reply::Body(200, None, vec![b' '; (64 << 20) + 1]));
    let readings = sources.read(&set([resource("models")])).await;
    let why = readings.reading(&resource("models"), &[]).unwrap_err();
    assert_eq!(why, Fault::Unreadable("it is larger than 64 MiB".to_owned()));
}
