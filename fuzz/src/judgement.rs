//! The whole judgement: bytes to findings, of both kinds, by the webhook and by `check`, on new objects and on updates.

use beamlit_operator::engine::finding::{Finding, Findings, Severity};
use beamlit_operator::engine::parse::{JsonLimits, Node, documents, from_json};
use beamlit_operator::engine::{self, Kind, Reading, defaults};

use crate::findings::{is_shared, judge, sound, texts};
use crate::{hints, schema, secrets, tree};

/// Reads one document, or two of which the second is the object that was stored before, and judges it in every way there is.
pub fn judgement(data: &[u8]) {
    let mut objects = read(data).into_iter();
    let Some(object) = objects.next() else { return };
    let old = objects.next();
    for kind in kinds(&object) {
        let mut object = object.clone();
        defaults::apply(kind, &mut object);
        let findings = judge(kind, &object, Reading::Review);
        sound(&findings, kind, &object);
        let in_file = judge(kind, &object, Reading::File);
        sound(&in_file, kind, &object);
        if in_file.more() == 0 {
            let shared: Vec<&Finding> = in_file.list().iter().filter(|finding| is_shared(finding)).collect();
            assert_eq!(texts(shared), texts(findings.list()), "check and webhook differ");
        }
        update_of_itself(kind, &object, &findings);
        if let Some(old) = &old {
            update(kind, &object, old, &findings);
        }
        if !tree::has_duplicates(&object) {
            in_another_form(kind, &object, &findings);
            secrets::are_not_told(kind, &object);
            hints::are_right(kind, &object, &in_file);
        }
    }
}

fn read(data: &[u8]) -> Vec<Node<'_>> {
    match from_json(data, JsonLimits::UniqueKeys) {
        Ok(node) => vec![node],
        Err(_) => documents(data).take(2).filter_map(|document| document.content.ok()).collect(),
    }
}

/// The kind that the object names, or both.
fn kinds(object: &Node<'_>) -> Vec<Kind> {
    let named = object.text_of("kind");
    match Kind::ALL.into_iter().find(|kind| Some(kind.name()) == named) {
        Some(kind) => vec![kind],
        None => Kind::ALL.to_vec(),
    }
}

/// The order of members, nulls, and members that nobody knows change nothing; the schema is that of the CRD.
fn in_another_form(kind: Kind, object: &Node<'_>, findings: &Findings) {
    let mut other = object.clone();
    tree::reverse(&mut other);
    same(findings, &judge(kind, &other, Reading::Review), "in another order");
    let mut other = object.clone();
    tree::drop_nulls(&mut other);
    same(findings, &judge(kind, &other, Reading::Review), "without nulls");
    if let Some(json) = tree::json(object)
        && findings.more() == 0
    {
        let by_schema = findings.of(Severity::Error).any(|finding| finding.schema);
        let told = texts(findings.list());
        assert_eq!(by_schema, schema::refuses(kind, &json), "not what the CRD's schema says: {told:#?}");
    }
}

fn same(one: &Findings, other: &Findings, how: &str) {
    assert_eq!(texts(one.list()), texts(other.list()), "{how}");
    assert_eq!((one.errors(), one.more()), (other.errors(), other.more()), "{how}");
}

/// What is stored already refuses nothing: every fault of it is old.
fn update_of_itself(kind: Kind, object: &Node<'_>, findings: &Findings) {
    let updated = engine::judge_update(kind, object, &mut object.clone(), &crate::surroundings());
    softened(findings, &updated);
    if findings.more() == 0 {
        let told = texts(updated.list());
        assert!(!updated.refuse(), "an old fault refuses: {told:#?}");
    }
}

fn update(kind: Kind, object: &Node<'_>, old: &Node<'_>, findings: &Findings) {
    let mut stored = old.clone();
    let updated = engine::judge_update(kind, object, &mut stored, &crate::surroundings());
    softened(findings, &updated);
    defaults::apply(kind, &mut stored);
    let before = judge(kind, &stored, Reading::Review);
    // Each fault of the old object excuses one of the new.
    let of_rule = |findings: &Findings, code: &str, severity: Option<Severity>| {
        let counts = |finding: &&Finding| finding.rule.code == code && severity.is_none_or(|s| s == finding.severity);
        findings.list().iter().filter(counts).count()
    };
    for finding in findings.list() {
        let code = finding.rule.code;
        let errors = |findings: &Findings| of_rule(findings, code, Some(Severity::Error));
        let excused = errors(findings) - errors(&updated);
        assert!(excused <= of_rule(&before, code, None), "{code}: {excused} excused");
    }
}

/// An update changes nothing but severities, and those from error to warning.
fn softened(new: &Findings, updated: &Findings) {
    assert_eq!(new.list().len(), updated.list().len());
    assert_eq!(new.more(), updated.more());
    for (new, updated) in new.list().iter().zip(updated.list()) {
        let mut restored = updated.clone();
        if new.severity == Severity::Error {
            restored.severity = Severity::Error;
        }
        assert_eq!(*new, restored);
    }
}
