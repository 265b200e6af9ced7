//! Traffic leaves and comes home: the reconciler on pods that kwok plays, with real metrics, beside real HorizontalPodAutoscalers.

use serde_json::{Value, json};

pub(crate) use crate::harness::operator::account;
use crate::harness::workload::{Workload, from_the_beginning, manifest};
use crate::harness::{ControlPlane, Gate, Kubectl, poll};
use crate::reconciled;
use crate::reconciler::{ready, serve, version, written_since};

/// A ModelDeployment of the workload and the Service of this name, with a backend of its own.
pub(crate) fn model_deployment(name: &str, kind: &str, metrics: &Value, behavior: &Value) -> Value {
    json!({
        "apiVersion": "deployment.beamlit.com/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {
            // No two of a cluster may serve the same model.
            "model": format!("{name}-{kind}"),
            "modelSourceRef": {"kind": kind, "name": name},
            "serviceRef": {"name": name, "targetPort": 80},
            "offloadingConfig": {
                "behavior": behavior,
                "metrics": metrics,
                "remoteBackend": {"host": "models.example.com", "scheme": "https", "pathPrefix": "/v1"},
            },
        },
    })
}

pub(crate) fn cpu(percent: i32) -> Value {
    json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}})
}

/// What the Service says: (managed by, local weight, remote weight, backend).
pub(crate) fn says(kubectl: &Kubectl, service: &str) -> [Option<String>; 4] {
    let service = kubectl.get(&format!("service {service}"));
    ["managed-by", "local-weight", "remote-weight", "remote-backend"].map(|key| said(&service, key))
}

/// What a Service says of one of these.
fn said(service: &Value, key: &str) -> Option<String> {
    service["metadata"]["annotations"][format!("routing.beamlit.com/{key}")].as_str().map(str::to_owned)
}

#[track_caller]
pub(crate) fn wait_for_weight(kubectl: &Kubectl, name: &str, weight: i64, reason: &str) {
    poll(&format!("{name} to send {weight} % away because of {reason}"), || {
        // Of neither it says nothing at all.
        let both = kubectl.run(&format!("get service/{name} ofa/{name} --ignore-not-found --output json")).stdout;
        let both: Value = serde_json::from_str(&both).unwrap_or_default();
        let of = |kind: &str| both["items"].as_array().into_iter().flatten().find(|object| object["kind"] == kind);
        let remote = of("Service").and_then(|service| said(service, "remote-weight")).unwrap_or_default();
        let status = of("OffloadAutoscaler").map(|autoscaler| autoscaler["status"].clone()).unwrap_or_default();
        if remote == weight.to_string() && status["currentRemoteWeight"] == weight && status["reason"] == reason {
            Ok(())
        } else {
            Err(format!("{remote} % {status}"))
        }
    })
    .unwrap_or_else(|why| panic!("{why}\n{}", kubectl.run(&format!("describe mdep {name}"))));
}

#[test]
fn what_is_too_much_leaves_and_comes_home() {
    let (simulation, _) = reconciled();
    let kubectl = simulation.namespace("too-much");
    let workload = from_the_beginning(manifest("Deployment", "too-much", 2), &[("cpu", "305m"), ("memory", "512Mi")]);
    let workload = Workload::create(&kubectl, &workload, 2);
    workload.expose();
    workload.autoscaler(&json!([cpu(90)]));
    let behavior = json!({"percentage": 50, "scaleDown": {"stabilizationWindowSeconds": 0}});
    kubectl.apply(&model_deployment("too-much", "Deployment", &json!([cpu(90)]), &behavior).to_string());
    wait_for_weight(&kubectl, "too-much", 0, "AtHome");
    let backend = "https://models.example.com/v1".to_owned();
    assert_eq!(
        says(&kubectl, "too-much"),
        [Some("too-much/too-much".into()), Some("100".into()), Some("0".into()), Some(backend)]
    );
    workload.set("cpu", "955m");
    wait_for_weight(&kubectl, "too-much", 50, "TargetReached");
    // Ours and the real one beside it say the same.
    poll("both autoscalers to show the same", || {
        let table = kubectl.ok("get ofa,hpa too-much");
        if table.matches("cpu: 95%/90%").count() == 2 { Ok(()) } else { Err(table) }
    })
    .unwrap();
    workload.set("cpu", "205m");
    wait_for_weight(&kubectl, "too-much", 0, "AtHome");
}

