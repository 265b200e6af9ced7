//! An object judged as the gate judges it, in the world as it is now. The reconciler never trusts that the gate was there.

use super::stored::{Ours, Stored};
use crate::engine::configuration::Configuration;
use crate::engine::finding::Findings;
use crate::engine::parse::Node;
use crate::engine::world::World;
use crate::engine::{Reading, Surroundings, defaults, judge};

/// Judges an object, and compiles it.
pub(super) fn judged<K: Ours, T>(
    object: &Stored<K>,
    configuration: &Configuration,
    world: &World,
    compile: impl FnOnce(&Node<'_>, &Surroundings<'_>, &Findings) -> T,
) -> (Findings, T) {
    let name = object.name();
    let surroundings = Surroundings { namespace: name.namespace(), name: name.name(), configuration, world };
    let mut node = object.node();
    // What an older CRD did not add.
    _ = defaults::apply(K::KIND, &mut node);
    let findings = judge(K::KIND, &node, &surroundings, Reading::Stored);
    let compiled = compile(&node, &surroundings, &findings);
    (findings, compiled)
}
