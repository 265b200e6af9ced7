//! The operator's configuration while the process runs: from its file, taken over when it changes, and never for something worse.

use std::path::PathBuf;
use std::slice::from_ref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::supervise::supervised;
use super::values::{domain, positive};
use crate::engine::configuration::Configuration;
use crate::engine::manifest::configuration::load;
use crate::files::{Contents, Unreadable, follow};
use crate::gate::probes::{Opinion, Part};
use crate::telemetry::metrics::Metrics;

/// What reviews are judged by beside the objects.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Judgement")]
#[group(skip)]
pub(super) struct Args {
    /// The operator's configuration, an OperatorConfiguration in YAML; taken over without a restart when its content changes and is
    /// sound
    #[arg(long, env = "BEAMLIT_OPERATOR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// How often the file of --config is looked at
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_CONFIG_RELOAD_INTERVAL",
        value_name = "DURATION",
        default_value = "10s",
        value_parser = positive
    )]
    config_reload_interval: Duration,

    /// The cluster's DNS domain: remote backends may not be names of other namespaces in it. Counts more than what --config
    /// says; cluster.local if neither says anything
    #[arg(long, env = "BEAMLIT_OPERATOR_CLUSTER_DOMAIN", value_name = "DOMAIN", value_parser = domain)]
    cluster_domain: Option<String>,
}

/// Why a file is not taken over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("--config: {0}")]
    Unreadable(#[from] Unreadable),
    #[error("--config: {}", .0.join("\n"))]
    Faults(Vec<String>),
}

impl Failed {
    /// Every fault, a line each.
    fn lines(self) -> Vec<String> {
        match self {
            Self::Unreadable(error) => vec![error.to_string()],
            Self::Faults(faults) => faults,
        }
    }
}

/// The configuration that counts now.
pub(super) struct Configured {
    current: ArcSwap<Configuration>,
    cluster_domain: Option<String>,
    /// What is wrong with the file, for as long as it lasts.
    faults: Mutex<Vec<String>>,
    metrics: Arc<Metrics>,
}

impl Args {
    /// Reads the file, and keeps what counts current for as long as the process runs.
    ///
    /// # Errors
    /// If the file is not sound: somebody should look at once, and nobody knows what was meant.
    pub(super) fn start(self, metrics: &Arc<Metrics>) -> Result<Arc<Configured>, Failed> {
        let configured = Arc::new(Configured::new(self.cluster_domain, Arc::clone(metrics)));
        let Some(path) = self.config else { return Ok(configured) };
        let contents = Contents::read(from_ref(&path))?;
        configured.take(&contents)?;
        let (taken, every) = (contents.fingerprint(), self.config_reload_interval);
        let kept = Arc::clone(&configured);
        supervised("configuration", metrics, move || {
            let (configured, path) = (Arc::clone(&kept), path.clone());
            async move {
                let reload = |contents: &Contents| configured.take(contents).map(|()| configured.reloaded());
                let tell = |outcome: Result<(), Failed>| configured.tell(outcome);
                follow(from_ref(&path), every, Some(taken), reload, || Ok(()), tell).await;
            }
        });
        Ok(configured)
    }
}

impl Configured {
    /// What holds where nobody has configured anything.
    fn new(cluster_domain: Option<String>, metrics: Arc<Metrics>) -> Self {
        let mut configuration = Configuration::default();
        if let Some(domain) = &cluster_domain {
            configuration.cluster_domain.clone_from(domain);
        }
        Self { current: ArcSwap::from_pointee(configuration), cluster_domain, faults: Mutex::default(), metrics }
    }

    /// The configuration as it is now. It does not change for whoever holds it.
    pub(super) fn now(&self) -> impl std::ops::Deref<Target = Arc<Configuration>> {
        self.current.load()
    }

    fn take(&self, contents: &Contents) -> Result<(), Failed> {
        let (place, bytes) = contents.file(0);
        // Most lines begin with a place in the file.
        let located = |line: &String| {
            let space = if line.starts_with(|first: char| first.is_ascii_digit()) { "" } else { " " };
            format!("{place}:{space}{line}")
        };
        match load(bytes, self.cluster_domain.as_deref()) {
            Ok((configuration, warnings)) => {
                for warning in warnings.iter().map(located) {
                    tracing::warn!("configuration: {warning}");
                }
                self.current.store(Arc::new(configuration));
                Ok(())
            }
            Err(faults) => Err(Failed::Faults(faults.iter().map(located).collect())),
        }
    }

    fn reloaded(&self) {
        self.metrics.configuration_reloads.inc();
        tracing::info!("took over the changed configuration");
    }

    /// Tells of faults, once for as long as they last: in the log, in the metrics and to whoever asks for readiness.
    fn tell(&self, outcome: Result<(), Failed>) {
        let found = outcome.err().map(Failed::lines).unwrap_or_default();
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if *faults == found {
            return;
        }
        if found.is_empty() {
            tracing::info!("the fault of the configuration is mended");
        }
        for fault in &found {
            tracing::warn!("configuration: {fault}; the last good one still counts");
        }
        self.metrics.configuration_fault.set((!found.is_empty()).into());
        *faults = found;
    }

    /// What /readyz says of it: a fault is no reason not to be asked, for the last good configuration counts.
    pub(super) fn part(self: &Arc<Self>) -> Part {
        let configured = Arc::clone(self);
        Box::new(move || {
            let faults = configured.faults.lock().unwrap_or_else(PoisonError::into_inner);
            let warnings = faults.iter().map(|fault| format!("configuration: {fault}; the last good one still counts"));
            Opinion { missing: Vec::new(), warnings: warnings.collect() }
        })
    }
}
