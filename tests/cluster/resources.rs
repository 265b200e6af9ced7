//! The resources as kubectl shows them: established, explained, listed, and held to their schema.

use insta::assert_snapshot;
use serde_json::json;

use crate::teams::own;
use crate::{apart, cluster};

#[test]
fn all_resources_are_served_under_their_short_names_and_category() {
    let kubectl = cluster().admin();
    assert_snapshot!(kubectl.ok("api-resources --categories=beamlit --sort-by=name --no-headers").split('\n')
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n"), @"
    modeldeployments mdep deployment.beamlit.com/v1alpha1 true ModelDeployment
    offloadautoscalers ofa deployment.beamlit.com/v1alpha1 true OffloadAutoscaler
    policies bpol authorization.beamlit.com/v1alpha1 true Policy
    ");
}

#[test]
fn the_limits_and_defaults_of_a_field_are_explained() {
    let kubectl = cluster().admin();
    for field in ["", ".spec", ".spec.offloadingConfig", ".spec.offloadingConfig.behavior.percentage", ".status"] {
        kubectl.ok(&format!("explain modeldeployment{field}"));
    }
    kubectl.ok("explain policies.authorization.beamlit.com.spec.locations");
    assert_snapshot!(kubectl.ok("explain modeldeployment.spec.offloadingConfig.behavior"), @"
    GROUP:      deployment.beamlit.com
    KIND:       ModelDeployment
    VERSION:    v1alpha1

    FIELD: behavior <Object>


    DESCRIPTION:
        How much traffic is sent away, and how fast it goes and comes back.
        
    FIELDS:
      percentage	<integer>
        The most that metrics may send away, in percent of the traffic, 0 to 100
        (failover sends all). 0 means never, failover included. Default: 100.

      scaleDown	<Object>
        How the weight falls, back home. Absent means window 300 s, tolerance 0.1,
        at most 25 points every 15 s.

      scaleUp	<Object>
        How the weight rises, towards the remote backend. Absent means at once:
        window 0, tolerance 0, all of the traffic within 15 s.

      strategy	<string>
      enum: Step, Proportional
        How the weight follows the metrics: `Step` (all of percentage once a target
        is reached) or `Proportional` (just as much as keeps
        the local deployment at its target; recommended beside an HPA). Absent means
        Step.
    ");
    assert_snapshot!(kubectl.ok("explain bpol.spec"), @"
    GROUP:      authorization.beamlit.com
    KIND:       Policy
    VERSION:    v1alpha1

    FIELD: spec <Object>


    DESCRIPTION:
        The places or the hardware that a ModelDeployment naming this policy may
        use.
        
        A policy lists what is allowed for one type. Several policies of one type
        widen each other (union); policies of
        different types narrow each other (intersection). No policy of a type means
        that every option of that type is allowed.
        
    FIELDS:
      displayName	<string>
        A name for people, shown on Beamlit. Free text; default: the object's name.

      flavors	<[]Object>
        The allowed hardware. At least one when `type` is `flavor`; absent or empty
        when it is `location`.

      locations	<[]Object>
        The allowed places. At least one when `type` is `location`; absent or empty
        when it is `flavor`.

      type	<string> -required-
      enum: location, flavor
        What the policy limits: `location` (then `locations` lists what is allowed)
        or `flavor` (then `flavors` does). Required.
    ");
}

#[test]
fn a_list_shows_what_a_platform_engineer_asks_first() {
    let kubectl = cluster().namespace("columns");
    kubectl.apply(include_str!("manifests/my-model.yaml"));
    kubectl.apply(include_str!("manifests/my-policy.yaml"));
    let table = |arguments: &str| age(&kubectl.ok(arguments));
    assert_snapshot!(table("get mdep"), @"
    NAME       MODEL                 ENVIRONMENT   ENABLED   MAX   OFFLOADING   AGE
    my-model   my-model-on-Beamlit   production    true      50                 <age>
    ");
    assert_snapshot!(table("get modeldeployments --output wide"), @"
    NAME       MODEL                 ENVIRONMENT   ENABLED   MAX   OFFLOADING   WORKLOAD   SERVICE    AGE
    my-model   my-model-on-Beamlit   production    true      50                 my-model   my-model   <age>
    ");
    assert_snapshot!(table("get bpol"), @"
    NAME        TYPE       DISPLAY NAME   AGE
    my-policy   location                  <age>
    ");
    assert_snapshot!(table("get beamlit"), @"
    NAME                                         TYPE       DISPLAY NAME   AGE
    policy.authorization.beamlit.com/my-policy   location                  <age>

    NAME                                              MODEL                 ENVIRONMENT   ENABLED   MAX   OFFLOADING   AGE
    modeldeployment.deployment.beamlit.com/my-model   my-model-on-Beamlit   production    true      50                 <age>
    ");
}

/// The schema alone, where the operator is not installed: what it refuses, what it fills in, what it drops.
#[test]
fn without_the_operator_the_schema_is_the_floor() {
    let plane = apart();
    let kubectl = plane.namespace("schema");
    let model = |spec: serde_json::Value| {
        let mut object = json!({
            "apiVersion": "deployment.beamlit.com/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": "x"},
            "spec": {"model": "x", "modelSourceRef": {"name": "x"}, "serviceRef": {"name": "x"}},
        });
        object["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        causes_sorted(&kubectl.feed("apply -f -", &object.to_string()).to_string())
    };
    assert_snapshot!(model(json!({"model": null, "environment": "prod", "modelSourceRef": {"kind": "Pod"}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: 
    * spec.environment: Unsupported value: "prod": supported values: "production", "development"
    * spec.model: Required value
    * spec.modelSourceRef.kind: Unsupported value: "Pod": supported values: "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"
    * spec.modelSourceRef.name: Required value
    "#);
    assert_snapshot!(model(json!({"offloadingConfig": {"behavior": {"percentage": 101, "strategy": "step"}}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: 
    * spec.offloadingConfig.behavior.percentage: Invalid value: 101: spec.offloadingConfig.behavior.percentage in body should be less than or equal to 100
    * spec.offloadingConfig.behavior.strategy: Unsupported value: "step": supported values: "Step", "Proportional"
    "#);
    assert_snapshot!(model(json!({"offloadingConfig": {"behavior": {"percentage": "50"}, "remoteBackend": {"scheme": "ftp"}}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: 
    * spec.offloadingConfig.behavior.percentage: Invalid value: "string": spec.offloadingConfig.behavior.percentage in body must be of type integer: "string"
    * spec.offloadingConfig.remoteBackend.host: Required value
    * spec.offloadingConfig.remoteBackend.scheme: Unsupported value: "ftp": supported values: "http", "https"
    "#);
    assert_snapshot!(model(json!({"offloadingConfig": {"behaviour": {"percentage": 50}}})), @r#"
    exit 1
    Error from server (BadRequest): error when creating "STDIN": ModelDeployment in version "v1alpha1" cannot be handled as a ModelDeployment: strict decoding error: unknown field "spec.offloadingConfig.behaviour"
    "#);
    assert_snapshot!(model(json!({"serviceRef": {"name": "x", "targetPort": 65536}})), @r#"
    exit 1
    The ModelDeployment "x" is invalid: spec.serviceRef.targetPort: Invalid value: 65536: spec.serviceRef.targetPort in body should be less than or equal to 65535
    "#);
    // A null counts as absent, and what is absent gets its default.
    assert_snapshot!(model(json!({"enabled": null, "offloadingConfig": {"behavior": null}, "serverlessConfig": {}})), @"
    exit 0
    modeldeployment.deployment.beamlit.com/x created
    ");
    assert_eq!(
        kubectl.get("modeldeployment x")["spec"],
        json!({
            "enabled": true,
            "environment": "production",
            "model": "x",
            "modelSourceRef": {"name": "x"},
            "offloadingConfig": {"metrics": []},
            "serverlessConfig": {"maxNumReplicas": 10, "minNumReplicas": 0},
            "serviceRef": {"name": "x"},
        })
    );
}

#[test]
fn status_is_written_apart_from_the_spec() {
    let plane = apart();
    let kubectl = plane.namespace("status");
    kubectl.apply(&own(include_str!("manifests/my-model.yaml"), "status"));
    kubectl.ok(r#"patch mdep my-model --subresource=status --type=merge -p {"status":{"offloadingStatus":true},"spec":{"model":"other"}}"#);
    let object = kubectl.get("mdep my-model");
    assert_eq!(object["status"], json!({"offloadingStatus": true}));
    assert_eq!(object["spec"]["model"], "status-my-model-on-Beamlit");
    assert_eq!(object["metadata"]["generation"], 1);
}

/// The API server walks the schema in no fixed order.
fn causes_sorted(output: &str) -> String {
    let (mut causes, head): (Vec<&str>, Vec<&str>) = output.lines().partition(|line| line.starts_with("* "));
    causes.sort_unstable();
    head.into_iter().chain(causes).collect::<Vec<_>>().join("\n")
}

/// The age column counts seconds.
pub(crate) fn age(table: &str) -> String {
    let is_age = |word: &str| word.strip_suffix('s').is_some_and(|number| number.parse::<u32>().is_ok());
    table
        .lines()
        .map(|line| match line.rsplit_once(' ') {
            Some((rest, word)) if is_age(word) => format!("{rest} <age>"),
            _ => line.trim_end().to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}
