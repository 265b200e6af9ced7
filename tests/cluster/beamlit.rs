//! Beamlit kept in step, and traffic sent there: against a strict stand-in of its API.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::prometheus_stand_in::{PrometheusStandIn, Says};
use crate::harness::{ControlPlane, Kubectl, poll};
use crate::offloading::{model_deployment, says, wait_for_weight};
use crate::prometheus::{by_name, configured};
use crate::reconciler::{kill, ready, replica, serve, written_since};
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
    kill(&plane, operator);
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

/// original-defects.md: "Deleting an object without `offloadingConfig` leaves the model on Beamlit; renaming `spec.model` orphans the old one."
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
    if let Some(spec) = model["spec"].as_object_mut() {
        spec.remove("offloadingConfig");
    }
    kubectl.apply(&model.to_string());
    kubectl.ok("wait --for=delete ofa/model --timeout=30s");
    kubectl.ok("delete mdep model theirs --timeout=30s");
    assert_eq!(beamlit.store(|store| store.model("development", "new")), None);
    assert!(beamlit.store(|store| store.model("production", "theirs")).is_some());
    assert_eq!(beamlit.violations(), [""; 0]);
}

/// original-defects.md: "Policy sync dereferences nil on every call; a policy failure is recorded as done and not retried."
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
    kill(&plane, operator);
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

/// Past the gate, which refuses that: an object that was there first takes the model of one that came later.
#[test]
fn of_two_objects_with_a_model_the_first_has_it_on_beamlit_and_the_other_when_it_is_free() {
    let plane = troubled();
    let kubectl = plane.namespace("models");
    let beamlit = Beamlit::start();
    serve(&kubectl, "first");
    serve(&kubectl, "later");
    let _operator = replica(&plane, "models", &flags(&plane, &beamlit));
    let mut first = of_beamlit("first");
    kubectl.apply(&first.to_string());
    wait_for(&kubectl, "mdep first", "Synced", "Synced");
    kubectl.apply(&of_beamlit("later").to_string());
    wait_for(&kubectl, "mdep later", "Synced", "Synced");
    let belongs_to = |name: &str| {
        poll("the model to be another's", || {
            let model = beamlit.store(|store| store.model("production", "later")).unwrap_or_default();
            let owner = &model["metadata"]["labels"]["managed-by-object"];
            if owner == &format!("models/{name}") { Ok(()) } else { Err(model.to_string()) }
        })
        .unwrap();
    };
    first["spec"]["model"] = "later".into();
    kubectl.apply(&first.to_string());
    let why = wait_for(&kubectl, "mdep later", "Synced", "NameTaken");
    assert!(why.contains("\"first\""), "{why}");
    wait_for(&kubectl, "mdep first", "Synced", "Synced");
    belongs_to("first");
    kubectl.ok("delete mdep first --timeout=30s");
    wait_for(&kubectl, "mdep later", "Synced", "Synced");
    belongs_to("later");
    assert_eq!(beamlit.violations(), [""; 0]);
    kubectl.ok("delete mdep later --timeout=30s");
}

