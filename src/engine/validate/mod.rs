//! The rules: the structure that the schema gives, then one group of rules a file.
//!
//! A rule speaks only of what the structure found sound: it asks for texts and numbers and is silent where there are none,
//! so that one fault is one finding.

mod model;
mod reference;
mod remote;
mod structure;

use super::finding::{At, Findings};
use super::parse::Node;
use super::schema::Shape;
use super::{Kind, Reading, Surroundings};

/// Judges an object that has its defaults.
pub(super) fn validate(kind: Kind, object: &Node<'_>, surroundings: &Surroundings<'_>, reading: Reading) -> Findings {
    let mut out = Findings::default();
    let root = At::root();
    let at = root.field("spec");
    structure::spec(&mut out, &at, object, Shape::of_spec(kind), reading);
    let Some(spec) = object.get("spec").filter(|spec| spec.is_map()) else { return out };
    match kind {
        Kind::ModelDeployment => {
            model::model(&mut out, &at, spec);
            reference::references(&mut out, &at, spec, surroundings);
            if let Some(backend) = spec.find(&["offloadingConfig", "remoteBackend"]) {
                let at = at.field("offloadingConfig");
                remote::backend(&mut out, &at.field("remoteBackend"), backend, surroundings);
            }
        }
        Kind::Policy => {}
    }
    out
}

/// Judges a value of a file by its shape alone.
pub(super) fn shaped(out: &mut Findings, at: &At<'_>, node: &Node<'_>, shape: &Shape) {
    structure::value(out, at, node, shape, Reading::File);
}
