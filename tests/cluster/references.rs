//! What a ModelDeployment refers to, looked up: Services and their ports, workloads, and grants of other namespaces.

use serde_json::{Value, json};

use crate::governed;
use crate::teams::{Team, admitted, list, locations, refused, service, warned, workload};

/// A ReferenceGrant that lets ModelDeployments of a namespace refer to what is in this one.
pub(crate) fn grant(name: &str, version: &str, from: &str, to: &Value) -> String {
    json!({
        "apiVersion": format!("gateway.networking.k8s.io/{version}"),
        "kind": "ReferenceGrant",
        "metadata": {"name": name},
        "spec": {"from": [{"group": "deployment.beamlit.com", "kind": "ModelDeployment", "namespace": from}], "to": to},
    })
    .to_string()
}

/// The Gateway API is installed while the operator runs, so that this is one test.
#[test]
fn references_into_another_namespace_are_granted_there() {
    let (plane, _) = governed();
    let (owner, team) = (Team::new(plane, "grantor"), Team::new(plane, "grantee"));
    owner.kubectl.ok_with("apply -f -", &list(&[&service("shared", &[8080]), &workload("shared")]));
    owner.apply(&locations("shared", &[("continent", "eu"), ("country", "us")]));
    let mut by_service = team.model("by-service");
    by_service["spec"]["serviceRef"]["name"] = "shared".into();
    by_service["spec"]["serviceRef"]["namespace"] = "grantor".into();
    let mut by_rest = team.model("by-rest");
    by_rest["spec"]["modelSourceRef"] = json!({"name": "shared", "namespace": "grantor"});
    by_rest["spec"]["policies"] = json!([{"refType": "localPolicy", "name": "shared", "namespace": "grantor"}]);

    // Without a grant, whether its kind is served or not, the message says which one is missing.
    let of_service = || {
        refused("RF003", &["spec.serviceRef.namespace", "ReferenceGrant", "\"grantor\"", "kind: Service", "\"shared\""])
    };
    of_service()(&team.tried(&by_service)).unwrap();
    plane.install_reference_grants().unwrap();
    of_service()(&team.tried(&by_service)).unwrap();
    let out = team.tried(&by_rest);
    refused("RF003", &["spec.modelSourceRef.namespace", "group: \"apps\", kind: Deployment"])(&out).unwrap();
    refused("RF003", &["spec.policies[0].namespace", "kind: Policy"])(&out).unwrap();

    // With one, in either version.
    let to_service = json!([{"group": "", "kind": "Service", "name": "shared"}]);
    owner.kubectl.apply(&grant("service", "v1beta1", "grantee", &to_service));
    team.soon(&by_service, admitted);
    let to_rest =
        json!([{"group": "apps", "kind": "Deployment"}, {"group": "authorization.beamlit.com", "kind": "Policy"}]);
    owner.kubectl.apply(&grant("rest", "v1", "grantee", &to_rest));
    team.soon(&by_rest, admitted);
    // It is for those whom it names, and for what it names.
    let third = Team::new(plane, "stranger");
    let mut stranger = third.model("stranger");
    stranger["spec"]["serviceRef"] = by_service["spec"]["serviceRef"].clone();
    of_service()(&third.tried(&stranger)).unwrap();
    owner.apply(&service("other", &[8080]));
    let mut other = by_service.clone();
    other["spec"]["serviceRef"]["name"] = "other".into();
    refused("RF003", &["kind: Service", "\"other\""])(&team.tried(&other)).unwrap();

    // Whoever changes a policy that others have been granted is told that there are some, and not who.
    for model in [&by_service, &by_rest] {
        admitted(&team.apply(model)).unwrap();
    }
    owner.soon(&locations("shared", &[("continent", "eu")]), |out| {
        warned("PL013", &["objects of other namespaces name it"])(out)?;
        if out.stderr.contains("grantee") || out.stderr.contains("by-rest") { Err(out.to_string()) } else { Ok(()) }
    });

    // Taken back: new references are refused, and what is stored can still be changed elsewhere.
    owner.kubectl.ok("delete referencegrant service");
    let mut next = team.model("next");
    next["spec"]["serviceRef"] = by_service["spec"]["serviceRef"].clone();
    team.soon(&next, of_service());
    let changed = team.merge("mdep by-service", &json!({"spec": {"enabled": false}}));
    warned("RF003", &["spec.serviceRef.namespace"])(&changed).unwrap();
    let moved = json!({"spec": {"serviceRef": {"name": "other"}}});
    refused("RF003", &["\"other\""])(&team.merge("mdep by-service", &moved)).unwrap();

    // And with the kind itself, all of it.
    plane.remove_reference_grants();
    let mut last = team.model("last");
    last["spec"]["modelSourceRef"] = by_rest["spec"]["modelSourceRef"].clone();
    team.soon(&last, refused("RF003", &["spec.modelSourceRef.namespace"]));
}

