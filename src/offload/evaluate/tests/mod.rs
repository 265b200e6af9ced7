//! Metrics worked out by hand from the rules of the HPA (`replica_calculator.go`, `metrics/utilization.go` of Kubernetes 1.36), each
//! row named after the rule that it checks.

mod groups;
mod pods;
mod properties;
mod requests;
mod shown;
mod values;

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::*;
use crate::offload::observation::Invalid;

const NOW: Time = Time(1_800_000_000_000);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
/// The defaults of a ModelDeployment.
const TOLERANCE: Tolerance = Tolerance { up: 0.0, down: 0.1 };
/// When the samples were taken unless it is said.
const TAKEN: Time = Time(NOW.0 - 10_000);
const WINDOW: Duration = Duration::from_secs(15);

fn metric(spec: Json) -> MetricSpec {
    serde_json::from_value(spec).unwrap()
}

fn utilization(name: &str, percent: i32) -> MetricSpec {
    let target = json!({"type": "Utilization", "averageUtilization": percent});
    metric(json!({"type": "Resource", "resource": {"name": name, "target": target}}))
}

fn average(name: &str, value: &str) -> MetricSpec {
    let target = json!({"type": "AverageValue", "averageValue": value});
    metric(json!({"type": "Resource", "resource": {"name": name, "target": target}}))
}

fn of_container(container: &str, target: &Json) -> MetricSpec {
    let source = json!({"name": "cpu", "container": container, "target": target});
    metric(json!({"type": "ContainerResource", "containerResource": source}))
}

fn of_pods(value: &str) -> MetricSpec {
    let target = json!({"type": "AverageValue", "averageValue": value});
    metric(json!({"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": target}}))
}

fn of_object(target: &Json) -> MetricSpec {
    let described = json!({"apiVersion": "v1", "kind": "Service", "name": "model"});
    let source = json!({"describedObject": described, "metric": {"name": "rps"}, "target": target});
    metric(json!({"type": "Object", "object": source}))
}

fn external(target: &Json) -> MetricSpec {
    metric(json!({"type": "External", "external": {"metric": {"name": "rps"}, "target": target}}))
}

fn requests(milli: i64) -> Requests {
    ["cpu", "memory"].map(|name| (name.to_owned(), Milli(milli))).into()
}

fn container(name: &str, milli: i64) -> Container {
    Container { name: name.to_owned(), role: Role::Main, requests: requests(milli) }
}

/// A pod that has been ready for an hour, with one container that requests so much.
fn pod(name: &str, milli: i64) -> Pod {
    Pod {
        name: name.to_owned(),
        deleting: false,
        phase: Phase::Running,
        ready: Some(Ready { status: Status::True, since: NOW.before(MINUTE * 60) }),
        started: Some(NOW.before(MINUTE * 61)),
        containers: vec![container("main", milli)],
        requests: Requests::new(),
        overhead: Requests::new(),
    }
}

fn used(pod: &str, containers: &[(&str, i64)]) -> PodMetrics {
    let containers = containers.iter().map(|(name, milli)| ((*name).to_owned(), requests(*milli)));
    PodMetrics { pod: pod.to_owned(), timestamp: TAKEN, window: WINDOW, containers: containers.collect() }
}

fn value(milli: i64) -> Value {
    Value { milli: Milli(milli), timestamp: TAKEN, window: Some(WINDOW) }
}

fn pod_value(pod: &str, milli: i64) -> PodValue {
    PodValue { pod: pod.to_owned(), value: value(milli) }
}

fn reading(samples: Samples) -> Reading {
    Reading { samples, resolution: WINDOW }
}

fn resource(metrics: &[PodMetrics]) -> Reading {
    reading(Samples::Resource(metrics.to_vec()))
}

/// Four replicas by the status, whatever pods there are.
fn evaluated(metric: &MetricSpec, pods: &[Pod], reading: &Reading) -> Evaluation {
    evaluate(NOW, metric, Workload { pods, replicas: 4 }, Ok(reading), TOLERANCE)
}

