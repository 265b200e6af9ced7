//! Label selectors, as `apimachinery/pkg/apis/meta/v1/validation` holds them. A real HPA checks none and fails when it runs.

use super::structure::counted;
use crate::engine::finding::rules::{MD052, MD053, MD054, MD055};
use crate::engine::finding::{At, Finding, Findings};
use crate::engine::parse::{Node, Value};
use crate::engine::units::names;

/// Judges the field `selector` of a map; `at` is the place of that map.
pub(super) fn selector(out: &mut Findings, at: &At<'_>, parent: &Node<'_>) {
    let Some(node) = parent.get("selector") else { return };
    let at = at.field("selector");
    if let Some(labels) = node.get("matchLabels") {
        let at = at.field("matchLabels");
        for member in counted(labels).filter(|member| !member.value.is_null()) {
            let at = at.key(&member.key);
            key(out, &at, &member.key);
            if let Some(text) = member.value.text() {
                value(out, &at, text);
            }
        }
    }
    if let Some(expressions) = node.get("matchExpressions") {
        let at = at.field("matchExpressions");
        for (index, node) in expressions.items().iter().enumerate() {
            requirement(out, &at.index(index), node);
        }
    }
}

fn requirement(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    if let Some(text) = node.text_of("key").filter(|text| !text.is_empty()) {
        key(out, &at.field("key"), text);
    }
    let values = node.get("values");
    let none = match values.map(|node| &node.value) {
        None => true,
        Some(Value::List(items)) => items.is_empty(),
        Some(_) => return,
    };
    let operator = at.field("operator");
    let at = at.field("values");
    match node.text_of("operator") {
        Some("In" | "NotIn") if none => {
            let message = "must be specified when operator is In or NotIn";
            out.add(Finding::new(&MD054, &at, message).related(&operator));
            return;
        }
        Some("Exists" | "DoesNotExist") if !none => {
            let message = "may not be specified when operator is Exists or DoesNotExist";
            out.add(Finding::new(&MD055, &at, message).related(&operator));
            return;
        }
        _ => {}
    }
    for (index, node) in values.map(Node::items).unwrap_or_default().iter().enumerate() {
        if let Some(text) = node.text() {
            value(out, &at.index(index), text);
        }
    }
}

fn key(out: &mut Findings, at: &At<'_>, text: &str) {
    if let Err(message) = names::qualified(text) {
        out.add(Finding::new(&MD052, at, message).value(text));
    }
}

fn value(out: &mut Findings, at: &At<'_>, text: &str) {
    if let Err(message) = names::label_value(text) {
        out.add(Finding::new(&MD053, at, message).value(text));
    }
}