#[test]
fn what_is_not_there_yet_is_a_warning_and_a_port_that_a_service_lacks_is_a_fault() {
    let (plane, _) = governed();
    let team = Team::new(plane, "ports");
    let mut model = team.model("model");
    model["spec"]["modelSourceRef"] = json!({"kind": "StatefulSet", "name": "app"});
    model["spec"]["serviceRef"]["name"] = "web".into();
    let out = team.tried(&model);
    warned("RF007", &["spec.modelSourceRef.name", "StatefulSet", "\"ports\""])(&out).unwrap();
    warned("RF007", &["spec.serviceRef.name", "Service"])(&out).unwrap();
    model["spec"]["modelSourceRef"] = json!({"name": "app"});

    team.apply(&service("web", &[80, 443]));
    team.soon(&model, refused("RF008", &["spec.serviceRef.targetPort", "8080", "80", "443"]));
    let mut unnamed = model.clone();
    unnamed["spec"]["serviceRef"].as_object_mut().unwrap().remove("targetPort");
    refused("RF009", &["spec.serviceRef.targetPort", "80", "443", "name one of them"])(&team.tried(&unnamed)).unwrap();
    // The Service changes, and with it what is right.
    team.merge("service web", &json!({"spec": {"ports": [{"port": 8080}]}}));
    team.soon(&model, admitted);
    admitted(&team.tried(&unnamed)).unwrap();
    // A port of the pods that one port leads to.
    team.merge("service web", &json!({"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}));
    let mut by_own = model.clone();
    by_own["spec"]["serviceRef"]["targetPort"] = 81.into();
    team.soon(&by_own, refused("RF008", &["81"]));
    admitted(&team.tried(&model)).unwrap();
}

#[test]
fn where_a_named_port_leads_the_workload_says() {
    let (plane, _) = governed();
    let team = Team::new(plane, "named-ports");
    let mut model = team.model("model");
    model["spec"]["serviceRef"]["name"] = "web".into();
    team.apply(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"ports": [{"port": 80, "targetPort": "http"}]}}));
    // Of a name that the workload does not have nobody knows where it leads.
    team.soon(&model, admitted);
    let container = json!([{"op": "add", "path": "/spec/template/spec/containers/0/ports",
        "value": [{"name": "http", "containerPort": 9000}]}]);
    let ports = ["patch", "deployment", "app", "--type=json", "--patch", &container.to_string()];
    assert!(team.kubectl.call(&ports, "").succeeded());
    team.soon(&model, refused("RF008", &["8080", "80 (leads to \"http\", 9000)"]));
    model["spec"]["serviceRef"]["targetPort"] = 9000.into();
    admitted(&team.tried(&model)).unwrap();
}

#[test]
fn step_beside_an_autoscaler_is_warned_about_for_as_long_as_there_is_one() {
    let (plane, _) = governed();
    let team = Team::new(plane, "beside");
    let mut model = team.model("model");
    let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}}});
    model["spec"]["offloadingConfig"] = json!({"metrics": [cpu], "behavior": {"percentage": 50}});
    team.soon(&model, admitted);
    // Without metrics: the API server's own default is cpu.
    team.kubectl.ok("autoscale deployment app --max=5 --name=theirs");
    let beside = || warned("MD031", &["spec.offloadingConfig.behavior.strategy", "\"theirs\"", "cpu", "Proportional"]);
    team.soon(&model, beside());
    let mut proportional = model.clone();
    proportional["spec"]["offloadingConfig"]["behavior"]["strategy"] = "Proportional".into();
    admitted(&team.tried(&proportional)).unwrap();
    team.kubectl.ok("delete hpa theirs");
    team.soon(&model, admitted);
}
