//! What the leader watches beside what the gate judges by: pods, endpoints, workloads and Services, so that no decision costs a call.
//!
//! Of each object a few words are kept, in indexes by what they are asked for, and whoever wants to know is told what changed as soon
//! as the API server tells it.

mod selector;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::client::Client;
use tokio::sync::broadcast;

pub use self::selector::{Selector, Unreadable};
use crate::engine::world::{Lookup, Name, Workload};
use crate::offload::evaluate::Pod;
use crate::offload::observation::Local;
use crate::telemetry::metrics::Metrics;
use crate::watch::Report;

/// How many changes a receiver may be behind before it is told that anything may have changed.
const BEHIND: usize = 4096;

/// What the leader watches. Clones are one and the same.
#[derive(Clone)]
pub struct View(Arc<Inner>);

struct Inner {
    changes: broadcast::Sender<Change>,
    #[allow(dead_code)]
    metrics: Arc<Metrics>,
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
    /// How many it should have: `spec.replicas`, or `desiredNumberScheduled` of a DaemonSet.
    pub desired: u32,
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

/// What has not been heard of for longest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The resource.
    pub resource: &'static str,
    /// For how long its watch has been lost.
    pub ago: Duration,
    /// Why, in words for people.
    pub why: String,
}

impl View {
    /// A view in which nothing is known yet.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let (changes, _) = broadcast::channel(BEHIND);
        Self(Arc::new(Inner { changes, metrics }))
    }

    /// Keeps everything current, for as long as the future lives. It starts no task: when it is dropped, everything stops.
    ///
    /// The client should be one of [`crate::watch::client`], that does not wait for ever.
    pub async fn keep(&self, _client: Client) {
        std::future::pending().await
    }

    /// Waits until every resource was listed once.
    pub async fn complete(&self) {
        std::future::pending().await
    }

    /// The watch that has been lost for longest; none if all is current, but for what was never listed.
    #[must_use]
    pub fn stale(&self) -> Option<Stale> {
        None
    }

    /// What there is to say of the watches now, in words for people, as the gate's [`crate::watch::Watches::report`] does.
    #[must_use]
    pub fn report(&self) -> Report {
        Report::default()
    }

    /// A workload; unknown until all of its kind were listed.
    #[must_use]
    pub fn workload(&self, _kind: Workload, _name: &Name) -> Lookup<Arc<Scaled>> {
        Lookup::Unknown
    }

    /// The pods of a namespace that a selector selects, by name. None before [`View::complete`].
    #[must_use]
    pub fn pods(&self, _namespace: &str, _selector: &Selector) -> Vec<Pod> {
        Vec::new()
    }

    /// How many endpoints of a Service are ready, those left out that this operator adds: of one of its ports, or of any.
    ///
    /// Unknown while nobody can tell: the Service is missing or has no such port, its endpoints are names and not addresses
    /// (ExternalName), not everything was listed yet, or the watches have been lost for more than a minute.
    #[must_use]
    pub fn local(&self, _service: &Name, _port: Option<i32>) -> Local {
        Local::Unknown
    }

    /// A Service; unknown until all were listed.
    #[must_use]
    pub fn service(&self, _name: &Name) -> Lookup<Service> {
        Lookup::Unknown
    }

    /// The Services of which [`crate::engine::compile::annotations::MANAGED_BY`] says that this ModelDeployment routes them, in order:
    /// `<namespace>/<name>`.
    #[must_use]
    pub fn routed_by(&self, _owner: &str) -> Vec<Name> {
        Vec::new()
    }

    /// The changes from now on.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes(self.0.changes.subscribe())
    }
}

impl Changes {
    /// The next change; none once the view is gone.
    pub async fn next(&mut self) -> Option<Change> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Change::All),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
