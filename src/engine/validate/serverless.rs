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
    if bare.parse::<f64>().is_ok() {
        return is_number(bare).then(|| bare.into());
    }
    let near = Quantity::parse(bare).or_else(|| Quantity::parse(&Quantity::suggest(bare)?))?;
    Some(near.plain())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::engine::finding::Severity::{self, Error, Warning};
    use crate::engine::validate::testing::{found, texts};

    /// Each row: what is set, and the code, severity, field and value of every finding in it.
    type Row = (serde_json::Value, &'static [(&'static str, Severity, &'static str, &'static str)]);

    #[test]
    fn replica_counts() {
        let rows: [Row; 16] = [
            (json!({}), &[]),
            (json!({"minNumReplicas": 1}), &[]),
            (json!({"minNumReplicas": 1, "maxNumReplicas": 1}), &[]),
            (json!({"minNumReplicas": 1, "maxNumReplicas": 0}), &[("MD020", Error, "minNumReplicas", "1")]),
            (
                json!({"minNumReplicas": 5, "maxNumReplicas": 3}),
                &[("MD020", Error, "minNumReplicas", "5"), ("MD021", Warning, "minNumReplicas", "5")],
            ),
            // Absent, the most is 10.
            (json!({"minNumReplicas": 10}), &[("MD021", Warning, "minNumReplicas", "10")]),
            (
                json!({"minNumReplicas": 11}),
                &[("MD020", Error, "minNumReplicas", "11"), ("MD021", Warning, "minNumReplicas", "11")],
            ),
            (json!({"scaleUpMinimum": 10}), &[]),
            (json!({"scaleUpMinimum": 11}), &[("MD022", Warning, "scaleUpMinimum", "11")]),
            (json!({"scaleUpMinimum": 3, "maxNumReplicas": 2}), &[("MD022", Warning, "scaleUpMinimum", "3")]),
            // A count that is faulty by itself is not compared.
            (
                json!({"minNumReplicas": -1, "maxNumReplicas": -2}),
                &[("OB004", Error, "minNumReplicas", "-1"), ("OB004", Error, "maxNumReplicas", "-2")],
            ),
            (json!({"minNumReplicas": 1, "maxNumReplicas": -2}), &[("OB004", Error, "maxNumReplicas", "-2")]),
            (json!({"scaleUpMinimum": 1, "maxNumReplicas": 0}), &[("OB004", Error, "scaleUpMinimum", "1")]),
            (json!({"minNumReplicas": 1, "maxNumReplicas": "0"}), &[("OB001", Error, "maxNumReplicas", "")]),
            (json!({"minNumReplicas": 3_000_000_000_i64}), &[("OB004", Error, "minNumReplicas", "3000000000")]),
            (json!({"minNumReplicas": 1.0, "maxNumReplicas": 0.0}), &[("MD020", Error, "minNumReplicas", "1")]),
        ];
        for (config, expected) in rows {
            let findings = found("serverlessConfig", config.clone());
            let findings: Vec<_> = findings
                .iter()
                .map(|finding| {
                    let path = finding.path.to_string();
                    let value = finding.value.clone().unwrap_or_default();
                    (finding.rule.code, finding.severity, path.replace("spec.serverlessConfig.", ""), value)
                })
                .collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(code, severity, path, value)| (*code, *severity, (*path).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(findings, expected, "{config}");
        }
    }

    #[test]
    fn a_comparison_names_the_other_side() {
        let findings = found("serverlessConfig", json!({"minNumReplicas": 1, "maxNumReplicas": 0}));
        assert_eq!(findings[0].related[0].to_string(), "spec.serverlessConfig.maxNumReplicas");
        assert_eq!(
            texts(&findings),
            [
                "spec.serverlessConfig.minNumReplicas: Invalid value: 1: must not be above maxNumReplicas, which is 0 [MD020]"
            ]
        );
    }

    #[test]
    fn durations() {
        for field in ["scaleDownDelay", "stableWindow", "lastPodRetentionPeriod"] {
            for good in ["0s", "30s", "5m", "1h30m", "1.5h", "300ms", "+5m", "-0s", "8760h"] {
                assert_eq!(texts(&found("serverlessConfig", json!({field: good}))), [""; 0], "{good}");
            }
            for (bad, message) in [
                ("1d", r#"has an unknown unit "d"; units are ns, us, ms, s, m and h; did you mean "24h"?"#),
                ("5min", r#"has an unknown unit "min"; units are ns, us, ms, s, m and h; did you mean "5m"?"#),
                ("60", r#"has no unit; units are ns, us, ms, s, m and h; did you mean "60s"?"#),
                ("0", r#"has no unit; units are ns, us, ms, s, m and h; did you mean "0s"?"#),
                ("PT5M", r#"is not a duration such as 30s, 5m or 1h30m; did you mean "5m"?"#),
                ("", "is not a duration such as 30s, 5m or 1h30m"),
                ("soon", "is not a duration such as 30s, 5m or 1h30m"),
                ("-5m", "must not be negative"),
            ] {
                let expected = format!("spec.serverlessConfig.{field}: Invalid value: {bad:?}: {message} [MD023]");
                assert_eq!(texts(&found("serverlessConfig", json!({field: bad}))), [expected]);
            }
        }
    }

    #[test]
    fn targets() {
        for good in ["70", "0", "0.5", "-1", "+1", "1e3", ".5"] {
            assert_eq!(texts(&found("serverlessConfig", json!({"target": good}))), [""; 0], "{good}");
        }
        for (bad, hint) in [
            ("70%", r#"; did you mean "70"?"#),
            (" 70 ", r#"; did you mean "70"?"#),
            ("0,5", r#"; did you mean "0.5"?"#),
            ("500m", r#"; did you mean "0.5"?"#),
            ("2 k", r#"; did you mean "2000"?"#),
            ("", ""),
            ("NaN", ""),
            ("inf", ""),
            ("-infinity", ""),
            ("1e400", ""),
            ("0x10", ""),
            ("many", ""),
        ] {
            let expected = format!(
                "spec.serverlessConfig.target: Invalid value: {bad:?}: must be a number in a string, such as \"70\"{hint} [MD024]"
            );
            assert_eq!(texts(&found("serverlessConfig", json!({"target": bad}))), [expected]);
        }
    }
}
