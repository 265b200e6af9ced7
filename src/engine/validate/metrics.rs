//! The metrics that decide when traffic leaves: everything that the API server refuses in the `metrics` of a real HPA
//! (`pkg/apis/autoscaling/validation`), by the same path and type.
//!
//! Where this differs from a real HPA on purpose is listed in `tests/hpa/cases.json`, case by case.

use super::selector::selector;
use super::target::{Needs, Target, target};
use crate::engine::finding::rules::{MD040, MD041, MD042, MD048, MD049, MD050, MD051};
use crate::engine::finding::{At, Finding, Findings, Rule, quoted};
use crate::engine::parse::Node;
use crate::engine::suggest;
use crate::engine::units::names;

/// Judges the list of metrics; `at` is its place.
pub(super) fn metrics(out: &mut Findings, at: &At<'_>, list: &Node<'_>) {
    for (index, node) in list.items().iter().enumerate() {
        metric(out, &at.index(index), node);
    }
}

/// A kind of source: the `type` that asks for it, the field that holds it, and who judges what is in the field.
struct Source {
    type_: &'static str,
    field: &'static str,
    judge: fn(&mut Findings, &At<'_>, &Node<'_>),
}

/// Every kind, in the order of the schema.
static SOURCES: [Source; 5] = [
    Source { type_: "Resource", field: "resource", judge: resource },
    Source { type_: "ContainerResource", field: "containerResource", judge: container_resource },
    Source { type_: "Pods", field: "pods", judge: pods },
    Source { type_: "Object", field: "object", judge: object },
    Source { type_: "External", field: "external", judge: external },
];

fn metric(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    // Without a type that is known nobody can say which source belongs here.
    let Some(own) = node.text_of("type").and_then(|text| SOURCES.iter().find(|source| source.type_ == text)) else {
        return;
    };
    let present = SOURCES.iter().filter(|source| node.get(source.field).is_some()).count();
    let at_type = at.field("type");
    for source in &SOURCES {
        let at = at.field(source.field);
        match node.get(source.field) {
            None if source.field == own.field => {
                let message = "must populate information for the given metric source";
                let only = SOURCES.iter().find(|source| present == 1 && node.get(source.field).is_some());
                let hint = only.map(|only| format!("{} is set; did you mean type {}?", only.field, quoted(only.type_)));
                out.add(Finding::new(&MD040, &at, message).related(&at_type).maybe_hint(hint));
            }
            None => {}
            // As upstream: a single source of another type is judged, and the fault is that the right one is missing.
            Some(node) if source.field == own.field || present == 1 => (source.judge)(out, &at, node),
            Some(_) => {
                let message = "must populate the given metric source only";
                let hint = format!("type is {}", quoted(own.type_));
                out.add(Finding::new(&MD041, &at, message).related(&at_type).hint(hint));
            }
        }
    }
}

const OF_RESOURCE: Needs = Needs {
    fields: &[Target::AverageUtilization, Target::AverageValue],
    missed: (Target::AverageUtilization, "must set either a target raw value or a target utilization"),
    too_many: Some((Target::AverageValue, "may not set both a target raw value and a target utilization")),
};

fn resource(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    target(out, at, node, &OF_RESOURCE);
}

fn container_resource(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    if let Some(name) = text_of(node, "name")
        && let Err(message) = container_resource_name(name)
    {
        let hint = suggest::did_you_mean(name, CONTAINER_RESOURCES);
        out.add(Finding::new(&MD051, &at.field("name"), message).value(name).maybe_hint(hint));
    }
    if let Some(name) = text_of(node, "container")
        && let Err(message) = names::dns_label(name)
    {
        out.add(Finding::new(&MD050, &at.field("container"), message).value(name));
    }
    target(out, at, node, &OF_RESOURCE);
}

fn pods(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    const OF_PODS: Needs = Needs {
        fields: &[Target::AverageValue],
        missed: (Target::AverageValue, "must specify a positive target averageValue"),
        too_many: None,
    };
    identifier(out, at, node, None);
    target(out, at, node, &OF_PODS);
}

fn object(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    const OF_OBJECT: Needs = Needs {
        fields: &[Target::Value, Target::AverageValue],
        missed: (Target::AverageValue, "must set either a target value or averageValue"),
        // A real HPA takes both, and goes by the type.
        too_many: None,
    };
    if let Some(described) = node.get("describedObject") {
        let at = at.field("describedObject");
        for field in ["kind", "name"] {
            path_segment(out, &at, described, field, &MD048, None);
        }
        if let Some(version) = described.text_of("apiVersion").filter(|version| version.matches('/').count() > 1) {
            let message = "must be a version, or a group and a version with one '/' between them";
            out.add(Finding::new(&MD049, &at.field("apiVersion"), message).value(version));
        }
    }
    identifier(out, at, node, None);
    target(out, at, node, &OF_OBJECT);
}

fn external(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    const OF_EXTERNAL: Needs = Needs {
        fields: &[Target::Value, Target::AverageValue],
        missed: (Target::AverageValue, "must set either a target value for metric or a per-pod target"),
        too_many: Some((Target::Value, "may not set both a target value for metric and a per-pod target")),
    };
    // What a PromQL expression with these characters computes can be had under a name without them.
    identifier(out, at, node, Some("for a PromQL expression, name a recording rule"));
    target(out, at, node, &OF_EXTERNAL);
}

/// Judges the field `metric` of a source.
fn identifier(out: &mut Findings, at: &At<'_>, source: &Node<'_>, hint: Option<&str>) {
    if let Some(node) = source.get("metric") {
        let at = at.field("metric");
        path_segment(out, &at, node, "name", &MD042, hint);
        selector(out, &at, node);
    }
}

/// Judges a name that becomes part of a URL path.
fn path_segment(
    out: &mut Findings,
    at: &At<'_>,
    node: &Node<'_>,
    field: &str,
    rule: &'static Rule,
    hint: Option<&str>,
) {
    if let Some(text) = node.text_of(field)
        && let Err(message) = names::path_segment(text)
    {
        out.add(Finding::new(rule, &at.field(field), message).value(text).maybe_hint(hint));
    }
}

/// The text of a field that may not be empty, which the structure has reported if it is.
fn text_of<'n>(node: &'n Node<'_>, field: &str) -> Option<&'n str> {
    node.text_of(field).filter(|text| !text.is_empty())
}

/// The resources without a prefix that a container can request, huge pages of any size aside.
const CONTAINER_RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// A resource that a container can request: one of Kubernetes' own, or an extended one with a prefix.
fn container_resource_name(name: &str) -> Result<(), String> {
    names::qualified(name)?;
    if !name.contains('/') {
        return if CONTAINER_RESOURCES.contains(&name) || name.starts_with("hugepages-") {
            Ok(())
        } else {
            Err("must be a standard resource for containers".into())
        };
    }
    // Quotas put `requests.` before the name, so that it must be a name with it as well, and may not have it already.
    let extended = !name.starts_with("requests.") && names::qualified(&format!("requests.{name}")).is_ok();
    if name.contains("kubernetes.io/") || extended {
        Ok(())
    } else {
        Err("doesn't follow extended resource name standard".into())
    }
}
