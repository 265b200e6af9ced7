//! Certificates that manage themselves: an authority and a leaf in a Secret that all replicas share, renewed ahead of time,
//! and trusted in the webhook configurations.
//!
//! Every replica does the same and none is special. Each looks at what there is, decides by the same pure function
//! (`rotation`) what there should be, and writes only over what it has read: of several that write at once one wins, and
//! the others take over what it wrote.

mod bundle;
mod issue;
mod rotation;
mod secret;
mod stored;

use std::fmt::Debug;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures::FutureExt as _;
use futures::stream::{SelectAll, Stream, StreamExt as _};
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PartialObjectMeta};
use kube::client::Client;
use kube::runtime::{WatchStreamExt as _, watcher};
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

pub use self::bundle::Configuration;
use self::bundle::{Filled, Service};
use self::rotation::{Decision, Rules};
use self::secret::Shared;
use self::stored::Stored;
use super::{Part, Serving, provider};
use crate::telemetry::metrics::Metrics;

/// The name under which fields are written.
const MANAGER: &str = "beamlit-operator";

/// How long everything is left alone at most; what somebody changes is noticed at once, by watching.
const AT_MOST: Duration = Duration::from_secs(300);

/// How long a look may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shortest and the longest wait after a look that failed. Each is twice the one before, and none is quite regular, so that
/// replicas do not go on in step.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// How long to wait for further changes when there was one: they seldom come alone.
const GATHER: Duration = Duration::from_millis(100);

/// How long API servers may take to notice a change of `caBundle`.
const NOTICED: Duration = Duration::from_secs(2);

/// How long the Secret is left alone after it was written: replicas that disagree, as two versions in a rollout may, do not
/// write against each other without a pause.
const BETWEEN_WRITES: Duration = Duration::from_secs(2);

/// The shortest life of a leaf. Two thirds of it must leave time for everything above.
const SHORTEST_LIFE: Duration = Duration::from_secs(10);

/// What could not be done, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

/// Why something failed, in one line: the innermost cause, which what stands around it only announces.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let innermost = std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error);
    innermost.to_string().replace(['\n', '\r'], " ")
}

/// How certificates are made, and where they are kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The DNS name by which the API server calls: `SERVICE.NAMESPACE.svc`. The Secret lives in this namespace.
    pub name: String,
    /// The cluster's DNS domain: the certificate is good for the longer name too.
    pub cluster_domain: String,
    /// The name of the Secret.
    pub secret: String,
    /// How long a leaf lives.
    pub leaf_lifetime: Duration,
    /// How long an authority lives: three leaves at least.
    pub authority_lifetime: Duration,
    /// How long a new authority is announced before it signs.
    pub announcement: Duration,
}

/// Why certificates cannot be managed at all.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The name is not that of a Service.
    #[error("--tls-name: {0:?} is not SERVICE.NAMESPACE.svc, which --tls-self-managed needs")]
    Name(String),
    /// An authority would end before its leaves.
    #[error("--tls-ca-lifetime must be at least three times --tls-lifetime")]
    Lifetimes,
    /// A certificate would have to be renewed all the time.
    #[error("--tls-lifetime must be at least {} s", SHORTEST_LIFE.as_secs())]
    TooShort,
    /// A new authority would not be announced in time.
    #[error("--tls-ca-announcement must be at most a quarter of --tls-ca-lifetime")]
    Announcement,
    /// A lifetime is beyond what a date can hold.
    #[error("a lifetime is too long")]
    TooLong,
}

impl Settings {
    /// Whether they fit together. Returns the Service that they are for.
    ///
    /// # Errors
    /// If they contradict themselves.
    pub(crate) fn check(&self) -> Result<Service, SettingsError> {
        if self.leaf_lifetime < SHORTEST_LIFE {
            Err(SettingsError::TooShort)
        } else if self.authority_lifetime < self.leaf_lifetime.saturating_mul(3) {
            Err(SettingsError::Lifetimes)
        } else if self.announcement > self.authority_lifetime / 4 {
            Err(SettingsError::Announcement)
        } else {
            match self.name.split('.').collect::<Vec<_>>()[..] {
                [name, namespace, "svc"] => Ok(Service { namespace: namespace.to_owned(), name: name.to_owned() }),
                _ => Err(SettingsError::Name(self.name.clone())),
            }
        }
    }
}

