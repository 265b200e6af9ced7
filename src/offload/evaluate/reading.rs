//! What comes in: the answer of a metrics API, as a reader of it can fill it in without judging anything.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Milli;
use crate::offload::Time;

/// What a source answered about one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The samples.
    pub samples: Samples,
    /// How often the source measures: what a sample that has no window of its own is reckoned to have. [`Reading::RESOLUTION`] where
    /// nobody knows.
    pub resolution: Duration,
}

impl Reading {
    /// What the HPA takes for the window of a sample that names none.
    pub const RESOLUTION: Duration = Duration::from_mins(1);
}

/// The samples, in the shape of the API that they are from.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Of Resource and ContainerResource: `metrics.k8s.io`, the PodMetrics of the workload's pods.
    Resource(Vec<PodMetrics>),
    /// Of Pods: `custom.metrics.k8s.io`, a value for each of the workload's pods.
    Pods(Vec<PodValue>),
    /// Of Object: `custom.metrics.k8s.io`, the value of the one object.
    Object(Value),
    /// Of External: `external.metrics.k8s.io`, a value for each series.
    External(Vec<Value>),
}

/// What the containers of one pod use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodMetrics {
    /// The pod's name.
    pub pod: String,
    /// When the measurement ended.
    pub timestamp: Time,
    /// Over how long it was taken.
    pub window: Duration,
    /// Each container's name, and its usage of each resource.
    pub containers: Vec<(String, BTreeMap<String, Milli>)>,
}

/// A value that describes one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodValue {
    /// The pod's name.
    pub pod: String,
    /// The value.
    pub value: Value,
}

/// A value, and when it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// The value.
    pub milli: Milli,
    /// When the measurement ended.
    pub timestamp: Time,
    /// Over how long it was taken, if the API says so.
    pub window: Option<Duration>,
}
