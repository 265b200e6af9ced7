//! What must hold of any findings, whoever found them.

use std::collections::HashSet;

use beamlit_operator::engine::finding::rules::Reported;
use beamlit_operator::engine::finding::{Finding, Findings, MAX_FINDINGS, Segment, Severity, is_unprintable};
use beamlit_operator::engine::parse::Node;
use beamlit_operator::engine::{self, Kind, Reading};

use crate::{schema, tree};

/// Judges an object that has its defaults.
pub(crate) fn judge(kind: Kind, object: &Node<'_>, reading: Reading) -> Findings {
    engine::judge(kind, object, &crate::surroundings(), reading)
}

/// The longest a finding may be without its path, in bytes: 4,000 of message, an ellipsis and a code.
const MAX_DETAIL: usize = 4000 + "… [OB000]".len();

/// The findings as people read them.
pub(crate) fn texts<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<String> {
    findings.into_iter().map(|finding| format!("{:?} {finding}", finding.severity)).collect()
}

/// Holds the findings of a spec to their form, their order and their places.
pub(crate) fn sound(findings: &Findings, kind: Kind, object: &Node<'_>) {
    let list = findings.list();
    counted(findings);
    for finding in list {
        in_form(finding);
        assert_eq!(finding.path.0.first(), Some(&Segment::Field("spec".into())), "outside of the spec: {finding}");
        for path in std::iter::once(&finding.path).chain(&finding.related) {
            let above = tree::parent(path);
            assert!(tree::at(object, above).is_some(), "{path} leads nowhere: {finding}");
        }
    }
    for pair in list.windows(2) {
        let order = schema::compare(kind, &pair[0].path, &pair[1].path);
        assert!(order.is_le(), "not in the order of the schema: {} and then {}", pair[0], pair[1]);
    }
    each_once(list);
}

/// Holds the sums to the list.
fn counted(findings: &Findings) {
    let kept = |severity| findings.of(severity).count();
    let (errors, warnings) = (kept(Severity::Error), kept(Severity::Warning));
    assert!(errors <= MAX_FINDINGS && warnings <= MAX_FINDINGS, "{errors} errors, {warnings} warnings");
    assert_eq!(findings.list().len(), errors + warnings);
    assert!(findings.errors() >= errors);
    assert_eq!(findings.refuse(), findings.errors() > 0);
    if findings.more() == 0 {
        assert_eq!(findings.errors(), errors);
    } else {
        assert!(errors == MAX_FINDINGS || warnings == MAX_FINDINGS, "{} were dropped early", findings.more());
    }
}

/// Holds one finding to its form: on one line, of bounded length, with nothing in it that people do not see.
pub(crate) fn in_form(finding: &Finding) {
    let text = finding.to_string();
    assert!(!text.chars().any(is_unprintable), "a character that nobody sees in {text:?}");
    let detail = finding.detail();
    assert!(detail.len() <= MAX_DETAIL, "{} bytes: {detail}", detail.len());
    assert!(detail.ends_with(&format!(" [{}]", finding.rule.code)), "{detail}");
    let words = finding.rule.kind.words();
    assert!(detail.starts_with(words), "{detail}");
    let empty = |text: &Option<String>| text.as_deref() == Some("");
    assert!(!empty(&finding.value) && !empty(&finding.hint), "an empty part: {detail}");
    assert_eq!(finding.message.trim(), finding.message, "space around the message of {detail:?}");
}

/// One fault is one finding. Two keys that look like URLs may be told by the same words, their credentials being left out.
pub(crate) fn each_once<'f>(findings: impl IntoIterator<Item = &'f Finding>) {
    let mut seen = HashSet::new();
    for finding in findings {
        assert!(seen.insert((finding.path.0.as_slice(), finding.detail())), "told twice: {finding}");
    }
}

/// Whether the webhook reports it as well.
pub(crate) fn is_shared(finding: &Finding) -> bool {
    finding.rule.reported == Reported::Everywhere
}
