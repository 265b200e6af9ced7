//! What people are shown of metrics: what was read at once, and no alarm about what nobody has asked yet.

use super::*;
use crate::controller::metrics::Readings;
use crate::offload::evaluate::Fault;

const NOON: &str = "2026-01-01T12:00:00Z";

async fn failing_over(cluster: &mut Cluster) -> Name {
    let mut external = spec("s");
    external["offloadingConfig"]["metrics"] = json!([{"type": "External", "external":
        {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "10"}}}]);
    let name = cluster.object("m", NOON, &external);
    cluster.endpoints("s", false);
    cluster.reconcile(&name).await.unwrap();
    cluster.calls();
    name
}

fn told(cluster: &Cluster, answered: Result<i64, Fault>) -> Readings {
    let terms = cluster.context.memory.terms(&Name::new("a", "m")).unwrap();
    Readings::of_one(terms.queries[0].clone().unwrap(), answered, crate::controller::context::now())
}

#[tokio::test]
async fn a_metric_that_was_not_asked_yet_is_no_fault_and_one_that_failed_is() {
    let mut cluster = Cluster::new();
    let name = failing_over(&mut cluster).await;
    cluster.decide(&name).await.unwrap();
    let calls = cluster.calls();
    let available = condition(&calls, "offloadautoscalers", "MetricsAvailable").unwrap();
    assert_eq!((available.0.as_str(), available.1.as_str()), ("Unknown", "Pending"));
    assert_eq!(shown(&calls).unwrap().reason.as_deref(), Some("Failover"));
    cluster.reconcile(&name).await.unwrap();
    let calls = cluster.calls();
    assert_eq!(condition(&calls, "modeldeployments", "Ready").unwrap().1, "Ready");
    assert_eq!(calls.iter().filter(|call| call.body["type"] == "Warning").count(), 0, "{calls:?}");

    let failed = told(&cluster, Err(Fault::Unavailable("nobody is there".to_owned())));
    cluster.context.readings.store(Some(Arc::new(failed)));
    cluster.decide(&name).await.unwrap();
    let available = condition(&cluster.calls(), "offloadautoscalers", "MetricsAvailable").unwrap();
    assert_eq!((available.0.as_str(), available.1.as_str()), ("False", "MetricsUnavailable"));
    cluster.reconcile(&name).await.unwrap();
    assert_eq!(condition(&cluster.calls(), "modeldeployments", "Ready").unwrap().1, "MetricsUnavailable");
}

#[tokio::test]
async fn the_first_readings_are_shown_at_once_and_those_that_follow_when_they_have_rested() {
    let mut cluster = Cluster::new();
    let name = failing_over(&mut cluster).await;
    cluster.decide(&name).await.unwrap();
    let targets = |cluster: &Cluster| shown(&cluster.calls()).and_then(|status| status.targets);
    assert!(targets(&cluster).unwrap().contains("<unknown>"));
    cluster.context.readings.store(Some(Arc::new(told(&cluster, Ok(3)))));
    cluster.decide(&name).await.unwrap();
    assert_eq!(targets(&cluster).as_deref(), Some("3/10"));
    cluster.context.readings.store(Some(Arc::new(told(&cluster, Ok(7)))));
    cluster.decide(&name).await.unwrap();
    assert_eq!(targets(&cluster), None);
    // With a weight that changes, what it was decided on.
    let mut paused =
        cluster.context.memory.terms(&name).map(|terms| super::super::terms::Terms::clone(&terms)).unwrap();
    paused.blocked = Some(crate::offload::observation::Blocked::Disabled);
    cluster.context.memory.set_terms(&name, Some(paused));
    cluster.decide(&name).await.unwrap();
    assert_eq!(targets(&cluster).as_deref(), Some("7/10"));
}
