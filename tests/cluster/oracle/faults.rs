//! Sources of metrics that fail: the weight stays, a condition says in words what is wrong, and all is well when they are.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{condition, offloads, says};
use crate::harness::metrics_api::{Answer, Sample};
use crate::harness::workload::{Workload, manifest};
use crate::harness::{Kubectl, poll};
use crate::offloading::wait_for_weight;
use crate::reconciled;

/// One way to fail, in a namespace of its own.
struct Fault {
    kubectl: Kubectl,
    namespace: String,
    how: How,
    /// What the condition says then.
    words: &'static str,
    /// All that it must leave alone.
    before: Value,
}

enum How {
    Answers(Answer),
    /// With a sample of this long from now, in minutes.
    Moment(i64),
}

fn load(value: &str) -> Sample {
    Sample::external("load", &[("model", "model")], value)
}

fn create(kubectl: &Kubectl) {
    let workload = Workload::create(kubectl, &manifest("Deployment", "model", 1), 1);
    let target = json!({"type": "Value", "value": "10"});
    let metric = json!({"type": "External", "external": {"metric": {"name": "load"}, "target": target}});
    offloads(kubectl, &workload, ("model", "Deployment"), &json!([metric]), 0);
}

/// Everything but the metrics' own condition, and the reason for the weight.
fn rest(kubectl: &Kubectl) -> Value {
    let (ofa, service) = (kubectl.get("ofa model"), kubectl.get("service model"));
    let conditions = ["Routed", "Paused"].map(|of| condition(&ofa, of));
    let status = ["currentRemoteWeight", "lastTransitionTime", "reference", "observedGeneration"];
    json!([status.map(|field| &ofa["status"][field]), conditions, ofa["spec"], service["metadata"]["annotations"]])
}

#[test]
fn a_source_that_fails_holds_the_weight_and_says_why() {
    let (simulation, _) = reconciled();
    let metrics = simulation.metrics();
    let other = r#"{"kind": "PodList", "apiVersion": "v1", "items": []}"#;
    let faults = [
        ("html", How::Answers(Answer::html()), "the answer of its source cannot be read: it is no list in JSON"),
        ("garbage", How::Answers(Answer::garbage(other)), "cannot be read: it is no ExternalMetricValueList"),
        ("unknown", How::Answers(Answer::refusal(404, "NotFound")), "its source does not know it: said by a test"),
        // Without a word on when to come back, or nobody else would be answered either.
        (
            "throttled",
            How::Answers(Answer::too_many_requests(Duration::ZERO)),
            "its source did not answer: said by a test",
        ),
        ("broken", How::Answers(Answer::refusal(500, "InternalError")), "its source did not answer: said by a test"),
        ("cut", How::Answers(Answer::Cut), "its source did not answer: the answer broke off"),
        ("late", How::Answers(Answer::Late(Duration::from_secs(3))), "its source did not answer: no answer within"),
        ("future", How::Moment(10), "the sample is of a moment"),
        ("past", How::Moment(-60), "the last sample is"),
    ];
    let create = &|(name, how, words): (&str, How, &'static str)| {
        let namespace = format!("fault-{name}");
        let kubectl = simulation.namespace(&namespace);
        metrics.set(&namespace, load("12"));
        create(&kubectl);
        Fault { kubectl, namespace, how, words, before: Value::Null }
    };
    let mut faults: Vec<Fault> = std::thread::scope(|scope| {
        let threads = faults.map(|fault| scope.spawn(move || create(fault)));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for fault in &mut faults {
        wait_for_weight(&fault.kubectl, "model", 50, "TargetReached");
        fault.before = rest(&fault.kubectl);
        match &fault.how {
            How::Answers(answer) => metrics.answer(&fault.namespace, answer.clone()),
            How::Moment(minutes) => {
                let moment = Timestamp::now() + SignedDuration::from_mins(*minutes);
                metrics.set(&fault.namespace, load("12").at(&moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
            }
        }
    }
    for Fault { kubectl, namespace, words, before, .. } in &faults {
        let failed = || {
            let ofa = kubectl.get("ofa model");
            says(&ofa, "MetricsAvailable", "False", "MetricsUnavailable", words)?;
            if ofa["status"]["reason"] == "MetricsUnavailable" { Ok(ofa) } else { Err(ofa["status"].to_string()) }
        };
        // The last answer of a source that fails counts for a minute.
        let ofa = poll(namespace, failed).or_else(|_| poll(namespace, failed)).unwrap();
        assert_eq!(ofa["status"]["targets"], "<unknown>/10", "{namespace}");
        assert_eq!(rest(kubectl), *before, "{namespace}");
        poll("the ModelDeployment to say so too", || {
            says(&kubectl.get("mdep model"), "Ready", "False", "MetricsUnavailable", words)
        })
        .unwrap();
        metrics.answer(namespace, Answer::Values);
        metrics.set(namespace, load("12"));
    }
    for Fault { kubectl, namespace, before, .. } in &faults {
        poll(namespace, || says(&kubectl.get("ofa model"), "MetricsAvailable", "True", "Available", "")).unwrap();
        wait_for_weight(kubectl, "model", 50, "TargetReached");
        assert_eq!(rest(kubectl), *before, "{namespace}");
        poll("the ModelDeployment to be ready again", || {
            says(&kubectl.get("mdep model"), "Offloading", "True", "TargetReached", "")
        })
        .unwrap();
    }
}
