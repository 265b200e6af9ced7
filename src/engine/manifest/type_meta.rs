//! `apiVersion` and `kind`: whose an object is, and what its author most likely meant where nobody has such a thing.

use super::{required, wrong_type};
use crate::api::{AUTHORIZATION_GROUP, CONFIG_API_VERSION, CONFIG_GROUP, DEPLOYMENT_GROUP, VERSION};
use crate::engine::finding::rules::OB009;
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::Node;
use crate::engine::subject::Kind;
use crate::engine::suggest;

/// Whose an object is.
pub(super) enum Known {
    /// One that is judged.
    Ours(Kind),
    /// The operator's configuration.
    Configuration,
    /// Meant for us, and of a group, version or kind that does not exist.
    Wrong(Findings),
    /// No object at all.
    NoManifest(Findings),
    /// Somebody else's.
    Foreign,
}

/// Every kind that we have.
const KINDS: [(&str, &str); 4] = [
    (DEPLOYMENT_GROUP, "ModelDeployment"),
    (DEPLOYMENT_GROUP, "OffloadAutoscaler"),
    (AUTHORIZATION_GROUP, "Policy"),
    (CONFIG_GROUP, CONFIGURATION),
];

/// The kind of the operator's configuration.
const CONFIGURATION: &str = "OperatorConfiguration";

const GROUPS: [&str; 3] = [DEPLOYMENT_GROUP, AUTHORIZATION_GROUP, CONFIG_GROUP];

/// Fields that hardly anybody but us has.
const OUR_FIELDS: [&str; 5] =
    ["modelSourceRef", "serviceRef", "metricServiceRef", "serverlessConfig", "offloadingConfig"];

pub(super) fn known(object: &Node<'_>) -> Known {
    let mut out = Findings::default();
    let root = At::root();
    if !object.is_map() {
        out.add(wrong_type(&root, object, "a map"));
        return Known::NoManifest(out);
    }
    let (at_version, at_kind) = (root.field("apiVersion"), root.field("kind"));
    let (version, kind) = (object.get("apiVersion"), object.get("kind"));
    for (at, node) in [(&at_version, version), (&at_kind, kind)] {
        if let Some(node) = node.filter(|node| node.text().is_none()) {
            out.add(wrong_type(at, node, "a string"));
        }
    }
    let [version_text, kind_text] = [version, kind].map(|node| node.and_then(Node::text).unwrap_or_default());
    if version.is_none_or(|node| node.text() == Some("")) {
        let hint = with_kind(kind_text).map(|group| suggest::hint(&api_version(group)));
        out.add(required(&at_version, "").maybe_hint(hint));
    }
    if kind.is_none_or(|node| node.text() == Some("")) {
        let of_group = version_text.split_once('/').map_or("", |(group, _)| group);
        let hint = match kinds(of_group).as_slice() {
            [] => None,
            kinds => Some(format!("{of_group} has {}", kinds.join(" and "))),
        };
        out.add(required(&at_kind, "").maybe_hint(hint));
    }
    if out.is_empty() { of_kind(version_text, kind_text) } else { Known::NoManifest(out) }
}

fn of_kind(version_text: &str, kind: &str) -> Known {
    let (group, version) = version_text.split_once('/').unwrap_or(("", version_text));
    if let Some(kind) = Kind::of(group, version, kind) {
        return Known::Ours(kind);
    }
    if (version_text, kind) == (CONFIG_API_VERSION, CONFIGURATION) {
        return Known::Configuration;
    }
    let mut out = Findings::default();
    let root = At::root();
    let (at_version, at_kind) = (root.field("apiVersion"), root.field("kind"));
    let elsewhere = KINDS.iter().find(|(_, known)| *known == kind).map(|(group, _)| *group);
    if GROUPS.contains(&group) {
        if let Some(meant) = elsewhere.filter(|meant| *meant != group) {
            out.add(not_supported(&at_version, version_text, &[api_version(meant)], Some(api_version(meant))));
            return Known::Wrong(out);
        }
        if version != VERSION {
            let right = api_version(group);
            out.add(not_supported(&at_version, version_text, std::slice::from_ref(&right), Some(right.clone())));
        }
        if elsewhere.is_none() {
            let supported: Vec<String> = kinds(group).into_iter().map(ToOwned::to_owned).collect();
            let near = suggest::closest(kind, KINDS.iter().map(|(_, kind)| *kind));
            out.add(not_supported(&at_kind, kind, &supported, near.map(ToOwned::to_owned)));
        }
        return Known::Wrong(out);
    }
    let near = near_group(group);
    if near.is_none() && !is_beamlit(group) && kind != "ModelDeployment" {
        return Known::Foreign;
    }
    let meant = with_kind(kind).or(near).map(api_version);
    let supported: Vec<String> = match elsewhere {
        Some(group) => vec![api_version(group)],
        None => GROUPS.iter().map(|group| api_version(group)).collect(),
    };
    out.add(not_supported(&at_version, version_text, &supported, meant));
    Known::Wrong(out)
}

