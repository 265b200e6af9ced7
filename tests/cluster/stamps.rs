//! What a ModelDeployment was compiled to, where a dry run shows it: stamps that are always true, and in nobody's way.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::gated;
use crate::harness::Kubectl;
use crate::teams::furnished;

const AUTOSCALER: &str = "offloading.beamlit.com/autoscaler";
const WEIGHTS: &str = "routing.beamlit.com/weights";
const AT_REST: &str = "local=100,remote=0";

fn model(name: &str, percentage: Option<u8>) -> Value {
    let mut object = json!({
        "apiVersion": "deployment.beamlit.com/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {"model": format!("stamped-{name}"), "modelSourceRef": {"name": "my-model"}, "serviceRef": {"name": name}},
    });
    if let Some(percentage) = percentage {
        object["spec"]["offloadingConfig"] =
            json!({"behavior": {"percentage": percentage}, "remoteBackend": {"host": "models.example.com"}});
    }
    object
}

/// A Service of its own: one ModelDeployment routes one.
fn service(kubectl: &Kubectl, name: &str) {
    kubectl.apply(
        &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"ports": [{"port": 80, "targetPort": 8080}]}})
        .to_string(),
    );
}

fn stamps(object: &Value) -> [Option<String>; 2] {
    [AUTOSCALER, WEIGHTS].map(|key| object["metadata"]["annotations"][key].as_str().map(ToOwned::to_owned))
}

fn most(object: &Value) -> i64 {
    let spec: Value = serde_json::from_str(stamps(object)[0].as_ref().unwrap()).unwrap();
    spec["maxRemoteWeight"].as_i64().unwrap()
}

fn version(object: &Value) -> &Value {
    &object["metadata"]["resourceVersion"]
}

/// The fields that a manager other than the mutator owns, as one text.
fn owned(kubectl: &Kubectl, what: &str) -> String {
    let object: Value =
        serde_json::from_str(&kubectl.ok(&format!("get {what} -o json --show-managed-fields"))).unwrap();
    object["metadata"]["managedFields"].to_string()
}

#[test]
fn a_server_side_dry_run_shows_what_would_be_compiled_and_stores_nothing() {
    let kubectl = furnished(gated().0, "stamps-shown");
    service(&kubectl, "shown");
    // The Service is there; its port is in the stamp once the operator has seen it.
    let shown = crate::harness::poll("the Service to be seen", || {
        let out = kubectl.feed("apply --dry-run=server -o json -f -", &model("shown", Some(50)).to_string());
        let object: Value = serde_json::from_str(&out.stdout).map_err(|error| format!("{error}: {out}"))?;
        let spec = stamps(&object)[0].clone().ok_or_else(|| out.to_string())?;
        if spec.contains("\"port\":80") { Ok(object) } else { Err(spec) }
    })
    .unwrap();
    assert_eq!((most(&shown), stamps(&shown)[1].as_deref()), (50, Some(AT_REST)));
    assert!(!kubectl.run("get mdep shown").succeeded());

    // It is what `compile` makes of the same files.
    let files = [model("shown", Some(50)).to_string(), kubectl.get("service shown").to_string()].join("\n---\n");
    let mut compile = Command::new(env!("CARGO_BIN_EXE_beamlit-operator"))
        .args(["compile", "--quiet", "--output", "json", "--namespace", "stamps-shown", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut compile.stdin.take().unwrap(), files.as_bytes()).unwrap();
    let compiled: Value = serde_json::from_slice(&compile.wait_with_output().unwrap().stdout).unwrap();
    let stamped: Value = serde_json::from_str(stamps(&shown)[0].as_ref().unwrap()).unwrap();
    assert_eq!(compiled["items"][0]["spec"], stamped);
}

#[test]
fn a_stamp_follows_the_object_and_goes_with_offloading() {
    let kubectl = furnished(gated().0, "stamps-true");
    service(&kubectl, "followed");
    kubectl.apply(&model("followed", Some(50)).to_string());
    assert_eq!(most(&kubectl.get("mdep followed")), 50);
    kubectl.apply(&model("followed", Some(80)).to_string());
    assert_eq!(most(&kubectl.get("mdep followed")), 80);
    kubectl.apply(&model("followed", None).to_string());
    assert_eq!(stamps(&kubectl.get("mdep followed")), [None, None]);
    // A name that is made up only when the object is stored is in no stamp.
    let mut generated = model("followed", Some(50));
    generated["metadata"] = json!({"generateName": "made-up-"});
    generated["spec"]["model"] = json!("stamped-generated");
    kubectl.ok("delete mdep followed");
    let out = kubectl.feed("create -o json -f -", &generated.to_string());
    let object: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|error| panic!("{error}: {out}"));
    assert!(!stamps(&object)[0].as_ref().unwrap().contains("made-up-"));
}

