//! OffloadAutoscalers as people meet them: shown like an HPA, explained, and advised against where somebody writes one.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::harness::kubectl::Output;
use crate::harness::operator::NAMESPACE;
use crate::harness::{Gate, Kubectl};
use crate::resources::age;
use crate::{apart, cluster, gated};

const AUTOSCALER: &str = include_str!("manifests/my-autoscaler.yaml");

fn patched(kubectl: &Kubectl, flags: &[&str], patch: &Value) -> Output {
    let patch = patch.to_string();
    let arguments = ["patch", "ofa", "my-model", "--type=merge", "--patch", &patch];
    kubectl.call(&[&arguments[..], flags].concat(), "")
}

#[test]
fn it_is_listed_as_an_hpa_is() {
    let kubectl = cluster().namespace("autoscalers-listed");
    kubectl.apply(AUTOSCALER);
    assert_snapshot!(age(&kubectl.ok("get ofa")), @"
    NAME       REFERENCE   TARGETS   MAX   WEIGHT   REASON   AGE
    my-model                         50                      <age>
    ");
    let status = json!({"status": {
        "currentRemoteWeight": 25,
        "desiredRemoteWeight": 50,
        "reason": "Metrics",
        "reference": "Deployment/my-model",
        "targets": "cpu: 95%/90%",
        "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 95, "averageValue": "950m"}}}],
        "state": {"version": 1, "anything": {"goes": [1, 2]}},
    }});
    let out = patched(&kubectl, &["--subresource=status"], &status);
    assert!(out.succeeded() && out.stderr.is_empty(), "{out}");
    assert_snapshot!(age(&kubectl.ok("get offloadautoscalers")), @"
    NAME       REFERENCE             TARGETS        MAX   WEIGHT   REASON    AGE
    my-model   Deployment/my-model   cpu: 95%/90%   50    25       Metrics   <age>
    ");
    // Nothing of it is dropped, and the spec has not been touched.
    let stored = kubectl.get("ofa my-model");
    assert_eq!(stored["status"], status["status"]);
    assert_eq!(stored["metadata"]["generation"], 1);
}

#[test]
fn its_fields_are_explained() {
    let kubectl = cluster().admin();
    for field in ["", ".spec", ".spec.metrics", ".spec.scaleTargetRef", ".spec.route", ".spec.route.remote", ".status"]
    {
        kubectl.ok(&format!("explain ofa{field}"));
    }
    assert_snapshot!(kubectl.ok("explain ofa.spec.behavior"), @"
    GROUP:      deployment.beamlit.com
    KIND:       OffloadAutoscaler
    VERSION:    v1alpha1

    FIELD: behavior <Object>


    DESCRIPTION:
        How the weight follows the metrics. Required.
        
    FIELDS:
      failover	<Object> -required-
        What happens while no endpoint of the Service is ready. Required.

      probe	<Object> -required-
        How a held weight is tried for whether the load fits at home again.
        Required.

      scaleDown	<Object> -required-
        How the weight falls, back home. Required.

      scaleUp	<Object> -required-
        How the weight rises, towards the remote backend. Required.

      strategy	<string> -required-
      enum: Step, Proportional
        `Step` (all of maxRemoteWeight once a target is reached) or `Proportional`
        (just as much as keeps the workload at its target). Required.
    ");
    assert_snapshot!(kubectl.ok("explain ofa.spec.maxRemoteWeight"), @"
    GROUP:      deployment.beamlit.com
    KIND:       OffloadAutoscaler
    VERSION:    v1alpha1

    FIELD: maxRemoteWeight <integer>


    DESCRIPTION:
        The most that metrics may send away, in percent of the traffic, 0 to 100
        (failover sends all). 0 means never, failover included. Required.
    ");
}

#[test]
fn whoever_writes_one_is_advised_and_never_refused() {
    let kubectl = gated().0.namespace("autoscalers-by-hand");
    assert_snapshot!(kubectl.feed("create --dry-run=server -f -", AUTOSCALER), @"
    exit 0
    offloadautoscaler.deployment.beamlit.com/my-model created (server dry run)
    Warning: spec: Forbidden: an OffloadAutoscaler is compiled from a ModelDeployment by the operator, which overwrites what others write; write a ModelDeployment instead [OB018]
    ");
    kubectl.apply(AUTOSCALER);
    assert_snapshot!(patched(&kubectl, &[], &json!({"spec": {"maxRemoteWeight": 60}})), @"
    exit 0
    offloadautoscaler.deployment.beamlit.com/my-model patched
    Warning: spec: Forbidden: an OffloadAutoscaler is compiled from a ModelDeployment by the operator, which overwrites what others write; write a ModelDeployment instead [OB018]
    ");
    assert_eq!(kubectl.get("ofa my-model")["spec"]["maxRemoteWeight"], 60, "it is stored as it was written");
    // What is not compiled is nobody's business.
    for quiet in ["label ofa my-model team=a", "annotate ofa my-model note=a"] {
        let out = kubectl.run(quiet);
        assert!(out.succeeded() && out.stderr.is_empty(), "{quiet}: {out}");
    }
    let out = patched(&kubectl, &["--subresource=status"], &json!({"status": {"reason": "Metrics"}}));
    assert!(out.succeeded() && out.stderr.is_empty(), "{out}");
    // One that belongs to a ModelDeployment says to which.
    let owner = json!({"apiVersion": "deployment.beamlit.com/v1alpha1", "kind": "ModelDeployment", "name": "theirs", "uid": "not-there"});
    let owned = patched(
        &kubectl,
        &["--dry-run=server"],
        &json!({"metadata": {"ownerReferences": [owner]}, "spec": {"maxRemoteWeight": 70}}),
    );
    assert_snapshot!(owned, @r#"
    exit 0
    offloadautoscaler.deployment.beamlit.com/my-model patched
    Warning: spec: Forbidden: an OffloadAutoscaler is compiled from ModelDeployment "theirs" by the operator, which overwrites what others write; change that instead [OB018]
    "#);
    // The schema speaks for itself.
    assert_snapshot!(patched(&kubectl, &[], &json!({"spec": {"maxRemoteWeight": 101}})), @r#"
    exit 1
    The OffloadAutoscaler "my-model" is invalid: spec.maxRemoteWeight: Invalid value: 101: spec.maxRemoteWeight in body should be less than or equal to 100
    "#);
    // An object under deletion, with a change of the spec besides.
    patched(&kubectl, &[], &json!({"metadata": {"finalizers": ["example.com/hold"]}}));
    kubectl.ok("delete ofa my-model --wait=false");
    let out = patched(&kubectl, &[], &json!({"metadata": {"finalizers": null}, "spec": {"maxRemoteWeight": 10}}));
    assert!(out.succeeded() && out.stderr.is_empty(), "{out}");
    kubectl.ok("wait --for=delete ofa/my-model --timeout=30s");
}

/// The condition is asked about objects that have next to nothing in them as well: an error in it would skip the webhook.
#[test]
fn the_operators_own_account_is_told_nothing_and_every_other_is() {
    let plane = gated().0;
    let kubectl = plane.namespace("autoscalers-accounts");
    // The same name in another namespace is another account.
    for (namespace, advised) in [(NAMESPACE, false), ("autoscalers-accounts", true)] {
        let object = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "beamlit-operator", "namespace": namespace}});
        plane.admin().in_no_namespace().ok_with("apply -f -", &object.to_string());
        kubectl.ok(&format!(
            "create rolebinding {namespace} --clusterrole=cluster-admin --serviceaccount={namespace}:beamlit-operator"
        ));
        let account = plane.service_account(namespace, "beamlit-operator").in_namespace("autoscalers-accounts");
        let named = AUTOSCALER.replace("name: my-model\nspec", &format!("name: by-{namespace}\nspec"));
        for arguments in ["create --dry-run=server -f -", "apply --server-side -f -"] {
            let out = account.feed(arguments, &named);
            assert!(out.succeeded(), "{arguments}: {out}");
            assert_eq!(out.stderr.contains("[OB018]"), advised, "{arguments}: {out}");
        }
    }
}

#[test]
fn with_the_operator_away_one_is_stored_without_advice() {
    let plane = apart();
    let kubectl = plane.namespace("autoscalers-away");
    let mut gate = Gate::open(&plane).unwrap();
    let out = kubectl.feed("create --dry-run=server -f -", AUTOSCALER);
    assert!(out.stderr.contains("[OB018]"), "{out}");
    gate.stop_operator();
    let out = kubectl.feed("create -f -", AUTOSCALER);
    assert!(out.succeeded() && !out.stderr.contains("[OB018]"), "{out}");
    kubectl.ok("delete ofa my-model --timeout=30s");
}
