//! What the gate knows of other objects, kept true to the API server by watches, so that no review costs a call.
//!
//! There is one watch for each resource, each in a task of its own. Whatever it tells becomes a fact in one world, of which a
//! review takes a snapshot. Of objects nothing else is kept.
//!
//! A watch that is lost is told of at once, and its last state counts for [a minute](Watches::report). It is started again
//! until it holds, and then lists everything: what changed, appeared or went meanwhile is noticed.

mod fault;
mod follow;
mod resources;
mod slim;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use kube::api::ApiResource;
use kube::client::Client;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep};

use self::fault::{Fault, Kind};
use self::follow::follow;
use self::resources::Needed;
pub use self::resources::Watched;
use self::state::{State, Verdict};
use crate::engine::world::{Fact, Name, Resource, World};
use crate::telemetry::metrics::Metrics;

/// For how many seconds the API server is asked to keep a watch open. When it ends, the next one follows: a quiet connection
/// that is dead is noticed by then.
pub(crate) const WATCH_TIMEOUT: u32 = 25;

/// How long the API server may be silent. It is longer than a watch on which nothing happens, and shorter than what the
/// watcher itself waits for (5 s more than a watch), which it would pass over in silence.
const SILENCE: Duration = Duration::from_secs(29);

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// The shortest and the longest wait before a watch is started again. Each is twice the one before, and none is quite regular, so
/// that the watches of several replicas do not come back in step. Short, because an API server that restarts is soon back.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// After how long a watch counts as one that holds.
const STEADY: Duration = Duration::from_secs(10);

/// How often to ask whether a resource is served that is not.
const ABSENT: Duration = Duration::from_secs(5);

/// A client whose connections do not wait for longer than a watch lasts.
///
/// # Errors
/// If the configuration asks for what cannot be done.
pub fn client(config: kube::Config) -> Result<Client, kube::Error> {
    patient(config, SILENCE)
}

fn patient(mut config: kube::Config, silence: Duration) -> Result<Client, kube::Error> {
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(silence);
    config.write_timeout = Some(silence);
    config.reset_reader_on_write = true;
    // Whoever is told to come back later is told so here, and does.
    config.default_retry = false;
    Client::try_from(config)
}

/// What there is to say of the watches at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Why no review should be judged here, a line each; empty if reviews can be.
    pub missing: Vec<String>,
    /// What somebody should know, a line each.
    pub warnings: Vec<String>,
}

/// The world that the watches keep.
pub struct Watches {
    /// What reviews see.
    world: ArcSwap<World>,
    /// What is being changed, by one watch at a time.
    writer: Mutex<World>,
    states: Mutex<Vec<(Watched, State)>>,
    /// Tells of each change of the world.
    changes: broadcast::Sender<Change>,
    metrics: Arc<Metrics>,
}

/// What changed in the world. It tells where to look, not what is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// One object.
    Of(Resource, Name),
    /// Any object of a resource: it was listed anew.
    All(Resource),
}

/// How many changes a receiver may be behind before it has to take everything for changed.
const BEHIND: usize = 4096;

