//! What an object refers to and nobody could look up.

use std::collections::HashSet;

use crate::engine::configuration::EnvironmentPolicy;
use crate::engine::finding::{At, Finding, Path, Severity};
use crate::engine::parse::Node;
use crate::engine::subject::{Kind, Surroundings};
use crate::engine::world::{Lookup, Name, Workload};

/// Another object, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Reference {
    /// Its kind; `remotePolicy` for a policy on Beamlit, which is no object of the cluster.
    pub kind: String,
    /// Its namespace, that of the object which refers to it unless another one is named; empty for a policy on Beamlit.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// How many policies of one object are looked at: one can name a million.
const MAX_POLICIES: usize = 10_000;

/// The references of an object that has its defaults and of which nobody knows whether they lead anywhere, each once. One that is
/// at fault itself is a finding, and not unknown.
pub(super) fn unknown(
    kind: Kind,
    object: &Node<'_>,
    surroundings: &Surroundings<'_>,
    findings: &[Finding],
) -> Vec<Reference> {
    let Some(spec) = object.get("spec").filter(|_| kind == Kind::ModelDeployment) else { return Vec::new() };
    let root = At::root();
    let at = root.field("spec");
    let world = surroundings.world;
    let mut out = Unknown { list: Vec::new(), listed: HashSet::new(), findings, namespace: surroundings.namespace };
    if let Some(node) = spec.get("modelSourceRef") {
        let kind = node.text_of("kind").unwrap_or("Deployment");
        let known = |name: &Name| Workload::of(kind).is_some_and(|kind| world.workload(kind, name) != Lookup::Unknown);
        out.add(&at.field("modelSourceRef"), node, kind, known);
    }
    for field in ["serviceRef", "metricServiceRef"] {
        if let Some(node) = spec.get(field) {
            out.add(&at.field(field), node, "Service", |name| world.service(name) != Lookup::Unknown);
        }
    }
    let at = at.field("policies");
    let policies = spec.get("policies").map(Node::items).unwrap_or_default().iter().enumerate();
    for (index, node) in policies.take(MAX_POLICIES) {
        let at = at.index(index);
        match node.text_of("refType") {
            Some("localPolicy") => out.add(&at, node, "Policy", |name| world.policy(name) != Lookup::Unknown),
            Some("remotePolicy") => out.remote(&at, node, surroundings),
            None if node.get("refType").is_none() => out.remote(&at, node, surroundings),
            _ => {}
        }
    }
    let environment = spec.text_of("environment").unwrap_or_default();
    for policy in surroundings.configuration.policies_of(environment) {
        match policy {
            EnvironmentPolicy::Remote(name) => {
                if world.remote_policy(name) == Lookup::Unknown {
                    out.push("remotePolicy", "", name);
                }
            }
            EnvironmentPolicy::Local { namespace, name } => {
                if !matches!(world.policy(&Name::new(namespace, name)), Lookup::Found(_)) {
                    out.push("Policy", namespace, name);
                }
            }
        }
    }
    out.list
}

struct Unknown<'a> {
    list: Vec<Reference>,
    listed: HashSet<Reference>,
    findings: &'a [Finding],
    namespace: &'a str,
}

impl Unknown<'_> {
    fn add(&mut self, at: &At<'_>, node: &Node<'_>, kind: &str, known: impl FnOnce(&Name) -> bool) {
        let Some(name) = self.sound(at, node) else { return };
        let namespace = node.text_of("namespace").unwrap_or(self.namespace);
        if !known(&Name::new(namespace, name)) {
            self.push(kind, namespace, name);
        }
    }

    fn remote(&mut self, at: &At<'_>, node: &Node<'_>, surroundings: &Surroundings<'_>) {
        if let Some(name) = self.sound(at, node)
            && surroundings.world.remote_policy(name) == Lookup::Unknown
        {
            self.push("remotePolicy", "", name);
        }
    }

    /// The name, if there is no fault in the reference.
    fn sound<'n>(&self, at: &At<'_>, node: &'n Node<'_>) -> Option<&'n str> {
        let path = at.path();
        let at_fault = |finding: &Finding| finding.severity == Severity::Error && is_within(&finding.path, &path);
        node.text_of("name").filter(|_| !self.findings.iter().any(at_fault))
    }

    fn push(&mut self, kind: &str, namespace: &str, name: &str) {
        let found = Reference { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() };
        if self.listed.insert(found.clone()) {
            self.list.push(found);
        }
    }
}

fn is_within(path: &Path, outer: &Path) -> bool {
    path.0.starts_with(&outer.0)
}
