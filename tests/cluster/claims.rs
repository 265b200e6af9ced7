//! A Service that another namespace grants, and takes back.

use serde_json::{Value, json};

use crate::beamlit::wait_for;
use crate::harness::{Kubectl, poll};
use crate::offloading::says;
use crate::reconciled;
use crate::reconciler::{failover_only, ready, serve};
use crate::references::grant;
use crate::teams::admitted;

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
