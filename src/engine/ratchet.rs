//! The ratchet: a fault that the stored object had already is remarked on, and only a new one refuses an update.
//!
//! Otherwise a rule that came later, or a policy that changed, would lock people out of objects they have.

use super::finding::{Finding, Findings, Path, Segment};
use super::parse::Node;

/// Softens every error of `new` that `old` had with an equal value at its path. Items of lists are matched by value, for
/// they move; each fault of the old object excuses one of the new.
pub(super) fn soften(findings: &mut Findings, new: &Node<'_>, old_findings: &Findings, old: &Node<'_>) {
    let mut excuses: Vec<Option<&Finding>> = old_findings.list().iter().map(Some).collect();
    findings.soften(|finding| {
        let excuse = excuses.iter_mut().find(|excuse| {
            excuse.is_some_and(|excuse| {
                excuse.rule == finding.rule
                    && same(&finding.path, new, &excuse.path, old)
                    && same_related(finding, new, excuse, old)
            })
        });
        excuse.and_then(Option::take).is_some()
    });
}

fn same_related(finding: &Finding, new: &Node<'_>, excuse: &Finding, old: &Node<'_>) -> bool {
    finding.related.len() == excuse.related.len()
        && finding.related.iter().zip(&excuse.related).all(|(a, b)| same(a, new, b, old))
}

/// Whether two paths lead through the same fields to equal values. Where there is no value (something required is absent)
/// the list item around it must be equal, or else the old object's item would excuse any other.
fn same(path: &Path, new: &Node<'_>, old_path: &Path, old: &Node<'_>) -> bool {
    let alike = path.0.len() == old_path.0.len()
        && path.0.iter().zip(&old_path.0).all(|(a, b)| match (a, b) {
            (Segment::Index(_), Segment::Index(_)) => true,
            (a, b) => a == b,
        });
    if !alike {
        return false;
    }
    match (at(new, &path.0), at(old, &old_path.0)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => match path.0.iter().rposition(|segment| matches!(segment, Segment::Index(_))) {
            Some(item) => {
                at(new, path.0.get(..=item).unwrap_or_default()) == at(old, old_path.0.get(..=item).unwrap_or_default())
            }
            None => true,
        },
        _ => false,
    }
}

fn at<'n, 'a>(object: &'n Node<'a>, path: &[Segment]) -> Option<&'n Node<'a>> {
    path.iter().try_fold(object, |node, segment| match segment {
        Segment::Field(name) | Segment::Key(name) => node.get(name),
        Segment::Index(index) => node.items().get(*index),
    })
}
