//! What is said to a request: from a path to JSON in the shape of the APIs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use url::form_urlencoded;

use super::selector::selects;
use super::{Of, Sample, State};

/// Resources of which there are metrics, with their kinds.
const KINDS: [(&str, &str, &str); 6] = [
    ("pods", "v1", "Pod"),
    ("services", "v1", "Service"),
    ("namespaces", "v1", "Namespace"),
    ("deployments.apps", "apps/v1", "Deployment"),
    ("statefulsets.apps", "apps/v1", "StatefulSet"),
    ("ingresses.networking.k8s.io", "networking.k8s.io/v1", "Ingress"),
];

/// A request for metrics, or for what there is.
pub(super) struct Request<'a> {
    group: &'a str,
    version: &'a str,
    /// What it is about; empty for all namespaces, and for what there is.
    pub(super) namespace: &'a str,
    /// What follows in the path.
    rest: Vec<&'a str>,
    query: BTreeMap<String, String>,
}

impl<'a> Request<'a> {
    /// Reads a path with its query: none if it is of no group.
    pub(super) fn read(path: &'a str, query: &str) -> Option<Self> {
        let mut segments = path.strip_prefix("/apis/")?.split('/');
        let (group, version) = (segments.next()?, segments.next()?);
        let mut rest: Vec<&str> = segments.map(|segment| if segment == "%2A" { "*" } else { segment }).collect();
        let mut namespace = "";
        if let ["namespaces", name, _, ..] = rest[..] {
            namespace = name;
            rest.drain(..2);
        }
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Some(Self { group, version, namespace, rest, query })
    }

    /// Whether it asks what there is: that is answered whatever a test wants of the rest, or the API server would ask no more.
    pub(super) fn is_discovery(&self) -> bool {
        self.rest.is_empty()
    }

    fn selector(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }
}

/// (status, body).
pub(super) fn answer(request: &Request<'_>, state: &State) -> (u16, Value) {
    let samples: Vec<(&str, &Sample)> = state
        .samples
        .iter()
        .filter(|(namespace, _)| request.namespace.is_empty() || *namespace == request.namespace)
        .flat_map(|(namespace, samples)| samples.iter().map(move |sample| (namespace.as_str(), sample)))
        .collect();
    let items = match (request.group, &request.rest[..]) {
        (_, []) => return (200, discovery(request, &samples)),
        ("custom.metrics.k8s.io", ["metrics", metric]) => {
            custom(request, &samples, "namespaces", request.namespace, metric)
        }
        ("custom.metrics.k8s.io", [resource, name, metric]) => custom(request, &samples, resource, name, metric),
        ("external.metrics.k8s.io", [metric]) => external(request, &samples, metric),
        ("metrics.k8s.io", ["pods"]) => usage(request, &samples, None),
        ("metrics.k8s.io", ["pods", name]) => usage(request, &samples, Some(name)),
        _ => Err(missing("there is no such path")),
    };
    match items {
        Ok((kind, items)) => {
            let api_version = request.api_version();
            (200, json!({"kind": kind, "apiVersion": api_version, "metadata": {}, "items": items}))
        }
        Err(refused) => refused,
    }
}

/// What an API server says when it refuses.
pub(super) fn refusal(status: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": status,
    })
}

