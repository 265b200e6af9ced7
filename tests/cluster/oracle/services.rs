//! Workloads without pods, and Services that are headless, select nothing, lose a port or go: a safe weight, a condition that says so, and
//! nothing lost.

use serde_json::{Value, json};

use super::{annotation, offloads, says};
use crate::harness::workload::{Workload, manifest};
use crate::harness::{Kubectl, poll};
use crate::offloading::{cpu, model_deployment, wait_for_weight};
use crate::reconciled;

/// When the weight changed last.
fn since(kubectl: &Kubectl, name: &str) -> Value {
    kubectl.get(&format!("ofa {name}"))["status"]["lastTransitionTime"].take()
}

#[test]
fn a_workload_without_pods_is_a_failover_and_a_rollout_is_none() {
    let (simulation, _) = reconciled();
    let kubectl = simulation.namespace("rollout");
    let workload = Workload::create(&kubectl, &manifest("Deployment", "rolled", 2), 2);
    offloads(&kubectl, &workload, ("rolled", "Deployment"), &json!([cpu(90)]), 0);
    wait_for_weight(&kubectl, "rolled", 0, "AtHome");
    let (before, at) = (workload.pod_names(), since(&kubectl, "rolled"));
    kubectl.ok("rollout restart deployment rolled");
    kubectl.ok("rollout status deployment rolled --timeout=60s");
    workload.wait_for(2);
    assert!(workload.pod_names().iter().all(|pod| !before.contains(pod)), "{before:?}");
    poll("the new pods to be the endpoints", || {
        let endpoints = workload.endpoints();
        if endpoints == (2, 0) { Ok(()) } else { Err(format!("{endpoints:?}")) }
    })
    .unwrap();
    assert_eq!(since(&kubectl, "rolled"), at);
    let events = kubectl.ok("get events --field-selector involvedObject.kind=ModelDeployment");
    assert!(!events.contains("Failover"), "{events}");

    workload.scale_down_to_nothing();
    wait_for_weight(&kubectl, "rolled", 100, "Failover");
    poll("a condition that says so", || {
        let ofa = kubectl.get("ofa rolled");
        says(&ofa, "MetricsAvailable", "False", "MetricsUnavailable", "the workload has no pods")
    })
    .unwrap();
}

#[test]
fn services_that_are_odd_have_a_safe_weight() {
    let (simulation, _) = reconciled();
    let kubectl = simulation.namespace("odd");
    let create = |name: &str, service: &Value| {
        let workload = Workload::create(&kubectl, &manifest("Deployment", name, 1), 1);
        let manifest = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": service});
        kubectl.apply(&manifest.to_string());
        let metrics = json!([]);
        let mut object = model_deployment(name, "Deployment", &metrics, &json!({"percentage": 50}));
        object["spec"]["model"] = format!("odd-{name}").into();
        kubectl.apply(&object.to_string());
        workload
    };
    let ports = json!([{"name": "http", "port": 80, "targetPort": "http"}]);

    // Without an address of its own, endpoints are endpoints all the same.
    let headless = create("headless", &json!({"clusterIP": "None", "selector": {"app": "headless"}, "ports": ports}));
    // Where nothing is selected, somebody else says what the endpoints are; until somebody does, nobody knows.
    create("unselected", &json!({"ports": ports}));
    let recreated = create("recreated", &json!({"selector": {"app": "recreated"}, "ports": ports}));
    create("portless", &json!({"selector": {"app": "portless"}, "ports": ports}));
    create("renamed", &json!({"selector": {"app": "renamed"}, "ports": ports}));
    for name in ["headless", "recreated", "portless", "renamed"] {
        wait_for_weight(&kubectl, name, 0, "AtHome");
    }
    wait_for_weight(&kubectl, "unselected", 0, "LocalUnknown");
    poll("a condition that says so", || says(&kubectl.get("mdep unselected"), "Ready", "False", "LocalUnknown", ""))
        .unwrap();

    headless.set_ready(false);
    let slice = |ready: bool| {
        json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "unselected-own", "labels": {"kubernetes.io/service-name": "unselected"}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080}],
            "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": ready}}],
        })
        .to_string()
    };
    kubectl.apply(&slice(true));
    wait_for_weight(&kubectl, "headless", 100, "Failover");
    wait_for_weight(&kubectl, "unselected", 0, "AtHome");
    kubectl.apply(&slice(false));
    wait_for_weight(&kubectl, "unselected", 100, "Failover");

    // Deleted, and there again under the same name: no failover, although at first nobody knows of endpoints.
    let at = since(&kubectl, "recreated");
    kubectl.ok("delete service recreated");
    poll("a condition that says so", || {
        let ofa = kubectl.get("ofa recreated");
        says(&ofa, "Routed", "False", "ServiceMissing", "")?;
        says(&kubectl.get("mdep recreated"), "Ready", "False", "ServiceMissing", "")
    })
    .unwrap();
    recreated.expose();
    wait_for_weight(&kubectl, "recreated", 0, "AtHome");
    says(&kubectl.get("ofa recreated"), "Routed", "True", "Routed", "").unwrap();
    assert_eq!(since(&kubectl, "recreated"), at);

    // The Service has no such port any more: somebody's mistake, by which nothing is sent away.
    let at = since(&kubectl, "portless");
    let other = r#"[{"op": "replace", "path": "/spec/ports/0/port", "value": 81}]"#;
    let out = kubectl.call(&["patch", "service", "portless", "--type=json", "--patch", other], "");
    assert!(out.succeeded(), "{out}");
    poll("a condition that says so", || {
        let object = kubectl.get("mdep portless");
        let ready = super::condition(&object, "Ready");
        let message = ready["message"].as_str().unwrap_or_default();
        if ready["status"] == "False" && message.contains("port") { Ok(()) } else { Err(object["status"].to_string()) }
    })
    .unwrap();
    assert_eq!(since(&kubectl, "portless"), at);
    assert_eq!(annotation(&kubectl.get("service portless"), "remote-weight").as_deref(), Some("0"));

    // The pods no longer have a port of the name that the Service leads to: nothing reaches them.
    let other = r#"[{"op": "replace", "path": "/spec/template/spec/containers/0/ports/0/name", "value": "web"}]"#;
    let out = kubectl.call(&["patch", "deployment", "renamed", "--type=json", "--patch", other], "");
    assert!(out.succeeded(), "{out}");
    wait_for_weight(&kubectl, "renamed", 100, "Failover");
    let events = kubectl.ok("get events --field-selector involvedObject.name=recreated");
    assert!(!events.contains("Failover"), "{events}");
}
