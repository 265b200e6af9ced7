//! What the gate knows of other objects, kept true to the API server by watches, so that no review costs a call.
//!
//! There is one watch for each resource, each in a task of its own. Whatever it tells becomes a fact in one world, of which a
//! review takes a snapshot. Of objects nothing else is kept.
//!
//! A watch that is lost is told of at once, and its last state counts for [a minute](Watches::report). It is started again
//! until it holds, and then lists everything: what changed, appeared or went meanwhile is noticed.

mod fault;
mod follow;
mod health;
mod resources;
mod slim;
mod state;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use kube::api::ApiResource;
use kube::client::Client;
use tokio::sync::broadcast;
use tokio::time::sleep;

pub(crate) use self::fault::{Fault, Kind};
use self::follow::follow;
pub(crate) use self::follow::{events, named};
pub(crate) use self::health::{Health, Retries};
use self::resources::Needed;
pub use self::resources::Watched;
pub(crate) use self::slim::Slim;
use self::state::Verdict;
use crate::engine::world::{Fact, Name, RemotePolicy, Resource, World};
use crate::telemetry::metrics::Metrics;

/// For how many seconds the API server is asked to keep a watch open. When it ends, the next one follows: a quiet connection
/// that is dead is noticed by then.
const WATCH_TIMEOUT: u32 = 25;

/// How long the API server may be silent. It is longer than a watch on which nothing happens, and shorter than what the
/// watcher itself waits for (5 s more than a watch), which it would pass over in silence.
const SILENCE: Duration = Duration::from_secs(29);

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// How often to ask whether a resource is served that is not.
const ABSENT: Duration = Duration::from_secs(5);

/// A client whose connections do not wait for longer than a watch lasts.
///
/// # Errors
/// If the configuration asks for what cannot be done.
pub fn client(config: kube::Config) -> Result<Client, kube::Error> {
    patient(config, SILENCE)
}

/// A client whose connections do not wait for longer than this.
///
/// # Errors
/// If the configuration asks for what cannot be done.
pub fn patient(mut config: kube::Config, silence: Duration) -> Result<Client, kube::Error> {
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
    healths: [(Watched, Health); Watched::ALL.len()],
    /// Tells of each change of the world.
    changes: broadcast::Sender<Change>,
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
        Self {
            world: ArcSwap::from_pointee(World::of_cluster()),
            writer: Mutex::new(World::of_cluster()),
            healths: Watched::ALL.map(|watched| (watched, Health::new(watched.name, &metrics))),
            changes: broadcast::channel(BEHIND).0,
        }
    }

    /// The world as it is now. It does not change for whoever holds it.
    #[must_use]
    pub fn world(&self) -> impl std::ops::Deref<Target = Arc<World>> {
        self.world.load()
    }

    /// Keeps one resource current for as long as the process runs.
    pub async fn keep(self: Arc<Self>, watched: Watched, client: Client) {
        let Some(health) = self.health(watched) else { return };
        let _held = health.held();
        let mut retries = Retries::new();
        let mut absent = 0_u32;
        loop {
            retries.start();
            let fault = match served(watched, &client).await {
                Ok(Some(api)) => {
                    absent = 0;
                    follow(&self, watched, &api, &client).await
                }
                Ok(None) => {
                    absent = absent.saturating_add(1);
                    self.not_served(watched, health, absent);
                    sleep(ABSENT).await;
                    continue;
                }
                Err(fault) => fault,
            };
            health.failed(&fault);
            retries.wait().await;
        }
    }

    /// Why no review can be judged by the world as it is now; none if it can. What one asks before each review.
    #[must_use]
    pub fn unusable(&self) -> Option<&'static str> {
        let needed = || self.healths.iter().filter(|(watched, _)| !watched.only_advises());
        if needed().any(|(_, health)| health.is_waiting()) {
            Some("not everything has been listed yet")
        } else if needed().any(|(_, health)| health.is_too_old()) {
            Some("a watch was lost more than a minute ago")
        } else {
            None
        }
    }

    /// What there is to say now. A watch that was lost is a warning, and after a minute a reason to ask for no more reviews.
    #[must_use]
    pub fn report(&self) -> Report {
        Report::of(self.healths.iter().map(|(watched, health)| (health, watched.only_advises())))
    }

    /// Counts what is kept, for the metrics.
    pub fn measure(&self) {
        let world = self.world.load();
        for (watched, health) in &self.healths {
            health.measured(world.count(watched.resource));
        }
    }

    /// The changes from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// These are all policies that there are on Beamlit, and what they say. Before they are told for the first time, nobody knows any.
    pub fn remote_policies<'p>(&self, all: impl IntoIterator<Item = (&'p String, &'p RemotePolicy)>) {
        self.change(Change::All(Resource::Policies), |world| world.put_remote_policies(all));
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
        self.health(watched).into_iter().for_each(Health::listed);
    }

    /// The API server does not serve the resource, as it has said so many times in a row: then there is no object of it. An API
    /// server that has just started may not know yet what it serves, and is asked twice by whoever knows some.
    fn not_served(&self, watched: Watched, health: &Health, times: u32) {
        match self.known(watched) {
            true if times > 1 => self.replace(watched, Vec::new()),
            true => health.failed(&Fault::not_served()),
            false if health.is_waiting() => self.replace(watched, Vec::new()),
            // Nothing was there, and nothing is: that is no change to tell of, however often it is asked.
            false => health.listed(),
        }
    }

    /// Everything was listed, and there are these.
    #[cfg(test)]
    pub(crate) fn list(&self, facts: &[Fact]) {
        self.change(Change::All(Resource::Namespaces), |world| {
            *world = World::of_cluster();
            facts.iter().for_each(|fact| world.put(fact.clone()));
        });
        self.healths.iter().for_each(|(_, health)| health.listed());
    }

    /// Every watch is lost.
    #[cfg(test)]
    pub(crate) fn lose(&self) {
        self.healths.iter().for_each(|(_, health)| health.failed(&Fault::stopped()));
    }

    /// Whether some object of the resource is known.
    fn known(&self, watched: Watched) -> bool {
        self.world.load().count(watched.resource) > 0
    }

    fn health(&self, watched: Watched) -> Option<&Health> {
        self.healths.iter().find(|(of, _)| *of == watched).map(|(_, health)| health)
    }
}

impl Report {
    /// What there is to say of these watches. Those that only advise are never missing.
    pub(crate) fn of<'h>(healths: impl Iterator<Item = (&'h Health, bool)>) -> Self {
        let (mut report, mut waiting) = (Self::default(), Vec::new());
        for (health, only_advises) in healths {
            let name = health.name();
            match health.verdict() {
                Verdict::Waiting(fault) if only_advises => {
                    let why = fault.map_or_else(String::new, |fault| format!(" ({fault})"));
                    report.warnings.push(format!("the watch of {name} has not begun{why}"));
                }
                Verdict::TooOld(why) if only_advises => {
                    report.warnings.push(format!("the watch of {name} was lost {why}"));
                }
                Verdict::Current => {}
                Verdict::Waiting(None) => waiting.push(name.to_owned()),
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
