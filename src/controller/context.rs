//! What all reconcilers share, for as long as the lease is held.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use k8s_openapi::jiff::Timestamp;
use kube::client::Client;
use kube::runtime::reflector::Store;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

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
    /// Until when it is waited for what policies on Beamlit allow, if nothing fails.
    pub(super) first_answers_by: Instant,
    /// What this cluster is called on Beamlit; nothing if nobody could tell.
    pub(super) cluster: OnceLock<String>,
}

/// For how long after its start a reconciler waits for what policies on Beamlit allow.
pub(super) const FIRST_ANSWERS: Duration = Duration::from_secs(5);

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

    /// Whether what policies on Beamlit allow has been read, now or within a moment; not if reading has failed.
    pub(super) async fn remote_policies_read(&self) -> bool {
        let Some(mirror) = self.beamlit() else { return false };
        let mut changes = self.watches.changes();
        let read = async {
            mirror.tried().await;
            if mirror.policies().borrow().is_none() {
                return false;
            }
            // Those who judge are told a moment later.
            while !self.watches.world().knows_remote_policies() {
                if matches!(changes.recv().await, Err(RecvError::Closed)) {
                    return false;
                }
            }
            true
        };
        timeout_at(self.first_answers_by, read).await.unwrap_or(false)
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

#[cfg(test)]
pub(super) mod tests {
    use kube::runtime::reflector;

    use super::super::beamlit::{self, Credentials, Settings};
    use super::*;

    /// A context in which nothing is known, in front of nobody.
    fn context(beamlit: Option<Arc<Mirror>>) -> Context {
        _ = crate::gate::tls::provider().install_default();
        context_of(Client::try_from(kube::Config::new("http://127.0.0.1:9".parse().unwrap())).unwrap(), beamlit)
    }

    /// A context in which nothing is known, in front of whoever answers this client.
    pub(in crate::controller) fn context_of(client: Client, beamlit: Option<Arc<Mirror>>) -> Context {
        let metrics = Arc::new(Metrics::default());
        Context {
            watches: Arc::new(Watches::new(Arc::clone(&metrics))),
            configuration: Arc::new(Arc::default),
            view: View::new(Arc::clone(&metrics)),
            memory: Memory::default(),
            readings: ArcSwapOption::empty(),
            beamlit,
            client: client.clone(),
            writer: Writer::new(client.clone(), Arc::clone(&metrics)),
            events: Events::new(client, "test", Arc::clone(&metrics)),
            metrics,
            model_deployments: reflector::store().0,
            autoscalers: reflector::store().0,
            policies: reflector::store().0,
            model_deployments_due: Queue::new().0,
            autoscalers_due: Queue::new().0,
            policies_due: Queue::new().0,
            patience: Duration::ZERO,
            first_answers_by: Instant::now() + FIRST_ANSWERS,
            cluster: OnceLock::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn policies_on_beamlit_are_waited_for_for_a_moment_and_not_if_there_is_nothing_to_wait_for() {
        let began = Instant::now();
        assert!(!context(None).remote_policies_read().await);
        assert_eq!(began.elapsed(), Duration::ZERO);
        // Nobody listens.
        let mut settings = Settings::new(Credentials::of("me", "secret").unwrap()).unwrap();
        settings.base = "http://127.0.0.1:9/v0".parse().unwrap();
        let (mirror, _changes) = Mirror::new(beamlit::Client::new(settings, Arc::default()).unwrap());
        let context = context(Some(Arc::clone(&mirror)));
        assert!(!context.remote_policies_read().await);
        assert!((FIRST_ANSWERS..FIRST_ANSWERS * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
        let later = Instant::now();
        assert!(!context.remote_policies_read().await);
        assert_eq!(later.elapsed(), Duration::ZERO, "once for all");
    }

    #[tokio::test]
    async fn who_has_failed_is_not_waited_for() {
        let mut settings = Settings::new(Credentials::of("me", "secret").unwrap()).unwrap();
        settings.base = "http://127.0.0.1:9/v0".parse().unwrap();
        settings.pace.retries = 0;
        let (mirror, _changes) = Mirror::new(beamlit::Client::new(settings, Arc::default()).unwrap());
        let mut context = context(Some(Arc::clone(&mirror)));
        context.first_answers_by = Instant::now() + Duration::from_secs(24 * 3600);
        assert!(mirror.refresh().await.is_err());
        assert!(!context.remote_policies_read().await);
    }
}
