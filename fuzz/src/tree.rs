//! Trees turned into others that mean the same.

use beamlit_operator::engine::finding::{Path, Segment};
use beamlit_operator::engine::parse::{Node, Value};
use serde_json::{Number, Value as Json};

/// A tree as JSON, of equal keys the last; none if it holds a number that JSON does not have.
pub(crate) fn json(node: &Node<'_>) -> Option<Json> {
    Some(match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::Float(value) => Json::Number(Number::from_f64(*value)?),
        Value::Text(text) => Json::from(text.as_ref()),
        Value::List(items) => items.iter().map(json).collect::<Option<_>>()?,
        Value::Map(members) => {
            let members = members.iter().map(|member| Some((member.key.clone().into_owned(), json(&member.value)?)));
            Json::Object(members.collect::<Option<_>>()?)
        }
    })
}

/// Every map the other way round.
pub(crate) fn reverse(node: &mut Node<'_>) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(reverse),
        Value::Map(members) => {
            members.reverse();
            members.iter_mut().for_each(|member| reverse(&mut member.value));
        }
        _ => {}
    }
}

/// As [`reverse`], of JSON.
pub(crate) fn reversed(json: &Json) -> Json {
    match json {
        Json::Array(items) => items.iter().map(reversed).collect(),
        Json::Object(members) => {
            Json::Object(members.iter().rev().map(|(key, value)| (key.clone(), reversed(value))).collect())
        }
        other => other.clone(),
    }
}

/// Without the members that are null, which count as absent.
pub(crate) fn drop_nulls(node: &mut Node<'_>) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(drop_nulls),
        Value::Map(members) => {
            members.retain(|member| !member.value.is_null());
            members.iter_mut().for_each(|member| drop_nulls(&mut member.value));
        }
        _ => {}
    }
}

/// Whether a map has a key twice, anywhere.
pub(crate) fn has_duplicates(node: &Node<'_>) -> bool {
    let mut keys: Vec<&str> = node.members().iter().map(|member| member.key.as_ref()).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
        || node.members().iter().any(|member| has_duplicates(&member.value))
        || node.items().iter().any(has_duplicates)
}

/// The value at the end of a path.
pub(crate) fn at<'n, 'a>(node: &'n Node<'a>, path: &[Segment]) -> Option<&'n Node<'a>> {
    path.iter().try_fold(node, |node, segment| match segment {
        Segment::Field(name) | Segment::Key(name) => node.get(name),
        Segment::Index(index) => node.items().get(*index),
    })
}

/// As [`at`], to change it.
pub(crate) fn at_mut<'n, 'a>(node: &'n mut Node<'a>, path: &[Segment]) -> Option<&'n mut Node<'a>> {
    path.iter().try_fold(node, |node, segment| match segment {
        Segment::Field(name) | Segment::Key(name) => node.get_mut(name),
        Segment::Index(index) => match &mut node.value {
            Value::List(items) => items.get_mut(*index),
            _ => None,
        },
    })
}

/// All but the last step of a path.
pub(crate) fn parent(path: &Path) -> &[Segment] {
    path.0.split_last().map_or(&[], |(_, above)| above)
}
