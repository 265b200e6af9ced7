//! How fast the weight follows the metrics: what the schema cannot say about `offloadingConfig.behavior`.
//!
//! Percentage, windows, policies and periods are limits of the schema, which the structure holds.

use super::showing;
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
            out.add(showing(finding, tolerance, quantity));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::engine::validate::testing::{found, texts};

    #[test]
    fn tolerances() {
        for direction in ["scaleUp", "scaleDown"] {
            let path = format!("spec.offloadingConfig.behavior.{direction}.tolerance");
            for (tolerance, finding) in [
                (json!("0"), None),
                (json!("0.1"), None),
                (json!("100m"), None),
                (json!(0), None),
                (json!(2), None),
                (json!(null), None),
                (json!("-0"), None),
                (json!("-0.1"), Some(r#"Invalid value: "-0.1": must be greater than or equal to 0 [MD030]"#)),
                (json!("-1n"), Some(r#"Invalid value: "-1n": must be greater than or equal to 0 [MD030]"#)),
                (json!(-1), Some("Invalid value: -1: must be greater than or equal to 0 [MD030]")),
                (
                    json!("-10%"),
                    Some(
                        r#"Invalid value: "-10%": must be a number with an optional suffix, such as 500m, 10, 1.5 or 2Gi; did you mean "-0.1"? [OB006]"#,
                    ),
                ),
                (
                    json!(-0.1),
                    Some(
                        r#"Invalid value: must be an integer or a string, not a number with a fraction; write "-100m" [OB001]"#,
                    ),
                ),
            ] {
                let findings = found("offloadingConfig", json!({"behavior": {direction: {"tolerance": tolerance}}}));
                let expected: Vec<String> = finding.iter().map(|finding| format!("{path}: {finding}")).collect();
                assert_eq!(texts(&findings), expected, "{tolerance}");
            }
        }
    }
}