#[test]
fn a_forged_stamp_is_overwritten_and_its_author_told() {
    let kubectl = furnished(gated().0, "stamps-forged");
    service(&kubectl, "forged");
    let mut forged = model("forged", Some(50));
    forged["metadata"]["annotations"] = json!({AUTOSCALER: "{}", WEIGHTS: "local=0,remote=100"});
    let out = kubectl.feed("apply -f -", &forged.to_string());
    assert!(out.succeeded(), "{out}");
    for key in [AUTOSCALER, WEIGHTS] {
        let told = format!(
            "Warning: metadata.annotations[{key}]: Forbidden: only the operator writes it: what was written here was not stored; leave it out [OB019]"
        );
        assert!(out.stderr.contains(&told), "{out}");
    }
    let right = kubectl.get("mdep forged");
    assert_eq!((most(&right), stamps(&right)[1].as_deref()), (50, Some(AT_REST)));

    // A mark that means nothing on what is only being created opens no way around.
    let mut marked = forged.clone();
    marked["metadata"]["name"] = json!("marked");
    marked["metadata"]["deletionTimestamp"] = json!("2020-01-01T00:00:00Z");
    marked["spec"]["model"] = json!("stamped-marked");
    marked["spec"]["serviceRef"]["name"] = json!("marked");
    kubectl.ok_with("create --validate=false -f -", &marked.to_string());
    assert_eq!(most(&kubectl.get("mdep marked")), 50);

    // With the spec left alone too, whichever of the two it is.
    for key in [AUTOSCALER, WEIGHTS] {
        let out = kubectl.run(&format!("annotate mdep forged --overwrite {key}=forged"));
        assert!(out.succeeded() && out.stderr.contains("[OB019]"), "{out}");
        assert_eq!(stamps(&kubectl.get("mdep forged")), stamps(&right), "{key}");
        let out = kubectl.run(&format!("annotate mdep forged {key}-"));
        assert!(out.succeeded() && !out.stderr.contains("Warning"), "{out}");
        assert_eq!(stamps(&kubectl.get("mdep forged")), stamps(&right), "{key}");
    }
}

#[test]
fn repeated_applies_change_nothing_and_nobody_owns_a_stamp() {
    let kubectl = furnished(gated().0, "stamps-drift");
    service(&kubectl, "client");
    service(&kubectl, "server");
    let applied = |name: &str, arguments: &str| {
        let manifest = model(name, Some(50)).to_string();
        kubectl.ok_with(arguments, &manifest);
        let first = kubectl.get(&format!("mdep {name}"));
        for _ in 0..3 {
            let out = kubectl.feed(arguments, &manifest);
            assert!(out.succeeded() && out.stderr.is_empty(), "{arguments}\n{out}");
        }
        let last = kubectl.get(&format!("mdep {name}"));
        assert_eq!(version(&last), version(&first), "{arguments}");
        assert_eq!(stamps(&last), stamps(&first));
        manifest
    };
    let manifest = applied("client", "apply -f -");
    assert!(kubectl.feed("diff -f -", &manifest).succeeded(), "{}", kubectl.feed("diff -f -", &manifest));
    // As a replace sends it: without its stamps, and with nothing else changed.
    let before = kubectl.get("mdep client");
    kubectl.ok_with("replace -f -", &manifest);
    assert_eq!(stamps(&kubectl.get("mdep client")), stamps(&before));

    // Two appliers of the same manifest, as a person and a GitOps controller are.
    let manifest = applied("server", "apply --server-side --field-manager=argocd -f -");
    assert!(kubectl.feed("diff --server-side -f -", &manifest).succeeded());
    let out = kubectl.feed("apply --server-side --field-manager=alice -f -", &manifest);
    assert!(out.succeeded(), "{out}");
    assert!(!owned(&kubectl, "mdep server").contains(AUTOSCALER), "{}", owned(&kubectl, "mdep server"));
    // And a change by each of them renews the stamp without a conflict over it.
    let changed = model("server", Some(20)).to_string();
    let out = kubectl.feed("apply --server-side --force-conflicts --field-manager=argocd -f -", &changed);
    assert!(out.succeeded() && out.stderr.is_empty(), "{out}");
    assert_eq!(most(&kubectl.get("mdep server")), 20);
}

#[test]
fn what_compile_prints_can_be_applied_and_reads_back_the_same() {
    let kubectl = furnished(gated().0, "stamps-applied");
    let manifest = include_str!("../../deploy/samples/model-deployment-with-policies.yaml");
    let policy = include_str!("../../deploy/samples/policy.yaml");
    let mut compile = Command::new(env!("CARGO_BIN_EXE_beamlit-operator"))
        .args(["compile", "--quiet", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let files = format!("{manifest}\n---\n{policy}");
    std::io::Write::write_all(&mut compile.stdin.take().unwrap(), files.as_bytes()).unwrap();
    let printed = String::from_utf8(compile.wait_with_output().unwrap().stdout).unwrap();
    let printed = printed.replace("namespace: default", "namespace: stamps-applied");
    let out = kubectl.feed("apply --validate=strict -f -", &printed);
    assert!(out.succeeded(), "{out}");
    let wanted: Value = serde_saphyr::from_str(&printed).unwrap();
    assert_eq!(kubectl.get("ofa my-model-with-policies")["spec"], wanted["spec"]);
    assert!(kubectl.feed("diff -f -", &printed).succeeded());
}