/// What keeps a document from being an operator's configuration; nothing if it is one.
pub(super) fn configuration(document: &Node<'_>) -> Findings {
    let mut out = Findings::default();
    let root = At::root();
    if !document.is_map() {
        out.add(wrong_type(&root, document, "a map"));
        return out;
    }
    for (field, right) in [("apiVersion", CONFIG_API_VERSION), ("kind", CONFIGURATION)] {
        let at = root.field(field);
        match document.get(field).map(|node| (node, node.text())) {
            Some((_, Some(text))) if text == right => {}
            None | Some((_, Some(""))) => out.add(required(&at, "").hint(format!("write {field}: {right}"))),
            Some((node, None)) => out.add(wrong_type(&at, node, "a string")),
            Some((_, Some(text))) => {
                let near = suggest::closest(text, [right]);
                // Of another kind altogether, the apiVersion goes with the kind.
                if field == "kind" && near.is_none() {
                    out = Findings::default();
                }
                let hint = near.map(suggest::hint).or_else(|| instead(text).filter(|_| field == "kind"));
                let finding = Finding::new(&OB009, &at, format!("supported values: {}", quoted(right)));
                out.add(finding.value(text).maybe_hint(hint));
            }
        }
    }
    out
}

/// What to do about a configuration that stands in another object.
fn instead(kind: &str) -> Option<String> {
    match kind {
        "ConfigMap" => Some("give the file that it holds, not the ConfigMap".to_owned()),
        _ if kind.ends_with("List") => Some("a configuration stands in no List".to_owned()),
        _ => None,
    }
}

/// Whether an object without type meta looks like one of ours.
pub(super) fn has_our_fields(object: &Node<'_>) -> bool {
    let version = object.text_of("apiVersion").unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let fields = |node: &Node<'_>| {
        OUR_FIELDS.iter().any(|field| node.get(field).is_some())
            || (node.text_of("type").is_some() && ["locations", "flavors"].iter().any(|key| node.get(key).is_some()))
    };
    near_group(group).is_some()
        || is_beamlit(group)
        || object.text_of("kind") == Some("ModelDeployment")
        || fields(object)
        || object.get("spec").is_some_and(fields)
}

/// The group that has this kind, or one that is spelt nearly so.
fn with_kind(kind: &str) -> Option<&'static str> {
    let group_of = |kind: &str| KINDS.iter().find(|(_, known)| *known == kind).map(|(group, _)| *group);
    group_of(kind).or_else(|| group_of(suggest::closest(kind, KINDS.iter().map(|(_, kind)| *kind))?))
}

fn kinds(group: &str) -> Vec<&'static str> {
    KINDS.iter().filter(|(of, _)| *of == group).map(|(_, kind)| *kind).collect()
}

/// One of ours, or nearly: letter case, look-alikes, a distance of 2. That one is inside the other does not make them near.
fn near_group(group: &str) -> Option<&'static str> {
    GROUPS.into_iter().find(|known| *known == group).or_else(|| suggest::misspelt(group, GROUPS))
}

/// Any other domain of Beamlit's.
fn is_beamlit(group: &str) -> bool {
    group.split('.').any(|label| label.eq_ignore_ascii_case("beamlit"))
}

fn api_version(group: &str) -> String {
    format!("{group}/{VERSION}")
}

fn not_supported(at: &At<'_>, text: &str, supported: &[String], meant: Option<String>) -> Finding {
    let list: Vec<String> = supported.iter().map(|value| quoted(value)).collect();
    Finding::new(&OB009, at, format!("supported values: {}", list.join(", ")))
        .value(text)
        .maybe_hint(meant.map(|meant| suggest::hint(&meant)))
}
