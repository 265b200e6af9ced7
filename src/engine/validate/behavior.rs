//! How fast the weight follows the metrics: what the schema cannot say about `offloadingConfig.behavior`.
//!
//! Percentage, windows, policies and periods are limits of the schema, which the structure holds.

use crate::engine::finding::rules::MD030;
use crate::engine::finding::{At, Finding, Findings};
use crate::engine::parse::Node;
use crate::engine::units::Quantity;

/// Judges `behavior`; `at` is its place.
pub(super) fn behavior(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    for direction in ["scaleUp", "scaleDown"] {
        let Some(tolerance) = node.find(&[direction, "tolerance"]) else { continue };
        if let Some(quantity) = Quantity::of(tolerance).filter(|quantity| quantity.is_negative()) {
            let at = at.field(direction);
            let finding = Finding::new(&MD030, &at.field("tolerance"), "must be greater than or equal to 0");
            out.add(match tolerance.text() {
                Some(text) => finding.value(text),
                None => finding.number(quantity.plain()),
            });
        }
    }
}
