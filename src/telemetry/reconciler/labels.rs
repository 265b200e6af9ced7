//! The closed sets of what the reconciler counts by.

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// Whose objects are reconciled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Controller {
    /// What is compiled, applied and told to Beamlit.
    ModelDeployment,
    /// What is decided.
    OffloadAutoscaler,
    /// What is told to Beamlit.
    Policy,
}

impl Controller {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ModelDeployment, Self::OffloadAutoscaler, Self::Policy];

    /// The value of the label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ModelDeployment => "modeldeployment",
            Self::OffloadAutoscaler => "offloadautoscaler",
            Self::Policy => "policy",
        }
    }
}

/// What a reconcile came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reconciled {
    /// Something was written.
    Changed,
    /// Everything was as it should be.
    Unchanged,
    /// It could not be finished, and is tried again.
    Failed,
}

impl Reconciled {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Changed, Self::Unchanged, Self::Failed];

    /// The value of the label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }
}

/// Who is asked for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The Metrics API: what pods use.
    Resource,
    /// The API of what describes pods and other objects.
    Custom,
    /// The API of what describes no object of the cluster.
    External,
    /// Prometheus itself.
    Prometheus,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Resource, Self::Custom, Self::External, Self::Prometheus];

    /// The value of the label: an API group, or `prometheus`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Resource => "metrics.k8s.io",
            Self::Custom => "custom.metrics.k8s.io",
            Self::External => "external.metrics.k8s.io",
            Self::Prometheus => "prometheus",
        }
    }
}

/// What became of a request, whomever it was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It was done.
    Ok,
    /// There is no such thing.
    NotFound,
    /// It was changed or made by somebody else meanwhile.
    Conflict,
    /// Who asked is not known, or may not.
    Forbidden,
    /// It was asked for too often.
    Throttled,
    /// It cannot be done as it was asked for.
    Refused,
    /// Who was asked broke down, or is not there at present.
    Failed,
    /// Nobody answered in time.
    TimedOut,
    /// There was no way to who was asked.
    Unreachable,
    /// What was answered is not what the contract says.
    Malformed,
}

impl Answer {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::NotFound,
        Self::Conflict,
        Self::Forbidden,
        Self::Throttled,
        Self::Refused,
        Self::Failed,
        Self::TimedOut,
        Self::Unreachable,
        Self::Malformed,
    ];

    /// What a status of HTTP says. Redirects are followed by nobody here, and so are no answer.
    #[must_use]
    pub const fn of(status: u16) -> Self {
        match status {
            200..=299 => Self::Ok,
            401 | 403 => Self::Forbidden,
            404 | 410 => Self::NotFound,
            408 | 504 => Self::TimedOut,
            409 => Self::Conflict,
            429 => Self::Throttled,
            400..=499 => Self::Refused,
            500..=599 => Self::Failed,
            _ => Self::Malformed,
        }
    }

    /// What an error of the client for Kubernetes says.
    #[must_use]
    pub fn of_error(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of(status.code),
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Self::Malformed,
            _ => Self::Unreachable,
        }
    }

    /// The value of the label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Forbidden => "forbidden",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
        }
    }
}

/// Why something that this operator made stays on Beamlit after its object is gone: nobody looks after it from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeftBehind {
    /// An annotation of the object asked for it.
    Asked,
    /// There are no credentials to delete it with.
    NoCredentials,
    /// Beamlit did not answer for as long as the finalizer waits.
    TimedOut,
}

impl LeftBehind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Asked, Self::NoCredentials, Self::TimedOut];

    /// The value of the label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::NoCredentials => "no_credentials",
            Self::TimedOut => "timed_out",
        }
    }
}

macro_rules! labelled_by_word {
    ($($label:ty),+) => {$(
        impl EncodeLabelValue for $label {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
                self.word().encode(encoder)
            }
        }
    )+};
}

labelled_by_word!(Controller, Reconciled, Source, Answer, LeftBehind);
