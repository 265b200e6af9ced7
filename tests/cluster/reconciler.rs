//! The reconciler when something goes wrong: killed, standing still, beside another, on Services and workloads as nobody expects them. No pods run here: endpoints are written by hand.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::certificates::Authority;
use crate::harness::operator::{NAMESPACE, Operator, clock};
use crate::harness::{ControlPlane, Kubectl, poll};
use crate::offloading::{account, model_deployment, says, wait_for_weight};
use crate::{reconciled, troubled};

/// A replica that reconciles, under the shipped rights.
pub(crate) fn replica(plane: &ControlPlane, name: &str, flags: &[String]) -> Operator {
    replica_at(plane, name, flags, &[])
}

/// As [`replica`], with further environment variables.
fn replica_at(plane: &ControlPlane, name: &str, flags: &[String], environment: &[String]) -> Operator {
    let authority = Authority::new(plane.folder().path(), "webhook-authority").unwrap();
    let mut all = vec!["--reconcile=true".to_owned(), "--decision-interval=1s".to_owned()];
    all.extend_from_slice(flags);
    Operator::from_files_at(plane, name, account(plane).kubeconfig(), &authority, &all, environment).unwrap()
}

/// Kills a replica, and takes its lease away with it: the next one, which has never seen it, need not wait until it has run out.
pub(crate) fn kill(plane: &ControlPlane, operator: Operator) {
    operator.kill();
    plane.admin().in_namespace(NAMESPACE).ok("delete lease beamlit-operator --ignore-not-found");
}

/// Waits until it is this replica that reconciles.
#[track_caller]
fn wait_to_lead(operator: &Operator) {
    poll("a replica to lead", || match operator.metric("leader")? {
        leads if leads > 0.0 => Ok(()),
        leads => Err(leads.to_string()),
    })
    .unwrap();
}

/// A workload of no pods, and a Service whose endpoints are written by hand, both of this name.
pub(crate) fn serve(kubectl: &Kubectl, name: &str) {
    let labels = json!({"app": name});
    let pod = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "none",
        "ports": [{"name": "http", "containerPort": 8080}]}]}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
    kubectl.apply(&deployment.to_string());
    // First of all: a Service without any is a failover, if only for a moment.
    ready(kubectl, name, true);
    kubectl.apply(&service.to_string());
}

/// Makes the one endpoint of such a Service ready, or not.
pub(crate) fn ready(kubectl: &Kubectl, name: &str, ready: bool) {
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
        "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": ready}}],
        "ports": [{"name": "http", "port": 8080}]});
    kubectl.apply(&slice.to_string());
}

/// One without metrics.
pub(crate) fn failover_only(kubectl: &Kubectl, name: &str) -> Value {
    let mut object = model_deployment(name, "Deployment", &json!([]), &json!({"percentage": 50}));
    // What a test that failed left behind has its own.
    object["spec"]["model"] = format!("{}-{name}", kubectl.namespace).into();
    object
}

/// Who holds the lease.
pub(crate) fn leader(plane: &ControlPlane) -> String {
    let lease =
        plane.admin().in_namespace(NAMESPACE).run("get lease beamlit-operator -o jsonpath={.spec.holderIdentity}");
    lease.stdout
}

/// The version of an object: whoever writes it changes that, whatever it says afterwards.
pub(crate) fn version(kubectl: &Kubectl, what: &str) -> Value {
    kubectl.get(what)["metadata"]["resourceVersion"].clone()
}

/// What a Service said of its remote weight each time that it was written after this version, by whomever: out of the API server's
/// history, in which nothing is passed over.
#[track_caller]
pub(crate) fn written_since(kubectl: &Kubectl, service: &str, version: &Value) -> Vec<String> {
    let Kubectl { namespace, .. } = kubectl;
    let version = version.as_str().unwrap_or_default();
    let query = format!("watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3D{service}&resourceVersion={version}");
    let text = kubectl.ok(&format!("get --raw /api/v1/namespaces/{namespace}/services?{query}"));
    let events = serde_json::Deserializer::from_str(&text).into_iter::<Value>().map(Result::unwrap);
    let weight = |event: Value| {
        assert!(event["type"] == "MODIFIED", "{event}");
        let weight = &event["object"]["metadata"]["annotations"]["routing.beamlit.com/remote-weight"];
        weight.as_str().unwrap_or("nothing").to_owned()
    };
    events.map(weight).collect()
}

