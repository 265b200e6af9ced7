//! Step 0: from what a metric says to what all of the traffic would need at home.

use serde::{Deserialize, Serialize};

use super::super::Time;
use super::super::observation::{Follows, Invalid, Local, Observed, SKEW, Sample};
use super::history::{History, Valued};
use super::rules::{GRAIN, Rules, allows, reached};

/// Above this mean weight the reading of a metric that follows the traffic says nothing.
const BLIND: f64 = 0.97;
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
    /// Unready, missing or new pods leave it open.
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
    /// When the first of its measurements began.
    from: Time,
    shares: Shares,
    /// The mean weight while it was taken, 0 to 1.
    away: f64,
    /// The mean of the ready endpoints while it was taken; 0 if nobody knows.
    ready: f64,
}

/// The shares of a [`Sample`].
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shares {
    ratio: f64,
    busy: f64,
    idle: f64,
    idlest: f64,
}

/// `[metric, taken, milliseconds from the first beginning to there, ratio, busy, idle, idlest, away, ready]`
type Stored = (u32, Time, i64, f64, f64, f64, f64, f64, f64);

impl From<Stored> for Judged {
    fn from((metric, taken, lasted, ratio, busy, idle, idlest, away, ready): Stored) -> Self {
        let shares = Shares { ratio, busy, idle, idlest };
        // Wrapping round and back again, so that even the ends of time are read as they were written.
        Self { metric, taken, from: Time(taken.0.wrapping_sub(lasted)), shares, away, ready }
    }
}

impl From<Judged> for Stored {
    fn from(Judged { metric, taken, from, shares, away, ready }: Judged) -> Self {
        let Shares { ratio, busy, idle, idlest } = shares;
        (metric, taken, taken.0.wrapping_sub(from.0), ratio, busy, idle, idlest, away, ready)
    }
}

impl Judged {
    #[cfg(test)]
    pub(super) fn taken(&self) -> Time {
        self.taken
    }

    /// Whether its numbers are some that can be.
    pub(super) fn possible(&self) -> bool {
        let Self { metric: _, taken: _, from: _, shares: Shares { ratio, busy, idle, idlest }, away, ready } = *self;
        [ratio, busy, idle, idlest].iter().all(|share| (0.0..=LARGEST).contains(share))
            && (0.0..=1.0).contains(&away)
            && (0.0..=1e10).contains(&ready)
    }

