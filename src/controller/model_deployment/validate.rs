//! Second step: the object is judged as the gate judges it, in the world as it is now. The reconciler never trusts that the gate was there.

use super::dereference::Found;
use crate::controller::stored::{ModelDeployments, Stored};
use crate::engine::compile::{NotCompiled, Plan, compile};
use crate::engine::finding::Findings;
use crate::engine::{Kind, Reading, Surroundings, defaults, judge};

/// What became of an object.
pub(super) struct Judged {
    pub(super) findings: Findings,
    pub(super) plan: Result<Plan, NotCompiled>,
}

/// Judges and compiles it.
pub(super) fn validate(object: &Stored<ModelDeployments>, found: &Found) -> Judged {
    let name = object.name();
    let surroundings = Surroundings {
        namespace: name.namespace(),
        name: name.name(),
        configuration: &found.configuration,
        world: &found.world,
    };
    let mut node = object.node();
    // What an older CRD did not add.
    _ = defaults::apply(Kind::ModelDeployment, &mut node);
    let findings = judge(Kind::ModelDeployment, &node, &surroundings, Reading::Review);
    let plan = compile(&node, &surroundings, &findings);
    Judged { findings, plan }
}
