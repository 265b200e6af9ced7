//! `ModelDeployment`: which model a team serves, and when and how much of its traffic may leave.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IntOrString, MetricSpec};

/// Which model is served, by which workload and Service, and when and how much of its traffic may go to a remote backend.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "deployment.beamlit.com",
    version = "v1alpha1",
    kind = "ModelDeployment",
    plural = "modeldeployments",
    shortname = "mdep",
    category = "beamlit",
    namespaced,
    status = "ModelDeploymentStatus",
    doc = "ModelDeployment says which model a team serves, and when and how much of its traffic may go to a remote cluster (Beamlit, or any HTTP backend).",
    printcolumn = r#"{"name":"Model","type":"string","description":"The model's name on Beamlit.","jsonPath":".spec.model"}"#,
    printcolumn = r#"{"name":"Environment","type":"string","description":"The Beamlit environment.","jsonPath":".spec.environment"}"#,
    printcolumn = r#"{"name":"Enabled","type":"boolean","description":"Whether the model may be served remotely at all.","jsonPath":".spec.enabled"}"#,
    printcolumn = r#"{"name":"Max","type":"integer","description":"The most that metrics may send away, in percent of the traffic.","jsonPath":".spec.offloadingConfig.behavior.percentage"}"#,
    printcolumn = r#"{"name":"Offloading","type":"boolean","description":"Whether traffic leaves now.","jsonPath":".status.offloadingStatus"}"#,
    printcolumn = r#"{"name":"Workload","type":"string","priority":1,"description":"The workload that hosts the model.","jsonPath":".spec.modelSourceRef.name"}"#,
    printcolumn = r#"{"name":"Service","type":"string","priority":1,"description":"The Service that exposes the model.","jsonPath":".spec.serviceRef.name"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ModelDeploymentSpec {
    /// The model's name on Beamlit. 1 to 253 characters, without white space and without `/ \ ? # %`: it becomes part of a URL. Required.
    #[schemars(length(min = 1, max = 253))]
    pub model: String,
    /// Whether the model may be served remotely at all. Default: true.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// The Beamlit environment: `production` or `development`. Default: production.
    #[serde(default)]
    pub environment: Environment,
    /// The workload that hosts the model: a Deployment, StatefulSet, DaemonSet or ReplicaSet of apps/v1. Required.
    pub model_source_ref: ModelSourceRef,
    /// The Service that exposes the model, whose traffic is offloaded. Required once offloadingConfig is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_ref: Option<ServiceRef>,
    /// The Service that exposes the model's metrics. Default: serviceRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_service_ref: Option<ServiceRef>,
    /// The policies that say where the model may run. Policies of one type widen each other, policies of different types narrow each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub policies: Option<Vec<PolicyRef>>,
    /// How the model scales on Beamlit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serverless_config: Option<ServerlessConfig>,
    /// When, how much and whereto traffic is sent away. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offloading_config: Option<OffloadingConfig>,
}

fn enabled() -> bool {
    true
}

/// A Beamlit environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Environment {
    #[allow(missing_docs)]
    #[default]
    Production,
    #[allow(missing_docs)]
    Development,
}

/// A reference to the workload that hosts the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelSourceRef {
    /// The workload's API group and version: `apps/v1`, which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["apps/v1"]))]
    pub api_version: Option<String>,
    /// The workload's kind: `Deployment`, `StatefulSet`, `DaemonSet` or `ReplicaSet`. Default: Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"]))]
    pub kind: Option<String>,
    /// The workload's name. Required.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The workload's namespace. Default: the namespace of this object; another one needs a ReferenceGrant there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Accepted as part of an object reference and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Accepted as part of an object reference and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// Accepted as part of an object reference and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_path: Option<String>,
}

/// A reference to a Service and one of its ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRef {
    /// The API version of a Service: `v1`, which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["v1"]))]
    pub api_version: Option<String>,
    /// The kind: `Service`, which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Service"]))]
    pub kind: Option<String>,
    /// The Service's name. Required.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The Service's namespace. Default: the namespace of this object; another one needs a ReferenceGrant there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// The port: one of the Service's own ports, or the port that one of them leads to. 1 to 65535. Default: the Service's only port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub target_port: Option<i32>,
    /// Accepted as part of an object reference and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Accepted as part of an object reference and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// Accepted as part of an object reference and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_path: Option<String>,
}

