//! What only one ModelDeployment can have, its model on Beamlit and its Service, also across namespaces.

use crate::governed;
use crate::harness::poll;
use crate::teams::{Team, admitted, refused};

#[test]
fn a_model_is_served_once_in_each_environment_and_who_has_it_elsewhere_is_told_to_operators_alone() {
    let (plane, gate) = governed();
    let (owner, team) = (Team::new(plane, "owner"), Team::new(plane, "latecomer"));
    let mut first = owner.model("first");
    first["spec"]["model"] = "wanted".into();
    admitted(&owner.apply(&first)).unwrap();

    // In one's own namespace the other is named.
    let mut second = owner.model("second");
    second["spec"]["model"] = "wanted".into();
    owner.soon(&second, refused("MD003", &["spec.model", "ModelDeployment \"first\"", "environment \"production\""]));
    let mut elsewhere = second.clone();
    elsewhere["spec"]["environment"] = "development".into();
    admitted(&owner.tried(&elsewhere)).unwrap();

    // In another one it is not; whoever runs the cluster finds it in the log and in the audit log.
    let mut third = team.model("third");
    third["spec"]["model"] = "wanted".into();
    let out = team.apply(&third);
    refused("MD003", &["spec.model", "an object in another namespace"])(&out).unwrap();
    assert!(!out.stderr.contains("owner") && !out.stderr.contains("first"), "{out}");
    let log = gate.operator().log();
    let line = log.lines().find(|line| line.contains("namespace=latecomer") && line.contains("MD003"));
    assert!(line.is_some_and(|line| line.contains("owner/first")), "{log}");
    poll("the audit log to have it", || {
        let events = plane.audited_creations("latecomer");
        let annotated = |event: &serde_json::Value| {
            let annotations = event["annotations"].as_object();
            annotations.is_some_and(|annotations| {
                annotations
                    .iter()
                    .any(|(key, value)| key.starts_with("validate.beamlit.com/") && value == "owner/first")
            })
        };
        if events.iter().any(annotated) { Ok(()) } else { Err(format!("{events:?}")) }
    })
    .unwrap();

    // When the first has gone, the next may have it.
    owner.kubectl.ok("delete mdep first");
    team.soon(&third, admitted);
    admitted(&team.apply(&third)).unwrap();
    owner.soon(&second, refused("MD003", &["an object in another namespace"]));
}

#[test]
fn a_service_is_routed_once() {
    let (plane, _) = governed();
    let team = Team::new(plane, "one-service");
    admitted(&team.apply(&team.model("first"))).unwrap();
    let mut second = team.model("second");
    second["spec"]["serviceRef"]["name"] = "first".into();
    team.soon(&second, refused("MD004", &["spec.serviceRef.name", "ModelDeployment \"first\""]));
    // To change what has it already is no clash with itself.
    let mut changed = team.model("first");
    changed["spec"]["enabled"] = false.into();
    admitted(&team.tried(&changed)).unwrap();
    team.kubectl.ok("delete mdep first");
    team.soon(&second, admitted);
}
