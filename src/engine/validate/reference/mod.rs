//! References to workloads, Services and policies: their form and their kind, whether they may leave their namespace, and what
//! they lead to.

mod existing;
pub(super) mod grant;

use std::collections::HashSet;

use self::existing::Behind;
use crate::api::AUTHORIZATION_API_VERSION;
use crate::engine::finding::rules::{RF001, RF002, RF004, RF005};
use crate::engine::finding::{At, Finding, Findings, Rule, quoted};
use crate::engine::parse::Node;
use crate::engine::subject::{Reading, Surroundings};
use crate::engine::suggest;
use crate::engine::units::names;

/// Judges every reference in the spec of a ModelDeployment; `at` is the place of the spec.
pub(super) fn references(
    out: &mut Findings,
    at: &At<'_>,
    spec: &Node<'_>,
    surroundings: &Surroundings<'_>,
    reading: Reading,
) {
    let source_at = at.field("modelSourceRef");
    let pods = spec.get("modelSourceRef").and_then(|node| {
        let kind = workload(node.text_of("kind"));
        named(out, &source_at, node, SUBDOMAIN);
        namespaced(out, &source_at, node, kind, surroundings, reading);
        existing::workload(out, &source_at, node, surroundings)
    });
    let behind = Behind { at: &source_at, pods };
    for field in ["serviceRef", "metricServiceRef"] {
        if let Some(node) = spec.get(field) {
            let at = at.field(field);
            named(out, &at, node, LABEL);
            namespaced(out, &at, node, "Service", surroundings, reading);
            existing::service(out, &at, node, &behind, surroundings);
        }
    }
    if let Some(list) = spec.get("policies") {
        policies(out, &at.field("policies"), list, surroundings, reading);
    }
}

/// The kind of a workload in words. Of one that is none the structure has spoken, and it is not repeated here.
fn workload(kind: Option<&str>) -> &str {
    let named = |kind: &&str| {
        !kind.is_empty() && kind.len() <= names::MAX_LABEL && kind.bytes().all(|c| c.is_ascii_alphabetic())
    };
    kind.map_or("Deployment", |kind| Some(kind).filter(named).unwrap_or("workload"))
}

fn policies(out: &mut Findings, at: &At<'_>, list: &Node<'_>, surroundings: &Surroundings<'_>, reading: Reading) {
    let mut seen = HashSet::new();
    for (index, node) in list.items().iter().enumerate() {
        let at = at.index(index);
        named(out, &at, node, SUBDOMAIN);
        let local = match node.get("refType").map(Node::text) {
            None | Some(Some("remotePolicy")) => false,
            Some(Some("localPolicy")) => true,
            // Nothing follows from a type that is none.
            Some(_) => continue,
        };
        if local {
            only(out, &at, node, "apiVersion", AUTHORIZATION_API_VERSION);
            only(out, &at, node, "kind", "Policy");
            namespaced(out, &at, node, "Policy", surroundings, reading);
        }
        // The default namespace is never added to a remote policy: Beamlit has one flat space of names.
        let namespace = if local { node.text_of("namespace").unwrap_or(surroundings.namespace) } else { "" };
        if let Some(name) = node.text_of("name").filter(|name| names::dns_subdomain(name).is_ok())
            && !seen.insert((local, namespace, name))
        {
            let place = if local { "local" } else { "remote" };
            out.add(Finding::new(&RF005, &at, format!("this {place} policy is named above already")).value(name));
        }
    }
}

/// A form that names have, and the length beyond which the schema refuses a text by itself.
#[derive(Clone, Copy)]
pub(super) struct Form {
    check: fn(&str) -> Result<(), String>,
    longest: usize,
}

/// A DNS-1123 label.
pub(super) const LABEL: Form = Form { check: names::dns_label, longest: names::MAX_LABEL };
/// A DNS-1123 subdomain.
pub(super) const SUBDOMAIN: Form = Form { check: names::dns_subdomain, longest: names::MAX_SUBDOMAIN };

/// Judges the form of `name`.
pub(super) fn named(out: &mut Findings, at: &At<'_>, node: &Node<'_>, form: Form) {
    well_formed(out, at, node, "name", &RF001, form);
}

fn well_formed(out: &mut Findings, at: &At<'_>, node: &Node<'_>, field: &str, rule: &'static Rule, form: Form) {
    if let Some(text) = node.text_of(field).filter(|text| !text.is_empty() && text.chars().count() <= form.longest)
        && let Err(fault) = (form.check)(text)
    {
        let better = text.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        let hint =
            (better != text && (form.check)(&better).is_ok()).then(|| format!("did you mean {}?", quoted(&better)));
        out.add(Finding::new(rule, &at.field(field), fault).value(text).maybe_hint(hint));
    }
}

fn namespaced(
    out: &mut Findings,
    at: &At<'_>,
    node: &Node<'_>,
    kind: &str,
    surroundings: &Surroundings<'_>,
    reading: Reading,
) {
    match grant::elsewhere(node, surroundings) {
        Some(namespace) if names::dns_label(namespace).is_err() => {
            well_formed(out, at, node, "namespace", &RF002, LABEL);
        }
        Some(_) => grant::granted(out, at, node, kind, surroundings, reading),
        None => {}
    }
}

fn only(out: &mut Findings, at: &At<'_>, node: &Node<'_>, field: &str, supported: &'static str) {
    if let Some(text) = node.text_of(field).filter(|text| *text != supported) {
        out.add(
            Finding::new(&RF004, &at.field(field), format!("supported values: {}", quoted(supported)))
                .value(text)
                .maybe_hint(suggest::did_you_mean(text, [supported])),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::engine::validate::testing::{found, texts};

    #[test]
    fn a_kind_that_is_none_is_not_repeated_in_a_message_about_the_namespace() {
        for (kind, shown) in
            [("StatefulSet", "StatefulSet"), ("\u{202e}x", "workload"), ("a b\n", "workload"), ("", "workload")]
        {
            let found = found("modelSourceRef", json!({"name": "m", "namespace": "other", "kind": kind}));
            let about = |text: &String| text.starts_with("spec.modelSourceRef.namespace: ");
            let message = texts(&found).into_iter().find(about).unwrap();
            assert_eq!(
                message,
                format!(
                    "spec.modelSourceRef.namespace: Forbidden: \"other\": namespace \"other\" does not grant ModelDeployments of namespace \"default\" the use of its {shown}: ReferenceGrants cannot be looked up here [RF003]"
                )
            );
        }
    }
}
