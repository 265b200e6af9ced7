//! Second step: the object is judged and compiled.

use super::dereference::Found;
use crate::controller::judged::judged;
use crate::controller::stored::{ModelDeployments, Stored};
use crate::engine::compile::{NotCompiled, Plan, compile};
use crate::engine::finding::Findings;

/// What became of an object.
pub(super) struct Judged {
    pub(super) findings: Findings,
    pub(super) plan: Result<Plan, NotCompiled>,
}

/// Judges and compiles it.
pub(super) fn validate(object: &Stored<ModelDeployments>, found: &Found) -> Judged {
    let (findings, plan) = judged(object, &found.configuration, &found.world, |node, surroundings, findings| {
        compile(node, surroundings, findings)
    });
    Judged { findings, plan }
}
