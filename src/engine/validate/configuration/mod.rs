//! The operator's configuration, beyond its structure: one group of fields a file.

mod backends;
mod environments;
mod hosts;
mod places;
pub(in crate::engine) mod prometheus;
mod schema;

use crate::engine::configuration::{CLUSTER_DOMAIN, Configuration};
use crate::engine::finding::rules::{CF015, CF016};
use crate::engine::finding::{At, Finding, Findings};
use crate::engine::order;
use crate::engine::parse::{Mark, Member, Node, Value};
use crate::engine::schema::Shape;
use crate::engine::subject::Surroundings;
use crate::engine::suggest;
use crate::engine::units::names;
use crate::engine::world::World;

use super::{model, remote};

/// Judges an `OperatorConfiguration`: a map, whose apiVersion and kind are right. The cluster's domain is that of the document,
/// unless another one is given. The findings are in schema order.
pub(in crate::engine) fn judge(document: &Node<'_>, cluster_domain: Option<&str>) -> Findings {
    let mut out = Findings::default();
    schema::structure(&mut out, document);
    meaning(&mut out, document, cluster_domain);
    out.sort_by(|a, b| order::by_shape(Shape::of_configuration(), a, b));
    out
}

/// The document as JSON: what is null counts as absent, and of several equal keys the last.
pub(in crate::engine) fn json(document: &Node<'_>) -> serde_json::Value {
    schema::json(document)
}

fn meaning(out: &mut Findings, document: &Node<'_>, cluster_domain: Option<&str>) {
    let root = At::root();
    workspace(out, &root.field("workspace"), document);
    domain(out, &root.field("clusterDomain"), document);
    if let Some(node) = document.get("environments") {
        environments::environments(out, &root.field("environments"), node);
    }
    let atlas = places::locations(out, &root.field("locations"), items(document, "locations"));
    backends::backends(out, &root.field("backends"), items(document, "backends"), &atlas);
    if let Some(node) = document.get("prometheus") {
        prometheus::prometheus(out, &root.field("prometheus"), node);
    }
    let written = document.text_of("clusterDomain").and_then(|text| names::dns_domain(text).ok());
    let configuration = Configuration {
        cluster_domain: cluster_domain.map(str::to_owned).or(written).unwrap_or_else(|| CLUSTER_DOMAIN.to_owned()),
        allowed_hosts: hosts::patterns(items(document, "allowedHosts")),
        ..Configuration::default()
    };
    let world = World::default();
    // It has no namespace of its own: the Services of every namespace belong to somebody else.
    let surroundings = Surroundings { namespace: "", name: "", configuration: &configuration, world: &world };
    hosts::allowed(out, &root.field("allowedHosts"), items(document, "allowedHosts"), &surroundings);
    hosts::beamlit(out, &root.field("beamlitHost"), document, &surroundings);
    if let Some(backend) = document.get("defaultRemoteBackend").filter(|backend| backend.is_map()) {
        remote::backend(out, &root.field("defaultRemoteBackend"), &with_scheme(backend), &surroundings);
    }
}

fn items<'n, 'a>(document: &'n Node<'a>, list: &str) -> &'n [Node<'a>] {
    document.get(list).map(Node::items).unwrap_or_default()
}

/// A backend with the one default that a remote backend has.
fn with_scheme<'a>(backend: &Node<'a>) -> Node<'a> {
    let mut backend = backend.clone();
    if backend.get("scheme").is_none()
        && let Value::Map(members) = &mut backend.value
    {
        let value = Node::new(Value::Text("http".into()));
        members.push(Member { key: "scheme".into(), key_at: Mark::default(), value });
    }
    backend
}

fn workspace(out: &mut Findings, at: &At<'_>, document: &Node<'_>) {
    // Too long a name is the schema's to report.
    if let Some(name) = document.text_of("workspace").filter(|name| name.chars().count() <= names::MAX_SUBDOMAIN)
        && let Some(fault) = model::fault(name)
    {
        out.add(Finding::new(&CF015, at, fault).value(name));
    }
}

fn domain(out: &mut Findings, at: &At<'_>, document: &Node<'_>) {
    let Some(text) = document.text_of("clusterDomain").filter(|text| !text.is_empty()) else { return };
    let domain = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if let Err(fault) = names::dns_subdomain(&domain) {
        let better = text.trim().trim_matches('.').to_ascii_lowercase();
        let hint = names::dns_subdomain(&better).is_ok().then(|| suggest::hint(&better));
        out.add(Finding::new(&CF016, at, fault).value(text).maybe_hint(hint));
    }
}