#[test]
fn the_last_ready_pod_takes_all_traffic_with_it_at_once() {
    let (simulation, _) = reconciled();
    let kubectl = simulation.namespace("failover");
    let workload = Workload::create(&kubectl, &manifest("StatefulSet", "failover", 2), 2);
    workload.expose();
    kubectl.apply(&model_deployment("failover", "StatefulSet", &json!([]), &json!({"percentage": 50})).to_string());
    wait_for_weight(&kubectl, "failover", 0, "AtHome");
    workload.set_ready(false);
    poll("no endpoint to be ready", || {
        let endpoints = workload.endpoints();
        if endpoints.0 == 0 { Ok(()) } else { Err(format!("{endpoints:?}")) }
    })
    .unwrap();
    wait_for_weight(&kubectl, "failover", 100, "Failover");
    workload.set_ready(true);
    // Half a minute of grace, and then step by step.
    for (weight, reason) in [(50, "Recovering"), (25, "Recovering"), (0, "AtHome")] {
        wait_for_weight(&kubectl, "failover", weight, reason);
    }
    let events = kubectl.ok("get events --field-selector involvedObject.kind=ModelDeployment");
    assert!(events.contains("Failover") && events.contains("Recovered"), "{events}");
}

#[test]
fn an_object_that_goes_leaves_nothing_behind() {
    let (simulation, _) = reconciled();
    let kubectl = simulation.namespace("going");
    let workload = Workload::create(&kubectl, &manifest("Deployment", "going", 1), 1);
    workload.expose();
    kubectl.ok("annotate service going team=mine");
    kubectl.apply(&model_deployment("going", "Deployment", &json!([]), &json!({})).to_string());
    wait_for_weight(&kubectl, "going", 0, "AtHome");
    kubectl.ok("delete mdep going --timeout=20s");
    assert_eq!(says(&kubectl, "going"), [None, None, None, None]);
    assert_eq!(kubectl.get("service going")["metadata"]["annotations"]["team"], "mine");
    poll("the autoscaler to go with it", || {
        let out = kubectl.run("get ofa going");
        if out.succeeded() { Err(out.to_string()) } else { Ok(()) }
    })
    .unwrap();
}

/// Of the same name, and of nothing that the first one came to.
#[test]
fn an_object_that_is_deleted_and_made_again_begins_at_home() {
    let (simulation, _) = reconciled();
    let kubectl = simulation.namespace("again");
    serve(&kubectl, "again");
    ready(&kubectl, "again", false);
    let object = model_deployment("again", "Deployment", &json!([]), &json!({"percentage": 50})).to_string();
    kubectl.apply(&object);
    wait_for_weight(&kubectl, "again", 100, "Failover");
    kubectl.ok("delete mdep again --timeout=20s");
    ready(&kubectl, "again", true);
    let gone = version(&kubectl, "service again");
    kubectl.apply(&object);
    wait_for_weight(&kubectl, "again", 0, "AtHome");
    assert_eq!(written_since(&kubectl, "again", &gone), ["0"]);
}

/// How often weights are decided in these tests.
const INTERVAL: &str = "--decision-interval=2s";

/// Starts an operator that reconciles, under the shipped rights and no others, and has the API server ask it.
///
/// # Errors
/// If it does not come up.
pub(crate) fn reconcile(plane: &ControlPlane) -> Result<Gate, String> {
    Gate::open_as(plane, account(plane).kubeconfig(), &["--reconcile=true".to_owned(), INTERVAL.to_owned()])
}
