//! The way to the Kubernetes API, and the watches that keep what reviews are judged by.

use std::sync::Arc;

use kube::Config;

use super::supervise::supervised;
use crate::gate::probes::{Opinion, Part};
use crate::telemetry::metrics::Metrics;
use crate::watch::{self, Report, Watched, Watches};

/// Whether there is a cluster.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Judgement")]
#[group(skip)]
pub(super) struct Args {
    /// Judge every object alone: nothing it refers to is looked up, so that references stay unknown; for a desk or a test without a
    /// cluster. Otherwise access to the Kubernetes API is needed, by $KUBECONFIG or from within a Pod
    #[arg(long, env = "BEAMLIT_OPERATOR_STANDALONE")]
    pub(super) standalone: bool,
}

/// There is no way to the Kubernetes API.
#[derive(Debug, thiserror::Error)]
#[error("{needed_for}, by a kubeconfig that $KUBECONFIG names or from within a Pod: {error}")]
pub(super) struct NoAccess {
    needed_for: &'static str,
    error: String,
}

impl NoAccess {
    pub(super) fn new(needed_for: &'static str, error: &kube::Error) -> Self {
        Self { needed_for, error: error.to_string() }
    }
}

const JUDGEMENT: &str = "what objects refer to is looked up through the Kubernetes API (unless --standalone is given), which needs access to it";

/// The way to the API server, as the environment says.
///
/// # Errors
/// If it says nothing. (That nobody answers there is found out later.)
pub(super) async fn access(needed_for: Option<&'static str>) -> Result<Config, NoAccess> {
    Config::infer()
        .await
        .map_err(|error| NoAccess { needed_for: needed_for.unwrap_or(JUDGEMENT), error: error.to_string() })
}

/// Starts the watches, which go on for as long as the process runs.
///
/// # Errors
/// If the configuration of the client cannot be used.
pub(super) fn watch(config: Config, metrics: &Arc<Metrics>) -> Result<Arc<Watches>, NoAccess> {
    let client = watch::client(config).map_err(|error| NoAccess::new(JUDGEMENT, &error))?;
    let watches = Arc::new(Watches::new(Arc::clone(metrics)));
    for watched in Watched::ALL {
        let (watches, client) = (Arc::clone(&watches), client.clone());
        supervised("watch", metrics, move || Arc::clone(&watches).keep(watched, client.clone()));
    }
    Ok(watches)
}

/// What /readyz says of the watches. Whoever asks has what is kept counted.
pub(super) fn part(watches: Arc<Watches>) -> Part {
    Box::new(move || {
        watches.measure();
        let Report { missing, warnings } = watches.report();
        Opinion { missing, warnings }
    })
}
