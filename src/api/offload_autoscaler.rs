//! `OffloadAutoscaler`: what a ModelDeployment was compiled to, in the shape that people know from the HorizontalPodAutoscaler.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IntOrString, MetricSpec, Scheme, SelectPolicy, Strategy};

/// When, how much and whereto the traffic of a workload is sent away, with everything that is defaulted or resolved written out.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "deployment.beamlit.com",
    version = "v1alpha1",
    kind = "OffloadAutoscaler",
    plural = "offloadautoscalers",
    shortname = "ofa",
    category = "beamlit",
    namespaced,
    status = "OffloadAutoscalerStatus",
    doc = "OffloadAutoscaler decides how much of the traffic of a workload goes to a remote backend, as a HorizontalPodAutoscaler decides how many replicas it has. It is compiled from a ModelDeployment by the operator, and never written by people: write a ModelDeployment instead.",
    printcolumn = r#"{"name":"Reference","type":"string","description":"The workload whose metrics decide.","jsonPath":".status.reference"}"#,
    printcolumn = r#"{"name":"Targets","type":"string","description":"Each metric as it is, and its target.","jsonPath":".status.targets"}"#,
    printcolumn = r#"{"name":"Max","type":"integer","description":"The most that metrics may send away, in percent of the traffic.","jsonPath":".spec.maxRemoteWeight"}"#,
    printcolumn = r#"{"name":"Weight","type":"integer","description":"What is sent away now, in percent of the traffic.","jsonPath":".status.currentRemoteWeight"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","description":"Why it is this much.","jsonPath":".status.reason"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct OffloadAutoscalerSpec {
    /// The workload whose metrics decide. Required.
    pub scale_target_ref: ScaleTargetRef,
    /// The least that is sent away, in percent of the traffic: always 0. Required.
    #[schemars(range(min = 0, max = 0))]
    pub min_remote_weight: i32,
    /// The most that metrics may send away, in percent of the traffic, 0 to 100 (failover sends all). 0 means never, failover included. Required.
    #[schemars(range(min = 0, max = 100))]
    pub max_remote_weight: i32,
    /// The metrics that decide, as in autoscaling/v2, with the type of every target. Empty means failover only. Required.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub metrics: Vec<MetricSpec>,
    /// How the weight follows the metrics. Required.
    pub behavior: RemoteWeightBehavior,
    /// From where to where traffic is sent. Required.
    pub route: Route,
}

/// The workload whose metrics decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleTargetRef {
    /// The workload's API group and version: `apps/v1`. Required.
    #[schemars(extend("enum" = ["apps/v1"]))]
    pub api_version: String,
    /// The workload's kind: `Deployment`, `StatefulSet`, `DaemonSet` or `ReplicaSet`. Required.
    #[schemars(extend("enum" = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"]))]
    pub kind: String,
    /// The workload's namespace. Required.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// The workload's name. Required.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// How the weight follows the metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteWeightBehavior {
    /// `Step` (all of maxRemoteWeight once a target is reached) or `Proportional` (just as much as keeps the workload at its target). Required.
    pub strategy: Strategy,
    /// How the weight rises, towards the remote backend. Required.
    pub scale_up: RemoteWeightRules,
    /// How the weight falls, back home. Required.
    pub scale_down: RemoteWeightRules,
    /// How a held weight is tried for whether the load fits at home again. Required.
    pub probe: Probe,
    /// What happens while no endpoint of the Service is ready. Required.
    pub failover: Failover,
}

/// How the weight changes in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteWeightRules {
    /// For how long past recommendations count, in seconds, 0 to 3600. Required.
    #[schemars(range(min = 0, max = 3600))]
    pub stabilization_window_seconds: i32,
    /// By how much the metric must pass its target, as a share of it; a quantity of 0 or more. Required.
    pub tolerance: IntOrString,
    /// Which policy counts: `Max` (the fastest), `Min` (the slowest) or `Disabled` (the weight does not move this way). Required.
    pub select_policy: SelectPolicy,
    /// How fast the weight may move, one or more. Required.
    #[schemars(length(min = 1), extend("x-kubernetes-list-type" = "atomic"))]
    pub policies: Vec<super::WeightScalingPolicy>,
}

/// How a held weight is tried for whether the load fits at home again: demand that is computed back from what is left at home
/// looks high for ever where an idle workload has a load of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// For how long a weight is held before the first probe, in seconds. Required.
    #[schemars(range(min = 1))]
    pub after_seconds: i32,
    /// The longest wait for the next one, in seconds: it doubles with each probe that fails. Required.
    #[schemars(range(min = 1))]
    pub max_after_seconds: i32,
    /// The load of the idle workload that is reckoned with, in percent of the target. Required.
    #[schemars(range(min = 0, max = 100))]
    pub idle_percent: i32,
}

/// What happens while no endpoint of the Service is ready: all traffic is sent away, unless maxRemoteWeight is 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failover {
    /// For how long endpoints must be ready before traffic comes back, in seconds. Required.
    #[schemars(range(min = 0))]
    pub recovery_seconds: i32,
}

/// From where to where traffic is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The Service whose traffic is sent away. Required.
    pub service: RoutedService,
    /// Where it is sent. Required.
    pub remote: Remote,
}

/// The Service whose traffic is sent away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoutedService {
    /// The Service's namespace. Required.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// The Service's name. Required.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The Service's own port. Absent while the Service is missing, or nobody could look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
}

/// Where traffic is sent. Neither secrets nor the values of headers stand here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Remote {
    /// How the backend is spoken to: `http` or `https`. Required.
    pub scheme: Scheme,
    /// The backend's host: a DNS name, an IPv4 address or an IPv6 address in brackets, with an optional port. Required.
    #[schemars(length(min = 1))]
    pub host: String,
    /// Put before the path of every request; empty, or starting with `/`. `$workspace` stands where the workspace is not known yet. Required.
    pub path_prefix: String,
    /// Added to the query of every request: `environment=…` for Beamlit's own host, empty for any other. Required.
    pub query: String,
    /// The names of the headers that are added to every request, in order. Required.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub headers: Vec<String>,
}

/// What the operator decided, and on what grounds. Written by the operator only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OffloadAutoscalerStatus {
    /// What is sent away now, in percent of the traffic, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_remote_weight: Option<i32>,
    /// What the metrics ask for, before windows and rates, in percent of the traffic, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_remote_weight: Option<i32>,
    /// Why the weight is what it is, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the weight last changed (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
    /// The metrics as they were last read, in the shape of autoscaling/v2's MetricStatus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::crd::metric_statuses")]
    pub current_metrics: Option<Vec<k8s_openapi::api::autoscaling::v2::MetricStatus>>,
    /// The workload, as `kubectl get` shows it: `Deployment/my-model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The metrics and their targets, as `kubectl get` shows them: `cpu: 95%/90%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<String>,
    /// The generation of the spec that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What holds of this object now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::crd::conditions")]
    pub conditions: Option<Vec<Condition>>,
    /// What the operator needs to carry on where it was after a restart; versioned, and nobody else's business.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::crd::opaque")]
    pub state: Option<serde_json::Value>,
}
