//! HorizontalPodAutoscalers: what one scales, and on which metrics.

use std::fmt;

use super::{Name, Workload};
use crate::engine::finding::quoted;
use crate::engine::parse::Node;

/// What a HorizontalPodAutoscaler does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Autoscaler {
    /// What it scales, if that is a workload; it is in the autoscaler's own namespace.
    pub(super) target: Option<(Workload, Name)>,
    /// The metrics that it scales on, each once.
    metrics: Box<[Metric]>,
}

/// What a metric measures. Two are equal if they measure the same, whatever their targets.
///
/// A resource of one container is the resource of the pods: what offloading takes away, it takes from both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A resource of the pods, or of one of their containers.
    Resource(Box<str>),
    /// A metric of each pod.
    Pods(Series),
    /// A metric of one object, by its API group, kind and name.
    Object(Box<[String; 3]>, Series),
    /// A metric of something else.
    External(Series),
}

/// The name of a metric, and which of its series count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    name: Box<str>,
    /// Each requirement in one form; sorted, since all must be met.
    selector: Box<[String]>,
}

impl Autoscaler {
    /// What the autoscaler of a namespace does that has this spec.
    pub(super) fn of(spec: &Node<'_>, namespace: &str) -> Self {
        let target = spec.get("scaleTargetRef").and_then(|target| {
            // The API server finds the workload by group and kind, in whatever version.
            let group = target.text_of("apiVersion")?.split_once('/').map(|(group, _)| group)?;
            let kind = Workload::of(target.text_of("kind")?).filter(|_| group == "apps")?;
            Some((kind, Name::new(namespace, target.text_of("name")?)))
        });
        Self { target, metrics: metrics(spec) }
    }

    /// The metrics that it scales on, each once.
    #[must_use]
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }
}

fn metrics(spec: &Node<'_>) -> Box<[Metric]> {
    let listed = spec.get("metrics").map(Node::items).unwrap_or_default();
    if listed.is_empty() {
        // The API server's own default (80 %), and all that autoscaling/v1 can say.
        return [Metric::Resource("cpu".into())].into();
    }
    let mut metrics: Vec<Metric> = Vec::new();
    for metric in listed.iter().filter_map(Metric::of) {
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    metrics.into()
}

impl Metric {
    /// What an item of `metrics` measures, in an autoscaler or in a ModelDeployment; none if it says too little.
    #[must_use]
    pub fn of(node: &Node<'_>) -> Option<Self> {
        let resource = |source: &str| Some(Self::Resource(node.get(source)?.text_of("name")?.into()));
        let series = |source: &str| Series::of(node.get(source)?.get("metric")?);
        match node.text_of("type")? {
            "Resource" => resource("resource"),
            "ContainerResource" => resource("containerResource"),
            "Pods" => series("pods").map(Self::Pods),
            "External" => series("external").map(Self::External),
            "Object" => {
                let object = node.find(&["object", "describedObject"])?;
                let version = object.text_of("apiVersion").unwrap_or_default();
                let group = version.split_once('/').map_or("", |(group, _)| group);
                let object = [group, object.text_of("kind")?, object.text_of("name")?].map(ToOwned::to_owned);
                Some(Self::Object(Box::new(object), series("object")?))
            }
            _ => None,
        }
    }

    /// Whether it falls as traffic is sent away. Memory stays, and the other sources measure something else than the pods.
    #[must_use]
    pub fn follows_traffic(&self) -> bool {
        match self {
            Self::Resource(name) => name.as_ref() != "memory",
            Self::Pods(_) => true,
            Self::Object(..) | Self::External(_) => false,
        }
    }

    /// Whether it is read in the namespace of the object that names it: from another namespace, equal words are another metric.
    #[must_use]
    pub fn is_of_its_namespace(&self) -> bool {
        matches!(self, Self::Object(..) | Self::External(_))
    }
}

/// `cpu`, `"requests_per_second" of the pods`, `"hits" of Ingress "web"`, `external "queue_length"`.
impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource(name) if is_plain(name) => f.write_str(name),
            Self::Resource(name) => f.write_str(&quoted(name)),
            Self::Pods(series) => write!(f, "{} of the pods", quoted(&series.name)),
            Self::Object(object, series) => {
                let [_, kind, name] = object.as_ref();
                write!(
                    f,
                    "{} of {} {}",
                    quoted(&series.name),
                    if is_plain(kind) { kind } else { "object" },
                    quoted(name)
                )
            }
            Self::External(series) => write!(f, "external {}", quoted(&series.name)),
        }
    }
}

/// Whether a word of somebody else's can stand in a sentence as it is.
fn is_plain(word: &str) -> bool {
    (1..=63).contains(&word.len()) && word.bytes().all(|c| c.is_ascii_alphanumeric() || b"-./".contains(&c))
}

impl Series {
    fn of(metric: &Node<'_>) -> Option<Self> {
        let selector = metric.get("selector");
        let labels = selector.and_then(|selector| selector.get("matchLabels")).map(Node::members).unwrap_or_default();
        let expressions =
            selector.and_then(|selector| selector.get("matchExpressions")).map(Node::items).unwrap_or_default();
        let labels = labels.iter().filter_map(|label| Some(requirement(&label.key, "In", vec![label.value.text()?])));
        let expressions = expressions.iter().filter_map(|node| {
            let values = node.get("values").map(Node::items).unwrap_or_default();
            let values = values.iter().filter_map(Node::text).collect();
            Some(requirement(node.text_of("key")?, node.text_of("operator")?, values))
        });
        let mut selector: Vec<String> = labels.chain(expressions).collect();
        selector.sort_unstable();
        selector.dedup();
        Some(Self { name: metric.text_of("name")?.into(), selector: selector.into() })
    }
}

