//! What binds the weight binds it, whatever else fails.

use super::*;
use crate::controller::beamlit::{Client as Beamlit, Credentials, Mirror, Settings};
use crate::offload::observation::Blocked;

const NOON: &str = "2026-01-01T12:00:00Z";

/// A Beamlit that nobody asks here.
fn beamlit() -> Arc<Mirror> {
    let mut settings = Settings::new(Credentials::of("id", "secret").unwrap()).unwrap();
    settings.base = "http://127.0.0.1:9".parse().unwrap();
    Mirror::new(Beamlit::new(settings, Arc::default()).unwrap()).0
}

#[tokio::test]
async fn a_template_that_cannot_be_read_concerns_the_model_on_beamlit_alone() {
    let mut cluster = Cluster::with_beamlit(Some(beamlit()));
    cluster.refuse("/deployments/w", 500);
    let mut disabled = spec("s");
    disabled["enabled"] = false.into();
    let name = cluster.object("m", NOON, &disabled);
    let unfinished = cluster.reconcile(&name).await.unwrap_err();
    assert!(unfinished.to_string().contains("cannot read Deployment a/w"), "{unfinished}");
    let soon = Duration::from_secs(1);
    assert_eq!(unfinished.wait(|| soon), soon, "it is tried again soon");
    assert_eq!(cluster.context.memory.terms(&name).unwrap().blocked, Some(Blocked::Disabled));
    let (status, reason, message) = condition(&cluster.calls(), "modeldeployments", "Synced").unwrap();
    assert_eq!((status.as_str(), reason.as_str()), ("False", "WorkloadUnread"));
    assert!(message.contains("Deployment a/w"), "{message}");
}

