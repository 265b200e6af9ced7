//! How the model scales on Beamlit: replica counts that fit each other, durations, and the target.

use crate::engine::finding::rules::{MD020, MD021, MD022, MD023, MD024};
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::Node;
use crate::engine::units::{GoDuration, Quantity};

/// Judges `serverlessConfig`; `at` is its place.
pub(super) fn serverless(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    replicas(out, at, node);
    if let Some(text) = node.text_of("target")
        && !is_number(text)
    {
        let hint = near_number(text).map(|near| format!("did you mean {}?", quoted(&near)));
        let message = "must be a number in a string, such as \"70\"";
        out.add(Finding::new(&MD024, &at.field("target"), message).value(text).maybe_hint(hint));
    }
    for field in ["scaleDownDelay", "stableWindow", "lastPodRetentionPeriod"] {
        let Some(text) = node.text_of(field) else { continue };
        let (message, hint) = match GoDuration::parse_with_unit(text) {
            Ok(duration) if duration.is_negative() => ("must not be negative".to_owned(), None),
            Ok(_) => continue,
            Err(error) => (error.to_string(), GoDuration::suggest(text)),
        };
        let hint = hint.map(|near| format!("did you mean {}?", quoted(&near)));
        out.add(Finding::new(&MD023, &at.field(field), message).value(text).maybe_hint(hint));
    }
}

fn replicas(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    let (at_min, at_max, at_up) = (at.field("minNumReplicas"), at.field("maxNumReplicas"), at.field("scaleUpMinimum"));
    let min = count(node, "minNumReplicas", 0, Some(0));
    let max = count(node, "maxNumReplicas", 0, Some(10));
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        let message = format!("must not be above maxNumReplicas, which is {max}");
        out.add(Finding::new(&MD020, &at_min, message).number(min).related(&at_max));
    }
    if let Some(min) = min.filter(|min| *min > 1) {
        out.add(Finding::new(&MD021, &at_min, "Beamlit itself takes 0 or 1").number(min));
    }
    if let (Some(up), Some(max)) = (count(node, "scaleUpMinimum", 2, None), max)
        && up > max
    {
        let message = format!("is above maxNumReplicas, which is {max}, and cannot be reached");
        out.add(Finding::new(&MD022, &at_up, message).number(up).related(&at_max));
    }
}

/// A replica count that is right by itself, or its default where it is absent.
fn count(node: &Node<'_>, field: &str, least: i64, default: Option<i64>) -> Option<i64> {
    match node.get(field) {
        None => default,
        Some(node) => node.integer().filter(|count| (least..=i64::from(i32::MAX)).contains(count)),
    }
}

/// A decimal number, with a fraction and an exponent if need be.
fn is_number(text: &str) -> bool {
    // The standard library also reads infinities and NaN, which start with a letter.
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// The number that a text which is none most likely stands for: ` 70 ` and `70%` → `70`, `0,5` and `500m` → `0.5`.
fn near_number(text: &str) -> Option<String> {
    let bare = text.trim().trim_end_matches('%').trim_end();
    if is_number(bare) {
        return Some(bare.into());
    }
    let near = Quantity::parse(bare).or_else(|| Quantity::parse(&Quantity::suggest(bare)?))?;
    Some(near.plain())
}
