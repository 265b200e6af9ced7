//! Step 1: the weight that the metrics ask for, before windows and rates.

use super::demand::{Demand, Known};
use super::reason::Reason;
use super::rules::{GRAIN, Rules, allows, middle, reached};
use crate::api::Strategy;

/// What the metrics ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Want {
    /// The weight, 0 to the most.
    pub(super) weight: u8,
    /// Why.
    pub(super) reason: Reason,
    /// The metric that decided, by its place in the spec.
    pub(super) by: Option<usize>,
    /// Whether the metrics said so; otherwise it is the weight in force, for want of anything better.
    pub(super) told: bool,
}

/// What the metrics ask for at a weight.
pub(super) fn want(rules: &Rules, demands: &[Demand], weight: u8) -> Want {
    let weight = weight.min(rules.most);
    let asked = match rules.strategy {
        Strategy::Step => step(rules, demands, weight),
        Strategy::Proportional => proportional(rules, demands, weight),
    };
    // More is wanted as soon as one metric asks for it; less only if all say so.
    if asked.weight > weight || reached(rules, asked.share) {
        return Want { weight: asked.weight, reason: Reason::TargetReached, by: asked.by, told: true };
    }
    if let Some((by, reason)) = silence(demands) {
        return Want { weight, reason, by: Some(by), told: false };
    }
    let reason = match asked.weight {
        0 if weight == 0 => Reason::AtHome,
        same if same == weight => Reason::WithinTolerance,
        _ => Reason::Returning,
    };
    Want { weight: asked.weight, reason, by: asked.by, told: true }
}

struct Asked {
    weight: u8,
    by: Option<usize>,
    share: f64,
}

fn step(rules: &Rules, demands: &[Demand], weight: u8) -> Asked {
    let Some((by, most)) = largest(demands) else { return Asked { weight: 0, by: None, share: 0.0 } };
    let asked = if reached(rules, most.share) {
        rules.most
    } else if allows(rules, most.share) {
        0
    } else {
        weight
    };
    Asked { weight: asked, by: Some(by), share: most.share }
}

fn proportional(rules: &Rules, demands: &[Demand], weight: u8) -> Asked {
    // What grows with the demand needs to be asked of the largest only.
    let Some((by, most)) = largest(demands) else { return Asked { weight: 0, by: None, share: 0.0 } };
    let local = most.share * (1.0 - f64::from(weight) / 100.0);
    let within = local >= 1.0 - rules.down.tolerance - GRAIN && local <= 1.0 + rules.up.tolerance + GRAIN;
    let asked = if within {
        weight
    } else if local > 1.0 {
        enough(most.share, 1.0)
    } else {
        // On the way home it stops in the middle of the tolerance: at its edge the next noise would turn it round.
        enough(most.share, middle(rules)).min(weight)
    };
    Asked { weight: asked.min(rules.most), by: Some(by), share: if asked < weight { 0.0 } else { most.share } }
}

/// The least weight that leaves no more than a share of the target at home. Rounded towards the remote backend: what stays is never
/// more than asked for, and a point is never worth turning round for.
pub(super) fn enough(share: f64, home: f64) -> u8 {
    let away = ((1.0 - home / share) * 100.0 - GRAIN).ceil();
    // A cast of a float ends at the ends of the integer.
    away.clamp(0.0, 100.0) as u8
}

/// The largest demand that is known.
pub(super) fn largest(demands: &[Demand]) -> Option<(usize, Known)> {
    let known = demands.iter().enumerate().filter_map(|(index, demand)| match demand {
        Demand::Known(known) => Some((index, *known)),
        _ => None,
    });
    known.reduce(|most, next| if next.1.share > most.1.share { next } else { most })
}

/// The first metric that says nothing, what is worst first.
pub(super) fn silence(demands: &[Demand]) -> Option<(usize, Reason)> {
    let first = |is: fn(&Demand) -> bool| demands.iter().position(is);
    let invalid = first(|demand| matches!(demand, Demand::Invalid(_))).map(|at| (at, Reason::MetricsUnavailable));
    let undecided = || first(|demand| matches!(demand, Demand::Undecided)).map(|at| (at, Reason::Undecided));
    let unknown = || first(|demand| matches!(demand, Demand::Unknown)).map(|at| (at, Reason::DemandUnknown));
    invalid.or_else(undecided).or_else(unknown)
}
