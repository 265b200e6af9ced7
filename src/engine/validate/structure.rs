//! What the schema asks of every value: its type, its limits, its closed set, and the fields that must be there.

use crate::engine::finding::rules::{OB001, OB002, OB003, OB004, OB005, OB006, OB007, OB008};
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::{Node, Value};
use crate::engine::schema::Shape;
use crate::engine::subject::Reading;
use crate::engine::suggest;
use crate::engine::units::Quantity;

/// Judges the spec of an object; `at` is the place of the spec.
pub(super) fn spec(out: &mut Findings, at: &At<'_>, object: &Node<'_>, shape: &Shape, reading: Reading) {
    match object.get("spec") {
        Some(node) => value(out, at, node, shape, reading),
        None => out.add(missing(at)),
    }
}

/// Judges one value and everything below it.
pub(super) fn value(out: &mut Findings, at: &At<'_>, node: &Node<'_>, shape: &Shape, reading: Reading) {
    match (shape, &node.value) {
        (Shape::Object(_), Value::Map(_)) => object(out, at, node, shape, reading),
        (Shape::Texts, Value::Map(_)) => {
            for member in counted(node) {
                let at = at.key(&member.key);
                if !matches!(member.value.value, Value::Text(_) | Value::Null) {
                    out.add(wrong_type(&at, &member.value, "a string"));
                }
            }
            duplicates(out, at, node, reading, true);
        }
        (Shape::List { item, min }, Value::List(items)) => {
            if items.len() < *min {
                out.add(too_few(at, *min));
            }
            for (index, node) in items.iter().enumerate() {
                value(out, &at.index(index), node, item, reading);
            }
        }
        (Shape::Text { min, max, allowed }, Value::Text(text)) => {
            if !allowed.is_empty() {
                if !allowed.iter().any(|value| value == text.as_ref()) {
                    out.add_error(|| not_supported(at, text, allowed));
                }
            } else if text.is_empty() && *min > 0 {
                out.add(empty(at));
            } else if text.len() > *max && text.chars().count() > *max {
                out.add(too_long(at, *max));
            }
        }
        (Shape::Integer { min, max }, Value::Int(_) | Value::Float(_)) => match (node.integer(), &node.value) {
            (Some(number), _) if (*min..=*max).contains(&number) => {}
            (Some(number), _) => out.add(out_of_range(at, *min, *max).number(number)),
            (None, Value::Float(float)) if float.is_finite() && float.fract() == 0.0 => {
                out.add(out_of_range(at, *min, *max).number(float));
            }
            _ => out.add(wrong_type(at, node, "an integer")),
        },
        (Shape::Boolean, Value::Bool(_)) => {}
        (Shape::Quantity, Value::Text(text)) => {
            if Quantity::parse(text).is_none() {
                out.add_error(|| no_quantity(at, text));
            }
        }
        (Shape::Quantity, Value::Int(_) | Value::Float(_)) if node.integer().is_some() => {}
        (Shape::Quantity, Value::Float(float)) if float.is_finite() => {
            out.add(
                wrong_type(at, node, "an integer or a string")
                    .hint(format!("write {}", quoted(&Quantity::from_float(*float)))),
            );
        }
        (shape, _) => out.add(wrong_type(at, node, shape.wanted())),
    }
}

fn object(out: &mut Findings, at: &At<'_>, node: &Node<'_>, shape: &Shape, reading: Reading) {
    for field in shape.fields() {
        let at = at.field(&field.name);
        match node.get(&field.name) {
            Some(node) => value(out, &at, node, &field.shape, reading),
            None if field.required => out.add(missing(&at)),
            None => {}
        }
    }
    if reading == Reading::File {
        keys(out, at, node, || shape.fields().iter().map(|field| field.name.as_str()));
    }
}

/// Judges the keys of an object in a file: each is a field that there is, and stands there once.
pub(super) fn keys<'k, I: Iterator<Item = &'k str>>(
    out: &mut Findings,
    at: &At<'_>,
    node: &Node<'_>,
    known: impl Fn() -> I,
) {
    // A null counts as absent, and kubectl apply drops it before anybody asks what it is.
    for member in counted(node).filter(|member| !member.value.is_null()) {
        if !known().any(|name| name == member.key) {
            out.add_error(|| unknown(at, &member.key, known()));
        }
    }
    duplicates(out, at, node, Reading::File, false);
}

