//! What is left of an object that goes, or of what it was before: nothing, whenever it happens.

use super::*;
use crate::controller::memory::Reference;
use crate::controller::strays;

const NOON: &str = "2026-01-01T12:00:00Z";

/// No watch has told of the weight that was written a moment ago.
#[tokio::test]
async fn a_service_that_was_just_written_is_left_when_the_object_routes_another() {
    let mut cluster = Cluster::new();
    let name = cluster.object("m", NOON, &spec("s"));
    cluster.reconcile(&name).await.unwrap();
    cluster.decide(&name).await.unwrap();
    assert_eq!(on_services(&cluster.calls()), [("s".to_owned(), "a/m at 0".to_owned())]);
    cluster.object("m", NOON, &spec("t"));
    cluster.reconcile(&name).await.unwrap();
    assert_eq!(on_services(&cluster.calls()), [("s".to_owned(), "nobody".to_owned())]);
    cluster.decide(&name).await.unwrap();
    cluster.reconcile(&name).await.unwrap();
    assert_eq!(on_services(&cluster.calls()), [("t".to_owned(), "a/m at 0".to_owned())]);
}

/// An object that goes while its weight is decided, and waits for leave to write to what has this in its path.
async fn gone_in_the_middle_of(
    write: &'static str,
) -> (Cluster, Name, tokio::task::JoinHandle<Result<Finished, Unfinished>>, Arc<Semaphore>) {
    let mut cluster = Cluster::new();
    let name = cluster.object("m", NOON, &spec("s"));
    cluster.reconcile(&name).await.unwrap();
    cluster.calls();
    let (arrived, leave) = cluster.hold(write);
    let autoscaler = cluster.context.autoscaler(&name).unwrap();
    let deciding = tokio::spawn(autoscaler::reconcile(autoscaler, Arc::clone(&cluster.context)));
    arrived.acquire().await.unwrap().forget();
    cluster.goes(&name);
    (cluster, name, deciding, leave)
}

/// Somebody took its finalizer off while its weight was being stored.
#[tokio::test]
async fn a_decision_on_its_way_says_nothing_on_behalf_of_one_that_is_gone() {
    let (cluster, name, deciding, leave) = gone_in_the_middle_of("/status").await;
    leave.add_permits(1);
    deciding.await.unwrap().unwrap();
    assert_eq!(on_services(&cluster.calls()), []);
    assert_eq!(cluster.context.memory.outcome(&name), None);
    strays::clean(&cluster.context, &mut Default::default()).await;
    assert!(cluster.context.memory.departed().is_empty());
    assert!(cluster.context.memory.known_course(&name).is_none());
}

/// As before, while its Service was being written.
#[tokio::test]
async fn what_was_being_written_when_it_went_is_taken_back() {
    let (cluster, name, deciding, leave) = gone_in_the_middle_of("/services/").await;
    let context = Arc::clone(&cluster.context);
    let cleaning = tokio::spawn(async move { strays::clean(&context, &mut Default::default()).await });
    // One of the same name must not think to be alone with the Service either.
    assert!(cluster.context.memory.course(&name).try_lock().is_err());
    leave.add_permits(2);
    deciding.await.unwrap().unwrap();
    cleaning.await.unwrap();
    let written = on_services(&cluster.calls());
    assert_eq!(written, [("s".to_owned(), "a/m at 0".to_owned()), ("s".to_owned(), "nobody".to_owned())]);
    assert_eq!(cluster.context.memory.outcome(&name), None);
    assert!(cluster.context.memory.known_course(&name).is_none());
}

#[tokio::test]
async fn one_that_is_there_again_goes_on_with_what_was_written() {
    let mut cluster = Cluster::new();
    let name = cluster.object("m", NOON, &spec("s"));
    cluster.reconcile(&name).await.unwrap();
    cluster.decide(&name).await.unwrap();
    cluster.goes(&name);
    cluster.object("m", NOON, &spec("t"));
    strays::clean(&cluster.context, &mut Default::default()).await;
    cluster.calls();
    cluster.reconcile(&name).await.unwrap();
    assert_eq!(on_services(&cluster.calls()), [("s".to_owned(), "nobody".to_owned())]);
    assert!(cluster.context.memory.departed().is_empty());
}

