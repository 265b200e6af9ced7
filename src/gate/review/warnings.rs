//! Warnings within the limits of the API server: beyond 256 characters it cuts one, beyond 4,096 in all it cuts and drops the
//! others, and one with a control character vanishes whole.

use crate::engine::finding::{Finding, Findings, Severity, escaped};

/// The longest warning, in characters.
const MAX_WARNING: usize = 256;

/// The longest all warnings may be together, in bytes.
const MAX_ALL: usize = 4000;

/// What is kept free for the last line, which counts the rest.
const COUNT_LINE: usize = 64;

/// The warnings of an object, one a line; the last one counts what had no room.
pub(super) fn lines(findings: &Findings) -> Vec<String> {
    let kept = findings.of(Severity::Warning).count();
    // Of those that were not kept, the errors beyond the kept errors are no warnings.
    let dropped_errors = findings.errors().saturating_sub(findings.of(Severity::Error).count());
    let total = kept + findings.more().saturating_sub(dropped_errors);
    let mut out = Vec::new();
    let mut size = 0;
    for finding in findings.of(Severity::Warning) {
        let line = line(finding);
        let room = if out.len() + 1 == total { MAX_ALL } else { MAX_ALL - COUNT_LINE };
        if size + line.len() > room {
            break;
        }
        size += line.len();
        out.push(line);
    }
    let more = total.saturating_sub(out.len());
    if more > 0 {
        out.push(format!("{more} more warning{}", if more == 1 { "" } else { "s" }));
    }
    out
}

/// One warning; if it is cut, then before its code, by which the whole can be looked up.
fn line(finding: &Finding) -> String {
    let mut text = escaped(&finding.to_string()).to_string();
    if text.chars().count() > MAX_WARNING {
        let code = format!("… [{}]", finding.rule.code);
        let keep = MAX_WARNING.saturating_sub(code.chars().count());
        let end = text.char_indices().nth(keep).map_or(text.len(), |(end, _)| end);
        text.truncate(end);
        text.push_str(&code);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::finding::At;
    use crate::engine::finding::rules::{OB002, OB003};

    fn warnings(messages: impl IntoIterator<Item = String>) -> Findings {
        let mut findings = Findings::default();
        for message in messages {
            let mut finding = Finding::new(&OB003, &At::root().field("spec"), message);
            finding.severity = Severity::Warning;
            findings.add(finding);
        }
        findings
    }

    #[test]
    fn errors_are_no_warnings() {
        let mut findings = warnings(["odd".to_owned()]);
        findings.add(Finding::new(&OB002, &At::root().field("spec"), ""));
        assert_eq!(lines(&findings), ["spec: Unsupported value: odd [OB003]"]);
    }

    #[test]
    fn a_long_one_is_cut_before_its_code_and_a_control_character_shown() {
        let lines = lines(&warnings([format!("a\nb\u{7f}{}", "é".repeat(400))]));
        assert_eq!(lines[0].chars().count(), 256);
        assert!(lines[0].ends_with("é… [OB003]"), "{}", lines[0]);
        assert!(lines[0].contains("a\\u{a}b\\u{7f}"));
        assert!(!lines[0].chars().any(char::is_control));
    }

    #[test]
    fn together_they_stay_below_what_the_api_server_takes() {
        for (count, length) in [(30, 200), (16, 230), (1000, 3), (5000, 10), (50, 1000)] {
            let lines = lines(&warnings((0..count).map(|_| "é".repeat(length))));
            let size: usize = lines.iter().map(String::len).sum();
            assert!(size <= MAX_ALL, "{count} of {length}: {size}");
            let last = lines.last().unwrap();
            let told: usize = last.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(told + lines.len() - 1, count, "{last}");
        }
    }
}