/// The members that count: of several with one key the last.
pub(super) fn counted<'n, 'a>(node: &'n Node<'a>) -> impl Iterator<Item = &'n crate::engine::parse::Member<'a>> {
    let members = node.members();
    let mut seen = std::collections::HashMap::with_capacity(members.len());
    for (index, member) in members.iter().enumerate() {
        seen.insert(member.key.as_ref(), index);
    }
    members
        .iter()
        .enumerate()
        .filter(move |(index, member)| seen.get(member.key.as_ref()) == Some(index))
        .map(|(_, member)| member)
}

/// Reports each key that stands more than once in a map, which is `free` if its keys are no fields.
pub(super) fn duplicates(out: &mut Findings, at: &At<'_>, node: &Node<'_>, reading: Reading, free: bool) {
    if reading != Reading::File {
        return;
    }
    let mut times = std::collections::BTreeMap::<&str, usize>::new();
    for member in node.members() {
        *times.entry(&member.key).or_default() += 1;
    }
    for (key, times) in times {
        if times > 1 {
            let at = if free { at.key(key) } else { at.field(key) };
            out.add(Finding::new(
                &OB008,
                &at,
                format!("the key stands here {times} times, and only the last would count"),
            ));
        }
    }
}

/// A field that is required and absent.
pub(super) fn missing(at: &At<'_>) -> Finding {
    Finding::new(&OB002, at, "").by_schema()
}

pub(super) fn empty(at: &At<'_>) -> Finding {
    Finding::new(&OB002, at, "must not be empty").by_schema()
}

pub(super) fn too_few(at: &At<'_>, min: usize) -> Finding {
    let message = format!("must have at least {min} item{}", if min == 1 { "" } else { "s" });
    Finding::new(&OB002, at, message).by_schema()
}

pub(super) fn too_long(at: &At<'_>, max: usize) -> Finding {
    Finding::new(&OB005, at, format!("may not be more than {max} characters")).by_schema()
}

/// A key of the map at `at` that is no field of it.
pub(super) fn unknown<'k>(at: &At<'_>, key: &str, known: impl Iterator<Item = &'k str>) -> Finding {
    Finding::new(&OB007, &at.field(key), "").maybe_hint(suggest::field(key, known))
}

pub(super) fn wrong_type(at: &At<'_>, node: &Node<'_>, wanted: &str) -> Finding {
    let finding = Finding::new(&OB001, at, format!("must be {wanted}, not {}", node.type_name())).by_schema();
    match (wanted, &node.value) {
        ("a string", Value::Int(_) | Value::Float(_) | Value::Bool(_)) => finding.hint("put it in quotes"),
        ("an integer", Value::Text(text)) if text.trim().parse::<i64>().is_ok() => {
            finding.hint("write it without quotes")
        }
        ("a boolean", Value::Text(text)) if matches!(text.as_ref(), "true" | "false" | "yes" | "no" | "on" | "off") => {
            finding.hint("write it without quotes")
        }
        ("a list", Value::Map(_)) => finding.hint("start each item with \"- \""),
        _ => finding,
    }
}

fn out_of_range(at: &At<'_>, min: i64, max: i64) -> Finding {
    let message = match max {
        2_147_483_647 | i64::MAX => format!("must be {min} or more, and no more than {max}"),
        max if max == min => format!("must be {max}"),
        _ => format!("must be from {min} to {max}"),
    };
    Finding::new(&OB004, at, message).by_schema()
}

pub(super) fn not_supported(at: &At<'_>, text: &str, allowed: &[String]) -> Finding {
    let list: Vec<String> = allowed.iter().map(|value| quoted(value)).collect();
    Finding::new(&OB003, at, format!("supported values: {}", list.join(", ")))
        .value(text)
        .maybe_hint(suggest::did_you_mean(text, allowed.iter().map(String::as_str)))
        .by_schema()
}

fn no_quantity(at: &At<'_>, text: &str) -> Finding {
    let finding = Finding::new(&OB006, at, "must be a number with an optional suffix, such as 500m, 10, 1.5 or 2Gi")
        .value(text)
        .maybe_hint(Quantity::suggest(text).map(|near| format!("did you mean {}?", quoted(&near))));
    // The pattern lets exponents such as 1e1.5 pass, which no quantity can have.
    if Quantity::matches_pattern(text) { finding } else { finding.by_schema() }
}

impl Shape {
    pub(super) fn wanted(&self) -> &'static str {
        match self {
            Shape::Object(_) | Shape::Texts => "a map",
            Shape::List { .. } => "a list",
            Shape::Text { .. } => "a string",
            Shape::Integer { .. } => "an integer",
            Shape::Boolean => "a boolean",
            Shape::Quantity => "an integer or a string",
        }
    }
}
