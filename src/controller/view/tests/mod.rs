//! The view, driven by what watches tell.

mod endpoints;
mod pods;
mod running;

use std::sync::Mutex;
use std::time::Duration;

use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::kept::Listed;
use super::*;
use crate::engine::compile::annotations::{LOCAL_WEIGHT, MANAGED_BY, REMOTE_BACKEND, REMOTE_WEIGHT};
use crate::watch::{Fault, Kind};

/// A view, and what it told.
struct Driven {
    view: View,
    metrics: Arc<Metrics>,
    told: Mutex<Vec<Change>>,
}

impl Driven {
    /// One of which nothing was listed yet.
    fn unlisted() -> Self {
        let metrics = Arc::new(Metrics::default());
        Self { view: View::new(Arc::clone(&metrics)), metrics, told: Mutex::default() }
    }

    /// One of an empty cluster.
    fn empty() -> Self {
        let driven = Self::unlisted();
        let Inner { pods, slices, services, workloads, .. } = driven.inner();
        driven.list(pods, &[]);
        driven.list(slices, &[]);
        driven.list(services, &[]);
        workloads.iter().for_each(|kept| driven.list(kept, &[]));
        driven.told();
        driven
    }

    fn inner(&self) -> &Inner {
        &self.view.0
    }

    fn workloads(&self, kind: Workload) -> &Kept<Workloads> {
        let all = Workload::ALL.iter().zip(&self.inner().workloads);
        all.into_iter().find(|(of, _)| **of == kind).unwrap().1
    }

    fn take<S: Store>(&self, kept: &Kept<S>, listed: &mut Listed, event: Event<Value>) {
        let read = |object: Value| serde_json::from_str(&object.to_string()).unwrap();
        let event = match event {
            Event::Init => Event::Init,
            Event::InitApply(object) => Event::InitApply(read(object)),
            Event::InitDone => Event::InitDone,
            Event::Apply(object) => Event::Apply(read(object)),
            Event::Delete(object) => Event::Delete(read(object)),
        };
        kept.take(event, listed, &|change| {
            self.told.lock().unwrap().push(change.clone());
            self.view.tell(change);
        });
    }

    /// A whole list.
    fn list<S: Store>(&self, kept: &Kept<S>, objects: &[Value]) {
        let mut listed = Listed::default();
        self.take(kept, &mut listed, Event::Init);
        objects.iter().for_each(|object| self.take(kept, &mut listed, Event::InitApply(object.clone())));
        self.take(kept, &mut listed, Event::InitDone);
    }

    fn put<S: Store>(&self, kept: &Kept<S>, object: &Value) {
        self.take(kept, &mut Listed::default(), Event::Apply(object.clone()));
    }

    fn delete<S: Store>(&self, kept: &Kept<S>, object: &Value) {
        self.take(kept, &mut Listed::default(), Event::Delete(object.clone()));
    }

    /// What was told since it was asked last.
    fn told(&self) -> Vec<Change> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    fn metric(&self, line: &str) -> bool {
        self.metrics.encode().lines().any(|found| found == format!("beamlit_operator_{line}"))
    }
}

fn name(name: &str) -> Name {
    Name::new("ns", name)
}

fn service(name: &str, annotations: &Value) -> Value {
    let metadata = json!({"namespace": "ns", "name": name, "uid": format!("uid of {name}"), "resourceVersion": "1",
        "annotations": annotations});
    json!({"metadata": metadata, "spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 80}]}})
}

/// The slice that Kubernetes keeps of the Service `s` while it has no endpoints.
fn placeholder() -> Value {
    json!({
        "metadata": {"namespace": "ns", "name": "a", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4", "endpoints": null, "ports": null,
    })
}

fn deployment(replicas: u32) -> Value {
    json!({
        "metadata": {"namespace": "ns", "name": "model", "uid": "u"},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "model"}}, "template": {"spec": {"containers": []}}},
        "status": {"replicas": replicas, "readyReplicas": 1},
    })
}

#[test]
fn of_a_workload_its_scale_is_known() {
    let driven = Driven::empty();
    let deployments = driven.workloads(Workload::Deployment);
    let change = [Change::Workload(Workload::Deployment, name("model"))];
    assert_eq!(driven.view.workload(Workload::Deployment, &name("model")), Lookup::Missing);
    driven.put(deployments, &deployment(2));
    assert_eq!(driven.told(), change);
    let Lookup::Found(scaled) = driven.view.workload(Workload::Deployment, &name("model")) else { panic!() };
    assert_eq!((&*scaled.uid, scaled.replicas), ("u", 2));
    assert_eq!(scaled.selector.to_string(), "app=model");
    assert_eq!(driven.view.workload(Workload::StatefulSet, &name("model")), Lookup::Missing);

    // What is not kept is no news.
    let mut same = deployment(2);
    same["status"]["readyReplicas"] = 2.into();
    same["metadata"]["resourceVersion"] = "7".into();
    driven.put(deployments, &same);
    assert_eq!(driven.told(), []);
    driven.put(deployments, &deployment(3));
    assert_eq!(driven.told(), change);
    let mut again = deployment(3);
    again["metadata"]["uid"] = "another".into();
    driven.put(deployments, &again);
    assert_eq!(driven.told(), change);
    driven.delete(deployments, &again);
    assert_eq!(driven.told(), change);
    driven.delete(deployments, &again);
    assert_eq!(driven.told(), []);
    assert_eq!(driven.view.workload(Workload::Deployment, &name("model")), Lookup::Missing);
}

