//! What the leader watches beside what the gate judges by: pods, endpoints, workloads and Services, so that no decision costs a call.
//!
//! Of each object a few words are kept, in indexes by what they are asked for, and whoever wants to know is told what changed as soon
//! as the API server tells it.

mod interned;
mod kept;
mod pod;
mod pods;
mod selector;
mod services;
mod slices;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod workloads;

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::api::{ApiResource, GroupVersionKind};
use kube::client::Client;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use self::kept::{Kept, Store};
use self::pods::Pods;
pub use self::selector::{Selector, Unreadable};
use self::services::Services;
use self::slices::Slices;
use self::workloads::Workloads;
use crate::engine::world::{Lookup, Name, Workload};
use crate::offload::evaluate::Pod;
use crate::offload::observation::Local;
use crate::telemetry::metrics::Metrics;
use crate::watch::Health;

/// How many changes a receiver may be behind before it is told that anything may have changed.
const BEHIND: usize = 4096;

/// What the leader watches. Clones are one and the same.
#[derive(Clone)]
pub struct View(Arc<Inner>);

struct Inner {
    pods: Kept<Pods>,
    slices: Kept<Slices>,
    services: Kept<Services>,
    /// In the order of [`Workload::ALL`].
    workloads: [Kept<Workloads>; Workload::ALL.len()],
    /// Whether everything was listed.
    complete: watch::Sender<bool>,
    changes: broadcast::Sender<Change>,
}

/// A workload as its `scale` would show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaled {
    /// `metadata.uid`: one that was created again under its name is another.
    pub uid: Arc<str>,
    /// `spec.selector`; one that cannot be read selects nothing.
    pub selector: Selector,
    /// How many pods it has: `status.replicas`, or `currentNumberScheduled` of a DaemonSet.
    pub replicas: u32,
    /// What tells its template of pods from another one.
    pub template: u64,
}

/// A Service whose traffic may be routed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `metadata.uid`
    pub uid: Arc<str>,
    /// `metadata.resourceVersion`, as it was last told.
    pub resource_version: Arc<str>,
    /// Those of [`crate::engine::compile::annotations`] that it has, as they are, in the form of
    /// [`crate::engine::compile::Routing::annotations`].
    pub annotations: BTreeMap<&'static str, String>,
}

/// What changed. It tells where to look, not what is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What is ready of the endpoints of this Service.
    Endpoints(Name),
    /// A Service appeared or went, is of another type or has other ports, or its annotations that route it were changed.
    Service(Name),
    /// A workload appeared or went, or has another selector or other numbers.
    Workload(Workload, Name),
    /// Anything: a list is complete for the first time, or the receiver was too far behind.
    All,
}

/// The changes from the moment that it was asked for.
pub struct Changes(broadcast::Receiver<Change>);

