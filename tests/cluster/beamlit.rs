//! Beamlit kept in step, and traffic sent there: against a strict stand-in of its API.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{ControlPlane, Kubectl, poll};
use crate::offloading::{model_deployment, says, wait_for_weight};
use crate::reconciler::{ready, replica, serve};
use crate::stand_in::{Answer, Beamlit, CREDENTIALS};
use crate::troubled;

/// The credentials as a Secret is mounted.
fn credentials(plane: &ControlPlane) -> PathBuf {
    let folder = plane.folder().path().join("beamlit-credentials");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("clientId"), CREDENTIALS.0).unwrap();
    std::fs::write(folder.join("clientSecret"), CREDENTIALS.1).unwrap();
    folder
}

pub(crate) fn flags(plane: &ControlPlane, beamlit: &Beamlit) -> [String; 2] {
    [format!("--beamlit-url={}", beamlit.base()), format!("--beamlit-credentials={}", credentials(plane).display())]
}

/// A ModelDeployment whose traffic goes to Beamlit itself.
pub(crate) fn of_beamlit(name: &str) -> Value {
    let mut object = model_deployment(name, "Deployment", &json!([]), &json!({"percentage": 50}));
    object["spec"]["offloadingConfig"]["remoteBackend"] = Value::Null;
    object["spec"]["model"] = name.into();
    object
}

/// Waits until a condition has this reason, and returns its message.
#[track_caller]
pub(crate) fn wait_for(kubectl: &Kubectl, object: &str, condition: &str, reason: &str) -> String {
    poll(&format!("{condition} to be {reason}"), || {
        let status = kubectl.get(object)["status"].clone();
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let found = conditions.filter(|found| found["type"] == condition).find(|found| found["reason"] == reason);
        found.map(|found| found["message"].as_str().unwrap_or_default().to_owned()).ok_or_else(|| status.to_string())
    })
    .unwrap()
}

