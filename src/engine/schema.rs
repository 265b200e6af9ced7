//! The CRDs' own schema, and that of the configuration, in a form to judge with, so that gate and API server cannot drift apart.

use std::sync::LazyLock;

use serde_json::Value;

use super::subject::Kind;
use crate::api;

/// What a value must look like.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A map with known fields, in the order in which they are declared.
    Object(Vec<Field>),
    /// A map from free keys to texts.
    Texts,
    /// A list of items of one shape.
    List {
        item: Box<Shape>,
        /// The fewest items.
        min: usize,
    },
    /// A text.
    Text {
        /// The fewest characters.
        min: usize,
        /// The most characters.
        max: usize,
        /// The closed set it is of; empty means any text.
        allowed: Vec<String>,
    },
    /// An integer within limits, both included.
    Integer { min: i64, max: i64 },
    /// A boolean.
    Boolean,
    /// A quantity: an integer, or a text that reads as a quantity.
    Quantity,
}

/// A field of an object.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
}

impl Shape {
    /// The shape of a spec.
    pub(crate) fn of_spec(kind: Kind) -> &'static Shape {
        static MODEL_DEPLOYMENT: LazyLock<Shape> = LazyLock::new(|| compile_spec(Kind::ModelDeployment));
        static OFFLOAD_AUTOSCALER: LazyLock<Shape> = LazyLock::new(|| compile_spec(Kind::OffloadAutoscaler));
        static POLICY: LazyLock<Shape> = LazyLock::new(|| compile_spec(Kind::Policy));
        match kind {
            Kind::ModelDeployment => &MODEL_DEPLOYMENT,
            Kind::OffloadAutoscaler => &OFFLOAD_AUTOSCALER,
            Kind::Policy => &POLICY,
        }
    }

    /// The shape of an `OperatorConfiguration`, the whole document.
    pub(crate) fn of_configuration() -> &'static Shape {
        static CONFIGURATION: LazyLock<Shape> = LazyLock::new(|| total(&api::configuration_schema()));
        &CONFIGURATION
    }

    /// The fields, none if this is no object.
    pub(crate) fn fields(&self) -> &[Field] {
        match self {
            Shape::Object(fields) => fields,
            _ => &[],
        }
    }
}

/// Total for the schemas that the types give, which a test runs through.
#[allow(clippy::expect_used)]
fn compile_spec(kind: Kind) -> Shape {
    total(&api::spec_schema(kind.name()).expect("every kind has a schema"))
}

/// As [`compile_spec`].
#[allow(clippy::expect_used)]
fn total(schema: &Value) -> Shape {
    compile(schema).expect("every schema compiles")
}

/// Keywords that describe a value without limiting it.
const SILENT: &[&str] = &["$schema", "title", "description", "default", "format", "x-kubernetes-list-type"];

fn compile(schema: &Value) -> Result<Shape, String> {
    let map = schema.as_object().ok_or("a schema is a map")?;
    let understood =
        |known: &[&str]| match map.keys().find(|key| !SILENT.contains(&key.as_str()) && !known.contains(&key.as_str()))
        {
            Some(key) => Err(format!("the keyword {key} is not understood")),
            None => Ok(()),
        };
    let size = |name: &str, absent: usize| {
        map.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(absent)
    };
    if map.contains_key("x-kubernetes-int-or-string") {
        understood(&["x-kubernetes-int-or-string", "pattern"])?;
        return if map.get("pattern").and_then(Value::as_str) == Some(api::QUANTITY_PATTERN) {
            Ok(Shape::Quantity)
        } else {
            Err("an int-or-string that is no quantity".into())
        };
    }
    match map.get("type").and_then(Value::as_str) {
        Some("object") if map.get("additionalProperties").is_some_and(Value::is_object) => {
            understood(&["type", "additionalProperties"])?;
            match compile(map.get("additionalProperties").unwrap_or(&Value::Null))? {
                Shape::Text { min: 0, max: usize::MAX, allowed } if allowed.is_empty() => Ok(Shape::Texts),
                _ => Err("a free map whose values are limited".into()),
            }
        }
        Some("object") => {
            // `additionalProperties: false`: whoever reads a file takes unknown fields for a fault in any case.
            understood(&["type", "properties", "required", "additionalProperties"])?;
            let required: Vec<&str> =
                map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            let properties = map.get("properties").and_then(Value::as_object).ok_or("an object without properties")?;
            let fields = properties.iter().map(|(name, schema)| {
                Ok(Field {
                    name: name.clone(),
                    required: required.contains(&name.as_str()),
                    shape: compile(schema).map_err(|e| format!("{name}: {e}"))?,
                })
            });
            Ok(Shape::Object(fields.collect::<Result<_, String>>()?))
        }
        Some("array") => {
            understood(&["type", "items", "minItems"])?;
            Ok(Shape::List {
                item: Box::new(compile(map.get("items").ok_or("a list without items")?)?),
                min: size("minItems", 0),
            })
        }
        Some("string") => {
            understood(&["type", "minLength", "maxLength", "enum"])?;
            let allowed = map
                .get("enum")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(Into::into)
                .collect();
            Ok(Shape::Text { min: size("minLength", 0), max: size("maxLength", usize::MAX), allowed })
        }
        Some("integer") => {
            understood(&["type", "minimum", "maximum"])?;
            // Limits are written as floats; all of ours are small whole numbers.
            #[allow(clippy::cast_possible_truncation)]
            let limit = |name: &str| map.get(name).and_then(Value::as_f64).map(|n| n as i64);
            let (low, high) = match map.get("format").and_then(Value::as_str) {
                Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
                Some("int64") => (i64::MIN, i64::MAX),
                other => return Err(format!("an integer of format {other:?}")),
            };
            Ok(Shape::Integer { min: limit("minimum").unwrap_or(low), max: limit("maximum").unwrap_or(high) })
        }
        Some("boolean") => understood(&["type"]).map(|()| Shape::Boolean),
        other => Err(format!("a value of type {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keyword_of_every_schema_is_understood() {
        for kind in Kind::ALL {
            let schema = api::spec_schema(kind.name()).unwrap();
            compile(&schema).unwrap_or_else(|error| panic!("{}: {error}", kind.name()));
        }
        compile(&api::configuration_schema()).unwrap_or_else(|error| panic!("OperatorConfiguration: {error}"));
    }

    #[test]
    fn a_keyword_nobody_enforces_is_an_error() {
        let error = compile(&serde_json::json!({"type": "string", "pattern": "^a$"})).unwrap_err();
        assert_eq!(error, "the keyword pattern is not understood");
    }
}
