//! What the gate knows of other objects, on a real API server: it is ready only when it knows, what changes is known within a second,
//! and an API server that goes and comes back is followed again.

use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use crate::apart;
use crate::harness::certificates::Authority;
use crate::harness::operator::Operator;
use crate::harness::{ControlPlane, Kubectl, poll};
use crate::teams::workload;

/// What is watched of every cluster, as the metrics name it.
const WATCHED: [&str; 10] = [
    "policies",
    "modeldeployments",
    "services",
    "deployments",
    "statefulsets",
    "daemonsets",
    "replicasets",
    "horizontalpodautoscalers",
    "referencegrants",
    "namespaces",
];

/// An operator that nobody asks to review, beside a control plane of its own.
struct Watching {
    operator: Operator,
    plane: MutexGuard<'static, ControlPlane>,
}

impl Watching {
    fn new() -> Self {
        let plane = apart();
        let authority = Authority::new(plane.folder().path(), "watching-authority").unwrap();
        let operator = Operator::start(&plane, &authority).unwrap();
        Self { operator, plane }
    }

    fn objects(&self, resource: &str) -> f64 {
        self.operator.metric(&format!("watch_objects{{resource=\"{resource}\"}}")).unwrap()
    }

    fn current(&self, resource: &str) -> f64 {
        self.operator.metric(&format!("watch_current{{resource=\"{resource}\"}}")).unwrap()
    }

    fn wait_for_objects(&self, resource: &str, count: f64) {
        poll(&format!("{count} {resource}"), || match self.objects(resource) {
            found if found == count => Ok(()),
            found => Err(format!("{found}; {:?}", self.operator.ask("/readyz"))),
        })
        .unwrap();
    }

    fn wait_until_ready(&self) {
        poll("readiness without a warning", || match self.operator.ask("/readyz")? {
            (200, body) if body == "ok\n" => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .unwrap();
    }
}

fn create(kubectl: &Kubectl, manifest: &str) {
    let out = kubectl.feed("create -f -", manifest);
    assert!(out.succeeded(), "{out}");
}

#[test]
fn what_changes_is_known_within_a_second() {
    let watching = Watching::new();
    // Ready means that everything is known.
    for resource in WATCHED {
        assert_eq!(watching.current(resource), 1.0, "{resource}");
    }
    let namespaces = watching.plane.admin().get("namespaces")["items"].as_array().unwrap().len();
    watching.wait_for_objects("namespaces", namespaces as f64);
    let kubectl = watching.plane.namespace("watched");
    let services = watching.objects("services");
    // Tests before this one may have left some.
    let (deployments, replicasets) = (watching.objects("deployments"), watching.objects("replicasets"));
    // As long as nobody reviews, an operator that only watches can be measured by the objects that it counts.
    for round in 1..=5 {
        kubectl.ok(&format!("create service clusterip service-{round} --tcp=80"));
        let created = Instant::now();
        watching.wait_for_objects("services", services + f64::from(round));
        assert!(created.elapsed() < Duration::from_secs(1), "{:?}", created.elapsed());
    }
    create(&kubectl, &workload("workload").to_string());
    watching.wait_for_objects("deployments", deployments + 1.0);
    watching.wait_for_objects("replicasets", replicasets + 1.0);
    kubectl.ok("delete service service-1");
    watching.wait_for_objects("services", services + 4.0);
    watching.plane.admin().ok("delete namespace watched --timeout=60s");
    watching.wait_for_objects("services", services);
    watching.wait_for_objects("deployments", deployments);
    watching.wait_for_objects("namespaces", namespaces as f64);
}

#[test]
fn an_api_server_that_comes_back_is_followed_again_and_nothing_is_missed() {
    let mut watching = Watching::new();
    let kubectl = watching.plane.namespace("restarted");
    let services = watching.objects("services");
    kubectl.ok("create service clusterip before --tcp=80");
    watching.wait_for_objects("services", services + 1.0);
    for _ in 0..2 {
        watching.plane.stop_api_server();
        poll("the loss to be told", || {
            let (status, told) = watching.operator.ask("/readyz")?;
            let lost = |resource: &&str| told.contains(&format!("warning: the watch of {resource} was lost "));
            // Its last state counts for a minute.
            if status == 200 && WATCHED.iter().all(lost) { Ok(()) } else { Err(told) }
        })
        .unwrap();
        assert_eq!((watching.current("services"), watching.objects("services")), (0.0, services + 1.0));
        watching.plane.start_api_server().unwrap();
        let back = Instant::now();
        watching.wait_until_ready();
        // The longest wait before another attempt is 1 s, and as much again by chance.
        assert!(back.elapsed() < Duration::from_secs(15), "{:?}", back.elapsed());
    }
    // What changes while nobody watches is known afterwards: what goes as well as what comes.
    watching.operator.stand_still().unwrap();
    watching.plane.stop_api_server();
    watching.plane.start_api_server().unwrap();
    kubectl.ok("delete service before");
    kubectl.ok("create service clusterip after --tcp=80");
    kubectl.ok("create service clusterip later --tcp=80");
    watching.operator.go_on().unwrap();
    watching.wait_for_objects("services", services + 2.0);
    watching.wait_until_ready();
    kubectl.ok("delete service after later");
    watching.wait_for_objects("services", services);
    watching.plane.admin().ok("delete namespace restarted --timeout=60s");
}
