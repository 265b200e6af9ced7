//! The two ways to a certificate, as flags choose them, and the tasks that keep it current.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgGroup;
use clap::builder::NonEmptyStringValueParser;
use kube::{Client, Config};
use rustls::pki_types::ServerName;

use super::cluster::NoAccess;
use super::supervise::supervised;
use super::values::{domain, duration, positive};
use crate::gate::tls::files::{Clients, Files};
use crate::gate::tls::managed::{Keeper, Settings, SettingsError};
use crate::gate::tls::{PairError, Serving};
use crate::telemetry::metrics::Metrics;

/// Where the certificate comes from, and who is answered.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "TLS", group = ArgGroup::new("source").required(true).args(["tls_cert", "tls_self_managed"]))]
#[group(skip)]
pub(super) struct Args {
    /// The certificate, and the chain that leads to its CA, in PEM; taken over without a restart when its content changes
    #[arg(long, env = "BEAMLIT_OPERATOR_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The private key of the certificate, in PEM
    #[arg(long, env = "BEAMLIT_OPERATOR_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Make a CA and a certificate, keep them in a Secret that all replicas share, renew them, and fill in caBundle of both
    /// webhook configurations; needs access to the Kubernetes API, by $KUBECONFIG or from within a Pod
    #[arg(long, env = "BEAMLIT_OPERATOR_TLS_SELF_MANAGED")]
    tls_self_managed: bool,

    /// The name by which the API server calls, which the certificate must have; SERVICE.NAMESPACE.svc, and with
    /// --tls-self-managed the namespace in which the Secret is kept
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_TLS_NAME",
        value_name = "NAME",
        default_value = "beamlit-operator-webhook.beamlit-system.svc",
        value_parser = domain
    )]
    tls_name: String,

    /// How often the files are looked at
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_TLS_RELOAD_INTERVAL",
        value_name = "DURATION",
        default_value = "10s",
        value_parser = positive
    )]
    tls_reload_interval: Duration,

    /// The Secret of --tls-self-managed
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_TLS_SECRET",
        value_name = "NAME",
        default_value = "beamlit-operator-webhook-tls",
        value_parser = domain
    )]
    tls_secret: String,

    /// How long a self-managed certificate lives; it is renewed at two thirds of that
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_TLS_LIFETIME",
        value_name = "DURATION",
        default_value = "720h",
        value_parser = positive
    )]
    tls_lifetime: Duration,

    /// How long a self-managed CA lives, three times as long as a certificate at least; its successor is announced at two
    /// thirds of that
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_TLS_CA_LIFETIME",
        value_name = "DURATION",
        default_value = "8760h",
        value_parser = positive
    )]
    tls_ca_lifetime: Duration,

    /// How long a new self-managed CA stands in caBundle before it signs: the time in which every API server learns to trust it
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_TLS_CA_ANNOUNCEMENT",
        value_name = "DURATION",
        default_value = "10m",
        value_parser = duration
    )]
    tls_ca_announcement: Duration,

    /// Answer only clients with a certificate of a CA in this file, in PEM; the plain port stays as it is
    #[arg(long, env = "BEAMLIT_OPERATOR_CLIENT_CA", value_name = "FILE")]
    client_ca: Option<PathBuf>,

    /// … and only if it has this common name or DNS name; may be given more than once. Needed where the CA signs for others
    /// than API servers too
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_CLIENT_NAME",
        value_name = "NAME",
        requires = "client_ca",
        value_delimiter = ',',
        value_parser = NonEmptyStringValueParser::new()
    )]
    client_name: Vec<String>,
}

/// Why there will be no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Pair(#[from] PairError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Access(#[from] NoAccess),
    #[error("--tls-name: {0:?} is not a name that a certificate can have")]
    Name(String),
}

/// What they need.
const SELF_MANAGED: &str = "self-managed certificates need access to the Kubernetes API";

impl Args {
    /// What needs the Kubernetes API, if anything does.
    pub(super) fn needs_cluster(&self) -> Option<&'static str> {
        self.tls_self_managed.then_some(SELF_MANAGED)
    }

    /// Starts what serves certificates, and what keeps them current for as long as the process runs.
    ///
    /// # Errors
    /// If files are not sound, or there is no way to the Kubernetes API. (That nobody answers there is no reason not to
    /// start: the gate is not ready until somebody does.)
    pub(super) fn start(
        self,
        cluster: Option<Config>,
        cluster_domain: &str,
        serving: &Arc<Serving>,
        metrics: &Arc<Metrics>,
    ) -> Result<(), Failed> {
        let every = self.tls_reload_interval;
        if let Some(authorities) = self.client_ca {
            let clients = Clients { authorities, names: self.client_name };
            clients.load(serving)?;
            let serving = Arc::clone(serving);
            supervised("client-ca", metrics, move || clients.clone().keep(Arc::clone(&serving), every));
        }
        let serving = Arc::clone(serving);
        if let (Some(certificate), Some(key)) = (self.tls_cert, self.tls_key) {
            let name = ServerName::try_from(self.tls_name.clone()).map_err(|_| Failed::Name(self.tls_name))?;
            let files = Files { certificate, key, name };
            files.load(&serving)?;
            supervised("certificates", metrics, move || files.clone().keep(Arc::clone(&serving), every));
            return Ok(());
        }
        let settings = Settings {
            name: self.tls_name,
            cluster_domain: cluster_domain.to_owned(),
            secret: self.tls_secret,
            leaf_lifetime: self.tls_lifetime,
            authority_lifetime: self.tls_ca_lifetime,
            announcement: self.tls_ca_announcement,
        };
        settings.check()?;
        // One of the two ways is chosen, so that there is a cluster by now.
        let Some(cluster) = cluster else { return Ok(()) };
        let client = Client::try_from(cluster).map_err(|error| NoAccess::new(SELF_MANAGED, &error))?;
        let keeper = {
            let metrics = Arc::clone(metrics);
            move || Keeper::new(client.clone(), settings.clone(), Arc::clone(&serving), Arc::clone(&metrics))
        };
        // What is wrong with the settings is wrong at once.
        keeper()?;
        supervised("certificates", metrics, move || {
            let keeper = keeper();
            async move {
                if let Ok(keeper) = keeper {
                    keeper.run().await;
                }
            }
        });
        Ok(())
    }
}
