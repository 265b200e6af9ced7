//! Services that are laid claim to: by another namespace, which is granted it and is not any more, and by two objects at once.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::beamlit::wait_for;
use crate::harness::operator::Operator;
use crate::harness::{Kubectl, poll};
use crate::offloading::says;
use crate::reconciler::{failover_only, kill, ready, replica, serve, version, written_since};
use crate::references::grant;
use crate::teams::admitted;
use crate::{reconciled, troubled};

/// Waits until a ModelDeployment `model` sends this much away for this reason.
#[track_caller]
fn wait_for_decision(kubectl: &Kubectl, weight: i64, reason: &str) {
    poll(&format!("{weight} % to be away because of {reason}"), || {
        let status = kubectl.get("ofa model")["status"].clone();
        if status["currentRemoteWeight"] == weight && status["reason"] == reason {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .unwrap();
}

#[test]
fn a_grant_that_is_taken_back_takes_the_words_off_the_service_and_given_again_brings_them_back() {
    let (simulation, _) = reconciled();
    simulation.plane().install_reference_grants().unwrap();
    let (owner, team) = (simulation.namespace("grants"), simulation.namespace("granted"));
    serve(&owner, "model");
    owner.ok("annotate service model example.com/team=mine");
    serve(&team, "model");
    let granted = grant("model", "v1", "granted", &json!([{"group": "", "kind": "Service", "name": "model"}]));
    owner.apply(&granted);
    let mut model = failover_only(&team, "model");
    model["spec"]["serviceRef"]["namespace"] = "grants".into();
    poll("the grant to be seen", || admitted(&team.feed("apply -f -", &model.to_string()))).unwrap();
    let routed = |weight: &str| {
        poll("the foreign Service to say what was decided", || {
            let says = says(&owner, "model");
            let expected = [Some("granted/model"), Some(weight)];
            if [says[0].as_deref(), says[2].as_deref()] == expected { Ok(()) } else { Err(format!("{says:?}")) }
        })
        .unwrap();
    };
    routed("0");
    ready(&owner, "model", false);
    routed("100");
    wait_for_decision(&team, 100, "Failover");

    owner.ok("delete referencegrant model");
    wait_for(&team, "mdep model", "Ready", "NotGranted");
    wait_for_decision(&team, 0, "Blocked");
    poll("the foreign Service to say nothing of ours", || match says(&owner, "model") {
        [None, None, None, None] => Ok(()),
        says => Err(format!("{says:?}")),
    })
    .unwrap();
    let annotations = owner.get("service model")["metadata"]["annotations"].clone();
    assert_eq!(annotations["example.com/team"], Value::from("mine"));

    owner.apply(&granted);
    routed("100");
    wait_for_decision(&team, 100, "Failover");
    team.ok("delete mdep model --timeout=30s");
    assert_eq!(says(&owner, "model"), [None, None, None, None]);
}

/// The gate refuses the second; here nobody asks it. By name the later would come first.
#[test]
fn of_two_objects_that_claim_a_service_the_first_keeps_it_and_the_other_says_so() {
    let plane = troubled();
    let kubectl = plane.namespace("twins");
    serve(&kubectl, "shared");
    ready(&kubectl, "shared", false);
    let claim = |name: &str| {
        let mut object = failover_only(&kubectl, name);
        object["spec"]["modelSourceRef"]["name"] = "shared".into();
        object["spec"]["serviceRef"]["name"] = "shared".into();
        kubectl.apply(&object.to_string());
    };
    let routed_by = |owner: &str| {
        poll("the Service to be routed", || {
            let says = says(&kubectl, "shared");
            let expected = [Some(format!("twins/{owner}")), Some("100".to_owned())];
            if [&says[0], &says[2]] == [&expected[0], &expected[1]] { Ok(()) } else { Err(format!("{says:?}")) }
        })
        .unwrap();
    };
    let operator = replica(&plane, "twins", &[]);
    claim("zebra");
    routed_by("zebra");
    // The API server counts the seconds in which objects are made, and these must be two.
    poll("the second to pass", || {
        let made = kubectl.get("mdep zebra")["metadata"]["creationTimestamp"].clone();
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        if made.as_str().is_some_and(|made| *made < *now) { Ok(()) } else { Err(now) }
    })
    .unwrap();
    let before = version(&kubectl, "service shared");
    claim("ant");
    wait_for(&kubectl, "mdep ant", "Ready", "Contested");
    let nothing_changed = |operator: &Operator| {
        let decisions = || operator.metric(r#"decisions_total{reason="Failover"}"#).unwrap_or_default();
        let began = decisions();
        poll("decisions", || match decisions() {
            now if now > began + 3.0 => Ok(()),
            now => Err(now.to_string()),
        })
        .unwrap();
        wait_for(&kubectl, "mdep zebra", "Ready", "Ready");
        wait_for(&kubectl, "mdep ant", "Ready", "Contested");
        assert_eq!(version(&kubectl, "service shared"), before, "{:?}", written_since(&kubectl, "shared", &before));
    };
    nothing_changed(&operator);
    // One that saw neither of them come holds with the first all the same.
    kill(&plane, operator);
    let operator = replica(&plane, "twins", &[]);
    nothing_changed(&operator);

    // When the first goes, the other may have it.
    kubectl.ok("delete mdep zebra --timeout=30s");
    routed_by("ant");
    wait_for(&kubectl, "mdep ant", "Ready", "Ready");
}