/// What the HPA makes of it.
fn sampled(metric: &MetricSpec, pods: &[Pod], reading: &Reading) -> Result<(f64, bool), Fault> {
    evaluated(metric, pods, reading).outcome.map(|outcome| (outcome.hpa.ratio, outcome.hpa.undecided))
}

#[test]
fn what_follows_the_traffic() {
    let value = json!({"type": "Value", "value": "1"});
    let memory = json!({"type": "ContainerResource", "containerResource": {"name": "memory", "container": "main",
        "target": {"type": "Utilization", "averageUtilization": 90}}});
    for (metric, follows) in [
        (utilization("cpu", 90), Follows::Traffic),
        (average("cpu", "1"), Follows::Traffic),
        (average("nvidia.com/gpu", "1"), Follows::Traffic),
        (utilization("memory", 90), Follows::Nothing),
        (of_container("main", &json!({"type": "Utilization", "averageUtilization": 90})), Follows::Traffic),
        (metric(memory), Follows::Nothing),
        (of_pods("1"), Follows::Traffic),
        (of_object(&value), Follows::Nothing),
        (external(&value), Follows::Nothing),
    ] {
        let evaluation = evaluate(NOW, &metric, Workload { pods: &[], replicas: 0 }, Err(&Fault::NoNumber), TOLERANCE);
        assert_eq!(evaluation.observed(), Observed { follows, sample: Err(Invalid::Nonsense) }, "{metric:?}");
    }
}

#[test]
fn what_no_source_and_no_compiler_should_give() {
    let value = |target: Json| external(&target);
    let series = reading(Samples::External(vec![self::value(1)]));
    for (what, metric, reading, fault) in [
        ("another kind of answer", utilization("cpu", 90), series.clone(), Fault::Misplaced),
        ("no type", value(json!({"value": "1"})), series.clone(), Fault::NoTarget),
        ("a type of its own", value(json!({"type": "Ratio", "value": "1"})), series.clone(), Fault::NoTarget),
        ("no field of the type", value(json!({"type": "Value", "averageValue": "1"})), series.clone(), Fault::NoTarget),
        ("a target of 0", value(json!({"type": "Value", "value": 0})), series.clone(), Fault::NoTarget),
        ("a target below 0", value(json!({"type": "Value", "value": "-1"})), series.clone(), Fault::NoTarget),
        (
            "a target that is no quantity",
            value(json!({"type": "Value", "value": "x"})),
            series.clone(),
            Fault::NoTarget,
        ),
        ("a utilization of 0", utilization("cpu", 0), resource(&[]), Fault::NoTarget),
        (
            "a utilization of a value",
            value(json!({"type": "Utilization", "averageUtilization": 1})),
            series.clone(),
            Fault::NoTarget,
        ),
        ("no source", metric(json!({"type": "External"})), series, Fault::NoTarget),
    ] {
        assert_eq!(sampled(&metric, &[pod("a", 1000)], &reading), Err(fault), "{what}");
    }
    // A whole value of pods: each has its own.
    let target = json!({"type": "Value", "value": "1"});
    let whole = metric(json!({"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": target}}));
    let reading = reading(Samples::Pods(vec![pod_value("a", 1)]));
    assert_eq!(sampled(&whole, &[pod("a", 1000)], &reading), Err(Fault::NoTarget));
}

#[test]
fn a_source_that_does_not_answer() {
    let fault = Fault::Unavailable("connection refused".into());
    let evaluation =
        evaluate(NOW, &utilization("cpu", 90), Workload { pods: &[], replicas: 0 }, Err(&fault), TOLERANCE);
    assert_eq!(evaluation.observed().sample, Err(Invalid::Unavailable));
    assert_eq!(fault.to_string(), "its source did not answer: connection refused");
}
