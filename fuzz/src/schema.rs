//! A second opinion on the schema: the CRD's own text, read in the plainest way, against the engine's compiled form of it.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::LazyLock;

use beamlit_operator::api;
use beamlit_operator::engine::Kind;
use beamlit_operator::engine::finding::{Path, Segment};
use regex::Regex;
use serde_json::{Number, Value as Json};

/// The schema of a spec.
pub(crate) fn of_spec(kind: Kind) -> &'static Json {
    static ALL: LazyLock<HashMap<Kind, Json>> = LazyLock::new(|| {
        Kind::ALL.into_iter().map(|kind| (kind, api::spec_schema(kind.name()).expect("every kind has one"))).collect()
    });
    &ALL[&kind]
}

static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new(api::QUANTITY_PATTERN).expect("the pattern is one"));

/// Whether the API server refuses the spec of that object for its schema. A null counts as absent: it is dropped before.
pub(crate) fn refuses(kind: Kind, object: &Json) -> bool {
    match object.get("spec") {
        None | Some(Json::Null) => true,
        Some(spec) => refuses_value(of_spec(kind), spec),
    }
}

/// An integer of 64 bits, which may be written as a float.
fn integer(number: &Number) -> Option<i64> {
    let of_float = |float: f64| (float.fract() == 0.0 && float.abs() < 2f64.powi(63)).then_some(float as i64);
    number.as_i64().or_else(|| number.as_f64().filter(|_| number.is_f64()).and_then(of_float))
}

fn refuses_value(schema: &Json, value: &Json) -> bool {
    let limit = |name: &str| schema[name].as_f64();
    if schema["x-kubernetes-int-or-string"] == true {
        return match value {
            Json::String(text) => !PATTERN.is_match(text),
            Json::Number(number) => integer(number).is_none(),
            _ => true,
        };
    }
    match (schema["type"].as_str().expect("every schema has a type"), value) {
        ("object", Json::Object(members)) => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
            let mut required = required.filter(|name| members.get(*name).is_none_or(Json::is_null));
            let mut present = members.iter().filter(|(_, value)| !value.is_null());
            required.next().is_some()
                || present.any(|(name, value)| {
                    let below = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
                    below.is_some_and(|below| refuses_value(below, value))
                })
        }
        ("array", Json::Array(items)) => {
            (items.len() as f64) < limit("minItems").unwrap_or(0.0)
                || items.iter().any(|item| refuses_value(&schema["items"], item))
        }
        ("string", Json::String(text)) => {
            let length = text.chars().count() as f64;
            length < limit("minLength").unwrap_or(0.0)
                || length > limit("maxLength").unwrap_or(f64::INFINITY)
                || schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value))
        }
        ("integer", Json::Number(number)) => {
            let (low, high) = match schema["format"].as_str() {
                Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
                _ => (i64::MIN, i64::MAX),
            };
            // The limits are written as floats, and are small.
            let limit = |name: &str, absent: i64| limit(name).map_or(absent, |limit| limit as i64);
            let within = limit("minimum", low)..=limit("maximum", high);
            integer(number).is_none_or(|number| !within.contains(&number))
        }
        ("boolean", Json::Bool(_)) => false,
        _ => true,
    }
}

/// Adds the defaults of the CRD, as the API server does once the webhook has answered. Whether there was anything to add.
pub(crate) fn add_defaults(kind: Kind, object: &mut Json) -> bool {
    object.get_mut("spec").is_some_and(|spec| add_defaults_of(of_spec(kind), spec))
}

fn add_defaults_of(schema: &Json, value: &mut Json) -> bool {
    let mut added = false;
    match value {
        Json::Object(members) => {
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                if let Some(default) = schema.get("default")
                    && members.get(name).is_none_or(Json::is_null)
                {
                    members.insert(name.clone(), default.clone());
                    added = true;
                }
                if let Some(value) = members.get_mut(name) {
                    added |= add_defaults_of(schema, value);
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| added |= add_defaults_of(&schema["items"], item)),
        _ => {}
    }
    added
}

/// Compares two places of a spec: the order of the fields in the schema, then the index, then the name.
pub(crate) fn compare(kind: Kind, a: &Path, b: &Path) -> Ordering {
    let mut schema = of_spec(kind);
    let (a, b) = (&a.0[1..], &b.0[1..]);
    for (a, b) in a.iter().zip(b) {
        let place = |name: &str| {
            let known = schema["properties"].as_object().and_then(|known| known.keys().position(|known| known == name));
            known.map_or((usize::MAX, name.to_owned()), |place| (place, String::new()))
        };
        let order = match (a, b) {
            (Segment::Index(a), Segment::Index(b)) => a.cmp(b),
            (Segment::Field(a) | Segment::Key(a), Segment::Field(b) | Segment::Key(b)) => place(a).cmp(&place(b)),
            _ => panic!("an index and a name at one place"),
        };
        if order != Ordering::Equal {
            return order;
        }
        schema = match a {
            Segment::Index(_) => &schema["items"],
            Segment::Field(name) | Segment::Key(name) => &schema["properties"][name.as_ref()],
        };
    }
    a.len().cmp(&b.len())
}
