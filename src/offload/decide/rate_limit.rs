//! Step 3: no faster than the policies of the direction allow, counted over their periods whatever moved the weight.

use super::super::Time;
use super::history::History;
use super::rules::{Direction, Pace, Rules};
use crate::api::SelectPolicy;

/// The weight nearest to a wanted one that the policies allow now; never on the other side of the one in force.
///
/// A policy of `value` points per period means that at no moment the weight lies more than that above (below) what it was at any
/// moment of the period that ends there. That is never laxer than the HorizontalPodAutoscaler, which compares with the start
/// of the period only, and it counts everything that moved the weight, a failover included.
pub(super) fn limit(now: Time, rules: &Rules, weights: &History<u8>, weight: u8, wanted: u8) -> u8 {
    if wanted > weight {
        up(now, &rules.up, weights, weight, wanted)
    } else {
        down(now, &rules.down, weights, weight, wanted)
    }
}

fn up(now: Time, rules: &Direction, weights: &History<u8>, weight: u8, wanted: u8) -> u8 {
    let highest = |pace: &Pace| extremes(weights, now, pace, weight).0.saturating_add(pace.points);
    let highest = match rules.select {
        SelectPolicy::Max => rules.policies.iter().map(highest).max(),
        SelectPolicy::Min => rules.policies.iter().map(highest).min(),
        SelectPolicy::Disabled => None,
    };
    wanted.min(highest.unwrap_or(weight)).max(weight)
}

fn down(now: Time, rules: &Direction, weights: &History<u8>, weight: u8, wanted: u8) -> u8 {
    let lowest = |pace: &Pace| extremes(weights, now, pace, weight).1.saturating_sub(pace.points);
    let lowest = match rules.select {
        SelectPolicy::Max => rules.policies.iter().map(lowest).min(),
        SelectPolicy::Min => rules.policies.iter().map(lowest).max(),
        SelectPolicy::Disabled => None,
    };
    wanted.max(lowest.unwrap_or(weight)).min(weight)
}

/// The least and the most that was in force within the period that ends now.
fn extremes(weights: &History<u8>, now: Time, pace: &Pace, weight: u8) -> (u8, u8) {
    weights
        .over(now.before(pace.period), now)
        .fold((weight, weight), |(least, most), (_, value)| (least.min(value), most.max(value)))
}
