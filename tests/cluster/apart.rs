//! What must hold while the operator is away, was not there yet, or had other rules: on a control plane of its own.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::apart;
use crate::harness::{Gate, Kubectl};
use crate::teams::{furnished, own};

const MODEL: &str = include_str!("manifests/my-model.yaml");
const POLICY: &str = include_str!("manifests/my-policy.yaml");

/// Legal by the schema, and against three rules: a space in the name of the model, a host that is a URL, and a name twice.
const INVALID: &str = "
apiVersion: deployment.beamlit.com/v1alpha1
kind: ModelDeployment
metadata:
  name: invalid
  finalizers: [example.com/hold]
spec:
  model: my model
  modelSourceRef: {name: my-model}
  serviceRef: {name: my-model, targetPort: 8080}
  policies: [{name: one}, {name: one}]
  offloadingConfig:
    remoteBackend: {host: 'https://models.example.com'}
";

fn merge(kubectl: &Kubectl, name: &str, patch: &Value) -> String {
    kubectl.call(&["patch", "mdep", name, "--type=merge", "--patch", &patch.to_string()], "").to_string()
}

#[test]
fn old_faults_do_not_stand_in_the_way_and_new_ones_do() {
    let plane = apart();
    let kubectl = furnished(&plane, "ratchet");
    kubectl.apply(INVALID);
    let _gate = Gate::open(&plane).unwrap();
    // What is not touched is not judged.
    assert_snapshot!(kubectl.run("label mdep invalid team=a"), @"
    exit 0
    modeldeployment.deployment.beamlit.com/invalid labeled
    ");
    // Changed elsewhere: the old faults are warnings.
    assert_snapshot!(merge(&kubectl, "invalid", &json!({"spec": {"enabled": false}})), @r#"
    exit 0
    modeldeployment.deployment.beamlit.com/invalid patched
    Warning: spec.model: Invalid value: "my model": must not contain white space, control, invisible or bidirectional characters [MD001]
    Warning: spec.policies[1]: Duplicate value: "one": this remote policy is named above already [RF005]
    Warning: spec.offloadingConfig.remoteBackend.host: Invalid value: "https://models.example.com": must not contain a scheme; write host: models.example.com and scheme: https [RT001]
    "#);
    // Moved within its list, an old fault stays old.
    assert_snapshot!(
        merge(&kubectl, "invalid", &json!({"spec": {"policies": [{"name": "zero"}, {"name": "one"}, {"name": "one"}]}})),
        @r#"
    exit 0
    modeldeployment.deployment.beamlit.com/invalid patched
    Warning: spec.model: Invalid value: "my model": must not contain white space, control, invisible or bidirectional characters [MD001]
    Warning: spec.policies[2]: Duplicate value: "one": this remote policy is named above already [RF005]
    Warning: spec.offloadingConfig.remoteBackend.host: Invalid value: "https://models.example.com": must not contain a scheme; write host: models.example.com and scheme: https [RT001]
    "#
    );
    // Another wrong value is a new fault, beside the old ones.
    assert_snapshot!(merge(&kubectl, "invalid", &json!({"spec": {"model": "your model"}})), @r#"
    exit 1
    Warning: spec.policies[2]: Duplicate value: "one": this remote policy is named above already [RF005]
    Warning: spec.offloadingConfig.remoteBackend.host: Invalid value: "https://models.example.com": must not contain a scheme; write host: models.example.com and scheme: https [RT001]
    The ModelDeployment "invalid" is invalid: spec.model: Invalid value: "your model": must not contain white space, control, invisible or bidirectional characters [MD001]
    "#);
    assert_snapshot!(merge(&kubectl, "invalid", &json!({"spec": {"environment": "stage"}})), @r#"
    exit 1
    Warning: spec.model: Invalid value: "my model": must not contain white space, control, invisible or bidirectional characters [MD001]
    Warning: spec.policies[2]: Duplicate value: "one": this remote policy is named above already [RF005]
    Warning: spec.offloadingConfig.remoteBackend.host: Invalid value: "https://models.example.com": must not contain a scheme; write host: models.example.com and scheme: https [RT001]
    The ModelDeployment "invalid" is invalid: spec.environment: Unsupported value: "stage": supported values: "production", "development" [OB003]
    "#);
    // Mended one after the other.
    assert_snapshot!(merge(&kubectl, "invalid", &json!({"spec": {"model": "my-model"}})), @r#"
    exit 0
    modeldeployment.deployment.beamlit.com/invalid patched
    Warning: spec.policies[2]: Duplicate value: "one": this remote policy is named above already [RF005]
    Warning: spec.offloadingConfig.remoteBackend.host: Invalid value: "https://models.example.com": must not contain a scheme; write host: models.example.com and scheme: https [RT001]
    "#);
    assert_snapshot!(
        merge(&kubectl, "invalid", &json!({"spec": {"policies": null, "offloadingConfig": {"remoteBackend": {"host": "models.example.com"}}}})),
        @"
    exit 0
    modeldeployment.deployment.beamlit.com/invalid patched
    "
    );
    // And what is mended cannot be broken again.
    assert_snapshot!(merge(&kubectl, "invalid", &json!({"spec": {"model": "my model"}})), @r#"
    exit 1
    The ModelDeployment "invalid" is invalid: spec.model: Invalid value: "my model": must not contain white space, control, invisible or bidirectional characters [MD001]
    "#);
    // The model is free again for others on this control plane.
    plane.admin().ok("delete namespace ratchet --timeout=60s");
}

#[test]
fn an_object_that_is_invalid_by_todays_rules_can_be_deleted() {
    let plane = apart();
    let kubectl = plane.namespace("deleted");
    kubectl.apply(INVALID);
    let _gate = Gate::open(&plane).unwrap();
    kubectl.ok("delete mdep invalid --wait=false");
    // An UPDATE with a deletionTimestamp, and with a change of the spec besides: nobody is asked any more.
    assert_snapshot!(merge(&kubectl, "invalid", &json!({"metadata": {"finalizers": null}, "spec": {"model": "your model"}})), @"
    exit 0
    modeldeployment.deployment.beamlit.com/invalid patched
    ");
    kubectl.ok("wait --for=delete mdep/invalid --timeout=30s");
}

#[test]
fn with_the_operator_away_new_specs_are_refused_and_everything_else_goes_on() {
    let plane = apart();
    let kubectl = plane.namespace("away");
    let mut gate = Gate::open(&plane).unwrap();
    kubectl.apply(&own(MODEL, "away"));
    let held = own(MODEL, "held").replace("my-model\n", "held\n");
    kubectl.apply(&held.replace("metadata:", "metadata:\n  finalizers: [example.com/hold]"));
    kubectl.apply(POLICY);
    let spec = kubectl.get("mdep my-model")["spec"].clone();
    let port = gate.operator().port.to_string();
    gate.stop_operator();

    // Fail: what was not judged is not stored.
    let away = |output: String| output.replace(&port, "<port>");
    assert_snapshot!(away(kubectl.feed("create -f -", &MODEL.replace("my-model", "other")).to_string()), @r#"
    exit 1
    Error from server (InternalError): error when creating "STDIN": Internal error occurred: failed calling webhook "validate.beamlit.com": failed to call webhook: Post "https://beamlit-operator-webhook.beamlit-system.svc:<port>/validate?timeout=5s": dial tcp 127.0.0.1:<port>: connect: connection refused
    "#);
    assert_snapshot!(away(merge(&kubectl, "my-model", &json!({"spec": {"enabled": false}}))), @r#"
    exit 1
    Error from server (InternalError): Internal error occurred: failed calling webhook "validate.beamlit.com": failed to call webhook: Post "https://beamlit-operator-webhook.beamlit-system.svc:<port>/validate?timeout=5s": dial tcp 127.0.0.1:<port>: connect: connection refused
    "#);
    assert_eq!(kubectl.get("mdep my-model")["spec"], spec);

    // The matchConditions: an unchanged spec, an object under deletion and the status go through, and so does deletion.
    kubectl.ok("label mdep my-model team=a");
    kubectl.ok(r#"patch mdep my-model --subresource=status --type=merge -p {"status":{"offloadingStatus":true}}"#);
    kubectl.apply(&own(MODEL, "away"));
    kubectl.ok("delete mdep held --wait=false");
    merge(&kubectl, "held", &json!({"metadata": {"finalizers": null}, "spec": {"enabled": false}}));
    kubectl.ok("wait --for=delete mdep/held --timeout=30s");
    // A Policy too, which others are asked about when it goes, but not waited for; and then the namespace with the rest.
    kubectl.ok("delete bpol my-policy");
    plane.admin().ok("delete namespace away --timeout=60s");
}

#[test]
fn with_the_operator_away_a_missing_default_is_no_reason_to_refuse() {
    let plane = apart();
    let kubectl = plane.namespace("ignore");
    let mut gate = Gate::open(&plane).unwrap();
    gate.stop_operator();
    // The mutating webhook alone, as shipped: Ignore.
    plane.admin().ok("delete validatingwebhookconfiguration beamlit-operator");
    let manifest = "
apiVersion: deployment.beamlit.com/v1alpha1
kind: ModelDeployment
metadata: {name: bare}
spec: {model: bare, modelSourceRef: {name: bare}}
";
    crate::harness::poll("the API server to ask nobody that can refuse", || {
        let out = kubectl.feed("apply -f -", manifest);
        if out.succeeded() { Ok(()) } else { Err(out.to_string()) }
    })
    .unwrap();
    assert_eq!(
        kubectl.get("mdep bare")["spec"],
        json!({"enabled": true, "environment": "production", "model": "bare", "modelSourceRef": {"name": "bare"}}),
        "the schema's own defaults, and no other"
    );
}
