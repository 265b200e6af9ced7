//! The three Metrics APIs behind the API server: which calls a set of queries takes.

use std::sync::Arc;

use futures::FutureExt as _;

use super::answer::Answer;
use super::api::{Api, Path};
use super::discovery::Discovery;
use super::failed::Failed;
use super::sweep::Call;
use super::{Query, list};
use crate::offload::evaluate::Fault;

/// The group of the resource metrics, of which every version is read that there has been outside of alpha.
const RESOURCE: &str = "metrics.k8s.io";
const CUSTOM: &str = "custom.metrics.k8s.io";
const EXTERNAL: &str = "external.metrics.k8s.io";
const VERSION: &str = "v1beta1";
/// The versions of the custom metrics, the better first.
const CUSTOM_VERSIONS: [&str; 2] = ["v1beta2", VERSION];

/// The Metrics APIs.
pub(super) struct Kubernetes {
    api: Api,
    discovery: Discovery,
}

impl Kubernetes {
    pub(super) fn new(api: Api) -> Self {
        Self { api, discovery: Discovery::default() }
    }

    /// The calls that bring the usage of the pods of these namespaces: one for each while all of them can be under way at once, which
    /// takes no longer than the slowest; of more than that, one list of the whole cluster costs the API server less than they would.
    pub(super) fn usages(&self, queries: Vec<Query>, concurrency: usize) -> Vec<Call<'_>> {
        let call = |queries: Vec<Query>, of_all: bool| {
            let namespaces: Vec<String> = queries.iter().map(|query| query.namespace().to_owned()).collect();
            Call { queries, ask: self.ask_usages(namespaces, of_all).boxed() }
        };
        if queries.len() > concurrency {
            return vec![call(queries, true)];
        }
        queries.into_iter().map(|query| call(vec![query], false)).collect()
    }

    async fn ask_usages(&self, namespaces: Vec<String>, of_all: bool) -> Result<Vec<Arc<Answer>>, Failed> {
        let namespaces: Vec<&str> = namespaces.iter().map(String::as_str).collect();
        let mut segments = vec!["apis", RESOURCE, VERSION];
        if !of_all {
            segments.push("namespaces");
            segments.extend(&namespaces);
        }
        segments.push("pods");
        let path = Path::of(&segments)?;
        let bytes = self.api.get(&path).await.map_err(|failed| {
            // A list is never missing while somebody serves it.
            if matches!(failed, Failed::Answered(Fault::NotKnown(_))) { not_served(RESOURCE) } else { failed }
        })?;
        Ok(list::usages(&bytes, &namespaces)?.into_iter().map(|usages| Arc::new(Answer::Usage(usages))).collect())
    }

    /// The calls that bring values of pods and objects.
    pub(super) fn values(&self, queries: Vec<Query>) -> Vec<Call<'_>> {
        let call = |query: Query| Call { ask: self.ask_value(query.clone()).boxed(), queries: vec![query] };
        queries.into_iter().map(call).collect()
    }

    async fn ask_value(&self, query: Query) -> Result<Vec<Arc<Answer>>, Failed> {
        let version = self.served(CUSTOM, &CUSTOM_VERSIONS).await?;
        let base = ["apis", CUSTOM, version, "namespaces"];
        let answer = match &query {
            Query::Pods { namespace, metric, selector } => {
                let path = Path::of(&[&base[..], &[namespace, "pods", "*", metric]].concat())?;
                let bytes = self.get(CUSTOM, &path.with("metricLabelSelector", selector)).await?;
                Answer::Pods(list::pods(&bytes, namespace)?)
            }
            // The HPA takes the one namespace that it may look into, whatever name is given.
            Query::Object { namespace, api_version, kind, metric, selector, .. }
                if kind == "Namespace" && !api_version.contains('/') =>
            {
                let path = Path::of(&[&base[..], &[namespace, "metrics", metric]].concat())?;
                let bytes = self.get(CUSTOM, &path.with("metricLabelSelector", selector)).await?;
                Answer::Object(list::object(&bytes, kind, namespace)?)
            }
            Query::Object { namespace, api_version, kind, name, metric, selector } => {
                let resource = self.discovery.resource(&self.api, api_version, kind).await?;
                let path = Path::of(&[&base[..], &[namespace, &resource, name, metric]].concat())?;
                let bytes = self.get(CUSTOM, &path.with("metricLabelSelector", selector)).await?;
                Answer::Object(list::object(&bytes, kind, name)?)
            }
            Query::Resource { .. } | Query::External { .. } => {
                return Err(Failed::unavailable("it has no such metrics"));
            }
        };
        Ok(vec![Arc::new(answer)])
    }

    /// The calls that bring values of what is outside the cluster.
    pub(super) fn externals(&self, queries: Vec<Query>) -> Vec<Call<'_>> {
        let call = |query: Query| Call { ask: self.ask_external(query.clone()).boxed(), queries: vec![query] };
        queries.into_iter().map(call).collect()
    }

    async fn ask_external(&self, query: Query) -> Result<Vec<Arc<Answer>>, Failed> {
        let Query::External { namespace, metric, selector } = &query else {
            return Err(Failed::unavailable("it has no such metrics"));
        };
        let version = self.served(EXTERNAL, &[VERSION]).await?;
        let path = Path::of(&["apis", EXTERNAL, version, "namespaces", namespace, metric])?;
        let bytes = self.get(EXTERNAL, &path.with("labelSelector", selector)).await?;
        Ok(vec![Arc::new(Answer::External(list::series(&bytes)?))])
    }

    async fn served(&self, group: &'static str, versions: &[&'static str]) -> Result<&'static str, Failed> {
        self.discovery.version(&self.api, group, versions).await?.ok_or_else(|| not_served(group))
    }

    /// A GET below a group. If there is nothing, it may be that the group is no longer there.
    async fn get(&self, group: &'static str, path: &Path) -> Result<Vec<u8>, Failed> {
        let answer = self.api.get(path).await;
        if let Err(Failed::Answered(Fault::NotKnown(_))) = &answer {
            self.discovery.doubt(group).await;
        }
        answer
    }
}

fn not_served(group: &str) -> Failed {
    let hint = match group {
        RESOURCE => "is metrics-server installed?",
        EXTERNAL => "is a metrics adapter installed, or should the operator's configuration name a Prometheus?",
        _ => "is a metrics adapter installed?",
    };
    Failed::unavailable(format!("{group} is not served: {hint}"))
}
