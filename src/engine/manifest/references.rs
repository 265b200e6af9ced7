//! What an object refers to. Nobody looks anything up among files yet, so all of it is unknown.

use crate::engine::finding::At;
use crate::engine::finding::{Finding, Path, Severity};
use crate::engine::parse::Node;
use crate::engine::subject::Kind;

/// Another object, by name.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Reference {
    /// Its kind.
    pub kind: String,
    /// Its namespace, that of the object which refers to it unless another one is named.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// The references of an object that has its defaults, each once. One that is at fault itself is a finding, and not unknown.
pub(super) fn unknown(kind: Kind, object: &Node<'_>, namespace: &str, findings: &[Finding]) -> Vec<Reference> {
    let mut out = Vec::new();
    let Some(spec) = object.get("spec").filter(|_| kind == Kind::ModelDeployment) else { return out };
    let root = At::root();
    let at = root.field("spec");
    let mut add = |at: &At<'_>, node: &Node<'_>, kind: &str| {
        let path = at.path();
        let at_fault = |finding: &Finding| finding.severity == Severity::Error && is_within(&finding.path, &path);
        let Some(name) = node.text_of("name").filter(|_| !findings.iter().any(at_fault)) else { return };
        let namespace = node.text_of("namespace").unwrap_or(namespace);
        let found = Reference { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() };
        if !out.contains(&found) {
            out.push(found);
        }
    };
    if let Some(workload) = spec.get("modelSourceRef") {
        add(&at.field("modelSourceRef"), workload, workload.text_of("kind").unwrap_or("Deployment"));
    }
    for field in ["serviceRef", "metricServiceRef"] {
        if let Some(service) = spec.get(field) {
            add(&at.field(field), service, "Service");
        }
    }
    let at = at.field("policies");
    let policies = spec.get("policies").map(Node::items).unwrap_or_default().iter().enumerate();
    let local = policies.filter(|(_, policy)| policy.text_of("refType") == Some("localPolicy"));
    // One object can name a policy a million times; what is listed of it stays small.
    for (index, policy) in local.take(1000) {
        add(&at.index(index), policy, "Policy");
    }
    out
}

fn is_within(path: &Path, outer: &Path) -> bool {
    path.0.starts_with(&outer.0)
}
