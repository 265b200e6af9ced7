//! The judgement itself: every rule in order, on a new object or on one that takes the place of another.

use super::finding::rules::{RT002, RT014, RT015, RT016};
use super::finding::{Findings, Severity};
use super::parse::Node;
use super::subject::{Kind, Reading, Surroundings};
use super::{defaults, order, ratchet, validate};

/// Judges an object that has its defaults ([`defaults::apply`]). The findings are in schema order.
#[must_use]
pub fn judge(kind: Kind, object: &Node<'_>, surroundings: &Surroundings<'_>, reading: Reading) -> Findings {
    let mut findings = validate::validate(kind, object, surroundings, reading);
    once_guarded(&mut findings);
    findings.sort_by(|a, b| order::compare(kind, a, b));
    findings
}

/// Of a host that is refused because it is never a target it does not matter where it is.
fn once_guarded(findings: &mut Findings) {
    let guarded =
        findings.of(Severity::Error).find(|finding| finding.rule == &RT002).map(|finding| finding.path.clone());
    if let Some(host) = guarded {
        let judged_by_place = [&RT014, &RT015, &RT016];
        findings.retain(|finding| finding.path != host || !judged_by_place.contains(&finding.rule));
    }
}

/// What is to be said when an object goes, which is never refused.
#[must_use]
pub fn judge_deletion(kind: Kind, surroundings: &Surroundings<'_>) -> Findings {
    match kind {
        Kind::ModelDeployment | Kind::OffloadAutoscaler => Findings::default(),
        Kind::Policy => validate::policy::deleted(surroundings),
    }
}

/// Judges an object, which has its defaults, that takes the place of another, which is as it was stored. An error that the
/// old object had already is softened to a warning; the old object gets its defaults if it must be looked at.
#[must_use]
pub fn judge_update(kind: Kind, object: &Node<'_>, old: &mut Node<'_>, surroundings: &Surroundings<'_>) -> Findings {
    let mut findings = validate::validate(kind, object, surroundings, Reading::Review);
    if findings.refuse() {
        defaults::apply(kind, old);
        let before = validate::validate(kind, old, surroundings, Reading::Review);
        ratchet::soften(&mut findings, object, &before, old, surroundings.namespace);
    }
    once_guarded(&mut findings);
    if kind == Kind::Policy {
        validate::policy::narrowed(&mut findings, object, old, surroundings);
    }
    findings.sort_by(|a, b| order::compare(kind, a, b));
    findings
}