#[test]
fn traffic_goes_to_a_model_on_beamlit_once_it_is_deployed_and_not_before() {
    let plane = troubled();
    let kubectl = plane.namespace("beamlit");
    let beamlit = Beamlit::start();
    serve(&kubectl, "model");
    ready(&kubectl, "model", false);
    let operator = replica(&plane, "beamlit", &flags(&plane, &beamlit));
    kubectl.apply(&of_beamlit("model").to_string());
    wait_for_weight(&kubectl, "model", 0, "Blocked");
    wait_for(&kubectl, "mdep model", "Synced", "Synced");
    wait_for(&kubectl, "mdep model", "Ready", "RemoteNotReady");
    beamlit.store(|store| store.status("production", "model", "DEPLOYED"));
    wait_for_weight(&kubectl, "model", 100, "Failover");
    // While Beamlit is away, what was last known counts, also for the next life of the operator.
    beamlit.down(Some(Answer::page(502)));
    operator.kill();
    let operator = replica(&plane, "beamlit", &flags(&plane, &beamlit));
    poll("a decision after the restart", || operator.metric(r#"decisions_total{reason="Failover"}"#)).unwrap();
    assert_eq!(says(&kubectl, "model")[2].as_deref(), Some("100"));
    wait_for(&kubectl, "mdep model", "Synced", "BeamlitUnavailable");
    beamlit.down(None);
    wait_for(&kubectl, "mdep model", "Synced", "Synced");
    let status = kubectl.get("mdep model")["status"].clone();
    assert_eq!((&status["workspace"], &status["servingPort"]), (&json!("my-workspace"), &json!(8080)));
    assert!(status["createdAtOnBeamlit"].is_string() && status["updatedAtOnBeamlit"].is_string(), "{status}");
    let backend = says(&kubectl, "model")[3].clone();
    assert_eq!(backend.as_deref(), Some("https://run.beamlit.com/my-workspace/models/model"));
    // Its pods are there as they are, and what was only read was written nowhere.
    let stored = beamlit.store(|store| store.model("production", "model")).unwrap();
    assert_eq!(stored["spec"]["podTemplate"]["spec"]["containers"][0]["name"], "main");
    beamlit.store(|store| store.status("production", "model", "FAILED"));
    wait_for_weight(&kubectl, "model", 0, "Blocked");
    assert_eq!(beamlit.violations(), [""; 0]);
    kubectl.ok("delete mdep model --timeout=30s");
    assert_eq!(beamlit.store(|store| store.model("production", "model")), None);
}

#[test]
fn names_on_beamlit_are_taken_over_left_alone_moved_and_let_go() {
    let plane = troubled();
    let kubectl = plane.namespace("owners");
    let beamlit = Beamlit::start();
    beamlit.store(|store| {
        store.deploys_at_once = true;
        store.put_model("production", "old", json!({"team": "mine"}), json!({"enabled": true}));
        store.put_model(
            "production",
            "theirs",
            json!({"managed-by-uid": "another", "managed-by": "beamlit-operator"}),
            json!({}),
        );
    });
    serve(&kubectl, "model");
    serve(&kubectl, "theirs");
    let _operator = replica(&plane, "owners", &flags(&plane, &beamlit));
    let mut model = of_beamlit("model");
    model["spec"]["model"] = "old".into();
    kubectl.apply(&model.to_string());
    wait_for(&kubectl, "mdep model", "Synced", "Synced");
    assert!(kubectl.ok("get events").contains("TakenOver"));
    kubectl.apply(&of_beamlit("theirs").to_string());
    wait_for(&kubectl, "mdep theirs", "Synced", "NameTaken");
    let untouched = beamlit.store(|store| store.model("production", "theirs")).unwrap();
    assert_eq!(untouched["metadata"]["labels"]["managed-by-uid"], "another");
    // What was taken over is let go of, not deleted; what was made is deleted.
    model["spec"]["model"] = "new".into();
    kubectl.apply(&model.to_string());
    poll("the old model to be nobody's again", || {
        let (old, new) = beamlit.store(|store| (store.model("production", "old"), store.model("production", "new")));
        let labels = old.as_ref().map(|old| old["metadata"]["labels"].clone()).unwrap_or_default();
        if labels == json!({"team": "mine"}) && new.is_some() { Ok(()) } else { Err(format!("{old:?} {new:?}")) }
    })
    .unwrap();
    model["spec"]["environment"] = "development".into();
    kubectl.apply(&model.to_string());
    poll("the model to be in the other environment alone", || {
        let (old, new) = beamlit.store(|store| (store.model("production", "new"), store.model("development", "new")));
        if old.is_none() && new.is_some() { Ok(()) } else { Err(format!("{old:?} {new:?}")) }
    })
    .unwrap();
    kubectl.ok("delete mdep model theirs --timeout=30s");
    assert!(beamlit.store(|store| store.model("production", "theirs")).is_some());
    assert_eq!(beamlit.violations(), [""; 0]);
}

#[test]
fn an_object_goes_when_beamlit_is_back_or_when_it_is_told_not_to_wait() {
    let plane = troubled();
    let kubectl = plane.namespace("waiting");
    let beamlit = Beamlit::start();
    for name in ["one", "other"] {
        serve(&kubectl, name);
    }
    let _operator = replica(&plane, "waiting", &flags(&plane, &beamlit));
    let policy = json!({"apiVersion": "authorization.beamlit.com/v1alpha1", "kind": "Policy", "metadata": {"name": "europe"},
        "spec": {"type": "location", "locations": [{"type": "continent", "name": "eu"}]}});
    kubectl.apply(&policy.to_string());
    for name in ["one", "other"] {
        kubectl.apply(&of_beamlit(name).to_string());
        wait_for(&kubectl, &format!("mdep {name}"), "Synced", "Synced");
    }
    wait_for(&kubectl, "policy.authorization.beamlit.com europe", "Synced", "Synced");
    beamlit.down(Some(Answer::error(503, "away")));
    kubectl.ok("delete mdep one other --wait=false");
    kubectl.ok("delete policy.authorization.beamlit.com europe --wait=false");
    poll("an event to say what is waited for", || {
        let events = kubectl.ok("get events");
        if events.contains("waiting for Beamlit before it can go") { Ok(()) } else { Err(events) }
    })
    .unwrap();
    // Traffic is home all the same.
    assert_eq!(says(&kubectl, "one"), [None, None, None, None]);
    kubectl.ok("annotate mdep other deployment.beamlit.com/orphan=true");
    kubectl.ok("wait --for=delete mdep/other --timeout=60s");
    assert!(kubectl.run("get mdep one").succeeded());
    beamlit.down(None);
    // It was forgotten there meanwhile.
    beamlit.store(|store| store.remove_model("production", "one"));
    kubectl.ok("wait --for=delete mdep/one --timeout=100s");
    kubectl.ok("wait --for=delete policy.authorization.beamlit.com/europe --timeout=100s");
    assert!(beamlit.store(|store| store.model("production", "other")).is_some());
    assert_eq!(beamlit.store(|store| store.policy("europe")), None);
}

#[test]
fn what_policies_on_beamlit_allowed_stays_away_while_nobody_can_read_them() {
    let plane = troubled();
    let kubectl = plane.namespace("unread");
    let beamlit = Beamlit::start();
    beamlit
        .store(|store| store.put_policy("tokens", json!({}), json!({"type": "maxToken", "maxTokens": {"total": 5}})));
    let bounded = |name: &str| {
        let mut object = model_deployment(name, "Deployment", &json!([]), &json!({"percentage": 50}));
        object["spec"]["policies"] = json!([{"name": "tokens"}]);
        object.to_string()
    };
    for name in ["model", "fresh"] {
        serve(&kubectl, name);
        ready(&kubectl, name, false);
    }
    let operator = replica(&plane, "unread", &flags(&plane, &beamlit));
    kubectl.apply(&bounded("model"));
    wait_for_weight(&kubectl, "model", 100, "Failover");
    wait_for(&kubectl, "mdep model", "PoliciesResolved", "Resolved");
    wait_for(&kubectl, "mdep model", "Ready", "Ready");
    operator.kill();
    beamlit.down(Some(Answer::page(502)));
    let _operator = replica(&plane, "unread", &flags(&plane, &beamlit));
    // Of one that never sent anything nobody knows that it may.
    kubectl.apply(&bounded("fresh"));
    wait_for_weight(&kubectl, "fresh", 0, "Blocked");
    wait_for_weight(&kubectl, "model", 100, "Paused");
    wait_for(&kubectl, "mdep model", "PoliciesResolved", "PoliciesUnresolved");
    wait_for(&kubectl, "mdep model", "Ready", "PoliciesUnresolved");
    let changed = kubectl.ok("get events").matches("remote weight 100").count();
    assert_eq!(changed, 0, "it was never home");
    beamlit.down(None);
    wait_for(&kubectl, "mdep model", "PoliciesResolved", "Resolved");
    wait_for_weight(&kubectl, "model", 100, "Failover");
    wait_for_weight(&kubectl, "fresh", 100, "Failover");
    kubectl.ok("delete mdep model fresh --timeout=60s");
}

/// Who refuses is not asked for ever, and what stays behind is named.
#[test]
fn an_object_goes_when_its_patience_ends_whoever_refuses() {
    let plane = troubled();
    let kubectl = plane.namespace("refused");
    let beamlit = Beamlit::start();
    for name in ["one", "other"] {
        serve(&kubectl, name);
    }
    let mut all = flags(&plane, &beamlit).to_vec();
    all.push("--finalizer-timeout=10s".to_owned());
    let operator = replica(&plane, "refused", &all);
    for name in ["one", "other"] {
        kubectl.apply(&of_beamlit(name).to_string());
        wait_for(&kubectl, &format!("mdep {name}"), "Synced", "Synced");
    }
    poll("nothing to be left", || {
        operator.metric("beamlit_orphans").and_then(|left| if left == 0.0 { Ok(()) } else { Err(left.to_string()) })
    })
    .unwrap();
    beamlit.script("DELETE", "/models", vec![Answer::error(400, "kept"); 1000]);
    kubectl.ok("delete mdep one --wait=false");
    assert!(wait_for(&kubectl, "mdep one", "Ready", "Deleting").contains("waiting for Beamlit"));
    assert!(wait_for(&kubectl, "mdep one", "Synced", "BeamlitRefused").contains("kept"));
    kubectl.ok("wait --for=delete mdep/one --timeout=60s");
    // The API server takes nothing of the operator's on Services either.
    let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "refused"}, "spec": {"failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"],
                "resources": ["services"]}]},
            "validations": [{"expression": "false", "message": "nobody writes Services here"}]}});
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "refused"}, "spec": {"policyName": "refused", "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "refused"}}}}});
    plane.admin().apply(&policy.to_string());
    plane.admin().apply(&binding.to_string());
    poll("Services not to be written", || {
        let tried = kubectl.run("label service other tried=yes --dry-run=server --overwrite");
        if tried.succeeded() { Err(tried.to_string()) } else { Ok(()) }
    })
    .unwrap();
    kubectl.ok("delete mdep other --wait=false");
    assert!(wait_for(&kubectl, "mdep other", "Ready", "Deleting").contains("nobody writes Services here"));
    kubectl.ok("wait --for=delete mdep/other --timeout=60s");
    poll("events to name what was left", || {
        let events = kubectl.ok("get events");
        let all = ["what may be on Beamlit stays", "stay on Services (refused/other)"];
        if all.iter().all(|said| events.contains(said)) { Ok(()) } else { Err(events) }
    })
    .unwrap();
    // It is known what is left, and what can be mended is when it can be.
    assert!(says(&kubectl, "other")[0].is_some());
    poll("both models to be counted", || {
        operator.metric("beamlit_orphans").and_then(|left| if left == 2.0 { Ok(()) } else { Err(left.to_string()) })
    })
    .unwrap();
    plane.admin().ok("delete validatingadmissionpolicybinding,validatingadmissionpolicy refused");
    poll("the Service to say nothing any more", || {
        let said = says(&kubectl, "other");
        if said == [None, None, None, None] { Ok(()) } else { Err(format!("{said:?}")) }
    })
    .unwrap();
    assert_eq!(beamlit.violations(), [""; 0]);
}
