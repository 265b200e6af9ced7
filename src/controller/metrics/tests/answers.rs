//! Answers, good and bad: what each is read as, and what it spoils.

use proptest::prelude::*;

use super::*;
use crate::controller::metrics::failed::Failed;
use crate::controller::metrics::list;
use crate::offload::evaluate::{PodMetrics, PodValue};

fn usages(body: &Json) -> Result<Answer, Failed> {
    list::usages(body.to_string().as_bytes(), &["models"]).map(|mut all| Answer::Usage(all.remove(0)))
}

fn values(body: &Json) -> Result<Answer, Failed> {
    list::pods(body.to_string().as_bytes(), "models").map(Answer::Pods)
}

fn unreadable<T>(why: &str) -> Result<T, Fault> {
    Err(Fault::Unreadable(why.to_owned()))
}

#[test]
fn the_usage_of_pods_as_metrics_server_writes_it() {
    let body = r#"{"kind":"PodMetricsList","apiVersion":"metrics.k8s.io/v1beta1","metadata":{},"items":[
        {"metadata":{"name":"a","namespace":"models","creationTimestamp":"2026-11-30T10:00:07Z","labels":{"app":"a"}},
         "timestamp":"2026-11-30T10:00:00Z","window":"10.062s","containers":[
            {"name":"main","usage":{"cpu":"1203498n","memory":"12452Ki"}},{"name":"side\u002dcar","usage":{"cpu":"0","memory":"0"}}]},
        {"metadata":{"name":"b","namespace":"models"},"timestamp":"2026-11-30T11:00:00.25+01:00","window":"1m0s","containers":[]}]}"#;
    let answer = Answer::Usage(list::usages(body.as_bytes(), &["models"]).unwrap().remove(0));
    let reading = answer.reading(&pods(&["b", "a", "c"])).unwrap();
    let usage = |cpu: i64, memory: i64| [("cpu".to_owned(), Milli(cpu)), ("memory".to_owned(), Milli(memory))].into();
    assert_eq!(
        reading.samples,
        Samples::Resource(vec![
            PodMetrics {
                pod: "b".to_owned(),
                timestamp: Time(TAKEN_MILLIS.0 + 250),
                window: Duration::from_mins(1),
                containers: vec![],
            },
            PodMetrics {
                pod: "a".to_owned(),
                timestamp: TAKEN_MILLIS,
                window: Duration::from_millis(10_062),
                containers: vec![
                    ("main".to_owned(), usage(2, 12_452 * 1_024_000)),
                    ("side-car".to_owned(), usage(0, 0)),
                ],
            },
        ])
    );
    assert_eq!(reading.resolution, Duration::from_secs(15));
}

#[test]
fn values_in_both_versions_of_custom_metrics_and_in_external_metrics() {
    let item = |window: Json| {
        let mut item = json!({"describedObject": {"kind": "Pod", "namespace": "models", "name": "a", "apiVersion": "/v1"},
            "metricName": "queue", "timestamp": TAKEN, "value": "1500m"});
        item.as_object_mut().unwrap().extend(window.as_object().unwrap().clone());
        item
    };
    for (window, expected) in [
        (json!({"windowSeconds": 60}), Some(60)),
        (json!({"window": 60}), Some(60)),
        (json!({"windowSeconds": 0}), Some(0)),
        (json!({"window": null}), None),
        (json!({}), None),
    ] {
        let value = Value { milli: Milli(1500), timestamp: TAKEN_MILLIS, window: expected.map(Duration::from_secs) };
        let body = json!({"kind": "MetricValueList", "items": [item(window.clone())]});
        let expected = Samples::Pods(vec![PodValue { pod: "a".to_owned(), value }]);
        let reading = values(&body).unwrap().reading(&pods(&["a"])).unwrap();
        assert_eq!((reading.samples, reading.resolution), (expected, Reading::RESOLUTION), "{window}");
        assert_eq!(list::object(body.to_string().as_bytes(), "Pod", "a"), Ok(value));
        let body = json!({"kind": "ExternalMetricValueList", "items": [item(window.clone()), item(window)]});
        assert_eq!(list::series(body.to_string().as_bytes()), Ok(vec![value, value]));
    }
}

