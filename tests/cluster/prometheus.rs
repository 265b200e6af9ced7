//! Metrics from Prometheus: a real one that answers and goes, and one that answers nonsense.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::beamlit::wait_for;
use crate::harness::prometheus::Prometheus;
use crate::harness::prometheus_stand_in::{PrometheusStandIn, Says};
use crate::harness::{ControlPlane, poll};
use crate::offloading::wait_for_weight;
use crate::reconciler::{failover_only, replica, serve, version, written_since};
use crate::troubled;

/// The flag for a configuration with this Prometheus.
pub(crate) fn configured(plane: &ControlPlane, url: &str) -> String {
    let file = plane.folder().path().join("sources.yaml");
    let configuration = json!({"apiVersion": "config.beamlit.com/v1alpha1", "kind": "OperatorConfiguration",
        "prometheus": {"url": url}});
    std::fs::write(&file, configuration.to_string()).unwrap();
    format!("--config={}", file.display())
}

/// A metric by its name, and a target that is reached at 90.
pub(crate) fn by_name(metric: &str) -> Value {
    json!({"type": "External", "external": {"metric": {"name": metric}, "target": {"type": "Value", "value": "90"}}})
}

#[test]
fn a_prometheus_is_asked_and_its_outage_holds_the_weight() {
    let plane = troubled();
    let kubectl = plane.namespace("prometheus");
    serve(&kubectl, "model");
    let prometheus = Prometheus::start(plane.folder(), "prometheus").unwrap();
    prometheus.expose("queue_depth{queue=\"a\"} 30\nqueue_depth{queue=\"b\"} 10\n");
    let flag = configured(&plane, &format!("http://127.0.0.1:{}", prometheus.port));
    let operator = replica(&plane, "prometheus-operator", &[flag]);
    let mut model = failover_only(&kubectl, "model");
    // One by an expression, and one by a name and a selector.
    model["spec"]["offloadingConfig"]["metrics"] = json!([
        {"type": "External", "external": {"metric": {"name": "sum(queue_depth)"}, "target": {"type": "Value", "value": "100"}}},
        {"type": "External", "external": {"metric": {"name": "queue_depth", "selector": {"matchLabels": {"queue": "b"}}},
            "target": {"type": "Value", "value": "1k"}}},
    ]);
    model["spec"]["offloadingConfig"]["behavior"]["scaleDown"] = json!({"stabilizationWindowSeconds": 0});
    kubectl.apply(&model.to_string());
    wait_for_weight(&kubectl, "model", 0, "AtHome");
    let shows = |targets: &str| {
        poll("the targets", || {
            let table = kubectl.ok("get ofa model");
            if table.contains(targets) { Ok(()) } else { Err(table) }
        })
        .unwrap();
    };
    shows("40/100, 10/1k");
    prometheus.expose("queue_depth{queue=\"a\"} 130\nqueue_depth{queue=\"b\"} 10\n");
    wait_for_weight(&kubectl, "model", 50, "TargetReached");
    // Neither an outage nor a series that ended lets go.
    drop(prometheus);
    // What it said last counts for a minute.
    sleep(Duration::from_secs(20));
    wait_for_weight(&kubectl, "model", 50, "MetricsUnavailable");
    shows("<unknown>/100");
    let said = kubectl.get("mdep model")["status"].to_string();
    assert!(said.contains("onnection refused"), "{said}");
    assert_eq!(operator.metric(r#"metric_source_up{source="prometheus"}"#).unwrap(), 0.0);
    kubectl.ok("delete mdep model --timeout=30s");
}

/// One object each for what a Prometheus can say, so that each has its own words.
#[test]
fn a_prometheus_that_answers_nonsense_holds_the_weight_and_is_believed_again_when_it_does_not() {
    let plane = troubled();
    let kubectl = plane.namespace("nonsense");
    let unreadable = "the answer of its source cannot be read: ";
    let faults = [
        ("no-number", "no_number", Says::Value("NaN"), "the sample is no finite number".to_owned()),
        ("too-much", "too_much", Says::Value("1e999"), "the sample is no finite number".to_owned()),
        ("negative", "negative", Says::Value("-1e300"), "the sample is below 0".to_owned()),
        ("words", "words", Says::Value("lots"), format!("{unreadable}a value is no moment and number")),
        ("page", "page", Says::Page, format!("{unreadable}it is not what Prometheus answers")),
        ("half", "half", Says::Half, format!("{unreadable}it ends in the middle")),
        ("silent", "silent", Says::Nothing, "its source did not answer: no answer within".to_owned()),
    ];
    let prometheus = PrometheusStandIn::start().unwrap();
    let operator = replica(&plane, "nonsense", &[configured(&plane, &prometheus.url())]);
    // As large as it gets, and a number.
    let all = faults.iter().map(|(name, metric, ..)| (*name, *metric)).chain([("largest", "largest")]);
    for (name, metric) in all.clone() {
        prometheus.says(metric, Says::Value("95"));
        serve(&kubectl, name);
        let mut model = failover_only(&kubectl, name);
        model["spec"]["offloadingConfig"]["metrics"] = json!([by_name(metric)]);
        model["spec"]["offloadingConfig"]["behavior"]["scaleDown"] = json!({"stabilizationWindowSeconds": 0});
        kubectl.apply(&model.to_string());
    }
    all.clone().for_each(|(name, _)| wait_for_weight(&kubectl, name, 50, "TargetReached"));
    let versions: Vec<Value> = all.clone().map(|(name, _)| version(&kubectl, &format!("service {name}"))).collect();

    prometheus.says("largest", Says::Value("1e300"));
    faults.iter().for_each(|(_, metric, says, _)| prometheus.says(metric, *says));
    for (name, _, _, words) in &faults {
        let unavailable = || {
            let ofa = kubectl.get(&format!("ofa {name}"));
            crate::oracle::says(&ofa, "MetricsAvailable", "False", "MetricsUnavailable", words)?;
            if ofa["status"]["reason"] == "MetricsUnavailable" { Ok(()) } else { Err(ofa["status"].to_string()) }
        };
        // What it said last counts for a minute, unless it answers.
        poll(name, unavailable).or_else(|_| poll(name, unavailable)).unwrap();
        let message = wait_for(&kubectl, &format!("mdep {name}"), "Ready", "MetricsUnavailable");
        assert!(message.contains(words), "{name}: {message}");
    }
    wait_for_weight(&kubectl, "largest", 50, "TargetReached");
    assert_eq!(operator.metric(r#"metric_source_up{source="prometheus"}"#), Ok(0.0));

    faults.iter().for_each(|(_, metric, ..)| prometheus.says(metric, Says::Value("95")));
    all.clone().for_each(|(name, _)| wait_for_weight(&kubectl, name, 50, "TargetReached"));
    // Never meanwhile was anything said of another weight.
    for ((name, _), version) in all.clone().zip(&versions) {
        assert_eq!(written_since(&kubectl, name, version), [""; 0], "{name}");
    }
    all.clone().for_each(|(_, metric)| prometheus.says(metric, Says::Value("5")));
    all.for_each(|(name, _)| wait_for_weight(&kubectl, name, 0, "AtHome"));
}