impl Watches {
    /// A world in which nothing is known yet.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        for watched in Watched::ALL {
            metrics.watch_started(watched.name);
        }
        Self {
            world: ArcSwap::from_pointee(World::of_cluster()),
            writer: Mutex::new(World::of_cluster()),
            changes: broadcast::channel(BEHIND).0,
            states: Mutex::new(Watched::ALL.map(|watched| (watched, State::default())).into()),
            metrics,
        }
    }

    /// The world as it is now. It does not change for whoever holds it.
    #[must_use]
    pub fn world(&self) -> impl std::ops::Deref<Target = Arc<World>> {
        self.world.load()
    }

    /// Keeps one resource current for as long as the process runs.
    pub async fn keep(self: Arc<Self>, watched: Watched, client: Client) {
        // Until it is started again, nobody knows what happens.
        let _stopped = Stopped { watches: &self, watched };
        let mut retries = retries();
        let mut absent = 0_u32;
        loop {
            let started = Instant::now();
            let fault = match served(watched, &client).await {
                Ok(Some(api)) => {
                    absent = 0;
                    follow(&self, watched, &api, &client).await
                }
                Ok(None) => {
                    absent = absent.saturating_add(1);
                    self.not_served(watched, absent);
                    sleep(ABSENT).await;
                    continue;
                }
                Err(fault) => fault,
            };
            self.failed(watched, &fault);
            if started.elapsed() > STEADY {
                retries = self::retries();
            }
            sleep(retries.next().unwrap_or(RETRY.1)).await;
        }
    }

    /// Why no review can be judged by the world as it is now; none if it can. What one asks before each review.
    #[must_use]
    pub fn unusable(&self) -> Option<&'static str> {
        let now = Instant::now();
        let states = self.states();
        let states = || states.iter().filter(|(watched, _)| !watched.only_advises());
        if states().any(|(_, state)| state.is_waiting()) {
            Some("not everything has been listed yet")
        } else if states().any(|(_, state)| state.is_too_old(now)) {
            Some("a watch was lost more than a minute ago")
        } else {
            None
        }
    }

    /// What there is to say now. A watch that was lost is a warning, and after a minute a reason to ask for no more reviews.
    #[must_use]
    pub fn report(&self) -> Report {
        let now = Instant::now();
        let (mut report, mut waiting) = (Report::default(), Vec::new());
        for (watched, state) in self.states().iter() {
            let Watched { name, .. } = watched;
            match state.verdict(now) {
                Verdict::Waiting(fault) if watched.only_advises() => {
                    let why = fault.map_or_else(String::new, |fault| format!(" ({fault})"));
                    report.warnings.push(format!("the watch of {name} has not begun{why}"));
                }
                Verdict::TooOld(why) if watched.only_advises() => {
                    report.warnings.push(format!("the watch of {name} was lost {why}"));
                }
                Verdict::Current => {}
                Verdict::Waiting(None) => waiting.push((*name).to_owned()),
                Verdict::Waiting(Some(fault)) => waiting.push(format!("{name} ({fault})")),
                Verdict::Lost(why) => report.warnings.push(format!("the watch of {name} was lost {why}")),
                Verdict::TooOld(why) => report.missing.push(format!("the watch of {name} was lost {why}")),
            }
        }
        if !waiting.is_empty() {
            report.missing.insert(0, format!("waiting for: {}", waiting.join(", ")));
        }
        report
    }

    /// Counts what is kept, for the metrics.
    pub fn measure(&self) {
        let world = self.world.load();
        for watched in Watched::ALL {
            self.metrics.watch_objects(watched.name, world.count(watched.resource));
        }
    }

    /// The changes from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn change(&self, what: Change, change: impl FnOnce(&mut World)) {
        let mut world = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut world);
        self.world.store(Arc::new(world.clone()));
        // Most of the time nobody listens.
        _ = self.changes.send(what);
    }

    /// A list is complete.
    fn replace(&self, watched: Watched, facts: Vec<Fact>) {
        self.change(Change::All(watched.resource), |world| world.replace(watched.resource, facts));
        if let Some(lost) = self.state(watched, |state| state.listed(Instant::now())) {
            tracing::info!(resource = watched.name, after = ?lost, "the watch is current again");
        }
    }

    /// The API server does not serve the resource, as it has said so many times in a row: then there is no object of it. An API
    /// server that has just started may not know yet what it serves, and is asked twice by whoever knows some.
    fn not_served(&self, watched: Watched, times: u32) {
        if times > 1 || !self.known(watched) {
            self.replace(watched, Vec::new());
        } else {
            self.failed(watched, &Fault::not_served());
        }
    }

    /// Whether some object of the resource is known.
    fn known(&self, watched: Watched) -> bool {
        self.world.load().count(watched.resource) > 0
    }

    fn failed(&self, watched: Watched, fault: &Fault) {
        self.metrics.watch_restarted(watched.name);
        // What is listed again at once was not lost, unless it cannot be.
        if fault.kind == Kind::Expired && self.state(watched, |state| state.is_current()) {
            return;
        }
        if self.state(watched, |state| state.failed(&fault.to_string(), Instant::now())) {
            tracing::warn!(resource = watched.name, "cannot {} {}: {fault}", fault.act, watched.name);
        }
    }

    /// Asks or changes the state of a watch, and tells the metrics what has become of it.
    fn state<T: Default>(&self, watched: Watched, ask: impl FnOnce(&mut State) -> T) -> T {
        let mut states = self.states();
        let Some((_, state)) = states.iter_mut().find(|(of, _)| *of == watched) else { return T::default() };
        let answer = ask(state);
        self.metrics.watch_current(watched.name, state.is_current());
        answer
    }

    fn states(&self) -> MutexGuard<'_, Vec<(Watched, State)>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells when a watch breaks down. (That it ends with the process is no news.)
struct Stopped<'w> {
    watches: &'w Watches,
    watched: Watched,
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.watches.failed(self.watched, &Fault::stopped());
        }
    }
}

/// The API by which a resource is to be watched, if there is one.
async fn served(watched: Watched, client: &Client) -> Result<Option<ApiResource>, Fault> {
    for api in watched.apis() {
        if watched.needed != Needed::SpecIfServed {
            return Ok(Some(api));
        }
        match client.list_api_group_resources(&api.api_version).await {
            Ok(found) if found.resources.iter().any(|resource| resource.name == watched.name) => return Ok(Some(api)),
            Ok(_) => {}
            Err(error) => match Fault::request("find", &error) {
                Fault { kind: Kind::NotServed, .. } => {}
                fault => return Err(fault),
            },
        }
    }
    Ok(None)
}

fn retries() -> ExponentialBackoff {
    let (shortest, longest) = RETRY;
    let builder = ExponentialBuilder::new().with_min_delay(shortest).with_max_delay(longest).with_factor(2.0);
    builder.without_max_times().with_jitter().build()
}
