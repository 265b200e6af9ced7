//! The readers against sources that answer, and that fail in all ways that there are.

mod answers;
mod prometheus;
mod stand_in;
mod sweeps;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value as Json, json};

use self::stand_in::{Reply, StandIn};
use super::*;
use crate::offload::Time;
use crate::offload::evaluate::{Fault, Milli, Phase, Pod, Reading, Requests, Samples, Value};

/// When the samples here were taken.
const TAKEN: &str = "2026-11-30T10:00:00Z";
const TAKEN_MILLIS: Time = Time(1_796_032_800_000);

/// Sources behind a stand-in of the API server.
async fn sources(limits: Limits) -> (StandIn, Sources) {
    _ = crate::gate::tls::provider().install_default();
    let (stand_in, url) = StandIn::start().await;
    let client = crate::watch::client(kube::Config::new(url.parse().unwrap())).unwrap();
    (stand_in, Sources::new(client, limits, Default::default()))
}

fn pod(name: &str) -> Pod {
    Pod {
        name: name.to_owned(),
        deleting: false,
        phase: Phase::Running,
        ready: None,
        started: None,
        containers: Vec::new(),
        requests: Requests::new(),
        overhead: Requests::new(),
    }
}

fn pods(names: &[&str]) -> Vec<Pod> {
    names.iter().map(|name| pod(name)).collect()
}

fn resource(namespace: &str) -> Query {
    Query::Resource { namespace: namespace.to_owned() }
}

fn of_pods(metric: &str, selector: Json) -> Query {
    let selector = Selector::of(Some(&serde_json::from_value(selector).unwrap()));
    Query::Pods { namespace: "models".to_owned(), metric: metric.to_owned(), selector }
}

fn object(api_version: &str, kind: &str) -> Query {
    Query::Object {
        namespace: "models".to_owned(),
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        name: "main".to_owned(),
        metric: "rps".to_owned(),
        selector: Selector::default(),
    }
}

fn external(metric: &str, selector: Json) -> Query {
    let selector = Selector::of(Some(&serde_json::from_value(selector).unwrap()));
    Query::External { namespace: "models".to_owned(), metric: metric.to_owned(), selector }
}

fn set<const N: usize>(queries: [Query; N]) -> BTreeSet<Query> {
    queries.into()
}

fn usage_list(namespace: &str, pods: &[(&str, &str)]) -> Json {
    let items = pods.iter().map(|(pod, cpu)| {
        json!({"metadata": {"name": pod, "namespace": namespace, "labels": {"app": "x"}}, "timestamp": TAKEN, "window": "15s",
            "containers": [{"name": "main", "usage": {"cpu": cpu, "memory": "1Ki"}}]})
    });
    json!({"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items.collect::<Vec<_>>()})
}

fn value_list(kind: &str, namespace: &str, objects: &[(&str, &str)]) -> Json {
    let items = objects.iter().map(|(name, value)| {
        json!({"describedObject": {"kind": kind, "namespace": namespace, "name": name, "apiVersion": "v1"},
            "metric": {"name": "m", "selector": null}, "timestamp": TAKEN, "windowSeconds": 30, "value": value})
    });
    json!({"kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta2", "metadata": {},
        "items": items.collect::<Vec<_>>()})
}

fn series_list(values: &[&str]) -> Json {
    let items = values.iter().map(
        |value| json!({"metricName": "m", "metricLabels": {"a": "b"}, "timestamp": TAKEN, "window": 30, "value": value}),
    );
    json!({"kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": {},
        "items": items.collect::<Vec<_>>()})
}

fn group(name: &str, versions: &[&str]) -> Json {
    let version = |version: &&str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let all: Vec<Json> = versions.iter().map(version).collect();
    json!({"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": all, "preferredVersion": all.first()})
}

fn resources(kinds: &[(&str, &str)]) -> Json {
    let all: Vec<Json> =
        kinds.iter().map(|(name, kind)| json!({"name": name, "kind": kind, "namespaced": true})).collect();
    json!({"kind": "APIResourceList", "resources": all})
}

fn sample(milli: i64) -> Value {
    Value { milli: Milli(milli), timestamp: TAKEN_MILLIS, window: Some(Duration::from_secs(30)) }
}

/// The usage of cpu of each pod.
fn cpu(reading: Result<Reading, Fault>) -> Result<Vec<(String, i64)>, Fault> {
    match reading?.samples {
        Samples::Resource(pods) => Ok(pods
            .into_iter()
            .map(|pod| (pod.pod, pod.containers.iter().map(|(_, usage)| usage["cpu"].0).sum()))
            .collect()),
        other => panic!("{other:?}"),
    }
}

fn owned(usages: &[(&str, i64)]) -> Result<Vec<(String, i64)>, Fault> {
    Ok(usages.iter().map(|(pod, milli)| ((*pod).to_owned(), *milli)).collect())
}
