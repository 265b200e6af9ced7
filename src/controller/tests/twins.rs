//! Two objects that claim the same: the one that was there first keeps it.

use super::*;

const NOON: &str = "2026-01-01T12:00:00Z";
const LATER: &str = "2026-01-01T12:00:01Z";

#[tokio::test]
async fn the_later_of_two_is_contested_and_says_of_whom() {
    let mut cluster = Cluster::new();
    // By name the later one would come first.
    let first = cluster.object("z-first", NOON, &spec("s"));
    let later = cluster.object("a-later", LATER, &spec("s"));
    cluster.reconcile(&first).await.unwrap();
    cluster.reconcile(&later).await.unwrap();
    cluster.calls();
    for name in [&first, &later] {
        cluster.decide(name).await.unwrap();
        cluster.reconcile(name).await.unwrap();
    }
    let calls = cluster.calls();
    assert_eq!(on_services(&calls), [("s".to_owned(), "a/z-first at 0".to_owned())]);
    let (status, reason, message) = condition(&calls, "modeldeployments/a-later", "Ready").unwrap();
    assert_eq!((status.as_str(), reason.as_str()), ("False", "Contested"));
    for said in
        ["spec.model", "ModelDeployment \"z-first\" serves it in environment \"production\"", "routes this Service"]
    {
        assert!(message.contains(said), "{message}");
    }
    let ready = condition(&calls, "modeldeployments/z-first", "Ready").unwrap();
    assert_eq!((ready.0.as_str(), ready.1.as_str()), ("True", "Ready"));
}

/// The later object was looked at before the older one was there, or has run for long.
#[tokio::test]
async fn the_older_takes_its_service_over_and_is_never_disturbed() {
    for at_fault in [false, true] {
        let mut cluster = Cluster::new();
        cluster.service("s", Some(("a/later", 50)));
        let first = cluster.object("first", NOON, &spec("s"));
        let mut theirs = spec("s");
        if at_fault {
            theirs["serverlessConfig"] = json!({"minNumReplicas": 7});
        }
        let later = cluster.object("later", LATER, &theirs);
        // Nobody has looked at the later one yet.
        cluster.reconcile(&first).await.unwrap();
        cluster.decide(&first).await.unwrap();
        assert_eq!(on_services(&cluster.calls()), [("s".to_owned(), "a/first at 0".to_owned())], "{at_fault}");
        // No watch has told of it: the later one asks for what it wrote itself to be gone, and for no more.
        _ = cluster.reconcile(&later).await;
        _ = cluster.decide(&later).await;
        let calls = cluster.calls();
        assert_eq!(on_services(&calls), [("s".to_owned(), "nobody".to_owned())], "{at_fault}");
        for call in calls.iter().filter(|call| call.path.contains("/services/")) {
            assert_eq!(call.body["metadata"]["resourceVersion"], "7");
        }
        cluster.service("s", Some(("a/first", 0)));
        for name in [&later, &first] {
            _ = cluster.decide(name).await;
        }
        assert_eq!(on_services(&cluster.calls()), []);
    }
}

#[tokio::test]
async fn a_service_is_not_taken_from_whom_it_belongs_to_nor_in_the_middle_of_a_decision() {
    let mut cluster = Cluster::new();
    cluster.service("s", Some(("a/later", 50)));
    let first = cluster.object("first", NOON, &spec("s"));
    let later = cluster.object("later", LATER, &spec("s"));
    cluster.reconcile(&first).await.unwrap();
    cluster.reconcile(&later).await.unwrap();
    let course = cluster.context.memory.course(&later);
    let deciding = course.lock().await;
    cluster.decide(&first).await.unwrap();
    assert_eq!(on_services(&cluster.calls()), []);
    drop(deciding);
    cluster.decide(&first).await.unwrap();
    assert_eq!(on_services(&cluster.calls()), [("s".to_owned(), "a/first at 0".to_owned())]);
}
