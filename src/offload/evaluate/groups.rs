//! The pods by what can be said of them: ready, unready, missing, ignored, in the HPA's order.

use std::collections::BTreeMap;
use std::time::Duration;

use super::age::Span;
use super::pod::{Phase, Pod, Status};
use crate::offload::Time;

/// For so long after its start a pod may still initialise: it is then unready until a whole window was measured after it became ready.
const CPU_INITIALIZATION: Duration = Duration::from_mins(5);
/// A pod that became unready no later than this after its start was never ready.
const INITIAL_READINESS_DELAY: Duration = Duration::from_secs(30);

/// What was measured of one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    /// In milli units.
    pub(super) usage: i128,
    /// When the measurement ended, by the source.
    pub(super) timestamp: Time,
    /// Over how long it was taken, by the source.
    pub(super) window: Duration,
    /// Over what time it counts as taken.
    pub(super) span: Span,
}

/// What was measured, by the names of the pods.
pub(super) type Measurements<'a> = BTreeMap<&'a str, Measured>;

/// What can be said of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Its sample counts.
    Ready,
    /// It does not carry its load yet.
    Unready,
    /// It has no sample.
    Missing,
    /// It is going, or has failed.
    Ignored,
}

impl Group {
    /// The first rule that applies decides; `cpu` tells that the metric is the resource CPU, which starting costs.
    pub(super) fn of(now: Time, pod: &Pod, measured: Option<&Measured>, cpu: bool) -> Self {
        if pod.deleting || pod.phase == Phase::Failed {
            return Self::Ignored;
        }
        if pod.phase == Phase::Pending {
            return Self::Unready;
        }
        match measured {
            None => Self::Missing,
            Some(measured) if cpu && is_starting(now, pod, measured) => Self::Unready,
            Some(_) => Self::Ready,
        }
    }
}

/// Whether the CPU that a pod uses may be that of its start.
fn is_starting(now: Time, pod: &Pod, measured: &Measured) -> bool {
    let (Some(ready), Some(started)) = (pod.ready, pod.started) else { return true };
    let unready = ready.status == Status::False;
    if started.after(CPU_INITIALIZATION) > now {
        unready || measured.timestamp < ready.since.after(measured.window)
    } else {
        unready && started.after(INITIAL_READINESS_DELAY) > ready.since
    }
}

/// How many pods there are in each group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Their samples count.
    pub ready: u32,
    /// They are pending, or (for CPU) starting.
    pub unready: u32,
    /// They have no sample, or none that counts.
    pub missing: u32,
    /// They are going, or have failed.
    pub ignored: u32,
}

impl Counts {
    pub(super) fn add(&mut self, group: Group) {
        let count = match group {
            Group::Ready => &mut self.ready,
            Group::Unready => &mut self.unready,
            Group::Missing => &mut self.missing,
            Group::Ignored => &mut self.ignored,
        };
        *count = count.saturating_add(1);
    }
}
