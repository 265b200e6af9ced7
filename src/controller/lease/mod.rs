//! Who leads: one replica at a time, by a Lease of `coordination.k8s.io`, with the times of client-go and its record.
//!
//! A leader that cannot renew its lease stops by itself, and so long before another may take it that what it last began is over: the
//! clocks of the two need not agree, only go about equally fast. What no lease can prevent is that somebody deletes it by hand: the
//! leader puts it back, and candidates who knew it wait; one that starts just then takes it.

mod election;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher as _, RandomState};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt as _;
use kube::client::Client;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::election::{Election, Taken};
use crate::telemetry::metrics::Metrics;

/// How the work of a leader is called where tasks are counted.
const TASK: &str = "leader";

/// The waits before the lease is taken part in again after the work broke down: the first, and the longest.
const RESTART: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// After how long the work counts as one that goes well.
const STEADY: Duration = Duration::from_secs(300);

/// How long it may take to give the lease back. Others can wait for it to run out as well.
const RELEASE: Duration = Duration::from_secs(3);

/// The times of an election. Those of client-go are the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// For how long others wait after the last sign of life of a leader, before one of them takes over.
    pub duration: Duration,
    /// After how long without a renewal a leader stops by itself. The difference to the former is the time in which nobody leads.
    pub renew_deadline: Duration,
    /// How often the lease is renewed, and how often those who do not hold it look at it.
    pub retry: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// One who would lead.
pub struct Candidate {
    /// The way to the API server.
    pub client: Client,
    /// The namespace of the Lease.
    pub namespace: String,
    /// The name of the Lease.
    pub name: String,
    /// How this process is called in it: [`identity`]. No other process may ever be called the same, not even this one's next life.
    pub identity: String,
    /// The times of the election, the same for all who take part.
    pub times: Times,
    /// Where it is told who leads.
    pub metrics: Arc<Metrics>,
}

/// What nobody else is called: the name of this instance, and what no other life of it has.
#[must_use]
pub fn identity(instance: &str) -> String {
    format!("{instance}_{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// Why somebody leads no more.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// It was told to end.
    Told,
    /// The lease was not renewed in time.
    TooLate,
    /// Somebody else holds the lease.
    Taken(String),
    /// The work ended, or panicked.
    BrokeDown,
}

impl Candidate {
    /// Takes part in the election until it is told to end, and does this while it leads.
    ///
    /// What `run` returns is polled while the lease is held, and dropped when it is lost: by [`Times::renew_deadline`] after the last
    /// request that renewed it was sent, so that nothing more is done by the time that another may lead. Therefore it must not leave
    /// anything behind that goes on without it: what it starts in the background belongs into a [`tokio::task::JoinSet`] or the like,
    /// which ends with it. One of its polls is one turn with the renewal: it must not block.
    ///
    /// If it ends or panics, the lease is given back, and is taken part in again after a while. When this is told to end, it is dropped
    /// first, and then the lease is given back, so that another can take over at once.
    pub async fn lead<F, R>(&self, shutdown: &CancellationToken, mut run: F)
    where
        F: FnMut() -> R + Send,
        R: Future<Output = ()> + Send,
    {
        self.metrics.task_started(TASK);
        self.metrics.leader(false);
        let mut election = Election::new(self);
        let mut wait = RESTART.0;
        while let Some(won) = self.win(&mut election, shutdown).await {
            self.metrics.leader(true);
            tracing::info!(identity = self.identity, "leading");
            let began = Instant::now();
            let ended = self.hold(&mut election, won, &mut run, shutdown).await;
            self.metrics.leader(false);
            match ended {
                Ended::Told => {
                    tracing::info!("leading no more");
                    return release(&mut election).await;
                }
                Ended::TooLate => tracing::warn!("leading no more: the lease could not be renewed in time"),
                Ended::Taken(holder) => tracing::warn!(holder, "leading no more: somebody else holds the lease"),
                Ended::BrokeDown => {
                    release(&mut election).await;
                    if began.elapsed() > STEADY {
                        wait = RESTART.0;
                    }
                    self.metrics.task_restarted(TASK);
                    tracing::error!(after = ?wait, "what the leader does broke down; the lease is taken part in again");
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = sleep(wait) => {}
                    }
                    wait = wait.saturating_mul(2).min(RESTART.1);
                }
            }
        }
    }

    /// Waits until the lease is held, and returns the moment from which on it is; none when it is told to end.
    async fn win(&self, election: &mut Election<'_>, shutdown: &CancellationToken) -> Option<Instant> {
        let (mut holder, mut fault) = (None, None);
        loop {
            let taken = tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    // It may have been taken just now.
                    release(election).await;
                    return None;
                }
                taken = election.take() => taken,
            };
            match taken {
                Ok(Some(won)) => return Some(won),
                Ok(None) => {
                    fault = None;
                    let now = election.holder().map(str::to_owned);
                    if let Some(name) = now.as_ref().filter(|_| now != holder) {
                        tracing::info!(holder = name, "somebody else leads");
                    }
                    holder = now;
                }
                // Each fault is told once.
                Err(why) => {
                    if fault.as_ref() != Some(&why) {
                        tracing::warn!("cannot take part in who leads: {why}");
                    }
                    fault = Some(why);
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return None,
                () = election.pause() => {}
            }
        }
    }

    /// Does the work while the lease is held. When this returns, the work was dropped.
    async fn hold<F, R>(
        &self,
        election: &mut Election<'_>,
        won: Instant,
        run: &mut F,
        shutdown: &CancellationToken,
    ) -> Ended
    where
        F: FnMut() -> R + Send,
        R: Future<Output = ()> + Send,
    {
        let mut work = pin!(AssertUnwindSafe(async { run().await }).catch_unwind());
        let mut until = won + self.times.renew_deadline;
        loop {
            // In this order: whenever the work gets its turn, the lease is held.
            let renewed = tokio::select! {
                biased;
                () = passed(until) => return Ended::TooLate,
                () = shutdown.cancelled() => return Ended::Told,
                renewed = election.renew() => renewed,
                _ = &mut work => return Ended::BrokeDown,
            };
            match renewed {
                Ok(from) => until = from + self.times.renew_deadline,
                Err(Taken(holder)) => return Ended::Taken(holder),
            }
        }
    }
}

/// Waits for a moment. Asked after it, it never says that it is still to come, as a timer does that had no turn yet: a process that
/// was stopped for a while must not go on where it stood.
async fn passed(moment: Instant) {
    let mut timer = pin!(sleep_until(moment));
    std::future::poll_fn(|context| match timer.as_mut().poll(context) {
        Poll::Pending if Instant::now() >= moment => Poll::Ready(()),
        polled => polled,
    })
    .await;
}

async fn release(election: &mut Election<'_>) {
    match timeout(RELEASE, election.release()).await {
        Ok(Ok(())) => {}
        Ok(Err(why)) => tracing::warn!("cannot give the lease back, others wait for it to run out: {why}"),
        Err(_) => tracing::warn!("cannot give the lease back within {RELEASE:?}, others wait for it to run out"),
    }
}
