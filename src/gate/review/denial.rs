//! A denial in the form that kubectl prints as its own: 422 with causes, and the same once more as one complete message,
//! which is what it prints when two objects fail in one call.

use std::fmt::{self, Write as _};

use super::response::{Cause, Details, Status};
use crate::engine::Kind;
use crate::engine::finding::{Finding, Findings, Severity, escaped};

/// How many findings become causes of their own.
const MAX_CAUSES: usize = 10;

/// The longest message in bytes. Beyond it the rest is counted.
const MAX_MESSAGE: usize = 32 * 1024;

/// The status of an object that breaks rules.
pub(super) fn status(kind: Kind, name: &str, findings: &Findings) -> Status {
    let name = printable(name, 253).to_string();
    Status {
        status: "Failure",
        message: message(kind, &name, findings),
        reason: "Invalid",
        details: Some(Details {
            causes: causes(findings),
            name,
            group: kind.group(),
            kind: kind.name(),
            retry_after_seconds: None,
        }),
        code: 422,
    }
}

/// A user's text on one line, cut after `most` characters.
pub(crate) fn printable(text: &str, most: usize) -> impl fmt::Display + '_ {
    // No text has more characters than bytes.
    let cut = if text.len() > most { text.char_indices().nth(most).map(|(end, _)| end) } else { None };
    let kept = escaped(cut.and_then(|end| text.get(..end)).unwrap_or(text));
    fmt::from_fn(move |f| write!(f, "{kept}{}", if cut.is_some() { "…" } else { "" }))
}

fn field(finding: &Finding) -> String {
    // A cause without a field would be printed as if it spoke of something else.
    if finding.path.0.is_empty() { "spec".to_owned() } else { finding.path.to_string() }
}

fn causes(findings: &Findings) -> Vec<Cause> {
    let mut causes: Vec<Cause> = findings
        .of(Severity::Error)
        .take(MAX_CAUSES)
        .map(|finding| Cause {
            reason: finding.rule.kind.reason(),
            message: escaped(&finding.detail()).to_string(),
            field: field(finding),
        })
        .collect();
    let more = findings.errors().saturating_sub(causes.len());
    if more > 0 {
        causes.push(Cause { reason: "FieldValueInvalid", message: others(more), field: "spec".to_owned() });
    }
    causes
}

fn others(more: usize) -> String {
    format!("{more} more fault{}; `beamlit-operator check` lists every one", if more == 1 { "" } else { "s" })
}

fn message(kind: Kind, name: &str, findings: &Findings) -> String {
    let mut out = format!("{}.{} \"{name}\" is invalid:", kind.name(), kind.group());
    let mut shown = 0;
    for finding in findings.of(Severity::Error) {
        let line = format!("{}: {}", field(finding), escaped(&finding.detail()));
        if out.len() + line.len() > MAX_MESSAGE {
            break;
        }
        _ = write!(out, "\n* {line}");
        shown += 1;
    }
    let more = findings.errors().saturating_sub(shown);
    if more > 0 {
        _ = write!(out, "\n* {}", others(more));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::finding::At;
    use crate::engine::finding::rules::{OB002, OB003};

    fn many(count: usize, message: &str) -> Findings {
        let mut findings = Findings::default();
        let root = At::root();
        let spec = root.field("spec");
        let list = spec.field("policies");
        for index in 0..count {
            findings.add(Finding::new(&OB003, &list.index(index), message).value("uk"));
        }
        findings
    }

    #[test]
    fn every_fault_is_a_cause_and_a_line() {
        let status = status(Kind::Policy, "p", &many(2, "no such place"));
        insta::assert_snapshot!(status.message, @r#"
        Policy.authorization.beamlit.com "p" is invalid:
        * spec.policies[0]: Unsupported value: "uk": no such place [OB003]
        * spec.policies[1]: Unsupported value: "uk": no such place [OB003]
        "#);
        let details = status.details.unwrap();
        assert_eq!((details.group, details.kind, details.name.as_str()), ("authorization.beamlit.com", "Policy", "p"));
        assert_eq!(details.causes[1].field, "spec.policies[1]");
        assert_eq!(details.causes[1].reason, "FieldValueNotSupported");
        assert_eq!(details.causes[1].message, "Unsupported value: \"uk\": no such place [OB003]");
        assert_eq!((status.code, status.reason, status.status), (422, "Invalid", "Failure"));
    }

    #[test]
    fn the_causes_beyond_the_tenth_are_counted() {
        assert_eq!(causes(&many(10, "")).len(), 10);
        let causes = causes(&many(12, ""));
        assert_eq!(causes.len(), 11);
        assert_eq!(causes[10].message, "2 more faults; `beamlit-operator check` lists every one");
        assert_eq!(causes[10].field, "spec");
    }

    #[test]
    fn findings_that_were_only_counted_count() {
        let status = status(Kind::Policy, "p", &many(5000, ""));
        assert!(status.details.unwrap().causes[10].message.starts_with("4990 more faults"));
    }

    #[test]
    fn a_message_is_bounded_and_says_what_it_left_out() {
        let status = status(Kind::Policy, "p", &many(100, &"long ".repeat(700)));
        assert!(status.message.len() < MAX_MESSAGE + 100);
        assert!(
            status.message.ends_with("more faults; `beamlit-operator check` lists every one"),
            "{}",
            status.message
        );
    }

    #[test]
    fn a_name_cannot_forge_a_line() {
        let name = format!("a\n* spec: fine{}", "x".repeat(300));
        let status = status(Kind::Policy, &name, &many(1, ""));
        assert_eq!(status.message.lines().count(), 2);
        assert!(status.message.contains("a\\u{a}* spec: fine"));
        assert!(status.details.unwrap().name.ends_with('…'));
    }

    #[test]
    fn a_finding_on_the_whole_object_has_a_field() {
        let mut findings = Findings::default();
        findings.add(Finding::new(&OB002, &At::root(), ""));
        assert_eq!(causes(&findings)[0].field, "spec");
    }
}
