//! Why nothing may be sent away, whatever the metrics say.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::finding::rules::{
    MD003, MD004, PL010, PL012, RF003, RF006, RF008, RF009, RT002, RT014, RT015, RT016,
};
use crate::engine::finding::{Finding, Rule, Severity};

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
    /// Why, in the words of those of the findings that come to it: which object, reference or host it is. In words for any object where
    /// none does.
    #[must_use]
    pub fn because(self, findings: &[Finding]) -> String {
        let its = findings.iter().filter(|finding| Consequence::of(finding.rule) == Consequence::Blocks(self));
        let its: Vec<String> = its.map(ToString::to_string).collect();
        if its.is_empty() { self.to_string() } else { its.join("; ") }
    }
}

/// What a finding comes to for the plan of an object that was admitted: it was a warning, or an old fault, or came about later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consequence {
    /// Nothing is sent away.
    Blocks(Blocked),
    /// A value stays open.
    Opens,
    /// The object itself is at fault, and nobody knows what it means.
    Fatal,
    /// None.
    None,
}

impl Consequence {
    pub(super) fn of(rule: &'static Rule) -> Self {
        let is_one_of = |rules: &[&'static Rule]| rules.contains(&rule);
        match () {
            () if is_one_of(&[&PL010, &PL012, &RF006, &RT016]) => Self::Blocks(Blocked::PoliciesUnresolved),
            () if is_one_of(&[&RT002, &RT014, &RT015]) => Self::Blocks(Blocked::RemoteRefused),
            () if is_one_of(&[&RF003]) => Self::Blocks(Blocked::NotGranted),
            () if is_one_of(&[&MD003, &MD004]) => Self::Blocks(Blocked::Contested),
            // The ports of a Service may change under an object.
            () if is_one_of(&[&RF008, &RF009]) => Self::Opens,
            () if rule.severity == Severity::Error => Self::Fatal,
            () => Self::None,
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
