//! Why the weight is what it is, in words that people see in `kubectl get ofa`.

use serde::{Deserialize, Serialize};

use crate::offload::observation::Blocked;

/// Why the weight is what it is: a closed set, which people see in `kubectl get ofa`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// All traffic is at home, and nothing asks for anything else.
    #[default]
    AtHome,
    /// A metric reached its target, and has not fallen to where traffic is let home since.
    TargetReached,
    /// Traffic is away, and the metrics ask for neither more nor less.
    WithinTolerance,
    /// The metrics allowed traffic back home, and the weight is as low as they allow.
    Returning,
    /// The metrics ask for another weight, but have not for as long as the stabilization window is.
    Stabilizing,
    /// The weight is on its way, as fast as the policies of its direction allow.
    RateLimited,
    /// The metrics ask for another weight, but `selectPolicy: Disabled` forbids that direction.
    Disabled,
    /// Some of the traffic was taken back to see whether it fits at home.
    Probing,
    /// No endpoint of the Service is ready: all traffic is away.
    Failover,
    /// Endpoints are ready again after a failover: traffic comes back in steps, once they were ready for long enough.
    Recovering,
    /// Nothing may be sent away; a condition says why.
    Blocked,
    /// Somebody paused the object or the operator.
    Paused,
    /// `percentage` is 0: nothing is ever sent away.
    Never,
    /// The workload or the Service is missing, or nobody could look: the weight is held.
    LocalUnknown,
    /// A metric has no value that counts, and no other reached its target: the weight is held.
    MetricsUnavailable,
    /// Unready or missing pods leave open on which side of its target a metric is: the weight is held.
    Undecided,
    /// So little traffic is at home that the metrics do not show what all of it would need: the weight is held.
    DemandUnknown,
}

impl Reason {
    /// The word, as `kubectl get ofa` shows it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AtHome => "AtHome",
            Self::TargetReached => "TargetReached",
            Self::WithinTolerance => "WithinTolerance",
            Self::Returning => "Returning",
            Self::Stabilizing => "Stabilizing",
            Self::RateLimited => "RateLimited",
            Self::Disabled => "Disabled",
            Self::Probing => "Probing",
            Self::Failover => "Failover",
            Self::Recovering => "Recovering",
            Self::Blocked => "Blocked",
            Self::Paused => "Paused",
            Self::Never => "Never",
            Self::LocalUnknown => "LocalUnknown",
            Self::MetricsUnavailable => "MetricsUnavailable",
            Self::Undecided => "Undecided",
            Self::DemandUnknown => "DemandUnknown",
        }
    }
}

impl Reason {
    /// What it means, in a sentence for a condition or an event.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::AtHome => "all traffic is at home, and nothing asks for anything else",
            Self::TargetReached => "a metric reached its target",
            Self::WithinTolerance => "the metrics ask for neither more nor less",
            Self::Returning => "the metrics allowed traffic back home",
            Self::Stabilizing => {
                "the metrics ask for another weight, but not yet for as long as the stabilization window is"
            }
            Self::RateLimited => "the weight is on its way, as fast as the policies allow",
            Self::Disabled => "the metrics ask for another weight, but selectPolicy is Disabled in that direction",
            Self::Probing => "some of the traffic was taken back to see whether it fits at home",
            Self::Failover => "no endpoint of the Service is ready",
            Self::Recovering => "endpoints are ready again after a failover, and traffic comes back in steps",
            Self::Blocked => "nothing may be sent away",
            Self::Paused => "paused",
            Self::Never => "percentage is 0: nothing is ever sent away",
            Self::LocalUnknown => {
                "the workload or the Service is missing, or could not be looked up: the weight is held"
            }
            Self::MetricsUnavailable => "a metric has no value that counts: the weight is held",
            Self::Undecided => {
                "unready or missing pods leave open on which side of its target a metric is: the weight is held"
            }
            Self::DemandUnknown => {
                "too little traffic is at home for the metrics to show what all of it would need: the weight is held"
            }
        }
    }
}

impl Reason {
    /// Why, in a sentence, where something keeps all traffic at home: that; otherwise what the reason means.
    #[must_use]
    pub fn because(self, blocked: Option<Blocked>) -> String {
        blocked.map_or_else(|| self.sentence().to_owned(), |blocked| blocked.to_string())
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