impl View {
    /// A view in which nothing is known yet.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        // The gate watches Services and workloads too, under their own names.
        let workloads = Workload::ALL.map(|kind| {
            let (name, plural) = match kind {
                Workload::Deployment => ("deployments (reconciler)", "deployments"),
                Workload::StatefulSet => ("statefulsets (reconciler)", "statefulsets"),
                Workload::DaemonSet => ("daemonsets (reconciler)", "daemonsets"),
                Workload::ReplicaSet => ("replicasets (reconciler)", "replicasets"),
            };
            Kept::new(name, api("apps", kind.name(), plural), Workloads::new(kind), &metrics)
        });
        let slices = api("discovery.k8s.io", "EndpointSlice", "endpointslices");
        let services = api("", "Service", "services");
        Self(Arc::new(Inner {
            pods: Kept::new("pods", api("", "Pod", "pods"), Pods::default(), &metrics),
            slices: Kept::new("endpointslices", slices, Slices::default(), &metrics),
            services: Kept::new("services (reconciler)", services, Services::default(), &metrics),
            workloads,
            complete: watch::Sender::new(false),
            changes: broadcast::Sender::new(BEHIND),
        }))
    }

    /// Keeps everything current, for as long as the future lives. It starts no task: when it is dropped, everything stops.
    ///
    /// The client should be one of [`crate::watch::client`], that does not wait for ever.
    pub async fn keep(&self, client: Client) {
        let Inner { pods, slices, services, workloads: [first, second, third, fourth], .. } = &*self.0;
        tokio::join!(
            self.keep_one(pods, &client),
            self.keep_one(slices, &client),
            self.keep_one(services, &client),
            self.keep_one(first, &client),
            self.keep_one(second, &client),
            self.keep_one(third, &client),
            self.keep_one(fourth, &client),
        );
    }

    async fn keep_one<S: Store>(&self, kept: &Kept<S>, client: &Client) {
        kept.keep(client, &|change| self.tell(change)).await;
    }

    fn tell(&self, change: Change) {
        // Such a change tells that a list is complete for the first time: it may have been the last.
        if change == Change::All && !self.healths().any(Health::is_waiting) {
            self.0.complete.send_replace(true);
        }
        // Nobody may want to know.
        _ = self.0.changes.send(change);
    }

    /// Waits until every resource was listed once.
    pub async fn complete(&self) {
        // The sender is not dropped meanwhile.
        _ = self.0.complete.subscribe().wait_for(|complete| *complete).await;
    }

    fn healths(&self) -> impl Iterator<Item = &Health> {
        let Inner { pods, slices, services, workloads, .. } = &*self.0;
        [&pods.health, &slices.health, &services.health].into_iter().chain(workloads.iter().map(|kept| &kept.health))
    }

    /// A workload; unknown until all of its kind were listed, and once their watch has been lost for a minute.
    #[must_use]
    pub fn workload(&self, kind: Workload, name: &Name) -> Lookup<Arc<Scaled>> {
        let kept = Workload::ALL.iter().zip(&self.0.workloads).find(|(of, _)| **of == kind);
        kept.map_or(Lookup::Unknown, |(_, kept)| kept.look_while_it_counts(|workloads| workloads.get(name)))
    }

    /// The pods of a namespace that a selector selects, by name. They are not all of them before [`View::complete`], and nobody can tell
    /// once their watch has been lost for a minute.
    #[must_use]
    pub fn pods(&self, namespace: &str, selector: &Selector) -> Option<Vec<Pod>> {
        let Kept { health, .. } = &self.0.pods;
        (!health.is_too_old()).then(|| self.0.pods.read().selected(namespace, selector))
    }

    /// How many endpoints of a Service are ready, those left out that this operator adds: of one of its ports, or of any.
    ///
    /// Unknown while nobody can tell: the Service is missing, has no such port or no slice yet, its endpoints are names and not addresses
    /// (ExternalName), not everything was listed yet, or the watches have been lost for more than a minute.
    #[must_use]
    pub fn local(&self, service: &Name, port: Option<i32>) -> Local {
        let Inner { services, slices, .. } = &*self.0;
        let unusable = |health: &Health| health.is_waiting() || health.is_too_old();
        if unusable(&services.health) || unusable(&slices.health) {
            return Local::Unknown;
        }
        let Some(ports) = services.read().ports(service) else { return Local::Unknown };
        slices.read().local(service, &ports, port)
    }

    /// A Service; unknown until all were listed. What is known of it counts however old it is: what must be written on it is written, to this
    /// very Service, and anything else at most once too often.
    #[must_use]
    pub fn service(&self, name: &Name) -> Lookup<Service> {
        self.0.services.look(|services| services.get(name))
    }

    /// The Services of which [`crate::engine::compile::annotations::MANAGED_BY`] says that this ModelDeployment routes them, in order:
    /// `<namespace>/<name>`.
    #[must_use]
    pub fn routed_by(&self, owner: &str) -> Vec<Name> {
        self.0.services.read().routed_by(owner)
    }

    /// Whom Services name as those who route them, whether there are such objects or not.
    #[must_use]
    pub fn owners(&self) -> Vec<String> {
        self.0.services.read().owners()
    }

    /// The changes from now on.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes(self.0.changes.subscribe())
    }
}

fn api(group: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", kind), plural)
}

impl Changes {
    /// The next change; none once the view is gone.
    pub async fn next(&mut self) -> Option<Change> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(RecvError::Lagged(_)) => Some(Change::All),
            Err(RecvError::Closed) => None,
        }
    }
}
