//! What must survive a restart: a plain value with a version, bounded in size.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Time;
use super::demand::{Judged, REMEMBERED};
use super::history::{History, rewind};
use super::probe::Probe;
use super::reason::Reason;
use super::stabilise::Wants;

/// The version of the state that this build writes and reads.
const VERSION: u8 = 1;

/// How far a failover is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// There is none: metrics decide, or a probe that ends a failover.
    #[default]
    None,
    /// All traffic is away.
    Away,
    /// Endpoints were ready for long enough, and the weight is the most that metrics may send away.
    AtMost,
}

/// What must survive a restart. It lives in the status of an object, and is never larger than [`State::LARGEST`] bytes as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    pub(super) version: u8,
    /// The remote weight in force, 0 to 100.
    pub weight: u8,
    /// Why, as last decided.
    pub(super) reason: Reason,
    /// When somebody last decided.
    pub(super) decided: Option<Time>,
    /// The weights of the last hour.
    pub(super) weights: History<u8>,
    /// The ready endpoints of the last hour.
    pub(super) ready: History<Option<u32>>,
    /// The wants that windows can still ask for.
    pub(super) wants: Wants,
    /// The newest sample of each metric.
    pub(super) judged: Vec<Option<Judged>>,
    /// Where a failover is.
    pub(super) phase: Phase,
    /// Since when endpoints are ready.
    pub(super) ready_since: Option<Time>,
    /// What is known from probes.
    pub(super) probe: Probe,
}

impl Default for State {
    fn default() -> Self {
        Self {
            version: VERSION,
            weight: 0,
            reason: Reason::default(),
            decided: None,
            weights: History::default(),
            ready: History::default(),
            wants: Wants::default(),
            judged: Vec::new(),
            phase: Phase::default(),
            ready_since: None,
            probe: Probe::default(),
        }
    }
}

/// A stored state that this build does not read, and what to go on with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct Unreadable {
    /// What is wrong with it.
    pub why: Why,
    /// What to go on with: the weight that was stored, without a past. None if not even that can be read: then the weight of the
    /// Service's annotation or of the status, by [`State::holding`], is the next best, and only without one is it 0.
    pub state: Option<Box<State>>,
}

/// What is wrong with a stored state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It was written by another version.
    #[error("the state has version {0}, and this build reads version {VERSION}")]
    Version(String),
    /// It is nothing that any version writes.
    #[error("the state cannot be read: {0}")]
    Garbage(String),
}

impl State {
    /// The most bytes that it takes as JSON.
    pub const LARGEST: usize = 10_000;

    /// A state without a past that carries on from a weight. All of the traffic away is taken for a failover, which comes home in
    /// steps once endpoints were ready for long enough.
    #[must_use]
    pub fn holding(weight: u8) -> Self {
        let weight = weight.min(100);
        let phase = if weight == 100 { Phase::Away } else { Phase::None };
        Self { weight, phase, ..Self::default() }
    }

    /// Reads what [`serde_json::to_value`] made of a state.
    ///
    /// # Errors
    /// If it was written by an older or newer version, or is nothing that any version writes. The error carries a state that holds the
    /// weight that was stored, if there is one to be found: nothing that cannot be read brings traffic home by itself.
    pub fn read(stored: &Value) -> Result<Self, Unreadable> {
        let version = stored.get("version");
        let read = if version.is_some_and(|version| *version != VERSION) {
            Err(Why::Version(version.map(short).unwrap_or_default()))
        } else {
            Self::deserialize(stored).map_err(|error| Why::Garbage(short(&error))).and_then(Self::possible)
        };
        read.map_err(|why| {
            let weight = stored.get("weight").and_then(Value::as_u64).and_then(|weight| u8::try_from(weight).ok());
            Unreadable {
                why,
                state: weight.filter(|weight| *weight <= 100).map(|weight| Box::new(Self::holding(weight))),
            }
        })
    }

    fn possible(self) -> Result<Self, Why> {
        let Self { weight, judged, weights, probe, .. } = &self;
        let probed = probe.running.is_none_or(|running| running.base <= 100 && running.to <= 100);
        let followed = weights.last().is_none_or(|last| last == *weight);
        let remembered = judged.len() <= REMEMBERED && judged.iter().flatten().all(Judged::possible);
        if *weight <= 100 && probed && followed && remembered {
            Ok(self)
        } else {
            Err(Why::Garbage("a value is out of its range".to_owned()))
        }
    }

    /// All traffic is at home by order: failovers and probes are over.
    pub(super) fn settle(&mut self, now: Time) {
        self.phase = Phase::None;
        self.probe.running = None;
        self.wants.pass(now);
    }

    /// Makes the past follow a clock that went back: what was a minute ago stays a minute ago.
    pub(super) fn rewind(&mut self, now: Time) {
        let Some(decided) = self.decided.filter(|decided| *decided > now) else { return };
        let millis = now.0.saturating_sub(decided.0);
        self.weights.rewind(now, millis);
        self.ready.rewind(now, millis);
        self.wants.rewind(now, millis);
        self.probe.rewind(now, millis);
        rewind(&mut self.ready_since, now, millis);
        for judged in self.judged.iter_mut().flatten() {
            judged.older_than(now);
        }
        self.decided = Some(now);
    }
}

/// The beginning of what was found: it ends up in a message.
fn short(found: &impl ToString) -> String {
    found.to_string().chars().take(80).collect()
}