#[test]
fn a_daemon_set_has_the_pods_that_its_nodes_give_it() {
    let driven = Driven::empty();
    let numbers = |kind, object: Value| {
        driven.put(driven.workloads(kind), &object);
        let Lookup::Found(scaled) = driven.view.workload(kind, &name("w")) else { panic!() };
        scaled.replicas
    };
    let metadata = json!({"namespace": "ns", "name": "w"});
    let status = json!({"currentNumberScheduled": 4, "desiredNumberScheduled": 5, "numberReady": 3});
    assert_eq!(numbers(Workload::DaemonSet, json!({"metadata": metadata, "spec": {}, "status": status})), 4);
    for kind in [Workload::Deployment, Workload::StatefulSet, Workload::ReplicaSet] {
        assert_eq!(numbers(kind, json!({"metadata": metadata, "spec": {"replicas": 2}, "status": {"replicas": 3}})), 3);
        assert_eq!(numbers(kind, json!({"metadata": metadata, "spec": {"replicas": 2}})), 0);
    }
}

#[test]
fn of_a_service_the_annotations_that_route_it_are_known_as_they_are() {
    let driven = Driven::empty();
    let services = &driven.inner().services;
    let routed = json!({MANAGED_BY: "ns/model", LOCAL_WEIGHT: "50", REMOTE_WEIGHT: "50", REMOTE_BACKEND: "https://a",
        "routing.beamlit.com/other": "x", "some.other/annotation": "y"});
    driven.put(services, &service("s", &routed));
    driven.put(services, &service("mine", &json!({MANAGED_BY: "ns/model"})));
    driven.put(services, &service("plain", &json!({})));
    assert_eq!(driven.told(), ["s", "mine", "plain"].map(|of| Change::Service(name(of))));
    let expected = Service {
        uid: "uid of s".into(),
        resource_version: "1".into(),
        annotations: BTreeMap::from([
            (MANAGED_BY, "ns/model".to_owned()),
            (LOCAL_WEIGHT, "50".to_owned()),
            (REMOTE_WEIGHT, "50".to_owned()),
            (REMOTE_BACKEND, "https://a".to_owned()),
        ]),
    };
    assert_eq!(driven.view.service(&name("s")), Lookup::Found(expected));
    let Lookup::Found(plain) = driven.view.service(&name("plain")) else { panic!() };
    assert!(plain.annotations.is_empty());
    assert_eq!(driven.view.service(&name("none")), Lookup::Missing);
    assert_eq!(driven.view.routed_by("ns/model"), [name("mine"), name("s")]);

    // The version follows, and is no news by itself.
    let mut newer = service("s", &routed);
    newer["metadata"]["resourceVersion"] = "2".into();
    newer["metadata"]["labels"] = json!({"a": "b"});
    driven.put(services, &newer);
    assert_eq!(driven.told(), []);
    let Lookup::Found(found) = driven.view.service(&name("s")) else { panic!() };
    assert_eq!(&*found.resource_version, "2");

    driven.put(services, &service("s", &json!({MANAGED_BY: "ns/another", LOCAL_WEIGHT: "50"})));
    assert_eq!(driven.told(), [Change::Service(name("s"))]);
    assert_eq!(driven.view.routed_by("ns/model"), [name("mine")]);
    assert_eq!(driven.view.routed_by("ns/another"), [name("s")]);
    driven.delete(services, &newer);
    driven.put(services, &service("mine", &json!({})));
    assert_eq!(driven.told(), ["s", "mine"].map(|of| Change::Service(name(of))));
    assert_eq!(driven.view.routed_by("ns/model"), []);
    assert_eq!(driven.view.routed_by("ns/another"), []);
}

#[tokio::test]
async fn nothing_is_said_before_it_was_listed() {
    let driven = Driven::unlisted();
    let Inner { pods, slices, services, workloads, .. } = driven.inner();
    let mut listed = Listed::default();
    driven.take(services, &mut listed, Event::Init);
    driven.take(services, &mut listed, Event::InitApply(service("s", &json!({}))));
    assert_eq!(driven.view.service(&name("s")), Lookup::Unknown);
    assert_eq!(driven.view.workload(Workload::Deployment, &name("w")), Lookup::Unknown);
    assert_eq!(driven.told(), []);
    driven.take(services, &mut listed, Event::InitDone);
    assert_eq!(driven.told(), [Change::All]);
    assert!(matches!(driven.view.service(&name("s")), Lookup::Found(_)));
    assert_eq!(driven.view.service(&name("t")), Lookup::Missing);
    // Its endpoints were not listed yet.
    assert_eq!(driven.view.local(&name("s"), None), Local::Unknown);
    driven.list(slices, &[placeholder()]);
    assert_eq!(driven.view.local(&name("s"), None), Local::Ready(0));

    driven.list(pods, &[]);
    let (last, first) = workloads.split_last().unwrap();
    first.iter().for_each(|kept| driven.list(kept, &[]));
    let mut complete = std::pin::pin!(driven.view.complete());
    assert!(futures::poll!(&mut complete).is_pending());
    driven.list(last, &[]);
    complete.await;
    driven.view.complete().await;
}