/// A reference to a policy, in this cluster or on Beamlit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRef {
    /// Where the policy lives: `localPolicy` (a Policy in this cluster) or `remotePolicy` (a policy on Beamlit). Absent means remotePolicy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["remotePolicy", "localPolicy"]))]
    pub ref_type: Option<String>,
    /// The policy's name. Required.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// For a local policy: `authorization.beamlit.com/v1alpha1`, which is also what is assumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// For a local policy: `Policy`, which is also what is assumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// For a local policy: its namespace. Absent means the namespace of this object; another one needs a ReferenceGrant there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Accepted as part of an object reference and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Accepted as part of an object reference and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// Accepted as part of an object reference and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_path: Option<String>,
}

/// How the model scales on Beamlit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerlessConfig {
    /// The fewest replicas, 0 or more and not above maxNumReplicas; Beamlit itself takes 0 or 1. Default: 0.
    #[serde(default = "min_num_replicas")]
    #[schemars(range(min = 0))]
    pub min_num_replicas: i32,
    /// The most replicas, 0 or more. Default: 10.
    #[serde(default = "max_num_replicas")]
    #[schemars(range(min = 0))]
    pub max_num_replicas: i32,
    /// The fewest replicas once the model scales up from zero, 2 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2))]
    pub scale_up_minimum: Option<i32>,
    /// What the model scales on: `cpu`, `memory`, `rps` or `concurrency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["cpu", "memory", "rps", "concurrency"]))]
    pub metric: Option<String>,
    /// The value of the metric to aim for, a number in a string, such as "70".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How long a lower load must last before replicas go, a duration such as "30s" or "5m".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_down_delay: Option<String>,
    /// Over how long the metric is averaged, a duration such as "60s".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable_window: Option<String>,
    /// How long the last replica stays once there is no more traffic, a duration such as "5m".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_pod_retention_period: Option<String>,
}

fn min_num_replicas() -> i32 {
    0
}

fn max_num_replicas() -> i32 {
    10
}

/// When, how much and whereto traffic is sent away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OffloadingConfig {
    /// How much traffic is sent away, and how fast it goes and comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<OffloadingBehavior>,
    /// The metrics that decide when traffic is sent away, as in autoscaling/v2: reaching the target of one is enough to send traffic
    /// away, all must allow it to come back. Empty means failover only. Default: [].
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub metrics: Vec<MetricSpec>,
    /// Where traffic is sent. Default: the model's own endpoint on Beamlit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_backend: Option<RemoteBackend>,
}

/// How much traffic is sent away, and how fast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OffloadingBehavior {
    /// The most that metrics may send away, in percent of the traffic, 0 to 100 (failover sends all). 0 means never, failover included. Default: 100.
    #[serde(default = "percentage")]
    #[schemars(range(min = 0, max = 100))]
    pub percentage: i32,
    /// How the weight follows the metrics: `Step` (all of percentage once a target is reached) or `Proportional` (just as much as keeps
    /// the local deployment at its target; recommended beside an HPA). Absent means Step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Strategy")]
    pub strategy: Option<Strategy>,
    /// How the weight rises, towards the remote backend. Absent means at once: window 0, tolerance 0, all of the traffic within 15 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_up: Option<WeightScalingRules>,
    /// How the weight falls, back home. Absent means window 300 s, tolerance 0.1, at most 25 points every 15 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<WeightScalingRules>,
}

fn percentage() -> i32 {
    100
}

/// How the weight follows the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Strategy {
    #[allow(missing_docs)]
    #[default]
    Step,
    #[allow(missing_docs)]
    Proportional,
}

/// How the weight changes in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeightScalingRules {
    /// For how long past recommendations count, in seconds, 0 to 3600. Absent means 0 up and 300 down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub stabilization_window_seconds: Option<i32>,
    /// By how much the metric must pass its target, as a share of it; a quantity of 0 or more. Absent means 0 up and 0.1 down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<IntOrString>,
    /// Which policy counts: `Max` (the fastest), `Min` (the slowest) or `Disabled` (the weight does not move this way). Absent means Max.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SelectPolicy")]
    pub select_policy: Option<SelectPolicy>,
    /// How fast the weight may move. At least one, if given. Absent means 100 points every 15 s up, 25 points every 15 s down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-kubernetes-list-type" = "atomic"))]
    pub policies: Option<Vec<WeightScalingPolicy>>,
}

