//! The health of one watch: how far it can be trusted, told to the log and the metrics, and when it is started again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep};

use super::fault::{Fault, Kind};
use super::state::{State, Verdict};
use crate::telemetry::metrics::Metrics;

/// The shortest and the longest wait before a watch is started again. Each is twice the one before, and none is quite regular, so
/// that the watches of several replicas do not come back in step. Short, because an API server that restarts is soon back.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// After how long a watch counts as one that holds.
const STEADY: Duration = Duration::from_secs(10);

/// One watch.
pub(crate) struct Health {
    /// Which one it is, in metrics and messages: the plural of its resource, and what is kept of that if somebody else watches it
    /// as well.
    name: &'static str,
    state: Mutex<State>,
    metrics: Arc<Metrics>,
}

impl Health {
    pub(crate) fn new(name: &'static str, metrics: &Arc<Metrics>) -> Self {
        metrics.watch_started(name);
        Self { name, state: Mutex::default(), metrics: Arc::clone(metrics) }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// A list is complete.
    pub(crate) fn listed(&self) {
        if let Some(lost) = self.change(|state| state.listed(Instant::now())) {
            tracing::info!(resource = self.name, after = ?lost, "the watch is current again");
        }
    }

    pub(crate) fn failed(&self, fault: &Fault) {
        self.metrics.watch_restarted(self.name);
        // What is listed again at once was not lost, unless it cannot be.
        if fault.kind == Kind::Expired && self.ask(State::is_current) {
            return;
        }
        if self.change(|state| state.failed(&fault.to_string(), Instant::now())) {
            tracing::warn!(resource = self.name, "cannot {} {}: {fault}", fault.act, self.name);
        }
    }

    /// How many objects are kept of it.
    pub(crate) fn measured(&self, objects: usize) {
        self.metrics.watch_objects(self.name, objects);
    }

    /// Whether nothing has been listed yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.ask(State::is_waiting)
    }

    /// Whether it was lost so long ago that its last state no longer counts.
    pub(crate) fn is_too_old(&self) -> bool {
        self.ask(|state| state.is_too_old(Instant::now()))
    }

    /// What there is to say now.
    pub(super) fn verdict(&self) -> Verdict {
        self.ask(|state| state.verdict(Instant::now()))
    }

    /// Tells when the watch breaks down, for as long as it is held: until it is started again, nobody knows what happens. (That it ends
    /// with the process is no news.)
    pub(crate) fn held(&self) -> Held<'_> {
        Held(self)
    }

    fn ask<T>(&self, ask: impl FnOnce(&State) -> T) -> T {
        ask(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state, and tells the metrics what has become of it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = change(&mut state);
        self.metrics.watch_current(self.name, state.is_current());
        answer
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        self.metrics.watch_ended(self.name);
    }
}

/// A watch that goes on.
pub(crate) struct Held<'h>(&'h Health);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed(&Fault::stopped());
        }
    }
}

/// When to try again what failed.
pub(crate) struct Retries {
    backoff: ExponentialBackoff,
    started: Instant,
}

impl Retries {
    pub(crate) fn new() -> Self {
        Self { backoff: backoff(), started: Instant::now() }
    }

    /// It is tried now.
    pub(crate) fn start(&mut self) {
        self.started = Instant::now();
    }

    /// It failed.
    pub(crate) async fn wait(&mut self) {
        if self.started.elapsed() > STEADY {
            self.backoff = backoff();
        }
        sleep(self.backoff.next().unwrap_or(RETRY.1)).await;
    }
}

fn backoff() -> ExponentialBackoff {
    let (shortest, longest) = RETRY;
    let builder = ExponentialBuilder::new().with_min_delay(shortest).with_max_delay(longest).with_factor(2.0);
    builder.without_max_times().with_jitter().build()
}
