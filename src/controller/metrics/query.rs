//! What is asked of the sources: the metrics of all autoscalers, each question once.

use super::Selector;
use crate::api::{MetricIdentifier, MetricSourceType, MetricSpec};

/// What a source is asked, the same for every autoscaler that needs it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Query {
    /// The resources that the pods of a namespace use.
    Resource {
        /// The namespace.
        namespace: String,
    },
    /// A metric of each pod of a namespace.
    Pods {
        /// The namespace.
        namespace: String,
        /// The metric's name.
        metric: String,
        /// Which of its series count.
        selector: Selector,
    },
    /// A metric of one object.
    Object {
        /// The object's namespace; the one that is described if it is a Namespace itself.
        namespace: String,
        /// The object's API group and version; empty for what has no group.
        api_version: String,
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// The metric's name.
        metric: String,
        /// Which of its series count.
        selector: Selector,
    },
    /// A metric of something outside the cluster.
    External {
        /// The namespace for which it is asked; Prometheus knows none.
        namespace: String,
        /// The metric's name, or an expression in PromQL.
        metric: String,
        /// Which of its series count.
        selector: Selector,
    },
}

impl Query {
    /// What has to be asked for a metric of a scale target in a namespace; none if the metric lacks the source that its type names.
    #[must_use]
    pub fn of(metric: &MetricSpec, namespace: &str) -> Option<Self> {
        let namespace = namespace.to_owned();
        let named = |of: &MetricIdentifier| (of.name.clone(), Selector::of(of.selector.as_ref()));
        match metric.type_ {
            MetricSourceType::Resource => metric.resource.as_ref().map(|_| Self::Resource { namespace }),
            MetricSourceType::ContainerResource => {
                metric.container_resource.as_ref().map(|_| Self::Resource { namespace })
            }
            MetricSourceType::Pods => metric.pods.as_ref().map(|source| {
                let (metric, selector) = named(&source.metric);
                Self::Pods { namespace, metric, selector }
            }),
            MetricSourceType::Object => metric.object.as_ref().map(|source| {
                let (metric, selector) = named(&source.metric);
                let described = &source.described_object;
                let api_version = described.api_version.clone().unwrap_or_default();
                let (kind, name) = (described.kind.clone(), described.name.clone());
                Self::Object { namespace, api_version, kind, name, metric, selector }
            }),
            MetricSourceType::External => metric.external.as_ref().map(|source| {
                let (metric, selector) = named(&source.metric);
                Self::External { namespace, metric, selector }
            }),
        }
    }

    /// The namespace that it is about.
    pub(super) fn namespace(&self) -> &str {
        match self {
            Self::Resource { namespace }
            | Self::Pods { namespace, .. }
            | Self::Object { namespace, .. }
            | Self::External { namespace, .. } => namespace,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn query(metric: Value) -> Option<Query> {
        Query::of(&serde_json::from_value(metric).unwrap(), "models")
    }

    #[test]
    fn each_kind_of_metric_is_a_question() {
        let (namespace, metric) = ("models".to_owned(), "queue".to_owned());
        let resource = Some(Query::Resource { namespace: namespace.clone() });
        let target = json!({"averageValue": "1"});
        let identifier = json!({"name": "queue", "selector": {"matchLabels": {"a": "b"}}});
        let selector = Selector::of(serde_json::from_value(identifier["selector"].clone()).ok().as_ref());
        assert!(!selector.is_empty());
        let of = |type_: &str, field: &str, source: Value| query(json!({"type": type_, field: source}));
        assert_eq!(of("Resource", "resource", json!({"name": "cpu", "target": target})), resource);
        // The container's name is no part of the question, and no name of a resource (as it was in the earlier controller).
        let container = json!({"name": "cpu", "container": "main", "target": target});
        assert_eq!(of("ContainerResource", "containerResource", container), resource);
        assert_eq!(
            of("Pods", "pods", json!({"metric": identifier, "target": target})),
            Some(Query::Pods { namespace: namespace.clone(), metric: metric.clone(), selector: selector.clone() })
        );
        // The described object, not the scale target (as it was in the earlier controller).
        let described = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "main"});
        assert_eq!(
            of("Object", "object", json!({"describedObject": described, "metric": identifier, "target": target})),
            Some(Query::Object {
                namespace: namespace.clone(),
                api_version: "networking.k8s.io/v1".to_owned(),
                kind: "Ingress".to_owned(),
                name: "main".to_owned(),
                metric: metric.clone(),
                selector: selector.clone(),
            })
        );
        assert_eq!(
            of("External", "external", json!({"metric": identifier, "target": target})),
            Some(Query::External { namespace, metric, selector })
        );
        assert_eq!(query(json!({"type": "External"})), None);
        assert_eq!(query(json!({"type": "Resource", "pods": {"metric": identifier, "target": target}})), None);
    }
}
