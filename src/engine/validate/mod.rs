//! The rules: the structure that the schema gives, then one group of rules a file.
//!
//! A rule speaks only of what the structure found sound: it asks for texts and numbers and is silent where there are none,
//! so that one fault is one finding.

mod behavior;
mod beside;
mod bounds;
mod compiled;
pub(super) mod configuration;
mod metrics;
mod model;
pub(super) mod policy;
mod promql;
mod reference;
mod remote;
mod resolve;
mod selector;
mod serverless;
mod structure;
mod target;
#[cfg(test)]
pub(super) mod testing;
mod twin;

pub(super) use reference::grant::reached;

use super::finding::{At, Finding, Findings};
use super::parse::Node;
use super::schema::Shape;
use super::subject::{Kind, Reading, Surroundings};
use super::units::Quantity;
use super::world::{Age, Others};

/// Judges an object that has its defaults.
pub(super) fn validate(kind: Kind, object: &Node<'_>, surroundings: &Surroundings<'_>, reading: Reading) -> Findings {
    let mut out = Findings::default();
    let root = At::root();
    let at = root.field("spec");
    if kind == Kind::OffloadAutoscaler {
        compiled::by_hand(&mut out, &at, object);
    }
    structure::spec(&mut out, &at, object, Shape::of_spec(kind), reading);
    let Some(spec) = object.get("spec").filter(|spec| spec.is_map()) else { return out };
    match kind {
        Kind::ModelDeployment => model_deployment(&mut out, &at, object, spec, surroundings, reading),
        // Its structure is all that there is to judge: the operator knows what it writes.
        Kind::OffloadAutoscaler => {}
        Kind::Policy => policy::policy(&mut out, &at, spec, &surroundings.configuration.atlas),
    }
    out
}

/// Judges a value of a file by its shape alone.
pub(super) fn shaped(out: &mut Findings, at: &At<'_>, node: &Node<'_>, shape: &Shape) {
    structure::value(out, at, node, shape, Reading::File);
}

/// Judges the keys of an object in a file, and nothing that stands under them.
pub(super) fn keys(out: &mut Findings, at: &At<'_>, node: &Node<'_>, known: &[&str]) {
    structure::keys(out, at, node, || known.iter().copied());
}

/// Judges a ModelDeployment by its spec; `at` is the place of that.
fn model_deployment(
    out: &mut Findings,
    at: &At<'_>,
    object: &Node<'_>,
    spec: &Node<'_>,
    surroundings: &Surroundings<'_>,
    reading: Reading,
) {
    let others = match reading {
        // An older object that changes its claim takes nothing from a younger one.
        Reading::Review | Reading::File => Others::All,
        Reading::Stored => Others::Before(Age::of(object)),
    };
    model::model(out, at, spec);
    twin::twins(out, at, spec, surroundings, others);
    reference::references(out, at, spec, surroundings, reading);
    if let Some(effective) = resolve::policies(out, at, spec, surroundings, reading) {
        bounds::bounds(out, at, spec, &effective, surroundings);
    }
    if let Some(node) = spec.get("serverlessConfig") {
        serverless::serverless(out, &at.field("serverlessConfig"), node);
    }
    beside::autoscalers(out, at, spec, surroundings);
    let Some(offloading) = spec.get("offloadingConfig") else { return };
    let at = at.field("offloadingConfig");
    if let Some(node) = offloading.get("behavior") {
        behavior::behavior(out, &at.field("behavior"), node);
    }
    if let Some(node) = offloading.get("metrics") {
        metrics::metrics(out, &at.field("metrics"), node, surroundings.configuration);
    }
    if let Some(node) = offloading.get("remoteBackend") {
        remote::backend(out, &at.field("remoteBackend"), node, surroundings);
    }
}

/// Shows a quantity at fault as it was written: a text in quotes, a number without.
fn showing(finding: Finding, node: &Node<'_>, quantity: Quantity) -> Finding {
    match node.text() {
        Some(text) => finding.value(text),
        None => finding.number(quantity.plain()),
    }
}
