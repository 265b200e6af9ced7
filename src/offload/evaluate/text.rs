//! TARGETS: each metric and its target in one line, in the form in which `kubectl get hpa` of Kubernetes 1.36 shows them.

use super::{Current, Evaluation, Milli};
use crate::api::{IntOrString, MetricSourceType, MetricSpec, MetricTarget};
use crate::engine::units::{Notation, Quantity};

/// How many metrics are shown; the others are counted.
const SHOWN: usize = 2;
const UNKNOWN: &str = "<unknown>";

/// The metrics and their targets: `cpu: 95%/90%, 120/100 (avg) + 1 more...`. What says nothing, is stale included, is `<unknown>`.
///
/// One thing is told apart that kubectl confuses: of an Object metric with both targets, which of them counts.
#[must_use]
pub fn targets(metrics: &[MetricSpec], evaluations: &[Evaluation]) -> String {
    if metrics.is_empty() {
        return "<none>".to_owned();
    }
    let current = |index: usize| {
        let outcome = evaluations.get(index).and_then(|evaluation| evaluation.outcome.as_ref().ok());
        outcome.map(|outcome| outcome.current).unwrap_or_default()
    };
    let shown: Vec<String> =
        metrics.iter().take(SHOWN).enumerate().map(|(index, metric)| one(metric, current(index))).collect();
    let shown = shown.join(", ");
    match metrics.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} + {more} more..."),
    }
}

fn one(metric: &MetricSpec, current: Current) -> String {
    let text = match metric.type_ {
        MetricSourceType::Resource => {
            metric.resource.as_ref().map(|source| of_resource(&source.name, &source.target, current))
        }
        MetricSourceType::ContainerResource => {
            metric.container_resource.as_ref().map(|source| of_resource(&source.name, &source.target, current))
        }
        // An average in any case, and therefore not marked as one.
        MetricSourceType::Pods => metric.pods.as_ref().map(|source| {
            format!("{}/{}", milli(current.average, None), written(source.target.average_value.as_ref()))
        }),
        MetricSourceType::Object => metric.object.as_ref().map(|source| whole(&source.target, current)),
        MetricSourceType::External => metric.external.as_ref().map(|source| whole(&source.target, current)),
    };
    text.unwrap_or_else(|| "<unknown type>".to_owned())
}

fn of_resource(name: &str, target: &MetricTarget, current: Current) -> String {
    if target.average_value.is_some() {
        return format!("{name}: {}/{}", milli(current.average, Some(name)), written(target.average_value.as_ref()));
    }
    let percent = |percent: Option<i32>, none: &str| percent.map_or_else(|| none.to_owned(), |it| format!("{it}%"));
    format!("{name}: {}/{}", percent(current.utilization, UNKNOWN), percent(target.average_utilization, "<auto>"))
}

fn whole(target: &MetricTarget, current: Current) -> String {
    if target.type_.as_deref() == Some("AverageValue") {
        format!("{}/{} (avg)", milli(current.average, None), written(target.average_value.as_ref()))
    } else {
        format!("{}/{}", milli(current.value, None), written(target.value.as_ref()))
    }
}

fn milli(milli: Option<Milli>, resource: Option<&str>) -> String {
    milli.map_or_else(|| UNKNOWN.to_owned(), |milli| quantity(milli, resource))
}

/// A target as the API server gives it back.
fn written(target: Option<&IntOrString>) -> String {
    let Some(text) = target.map(IntOrString::to_string) else { return UNKNOWN.to_owned() };
    Quantity::canonical(&text).unwrap_or(text)
}

/// A current value as the HPA writes it: memory in binary suffixes, as metrics-server does, everything else in decimal ones.
pub(super) fn quantity(milli: Milli, resource: Option<&str>) -> String {
    let notation = if resource == Some("memory") { Notation::Binary } else { Notation::Decimal };
    Quantity::from_milli(milli.0).written(notation)
}
