//! The metrics as a HorizontalPodAutoscaler takes them: with the type of every target, and quantities as texts.

use crate::api::{
    ContainerResourceMetricSource, ExternalMetricSource, IntOrString, MetricSpec, MetricTarget, ObjectMetricSource,
    PodsMetricSource, ResourceMetricSource,
};

/// A metric with everything written out.
pub(super) fn metric(own: &MetricSpec) -> MetricSpec {
    let MetricSpec { type_, resource, container_resource, pods, object, external } = own;
    MetricSpec {
        type_: *type_,
        resource: resource.as_ref().map(|source| {
            let ResourceMetricSource { name, target: own } = source;
            ResourceMetricSource { name: name.clone(), target: target(own) }
        }),
        container_resource: container_resource.as_ref().map(|source| {
            let ContainerResourceMetricSource { name, container, target: own } = source;
            ContainerResourceMetricSource { name: name.clone(), container: container.clone(), target: target(own) }
        }),
        pods: pods.as_ref().map(|source| {
            let PodsMetricSource { metric, target: own } = source;
            PodsMetricSource { metric: metric.clone(), target: target(own) }
        }),
        object: object.as_ref().map(|source| {
            let ObjectMetricSource { described_object, metric, target: own } = source;
            ObjectMetricSource {
                described_object: described_object.clone(),
                metric: metric.clone(),
                target: target(own),
            }
        }),
        external: external.as_ref().map(|source| {
            let ExternalMetricSource { metric, target: own } = source;
            ExternalMetricSource { metric: metric.clone(), target: target(own) }
        }),
    }
}

/// An absent type is the one that belongs to the field that is set.
fn target(own: &MetricTarget) -> MetricTarget {
    let MetricTarget { type_, value, average_value, average_utilization } = own;
    let derived = || match (value, average_value, average_utilization) {
        (Some(_), _, _) => "Value",
        (None, Some(_), _) => "AverageValue",
        (None, None, _) => "Utilization",
    };
    MetricTarget {
        type_: Some(type_.clone().unwrap_or_else(|| derived().to_owned())),
        value: value.as_ref().map(IntOrString::as_text),
        average_value: average_value.as_ref().map(IntOrString::as_text),
        average_utilization: *average_utilization,
    }
}
