//! Which pods a selector selects, and what is known of them.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use proptest::prelude::*;

use super::*;
use crate::offload::Time;
use crate::offload::evaluate::{Container, Milli, Phase, Ready, Role, Status};

fn selector(json: Value) -> Selector {
    Selector::of(&serde_json::from_value(json).unwrap()).unwrap()
}

fn app(of: &str) -> Selector {
    selector(json!({"matchLabels": {"app": of}}))
}

fn pod(name: &str, labels: &Value) -> Value {
    json!({"metadata": {"namespace": "ns", "name": name, "labels": labels}, "spec": {"containers": [{"name": "c"}]}})
}

fn names(driven: &Driven, selector: &Selector) -> Vec<String> {
    driven.view.pods("ns", selector).unwrap().into_iter().map(|pod| pod.name).collect()
}

#[test]
fn of_a_pod_what_an_hpa_looks_at_is_known() {
    let driven = Driven::empty();
    let requests = |cpu: &str| json!({"requests": {"cpu": cpu, "memory": "1Gi"}, "limits": {"cpu": "9"}});
    let pod = json!({
        "metadata": {"namespace": "ns", "name": "p", "labels": {"app": "a"}, "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {
            "containers": [{"name": "main", "image": "i", "resources": requests("1500m")}, {"name": "bare"}],
            "initContainers": [
                {"name": "once", "resources": requests("2")},
                {"name": "sidecar", "restartPolicy": "Always", "resources": requests("100m")},
                {"name": "odd", "restartPolicy": "Never"},
            ],
            "resources": {"requests": {"cpu": "4"}},
            "overhead": {"cpu": "250m"},
            "nodeName": "n",
        },
        "status": {"phase": "Running", "startTime": "1970-01-01T00:00:10Z", "conditions": [
            {"type": "Initialized", "status": "True", "lastTransitionTime": "1970-01-01T00:00:11Z"},
            {"type": "Ready", "status": "False", "lastTransitionTime": "1970-01-01T00:00:12Z"},
        ]},
    });
    driven.put(&driven.inner().pods, &pod);
    let cpu = |milli| BTreeMap::from([("cpu".to_owned(), Milli(milli))]);
    let both = |milli| {
        let mut both = cpu(milli);
        both.insert("memory".to_owned(), Milli((1 << 30) * 1000));
        both
    };
    let container = |name: &str, role, requests| Container { name: name.to_owned(), role, requests };
    let expected = Pod {
        name: "p".to_owned(),
        deleting: true,
        phase: Phase::Running,
        ready: Some(Ready { status: Status::False, since: Time(12_000) }),
        started: Some(Time(10_000)),
        containers: vec![
            container("main", Role::Main, both(1500)),
            container("bare", Role::Main, BTreeMap::new()),
            container("once", Role::Init, both(2000)),
            container("sidecar", Role::Sidecar, both(100)),
            container("odd", Role::Init, BTreeMap::new()),
        ],
        requests: cpu(4000),
        overhead: cpu(250),
    };
    assert_eq!(driven.view.pods("ns", &app("a")).unwrap(), [expected]);
    assert_eq!(driven.view.pods("other", &app("a")).unwrap(), []);
    // Nobody waits for that.
    assert_eq!(driven.told(), []);
}

#[test]
fn what_a_pod_does_not_say_is_left_open() {
    let driven = Driven::empty();
    for (status, phase, ready) in [
        (json!({}), Phase::Unknown, None),
        (json!({"phase": "Pending", "conditions": null}), Phase::Pending, None),
        (json!({"phase": "Succeeded", "conditions": []}), Phase::Succeeded, None),
        (
            json!({"phase": "Failed", "conditions": [{"type": "Ready", "status": "True"}]}),
            Phase::Failed,
            Some(Ready { status: Status::True, since: Time(0) }),
        ),
        (
            json!({"phase": "New", "conditions": [{"type": "Ready", "status": "Unknown", "lastTransitionTime": null}]}),
            Phase::Unknown,
            Some(Ready { status: Status::Unknown, since: Time(0) }),
        ),
    ] {
        let mut pod = pod("p", &json!({"app": "a"}));
        pod["status"] = status;
        driven.put(&driven.inner().pods, &pod);
        let [found] = &driven.view.pods("ns", &app("a")).unwrap()[..] else { panic!() };
        assert_eq!((found.phase, found.ready, found.started, found.deleting), (phase, ready, None, false));
    }
}

#[test]
fn pods_follow_their_labels_and_nothing_is_left_of_those_that_are_gone() {
    let driven = Driven::empty();
    let pods = &driven.inner().pods;
    for name in ["c", "a", "b"] {
        driven.put(pods, &pod(name, &json!({"app": "x", "hash": "1"})));
    }
    driven.put(pods, &pod("other", &json!({"app": "x", "hash": "2"})));
    driven.put(pods, &pod("bare", &Value::Null));
    assert_eq!(names(&driven, &app("x")), ["a", "b", "c", "other"]);
    // The pods of one template share what it says.
    assert_eq!(pods.read().shared(), (1, 3, 3));
    driven.put(pods, &pod("b", &json!({"app": "y"})));
    assert_eq!(
        (names(&driven, &app("x")), names(&driven, &app("y"))),
        (["a", "c", "other"].map(str::to_owned).into(), vec!["b".to_owned()])
    );
    for name in ["a", "b", "c", "other", "bare", "a"] {
        driven.delete(pods, &pod(name, &json!({})));
    }
    assert_eq!(names(&driven, &app("x")), [""; 0]);
    assert_eq!(pods.read().shared(), (0, 0, 0));
    assert!(driven.metric("watch_objects{resource=\"pods\"} 0"));
}