#[tokio::test]
async fn one_that_went_while_it_was_reconciled_leaves_nothing_in_memory() {
    let mut cluster = Cluster::new();
    let name = cluster.object("m", NOON, &spec("s"));
    let object = cluster.context.model_deployment(&name).unwrap();
    cluster.goes(&name);
    _ = model_deployment::reconcile(object, Arc::clone(&cluster.context)).await;
    assert!(cluster.context.memory.terms(&name).is_none());
    assert!(cluster.context.memory.referring(&Reference::Service(Name::new("a", "s"))).is_empty());
}

/// Its watch is late: what was written a moment ago is not written again, and nothing is told of it again.
#[tokio::test]
async fn what_is_older_than_what_was_written_on_it_is_not_looked_at() {
    let mut cluster = Cluster::new();
    let name = cluster.object("m", NOON, &spec("s"));
    cluster.tells(&name, "5", false);
    cluster.refuse("/status", 500);
    cluster.reconcile(&name).await.unwrap_err();
    let finalizers =
        |calls: &[Call]| calls.iter().filter(|call| !call.body["metadata"]["finalizers"].is_null()).count();
    assert_eq!(finalizers(&cluster.calls()), 1);
    cluster.reconcile(&name).await.unwrap();
    assert_eq!(cluster.calls(), []);
    cluster.api.0.lock().unwrap().refused.clear();
    cluster.tells(&name, "1000", true);
    cluster.context.memory.wrote(&name, None);
    cluster.reconcile(&name).await.unwrap();
    assert!(condition(&cluster.calls(), "modeldeployments", "Ready").is_some());
    // The status has a version of its own, of which the watch has not told.
    cluster.tells(&name, "50", true);
    cluster.reconcile(&name).await.unwrap();
    assert_eq!(cluster.calls(), []);
}

/// An object that means nothing any more does not keep what nobody grants it any more.
#[tokio::test]
async fn one_at_fault_leaves_its_service_when_a_grant_is_gone() {
    let mut cluster = Cluster::new();
    let name = cluster.object("m", NOON, &spec("s"));
    cluster.endpoints("s", false);
    cluster.reconcile(&name).await.unwrap();
    cluster.decide(&name).await.unwrap();
    assert_eq!(on_services(&cluster.calls()), [("s".to_owned(), "a/m at 100".to_owned())]);
    cluster.service("s", Some(("a/m", 100)));
    let mut at_fault = spec("s");
    at_fault["serverlessConfig"] = json!({"minNumReplicas": 7});
    cluster.object("m", NOON, &at_fault);
    _ = cluster.reconcile(&name).await;
    cluster.decide(&name).await.unwrap();
    assert_eq!(on_services(&cluster.calls()), [], "what means nothing keeps its weight");
    at_fault["modelSourceRef"]["namespace"] = "b".into();
    cluster.object("m", NOON, &at_fault);
    _ = cluster.reconcile(&name).await;
    cluster.decide(&name).await.unwrap();
    assert_eq!(on_services(&cluster.calls()), [("s".to_owned(), "nobody".to_owned())]);
}

/// The failover of one Service is none of another, whose endpoints are ready.
#[tokio::test]
async fn another_service_begins_at_home() {
    let mut cluster = Cluster::new();
    let name = cluster.object("m", NOON, &spec("s"));
    cluster.endpoints("s", false);
    cluster.reconcile(&name).await.unwrap();
    cluster.decide(&name).await.unwrap();
    assert_eq!(on_services(&cluster.calls()), [("s".to_owned(), "a/m at 100".to_owned())]);
    cluster.object("m", NOON, &spec("t"));
    cluster.reconcile(&name).await.unwrap();
    cluster.decide(&name).await.unwrap();
    let calls = cluster.calls();
    assert_eq!(on_services(&calls), [("s".to_owned(), "nobody".to_owned()), ("t".to_owned(), "a/m at 0".to_owned())]);
    assert_eq!(shown(&calls).unwrap().state.unwrap()["service"], "a/t");
}
