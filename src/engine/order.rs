//! The order of findings: that of the schema's fields, then list index, then key; the same whoever reads.

use std::cmp::Ordering;

use super::finding::{Finding, Path, Segment};
use super::schema::Shape;
use super::subject::Kind;

/// The fields of an object before its spec, in the order in which people write them.
const TOP: &[&str] = &["apiVersion", "kind", "metadata", "spec"];

/// Compares two findings of one object.
pub(super) fn compare(kind: Kind, a: &Finding, b: &Finding) -> Ordering {
    let (Some(first_a), Some(first_b)) = (a.path.0.first(), b.path.0.first()) else {
        return a.path.0.len().cmp(&b.path.0.len());
    };
    match rank(TOP.iter().copied(), first_a).cmp(&rank(TOP.iter().copied(), first_b)) {
        Ordering::Equal if is_spec(&a.path) => below(Some(Shape::of_spec(kind)), rest(&a.path), rest(&b.path)),
        order => order,
    }
}

/// Compares two findings of one document whose fields are those of a shape.
pub(super) fn by_shape(shape: &Shape, a: &Finding, b: &Finding) -> Ordering {
    below(Some(shape), &a.path.0, &b.path.0)
}

fn is_spec(path: &Path) -> bool {
    matches!(path.0.first(), Some(Segment::Field(name)) if name.as_ref() == "spec")
}

fn rest(path: &Path) -> &[Segment] {
    path.0.get(1..).unwrap_or_default()
}

fn below(shape: Option<&Shape>, a: &[Segment], b: &[Segment]) -> Ordering {
    let (Some((a, rest_a)), Some((b, rest_b))) = (a.split_first(), b.split_first()) else {
        return a.len().cmp(&b.len());
    };
    let fields = shape.map(Shape::fields).unwrap_or_default();
    let names = || fields.iter().map(|field| field.name.as_str());
    let order = match (a, b) {
        (Segment::Index(a), Segment::Index(b)) => a.cmp(b),
        (a, b) => rank(names(), a).cmp(&rank(names(), b)),
    };
    let inner = || match (a, shape) {
        (Segment::Field(name), _) => fields.iter().find(|field| field.name == name.as_ref()).map(|field| &field.shape),
        (Segment::Index(_), Some(Shape::List { item, .. })) => Some(item.as_ref()),
        _ => None,
    };
    order.then_with(|| below(inner(), rest_a, rest_b))
}

/// Known fields by position, all others after them by name.
fn rank<'n>(mut known: impl Iterator<Item = &'n str>, segment: &Segment) -> (usize, &str) {
    match segment {
        Segment::Field(name) | Segment::Key(name) => match known.position(|known| known == name.as_ref()) {
            Some(position) => (position, ""),
            None => (usize::MAX, name),
        },
        Segment::Index(_) => (usize::MAX, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::finding::At;
    use crate::engine::finding::rules::OB001;

    #[test]
    fn follows_the_schema_then_the_index_then_the_name() {
        let root = At::root();
        let spec = root.field("spec");
        let offloading = spec.field("offloadingConfig");
        let metrics = offloading.field("metrics");
        let (second, tenth) = (metrics.index(2), metrics.index(10));
        let backend = offloading.field("remoteBackend");
        let headers = backend.field("headersToAdd");
        let metadata = root.field("metadata");
        let policies = spec.field("policies");
        let policy = policies.index(0);
        let expected = [
            root.field("kind"),
            metadata.field("name"),
            spec.field("model"),
            spec.field("environment"),
            spec.field("serviceRef"),
            policies,
            policy.field("name"),
            second.field("type"),
            second.field("resource"),
            tenth.field("type"),
            headers.key("A"),
            headers.key("b"),
            backend.field("authConfig"),
            backend.field("zzz"),
            spec.field("unknown"),
        ];
        let mut findings: Vec<_> = expected.iter().map(|at| Finding::new(&OB001, at, "")).collect();
        findings.reverse();
        findings.sort_by(|a, b| compare(Kind::ModelDeployment, a, b));
        let sorted: Vec<_> = findings.iter().map(|finding| finding.path.to_string()).collect();
        let expected: Vec<_> = expected.iter().map(|at| at.path().to_string()).collect();
        assert_eq!(sorted, expected);
    }
}