#[test]
fn a_selector_that_requires_nothing_or_what_nobody_can_read_selects_nothing() {
    let driven = Driven::empty();
    driven.put(&driven.inner().pods, &pod("p", &json!({"app": "a"})));
    for empty in [json!({}), json!({"matchLabels": {}}), json!({"matchExpressions": []})] {
        assert_eq!(names(&driven, &selector(empty)), [""; 0]);
    }
    assert_eq!(names(&driven, &Selector::none()), [""; 0]);
    for unreadable in [
        json!({"key": "app", "operator": "Is", "values": ["a"]}),
        json!({"key": "app", "operator": "In"}),
        json!({"key": "app", "operator": "NotIn", "values": []}),
        json!({"key": "app", "operator": "Exists", "values": ["a"]}),
        json!({"key": "app", "operator": "DoesNotExist", "values": ["a"]}),
    ] {
        let given: LabelSelector = serde_json::from_value(json!({"matchExpressions": [unreadable]})).unwrap();
        let error = Selector::of(&given).unwrap_err().to_string();
        assert_eq!(error, "the selector has an expression that cannot be read, of the label `app`");
    }
}

#[test]
fn the_text_of_a_selector_is_what_the_api_server_takes() {
    let selector = selector(json!({"matchLabels": {"b": "2", "a": ""}, "matchExpressions": [
        {"key": "c", "operator": "NotIn", "values": ["y", "x", "y"]},
        {"key": "d/e", "operator": "Exists"},
        {"key": "f", "operator": "DoesNotExist"},
        {"key": "g", "operator": "In", "values": ["z"]},
    ]}));
    assert_eq!(selector.to_string(), "a=,b=2,c notin (x,y),d/e,!f,g in (z)");
}

/// Keys of which one begins like another, and values of which one is empty.
const KEYS: [&str; 4] = ["a", "aa", "b", "b/a"];
const VALUES: [&str; 3] = ["", "1", "11"];

fn labels() -> impl Strategy<Value = BTreeMap<&'static str, &'static str>> {
    proptest::collection::btree_map(proptest::sample::select(&KEYS), proptest::sample::select(&VALUES), 0..4)
}

#[derive(Clone, Debug)]
enum Event_ {
    Put(usize, BTreeMap<&'static str, &'static str>),
    Delete(usize),
}

fn event() -> impl Strategy<Value = Event_> {
    let delete = (0..12_usize).prop_map(Event_::Delete);
    prop_oneof![3 => (0..12_usize, labels()).prop_map(|(pod, labels)| Event_::Put(pod, labels)), 1 => delete]
}

fn requirement() -> impl Strategy<Value = Value> {
    let values = proptest::collection::btree_set(proptest::sample::select(&VALUES), 1..3);
    (proptest::sample::select(&KEYS), proptest::sample::select(&["In", "NotIn", "Exists", "DoesNotExist"]), values)
        .prop_map(|(key, operator, values)| match operator {
            "In" | "NotIn" => json!({"key": key, "operator": operator, "values": values}),
            _ => json!({"key": key, "operator": operator}),
        })
}

/// As the documentation of LabelSelector has it.
fn selects(selector: &Value, labels: &BTreeMap<&str, &str>) -> bool {
    let equal = selector["matchLabels"].as_object().unwrap();
    let mut expressions = selector["matchExpressions"].as_array().unwrap().iter();
    equal.iter().all(|(key, value)| labels.get(&**key).copied() == value.as_str())
        && expressions.all(|expression| {
            let values: BTreeSet<&str> =
                expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let value = labels.get(expression["key"].as_str().unwrap());
            match expression["operator"].as_str().unwrap() {
                "In" => value.is_some_and(|value| values.contains(value)),
                "NotIn" => value.is_none_or(|value| !values.contains(value)),
                "Exists" => value.is_some(),
                _ => value.is_none(),
            }
        })
}

proptest! {
    #[test]
    fn the_index_finds_what_a_look_at_every_pod_finds(
        events in proptest::collection::vec(event(), 0..60),
        equal in labels(),
        expressions in proptest::collection::vec(requirement(), 0..3),
    ) {
        let driven = Driven::empty();
        let pods = &driven.inner().pods;
        let mut all = BTreeMap::new();
        for event in events {
            match event {
                Event_::Put(number, labels) => {
                    driven.put(pods, &pod(&format!("p{number:02}"), &json!(labels)));
                    all.insert(number, labels);
                }
                Event_::Delete(number) => {
                    driven.delete(pods, &pod(&format!("p{number:02}"), &json!({})));
                    all.remove(&number);
                }
            }
        }
        let given = json!({"matchLabels": equal, "matchExpressions": expressions});
        let empty = equal.is_empty() && expressions.is_empty();
        let expected = all.iter().filter(|(_, labels)| !empty && selects(&given, labels));
        let expected: Vec<String> = expected.map(|(number, _)| format!("p{number:02}")).collect();
        prop_assert_eq!(names(&driven, &selector(given)), expected);
        let groups: BTreeSet<_> = all.values().collect();
        let labels: BTreeSet<_> = all.values().flatten().collect();
        prop_assert_eq!(pods.read().shared(), (usize::from(!all.is_empty()), groups.len(), labels.len()));
    }
}
