//! Why nothing may be sent away, whatever the metrics say.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::finding::Rule;
use crate::engine::finding::rules::{MD003, MD004, PL010, PL012, RF003, RF006, RT002, RT014, RT015, RT016};

/// Why nothing may be sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Blocked {
    /// The object is disabled.
    Disabled,
    /// A policy is missing, or nobody knows what it allows, or the policies leave nothing.
    PoliciesUnresolved,
    /// The remote backend is none that traffic may go to.
    RemoteRefused,
    /// What it refers to in another namespace, nobody granted.
    NotGranted,
    /// Another object has this model and environment, or this Service.
    Contested,
    /// The backend is Beamlit's, and the model is not known to be deployed there.
    RemoteNotReady,
}

impl Blocked {
    /// What a finding comes to that an admitted object may have, because it was a warning or an old fault. None for all others:
    /// there the object itself is at fault, and nobody knows what it means.
    pub(super) fn by(rule: &'static Rule) -> Option<Self> {
        let is_one_of = |rules: &[&'static Rule]| rules.contains(&rule);
        match () {
            () if is_one_of(&[&PL010, &PL012, &RF006, &RT016]) => Some(Self::PoliciesUnresolved),
            () if is_one_of(&[&RT002, &RT014, &RT015]) => Some(Self::RemoteRefused),
            () if is_one_of(&[&RF003]) => Some(Self::NotGranted),
            () if is_one_of(&[&MD003, &MD004]) => Some(Self::Contested),
            () => None,
        }
    }
}

/// In words, for people who ask why nothing leaves.
impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "the object is disabled (spec.enabled)",
            Self::PoliciesUnresolved => {
                "a policy is missing, or nobody knows what it allows, or the policies leave nothing"
            }
            Self::RemoteRefused => "the remote backend is none that traffic may go to",
            Self::NotGranted => "nobody granted what it refers to in another namespace",
            Self::Contested => "another object has this model and environment, or this Service",
            Self::RemoteNotReady => "the model is not known to be deployed on Beamlit",
        })
    }
}
