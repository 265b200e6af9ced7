//! Step 0: from what a metric says to what all of the traffic would need at home.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::Time;
use super::super::observation::{Follows, Invalid, Local, Observed, Sample};
use super::history::History;
use super::rules::Rules;

/// Above this mean weight the reading of a metric that follows the traffic says nothing.
const BLIND: f64 = 0.97;
/// Clocks differ by less; a sample that was taken later than that is of the future.
const SKEW: Duration = Duration::from_secs(60);
/// The largest demand that is told apart, as a share of the target.
const LARGEST: f64 = 1e9;
/// How many metrics are remembered; those beyond are judged afresh each time.
pub(super) const REMEMBERED: usize = 16;

/// What a metric says about all of the traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Demand {
    /// What all of the traffic would need at home, as a share of the target.
    Known(Known),
    /// So little traffic was at home that the reading does not show what all of it would need.
    Unknown,
    /// Unready and missing pods leave it open.
    Undecided,
    /// The metric says nothing.
    Invalid(Invalid),
}

/// A demand that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// As a share of the target: 1 is the target. Where an idle workload has a load of its own and traffic is away, this is too high.
    pub share: f64,
    /// The same if the idle workload has all the load that the probe's rule reckons with: what is there for certain.
    pub least: f64,
    /// When the measurement began.
    pub(super) from: Time,
    /// Whether it was computed back from a part of the traffic.
    pub(super) follows: Follows,
}

/// What is remembered of the newest sample of a metric: it is judged once, and one that is not newer changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(super) struct Judged {
    metric: u32,
    taken: Time,
    window: i64,
    undecided: bool,
    ratio: f64,
    /// The mean weight while it was taken, 0 to 1.
    away: f64,
    /// The mean of the ready endpoints while it was taken; 0 if nobody knows.
    ready: f64,
}

/// `[metric, taken, window, undecided, ratio, away, ready]`
type Stored = (u32, Time, i64, bool, f64, f64, f64);

impl From<Stored> for Judged {
    fn from((metric, taken, window, undecided, ratio, away, ready): Stored) -> Self {
        Self { metric, taken, window, undecided, ratio, away, ready }
    }
}

impl From<Judged> for Stored {
    fn from(Judged { metric, taken, window, undecided, ratio, away, ready }: Judged) -> Self {
        (metric, taken, window, undecided, ratio, away, ready)
    }
}

impl Judged {
    #[cfg(test)]
    pub(super) fn taken(&self) -> Time {
        self.taken
    }

    /// Whether its numbers are some that can be.
    pub(super) fn possible(&self) -> bool {
        let Self { metric: _, taken: _, window, undecided: _, ratio, away, ready } = *self;
        window >= 0 && (0.0..=LARGEST).contains(&ratio) && (0.0..=1.0).contains(&away) && (0.0..=1e10).contains(&ready)
    }

    /// A clock that went back must not leave a sample behind that is newer than all to come.
    pub(super) fn older_than(&mut self, now: Time) {
        self.taken = self.taken.min(Time(now.0.saturating_sub(1)));
    }
}

/// What was in force while the metrics were measured.
pub(super) struct Past<'s> {
    /// The weight until now.
    pub(super) weight: u8,
    pub(super) weights: &'s History<u8>,
    pub(super) ready: &'s History<Option<u32>>,
}

/// Judges what is new, and says of each metric what it says about all of the traffic.
pub(super) fn demands(
    now: Time,
    rules: &Rules,
    local: Local,
    metrics: &[Observed],
    newest: &mut Vec<Judged>,
    past: &Past<'_>,
) -> Vec<Demand> {
    let mut judged = Vec::with_capacity(metrics.len().min(REMEMBERED));
    let demands = metrics.iter().enumerate().map(|(index, observed)| {
        let metric = rules.metrics.get(index).copied().unwrap_or_default();
        let old = newest.get(index).copied().filter(|judged| judged.metric == metric);
        let sample = observed.sample.and_then(|sample| sensible(now, sample));
        let new = match (sample, old) {
            (Ok(sample), Some(old)) if sample.taken <= old.taken => Some(old),
            (Ok(sample), _) => Some(judge(metric, sample, past)),
            (Err(_), old) => old,
        };
        if index < REMEMBERED {
            judged.push(new.unwrap_or(Judged { metric, ..NOTHING }));
        }
        match (sample, new) {
            (Err(invalid), _) => Demand::Invalid(invalid),
            (Ok(_), Some(new)) => new.demand(rules, local, observed.follows),
            (Ok(_), None) => Demand::Undecided,
        }
    });
    let demands = demands.collect();
    *newest = judged;
    demands
}

/// A metric that never had a sample.
const NOTHING: Judged =
    Judged { metric: 0, taken: Time(i64::MIN), window: 0, undecided: true, ratio: 0.0, away: 0.0, ready: 0.0 };

fn sensible(now: Time, sample: Sample) -> Result<Sample, Invalid> {
    let fine = sample.ratio.is_finite() && sample.ratio >= 0.0 && sample.taken <= now.after(SKEW);
    if fine { Ok(sample) } else { Err(Invalid::Nonsense) }
}

fn judge(metric: u32, sample: Sample, past: &Past<'_>) -> Judged {
    let Sample { ratio, undecided, taken, window } = sample;
    let from = taken.before(window);
    let away = past.weights.mean(from, taken, |weight| Some(f64::from(weight) / 100.0));
    let ready = past.ready.mean(from, taken, |ready| ready.map(f64::from));
    Judged {
        metric,
        taken,
        window: i64::try_from(window.as_millis()).unwrap_or(i64::MAX),
        undecided,
        ratio: ratio.min(LARGEST),
        away: away.unwrap_or_else(|| f64::from(past.weight) / 100.0),
        ready: ready.unwrap_or_default(),
    }
}

impl Judged {
    fn demand(&self, rules: &Rules, local: Local, follows: Follows) -> Demand {
        let Self { metric: _, taken, window, undecided, ratio, away, ready } = *self;
        let from = Time(taken.0.saturating_sub(window));
        if undecided {
            return Demand::Undecided;
        }
        if follows == Follows::Nothing {
            return Demand::Known(Known { share: ratio, least: ratio, from, follows });
        }
        if away > BLIND {
            return Demand::Unknown;
        }
        // What fewer pods must bear weighs more on each, at once and not a sample later.
        let spread = match local {
            Local::Ready(now) if now > 0 && ready > 0.0 => ready / f64::from(now),
            _ => 1.0,
        };
        let share = (ratio / (1.0 - away) * spread).min(LARGEST);
        let idle = rules.probe.idle * away / (1.0 - away) * spread;
        Demand::Known(Known { share, least: (share - idle).max(0.0), from, follows })
    }
}