/// Which of several policies counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SelectPolicy {
    #[allow(missing_docs)]
    #[default]
    Max,
    #[allow(missing_docs)]
    Min,
    #[allow(missing_docs)]
    Disabled,
}

/// A limit on the speed of the weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeightScalingPolicy {
    /// What `value` counts: `Percent`, points of all traffic. Required.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["Percent"]))]
    pub type_: String,
    /// The most points within a period, 1 or more. Required.
    #[schemars(range(min = 1))]
    pub value: i32,
    /// The period in seconds, 1 to 1800. Required.
    #[schemars(range(min = 1, max = 1800))]
    pub period_seconds: i32,
}

/// Where traffic is sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteBackend {
    /// The backend's host: a DNS name, an IPv4 address or an IPv6 address in brackets, with an optional port. Required.
    #[schemars(length(min = 1))]
    pub host: String,
    /// How the backend is spoken to: `http` or `https`. Default: http.
    #[serde(default)]
    pub scheme: Scheme,
    /// Put before the path of every request. Starts with `/`; `$workspace` and `$model` are filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
    /// Headers added to every request. Credentials belong into authConfig, not here: everyone who can read this object can read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers_to_add: Option<BTreeMap<String, String>>,
    /// How the operator authenticates at the backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_config: Option<AuthConfig>,
}

/// The values of headers are left out: people put credentials there.
impl std::fmt::Debug for RemoteBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, scheme, path_prefix, headers_to_add, auth_config } = self;
        f.debug_struct("RemoteBackend")
            .field("host", host)
            .field("scheme", scheme)
            .field("path_prefix", path_prefix)
            .field("headers_to_add", &headers_to_add.as_ref().map(|headers| headers.keys().collect::<Vec<_>>()))
            .field("auth_config", auth_config)
            .finish()
    }
}

/// How a backend is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scheme {
    #[allow(missing_docs)]
    #[default]
    Http,
    #[allow(missing_docs)]
    Https,
}

/// How the operator authenticates at a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthConfig {
    /// The way: `oauth`. Required.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["oauth"]))]
    pub type_: String,
    /// OAuth 2 client credentials. Required.
    pub oauth_config: OAuthConfig,
}

/// OAuth 2 client credentials. Exactly one of `clientSecret` and `clientSecretRef` is set.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OAuthConfig {
    /// The client's id. Required.
    #[schemars(length(min = 1))]
    pub client_id: String,
    /// The client's secret in the clear. Everyone who can read this object can read it: use clientSecretRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub client_secret: Option<String>,
    /// The key of a Secret in the namespace of this object that holds the client's secret. Recommended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_ref: Option<SecretKeyRef>,
    /// Where tokens are had, an absolute https URL. Required.
    #[schemars(length(min = 1))]
    pub token_url: String,
}

impl std::fmt::Debug for OAuthConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { client_id, client_secret, client_secret_ref, token_url: _ } = self;
        f.debug_struct("OAuthConfig")
            .field("client_id", client_id)
            .field("client_secret", &client_secret.as_ref().map(|_| "redacted"))
            .field("client_secret_ref", client_secret_ref)
            .finish_non_exhaustive()
    }
}

/// One key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// The Secret's name. Required.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in the Secret. Required.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// What the operator observed of a ModelDeployment. Written by the operator only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelDeploymentStatus {
    /// Whether traffic leaves now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offloading_status: Option<bool>,
    /// The port on which the model is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving_port: Option<i32>,
    /// The port on which the model's metrics are served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_port: Option<i32>,
    /// The Beamlit workspace that holds the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// When the model was created on Beamlit (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at_on_beamlit: Option<String>,
    /// When the model was last updated on Beamlit (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at_on_beamlit: Option<String>,
    /// The generation of the spec that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What holds of this object now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::crd::conditions")]
    pub conditions: Option<Vec<Condition>>,
}