#[test]
fn what_a_later_list_lacks_is_gone_and_only_what_changed_is_told() {
    let driven = Driven::empty();
    let services = &driven.inner().services;
    let [kept, changed, gone] = ["kept", "changed", "gone"].map(|of| service(of, &json!({MANAGED_BY: "ns/m"})));
    driven.list(services, &[kept.clone(), changed, gone]);
    driven.told();
    let mut listed = Listed::default();
    driven.take(services, &mut listed, Event::Init);
    driven.take(services, &mut listed, Event::InitApply(kept.clone()));
    // The last state counts until the list is complete, also if it never is.
    driven.take(services, &mut listed, Event::Init);
    assert_eq!(driven.view.routed_by("ns/m").len(), 3);
    for object in [kept, service("changed", &json!({})), service("new", &json!({}))] {
        driven.take(services, &mut listed, Event::InitApply(object));
    }
    driven.take(services, &mut listed, Event::InitDone);
    assert_eq!(driven.told(), ["changed", "new", "gone"].map(|of| Change::Service(name(of))));
    assert_eq!(driven.view.routed_by("ns/m"), [name("kept")]);
    assert_eq!(driven.view.service(&name("gone")), Lookup::Missing);
    assert!(driven.metric("watch_objects{resource=\"services (reconciler)\"} 3"));
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_counts_for_a_minute_and_then_nobody_can_tell() {
    let driven = Driven::empty();
    let Inner { slices, services, pods, .. } = driven.inner();
    driven.put(services, &service("s", &json!({})));
    driven.put(slices, &placeholder());
    assert_eq!(driven.view.local(&name("s"), None), Local::Ready(0));
    let fault = |cause: &str| Fault { act: "watch", cause: cause.to_owned(), kind: Kind::Other };
    slices.health.failed(&fault("refused"));
    let wait = |seconds| tokio::time::advance(Duration::from_secs(seconds));
    wait(50).await;
    assert_eq!(driven.view.local(&name("s"), None), Local::Ready(0));
    wait(20).await;
    assert_eq!(driven.view.local(&name("s"), None), Local::Unknown);
    // What must be written on a Service is written all the same.
    services.health.failed(&fault("refused"));
    wait(70).await;
    assert!(matches!(driven.view.service(&name("s")), Lookup::Found(_)));
    driven.list(services, &[service("s", &json!({}))]);
    driven.list(slices, &[placeholder()]);
    assert_eq!(driven.view.local(&name("s"), None), Local::Ready(0));

    let deployments = driven.workloads(Workload::Deployment);
    driven.put(deployments, &deployment(2));
    let known = || {
        let Lookup::Found(scaled) = driven.view.workload(Workload::Deployment, &name("model")) else { return None };
        Some((scaled.replicas, driven.view.pods("ns", &scaled.selector)))
    };
    assert_eq!(known(), Some((2, Some(Vec::new()))));
    pods.health.failed(&fault("cut"));
    wait(59).await;
    assert_eq!(known(), Some((2, Some(Vec::new()))));
    wait(1).await;
    assert_eq!(known(), Some((2, None)));
    deployments.health.failed(&fault("cut"));
    wait(60).await;
    assert_eq!(driven.view.workload(Workload::Deployment, &name("model")), Lookup::Unknown);
    assert_eq!(driven.view.workload(Workload::StatefulSet, &name("model")), Lookup::Missing);
    driven.list(deployments, &[deployment(2)]);
    driven.list(pods, &[]);
    assert_eq!(known(), Some((2, Some(Vec::new()))));
}

#[tokio::test]
async fn who_is_too_far_behind_is_told_that_anything_may_have_changed() {
    let driven = Driven::empty();
    let mut changes = driven.view.changes();
    for index in 0..=BEHIND {
        driven.put(&driven.inner().services, &service(&format!("s{index}"), &json!({})));
    }
    assert_eq!(changes.next().await, Some(Change::All));
    assert_eq!(changes.next().await, Some(Change::Service(name("s1"))));
    let Driven { view, metrics, told: _ } = driven;
    drop(view);
    while let Some(change) = changes.next().await {
        assert!(matches!(change, Change::Service(_)));
    }
    // What nobody watches is not told as lost.
    assert!(!metrics.encode().contains("watch_current{"));
}
