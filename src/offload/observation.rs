//! What is seen of the world at one moment: what [`super::evaluate`] makes of the metrics, and what [`super::decide`] decides by.

use std::time::Duration;

use super::Time;
pub use crate::engine::compile::Blocked;

/// Clocks differ by less; what is of a later moment than that is of the future.
pub(super) const SKEW: Duration = Duration::from_secs(60);

/// Everything that a decision is made on.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// What came of each metric of the spec, in its order.
    pub metrics: Vec<Observed>,
    /// The workload and the endpoints of its Service, our own left out.
    pub local: Local,
    /// Why nothing may be sent away at all; none if it may.
    pub blocked: Option<Blocked>,
    /// Who holds the weight, if anybody does.
    pub pause: Option<Pause>,
}

/// The local deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// So many endpoints are ready; 0 is a failover, also where the workload was scaled to zero.
    Ready(u32),
    /// The workload or the Service is missing, or nobody could look: never a failover.
    Unknown,
}

/// What holds a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// It stays where it is.
    Freeze,
    /// All traffic stays at home.
    Home,
}

/// What came of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// How the metric follows the traffic.
    pub follows: Follows,
    /// The sample, or why there is none that counts.
    pub sample: Result<Sample, Invalid>,
}

/// How a metric follows the traffic that stays at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// It falls with it, and is an average over the pods: Resource, ContainerResource and Pods, except memory.
    Traffic,
    /// It does not: memory, Object and External.
    Nothing,
}

/// A metric as it was measured. All its figures are shares of its target, finite and not negative; 1 is the target.
///
/// What unready and missing pods leave open is judged where the weight is known: with traffic away, a reading far below the target may
/// stand for a demand above it. They are therefore counted in each way that can matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Of the pods that were measured and count.
    pub ratio: f64,
    /// With what is missing as busy as it can be; infinite where nobody knows how busy that is. It counts below the target.
    pub busy: f64,
    /// With what is missing idle. It counts above the target.
    pub idle: f64,
    /// With what is missing and what is unready idle: it only tells whether the metric is above the target even so.
    pub idlest: f64,
    /// When the newest measurement ended, by the clock of its source: what tells one sample from the next.
    pub taken: Time,
    /// Over what times it was taken; a moment, `taken`, if there are none.
    pub spans: Vec<Span>,
}

impl Sample {
    /// One measurement, in which nothing is missing.
    #[must_use]
    pub fn whole(ratio: f64, taken: Time, window: Duration) -> Self {
        let span = Span { from: taken.before(window), to: taken, of: 1 };
        Self { ratio, busy: ratio, idle: ratio, idlest: ratio, taken, spans: vec![span] }
    }
}

/// Over what time something was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// When it began.
    pub from: Time,
    /// When it ended, never later than it was seen.
    pub to: Time,
    /// Of how many measurements that holds.
    pub of: u32,
}

/// Why a metric says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// Its source did not answer, or not in a way that can be read.
    Unavailable,
    /// Its source has no sample of it.
    NoSamples,
    /// The sample is too old to count.
    Stale,
    /// A container requests nothing of the resource, so that there is nothing to be a share of.
    NoRequest,
    /// The sample is no number, negative, or of the future.
    Nonsense,
}