#[test]
fn killed_in_any_phase_it_carries_on_where_it_was() {
    let plane = troubled();
    let kubectl = plane.namespace("killed");
    serve(&kubectl, "model");
    let mut operator = replica(&plane, "killed", &[]);
    kubectl.apply(&failover_only(&kubectl, "model").to_string());
    wait_for_weight(&kubectl, "model", 0, "AtHome");
    ready(&kubectl, "model", false);
    // While it fails over, and while it takes over from one that was killed, in whatever it is at.
    for wait in [0_u64, 150, 400, 1200] {
        sleep(Duration::from_millis(wait));
        match wait {
            // As it is where nobody takes it away.
            0 => operator.kill(),
            _ => kill(&plane, operator),
        }
        operator = replica(&plane, "killed", &[]);
        wait_to_lead(&operator);
    }
    wait_for_weight(&kubectl, "model", 100, "Failover");
    kill(&plane, operator);
    let since = kubectl.get("ofa model")["status"]["lastTransitionTime"].clone();
    // Nothing comes home while nobody looks, and nothing does because somebody looks again.
    assert_eq!(says(&kubectl, "model")[2].as_deref(), Some("100"));
    operator = replica(&plane, "killed", &[]);
    poll("a decision after the restart", || {
        let decisions = operator.metric(r#"decisions_total{reason="Failover"}"#)?;
        if decisions > 2.0 { Ok(()) } else { Err(format!("{decisions} decisions")) }
    })
    .unwrap();
    assert_eq!(kubectl.get("ofa model")["status"]["lastTransitionTime"], since);
    ready(&kubectl, "model", true);
    wait_for_weight(&kubectl, "model", 50, "Recovering");
    kill(&plane, operator);
    let operator = replica(&plane, "killed", &[]);
    for (weight, reason) in [(25, "Recovering"), (0, "AtHome")] {
        wait_for_weight(&kubectl, "model", weight, reason);
    }
    // One that goes while nobody looks is seen to by the next.
    kill(&plane, operator);
    kubectl.ok("delete mdep model --wait=false");
    let _operator = replica(&plane, "killed", &[]);
    kubectl.ok("wait --for=delete mdep/model --timeout=60s");
    assert_eq!(says(&kubectl, "model"), [None, None, None, None]);
}

/// It goes back and forth by an hour, from one life of the operator to the next.
#[test]
fn a_clock_that_jumps_moves_no_weight_and_keeps_no_traffic_away() {
    let plane = troubled();
    let kubectl = plane.namespace("clocks");
    serve(&kubectl, "model");
    let ahead = || replica_at(&plane, "clocks", &[], &clock("+1h"));
    let operator = ahead();
    kubectl.apply(&failover_only(&kubectl, "model").to_string());
    wait_for_weight(&kubectl, "model", 0, "AtHome");
    ready(&kubectl, "model", false);
    wait_for_weight(&kubectl, "model", 100, "Failover");
    let before = version(&kubectl, "service model");
    kill(&plane, operator);
    let operator = replica(&plane, "clocks", &[]);
    poll("decisions after the clock went back", || match operator.metric(r#"decisions_total{reason="Failover"}"#)? {
        decisions if decisions > 3.0 => Ok(()),
        decisions => Err(decisions.to_string()),
    })
    .unwrap();
    assert_eq!(written_since(&kubectl, "model", &before), [""; 0]);
    kill(&plane, operator);
    let operator = ahead();
    ready(&kubectl, "model", true);
    wait_for_weight(&kubectl, "model", 50, "Recovering");
    // What is still away was sent there in an hour that is yet to come.
    kill(&plane, operator);
    let _operator = replica(&plane, "clocks", &[]);
    wait_for_weight(&kubectl, "model", 0, "AtHome");
}

/// original-defects.md: "Status and health loops run outside leader election; no events, no conditions, no observedGeneration."
#[test]
fn of_two_replicas_one_decides_and_the_other_goes_on_when_it_is_gone() {
    let plane = troubled();
    let kubectl = plane.namespace("replicas");
    serve(&kubectl, "model");
    let one = replica(&plane, "one", &[]);
    wait_to_lead(&one);
    let first = leader(&plane);
    let other = replica(&plane, "other", &[]);
    kubectl.apply(&failover_only(&kubectl, "model").to_string());
    wait_for_weight(&kubectl, "model", 0, "AtHome");
    assert_eq!((other.metric("leader").unwrap(), leader(&plane)), (0.0, first.clone()));
    // One that stands still is as good as gone, until it goes on.
    one.stand_still().unwrap();
    ready(&kubectl, "model", false);
    wait_for_weight(&kubectl, "model", 100, "Failover");
    let second = leader(&plane);
    assert_ne!(second, first);
    let written = kubectl.get("service model")["metadata"]["resourceVersion"].clone();
    one.go_on().unwrap();
    poll("the first to notice", || {
        one.metric("leader").and_then(|leads| if leads > 0.0 { Err("it leads".into()) } else { Ok(()) })
    })
    .unwrap();
    assert_eq!(leader(&plane), second);
    assert_eq!(kubectl.get("service model")["metadata"]["resourceVersion"], written);
    // One that is told to end hands over at once.
    assert!(other.end());
    ready(&kubectl, "model", true);
    wait_for_weight(&kubectl, "model", 50, "Recovering");
    assert_ne!(leader(&plane), second);
}

#[test]
fn a_policy_that_goes_brings_traffic_home_and_one_that_comes_lets_it_leave() {
    let plane = troubled();
    let kubectl = plane.namespace("policies-go");
    serve(&kubectl, "model");
    let file = plane.folder().path().join("places.yaml");
    std::fs::write(
        &file,
        "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends: [{host: models.example.com, country: de}]\n",
    )
    .unwrap();
    let policy =
        json!({"apiVersion": "authorization.beamlit.com/v1alpha1", "kind": "Policy", "metadata": {"name": "europe"},
        "spec": {"type": "location", "locations": [{"type": "continent", "name": "eu"}]}})
        .to_string();
    let _operator = replica(&plane, "policies", &[format!("--config={}", file.display())]);
    let mut model = failover_only(&kubectl, "model");
    model["spec"]["policies"] = json!([{"refType": "localPolicy", "name": "europe"}]);
    kubectl.apply(&model.to_string());
    wait_for_weight(&kubectl, "model", 0, "Blocked");
    ready(&kubectl, "model", false);
    let condition = |of: &str| {
        let path = format!("get mdep model -o jsonpath={{.status.conditions[?(@.type==\"{of}\")].reason}}");
        kubectl.run(&path).stdout
    };
    poll("the condition", || {
        let reason = condition("PoliciesResolved");
        if reason == "PoliciesUnresolved" { Ok(()) } else { Err(reason) }
    })
    .unwrap();
    kubectl.apply(&policy);
    wait_for_weight(&kubectl, "model", 100, "Failover");
    kubectl.ok("delete policy.authorization.beamlit.com europe --timeout=30s");
    wait_for_weight(&kubectl, "model", 0, "Blocked");
    // One that leaves the backend out is as good as none.
    kubectl.apply(&policy.replace("eu", "na"));
    sleep(Duration::from_secs(3));
    wait_for_weight(&kubectl, "model", 0, "Blocked");
    kubectl.apply(&policy);
    wait_for_weight(&kubectl, "model", 100, "Failover");
}

#[test]
fn what_is_missing_holds_and_what_comes_back_is_taken_up() {
    let (simulation, _) = reconciled();
    let kubectl = simulation.namespace("missing");
    kubectl.apply(&failover_only(&kubectl, "model").to_string());
    // A name that was mistyped sends nothing away.
    poll("the condition to say so", || {
        let status = kubectl.get("mdep model")["status"].to_string();
        if status.contains("ServiceMissing") { Ok(()) } else { Err(status) }
    })
    .unwrap();
    assert_eq!(kubectl.get("ofa model")["status"]["reason"], "LocalUnknown");
    serve(&kubectl, "model");
    wait_for_weight(&kubectl, "model", 0, "AtHome");
    ready(&kubectl, "model", false);
    wait_for_weight(&kubectl, "model", 100, "Failover");
    // Deleted and made again, it says again what holds.
    kubectl.ok("delete service model");
    kubectl.ok("wait --for=jsonpath={.status.reason}=LocalUnknown ofa/model --timeout=30s");
    assert_eq!(kubectl.get("ofa model")["status"]["currentRemoteWeight"], 100);
    serve(&kubectl, "model");
    ready(&kubectl, "model", false);
    wait_for_weight(&kubectl, "model", 100, "Failover");
    // The same of the workload, and of what others write over.
    kubectl.ok("delete deployment model");
    kubectl.ok("wait --for=jsonpath={.status.reason}=LocalUnknown ofa/model --timeout=30s");
    kubectl
        .ok("annotate service model --overwrite routing.beamlit.com/remote-weight=7 routing.beamlit.com/local-weight-");
    poll("the Service to say what holds", || {
        let says = says(&kubectl, "model");
        if says[1].as_deref() == Some("0") && says[2].as_deref() == Some("100") {
            Ok(())
        } else {
            Err(format!("{says:?}"))
        }
    })
    .unwrap();
    kubectl.ok("delete ofa model");
    serve(&kubectl, "model");
    ready(&kubectl, "model", false);
    wait_for_weight(&kubectl, "model", 100, "Failover");
    // Another Service is routed from now on, and the old one by nobody.
    serve(&kubectl, "other");
    ready(&kubectl, "other", false);
    let mut moved = failover_only(&kubectl, "model");
    moved["spec"]["serviceRef"]["name"] = "other".into();
    kubectl.apply(&moved.to_string());
    poll("the other Service to be routed", || {
        let (old, new) = (says(&kubectl, "model"), says(&kubectl, "other"));
        if old == [None, None, None, None] && new[2].as_deref() == Some("100") {
            Ok(())
        } else {
            Err(format!("{old:?} {new:?}"))
        }
    })
    .unwrap();
    // Whose finalizer somebody took off leaves nothing either.
    kubectl.ok(r#"patch mdep model --type=merge -p {"metadata":{"finalizers":null}}"#);
    kubectl.ok("delete mdep model --timeout=30s");
    poll("the Service of one that is gone to be cleaned", || {
        let says = says(&kubectl, "other");
        if says == [None, None, None, None] { Ok(()) } else { Err(format!("{says:?}")) }
    })
    .unwrap();
}
