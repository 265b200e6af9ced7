//! `check` takes all files that it is given as one world: what one of them holds decides what another one is told.
#![cfg(feature = "cli")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::process::Command;

use serde_json::Value;

/// A ModelDeployment with more in its spec.
fn model(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata: {{name: {name}}}\nspec:\n  model: {name}\n  \
         modelSourceRef: {{name: {name}}}\n  serviceRef: {{name: {name}, targetPort: 80}}\n{spec}"
    )
}

fn policy(name: &str, country: &str) -> String {
    format!(
        "apiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata: {{name: {name}}}\nspec: {{type: location, locations: [{{type: country, name: {country}}}]}}\n"
    )
}

const LOCAL: &str = "  policies: [{refType: localPolicy, name: us-only}]\n";

/// What `check` says of files in one folder: its exit code and its document.
fn check(files: &[(&str, String)]) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_beamlit-operator"));
    let output = command.args(["check", "--output", "json"]).arg(folder.path()).output().unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

/// Every finding as `name path code`.
fn findings(document: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for result in document["results"].as_array().unwrap() {
        for finding in result["findings"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            all.push(format!("{} {} {}", text(&result["name"]), text(&finding["path"]), text(&finding["code"])));
        }
    }
    all
}

#[test]
fn a_policy_may_stand_in_a_file_before_or_after_the_one_that_names_it() {
    for order in [["a.yaml", "b.yaml"], ["b.yaml", "a.yaml"]] {
        let (code, document) = check(&[(order[0], model("m", LOCAL)), (order[1], policy("us-only", "us"))]);
        assert_eq!((code, findings(&document)), (0, vec![]));
    }
    let (code, document) = check(&[("all.yaml", format!("{}---\n{}", model("m", LOCAL), policy("us-only", "us")))]);
    assert_eq!((code, findings(&document)), (0, vec![]));
}

#[test]
fn a_local_policy_that_is_in_no_file_is_an_error_and_its_neighbour_is_offered() {
    let (code, document) = check(&[("a.yaml", model("m", LOCAL)), ("b.yaml", policy("us-olny", "us"))]);
    assert_eq!((code, findings(&document)), (1, vec!["m spec.policies[0].name RF006".to_owned()]));
    let finding = &document["results"][0]["findings"][0];
    assert_eq!((&finding["severity"], &finding["hint"]), (&"error".into(), &"did you mean \"us-olny\"?".into()));
    assert_eq!(finding["line"], 8);
}

#[test]
fn what_no_file_holds_is_unknown_and_told_once() {
    let text = format!("{}---\n{}", model("m", "  policies: [{name: q}]\n"), model("o", "  policies: [{name: q}]\n"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    fs::write(&path, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_beamlit-operator")).arg("check").arg(&path).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "note: unknown (not looked up): Deployment default/m, Deployment default/o, Service default/m, Service default/o, remotePolicy q\n\
         2 objects: 2 admitted\n"
    );
}

#[test]
fn a_service_and_a_workload_among_the_files_are_looked_at() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: m}, spec: {ports: [{port: 8080}]}}\n".to_owned();
    let workload = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: m}}\n".to_owned();
    let files = [("m.yaml", model("m", "")), ("s.yaml", service), ("w.json", workload)];
    let (code, document) = check(&files);
    assert_eq!((code, findings(&document)), (1, vec!["m spec.serviceRef.targetPort RF008".to_owned()]));
    assert_eq!(document["results"][0]["unknown"], Value::Array(vec![]));
    assert_eq!(document["skipped"], 2);
}

#[test]
fn a_reference_into_another_namespace_needs_its_grant_among_the_files() {
    let model = model("m", "").replace("serviceRef: {name: m,", "serviceRef: {name: m, namespace: b,");
    let (code, document) = check(&[("m.yaml", model.clone())]);
    assert_eq!((code, findings(&document)), (1, vec!["m spec.serviceRef.namespace RF003".to_owned()]));
    let grant = "\
apiVersion: v1
kind: List
items:
- apiVersion: gateway.networking.k8s.io/v1beta1
  kind: ReferenceGrant
  metadata: {name: g, namespace: b}
  spec:
    from: [{group: deployment.beamlit.com, kind: ModelDeployment, namespace: default}]
    to: [{group: '', kind: Service}]
";
    let (code, document) = check(&[("m.yaml", model), ("grant.yaml", grant.to_owned())]);
    assert_eq!((code, findings(&document)), (0, vec![]));
    assert_eq!(document["results"][0]["unknown"][1]["namespace"], "b");
}

#[test]
fn of_two_that_claim_the_same_the_later_is_at_fault() {
    let second = model("o", "").replace("model: o", "model: m").replace("serviceRef: {name: o", "serviceRef: {name: m");
    let (code, document) = check(&[("a.yaml", model("m", "")), ("b.yaml", second.clone())]);
    let expected = ["o spec.model MD003", "o spec.serviceRef.name MD004"].map(str::to_owned).to_vec();
    assert_eq!((code, findings(&document)), (1, expected));
    let elsewhere = second.replace("metadata: {name: o}", "metadata: {name: o, namespace: b}");
    let (code, document) = check(&[("a.yaml", model("m", "")), ("b.yaml", elsewhere)]);
    assert_eq!((code, findings(&document)), (1, vec!["o spec.model MD003".to_owned()]));
    assert!(document.to_string().contains("an object in another namespace serves it"));
}

#[test]
fn a_broken_file_hides_nothing_of_the_others() {
    let files = [("a.yaml", model("m", LOCAL)), ("b.yaml", "a: [".to_owned()), ("c.yaml", policy("us-only", "us"))];
    let (code, document) = check(&files);
    assert_eq!((code, findings(&document)), (2, vec![]));
}

#[test]
fn thousands_that_claim_the_same_are_told_in_bounded_time() {
    let began = std::time::Instant::now();
    let all: Vec<String> = (0..3000)
        .map(|index| model(&format!("m{index}"), "").replace(&format!("model: m{index}\n"), "model: same\n"))
        .collect();
    let (code, document) = check(&[("all.yaml", all.join("---\n"))]);
    assert_eq!((code, findings(&document).len()), (1, 2999));
    assert!(document.to_string().contains("ModelDeployment \\\"m0\\\" serves it"));
    assert!(began.elapsed() < std::time::Duration::from_secs(60), "{:?}", began.elapsed());
}
