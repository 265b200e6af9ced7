//! What decides, read once from the compiled spec: numbers in their ranges instead of text and signed integers.

use std::time::Duration;

use crate::api::{
    IntOrString, OffloadAutoscalerSpec, Probe, RemoteWeightBehavior, RemoteWeightRules, SelectPolicy, Strategy,
    WeightScalingPolicy,
};
use crate::engine::units::Quantity;

/// The most points that one step of a probe gives back: a default step of scaling down.
pub(super) const STEP: u8 = 25;
/// The time between the steps back: the period of a default step of scaling down.
pub(super) const PERIOD: Duration = Duration::from_secs(15);

/// Two shares that differ by less are the same: a target of 90 % is reached by 0.9, however that was computed.
pub(super) const GRAIN: f64 = 1e-9;

/// What decides, read once from the compiled [`OffloadAutoscalerSpec`].
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The most that metrics may send away, in percent, 0 to 100; 0 means never, failover included.
    pub most: u8,
    /// How the weight follows the metrics.
    pub strategy: Strategy,
    /// How the weight rises, towards the remote backend.
    pub up: Direction,
    /// How the weight falls, back home.
    pub down: Direction,
    /// How a held weight is tried for whether the load fits at home again.
    pub probe: ProbeRules,
    /// For how long endpoints must be ready before traffic comes back from a failover.
    pub recovery: Duration,
    /// Which metrics these are, in the order of the spec: what was learnt of one is not held against another.
    pub metrics: Vec<u32>,
}

/// How the weight changes in one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Direction {
    /// For how long past wants count.
    pub window: Duration,
    /// By how much demand must pass the target, as a share of it; 0 or more.
    pub tolerance: f64,
    /// Which policy counts.
    pub select: SelectPolicy,
    /// How fast the weight may move; none means not at all.
    pub policies: Vec<Pace>,
}

/// A limit on the speed of the weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The most points within a period, 1 to 100.
    pub points: u8,
    /// The period.
    pub period: Duration,
}

/// How a held weight is tried for whether the load fits at home again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeRules {
    /// For how long a weight is held before the first probe.
    pub after: Duration,
    /// The longest wait for the next one.
    pub longest: Duration,
    /// The load of the idle workload that is reckoned with, as a share of the target, 0 to 1.
    pub idle: f64,
}

impl Rules {
    /// Reads them.
    ///
    /// # Errors
    /// If the spec is not one that the compiler made: a value is out of its range.
    pub fn of(spec: &OffloadAutoscalerSpec) -> Result<Self, OutOfRange> {
        let RemoteWeightBehavior { strategy, scale_up, scale_down, probe, failover } = &spec.behavior;
        Ok(Self {
            most: percent(spec.max_remote_weight).ok_or(OutOfRange("spec.maxRemoteWeight"))?,
            strategy: *strategy,
            up: Direction::of(scale_up, &UP)?,
            down: Direction::of(scale_down, &DOWN)?,
            probe: ProbeRules::of(probe)?,
            recovery: seconds(failover.recovery_seconds, 0..=i32::MAX)
                .ok_or(OutOfRange("spec.behavior.failover.recoverySeconds"))?,
            metrics: spec.metrics.iter().map(fingerprint).collect(),
        })
    }
}

/// Where the values of one direction stand.
struct Places {
    window: &'static str,
    tolerance: &'static str,
    policies: &'static str,
}

const UP: Places = Places {
    window: "spec.behavior.scaleUp.stabilizationWindowSeconds",
    tolerance: "spec.behavior.scaleUp.tolerance",
    policies: "spec.behavior.scaleUp.policies",
};
const DOWN: Places = Places {
    window: "spec.behavior.scaleDown.stabilizationWindowSeconds",
    tolerance: "spec.behavior.scaleDown.tolerance",
    policies: "spec.behavior.scaleDown.policies",
};

impl Direction {
    fn of(rules: &RemoteWeightRules, places: &Places) -> Result<Self, OutOfRange> {
        let RemoteWeightRules { stabilization_window_seconds, tolerance, select_policy, policies } = rules;
        let paces: Option<Vec<_>> = policies.iter().map(Pace::of).collect();
        Ok(Self {
            window: seconds(*stabilization_window_seconds, 0..=3600).ok_or(OutOfRange(places.window))?,
            tolerance: share(tolerance).ok_or(OutOfRange(places.tolerance))?,
            select: *select_policy,
            policies: paces.filter(|paces| !paces.is_empty()).ok_or(OutOfRange(places.policies))?,
        })
    }

    /// Whether the weight may move this way at all.
    pub(super) fn enabled(&self) -> bool {
        self.select != SelectPolicy::Disabled
    }
}

impl Pace {
    fn of(policy: &WeightScalingPolicy) -> Option<Self> {
        let WeightScalingPolicy { type_, value, period_seconds } = policy;
        let period = seconds(*period_seconds, 1..=1800).filter(|_| type_ == "Percent")?;
        // More than all of the traffic is all of it.
        Some(Self { points: percent((*value).min(100)).filter(|points| *points > 0)?, period })
    }
}

impl ProbeRules {
    fn of(probe: &Probe) -> Result<Self, OutOfRange> {
        let Probe { after_seconds, max_after_seconds, idle_percent } = probe;
        let after = seconds(*after_seconds, 1..=i32::MAX).ok_or(OutOfRange("spec.behavior.probe.afterSeconds"))?;
        let longest =
            seconds(*max_after_seconds, 1..=i32::MAX).ok_or(OutOfRange("spec.behavior.probe.maxAfterSeconds"))?;
        let idle = percent(*idle_percent).ok_or(OutOfRange("spec.behavior.probe.idlePercent"))?;
        Ok(Self { after, longest: longest.max(after), idle: f64::from(idle) / 100.0 })
    }
}

/// The rules with default steps down, which bind the way back from a failover where `selectPolicy: Disabled` leaves none.
pub(super) fn recovering(rules: &Rules) -> Rules {
    let pace = Pace { points: STEP, period: PERIOD };
    let down = Direction { select: SelectPolicy::Max, policies: vec![pace], ..rules.down.clone() };
    Rules { down, ..rules.clone() }
}

/// Whether a demand asks for traffic to be sent away.
pub(super) fn reached(rules: &Rules, share: f64) -> bool {
    share >= 1.0 + rules.up.tolerance - GRAIN
}

/// Whether a demand lets all traffic come home.
pub(super) fn allows(rules: &Rules, share: f64) -> bool {
    share <= 1.0 - rules.down.tolerance + GRAIN
}

/// The middle between the target and where traffic is let home.
pub(super) fn middle(rules: &Rules) -> f64 {
    1.0 - rules.down.tolerance.min(1.0) / 2.0
}

/// A value of a spec is out of its range; where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is out of its range")]
pub struct OutOfRange(pub &'static str);

fn percent(value: i32) -> Option<u8> {
    u8::try_from(value).ok().filter(|percent| *percent <= 100)
}

fn seconds(value: i32, range: std::ops::RangeInclusive<i32>) -> Option<Duration> {
    range.contains(&value).then(|| u64::try_from(value).ok().map(Duration::from_secs)).flatten()
}

/// A quantity of 0 or more as a number.
fn share(value: &IntOrString) -> Option<f64> {
    Quantity::of_field(value).filter(|quantity| !quantity.is_negative())?.plain().parse().ok()
}

/// FNV-1a over the metric as it is written: the same for the same text, on every build and machine.
fn fingerprint(metric: &crate::api::MetricSpec) -> u32 {
    let text = serde_json::to_vec(metric).unwrap_or_default();
    text.iter().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