/// What is decided by metrics goes to Beamlit, is half of everything, and survives its operator.
#[test]
fn killed_with_traffic_on_beamlit_it_writes_nothing_anew_when_it_is_back() {
    let plane = troubled();
    let kubectl = plane.namespace("survives");
    let (beamlit, prometheus) = (Beamlit::start(), PrometheusStandIn::start().unwrap());
    beamlit.store(|store| store.deploys_at_once = true);
    prometheus.says("load", Says::Value("95"));
    serve(&kubectl, "survives");
    let [url, credentials] = flags(&plane, &beamlit);
    let flags = [url, credentials, configured(&plane, &prometheus.url())];
    let operator = replica(&plane, "survives", &flags);
    let mut model = of_beamlit("survives");
    model["spec"]["offloadingConfig"]["metrics"] = json!([by_name("load")]);
    kubectl.apply(&model.to_string());
    wait_for_weight(&kubectl, "survives", 50, "TargetReached");
    wait_for(&kubectl, "mdep survives", "Ready", "Ready");
    poll("Beamlit to be told that traffic comes", || {
        let labels =
            beamlit.store(|store| store.model("production", "survives")).unwrap_or_default()["metadata"]["labels"]
                .clone();
        if labels["offloading"] == "true" { Ok(()) } else { Err(labels.to_string()) }
    })
    .unwrap();
    let before = ["service survives", "ofa survives"].map(|what| kubectl.get(what));
    beamlit.forget_calls();

    kill(&plane, operator);
    let operator = replica(&plane, "survives", &flags);
    poll("decisions, and a look at the object, after the restart", || {
        let decisions = operator.metric(r#"decisions_total{reason="TargetReached"}"#)?;
        let reconciled = |result: &str| {
            operator.metric(&format!("reconciles_total{{controller=\"modeldeployment\",result=\"{result}\"}}"))
        };
        let looks = reconciled("unchanged").unwrap_or_default() + reconciled("changed").unwrap_or_default();
        if decisions > 3.0 && looks > 0.0 { Ok(()) } else { Err(format!("{decisions} decisions, {looks} looks")) }
    })
    .unwrap();
    let [service, autoscaler] = before;
    assert_eq!(written_since(&kubectl, "survives", &service["metadata"]["resourceVersion"]), [""; 0]);
    let now = kubectl.get("ofa survives")["status"].clone();
    for field in ["currentRemoteWeight", "lastTransitionTime"] {
        assert_eq!(now[field], autoscaler["status"][field], "{field}");
    }
    let calls = beamlit.lines();
    assert!(!calls.is_empty() && calls.iter().all(|call| call.starts_with("GET ")), "{calls:?}");
    assert_eq!(operator.metric(r#"decisions_total{reason="AtHome"}"#).unwrap_or_default(), 0.0);
    kubectl.ok("delete mdep survives --timeout=30s");
}

#[test]
fn whatever_beamlit_answers_the_weight_stays_the_condition_says_so_and_nothing_is_lost() {
    let plane = troubled();
    let kubectl = plane.namespace("answers");
    let beamlit = Beamlit::start();
    beamlit.store(|store| store.deploys_at_once = true);
    serve(&kubectl, "answers");
    let operator = replica(&plane, "answers", &flags(&plane, &beamlit));
    let mut model = of_beamlit("answers");
    kubectl.apply(&model.to_string());
    wait_for(&kubectl, "mdep answers", "Synced", "Synced");
    ready(&kubectl, "answers", false);
    wait_for_weight(&kubectl, "answers", 100, "Failover");
    let version = kubectl.get("service answers")["metadata"]["resourceVersion"].clone();
    // Something is to be done there.
    let mut change = |replicas: i64| {
        model["spec"]["serverlessConfig"] = json!({"maxNumReplicas": replicas});
        kubectl.apply(&model.to_string());
    };
    let wait_to_be_told = |words: &str| {
        poll("the condition to say what is wrong", || {
            let object = kubectl.get("mdep answers");
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let synced = conditions.into_iter().find(|condition| condition["type"] == "Synced").unwrap_or_default();
            let message = synced["message"].as_str().unwrap_or_default();
            if synced["status"] == "False" && message.contains(words) { Ok(()) } else { Err(synced.to_string()) }
        })
        .unwrap();
    };
    let wait_for_beamlit = |replicas: i64| {
        poll("Beamlit to hold what is wanted", || {
            let kept = beamlit.store(|store| store.model("production", "answers")).unwrap_or_default();
            let kept = &kept["spec"]["serverlessConfig"];
            if kept["maxNumReplicas"] == replicas { Ok(()) } else { Err(kept.to_string()) }
        })
        .unwrap_or_else(|why| panic!("{why}\n{:?}\n{}", beamlit.lines(), operator.log()));
        wait_for(&kubectl, "mdep answers", "Synced", "Synced");
    };
    let answers = [
        (Answer::page(200), "it is a page, not JSON"),
        (Answer::redirect("https://elsewhere.example.com/"), "leads elsewhere"),
        (Answer::json(200, &json!({"error": "database is away", "code": 500})), "database is away"),
    ];
    for (replicas, (answer, words)) in (1..).zip(answers) {
        beamlit.down(Some(answer));
        change(replicas);
        wait_to_be_told(words);
        // Whoever answered in its place is gone, and nobody says so.
        beamlit.down(None);
        wait_for_beamlit(replicas);
    }
    // What is another workspace's is not written to.
    let its_workspace = |name: &str| {
        beamlit.store(|store| {
            store.change_model("production", "answers", |model| model["metadata"]["workspace"] = name.into());
        });
    };
    its_workspace("another");
    change(11);
    wait_to_be_told("objects of workspace \"another\"");
    its_workspace("my-workspace");
    change(12);
    wait_for_beamlit(12);
    assert_eq!(written_since(&kubectl, "answers", &version), [""; 0]);
    assert_eq!(beamlit.violations(), [""; 0]);
    kubectl.ok("delete mdep answers --timeout=30s");
}

/// With `--cascade=orphan` Kubernetes takes the owner off what an object owned, instead of taking that away.
#[test]
fn an_object_that_is_deleted_without_what_it_owns_leaves_nothing_behind() {
    let plane = troubled();
    let kubectl = plane.namespace("orphans");
    let beamlit = Beamlit::start();
    beamlit.store(|store| store.deploys_at_once = true);
    let operator = replica(&plane, "orphans", &flags(&plane, &beamlit));
    for name in ["watched", "unwatched"] {
        serve(&kubectl, name);
        kubectl.apply(&of_beamlit(name).to_string());
        wait_for(&kubectl, &format!("mdep {name}"), "Synced", "Synced");
        wait_for_weight(&kubectl, name, 0, "AtHome");
        ready(&kubectl, name, false);
        wait_for_weight(&kubectl, name, 100, "Failover");
    }
    let nothing_is_left = |name: &str| {
        poll("nothing to be left", || {
            let autoscaler = kubectl.run(&format!("get ofa {name} --ignore-not-found --output name")).stdout;
            let (says, model) = (says(&kubectl, name), beamlit.store(|store| store.model("production", name)));
            if autoscaler.is_empty() && says == [None, None, None, None] && model.is_none() {
                Ok(())
            } else {
                Err(format!("{autoscaler} {says:?} {model:?}"))
            }
        })
        .unwrap();
    };
    kubectl.ok("delete mdep watched --cascade=orphan --timeout=60s");
    nothing_is_left("watched");

    // The same while nobody looks, so that the autoscaler is nobody's by the time that somebody does.
    kill(&plane, operator);
    kubectl.ok("delete mdep unwatched --cascade=orphan --wait=false");
    poll("the autoscaler to be nobody's", || match &kubectl.get("ofa unwatched")["metadata"]["ownerReferences"] {
        Value::Null => Ok(()),
        owners => Err(owners.to_string()),
    })
    .unwrap();
    let _operator = replica(&plane, "orphans", &flags(&plane, &beamlit));
    kubectl.ok("wait --for=delete mdep/unwatched --timeout=60s");
    nothing_is_left("unwatched");
}
