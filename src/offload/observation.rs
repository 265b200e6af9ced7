//! What is seen of the world at one moment: what [`super::evaluate`] makes of the metrics, and what [`super::decide`] decides by.

use std::time::Duration;

use super::Time;
pub use crate::engine::compile::Blocked;

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

/// A metric as it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The metric's share of its target, finite and not negative; 1 is the target.
    pub ratio: f64,
    /// Whether unready and missing pods leave it open on which side of the target the metric is: nothing follows from it.
    pub undecided: bool,
    /// When the measurement ended.
    pub taken: Time,
    /// Over how long it was taken.
    pub window: Duration,
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
