//! The probe: a held weight is lowered step by step, and each step is judged on what was measured wholly under it.
//!
//! An idle workload has a load of its own, which does not leave with the traffic: demand computed back from what is left at home
//! looks too high, by `idle·w/(1 − w)`, and a weight that rests on that is held for ever. A probe finds out. It goes on while
//! the truth may lie on either side, and turns back as soon as demand is there for certain, which with any idle load up to the one
//! that is reckoned with is before the local deployment has more than its target.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::Time;
use super::super::observation::Follows;
use super::demand::{Demand, Known};
use super::history::rewind;
use super::rules::{Rules, STEP, allows, middle, reached};
use super::want::{enough, largest};
use crate::api::Strategy;

/// For how long a probe waits for metrics that fail before it turns back.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is remembered of probes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Probe {
    /// How many were begun since traffic was last at home for long; each doubles the wait for the next.
    pub(super) begun: u8,
    /// When demand was last there for certain, or the weight not ours to lower; the wait begins there or at the last change.
    pub(super) certain: Option<Time>,
    /// The one that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) running: Option<Running>,
}

/// A probe that runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Running {
    /// The weight that it began at, and turns back to.
    pub(super) base: u8,
    /// The weight of the step that it is at.
    pub(super) to: u8,
    /// When that weight was reached.
    pub(super) since: Option<Time>,
    /// When the metrics last had values.
    pub(super) heard: Time,
    /// Whether it is on its way back to its base.
    pub(super) back: bool,
    /// Whether it ends a failover: then there is nothing to turn back to but what the metrics ask for.
    pub(super) recovery: bool,
}

impl Running {
    /// What of it a restart must know of.
    pub(super) fn outline(&self) -> (u8, u8, Option<Time>, bool, bool) {
        let Self { base, to, since, heard: _, back, recovery } = *self;
        (base, to, since, back, recovery)
    }

    pub(super) fn begin(now: Time, base: u8, recovery: bool) -> Self {
        Self { base, to: base.saturating_sub(STEP), since: None, heard: now, back: false, recovery }
    }
}

/// What a probe does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The weight goes, or stays, there.
    Weight(u8),
    /// It is over, and the metrics decide.
    Over,
}

impl Probe {
    /// How long a weight is held before a probe.
    pub(super) fn wait(&self, rules: &Rules) -> Duration {
        let doubled = 1_u32.checked_shl(u32::from(self.begun)).and_then(|times| rules.probe.after.checked_mul(times));
        doubled.unwrap_or(rules.probe.longest).min(rules.probe.longest)
    }

    pub(super) fn rewind(&mut self, now: Time, millis: i64) {
        let Self { begun: _, certain, running } = self;
        rewind(certain, now, millis);
        if let Some(Running { since, heard, base: _, to: _, back: _, recovery: _ }) = running {
            rewind(since, now, millis);
            rewind([heard], now, millis);
        }
    }

    /// What the probe that runs does next; none if none does.
    pub(super) fn next(&mut self, now: Time, rules: &Rules, demands: &[Demand], weight: u8) -> Option<Next> {
        let running = self.running.as_mut()?;
        running.base = running.base.min(rules.most);
        running.to = running.to.min(running.base);
        if !running.recovery && !rules.up.enabled() {
            return Some(Next::Over);
        }
        running.back |= !running.recovery && !rules.down.enabled();
        if running.back {
            return Some(back(running, weight));
        }
        if demands.iter().any(|demand| certain(rules, demand)) {
            return Some(if running.recovery || rules.strategy == Strategy::Proportional {
                Next::Over
            } else {
                running.back = true;
                back(running, weight)
            });
        }
        if demands.iter().any(|demand| matches!(demand, Demand::Invalid(_) | Demand::Undecided)) {
            if now.since(running.heard) > PATIENCE && !running.recovery {
                running.back = true;
                return Some(back(running, weight));
            }
            return Some(Next::Weight(weight));
        }
        running.heard = now;
        if weight > running.to {
            return Some(Next::Weight(running.to));
        }
        let since = *running.since.get_or_insert(now);
        if demands.iter().any(|demand| !under(demand, since)) {
            return Some(Next::Weight(weight));
        }
        Some(judge(running, rules, demands, weight))
    }
}

/// Every metric was measured wholly under the weight of the step.
fn judge(running: &mut Running, rules: &Rules, demands: &[Demand], weight: u8) -> Next {
    let share = largest(demands).map_or(0.0, |(_, known)| known.share);
    let goal = match rules.strategy {
        Strategy::Step => 0,
        // As far as the local deployment is below its target for all that is known.
        Strategy::Proportional => enough(share, 1.0),
    };
    if weight > goal {
        running.to = weight.saturating_sub(STEP).max(goal);
        running.since = None;
        return Next::Weight(running.to);
    }
    if rules.strategy == Strategy::Step && !running.recovery && !allows(rules, share) {
        running.back = true;
        return back(running, weight);
    }
    Next::Over
}

fn back(running: &Running, weight: u8) -> Next {
    if weight < running.base { Next::Weight(running.base) } else { Next::Over }
}

/// Whether a metric was measured wholly under a weight that is in force since then.
fn under(demand: &Demand, since: Time) -> bool {
    match demand {
        Demand::Known(Known { from, follows, .. }) => *follows == Follows::Nothing || *from >= since,
        Demand::Unknown | Demand::Undecided | Demand::Invalid(_) => false,
    }
}

/// Whether demand is there for certain.
pub(super) fn certain(rules: &Rules, demand: &Demand) -> bool {
    matches!(demand, Demand::Known(known) if reached(rules, known.least))
}

/// Whether a probe could show that traffic may come home which now looks as if it may not: every metric has a value, none of
/// them forbids it for certain, and at least one is open.
pub(super) fn open(rules: &Rules, demands: &[Demand]) -> bool {
    let mut open = false;
    for demand in demands {
        match demand {
            Demand::Invalid(_) | Demand::Undecided => return false,
            Demand::Unknown => open = true,
            Demand::Known(known) if allows(rules, known.share) => {}
            Demand::Known(known) if known.follows == Follows::Nothing || known.least >= 1.0 => return false,
            Demand::Known(known) => {
                open |= match rules.strategy {
                    Strategy::Step => true,
                    // It judges by what is at home, and no idle load misleads it: only the last points can be left over.
                    Strategy::Proportional => known.share <= middle(rules),
                }
            }
        }
    }
    open
}