type Items = Result<(&'static str, Vec<Value>), (u16, Value)>;

fn missing(message: &str) -> (u16, Value) {
    (404, refusal(404, "NotFound", message))
}

fn selected(selector: &str, labels: &[(String, String)]) -> Result<bool, (u16, Value)> {
    selects(selector, labels).map_err(|why| (400, refusal(400, "BadRequest", &why)))
}

/// As adapters have it: of metrics that nobody knows they say that there is nothing.
fn custom(request: &Request<'_>, samples: &[(&str, &Sample)], resource: &str, name: &str, metric: &str) -> Items {
    let Some((_, api_version, kind)) = KINDS.iter().find(|(known, ..)| *known == resource) else {
        return Err(missing(&format!("no metrics of {resource}")));
    };
    let mut items = Vec::new();
    for (namespace, sample) in samples {
        let of = match &sample.of {
            Of::Pod(pod) if resource == "pods" => pod,
            Of::Object(known, object) if known == resource => object,
            _ => continue,
        };
        let named = if name == "*" { selected(request.selector("labelSelector"), &sample.labels)? } else { of == name };
        let asked_for = sample.metric == metric && selected(request.selector("metricLabelSelector"), &sample.series)?;
        if !named || !asked_for {
            continue;
        }
        let described = json!({"kind": kind, "apiVersion": api_version, "namespace": namespace, "name": of});
        let mut item = json!({"describedObject": described, "timestamp": timestamp(sample), "value": sample.value});
        match request.version {
            "v1beta1" => item["metricName"] = metric.into(),
            _ => item["metric"] = json!({"name": metric}),
        }
        if let Some(window) = sample.window {
            let field = if request.version == "v1beta1" { "window" } else { "windowSeconds" };
            item[field] = window.as_secs().into();
        }
        items.push(item);
    }
    if items.is_empty() {
        return Err(missing(&format!("the server could not find the metric {metric} for {resource} {name}")));
    }
    Ok(("MetricValueList", items))
}

/// As adapters have it: of metrics that nobody knows there is no series.
fn external(request: &Request<'_>, samples: &[(&str, &Sample)], metric: &str) -> Items {
    let mut items = Vec::new();
    for (_, sample) in samples {
        let wanted = sample.of == Of::Series && sample.metric == metric;
        if !wanted || !selected(request.selector("labelSelector"), &sample.labels)? {
            continue;
        }
        let labels: BTreeMap<_, _> = sample.labels.iter().cloned().collect();
        let mut item = json!({
            "metricName": metric, "metricLabels": labels, "timestamp": timestamp(sample), "value": sample.value,
        });
        if let Some(window) = sample.window {
            item["window"] = window.as_secs().into();
        }
        items.push(item);
    }
    Ok(("ExternalMetricValueList", items))
}

/// As metrics-server has it.
fn usage(request: &Request<'_>, samples: &[(&str, &Sample)], name: Option<&str>) -> Items {
    let mut pods: BTreeMap<(&str, &str), Value> = BTreeMap::new();
    for (namespace, sample) in samples {
        let Of::Container(pod, container) = &sample.of else { continue };
        let named = match name {
            Some(name) => name == pod,
            None => selected(request.selector("labelSelector"), &sample.labels)?,
        };
        if !named {
            continue;
        }
        let labels: BTreeMap<_, _> = sample.labels.iter().cloned().collect();
        let item = pods.entry((namespace, pod)).or_insert_with(|| {
            json!({
                "metadata": {"name": pod, "namespace": namespace, "labels": labels},
                "timestamp": timestamp(sample),
                "window": format!("{}s", sample.window.map_or(15, |window| window.as_secs())),
                "containers": [],
            })
        });
        let Some(containers) = item["containers"].as_array_mut() else { continue };
        match containers.iter_mut().find(|other| other["name"] == **container) {
            Some(other) => other["usage"][&sample.metric] = sample.value.as_str().into(),
            None => containers.push(json!({"name": container, "usage": {&sample.metric: sample.value}})),
        }
    }
    Ok(("PodMetricsList", pods.into_values().collect()))
}

fn discovery(request: &Request<'_>, samples: &[(&str, &Sample)]) -> Value {
    let resource = |name: &str, kind: &str| json!({"name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["get"]});
    let resources: Vec<Value> = if request.group == "metrics.k8s.io" {
        let mut pods = resource("pods", "PodMetrics");
        pods["verbs"] = json!(["get", "list"]);
        vec![pods]
    } else {
        let is_external = request.group == "external.metrics.k8s.io";
        let names: BTreeSet<String> = samples
            .iter()
            .filter_map(|(_, sample)| match &sample.of {
                Of::Series => is_external.then(|| sample.metric.clone()),
                Of::Pod(_) => (!is_external).then(|| format!("pods/{}", sample.metric)),
                Of::Object(resource, _) => (!is_external).then(|| format!("{resource}/{}", sample.metric)),
                Of::Container(..) => None,
            })
            .collect();
        let kind = if is_external { "ExternalMetricValueList" } else { "MetricValueList" };
        names.iter().map(|name| resource(name, kind)).collect()
    };
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": request.api_version(), "resources": resources})
}

fn timestamp(sample: &Sample) -> String {
    sample
        .timestamp
        .clone()
        .unwrap_or_else(|| k8s_openapi::jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
