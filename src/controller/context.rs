//! What all reconcilers share, for as long as the lease is held.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use k8s_openapi::jiff::Timestamp;
use kube::client::Client;
use kube::runtime::reflector::{ObjectRef, Store};

use super::beamlit::Mirror;
use super::events::Events;
use super::memory::Memory;
use super::metrics::Readings;
use super::queue::Queue;
use super::stored::{ModelDeployments, OffloadAutoscalers, Ours, Policies, Stored};
use super::view::View;
use super::writes::Writer;
use crate::engine::configuration::Configuration;
use crate::engine::world::Name;
use crate::offload::Time;
use crate::telemetry::metrics::Metrics;
use crate::watch::Watches;

/// Who tells the configuration that counts now.
pub type Configured = dyn Fn() -> Arc<Configuration> + Send + Sync;

/// What all reconcilers share.
pub struct Context {
    /// What else is in the cluster, as judgements ask for it.
    pub watches: Arc<Watches>,
    /// The operator's configuration.
    pub configuration: Arc<Configured>,
    /// What is in the cluster, as decisions ask for it.
    pub view: View,
    /// What the reconcilers know of each other's work.
    pub memory: Memory,
    /// What the sources of metrics last answered; none before they were first asked.
    pub readings: ArcSwapOption<Readings>,
    /// What Beamlit holds; none without credentials.
    pub beamlit: Option<Arc<Mirror>>,
    /// The way to the API server, for what is read once.
    pub client: Client,
    /// Writes into the cluster.
    pub writer: Writer,
    /// Tells of transitions.
    pub events: Events,
    /// The metrics of the process.
    pub metrics: Arc<Metrics>,
    /// The ModelDeployments.
    pub model_deployments: Store<Stored<ModelDeployments>>,
    /// The Policies.
    pub policies: Store<Stored<Policies>>,
    /// The OffloadAutoscalers.
    pub autoscalers: Store<Stored<OffloadAutoscalers>>,
    /// Which ModelDeployments are to be looked at.
    pub model_deployments_due: Queue,
    /// Which weights are to be decided.
    pub autoscalers_due: Queue,
    /// Which Policies are to be looked at.
    pub policies_due: Queue,
    /// For how long an object stays that Beamlit cannot be told to let go of.
    pub patience: Duration,
}

impl Context {
    /// One of the ModelDeployments.
    pub fn model_deployment(&self, name: &Name) -> Option<Arc<Stored<ModelDeployments>>> {
        self.model_deployments.get(&reference(name))
    }

    /// One of the OffloadAutoscalers.
    pub fn autoscaler(&self, name: &Name) -> Option<Arc<Stored<OffloadAutoscalers>>> {
        self.autoscalers.get(&reference(name))
    }
}

/// As kube-runtime names an object.
pub fn reference<K: Ours>(name: &Name) -> ObjectRef<Stored<K>> {
    ObjectRef::new(name.name()).within(name.namespace())
}

/// This moment, as decisions count time.
pub fn now() -> Time {
    Time(Timestamp::now().as_millisecond())
}
