//! What the earlier controller leaves on a Service, and the steps of docs/migration.md that put it right: somebody answers after each.

use serde_json::{Value, json};

use crate::cluster;
use crate::harness::{Kubectl, poll};

const OWN: &str = "endpointslice.kubernetes.io/managed-by=endpointslice-controller.k8s.io";
const THEIRS: &str = "endpointslice.kubernetes.io/managed-by=beamlit-operator";
const SERVICE: &str = "kubernetes.io/service-name=web";

/// The slices of the Service with this label, as their ready addresses.
fn ready(kubectl: &Kubectl, managed_by: &str) -> Vec<Vec<String>> {
    let slices = kubectl.get(&format!("endpointslices -l {SERVICE},{managed_by}"));
    let addresses = |slice: &Value| {
        let endpoints = slice["endpoints"].as_array().cloned().unwrap_or_default();
        let ready = endpoints.into_iter().filter(|endpoint| endpoint["conditions"]["ready"] == true);
        ready.map(|endpoint| endpoint["addresses"][0].as_str().unwrap().to_owned()).collect()
    };
    slices["items"].as_array().unwrap().iter().map(addresses).collect()
}

/// Waits until Kubernetes' own slice has the pod.
#[track_caller]
fn wait_for_its_own(kubectl: &Kubectl) {
    poll("the Service's own slice", || match ready(kubectl, OWN) {
        slices if slices == [["192.0.2.7"]] => Ok(()),
        slices => Err(format!("{slices:?}")),
    })
    .unwrap();
}

#[test]
fn a_service_that_was_led_to_the_gateway_comes_home_without_a_moment_in_which_nobody_answers() {
    let kubectl = cluster().namespace("migration");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web", "ports": [{"containerPort": 80}]}]}});
    // There is no node here. Kubernetes passes over pods without one, unless whatever there is is to be published.
    let service = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": "web"}, "publishNotReadyAddresses": true,
                "ports": [{"name": "http", "port": 80}, {"name": "metrics", "port": 81}]}})
    };
    kubectl.apply(&pod.to_string());
    let status = json!({"status": {"phase": "Running", "podIP": "192.0.2.7", "podIPs": [{"ip": "192.0.2.7"}],
        "conditions": [{"type": "Ready", "status": "True"}]}});
    let patched =
        kubectl.call(&["patch", "pod", "web", "--subresource=status", "--type=merge", "-p", &status.to_string()], "");
    assert!(patched.succeeded(), "{patched}");
    kubectl.apply(&service("web").to_string());
    wait_for_its_own(&kubectl);

    // As the earlier controller does it: a second Service, a slice without the port that it takes, and every other slice of the Service
    // under its own label, emptied. The gateway gets the address.
    kubectl.apply(&service("web-beamlit").to_string());
    let mirrored = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "web-beamlit-mirrored",
        "labels": {"kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "beamlit-operator",
        "beamlit.com/to-update": "true"}},
        "addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.7"], "conditions": {"ready": true}}],
        "ports": [{"name": "metrics", "port": 81}]});
    kubectl.apply(&mirrored.to_string());
    let address = kubectl.get("service web")["spec"]["clusterIP"].clone();
    let gateway = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "beamlit-gateway"},
        "spec": {"ports": [{"port": 80}], "externalIPs": [address]}});
    kubectl.apply(&gateway.to_string());
    let taken = json!({"metadata": {"labels": {"endpointslice.kubernetes.io/managed-by": "beamlit-operator"}},
        "endpoints": [], "ports": []});
    let slices = kubectl.get(&format!("endpointslices -l {SERVICE},{OWN}"));
    for slice in slices["items"].as_array().unwrap() {
        let name = slice["metadata"]["name"].as_str().unwrap();
        let out = kubectl.call(&["patch", "endpointslice", name, "--type=merge", "-p", &taken.to_string()], "");
        assert!(out.succeeded(), "{out}");
    }
    assert_eq!(ready(&kubectl, THEIRS).concat(), ["192.0.2.7"], "the one that is mirrored");

    // The steps of the page. First of all Kubernetes gets its slice back, before anything is taken away. By itself it makes no other.
    kubectl.ok(&format!("label endpointslices -l {SERVICE},{THEIRS},beamlit.com/to-update!=true {OWN} --overwrite"));
    wait_for_its_own(&kubectl);
    kubectl.ok(r#"patch service beamlit-gateway --type=merge -p {"spec":{"externalIPs":null}}"#);
    assert_eq!(kubectl.get("service beamlit-gateway")["spec"]["externalIPs"], Value::Null);
    wait_for_its_own(&kubectl);
    kubectl.ok(&format!("delete endpointslices -l {SERVICE},{THEIRS} --ignore-not-found"));
    kubectl.ok("delete service web-beamlit --ignore-not-found");
    wait_for_its_own(&kubectl);
    assert_eq!(ready(&kubectl, THEIRS), Vec::<Vec<String>>::new());

    // They are the steps of the page.
    let page = std::fs::read_to_string(crate::install::folder("docs/migration.md")).unwrap();
    let (_, step) = page.split_once("S=my-model N=default\n").unwrap();
    let step = step.split("```").next().unwrap();
    let done =
        ["label endpointslices", "get endpointslices", "patch service", "delete endpointslices", "delete service"];
    let commands: Vec<&str> = step.lines().filter_map(|line| line.strip_prefix("kubectl ")).collect();
    assert_eq!(commands.len(), done.len(), "{commands:?}");
    assert!(commands.iter().zip(done).all(|(command, done)| command.starts_with(done)), "{commands:?}");
}