    /// A clock that went back must not leave a sample behind that is newer than all to come.
    pub(super) fn older_than(&mut self, now: Time) {
        let before = Time(now.0.saturating_sub(1));
        self.taken = self.taken.min(before);
        self.from = self.from.min(before);
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
    newest: &mut Vec<Option<Judged>>,
    past: &Past<'_>,
) -> Vec<Demand> {
    let mut remembered = Vec::with_capacity(metrics.len().min(REMEMBERED));
    let demands = metrics.iter().enumerate().map(|(index, observed)| {
        let metric = rules.metrics.get(index).copied().unwrap_or_default();
        let old = newest.get(index).copied().flatten().filter(|judged| judged.metric == metric);
        let judged = observed.sample.as_ref().map_err(|invalid| *invalid).and_then(|sample| {
            sensible(now, sample)?;
            Ok(old.filter(|old| sample.taken <= old.taken).unwrap_or_else(|| judge(metric, sample, past)))
        });
        if index < REMEMBERED {
            remembered.push(judged.ok().or(old));
        }
        judged.map_or_else(Demand::Invalid, |judged| judged.demand(rules, local, observed.follows))
    });
    let demands = demands.collect();
    *newest = remembered;
    demands
}

fn sensible(now: Time, sample: &Sample) -> Result<(), Invalid> {
    let Sample { ratio, busy, idle, idlest, taken, spans: _ } = sample;
    let finite = [ratio, idle, idlest].iter().all(|share| share.is_finite() && **share >= 0.0);
    if finite && *busy >= 0.0 && *taken <= now.after(SKEW) { Ok(()) } else { Err(Invalid::Nonsense) }
}

fn judge(metric: u32, sample: &Sample, past: &Past<'_>) -> Judged {
    let &Sample { ratio, busy, idle, idlest, taken, ref spans } = sample;
    let away = mean(sample, past.weights, |weight| Some(f64::from(weight) / 100.0));
    Judged {
        metric,
        taken,
        from: spans.iter().map(|span| span.from).min().unwrap_or(taken),
        shares: Shares {
            ratio: ratio.min(LARGEST),
            busy: busy.min(LARGEST),
            idle: idle.min(LARGEST),
            idlest: idlest.min(LARGEST),
        },
        away: away.unwrap_or_else(|| f64::from(past.weight) / 100.0),
        ready: mean(sample, past.ready, |ready| ready.map(f64::from)).unwrap_or_default(),
    }
}

/// The mean of what was in force while each of the measurements was taken. One pod that lags must not stretch the time of all of
/// them: what it was measured under counts for it alone.
fn mean<V: Valued>(sample: &Sample, past: &History<V>, number: impl Fn(V) -> Option<f64>) -> Option<f64> {
    if sample.spans.is_empty() {
        return past.mean(sample.taken, sample.taken, number);
    }
    let each = sample.spans.iter().filter_map(|span| {
        let mean = past.mean(span.from, span.to, &number)?;
        Some((mean, f64::from(span.of)))
    });
    let (sum, of) = each.fold((0.0, 0.0), |(sum, of), (mean, count)| (sum + mean * count, of + count));
    (of > 0.0).then(|| sum / of)
}

impl Judged {
    fn demand(&self, rules: &Rules, local: Local, follows: Follows) -> Demand {
        let Self { metric: _, taken: _, from, shares, away, ready } = *self;
        if follows == Follows::Nothing {
            let Some(share) = shares.decided(rules, 1.0, 1.0) else { return Demand::Undecided };
            return Demand::Known(Known { share, least: share, from, follows });
        }
        if away > BLIND {
            return Demand::Unknown;
        }
        // What fewer pods must bear weighs more on each, at once and not a sample later.
        let spread = match local {
            Local::Ready(now) if now > 0 && ready > 0.0 => ready / f64::from(now),
            _ => 1.0,
        };
        let Some(share) = shares.decided(rules, 1.0 - away, spread) else { return Demand::Undecided };
        let share = share.min(LARGEST);
        let idle = rules.probe.idle * away / (1.0 - away) * spread;
        Demand::Known(Known { share, least: (share - idle).max(0.0), from, follows })
    }
}

impl Shares {
    /// The demand, measured with a part of the traffic at home, for each of the pods that bear it now; none if unready and missing pods
    /// leave open on which side of the target it is, or next to it. With all traffic at home this is the HPA's rule.
    ///
    /// Pods that were not ready count by `spread` once they are, and must not be counted a second time; so they lower no demand, and only
    /// tell whether it lies above the target whoever bears it: they and those that became ready since may be the same ones.
    fn decided(self, rules: &Rules, home: f64, spread: f64) -> Option<f64> {
        let demand = |share: f64, spread: f64| share / home * spread;
        let above = |share: f64| share >= 1.0 - GRAIN;
        let near = |share: f64| !reached(rules, share) && !allows(rules, share);
        let Self { ratio, busy, idle, idlest } = self;
        if above(demand(ratio, spread)) {
            let share = demand(idle, spread);
            let least = share.min(demand(idlest, spread.max(1.0)));
            let open = least < share || idle < ratio;
            (!open || above(least) && !near(least)).then_some(share)
        } else if above(demand(ratio, 1.0)) {
            // Only pods that were not measured yet would bring it below, and pods that are as busy as they can be do not show how much
            // more there is for these: the next sample does.
            None
        } else {
            let share = demand(busy, spread);
            let open = busy > ratio;
            (!open || !above(share) && !near(share)).then_some(share)
        }
    }
}