/// One form for all that mean the same. No key, operator or value can have a line break.
fn requirement(key: &str, operator: &str, mut values: Vec<&str>) -> String {
    values.sort_unstable();
    values.dedup();
    [key, operator].into_iter().chain(values).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse::documents;

    fn read<T>(text: &str, of: impl FnOnce(&Node<'_>) -> T) -> T {
        of(&documents(text.as_bytes()).next().unwrap().content.unwrap())
    }

    fn metric(text: &str) -> Option<Metric> {
        read(text, Metric::of)
    }

    #[test]
    fn an_autoscaler_scales_a_workload_of_its_namespace() {
        let target =
            |target: &str| read(&format!("scaleTargetRef: {target}"), |spec| Autoscaler::of(spec, "ns").target);
        for version in ["apps/v1", "apps/v1beta2"] {
            assert_eq!(
                target(&format!("{{apiVersion: {version}, kind: StatefulSet, name: w}}")),
                Some((Workload::StatefulSet, Name::new("ns", "w")))
            );
        }
        for other in [
            "{apiVersion: argoproj.io/v1alpha1, kind: Deployment, name: w}",
            "{apiVersion: apps/v1, kind: Rollout, name: w}",
            "{kind: Deployment, name: w}",
            "{apiVersion: apps/v1, kind: Deployment}",
            "7",
        ] {
            assert_eq!(target(other), None, "{other}");
        }
    }

    #[test]
    fn without_metrics_an_autoscaler_scales_on_cpu() {
        for spec in ["{}", "{metrics: []}", "{metrics: null}", "{targetCPUUtilizationPercentage: 50}"] {
            let metrics = read(spec, |spec| Autoscaler::of(spec, "ns")).metrics;
            assert_eq!(metrics.as_ref(), [Metric::Resource("cpu".into())], "{spec}");
        }
        let two = "metrics: [{type: Resource, resource: {name: memory}}, {type: Other}, \
                   {type: ContainerResource, containerResource: {name: memory, container: app}}]";
        let metrics = read(two, |spec| Autoscaler::of(spec, "ns")).metrics;
        assert_eq!(metrics.as_ref(), [Metric::Resource("memory".into())]);
    }

    #[test]
    fn metrics_are_the_same_if_they_measure_the_same() {
        for (a, b, same) in [
            (
                "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}",
                "{type: Resource, resource: {name: cpu, target: {averageValue: 1}}}",
                true,
            ),
            (
                "{type: Resource, resource: {name: cpu}}",
                "{type: ContainerResource, containerResource: {name: cpu, container: app}}",
                true,
            ),
            ("{type: Resource, resource: {name: cpu}}", "{type: Resource, resource: {name: memory}}", false),
            ("{type: Pods, pods: {metric: {name: a}}}", "{type: External, external: {metric: {name: a}}}", false),
            ("{type: Pods, pods: {metric: {name: a}}}", "{type: Pods, pods: {metric: {name: a, selector: {}}}}", true),
            (
                "{type: Pods, pods: {metric: {name: a, selector: {matchLabels: {x: u, v: w}}}}}",
                "{type: Pods, pods: {metric: {name: a, selector: {matchLabels: {v: w}, matchExpressions: [{key: x, operator: In, values: [u]}]}}}}",
                true,
            ),
            (
                "{type: External, external: {metric: {name: a, selector: {matchExpressions: [{key: x, operator: In, values: [u, z]}]}}}}",
                "{type: External, external: {metric: {name: a, selector: {matchExpressions: [{key: x, operator: In, values: [z, u, u]}]}}}}",
                true,
            ),
            (
                "{type: External, external: {metric: {name: a, selector: {matchLabels: {queue: one}}}}}",
                "{type: External, external: {metric: {name: a, selector: {matchLabels: {queue: two}}}}}",
                false,
            ),
            (
                "{type: Object, object: {metric: {name: a}, describedObject: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: w}}}",
                "{type: Object, object: {metric: {name: a}, describedObject: {apiVersion: networking.k8s.io/v1beta1, kind: Ingress, name: w}}}",
                true,
            ),
            (
                "{type: Object, object: {metric: {name: a}, describedObject: {kind: Service, name: w}}}",
                "{type: Object, object: {metric: {name: a}, describedObject: {kind: Service, name: v}}}",
                false,
            ),
        ] {
            let (a, b) = (metric(a).unwrap(), metric(b).unwrap());
            assert_eq!(a == b, same, "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_metric_is_told_in_words_and_known_for_what_it_does() {
        for (text, told, follows, of_namespace) in [
            ("{type: Resource, resource: {name: cpu}}", "cpu", true, false),
            ("{type: ContainerResource, containerResource: {name: memory, container: a}}", "memory", false, false),
            ("{type: Resource, resource: {name: 'a b'}}", "\"a b\"", true, false),
            ("{type: Pods, pods: {metric: {name: rps}}}", "\"rps\" of the pods", true, false),
            (
                "{type: Object, object: {metric: {name: hits}, describedObject: {kind: Ingress, name: web}}}",
                "\"hits\" of Ingress \"web\"",
                false,
                true,
            ),
            ("{type: External, external: {metric: {name: queue}}}", "external \"queue\"", false, true),
        ] {
            let metric = metric(text).unwrap();
            assert_eq!(metric.to_string(), told);
            assert_eq!((metric.follows_traffic(), metric.is_of_its_namespace()), (follows, of_namespace), "{text}");
        }
        for nothing in [
            "{}",
            "{type: Resource}",
            "{type: Resource, pods: {metric: {name: a}}}",
            "{type: Object, object: {metric: {name: a}}}",
            "{type: Pods, pods: {metric: {}}}",
            "7",
        ] {
            assert_eq!(metric(nothing), None, "{nothing}");
        }
    }
}
