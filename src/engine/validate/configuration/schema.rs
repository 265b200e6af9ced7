//! The structure of a configuration: what its JSON Schema refuses, in the words in which the structure of any object is judged.
//!
//! The words of the validator itself quote the document, and with it what nobody may see.

use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Number, Value as Json};

use crate::api;
use crate::engine::finding::rules::OB001;
use crate::engine::finding::{At, Finding, Findings};
use crate::engine::parse::{Node, Value};
use crate::engine::schema::Shape;
use crate::engine::subject::Reading;
use crate::engine::validate::structure;

/// Total for the schema that the types give, which a test runs through.
#[allow(clippy::expect_used)]
static VALIDATOR: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::draft202012::new(&api::configuration_schema()).expect("the schema compiles"));

/// Judges the structure of a document.
pub(super) fn structure(out: &mut Findings, document: &Node<'_>) {
    let (root, shape) = (At::root(), Shape::of_configuration());
    for error in VALIDATOR.iter_errors(&json(document)) {
        tell(out, &root, document, shape, &error);
    }
    twice(out, &root, document, shape);
}

/// Tells of one error at the place where it is.
fn tell(out: &mut Findings, root: &At<'_>, document: &Node<'_>, shape: &Shape, error: &ValidationError<'_>) {
    let told = |make: &dyn Fn(&At<'_>, &Node<'_>, &Shape) -> Finding| {
        reach(root, document, shape, error.instance_path().as_str(), make)
    };
    let integer = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            for key in unexpected {
                out.add_error(|| {
                    told(&|at, _, shape| {
                        structure::unknown(at, key, shape.fields().iter().map(|field| field.name.as_str()))
                    })
                });
            }
        }
        // Of what is no text at all the type has spoken.
        ValidationErrorKind::Enum { .. } if !error.instance().is_string() => {}
        kind => out.add_error(|| {
            told(&|at, node, shape| match (kind, shape) {
                (ValidationErrorKind::Required { property }, _) => {
                    structure::missing(&at.field(property.as_str().unwrap_or_default()))
                }
                (ValidationErrorKind::Type { .. }, _) => structure::wrong_type(at, node, shape.wanted()),
                (ValidationErrorKind::Enum { .. }, Shape::Text { allowed, .. }) => {
                    structure::not_supported(at, node.text().unwrap_or_default(), allowed)
                }
                (ValidationErrorKind::MinLength { .. }, _) => structure::empty(at),
                (ValidationErrorKind::MaxLength { limit }, _) => structure::too_long(at, integer(*limit)),
                (ValidationErrorKind::MinItems { limit }, _) => structure::too_few(at, integer(*limit)),
                // No other keyword stands in the schema; should one come, its errors are told all the same.
                (kind, _) => Finding::new(&OB001, at, format!("not as the schema asks ({})", kind.keyword())),
            })
        }),
    }
}

/// Goes to the place that a JSON pointer names, and has a finding made there.
fn reach(
    at: &At<'_>,
    node: &Node<'_>,
    shape: &Shape,
    pointer: &str,
    make: &dyn Fn(&At<'_>, &Node<'_>, &Shape) -> Finding,
) -> Finding {
    let Some(rest) = pointer.strip_prefix('/') else { return make(at, node, shape) };
    let (step, rest) = rest.find('/').map_or((rest, ""), |end| rest.split_at(end));
    match shape {
        Shape::List { item, .. } => {
            if let Some((index, node)) =
                step.parse().ok().and_then(|index: usize| Some((index, node.items().get(index)?)))
            {
                return reach(&at.index(index), node, item, rest, make);
            }
        }
        Shape::Object(fields) => {
            let found = fields.iter().find(|field| field.name == step);
            if let Some((field, node)) = found.and_then(|field| Some((field, node.get(&field.name)?))) {
                return reach(&at.field(&field.name), node, &field.shape, rest, make);
            }
        }
        Shape::Texts => {
            let key = step.replace("~1", "/").replace("~0", "~");
            if let Some(node) = node.get(&key) {
                let text = Shape::Text { min: 0, max: usize::MAX, allowed: Vec::new() };
                return reach(&at.key(&key), node, &text, rest, make);
            }
        }
        _ => {}
    }
    make(at, node, shape)
}

/// Reports each key that stands more than once, in everything that is known.
fn twice(out: &mut Findings, at: &At<'_>, node: &Node<'_>, shape: &Shape) {
    match shape {
        Shape::Object(fields) => {
            structure::duplicates(out, at, node, Reading::File, false);
            for field in fields {
                if let Some(node) = node.get(&field.name) {
                    twice(out, &at.field(&field.name), node, &field.shape);
                }
            }
        }
        Shape::List { item, .. } => {
            for (index, node) in node.items().iter().enumerate() {
                twice(out, &at.index(index), node, item);
            }
        }
        Shape::Texts => structure::duplicates(out, at, node, Reading::File, true),
        _ => {}
    }
}

/// The document as JSON: what is null counts as absent, and of several equal keys the last.
pub(super) fn json(node: &Node<'_>) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::Number((*value).into()),
        // JSON has no infinity and no NaN. What is read has no numbers with a fraction either: their type is wrong.
        Value::Float(value) => Number::from_f64(*value).map_or_else(|| Json::Number(0.into()), Json::Number),
        Value::Text(text) => Json::String(text.clone().into_owned()),
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(members) => {
            let mut map: Map<String, Json> =
                members.iter().map(|member| (member.key.clone().into_owned(), json(&member.value))).collect();
            map.retain(|_, value| !value.is_null());
            Json::Object(map)
        }
    }
}