/// What came of a look.
struct Seen {
    /// When to look again at the latest, if all is well.
    until: Duration,
    /// Whether the configurations that are there trust what they should.
    trusted: bool,
}

/// Keeps the Secret, the configurations and what is served in step.
pub struct Keeper {
    shared: Shared,
    service: Service,
    rules: Rules,
    announcement: Duration,
    serving: Arc<Serving>,
    metrics: Arc<Metrics>,
    /// The content that is served from: the last that was good.
    remembered: Option<Stored>,
    /// When the Secret was last written from here.
    written: Option<Instant>,
    /// A bundle, and since when both configurations have been seen to trust it.
    trusted: Option<(String, Instant)>,
}

impl Keeper {
    /// A keeper that has not looked yet.
    ///
    /// # Errors
    /// If the settings contradict themselves.
    pub fn new(
        client: Client,
        settings: Settings,
        serving: Arc<Serving>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, SettingsError> {
        let service = settings.check()?;
        let lifetime = |of: Duration| time::Duration::try_from(of).map_err(|_| SettingsError::TooLong);
        let shared = Shared { client, namespace: service.namespace.clone(), name: settings.secret };
        let rules = Rules {
            place: shared.place(),
            name: ServerName::try_from(settings.name.clone())
                .map_err(|_| SettingsError::Name(settings.name.clone()))?,
            names: vec![settings.name.clone(), format!("{}.{}", settings.name, settings.cluster_domain)],
            leaf_lifetime: lifetime(settings.leaf_lifetime)?,
            authority_lifetime: lifetime(settings.authority_lifetime)?,
            provider: provider(),
        };
        let announcement = settings.announcement;
        Ok(Self {
            shared,
            service,
            rules,
            announcement,
            serving,
            metrics,
            remembered: None,
            written: None,
            trusted: None,
        })
    }

    /// Looks whenever something changes, and when it is time to.
    pub async fn run(mut self) {
        let retry = || {
            let (shortest, longest) = RETRY;
            let builder = ExponentialBuilder::new().with_min_delay(shortest).with_max_delay(longest).with_factor(2.0);
            builder.without_max_times().with_jitter().build()
        };
        let (mut changes, mut retries) = (self.changes(), retry());
        loop {
            let looked = timeout(PATIENCE, self.look()).await;
            let wait = match looked.unwrap_or_else(|_| Err(Failed("the API server does not answer".to_owned()))) {
                Ok(Seen { until, trusted }) => {
                    self.serving.sound(Part::Secret);
                    if trusted {
                        retries = retry();
                        until
                    } else {
                        until.min(retries.next().unwrap_or(RETRY.1))
                    }
                }
                Err(error) => {
                    self.serving.at_fault(Part::Secret, error.to_string());
                    retries.next().unwrap_or(RETRY.1)
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                _ = changes.next() => {
                    sleep(GATHER).await;
                    while changes.next().now_or_never().is_some() {}
                }
            }
        }
    }

    /// Tells that something has changed, and not what: everything is looked at again. Of the objects only the metadata comes.
    fn changes(&self) -> SelectAll<Pin<Box<dyn Stream<Item = ()> + Send>>> {
        let client = || self.shared.client.clone();
        let (mutating, validating) = (Configuration::Mutating.name(), Configuration::Validating.name());
        futures::stream::select_all([
            changed(Api::<PartialObjectMeta<Secret>>::namespaced(client(), &self.shared.namespace), &self.shared.name),
            changed(Api::<PartialObjectMeta<MutatingWebhookConfiguration>>::all(client()), mutating),
            changed(Api::<PartialObjectMeta<ValidatingWebhookConfiguration>>::all(client()), validating),
        ])
    }

    /// Looks once at everything and does what there is to do.
    async fn look(&mut self) -> Result<Seen, Failed> {
        let at_once = Ok(Seen { until: Duration::ZERO, trusted: true });
        let found = self.shared.read().await?;
        let stored = found.content();
        let announced =
            stored.as_ref().is_some_and(|stored| self.left_to_trust(&stored.authorities, self.announcement).is_zero());
        let decision = self
            .rules
            .decide(stored.as_ref(), self.remembered.as_ref(), announced, found.now)
            .map_err(|error| Failed(format!("cannot make a certificate: {error}")))?;
        let (pair, until) = match decision {
            Decision::Keep { pair, until, authority_until } => {
                self.metrics.authority_until(authority_until);
                (pair, until)
            }
            Decision::Write { content, why } => {
                let pause = self.written.map_or(Duration::ZERO, |at| BETWEEN_WRITES.saturating_sub(at.elapsed()));
                if !pause.is_zero() {
                    return Ok(Seen { until: pause, trusted: true });
                }
                if self.shared.write(&content, found.secret).await? {
                    self.written = Some(Instant::now());
                    tracing::info!(%why, "wrote the {}", self.shared.place());
                }
                // Whoever wrote, it is read again.
                return at_once;
            }
        };
        let Some(stored) = stored else { return at_once };
        let trusted = self.fill(&stored.authorities).await;
        let mut until =
            Duration::try_from(until - found.now).unwrap_or_default().max(Duration::from_secs(1)).min(AT_MOST);
        if !stored.next_key.is_empty() {
            until = until.min(self.left_to_trust(&stored.authorities, self.announcement).max(GATHER));
        }
        // First they must trust it, then it is shown: unless there is nothing better to show.
        let unlearnt = self.left_to_trust(&stored.authorities, NOTICED);
        let same_trust = self.remembered.as_ref().is_some_and(|shown| shown.authorities == stored.authorities);
        if unlearnt.is_zero() || same_trust || !self.serving.serves_at(found.now) {
            self.serving.serve(pair).map_err(|error| Failed(format!("TLS cannot be set up: {error}")))?;
            self.remembered = Some(stored);
        } else {
            until = until.min(unlearnt);
        }
        Ok(Seen { until, trusted })
    }

    /// How long the configurations must still trust this bundle until they have for so long. They have for no time at all
    /// where it is not known that they do.
    fn left_to_trust(&self, bundle: &str, long: Duration) -> Duration {
        match &self.trusted {
            Some((trusted, since)) if trusted == bundle => long.saturating_sub(since.elapsed()),
            _ => long.max(Duration::from_millis(1)),
        }
    }

    /// Makes both configurations trust the bundle, and tells if they do not. Returns whether they do.
    async fn fill(&mut self, bundle: &str) -> bool {
        let (mut changed, mut refused, mut faults) = (false, false, Vec::new());
        for configuration in Configuration::ALL {
            let (present, current) = match bundle::fill(&self.shared.client, configuration, &self.service, bundle).await
            {
                Ok(Filled::Already) => (true, true),
                Ok(Filled::Now) => {
                    tracing::info!("filled in caBundle of {} {}", configuration.kind(), configuration.name());
                    changed = true;
                    (true, true)
                }
                Ok(Filled::Absent) => {
                    faults.push(bundle::absence(configuration));
                    (false, false)
                }
                Err(error) => {
                    refused = true;
                    faults.push(error.to_string());
                    (true, false)
                }
            };
            self.metrics.webhook_configuration(configuration.label(), present, current);
        }
        // A configuration that is not there has nobody to learn anything.
        self.trusted = match self.trusted.take() {
            _ if refused => None,
            Some((trusted, since)) if trusted == bundle && !changed => Some((trusted, since)),
            _ => Some((bundle.to_owned(), Instant::now())),
        };
        if faults.is_empty() {
            self.serving.sound(Part::Bundle);
        } else {
            self.serving.at_fault(Part::Bundle, faults.join("; "));
        }
        !refused
    }
}

/// Tells whenever the object of this name has changed, or may have.
fn changed<K>(api: Api<K>, name: &str) -> Pin<Box<dyn Stream<Item = ()> + Send>>
where
    K: kube::Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let named = watcher::Config::default().fields(&format!("metadata.name={name}"));
    // That it cannot be watched is no change; whoever looks finds out why.
    watcher(api, named).default_backoff().filter_map(|event| ready(event.ok().map(|_| ()))).boxed()
}
