//! The judge: parse → default → validate. Pure, synchronous, deterministic; webhook and command line call the same functions.

pub mod defaults;
pub mod finding;
pub mod manifest;
mod order;
pub mod parse;
mod ratchet;
mod schema;
pub mod suggest;
pub mod units;
mod validate;

use finding::Findings;
use parse::Node;

use crate::api;

/// The kinds that are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `deployment.beamlit.com/v1alpha1 ModelDeployment`.
    ModelDeployment,
    /// `authorization.beamlit.com/v1alpha1 Policy`.
    Policy,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::ModelDeployment, Self::Policy];

    /// The kind's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ModelDeployment => "ModelDeployment",
            Self::Policy => "Policy",
        }
    }

    /// The kind's API group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::ModelDeployment => api::DEPLOYMENT_GROUP,
            Self::Policy => api::AUTHORIZATION_GROUP,
        }
    }

    /// The kind of that group, version and name, if it is judged here.
    #[must_use]
    pub fn of(group: &str, version: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.group() == group && version == api::VERSION && known.name() == kind)
    }
}

/// What is known about where an object stands.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The object's namespace.
    pub namespace: &'a str,
    /// The cluster's DNS domain, such as `cluster.local`.
    pub cluster_domain: &'a str,
}

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The webhook: the API server has judged what is not ours (metadata), and dropped what nobody knows.
    Review,
    /// `check`: nobody has looked at the file before.
    File,
}

/// Judges an object that has its defaults ([`defaults::apply`]). The findings are in schema order.
#[must_use]
pub fn judge(kind: Kind, object: &Node<'_>, surroundings: &Surroundings<'_>, reading: Reading) -> Findings {
    let mut findings = validate::validate(kind, object, surroundings, reading);
    findings.sort_by(|a, b| order::compare(kind, a, b));
    findings
}

/// Judges an object, which has its defaults, that takes the place of another, which is as it was stored. An error that the
/// old object had already is softened to a warning; the old object gets its defaults if it must be looked at.
#[must_use]
pub fn judge_update(kind: Kind, object: &Node<'_>, old: &mut Node<'_>, surroundings: &Surroundings<'_>) -> Findings {
    let mut findings = judge(kind, object, surroundings, Reading::Review);
    if findings.refuse() {
        defaults::apply(kind, old);
        let before = validate::validate(kind, old, surroundings, Reading::Review);
        ratchet::soften(&mut findings, object, &before, old);
    }
    findings
}
