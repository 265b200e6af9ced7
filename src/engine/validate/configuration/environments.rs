//! `environments`: the policies that every object of an environment has.

use std::collections::HashSet;

use crate::engine::finding::rules::{CF013, CF014, RF002, RF005};
use crate::engine::finding::{At, Finding, Findings};
use crate::engine::parse::Node;
use crate::engine::units::names;
use crate::engine::validate::reference;

pub(super) fn environments(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    for environment in ["production", "development"] {
        let policies = node.find(&[environment, "policies"]).map(Node::items).unwrap_or_default();
        let at = at.field(environment);
        each(out, &at.field("policies"), policies);
    }
}

fn each(out: &mut Findings, at: &At<'_>, policies: &[Node<'_>]) {
    let mut seen = HashSet::new();
    for (index, policy) in policies.iter().enumerate() {
        let at = at.index(index);
        if !policy.is_map() {
            continue;
        }
        reference::named(out, &at, policy, reference::SUBDOMAIN);
        let namespace = policy.get("namespace");
        let local = match policy.get("refType").map(Node::text) {
            None | Some(Some("remotePolicy")) => false,
            Some(Some("localPolicy")) => true,
            // Nothing follows from a type that is none.
            Some(_) => continue,
        };
        let place = at.field("namespace");
        let type_at = at.field("refType");
        match namespace {
            None if local => {
                let finding =
                    Finding::new(&CF013, &place, "a local policy is in a namespace, and no object lends it its own");
                out.add(finding.related(&type_at));
            }
            Some(_) if !local => {
                let finding = Finding::new(&CF014, &place, "a policy on Beamlit is in no namespace");
                out.add(
                    finding.hint("write refType: localPolicy if a Policy of this cluster is meant").related(&type_at),
                );
            }
            _ => {}
        }
        // An empty text, and one that is too long, are the schema's to report.
        let named = policy.text_of("namespace").filter(|text| local && !text.is_empty());
        if let Some(text) = named.filter(|text| text.chars().count() <= names::MAX_LABEL)
            && let Err(fault) = names::dns_label(text)
        {
            out.add(Finding::new(&RF002, &place, fault).value(text));
        }
        if local && named.is_none() {
            continue;
        }
        if let Some(name) = policy.text_of("name").filter(|name| names::dns_subdomain(name).is_ok())
            && !seen.insert((local, named, name))
        {
            let place = if local { "local" } else { "remote" };
            out.add(Finding::new(&RF005, &at, format!("this {place} policy is named above already")).value(name));
        }
    }
}
