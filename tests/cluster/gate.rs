//! What a person sees at `kubectl apply` with the operator running: admitted, completed, or refused with every fault named.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::gated;
use crate::harness::Kubectl;
use crate::teams::{furnished, own};

const MODEL: &str = include_str!("manifests/my-model.yaml");
const POLICY: &str = include_str!("manifests/my-policy.yaml");
const WITH_POLICIES: &str = include_str!("manifests/my-model-with-policies.yaml");

/// The smallest ModelDeployment, with these fields of the spec laid over it.
fn model(name: &str, spec: &Value) -> String {
    let mut object = json!({
        "apiVersion": "deployment.beamlit.com/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {"model": name, "modelSourceRef": {"name": "my-model"}, "serviceRef": {"name": "my-model", "targetPort": 8080}},
    });
    lay(&mut object["spec"], spec);
    object.to_string()
}

/// A Policy with this spec.
fn policy(name: &str, spec: &Value) -> String {
    json!({
        "apiVersion": "authorization.beamlit.com/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": spec,
    })
    .to_string()
}

/// Lays `fields` over `object`: as a merge patch does it.
fn lay(object: &mut Value, fields: &Value) {
    match (object, fields) {
        (Value::Object(object), Value::Object(fields)) => {
            for (name, value) in fields {
                lay(object.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (object, fields) => *object = fields.clone(),
    }
}

fn apply(kubectl: &Kubectl, manifest: &str) -> String {
    kubectl.feed("apply -f -", manifest).to_string()
}

fn version(kubectl: &Kubectl, what: &str) -> Value {
    kubectl.get(what)["metadata"]["resourceVersion"].clone()
}

#[test]
fn the_manifests_of_the_documentation_are_admitted() {
    let kubectl = furnished(gated().0, "documentation");
    assert_snapshot!(apply(&kubectl, &own(MODEL, "documentation")), @"
    exit 0
    modeldeployment.deployment.beamlit.com/my-model created
    ");
    assert_snapshot!(apply(&kubectl, POLICY), @r#"
    exit 0
    policy.authorization.beamlit.com/my-policy created
    Warning: spec.locations[0]: Duplicate value: "us": lies in continent na, which is listed at spec.locations[1] [PL008]
    "#);
    crate::harness::poll("the Policy to be seen", || {
        let out = kubectl.feed("apply --dry-run=server -f -", WITH_POLICIES);
        if out.stderr.contains("[RF006]") { Err(out.to_string()) } else { Ok(()) }
    })
    .unwrap();
    assert_snapshot!(apply(&kubectl, &own(WITH_POLICIES, "documentation")), @"
    exit 0
    modeldeployment.deployment.beamlit.com/my-model-with-policies created
    ");
}

#[test]
fn what_is_left_out_is_filled_in_and_what_is_written_stays() {
    let kubectl = furnished(gated().0, "defaults");
    kubectl.apply(&model("bare", &json!({})));
    assert_eq!(
        kubectl.get("mdep bare")["spec"],
        json!({
            "enabled": true,
            "environment": "production",
            "model": "bare",
            "modelSourceRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "my-model"},
            "serviceRef": {"name": "my-model", "targetPort": 8080},
        })
    );
    let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}}});
    kubectl.apply(&model(
        "full",
        &json!({
            "enabled": false,
            "environment": "development",
            "modelSourceRef": {"kind": "StatefulSet"},
            "serviceRef": {"name": "my-other-model"},
            "policies": [{"name": "on-beamlit"}],
            "serverlessConfig": {},
            "offloadingConfig": {"metrics": [metric], "remoteBackend": {"host": "models.example.com"}},
        }),
    ));
    assert_eq!(
        kubectl.get("mdep full")["spec"],
        json!({
            "enabled": false,
            "environment": "development",
            "model": "full",
            "modelSourceRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "my-model"},
            // Never a default inside a list item: no refType.
            "policies": [{"name": "on-beamlit"}],
            "serverlessConfig": {"minNumReplicas": 0, "maxNumReplicas": 10},
            "serviceRef": {"name": "my-other-model", "targetPort": 8080},
            "offloadingConfig": {
                "behavior": {"percentage": 100},
                "metrics": [metric],
                "remoteBackend": {"host": "models.example.com", "scheme": "http"},
            },
        })
    );
}

/// One manifest for each class of fault, with what kubectl prints about it.
#[test]
fn every_class_of_fault_is_refused_in_plain_words() {
    let kubectl = furnished(gated().0, "faults");
    let refused = |manifest: &str| {
        let out = kubectl.feed("apply -f -", manifest);
        assert_eq!(out.code, Some(1), "{manifest}\n{out}");
        out.to_string()
    };
    let x = |spec: Value| refused(&model("x", &spec));
    // Of the schema: /mutate refuses these, in the same words.
    assert_snapshot!(x(json!({"model": null})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.model: Required value [OB002]
    "#);
    assert_snapshot!(x(json!({"environment": "prod"})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.environment: Unsupported value: "prod": supported values: "production", "development"; did you mean "production"? [OB003]
    "#);
    assert_snapshot!(x(json!({"offloadingConfig": {"behavior": {"percentage": "50"}}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.offloadingConfig.behavior.percentage: Invalid value: must be an integer, not a string; write it without quotes [OB001]
    "#);
    assert_snapshot!(x(json!({"offloadingConfig": {"behavior": {"percentage": 150}}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.offloadingConfig.behavior.percentage: Invalid value: 150: must be from 0 to 100 [OB004]
    "#);
    // Of a name.
    assert_snapshot!(x(json!({"model": "my model"})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.model: Invalid value: "my model": must not contain white space, control, invisible or bidirectional characters [MD001]
    "#);
    assert_snapshot!(x(json!({"modelSourceRef": {"name": "My_Model"}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.modelSourceRef.name: Invalid value: "My_Model": must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character; did you mean "my-model"? [RF001]
    "#);
    // Of references.
    assert_snapshot!(x(json!({"modelSourceRef": {"kind": "deployment"}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.modelSourceRef.kind: Unsupported value: "deployment": supported values: "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"; did you mean "Deployment"? [OB003]
    "#);
    assert_snapshot!(x(json!({"serviceRef": {"name": "my-model", "namespace": "elsewhere"}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.serviceRef.namespace: Forbidden: "elsewhere": namespace "elsewhere" does not grant ModelDeployments of namespace "faults" the use of its Service; a ReferenceGrant in namespace "elsewhere" with from: [{group: deployment.beamlit.com, kind: ModelDeployment, namespace: "faults"}] and to: [{group: "", kind: Service, name: "my-model"}] grants it [RF003]
    "#);
    assert_snapshot!(x(json!({"serviceRef": {"name": "my-model", "targetPort": 65536}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.serviceRef.targetPort: Invalid value: 65536: must be from 1 to 65535 [OB004]
    "#);
    assert_snapshot!(x(json!({"offloadingConfig": {}, "serviceRef": null})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.serviceRef: Required value: offloadingConfig needs the Service whose traffic it takes [MD002]
    "#);
    assert_snapshot!(x(json!({"policies": [{"name": "one"}, {"name": "one"}]})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.policies[1]: Duplicate value: "one": this remote policy is named above already [RF005]
    "#);
    // Of replica counts and rates.
    assert_snapshot!(x(json!({"serverlessConfig": {"minNumReplicas": 3, "maxNumReplicas": 2}})), @r#"
    exit 1
    Warning: spec.serverlessConfig.minNumReplicas: Invalid value: 3: Beamlit itself takes 0 or 1 [MD021]
    The ModelDeployment "x" is invalid: spec.serverlessConfig.minNumReplicas: Invalid value: 3: must not be above maxNumReplicas, which is 2 [MD020]
    "#);
    assert_snapshot!(x(json!({"serverlessConfig": {"stableWindow": "60"}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.serverlessConfig.stableWindow: Invalid value: "60": has no unit; units are ns, us, ms, s, m and h; did you mean "60s"? [MD023]
    "#);
    assert_snapshot!(x(json!({"offloadingConfig": {"behavior": {"scaleUp": {"policies": []}}}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.offloadingConfig.behavior.scaleUp.policies: Required value: must have at least 1 item [OB002]
    "#);
    // Of metrics.
    assert_snapshot!(x(json!({"offloadingConfig": {"metrics": [{"type": "Resource"}]}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.offloadingConfig.metrics[0].resource: Required value: must populate information for the given metric source [MD040]
    "#);
    assert_snapshot!(
        x(json!({"offloadingConfig": {"metrics": [
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageValue": "1"}}}
        ]}})),
        @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.offloadingConfig.metrics[0].resource.target.type: Invalid value: "Utilization": contradicts averageValue, by which the metric is compared; did you mean "AverageValue"? [MD044]
    "#
    );
    // Of the remote backend.
    assert_snapshot!(x(json!({"offloadingConfig": {"remoteBackend": {"host": "https://models.example.com/v1"}}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.offloadingConfig.remoteBackend.host: Invalid value: "https://models.example.com/v1": must not contain a scheme; write host: models.example.com and scheme: https [RT001]
    "#);
    assert_snapshot!(x(json!({"offloadingConfig": {"remoteBackend": {"host": "169.254.169.254"}}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.offloadingConfig.remoteBackend.host: Forbidden: "169.254.169.254": a link-local address (169.254.0.0/16, where clouds hand out credentials) is never a remote backend [RT002]
    "#);
    assert_snapshot!(
        x(json!({"offloadingConfig": {"remoteBackend": {"host": "models.example.com", "pathPrefix": "v1", "headersToAdd": {"Host": "a"}}}})),
        @r#"
    exit 1
    The ModelDeployment "x" is invalid: 
    * spec.offloadingConfig.remoteBackend.pathPrefix: Invalid value: "v1": must start with /; did you mean "/v1"? [RT003]
    * spec.offloadingConfig.remoteBackend.headersToAdd[Host]: Forbidden: this header belongs to the request itself and cannot be added; the host of the backend goes into host [RT007]
    "#
    );
    // Of OAuth; the secret is never shown.
    let secret = x(
        json!({"offloadingConfig": {"remoteBackend": {"host": "models.example.com", "scheme": "https", "authConfig": {
            "type": "oauth",
            "oauthConfig": {
                "clientId": "me",
                "clientSecret": "never-shown",
                "clientSecretRef": {"name": "mine", "key": "secret"},
                "tokenUrl": "http://id.example.com/token",
            },
        }}}}),
    );
    assert!(!secret.contains("never-shown"), "{secret}");
    assert_snapshot!(secret, @r#"
    exit 1
    The ModelDeployment "x" is invalid: 
    * spec.offloadingConfig.remoteBackend.authConfig.oauthConfig.clientSecret: Forbidden: cannot be set beside clientSecretRef; keep clientSecretRef [RT009]
    * spec.offloadingConfig.remoteBackend.authConfig.oauthConfig.tokenUrl: Invalid value: "http://id.example.com/token": must be an https URL: the client's secret is sent there [RT011]
    "#);
    // Of a policy.
    assert_snapshot!(refused(&policy("p", &json!({"type": "location", "locations": [{"type": "country", "name": "uk"}]}))), @r#"
    exit 1
    The Policy "p" is invalid: spec.locations[0].name: Invalid value: "uk": not an ISO 3166-1 alpha-2 country code; did you mean "gb"? [PL004]
    "#);
    assert_snapshot!(refused(&policy("p", &json!({"type": "flavor", "locations": [{"type": "continent", "name": "eu"}]}))), @r#"
    exit 1
    The Policy "p" is invalid: 
    * spec.locations: Forbidden: a policy of type "flavor" lists flavors only; write another policy of type "location" for them [PL002]
    * spec.flavors: Required value: a policy of type "flavor" lists at least one flavor; did you mean type "location"? [PL001]
    "#);
    // Of the manifest itself: the API server refuses these before anyone is asked.
    assert_snapshot!(x(json!({"offloadingConfig": {"behaviour": {"percentage": 50}}})), @r#"
    exit 1
    Error from server (BadRequest): error when creating "STDIN": ModelDeployment in version "v1alpha1" cannot be handled as a ModelDeployment: strict decoding error: unknown field "spec.offloadingConfig.behaviour"
    "#);
    assert_snapshot!(refused(&model("Not_A_Name", &json!({}))), @r#"
    exit 1
    The ModelDeployment "Not_A_Name" is invalid: metadata.name: Invalid value: "Not_A_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
    "#);
    // Many at once, in the order of the schema, whoever refuses them.
    assert_snapshot!(refused(include_str!("demo/refused.yaml")), @r#"
    exit 1
    The ModelDeployment "refused" is invalid: 
    * spec.model: Invalid value: "my model": must not contain white space, control, invisible or bidirectional characters [MD001]
    * spec.environment: Unsupported value: "prod": supported values: "production", "development"; did you mean "production"? [OB003]
    * spec.modelSourceRef.kind: Unsupported value: "Pod": supported values: "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet" [OB003]
    * spec.serviceRef.targetPort: Invalid value: 80800: must be from 1 to 65535 [OB004]
    * spec.offloadingConfig.behavior.percentage: Invalid value: 150: must be from 0 to 100 [OB004]
    * spec.offloadingConfig.remoteBackend.host: Invalid value: "https://models.example.com/v1": must not contain a scheme; write host: models.example.com and scheme: https [RT001]
    "#);
    assert_eq!(kubectl.get("beamlit")["items"], json!([]), "nothing was stored");
}

#[test]
fn a_dry_run_is_judged_and_stores_nothing() {
    let kubectl = furnished(gated().0, "dry-run");
    assert_snapshot!(kubectl.feed("apply --dry-run=server -f -", &own(MODEL, "dry-run")), @"
    exit 0
    modeldeployment.deployment.beamlit.com/my-model created (server dry run)
    ");
    assert_snapshot!(kubectl.feed("apply --dry-run=server -f -", &model("x", &json!({"environment": "prod"}))), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.environment: Unsupported value: "prod": supported values: "production", "development"; did you mean "production"? [OB003]
    "#);
    // What would be stored is shown with its defaults.
    let shown = kubectl
        .ok_with("apply --dry-run=server --output=jsonpath={.spec.modelSourceRef.kind} -f -", &model("x", &json!({})));
    assert_eq!(shown, "Deployment");
    assert_eq!(kubectl.get("beamlit")["items"], json!([]));
}

#[test]
fn applied_again_nothing_changes_whichever_way_it_is_applied() {
    let plane = gated().0;
    for (namespace, flags) in [("again-client", ""), ("again-server", "--server-side")] {
        let kubectl = furnished(plane, namespace);
        for (what, manifest) in [
            ("mdep my-model", &*own(MODEL, namespace)),
            ("bpol my-policy", POLICY),
            ("mdep my-model-with-policies", &own(WITH_POLICIES, namespace)),
            (
                "mdep bare",
                &model(
                    "bare",
                    &json!({"model": namespace, "serviceRef": {"name": "my-other-model"}, "offloadingConfig": {}}),
                ),
            ),
        ] {
            kubectl.ok_with(&format!("apply {flags} -f -"), manifest);
            let before = version(&kubectl, what);
            let again = kubectl.ok_with(&format!("apply {flags} -f -"), manifest);
            // Server-side apply always says `serverside-applied`; that nothing changed shows in the version.
            if flags.is_empty() {
                assert!(again.trim_end().ends_with(" unchanged"), "{what}: {again}");
            }
            assert_eq!(version(&kubectl, what), before, "{namespace} {what}");
            let difference = kubectl.feed(&format!("diff {flags} -f -"), manifest);
            assert_eq!(
                (difference.code, difference.stdout.as_str()),
                (Some(0), ""),
                "{namespace} {what}: {difference}"
            );
        }
    }
}

#[test]
fn replacing_an_object_with_its_manifest_changes_nothing() {
    let kubectl = furnished(gated().0, "replace");
    let model = own(MODEL, "replace");
    kubectl.ok_with("create -f -", &model);
    kubectl.ok_with("replace -f -", &model);
    let before = version(&kubectl, "mdep my-model");
    kubectl.ok_with("replace -f -", &model);
    assert_eq!(version(&kubectl, "mdep my-model"), before);
}

#[test]
fn moving_from_client_side_to_server_side_apply_meets_no_conflict() {
    let kubectl = furnished(gated().0, "moving");
    let with_policies = own(WITH_POLICIES, "moving");
    for (what, manifest) in [("bpol my-policy", POLICY), ("mdep my-model-with-policies", &*with_policies)] {
        kubectl.apply(manifest);
        let spec = kubectl.get(what)["spec"].clone();
        // kubectl itself hands over what client-side apply owned, and warns if it cannot.
        let moved = kubectl.feed("apply --server-side -f -", manifest);
        assert_eq!((moved.code, moved.stderr.as_str()), (Some(0), ""), "{moved}");
        assert_eq!(kubectl.get(what)["spec"], spec);
        kubectl.ok_with("diff --server-side -f -", manifest);
        let before = version(&kubectl, what);
        kubectl.ok_with("apply --server-side -f -", manifest);
        assert_eq!(version(&kubectl, what), before);
        // And back again.
        kubectl.apply(manifest);
        assert_eq!(kubectl.get(what)["spec"], spec);
    }
}

#[test]
fn two_appliers_of_one_manifest_do_not_conflict() {
    let kubectl = furnished(gated().0, "two-appliers");
    for manager in ["one", "two", "one"] {
        let manifest = own(WITH_POLICIES, "two-appliers");
        kubectl.ok_with(&format!("apply --server-side --field-manager={manager} -f -"), &manifest);
    }
}

#[test]
fn server_side_apply_is_refused_in_the_same_words() {
    let kubectl = furnished(gated().0, "server-side");
    assert_snapshot!(kubectl.feed("apply --server-side -f -", include_str!("demo/refused.yaml")), @r#"
    exit 1
    The ModelDeployment "refused" is invalid: 
    * spec.model: Invalid value: "my model": must not contain white space, control, invisible or bidirectional characters [MD001]
    * spec.environment: Unsupported value: "prod": supported values: "production", "development"; did you mean "production"? [OB003]
    * spec.modelSourceRef.kind: Unsupported value: "Pod": supported values: "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet" [OB003]
    * spec.serviceRef.targetPort: Invalid value: 80800: must be from 1 to 65535 [OB004]
    * spec.offloadingConfig.behavior.percentage: Invalid value: 150: must be from 0 to 100 [OB004]
    * spec.offloadingConfig.remoteBackend.host: Invalid value: "https://models.example.com/v1": must not contain a scheme; write host: models.example.com and scheme: https [RT001]
    "#);
    assert_snapshot!(
        kubectl.feed("apply --server-side -f -", &model("x", &json!({"model": "my model"}))),
        @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.model: Invalid value: "my model": must not contain white space, control, invisible or bidirectional characters [MD001]
    "#
    );
}

#[test]
fn merge_patches_are_judged() {
    let kubectl = furnished(gated().0, "patches");
    kubectl.apply(&own(MODEL, "patches"));
    let patch = |patch: &str| kubectl.call(&["patch", "mdep", "my-model", "--type=merge", "--patch", patch], "");
    assert_snapshot!(patch(r#"{"spec":{"offloadingConfig":{"behavior":{"percentage":60}}}}"#), @"
    exit 0
    modeldeployment.deployment.beamlit.com/my-model patched
    ");
    assert_snapshot!(patch(r#"{"spec":{"offloadingConfig":{"behavior":{"percentage":160}}}}"#), @r#"
    exit 1
    The ModelDeployment "my-model" is invalid: spec.offloadingConfig.behavior.percentage: Invalid value: 160: must be from 0 to 100 [OB004]
    "#);
    assert_snapshot!(patch(r#"{"spec":{"model":"my model"}}"#), @r#"
    exit 1
    The ModelDeployment "my-model" is invalid: spec.model: Invalid value: "my model": must not contain white space, control, invisible or bidirectional characters [MD001]
    "#);
    // What is taken out gets its default again.
    assert_snapshot!(patch(r#"{"spec":{"environment":null,"offloadingConfig":{"behavior":null}}}"#), @"
    exit 0
    modeldeployment.deployment.beamlit.com/my-model patched
    ");
    let spec = &kubectl.get("mdep my-model")["spec"];
    assert_eq!(
        (&spec["environment"], &spec["offloadingConfig"]["behavior"]),
        (&json!("production"), &json!({"percentage": 100}))
    );
}

#[test]
fn an_edit_that_is_refused_reopens_the_editor_with_the_reasons() {
    let plane = gated().0;
    let kubectl = furnished(plane, "editing");
    kubectl.apply(&own(MODEL, "editing"));
    // Writes the fault first, and mends it when the editor opens again; keeps what the editor was shown then.
    let folder = plane.folder().path();
    let (editor, seen) = (folder.join("editor.sh"), folder.join("seen.txt"));
    let script = format!(
        "#!/bin/sh\nif grep -q 'percentage: 150' \"$1\"; then cp \"$1\" {seen}; sed -i 's/percentage: 150/percentage: 60/' \"$1\"\n\
         else sed -i 's/percentage: 50/percentage: 150/' \"$1\"; fi\n",
        seen = seen.display()
    );
    std::fs::write(&editor, script).unwrap();
    let editing = kubectl.with("KUBE_EDITOR", format!("sh {}", editor.display()));
    assert_snapshot!(editing.ok("edit mdep my-model"), @"modeldeployment.deployment.beamlit.com/my-model edited");
    assert_eq!(kubectl.get("mdep my-model")["spec"]["offloadingConfig"]["behavior"]["percentage"], 60);
    let seen = std::fs::read_to_string(seen).unwrap();
    let comments: Vec<&str> = seen.lines().take_while(|line| line.starts_with('#')).collect();
    assert_snapshot!(comments.join("\n"), @r#"
    # Please edit the object below. Lines beginning with a '#' will be ignored,
    # and an empty file will abort the edit. If an error occurs while saving this file will be
    # reopened with the relevant failures.
    #
    # modeldeployments.deployment.beamlit.com "my-model" was not valid:
    # * spec.offloadingConfig.behavior.percentage: Invalid value: 150: must be from 0 to 100 [OB004]
    #
    "#);
}

#[test]
fn two_bad_objects_in_one_call_are_both_explained() {
    let kubectl = furnished(gated().0, "two-bad");
    let both = json!({
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            serde_json::from_str::<Value>(&model("one", &json!({"environment": "prod"}))).unwrap(),
            serde_json::from_str::<Value>(&model("two", &json!({"model": "my model"}))).unwrap(),
        ],
    });
    assert_snapshot!(kubectl.feed("apply -f -", &both.to_string()), @r#"
    exit 1
    Error from server (Invalid): error when creating "STDIN": admission webhook "mutate.beamlit.com" denied the request: ModelDeployment.deployment.beamlit.com "one" is invalid:
    * spec.environment: Unsupported value: "prod": supported values: "production", "development"; did you mean "production"? [OB003]
    Error from server (Invalid): error when creating "STDIN": admission webhook "validate.beamlit.com" denied the request: ModelDeployment.deployment.beamlit.com "two" is invalid:
    * spec.model: Invalid value: "my model": must not contain white space, control, invisible or bidirectional characters [MD001]
    "#);
}

#[test]
fn a_namespace_with_objects_inside_goes() {
    let plane = gated().0;
    let kubectl = plane.namespace("goes");
    for manifest in [&own(MODEL, "goes"), POLICY, &own(WITH_POLICIES, "goes")] {
        kubectl.apply(manifest);
    }
    plane.admin().ok("delete namespace goes --timeout=60s");
    assert!(!plane.admin().run("get namespace goes").succeeded());
}

#[test]
fn a_person_without_rights_is_told_so_and_one_with_rights_is_judged() {
    let plane = gated().0;
    let admin = furnished(plane, "unprivileged");
    let alice = plane.alice().in_namespace("unprivileged");
    assert_snapshot!(alice.feed("apply -f -", MODEL), @r#"
    exit 1
    Error from server (Forbidden): error when retrieving current configuration of:
    Resource: "deployment.beamlit.com/v1alpha1, Resource=modeldeployments", GroupVersionKind: "deployment.beamlit.com/v1alpha1, Kind=ModelDeployment"
    Name: "my-model", Namespace: "unprivileged"
    from server for: "STDIN": modeldeployments.deployment.beamlit.com "my-model" is forbidden: User "alice" cannot get resource "modeldeployments" in API group "deployment.beamlit.com" in the namespace "unprivileged"
    "#);
    admin.ok("create role mdep --verb=get,create,patch --resource=modeldeployments.deployment.beamlit.com");
    admin.ok("create rolebinding alice --role=mdep --user=alice");
    crate::harness::poll("the rights to be given", || {
        if alice.run("auth can-i create mdep").succeeded() { Ok(()) } else { Err("not yet".into()) }
    })
    .unwrap();
    assert_snapshot!(alice.feed("apply -f -", &own(MODEL, "unprivileged")), @"
    exit 0
    modeldeployment.deployment.beamlit.com/my-model created
    ");
    assert_snapshot!(alice.feed("apply -f -", &model("x", &json!({"environment": "prod", "serviceRef": {"name": "my-other-model"}}))), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.environment: Unsupported value: "prod": supported values: "production", "development"; did you mean "production"? [OB003]
    "#);
    assert_snapshot!(alice.feed("apply -f -", POLICY), @r#"
    exit 1
    Error from server (Forbidden): error when retrieving current configuration of:
    Resource: "authorization.beamlit.com/v1alpha1, Resource=policies", GroupVersionKind: "authorization.beamlit.com/v1alpha1, Kind=Policy"
    Name: "my-policy", Namespace: "unprivileged"
    from server for: "STDIN": policies.authorization.beamlit.com "my-policy" is forbidden: User "alice" cannot get resource "policies" in API group "authorization.beamlit.com" in the namespace "unprivileged"
    "#);
    assert_snapshot!(alice.run("delete validatingwebhookconfiguration beamlit-operator"), @r#"
    exit 1
    Warning: deleting cluster-scoped resources, not scoped to the provided namespace
    Error from server (Forbidden): validatingwebhookconfigurations.admissionregistration.k8s.io "beamlit-operator" is forbidden: User "alice" cannot delete resource "validatingwebhookconfigurations" in API group "admissionregistration.k8s.io" at the cluster scope
    "#);
}

/// Each matchCondition is asked about the smallest objects there are: an error in one would refuse under Fail, in words that
/// are not ours, and skip the webhook without a word under Ignore.
#[test]
fn objects_with_next_to_nothing_in_them_reach_both_webhooks() {
    let kubectl = furnished(gated().0, "minimal");
    let head =
        json!({"apiVersion": "deployment.beamlit.com/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "x"}});
    // No spec at all: /mutate refuses what the schema would refuse.
    assert_snapshot!(kubectl.feed("create -f -", &head.to_string()), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec: Required value [OB002]
    "#);
    assert_snapshot!(kubectl.feed("create -f -", &model("x", &json!({"model": "my model"}))), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.model: Invalid value: "my model": must not contain white space, control, invisible or bidirectional characters [MD001]
    "#);
    // With generateName there is no name yet.
    let generated = json!({
        "apiVersion": "deployment.beamlit.com/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"generateName": "x-"},
        "spec": {"model": "generated", "modelSourceRef": {"name": "x"}},
    });
    let stored = kubectl.ok_with("create --output=jsonpath={.spec.modelSourceRef.kind} -f -", &generated.to_string());
    assert_eq!(stored, "Deployment", "the mutating webhook was asked");
}

#[test]
fn what_the_operator_did_shows_in_its_log_and_metrics_without_a_secret() {
    let (plane, gate) = gated();
    let kubectl = plane.namespace("observed");
    kubectl.apply(&model("observed", &json!({})));
    apply(&kubectl, &model("observed-refused", &json!({"environment": "very-private-value"})));
    let log = gate.operator().log();
    assert!(log.contains("observed-refused") && log.contains("OB003"), "{log}");
    assert!(!log.contains("very-private-value"), "{log}");
    let (status, metrics) = gate.operator().ask("/metrics").unwrap();
    assert_eq!(status, 200);
    assert!(metrics.contains("ModelDeployment") && metrics.contains("CREATE"), "{metrics}");
    assert_eq!(gate.operator().ask("/healthz").unwrap().0, 200);
}
