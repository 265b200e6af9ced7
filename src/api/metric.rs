//! The metric half of a ModelDeployment: autoscaling/v2's `MetricSpec` as this operator accepts it.
//!
//! Types of our own, because the published ones make `target.type` required and quantities plain strings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::IntOrString;

/// One metric and its target, in the shape of autoscaling/v2. Exactly the field that `type` names is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricSpec {
    /// Where the metric comes from: `Resource`, `ContainerResource`, `Pods`, `Object` or `External`. Required.
    #[serde(rename = "type")]
    pub type_: MetricSourceType,
    /// CPU or memory of the pods behind modelSourceRef, from metrics.k8s.io. For type Resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceMetricSource>,
    /// CPU or memory of one container of those pods, from metrics.k8s.io. For type ContainerResource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_resource: Option<ContainerResourceMetricSource>,
    /// A metric that describes each of those pods, averaged, from custom.metrics.k8s.io. For type Pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodsMetricSource>,
    /// A metric that describes one object of the same namespace, from custom.metrics.k8s.io. For type Object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectMetricSource>,
    /// A metric of something outside the cluster, from external.metrics.k8s.io. For type External.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalMetricSource>,
}

/// Where a metric comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MetricSourceType {
    #[allow(missing_docs)]
    ContainerResource,
    #[allow(missing_docs)]
    External,
    #[allow(missing_docs)]
    Object,
    #[allow(missing_docs)]
    Pods,
    #[allow(missing_docs)]
    Resource,
}

impl MetricSourceType {
    /// The type's name, as autoscaling/v2 has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ContainerResource => "ContainerResource",
            Self::External => "External",
            Self::Object => "Object",
            Self::Pods => "Pods",
            Self::Resource => "Resource",
        }
    }
}

/// A resource metric of the pods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceMetricSource {
    /// The resource, such as cpu or memory. Required.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The target: `averageUtilization` or `averageValue`. Required.
    pub target: MetricTarget,
}

/// A resource metric of one container of the pods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerResourceMetricSource {
    /// The resource, such as cpu or memory. Required.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The container's name in the pods. Required.
    #[schemars(length(min = 1))]
    pub container: String,
    /// The target: `averageUtilization` or `averageValue`. Required.
    pub target: MetricTarget,
}

/// A metric that describes each pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodsMetricSource {
    /// Which metric. Required.
    pub metric: MetricIdentifier,
    /// The target: `averageValue`. Required.
    pub target: MetricTarget,
}

/// A metric that describes one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectMetricSource {
    /// The object that the metric describes, in the namespace of the ModelDeployment. Required.
    pub described_object: CrossVersionObjectReference,
    /// Which metric. Required.
    pub metric: MetricIdentifier,
    /// The target: `value` or `averageValue`. Required.
    pub target: MetricTarget,
}

/// A metric from outside the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalMetricSource {
    /// Which metric. Required.
    pub metric: MetricIdentifier,
    /// The target: `value` or `averageValue`, not both. Required.
    pub target: MetricTarget,
}

/// The object that a metric describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrossVersionObjectReference {
    /// The object's kind. Required.
    #[schemars(length(min = 1))]
    pub kind: String,
    /// The object's name. Required.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The object's API group and version, such as networking.k8s.io/v1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
}

/// The name of a metric and the series that count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricIdentifier {
    /// The metric's name; neither `.` nor `..`, without `/` and `%`. Required.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Which of the metric's series count; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// A label selector; all parts must match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that must have exactly these values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_labels: Option<BTreeMap<String, String>>,
    /// Requirements on labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Option<Vec<LabelSelectorRequirement>>,
}

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelectorRequirement {
    /// The label's key. Required.
    #[schemars(length(min = 1))]
    pub key: String,
    /// How the key relates to the values: `In`, `NotIn`, `Exists` or `DoesNotExist`. Required.
    pub operator: LabelSelectorOperator,
    /// The values: at least one for In and NotIn, none for Exists and DoesNotExist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub values: Option<Vec<String>>,
}

/// How a label's key relates to values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LabelSelectorOperator {
    #[allow(missing_docs)]
    In,
    #[allow(missing_docs)]
    NotIn,
    #[allow(missing_docs)]
    Exists,
    #[allow(missing_docs)]
    DoesNotExist,
}

/// What a metric is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricTarget {
    /// How the metric is compared: `Utilization`, `Value` or `AverageValue`. Default: the one that belongs to the field that is set.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// The target for the metric as a whole, a quantity above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<IntOrString>,
    /// The target for the average over the pods, a quantity above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_value: Option<IntOrString>,
    /// The target for the average over the pods in percent of what they request, 1 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub average_utilization: Option<i32>,
}