/// Nobody can tell whether the workload is as it was.
#[tokio::test(start_paused = true)]
async fn a_workload_whose_watch_was_lost_is_not_told_to_beamlit_as_one_without_pods() {
    let mut cluster = Cluster::with_beamlit(Some(beamlit()));
    let name = cluster.object("m", NOON, &spec("s"));
    cluster.context.view.lose("Deployment");
    tokio::time::advance(Duration::from_secs(60)).await;
    cluster.reconcile(&name).await.unwrap_err();
    assert_eq!(condition(&cluster.calls(), "modeldeployments", "Synced").unwrap().1, "WorkloadUnread");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_judged_is_bound_all_the_same() {
    let mut cluster = Cluster::new();
    let name = cluster.object("m", NOON, &spec("s"));
    cluster.reconcile(&name).await.unwrap();
    let before = cluster.context.memory.terms(&name).unwrap();
    assert_eq!((before.blocked, &before.pause, before.rules.most), (None, &None, 100));

    let mut lowered = spec("s");
    lowered["offloadingConfig"]["behavior"] = json!({"percentage": 20});
    let mut removed = spec("s");
    removed.as_object_mut().unwrap().remove("offloadingConfig");
    let mut disabled = spec("s");
    disabled["enabled"] = false.into();
    // What it says of the rest nobody can tell, and it does not send more away.
    for (said, most, blocked) in [
        (lowered, 20, None),
        (spec("s"), 20, None),
        (disabled, 20, Some(Blocked::Disabled)),
        (removed, 20, Some(Blocked::Disabled)),
    ] {
        cluster.object("m", NOON, &said);
        cluster.context.watches.lose();
        tokio::time::advance(Duration::from_secs(60)).await;
        cluster.reconcile(&name).await.unwrap_err();
        let terms = cluster.context.memory.terms(&name).unwrap();
        assert_eq!((terms.rules.most, terms.blocked), (most, blocked), "{said}");
    }
    assert_eq!(cluster.calls().iter().filter(|call| call.method == "DELETE").count(), 0);
}

#[tokio::test]
async fn an_object_without_its_finalizer_is_bound_and_begins_nothing() {
    let mut cluster = Cluster::new();
    let name = cluster.object("m", NOON, &spec("s"));
    cluster.reconcile(&name).await.unwrap();
    cluster.refuse("finalizers", 500);
    let mut lowered = spec("s");
    lowered["offloadingConfig"]["behavior"] = json!({"percentage": 20});
    for (name, most) in [("m", Some(20)), ("new", None)] {
        let object =
            json!({"metadata": {"namespace": "a", "name": name, "uid": format!("uid-{name}")}, "spec": lowered});
        let object: Stored<ModelDeployments> = serde_json::from_value(object).unwrap();
        cluster.model_deployments.apply_watcher_event(&Event::Apply(object));
        let name = Name::new("a", name);
        cluster.reconcile(&name).await.unwrap_err();
        assert_eq!(cluster.context.memory.terms(&name).map(|terms| terms.rules.most), most);
    }
}

#[tokio::test]
async fn words_come_off_a_service_also_where_the_autoscaler_cannot_be_deleted() {
    let mut cluster = Cluster::new();
    cluster.service("s", Some(("a/m", 50)));
    cluster.refuse("offloadautoscalers", 500);
    let mut ended = spec("s");
    ended.as_object_mut().unwrap().remove("offloadingConfig");
    let name = cluster.object("m", NOON, &ended);
    cluster.reconcile(&name).await.unwrap_err();
    assert_eq!(on_services(&cluster.calls()), [("s".to_owned(), "nobody".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_watch_knew_sends_nothing_away() {
    let mut cluster = Cluster::new();
    let name = cluster.object("m", NOON, &spec("s"));
    cluster.reconcile(&name).await.unwrap();
    cluster.endpoints("s", false);
    cluster.context.view.lose("Deployment");
    tokio::time::advance(Duration::from_secs(60)).await;
    cluster.calls();
    cluster.decide(&name).await.unwrap();
    let status = shown(&cluster.calls()).unwrap();
    assert_eq!((status.current_remote_weight, status.reason.as_deref()), (Some(0), Some("LocalUnknown")));
}

/// A watch that is late, or lost, still shows what was written before the last time.
#[tokio::test]
async fn what_a_late_watch_shows_does_not_stand_in_for_what_is_to_be_written() {
    let mut cluster = Cluster::new();
    cluster.service("s", Some(("a/m", 0)));
    let name = cluster.object("m", NOON, &spec("s"));
    cluster.reconcile(&name).await.unwrap();
    cluster.endpoints("s", false);
    cluster.decide(&name).await.unwrap();
    assert_eq!(on_services(&cluster.calls()), [("s".to_owned(), "a/m at 100".to_owned())]);
    let mut disabled = spec("s");
    disabled["enabled"] = false.into();
    cluster.object("m", NOON, &disabled);
    cluster.reconcile(&name).await.unwrap();
    cluster.decide(&name).await.unwrap();
    assert_eq!(on_services(&cluster.calls()), [("s".to_owned(), "a/m at 0".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn pods_that_nobody_watches_say_nothing_and_hold_the_weight() {
    let mut cluster = Cluster::new();
    let mut of_pods = spec("s");
    of_pods["offloadingConfig"]["metrics"] = json!([{"type": "Resource", "resource":
        {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}}}]);
    let name = cluster.object("m", NOON, &of_pods);
    cluster.reconcile(&name).await.unwrap();
    let terms = cluster.context.memory.terms(&name).unwrap();
    let queries = terms.queries.iter().flatten().cloned();
    cluster.context.readings.store(Some(Arc::new(crate::controller::metrics::Readings::of_no_pods(queries))));
    let message = |cluster: &Cluster| condition(&cluster.calls(), "offloadautoscalers", "MetricsAvailable").unwrap().2;
    cluster.decide(&name).await.unwrap();
    assert!(message(&cluster).contains("the workload has no pods"));
    cluster.context.view.lose("Pod");
    tokio::time::advance(Duration::from_secs(60)).await;
    cluster.decide(&name).await.unwrap();
    let message = message(&cluster);
    assert!(message.contains("nobody can tell which pods there are"), "{message}");
    // Whether any endpoint is ready is known all the same.
    cluster.endpoints("s", false);
    cluster.decide(&name).await.unwrap();
    assert_eq!(shown(&cluster.calls()).unwrap().reason.as_deref(), Some("Failover"));
}
