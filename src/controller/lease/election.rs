//! The Lease as one candidate sees it: when it may be taken, how it is renewed, and how it is given back.
//!
//! No moment of another clock counts. The lease of somebody else has run out when it was seen not to change for so long, from after
//! the answer that first showed it as it is; the own one is held for so long from before the request was sent that renewed it. Whatever
//! is written is written in the place of what was seen, or not at all.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::core::Status;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Candidate;
use crate::telemetry::reconciler::Answer;
use crate::watch::Fault;

/// How often one that was overtaken by others looks and tries again at once.
const AT_ONCE: u32 = 3;

/// The part of one candidate.
pub(super) struct Election<'c> {
    candidate: &'c Candidate,
    leases: Api<Lease>,
    seen: Option<Seen>,
    /// When it was last tried to write.
    tried: Instant,
    /// How often it was waited, so that no two waits are quite the same.
    waits: u64,
}

/// The Lease as it was last seen.
struct Seen {
    lease: Lease,
    /// Since when it says that.
    since: Instant,
}

/// The lease is lost: somebody else holds it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken(pub(super) String);

/// What came of writing.
enum Written {
    /// It is stored so.
    Stored(Box<Lease>),
    /// Somebody was faster.
    Overtaken,
    /// There is no Lease.
    Missing,
}

/// Why nobody knows what came of a request, in words for people.
type Unknown = String;

impl<'c> Election<'c> {
    pub(super) fn new(candidate: &'c Candidate) -> Self {
        let leases = Api::namespaced(candidate.client.clone(), &candidate.namespace);
        Self { candidate, leases, seen: None, tried: Instant::now(), waits: 0 }
    }

    /// Waits until it is time to look again: for a while that no two candidates have in common.
    pub(super) async fn pause(&mut self) {
        self.waits = self.waits.wrapping_add(1);
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((&self.candidate.identity, self.waits));
        // As client-go, which waits for up to 1.2 times longer.
        let longer = f64::from(u16::try_from(hash % 1200).unwrap_or_default()) / 1000.0;
        sleep(self.candidate.times.retry.mul_f64(1.0 + longer)).await;
    }