#[test]
fn quantities_as_kubernetes_takes_them() {
    for (value, milli) in [
        (json!("1"), Some(1000)),
        (json!("-5m"), Some(-5)),
        (json!("1e3"), Some(1_000_000)),
        (json!("2Ki"), Some(2_048_000)),
        (json!("9223372036854775807k"), Some(i64::MAX)),
        (json!(3), Some(3000)),
        (json!(0.5), Some(500)),
        (json!("NaN"), None),
        (json!("+Inf"), None),
        (json!(""), None),
        (json!("1 "), None),
        (json!("1GB"), None),
        (json!(true), None),
        (json!(null), None),
        (json!(["1"]), None),
    ] {
        let body = json!({"kind": "ExternalMetricValueList", "items": [{"timestamp": TAKEN, "value": value}]});
        let read = list::series(body.to_string().as_bytes()).ok().map(|values| values[0].milli.0);
        assert_eq!(read, milli, "{value}");
    }
}

/// Each row: what comes in place of a list, and what people read.
#[test]
fn what_is_no_list() {
    let cut = usage_list("models", &[("a", "1")]).to_string();
    for (body, why) in [
        ("", "it ends in the middle"),
        (cut.get(..cut.len() / 2).unwrap(), "it ends in the middle"),
        ("<html><body>502 Bad Gateway</body></html>", "it is no list in JSON"),
        ("\u{0}\u{1}", "it is no list in JSON"),
        ("null", "it is no list in JSON"),
        ("[]", "it is no PodMetricsList"),
        ("\"secret\"", "it is no list in JSON"),
        ("{}", "it is no PodMetricsList"),
        (r#"{"kind":"Status","status":"Failure","message":"secret","code":500}"#, "it is no PodMetricsList"),
        (r#"{"kind":"NodeMetricsList","items":[]}"#, "it is no PodMetricsList"),
        (r#"{"kind":["PodMetricsList"],"items":[]}"#, "it is no PodMetricsList"),
        (r#"{"kind":"PodMetricsList"}"#, "it has no items"),
        (r#"{"kind":"PodMetricsList","items":{}}"#, "it is no list in JSON"),
        (r#"{"kind":"PodMetricsList","items":[]}{}"#, "it is no list in JSON"),
        (r#"{"kind":"PodMetricsList","items":[],"items":[]}"#, "it is no list in JSON"),
    ] {
        let read = list::usages(body.as_bytes(), &["models"]);
        assert_eq!(read, Err(Failed::Unreadable(why.to_owned())), "{body}");
    }
    assert_eq!(list::usages(b"\xff\xfe", &[]), Err(Failed::Unreadable("it is no text".to_owned())));
    // As Go writes a list without items.
    assert!(list::usages(br#"{"kind":"PodMetricsList","items":null}"#, &["models"]).is_ok());
}

/// Each row: the item of one pod, and what it spoils: that pod, and its neighbour never.
#[test]
fn an_item_that_cannot_be_read_spoils_its_pod_only() {
    let good = usage_list("models", &[("good", "7m")])["items"][0].clone();
    let bad = |field: &str, value: Json| {
        let mut item = usage_list("models", &[("bad", "1")])["items"][0].clone();
        item[field] = value;
        item
    };
    let timestamp = "the timestamp is missing or cannot be read";
    let (window, containers) = ("the window cannot be read", "the containers cannot be read");
    for (item, why) in [
        (bad("timestamp", json!(null)), timestamp),
        (bad("timestamp", json!("yesterday")), timestamp),
        (bad("timestamp", json!(1_796_032_800)), timestamp),
        (bad("timestamp", json!("2026-11-30")), timestamp),
        (bad("window", json!("15")), window),
        (bad("window", json!("-15s")), window),
        (bad("window", json!(15)), window),
        (bad("window", json!(null)), window),
        (bad("containers", json!({"name": "main"})), containers),
        (bad("containers", json!([{"usage": {}}])), containers),
        (bad("containers", json!([{"name": "main", "usage": "1"}])), containers),
        (bad("containers", json!([null])), containers),
        // Of these nobody knows whom they concern; it may be this pod.
        (bad("metadata", json!(null)), "an item has no name"),
        (bad("metadata", json!({"namespace": "models"})), "an item has no name"),
        (bad("metadata", json!({"name": "", "namespace": "models"})), "an item has no name"),
        (bad("metadata", json!({"name": 5, "namespace": "models"})), "an item has no name"),
        (json!(null), "an item is no object"),
        (json!("bad"), "an item is no object"),
        (json!([1, 2]), "an item has no name"),
    ] {
        for items in [[item.clone(), good.clone()], [good.clone(), item.clone()]] {
            let answer = usages(&json!({"kind": "PodMetricsList", "items": items})).unwrap();
            assert_eq!(cpu(answer.reading(&pods(&["good", "bad"]))), owned(&[("good", 7)]), "{item}");
            assert_eq!(cpu(answer.reading(&pods(&["bad"]))), unreadable(why), "{item}");
        }
    }
}

#[test]
fn a_quantity_that_cannot_be_read_spoils_its_resource_only() {
    let mut body = usage_list("models", &[("a", "7m")]);
    body["items"][0]["containers"][0]["usage"]["memory"] = json!("lots");
    let reading = usages(&body).unwrap().reading(&pods(&["a"])).unwrap();
    let Samples::Resource(pods) = reading.samples else { panic!("{reading:?}") };
    assert_eq!(pods[0].containers, [("main".to_owned(), [("cpu".to_owned(), Milli(7))].into())]);
}

#[test]
fn a_value_that_cannot_be_read_spoils_its_pod_only() {
    let good = value_list("Pod", "models", &[("good", "7m")])["items"][0].clone();
    let bad = |pointer: &str, value: Json| {
        let mut item = value_list("Pod", "models", &[("bad", "1")])["items"][0].clone();
        *item.pointer_mut(pointer).unwrap() = value;
        item
    };
    for (item, why) in [
        (bad("/value", json!("NaN")), "the value is missing or no quantity"),
        (bad("/value", json!(null)), "the value is missing or no quantity"),
        (bad("/timestamp", json!("0000")), "the timestamp is missing or cannot be read"),
        (bad("/windowSeconds", json!(-1)), "the window cannot be read"),
        (bad("/windowSeconds", json!("60s")), "the window cannot be read"),
        (bad("/describedObject", json!(null)), "an item has no name"),
        (bad("/describedObject/name", json!(null)), "an item has no name"),
        (bad("/describedObject/kind", json!("Service")), "an item is of no pod"),
        (bad("/describedObject/namespace", json!("other")), "an item is of another namespace"),
        (json!(17), "an item is no object"),
    ] {
        let answer = values(&json!({"kind": "MetricValueList", "items": [item, good]})).unwrap();
        let good = Samples::Pods(vec![PodValue { pod: "good".to_owned(), value: sample(7) }]);
        assert_eq!(answer.reading(&pods(&["bad", "good"])).unwrap().samples, good, "{item}");
        assert_eq!(answer.reading(&pods(&["bad"])), unreadable(why), "{item}");
    }
}

#[test]
fn pods_of_other_workloads_and_namespaces_are_not_ours() {
    let mut body = usage_list("models", &[("a", "1m"), ("b", "2m")]);
    let other = usage_list("other", &[("a", "100m"), ("c", "3m")]);
    body["items"].as_array_mut().unwrap().extend(other["items"].as_array().unwrap().clone());
    let answer = usages(&body).unwrap();
    assert_eq!(cpu(answer.reading(&pods(&["a", "c"]))), owned(&[("a", 1)]));
    assert_eq!(cpu(answer.reading(&[])), owned(&[]));
    let all = list::usages(body.to_string().as_bytes(), &["other", "none"]).unwrap();
    let [other, none] = [0, 1].map(|place| Answer::Usage(all[place].clone()));
    assert_eq!(cpu(other.reading(&pods(&["a", "c"]))), owned(&[("a", 100), ("c", 3)]));
    assert_eq!(cpu(none.reading(&pods(&["a"]))), owned(&[]), "that there is nothing is an answer");
}

#[test]
fn of_a_pod_that_is_listed_twice_the_newer_counts() {
    let item = |cpu: &str, at: Option<&str>| {
        let mut item = usage_list("models", &[("a", cpu)])["items"][0].clone();
        item["timestamp"] = json!(at);
        item
    };
    let (older, newer) = (Some("2026-11-30T10:00:00Z"), Some("2026-11-30T10:00:15Z"));
    for (first, second, milli) in [
        (item("1m", older), item("2m", newer), 2),
        (item("2m", newer), item("1m", older), 2),
        // As in the HPA.
        (item("1m", newer), item("2m", newer), 2),
        (item("1m", None), item("2m", older), 2),
        (item("2m", older), item("1m", None), 2),
    ] {
        let answer = usages(&json!({"kind": "PodMetricsList", "items": [first, second]})).unwrap();
        assert_eq!(cpu(answer.reading(&pods(&["a"]))), owned(&[("a", milli)]));
    }
}

#[test]
fn a_list_that_is_a_part_of_one() {
    let part = |mut body: Json| {
        body["metadata"] = json!({"continue": "token", "remainingItemCount": 3});
        body
    };
    let why = "it is only a part of the list";
    let answer = usages(&part(usage_list("models", &[("a", "1m")]))).unwrap();
    assert_eq!(cpu(answer.reading(&pods(&["a", "b"]))), owned(&[("a", 1)]));
    assert_eq!(cpu(answer.reading(&pods(&["b"]))), unreadable(why));
    let answer = values(&part(value_list("Pod", "models", &[("a", "1m")]))).unwrap();
    assert!(answer.reading(&pods(&["a", "b"])).is_ok());
    assert_eq!(answer.reading(&pods(&["b"])), unreadable(why));
    // What is summed must be whole.
    let series = part(series_list(&["1"])).to_string();
    assert_eq!(list::series(series.as_bytes()), Err(Failed::Unreadable(why.to_owned())));
    let whole = |metadata: Json| json!({"kind": "PodMetricsList", "metadata": metadata, "items": []});
    for metadata in [json!(null), json!({}), json!({"continue": ""}), json!({"continue": null}), json!(5)] {
        let answer = usages(&whole(metadata.clone())).unwrap();
        assert_eq!(cpu(answer.reading(&pods(&["a"]))), owned(&[]), "{metadata}");
    }
}

#[test]
fn one_object_is_asked_for_and_one_is_to_be_answered() {
    let object = |body: Json| list::object(body.to_string().as_bytes(), "Service", "main");
    let of = |kind: &str, objects: &[(&str, &str)]| value_list(kind, "models", objects);
    assert_eq!(object(of("Service", &[("main", "5")])), Ok(sample(5000)));
    assert_eq!(object(of("Service", &[])), Err(Failed::Answered(Fault::NoSeries)));
    let unreadable = |why: &str| Err(Failed::Unreadable(why.to_owned()));
    assert_eq!(object(of("Service", &[("main", "5"), ("main", "5")])), unreadable("it is of several objects"));
    assert_eq!(object(of("Service", &[("other", "5")])), unreadable("it is of another object"));
    assert_eq!(object(of("Pod", &[("main", "5")])), unreadable("it is of another object"));
    assert_eq!(object(of("Service", &[("main", "five")])), unreadable("the value is missing or no quantity"));
    // Some adapters describe nothing.
    let bare = json!({"kind": "MetricValueList", "items": [{"timestamp": TAKEN, "windowSeconds": 30, "value": "5"}]});
    assert_eq!(object(bare), Ok(sample(5000)));
}

/// original-defects.md: "External never sums its series."
#[test]
fn one_series_that_cannot_be_read_spoils_the_sum() {
    let series = |body: Json| list::series(body.to_string().as_bytes());
    assert_eq!(series(series_list(&["1", "2"])), Ok(vec![sample(1000), sample(2000)]));
    assert_eq!(series(series_list(&[])), Ok(vec![]));
    let why = "the value is missing or no quantity";
    assert_eq!(series(series_list(&["1", "x"])), Err(Failed::Unreadable(why.to_owned())));
}

/// Something like an answer, somewhere wrong.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let bodies = [
        usage_list("models", &[("a", "1m"), ("b", "2")]),
        value_list("Pod", "models", &[("a", "1m"), ("b", "2")]),
        series_list(&["1", "2Ki"]),
    ]
    .map(|body| body.to_string().into_bytes());
    let change =
        (any::<prop::sample::Index>(), prop_oneof![any::<u8>(), "[0-9{}\\[\\]\",:nul]".prop_map(|c| c.as_bytes()[0])]);
    (prop::sample::select(bodies.to_vec()), prop::collection::vec(change, 0..6)).prop_map(|(mut body, changes)| {
        for (index, byte) in changes {
            let at = index.index(body.len());
            body[at] = byte;
        }
        body
    })
}

proptest! {
    #[test]
    fn no_bytes_do_harm(body in prop_oneof![mangled(), prop::collection::vec(any::<u8>(), 0..200)]) {
        let pods = pods(&["a", "b"]);
        let usages = list::usages(&body, &["models"]).map(|mut all| Answer::Usage(all.remove(0)));
        let values = list::pods(&body, "models").map(Answer::Pods);
        let object = list::object(&body, "Pod", "a").map(Answer::Object);
        let series = list::series(&body).map(Answer::External);
        for answer in [usages, values, object, series] {
            let reading = answer.map_err(|failed| failed.fault()).and_then(|answer| answer.reading(&pods));
            if let Err(fault) = reading {
                prop_assert!(fault.to_string().len() < 100, "{fault}");
            }
        }
    }
}
