//! `status.currentMetrics`: each metric as it is, in the shape of autoscaling/v2.

use k8s_openapi::api::autoscaling::v2;
use k8s_openapi::apimachinery::pkg::api::resource;
use k8s_openapi::apimachinery::pkg::apis::meta::v1;

use super::text::quantity;
use super::{Current, Evaluation};
use crate::api::{
    CrossVersionObjectReference, LabelSelector, LabelSelectorOperator, LabelSelectorRequirement, MetricIdentifier,
    MetricSourceType, MetricSpec,
};

/// The status of a metric. One that says nothing has no current value; which it is stands there all the same, so that the list is read
/// beside the metrics of the spec.
#[must_use]
pub fn status(metric: &MetricSpec, evaluation: &Evaluation) -> v2::MetricStatus {
    let current = evaluation.outcome.as_ref().map(|outcome| outcome.current).unwrap_or_default();
    let of = |resource: Option<&str>| value_status(current, resource);
    let mut status = v2::MetricStatus { type_: metric.type_.name().to_owned(), ..v2::MetricStatus::default() };
    match metric.type_ {
        MetricSourceType::Resource => {
            status.resource = metric
                .resource
                .as_ref()
                .map(|source| v2::ResourceMetricStatus { name: source.name.clone(), current: of(Some(&source.name)) });
        }
        MetricSourceType::ContainerResource => {
            status.container_resource = metric.container_resource.as_ref().map(|source| {
                let (name, container) = (source.name.clone(), source.container.clone());
                v2::ContainerResourceMetricStatus { current: of(Some(&name)), name, container }
            });
        }
        MetricSourceType::Pods => {
            status.pods = metric
                .pods
                .as_ref()
                .map(|source| v2::PodsMetricStatus { metric: identifier(&source.metric), current: of(None) });
        }
        MetricSourceType::Object => {
            status.object = metric.object.as_ref().map(|source| v2::ObjectMetricStatus {
                described_object: reference(&source.described_object),
                metric: identifier(&source.metric),
                current: of(None),
            });
        }
        MetricSourceType::External => {
            status.external = metric
                .external
                .as_ref()
                .map(|source| v2::ExternalMetricStatus { metric: identifier(&source.metric), current: of(None) });
        }
    }
    status
}

fn value_status(current: Current, resource: Option<&str>) -> v2::MetricValueStatus {
    let Current { value, average, utilization } = current;
    let text = |milli| resource::Quantity(quantity(milli, resource));
    v2::MetricValueStatus { average_utilization: utilization, average_value: average.map(text), value: value.map(text) }
}

fn reference(object: &CrossVersionObjectReference) -> v2::CrossVersionObjectReference {
    let CrossVersionObjectReference { kind, name, api_version } = object.clone();
    v2::CrossVersionObjectReference { kind, name, api_version }
}

fn identifier(metric: &MetricIdentifier) -> v2::MetricIdentifier {
    let MetricIdentifier { name, selector } = metric.clone();
    v2::MetricIdentifier { name, selector: selector.map(label_selector) }
}

fn label_selector(selector: LabelSelector) -> v1::LabelSelector {
    let LabelSelector { match_labels, match_expressions } = selector;
    let requirement = |requirement: LabelSelectorRequirement| {
        let LabelSelectorRequirement { key, operator, values } = requirement;
        let operator = match operator {
            LabelSelectorOperator::In => "In",
            LabelSelectorOperator::NotIn => "NotIn",
            LabelSelectorOperator::Exists => "Exists",
            LabelSelectorOperator::DoesNotExist => "DoesNotExist",
        };
        v1::LabelSelectorRequirement { key, operator: operator.to_owned(), values }
    };
    v1::LabelSelector {
        match_labels,
        match_expressions: match_expressions.map(|all| all.into_iter().map(requirement).collect()),
    }
}
