//! What all reconcilers share, for as long as the lease is held.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use k8s_openapi::jiff::Timestamp;
use kube::client::Client;
use kube::runtime::reflector::Store;

use super::beamlit::{Error, Mirror};
use super::events::Events;
use super::memory::Memory;
use super::metrics::Readings;
use super::queue::Queue;
use super::stored::{ModelDeployments, OffloadAutoscalers, Policies, Stored, reference};
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
pub(super) struct Context {
    /// What else is in the cluster, as judgements ask for it.
    pub(super) watches: Arc<Watches>,
    /// The operator's configuration.
    pub(super) configuration: Arc<Configured>,
    /// What is in the cluster, as decisions ask for it.
    pub(super) view: View,
    /// What the reconcilers know of each other's work.
    pub(super) memory: Memory,
    /// What the sources of metrics last answered; none before they were first asked.
    pub(super) readings: ArcSwapOption<Readings>,
    /// What Beamlit holds; none if nobody said where credentials are.
    pub(super) beamlit: Option<Arc<Mirror>>,
    /// The way to the API server, for what is read once.
    pub(super) client: Client,
    /// Writes into the cluster.
    pub(super) writer: Writer,
    /// Tells of transitions.
    pub(super) events: Events,
    /// The metrics of the process.
    pub(super) metrics: Arc<Metrics>,
    /// The ModelDeployments.
    pub(super) model_deployments: Store<Stored<ModelDeployments>>,
    /// The Policies.
    pub(super) policies: Store<Stored<Policies>>,
    /// The OffloadAutoscalers.
    pub(super) autoscalers: Store<Stored<OffloadAutoscalers>>,
    /// Which ModelDeployments are to be looked at.
    pub(super) model_deployments_due: Queue,
    /// Which weights are to be decided.
    pub(super) autoscalers_due: Queue,
    /// Which Policies are to be looked at.
    pub(super) policies_due: Queue,
    /// For how long an object stays that Beamlit cannot be told to let go of.
    pub(super) patience: Duration,
}

impl Context {
    /// What Beamlit holds, as long as there are credentials for it.
    pub(super) fn beamlit(&self) -> Option<&Arc<Mirror>> {
        self.beamlit.as_ref().filter(|mirror| !matches!(mirror.fault(), Some(Error::NoCredentials(_))))
    }

    /// Waits until everything was listed once. (A store that ends is one that everything else ends with.)
    ///
    /// For one to call: a store of kube-runtime wakes only the last of those who wait for it.
    pub(super) async fn listed(&self) {
        self.view.complete().await;
        _ = self.model_deployments.wait_until_ready().await;
        _ = self.autoscalers.wait_until_ready().await;
    }

    /// One of the ModelDeployments.
    pub(super) fn model_deployment(&self, name: &Name) -> Option<Arc<Stored<ModelDeployments>>> {
        self.model_deployments.get(&reference(name))
    }

    /// One of the OffloadAutoscalers.
    pub(super) fn autoscaler(&self, name: &Name) -> Option<Arc<Stored<OffloadAutoscalers>>> {
        self.autoscalers.get(&reference(name))
    }
}

/// This moment, as decisions count time.
pub(super) fn now() -> Time {
    Time(Timestamp::now().as_millisecond())
}
