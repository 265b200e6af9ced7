//! The reconciler: its flags, its credentials, and the lease under which it works.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kube::Config;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::cluster::NoAccess;
use super::configuration::Configured;
use super::supervise::{supervised, supervised_until};
use super::values::positive;
use crate::controller::beamlit::{self, Client, Credentials, Mirror, Settings};
use crate::controller::lease::{Candidate, Times, identity};
use crate::controller::{Parts, run};
use crate::telemetry::metrics::Metrics;
use crate::watch::{self, Watches};

/// What the reconciler works by.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Reconciler")]
#[group(skip)]
pub(super) struct Args {
    /// Whether stored objects are made true: traffic is offloaded, Beamlit kept in step. One of all replicas does it at a time. With
    /// false, objects are judged and nothing else. Never with --standalone
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_RECONCILE",
        value_name = "BOOL",
        default_value_t = true,
        action = clap::ArgAction::Set
    )]
    reconcile: bool,

    /// How often metrics are read and weights decided. (What is ready is watched, and acted on at once.)
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_DECISION_INTERVAL",
        value_name = "DURATION",
        default_value = "15s",
        value_parser = positive
    )]
    decision_interval: Duration,

    /// Beamlit's API, with its version. Without it $BEAMLIT_BASE_URL counts, and without that https://api.beamlit.com/v0
    #[arg(long, env = "BEAMLIT_OPERATOR_BEAMLIT_URL", value_name = "URL")]
    beamlit_url: Option<Url>,

    /// A folder with the credentials for Beamlit, as a Secret is mounted: `clientId` and `clientSecret`, or `token`, the base64 of
    /// id:secret. It is read again when it changes. Without any, $BEAMLIT_TOKEN counts, and without that nothing is kept on Beamlit
    #[arg(long, env = "BEAMLIT_OPERATOR_BEAMLIT_CREDENTIALS", value_name = "DIRECTORY")]
    beamlit_credentials: Option<PathBuf>,

    /// Certificate authorities (PEM) that are trusted for Beamlit's API beside the public ones
    #[arg(long, env = "BEAMLIT_OPERATOR_BEAMLIT_CA", value_name = "FILE")]
    beamlit_ca: Option<PathBuf>,

    /// For how long a deleted object waits for Beamlit to let go of what it holds
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_FINALIZER_TIMEOUT",
        value_name = "DURATION",
        default_value = "1h",
        value_parser = positive
    )]
    finalizer_timeout: Duration,

    /// The namespace of the Lease by which the replicas agree on who reconciles
    #[arg(long, env = "BEAMLIT_OPERATOR_LEASE_NAMESPACE", value_name = "NAMESPACE", default_value = "beamlit-system")]
    lease_namespace: String,

    /// The name of that Lease
    #[arg(long, env = "BEAMLIT_OPERATOR_LEASE_NAME", value_name = "NAME", default_value = "beamlit-operator")]
    lease_name: String,
}

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("Beamlit: {0}")]
    Beamlit(#[from] beamlit::Error),
    #[error(transparent)]
    Access(#[from] NoAccess),
}

/// What it needs of the rest of the process.
pub(super) struct Needs {
    pub(super) access: Config,
    pub(super) watches: Arc<Watches>,
    pub(super) configured: Arc<Configured>,
    pub(super) metrics: Arc<Metrics>,
}

/// A reconciler that takes part, or waits for its turn.
pub(super) struct Running {
    shutdown: CancellationToken,
    ended: JoinHandle<()>,
}

/// How long a call to the API server may be silent. Nothing that is written takes long.
const ANSWER: Duration = Duration::from_secs(10);

/// How long the lease may take to be given back.
const GIVE_BACK: Duration = Duration::from_secs(3);

impl Args {
    /// Whether there is one.
    pub(super) const fn is_wanted(&self) -> bool {
        self.reconcile
    }

    /// Starts it.
    ///
    /// # Errors
    /// If credentials or settings cannot be used.
    pub(super) fn start(self, needs: Needs) -> Result<Running, Failed> {
        let Needs { access, watches, configured, metrics } = needs;
        let unusable = |error: kube::Error| NoAccess::new(RECONCILER, &error);
        let beamlit = self.mirror(&configured, &watches, &metrics)?;
        let instance = instance();
        let parts = Arc::new(Parts {
            watching: watch::client(access.clone()).map_err(unusable)?,
            asking: watch::patient(access.clone(), ANSWER).map_err(unusable)?,
            watches,
            configuration: Arc::new(move || Arc::clone(&configured.now())),
            beamlit,
            interval: self.decision_interval,
            patience: self.finalizer_timeout,
            instance: instance.clone(),
            metrics: Arc::clone(&metrics),
        });
        let candidate = Arc::new(Candidate {
            client: watch::patient(access, ANSWER).map_err(unusable)?,
            namespace: self.lease_namespace,
            name: self.lease_name,
            identity: identity(&instance),
            times: Times::default(),
            metrics: Arc::clone(&metrics),
        });
        let shutdown = CancellationToken::new();
        let told = shutdown.clone();
        let ended = supervised_until(&shutdown, "reconciler", &metrics, move || {
            let (candidate, parts, told) = (Arc::clone(&candidate), Arc::clone(&parts), told.clone());
            async move { candidate.lead(&told, || run(Arc::clone(&parts))).await }
        });
        Ok(Running { shutdown, ended })
    }

    /// Where Beamlit is.
    fn base(&self) -> Result<Url, Failed> {
        let named = std::env::var("BEAMLIT_BASE_URL").ok().filter(|url| !url.is_empty());
        match &self.beamlit_url {
            Some(url) => Ok(url.clone()),
            None => Url::parse(named.as_deref().unwrap_or(beamlit::BASE))
                .map_err(|error| Failed::Beamlit(beamlit::Error::Settings(format!("BEAMLIT_BASE_URL: {error}")))),
        }
    }

    /// What Beamlit holds, kept by every replica; none without credentials.
    fn mirror(
        &self,
        configured: &Configured,
        watches: &Arc<Watches>,
        metrics: &Arc<Metrics>,
    ) -> Result<Option<crate::controller::Beamlit>, Failed> {
        let credentials = match (
            &self.beamlit_credentials,
            std::env::var("BEAMLIT_TOKEN").ok().filter(|token| !token.trim().is_empty()),
        ) {
            (Some(folder), _) => Credentials::in_folder(folder),
            (None, Some(token)) => Credentials::in_token(&token)?,
            (None, None) => return Ok(None),
        };
        let settings = Settings {
            base: self.base()?,
            workspace: configured.now().workspace.clone(),
            ca_file: self.beamlit_ca.clone(),
            ..Settings::new(credentials)?
        };
        let (mirror, changes) = Mirror::new(Client::new(settings, Arc::clone(metrics))?);
        let kept = Arc::clone(&mirror);
        supervised("beamlit", metrics, move || {
            let mirror = Arc::clone(&kept);
            async move { mirror.keep().await }
        });
        let (policies, watches) = (mirror.policies(), Arc::clone(watches));
        supervised("remote-policies", metrics, move || {
            let (mut policies, watches) = (policies.clone(), Arc::clone(&watches));
            // What came while it was not running is taken over as well.
            policies.mark_changed();
            async move {
                while policies.changed().await.is_ok() {
                    let all = policies.borrow_and_update().clone();
                    all.iter().for_each(|all| watches.remote_policies(all.iter()));
                }
            }
        });
        Ok(Some((mirror, Arc::new(Mutex::new(changes)))))
    }
}

const RECONCILER: &str = "stored objects are reconciled through the Kubernetes API (unless --reconcile=false is given), which needs access to it";

/// How this process is called: by its pod, if it is told.
fn instance() -> String {
    let pod = std::env::var("POD_NAME").ok().filter(|name| !name.is_empty());
    pod.unwrap_or_else(|| "beamlit-operator".to_owned())
}

impl Running {
    /// Ends it, and gives the lease back, so that another replica goes on at once.
    pub(super) async fn end(self) {
        self.shutdown.cancel();
        if tokio::time::timeout(GIVE_BACK, self.ended).await.is_err() {
            tracing::warn!("the lease could not be given back: another replica goes on when it expires");
        }
    }
}
