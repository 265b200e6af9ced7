use std::collections::BTreeSet;
use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::offload::decide::Reason;
use crate::telemetry::metrics::Metrics;

/// The samples whose names begin like this.
fn samples(metrics: &Metrics, prefixes: &[&str]) -> String {
    let named = |line: &&str| prefixes.iter().any(|prefix| line.starts_with(&format!("beamlit_operator_{prefix}")));
    metrics.encode().lines().filter(named).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("\n")
}

fn decided(weight: u8, reason: Reason, ratios: &[(Option<f64>, Option<f64>)]) -> Decided {
    let ratios = ratios.iter().map(|&(metric, demand)| Ratio { metric, demand }).collect();
    Decided { weight, reason, ratios }
}

#[test]
fn of_each_object_the_last_decision_is_told() {
    let metrics = Metrics::default();
    metrics.leader(true);
    metrics.decided("a", "one", decided(10, Reason::RateLimited, &[(Some(0.95), Some(1.05)), (Some(2.0), None)]));
    metrics.decided("a", "one", decided(50, Reason::TargetReached, &[(Some(0.5), Some(1.0)), (None, None)]));
    metrics.decided("b", "one", decided(100, Reason::Failover, &[(None, Some(f64::INFINITY))]));
    assert_snapshot!(samples(&metrics, &["offload_", "decisions_total", "leader"]), @r#"
    beamlit_operator_decisions_total{reason="Failover"} 1
    beamlit_operator_decisions_total{reason="RateLimited"} 1
    beamlit_operator_decisions_total{reason="TargetReached"} 1
    beamlit_operator_leader 1
    beamlit_operator_offload_demand_ratio{namespace="a",name="one",metric="0"} 1.0
    beamlit_operator_offload_metric_ratio{namespace="a",name="one",metric="0"} 0.5
    beamlit_operator_offload_reason{namespace="a",name="one",reason="TargetReached"} 1
    beamlit_operator_offload_reason{namespace="b",name="one",reason="Failover"} 1
    beamlit_operator_offload_weight{namespace="a",name="one"} 50
    beamlit_operator_offload_weight{namespace="b",name="one"} 100
    "#);

    metrics.forget("a", "one");
    metrics.forget("a", "never-there");
    assert_snapshot!(samples(&metrics, &["offload_"]), @r#"
    beamlit_operator_offload_reason{namespace="b",name="one",reason="Failover"} 1
    beamlit_operator_offload_weight{namespace="b",name="one"} 100
    "#);
}

#[test]
fn who_loses_the_lease_tells_of_no_object_queue_or_source() {
    let metrics = Metrics::default();
    assert_eq!(samples(&metrics, &["leader", "reconciles"]), "");
    metrics.leader(true);
    metrics.reconciled(Controller::Policy, Reconciled::Failed, Duration::from_millis(2));
    metrics.left_behind(LeftBehind::TimedOut);
    metrics.queue_depth(Controller::OffloadAutoscaler, 3);
    metrics.source_up(Source::Custom, false);
    metrics.source_up(Source::Prometheus, true);
    metrics.source_unused(Source::Prometheus);
    metrics.decided("a", "one", decided(0, Reason::AtHome, &[]));
    metrics.beamlit_orphans(Some(2));
    let told = [
        "leader",
        "reconciles",
        "reconcile_duration_seconds_count",
        "queue",
        "metric_source",
        "offload_",
        "beamlit_left",
        "beamlit_orphans",
    ];
    assert_snapshot!(samples(&metrics, &told), @r#"
    beamlit_operator_beamlit_left_behind_total{reason="asked"} 0
    beamlit_operator_beamlit_left_behind_total{reason="no_credentials"} 0
    beamlit_operator_beamlit_left_behind_total{reason="timed_out"} 1
    beamlit_operator_beamlit_orphans 2
    beamlit_operator_leader 1
    beamlit_operator_metric_source_up{source="custom.metrics.k8s.io"} 0
    beamlit_operator_offload_reason{namespace="a",name="one",reason="AtHome"} 1
    beamlit_operator_offload_weight{namespace="a",name="one"} 0
    beamlit_operator_queue_depth{controller="offloadautoscaler"} 3
    beamlit_operator_reconcile_duration_seconds_count{controller="policy"} 1
    beamlit_operator_reconciles_total{controller="modeldeployment",result="changed"} 0
    beamlit_operator_reconciles_total{controller="modeldeployment",result="failed"} 0
    beamlit_operator_reconciles_total{controller="modeldeployment",result="unchanged"} 0
    beamlit_operator_reconciles_total{controller="offloadautoscaler",result="changed"} 0
    beamlit_operator_reconciles_total{controller="offloadautoscaler",result="failed"} 0
    beamlit_operator_reconciles_total{controller="offloadautoscaler",result="unchanged"} 0
    beamlit_operator_reconciles_total{controller="policy",result="changed"} 0
    beamlit_operator_reconciles_total{controller="policy",result="failed"} 1
    beamlit_operator_reconciles_total{controller="policy",result="unchanged"} 0
    "#);
    metrics.leader(false);
    let told = ["leader", "queue", "metric_source", "offload_", "beamlit_orphans"];
    assert_eq!(samples(&metrics, &told), "beamlit_operator_leader 0");
}

#[test]
fn requests_are_counted_by_what_became_of_them() {
    let metrics = Metrics::default();
    let took = Duration::from_millis(30);
    metrics.metric_request(Source::Resource, Answer::Ok, took);
    metrics.metric_request(Source::External, Answer::Malformed, took);
    metrics.kubernetes_request("route", Answer::Conflict);
    assert_eq!(samples(&metrics, &["beamlit_circuit", "beamlit_token"]), "");
    metrics.beamlit_request("token", Answer::Forbidden, took);
    metrics.beamlit_circuit(true);
    metrics.beamlit_token(false);
    let told = [
        "metric_requests",
        "metric_request_duration_seconds_sum",
        "kubernetes",
        "beamlit_requests",
        "beamlit_request_duration_seconds_count",
        "beamlit_circuit",
        "beamlit_token",
    ];
    assert_snapshot!(samples(&metrics, &told), @r#"
    beamlit_operator_beamlit_circuit_open 1
    beamlit_operator_beamlit_request_duration_seconds_count 1
    beamlit_operator_beamlit_requests_total{operation="token",result="forbidden"} 1
    beamlit_operator_beamlit_token_valid 0
    beamlit_operator_kubernetes_requests_total{operation="route",result="conflict"} 1
    beamlit_operator_metric_request_duration_seconds_sum{source="external.metrics.k8s.io"} 0.03
    beamlit_operator_metric_request_duration_seconds_sum{source="metrics.k8s.io"} 0.03
    beamlit_operator_metric_requests_total{source="external.metrics.k8s.io",result="malformed"} 1
    beamlit_operator_metric_requests_total{source="metrics.k8s.io",result="ok"} 1
    "#);
    metrics.beamlit_unused();
    assert_eq!(samples(&metrics, &["beamlit_circuit", "beamlit_token"]), "");
}

#[test]
fn every_status_is_some_answer() {
    for (status, answer) in [
        (200, Answer::Ok),
        (204, Answer::Ok),
        (301, Answer::Malformed),
        (400, Answer::Refused),
        (401, Answer::Forbidden),
        (403, Answer::Forbidden),
        (404, Answer::NotFound),
        (408, Answer::TimedOut),
        (409, Answer::Conflict),
        (410, Answer::NotFound),
        (422, Answer::Refused),
        (429, Answer::Throttled),
        (500, Answer::Failed),
        (503, Answer::Failed),
        (504, Answer::TimedOut),
        (600, Answer::Malformed),
    ] {
        assert_eq!(Answer::of(status), answer, "{status}");
    }
    let words: BTreeSet<&str> = Answer::ALL.iter().map(|answer| answer.word()).collect();
    assert_eq!(words.len(), Answer::ALL.len());
}