    /// Who holds the lease now, for all that is known here.
    pub(super) fn holder(&self) -> Option<&str> {
        let Seen { lease, since } = self.seen.as_ref()?;
        let spec = lease.spec.as_ref()?;
        let holder = spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())?;
        (since.elapsed() < self.duration(spec)).then_some(holder)
    }

    /// For how long a record counts: what its holder says, who stops in time by that, and never for less than is said here.
    fn duration(&self, spec: &LeaseSpec) -> Duration {
        let said = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        said.unwrap_or_default().max(self.candidate.times.duration)
    }

    /// Takes the lease if it is free, and returns the moment from which on it is held; none if somebody else holds it.
    ///
    /// # Errors
    /// If the API server does not say.
    pub(super) async fn take(&mut self) -> Result<Option<Instant>, Unknown> {
        let found = self.get().await?;
        let missing = found.is_none();
        if let Some(lease) = found {
            self.see(lease);
        }
        // Also of one that is missing: somebody may have deleted it under a leader that does not know yet.
        if self.holder().is_some_and(|holder| holder != self.candidate.identity) {
            return Ok(None);
        }
        if missing {
            self.seen = None;
        }
        let sent = self.sending();
        match self.write().await? {
            Written::Stored(lease) => {
                self.see(*lease);
                Ok(Some(sent))
            }
            Written::Overtaken | Written::Missing => Ok(None),
        }
    }

    /// Renews the lease when it is time, again and again until that is done, and returns the moment from which on it is held. Whoever
    /// waits for it must not wait for longer than the lease is held.
    ///
    /// # Errors
    /// If somebody else holds it.
    pub(super) async fn renew(&mut self) -> Result<Instant, Taken> {
        loop {
            // Counted from when it was last sent: slow answers must not make renewals rare.
            sleep_until(self.tried + self.candidate.times.retry).await;
            match self.renew_now().await {
                Ok(renewed) => return renewed,
                Err(why) => tracing::warn!("cannot renew the lease: {why}"),
            }
        }
    }

    async fn renew_now(&mut self) -> Result<Result<Instant, Taken>, Unknown> {
        for _ in 0..AT_ONCE {
            let sent = self.sending();
            if let Written::Stored(lease) = self.write().await? {
                self.see(*lease);
                return Ok(Ok(sent));
            }
            // By somebody else, by an edit of its labels, or by an earlier renewal whose answer was lost.
            match self.get().await? {
                Some(lease) => {
                    let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone()).unwrap_or_default();
                    self.see(lease);
                    if holder != self.candidate.identity {
                        return Ok(Err(Taken(holder)));
                    }
                }
                // Somebody deleted it. Whoever has seen it waits as if it were there.
                None => self.seen = None,
            }
        }
        Err("it changes all the time".to_owned())
    }

    /// Gives the lease back if it is held, for others to take at once.
    pub(super) async fn release(&mut self) -> Result<(), Unknown> {
        for _ in 0..AT_ONCE {
            let Some(mut lease) = self.get().await? else { return Ok(()) };
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() != Some(&*self.candidate.identity) {
                return Ok(());
            }
            spec.holder_identity = Some(String::new());
            spec.renew_time = Some(now());
            if let Written::Stored(lease) = self.store(&lease).await? {
                self.see(*lease);
                return Ok(());
            }
        }
        Err("it changes all the time".to_owned())
    }

    /// A request to write is about to be sent.
    fn sending(&mut self) -> Instant {
        self.tried = Instant::now();
        self.tried
    }

    /// Takes note of what the API server has just answered.
    fn see(&mut self, lease: Lease) {
        let unchanged = self.seen.take().filter(|seen| seen.lease.spec == lease.spec);
        let since = unchanged.map_or_else(Instant::now, |seen| seen.since);
        self.seen = Some(Seen { lease, since });
    }

    /// Writes that this candidate holds the lease, in the place of what was seen.
    async fn write(&self) -> Result<Written, Unknown> {
        let Candidate { name, identity, times, .. } = self.candidate;
        let named = || Lease { metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() }, spec: None };
        let mut lease = self.seen.as_ref().map_or_else(named, |seen| seen.lease.clone());
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_ref() != Some(identity) {
            spec.acquire_time = Some(now());
            spec.lease_transitions = Some(if self.seen.is_none() {
                0
            } else {
                spec.lease_transitions.unwrap_or_default().saturating_add(1)
            });
        }
        spec.holder_identity = Some(identity.clone());
        // Up, if it is not whole.
        let seconds = times.duration.as_millis().div_ceil(1000);
        spec.lease_duration_seconds = Some(i32::try_from(seconds).unwrap_or(i32::MAX));
        spec.renew_time = Some(now());
        self.store(&lease).await
    }

    async fn store(&self, lease: &Lease) -> Result<Written, Unknown> {
        let (params, name) = (PostParams::default(), &self.candidate.name);
        let stored = if lease.metadata.resource_version.is_none() {
            self.asked(self.leases.create(&params, lease)).await?
        } else {
            self.asked(self.leases.replace(name, &params, lease)).await?
        };
        match stored {
            Ok(lease) => Ok(Written::Stored(lease.into())),
            Err(status) if status.code == 409 => Ok(Written::Overtaken),
            Err(status) if status.code == 404 && lease.metadata.resource_version.is_some() => Ok(Written::Missing),
            Err(status) => Err(Fault::request("write", &kube::Error::Api(status)).to_string()),
        }
    }

    async fn get(&self) -> Result<Option<Lease>, Unknown> {
        match self.asked(self.leases.get(&self.candidate.name)).await? {
            Ok(lease) => Ok(Some(lease)),
            Err(status) if status.code == 404 => Ok(None),
            Err(status) => Err(Fault::request("get", &kube::Error::Api(status)).to_string()),
        }
    }

    /// What the API server says to a request. One that is not answered in time may still be done later, in the place of what was seen
    /// when it was sent.
    async fn asked<T>(
        &self,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<Result<T, Box<Status>>, Unknown> {
        let limit = self.candidate.times.renew_deadline / 2;
        let (answer, outcome) = match timeout(limit, request).await {
            Ok(Ok(done)) => (Answer::Ok, Ok(Ok(done))),
            Ok(Err(kube::Error::Api(status))) => (Answer::of(status.code), Ok(Err(status))),
            Ok(Err(error)) => (Answer::Unreachable, Err(Fault::request("ask", &error).to_string())),
            Err(_) => (Answer::TimedOut, Err(format!("no answer within {limit:?}"))),
        };
        self.candidate.metrics.kubernetes_request("lease", answer);
        outcome
    }
}

/// For people to read.
fn now() -> MicroTime {
    MicroTime(Timestamp::now())
}
