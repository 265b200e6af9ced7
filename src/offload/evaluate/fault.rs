//! Why a metric says nothing, for people.

use std::time::Duration;

use crate::offload::observation::Invalid;

/// Why a metric says nothing, in words that a condition can carry. [`Fault::kind`] is what decisions go by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The source did not answer; its words.
    #[error("its source did not answer: {0}")]
    Unavailable(String),
    /// The source answered, and in a way that cannot be read; in what.
    #[error("the answer of its source cannot be read: {0}")]
    Unreadable(String),
    /// The source answered that it does not know the metric, or not what it describes; its words.
    #[error("its source does not know it: {0}")]
    NotKnown(String),
    /// The source does not take the question; its words.
    #[error("its source refuses to answer: {0}")]
    Refused(String),
    /// The answer is of another kind than the metric.
    #[error("its source answered with something else")]
    Misplaced,
    /// The metric has no target by which its source is compared, or one that is not above 0. The compiler makes none such.
    #[error("it has no target above 0")]
    NoTarget,
    /// The workload has no pods.
    #[error("the workload has no pods")]
    NoPods,
    /// Nobody can tell which pods there are.
    #[error("nobody can tell which pods there are: the watch of them was lost more than a minute ago")]
    PodsUnknown,
    /// No pod that counts has a sample.
    #[error("no pod that counts has a sample")]
    NoSamples,
    /// The source knows the metric, and no series of it.
    #[error("its source has no series of it")]
    NoSeries,
    /// Too old to count.
    #[error("the last sample is {} s old, and counts for {} s", age.as_secs(), limit.as_secs())]
    Stale {
        /// How long ago the measurement ended.
        age: Duration,
        /// From what age on it no longer counts.
        limit: Duration,
    },
    /// Taken at a time that is yet to come, by more than clocks differ.
    #[error("the sample is of a moment {} s from now", ahead.as_secs())]
    Future {
        /// How far it is ahead.
        ahead: Duration,
    },
    /// NaN, or infinite.
    #[error("the sample is no finite number")]
    NoNumber,
    /// Below 0.
    #[error("the sample is below 0")]
    Negative,
    /// A container requests nothing of the resource, so that there is nothing to be a share of.
    #[error("container '{container}' of pod '{pod}' requests no {resource}")]
    NoRequest {
        /// The resource.
        resource: String,
        /// The container.
        container: String,
        /// Its pod.
        pod: String,
    },
    /// A pod that has requests of its own has none of this resource, nor has any container.
    #[error("pod '{pod}' requests no {resource}")]
    NoPodRequest {
        /// The resource.
        resource: String,
        /// The pod.
        pod: String,
    },
    /// A pod lacks the container that the metric names.
    #[error("pod '{pod}' has no container '{container}'")]
    NoContainer {
        /// The container.
        container: String,
        /// The pod.
        pod: String,
    },
    /// The pods that count request 0 of the resource in all.
    #[error("the pods request 0 {0}")]
    ZeroRequests(String),
}

impl Fault {
    /// What decisions go by.
    #[must_use]
    pub const fn kind(&self) -> Invalid {
        match self {
            Self::Unavailable(_) | Self::Unreadable(_) | Self::Refused(_) | Self::Misplaced | Self::PodsUnknown => {
                Invalid::Unavailable
            }
            Self::NotKnown(_) | Self::NoPods | Self::NoSamples | Self::NoSeries => Invalid::NoSamples,
            Self::Stale { .. } => Invalid::Stale,
            Self::NoRequest { .. } | Self::NoPodRequest { .. } | Self::NoContainer { .. } | Self::ZeroRequests(_) => {
                Invalid::NoRequest
            }
            Self::NoTarget | Self::Future { .. } | Self::NoNumber | Self::Negative => Invalid::Nonsense,
        }
    }
}
