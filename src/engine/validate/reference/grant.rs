//! References into other namespaces: whether the other namespace grants them.
//!
//! The operator may read and route Services everywhere. If a reference could cross namespaces freely, anyone could send another
//! team's traffic to a host of their own.

use crate::api::{AUTHORIZATION_GROUP, DEPLOYMENT_GROUP};
use crate::engine::configuration::Answer;
use crate::engine::finding::rules::RF003;
use crate::engine::finding::{At, Finding, Findings, Severity, quoted};
use crate::engine::parse::Node;
use crate::engine::subject::{Reading, Surroundings};
use crate::engine::world::{Lookup, Name};

/// Whether a reference reaches its object: it stays in its own namespace, or somebody granted it.
pub(in crate::engine) fn reaches(node: &Node<'_>, kind: &str, surroundings: &Surroundings<'_>) -> bool {
    matches!(look(node, kind, surroundings), Lookup::Found(()))
}

fn look(node: &Node<'_>, kind: &str, surroundings: &Surroundings<'_>) -> Lookup<()> {
    let Some(namespace) = elsewhere(node, surroundings) else { return Lookup::Found(()) };
    let to = Name::new(namespace, node.text_of("name").unwrap_or_default());
    surroundings.world.granted(surroundings.namespace, group(kind), kind, &to)
}

/// The namespace that is named, if it is another one.
pub(super) fn elsewhere<'n>(node: &'n Node<'_>, surroundings: &Surroundings<'_>) -> Option<&'n str> {
    node.text_of("namespace").filter(|text| !text.is_empty() && *text != surroundings.namespace)
}

/// Judges a reference into another namespace; `kind` in words if it is none.
pub(super) fn granted(
    out: &mut Findings,
    at: &At<'_>,
    node: &Node<'_>,
    kind: &str,
    surroundings: &Surroundings<'_>,
    reading: Reading,
) {
    let Some(namespace) = elsewhere(node, surroundings) else { return };
    let found = look(node, kind, surroundings);
    if found == Lookup::Found(()) {
        return;
    }
    let (own, there) = (quoted(surroundings.namespace), quoted(namespace));
    let message = format!("namespace {there} does not grant ModelDeployments of namespace {own} the use of its {kind}");
    let (message, hint) = match found {
        Lookup::Unknown => (format!("{message}: ReferenceGrants cannot be looked up here"), None),
        _ => (message, Some(remedy(namespace, kind, node.text_of("name"), surroundings))),
    };
    let mut finding = Finding::new(&RF003, &at.field("namespace"), message).value(namespace).maybe_hint(hint);
    finding = finding.related(&at.field("name")).related(&at.field("kind"));
    // In files the grant can stand beside the object: there a missing one is a fault.
    if reading == Reading::Review && surroundings.configuration.missing_grant == Answer::Warn {
        finding.severity = Severity::Warning;
    }
    out.add(finding);
}

/// The grant that is missing.
fn remedy(namespace: &str, kind: &str, name: Option<&str>, surroundings: &Surroundings<'_>) -> String {
    let name =
        name.filter(|name| !name.is_empty()).map_or_else(String::new, |name| format!(", name: {}", quoted(name)));
    format!(
        "a ReferenceGrant in namespace {} with from: [{{group: {DEPLOYMENT_GROUP}, kind: ModelDeployment, namespace: {}}}] and \
         to: [{{group: {}, kind: {kind}{name}}}] grants it",
        quoted(namespace),
        quoted(surroundings.namespace),
        quoted(group(kind)),
    )
}

fn group(kind: &str) -> &'static str {
    match kind {
        "Service" => "",
        "Policy" => AUTHORIZATION_GROUP,
        _ => "apps",
    }
}
