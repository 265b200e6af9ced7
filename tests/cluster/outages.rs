//! The reconciler without what it asks: without the API server, alone and beside another, and on a cluster without metrics. Nothing moves
//! meanwhile, nothing is taken off a Service because its owner was not seen yet, and then everything goes on.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::operator::Operator;
use crate::harness::poll;
use crate::offloading::{cpu, wait_for_weight};
use crate::oracle;
use crate::reconciler::{failover_only, leader, ready, replica, serve, version, written_since};
use crate::troubled;

/// Longer than a leader goes on without the API server.
const OUTAGE: Duration = Duration::from_secs(15);

/// Nothing that runs in the background was started again. What a leader does is counted apart from the task that takes part in who leads,
/// which lives on when that breaks down.
#[track_caller]
fn nothing_broke_down(operator: &Operator) {
    for task in ["reconciler", "leader"] {
        let restarts = operator.metric(&format!("task_restarts_total{{task=\"{task}\"}}"));
        assert_eq!(restarts, Ok(0.0), "{task}: {}", operator.log());
    }
}

#[test]
fn without_the_api_server_nothing_moves_and_with_it_everything_goes_on() {
    let mut plane = troubled();
    let kubectl = plane.namespace("restarted");
    serve(&kubectl, "model");
    let operator = replica(&plane, "restarted", &[]);
    kubectl.apply(&failover_only(&kubectl, "model").to_string());
    wait_for_weight(&kubectl, "model", 0, "AtHome");
    plane.stop_api_server();
    sleep(OUTAGE);
    plane.start_api_server().unwrap();
    ready(&kubectl, "model", false);
    wait_for_weight(&kubectl, "model", 100, "Failover");
    nothing_broke_down(&operator);
    kubectl.ok("delete mdep model --timeout=30s");
}

#[test]
fn two_replicas_whose_api_server_was_away_agree_on_one_and_no_service_is_touched() {
    let mut plane = troubled();
    let kubectl = plane.namespace("outage");
    let names = ["away", "home"];
    names.iter().for_each(|name| serve(&kubectl, name));
    let replicas = ["outage-one", "outage-other"].map(|name| replica(&plane, name, &[]));
    for name in names {
        kubectl.apply(&failover_only(&kubectl, name).to_string());
        wait_for_weight(&kubectl, name, 0, "AtHome");
    }
    ready(&kubectl, "away", false);
    wait_for_weight(&kubectl, "away", 100, "Failover");
    let versions: Vec<Value> = names.iter().map(|name| version(&kubectl, &format!("service {name}"))).collect();
    let leading = || -> f64 { replicas.iter().map(|replica| replica.metric("leader").unwrap_or_default()).sum() };

    plane.stop_api_server();
    poll("nobody to lead any more", || if leading() < 1.0 { Ok(()) } else { Err("somebody does".to_owned()) }).unwrap();
    plane.start_api_server().unwrap();
    poll("one of the two to lead", || match leading() {
        1.0 => Ok(()),
        other => Err(other.to_string()),
    })
    .unwrap();
    // Whoever leads now has looked several times for Services that are nobody's: it does so with every sweep.
    let decisions = || -> f64 {
        replicas.iter().filter_map(|replica| replica.metric(r#"decisions_total{reason="Failover"}"#).ok()).sum()
    };
    let before = decisions();
    poll("decisions", || match decisions() {
        now if now > before + 5.0 => Ok(()),
        now => Err(format!("{before} {now}")),
    })
    .unwrap();
    for (name, version) in names.iter().zip(&versions) {
        assert_eq!(crate::reconciler::version(&kubectl, &format!("service {name}")), *version, "{name} was written");
    }
    assert_eq!(leading(), 1.0);
    assert!(!leader(&plane).is_empty());

    // The API server's history begins with what was first written after it was away.
    kubectl.ok("annotate service home example.com/outage=over");
    let now = version(&kubectl, "service home");
    ready(&kubectl, "away", true);
    ready(&kubectl, "home", false);
    wait_for_weight(&kubectl, "home", 100, "Failover");
    wait_for_weight(&kubectl, "away", 50, "Recovering");
    assert_eq!(written_since(&kubectl, "home", &now), ["100"], "one replica alone decides");
    replicas.iter().for_each(nothing_broke_down);
    kubectl.ok("delete mdep away home --timeout=30s");
}

#[test]
fn on_a_cluster_without_metrics_the_weight_is_held_and_failover_works() {
    let plane = troubled();
    let kubectl = plane.namespace("no-metrics");
    serve(&kubectl, "model");
    let operator = replica(&plane, "no-metrics", &[]);
    let mut model = failover_only(&kubectl, "model");
    let queue = json!({"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "10"}}});
    model["spec"]["offloadingConfig"]["metrics"] = json!([cpu(90), queue]);
    kubectl.apply(&model.to_string());
    wait_for_weight(&kubectl, "model", 0, "MetricsUnavailable");
    for words in ["metrics[0] (Resource): its source", "metrics[1] (Pods): its source"] {
        oracle::says(&kubectl.get("ofa model"), "MetricsAvailable", "False", "MetricsUnavailable", words).unwrap();
    }
    for source in ["metrics.k8s.io", "custom.metrics.k8s.io"] {
        assert_eq!(operator.metric(&format!("metric_source_up{{source=\"{source}\"}}")), Ok(0.0), "{source}");
    }
    ready(&kubectl, "model", false);
    wait_for_weight(&kubectl, "model", 100, "Failover");
}
