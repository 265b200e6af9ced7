//! How the weight follows the metrics, with everything written out.

use crate::api::{
    Failover, IntOrString, OffloadingBehavior, Probe, RemoteWeightBehavior, RemoteWeightRules, WeightScalingPolicy,
    WeightScalingRules,
};

/// What holds for one direction where nothing is said.
pub(super) struct Direction {
    /// In seconds.
    pub(super) window: i32,
    /// A quantity, as a share of the target.
    pub(super) tolerance: &'static str,
    /// In points of all traffic for every [`PERIOD`].
    pub(super) points: i32,
}

/// Towards the remote: at once.
pub(super) const UP: Direction = Direction { window: 0, tolerance: "0", points: 100 };
/// Back home: slowly, and only when the load is clearly below the target.
pub(super) const DOWN: Direction = Direction { window: 300, tolerance: "0.1", points: 25 };
/// The period of the rates, in seconds: as often as a decision is made.
pub(super) const PERIOD: i32 = 15;
/// The one type of rate limit.
pub(super) const PERCENT: &str = "Percent";
/// A held weight is tried after ten minutes, at last once an hour, reckoning with an idle load of a quarter of the target.
pub(super) const PROBE: Probe = Probe { after_seconds: 600, max_after_seconds: 3600, idle_percent: 25 };
/// Endpoints that were ready for this long are trusted again.
pub(super) const FAILOVER: Failover = Failover { recovery_seconds: 30 };

/// The most that metrics may send away where nothing is said.
pub(super) const MOST: i32 = 100;

/// The behaviour of an object that has one of its own, or none, and the most that metrics may send away.
pub(super) fn behavior(own: Option<&OffloadingBehavior>) -> (RemoteWeightBehavior, i32) {
    let (most, strategy, up, down) = match own {
        None => (MOST, None, None, None),
        Some(OffloadingBehavior { percentage, strategy, scale_up, scale_down }) => {
            (*percentage, *strategy, scale_up.as_ref(), scale_down.as_ref())
        }
    };
    let behavior = RemoteWeightBehavior {
        strategy: strategy.unwrap_or_default(),
        scale_up: rules(up, &UP),
        scale_down: rules(down, &DOWN),
        probe: PROBE,
        failover: FAILOVER,
    };
    (behavior, most)
}

fn rules(own: Option<&WeightScalingRules>, default: &Direction) -> RemoteWeightRules {
    let (window, tolerance, select, policies) = match own {
        None => (None, None, None, None),
        Some(WeightScalingRules { stabilization_window_seconds, tolerance, select_policy, policies }) => {
            (*stabilization_window_seconds, tolerance.as_ref(), *select_policy, policies.as_ref())
        }
    };
    RemoteWeightRules {
        stabilization_window_seconds: window.unwrap_or(default.window),
        tolerance: tolerance.map_or_else(|| IntOrString::String(default.tolerance.to_owned()), IntOrString::as_text),
        select_policy: select.unwrap_or_default(),
        policies: policies.cloned().unwrap_or_else(|| vec![rate(default.points)]),
    }
}

fn rate(points: i32) -> WeightScalingPolicy {
    WeightScalingPolicy { type_: PERCENT.to_owned(), value: points, period_seconds: PERIOD }
}
