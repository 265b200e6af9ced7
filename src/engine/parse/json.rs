//! JSON into the tree, borrowing every text that needs no unescaping, within limits on depth and size.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Mark, Member, Node, Value};

/// How deep lists and maps may be nested (serde_json's own limit).
pub const MAX_DEPTH: usize = 128;

/// How many values one document may hold. The largest object that etcd takes holds fewer by an order of magnitude.
pub const MAX_VALUES: usize = 1_000_000;

/// Why bytes could not be read. Says the place, never quotes the content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What is wrong, in lower case, without the place.
    pub message: String,
    /// Where reading stopped.
    pub at: Mark,
}

/// Whether a map may have one key twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonLimits {
    /// Two members of one name are an error: nobody could say which one was judged.
    UniqueKeys,
    /// Both are kept for the judge to report.
    KeepDuplicates,
}

/// Reads one JSON document.
///
/// # Errors
/// If the bytes are not one JSON document in UTF-8, or exceed [`MAX_DEPTH`] or [`MAX_VALUES`].
pub fn from_json(bytes: &[u8], limits: JsonLimits) -> Result<Node<'_>, ParseError> {
    let budget = Cell::new(MAX_VALUES);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = ObjectSeed { budget: &budget, limits, place: Place::Below };
    seed.deserialize(&mut reader)
        .and_then(|node| reader.end().map(|()| node))
        .map_err(|error| ParseError::from_serde(&error))
}

/// A value that was read already. It has no places.
impl<'a> From<&'a serde_json::Value> for Node<'a> {
    fn from(value: &'a serde_json::Value) -> Self {
        use serde_json::Value as Json;
        Node::new(match value {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(int) => Value::Int(int),
                None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(Cow::Borrowed(text)),
            Json::Array(items) => Value::List(items.iter().map(Node::from).collect()),
            Json::Object(members) => Value::Map(
                members
                    .iter()
                    .map(|(key, value)| Member {
                        key: Cow::Borrowed(key),
                        key_at: Mark::default(),
                        value: Node::from(value),
                    })
                    .collect(),
            ),
        })
    }
}

impl Node<'_> {
    /// The value as JSON, of equal keys the last; none if it holds a number that JSON does not have.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        use serde_json::Value as Json;
        Some(match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::from(*value),
            Value::Int(value) => Json::from(*value),
            Value::Float(value) => Json::Number(serde_json::Number::from_f64(*value)?),
            Value::Text(text) => Json::from(text.as_ref()),
            Value::List(items) => items.iter().map(Node::json).collect::<Option<_>>()?,
            Value::Map(members) => {
                let members =
                    members.iter().map(|member| Some((member.key.clone().into_owned(), member.value.json()?)));
                Json::Object(members.collect::<Option<_>>()?)
            }
        })
    }
}

impl ParseError {
    /// serde_json's own message without its "at line … column …", and never with the content it stumbled over. The column
    /// is serde_json's as well, which counts bytes.
    #[must_use]
    pub fn from_serde(error: &serde_json::Error) -> Self {
        let at =
            Mark { line: u32::try_from(error.line()).unwrap_or(0), column: u32::try_from(error.column()).unwrap_or(0) };
        let full = error.to_string();
        let message = match full.rfind(" at line ") {
            Some(end) => full.get(..end).unwrap_or(&full),
            None => &full,
        };
        Self { message: message.to_owned(), at }
    }
}

/// Where in an object the reader is: what nobody judges is passed over without being kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Metadata,
    Below,
}

impl Place {
    fn skips(self, key: &str) -> bool {
        match self {
            Place::Root => key == "status",
            Place::Metadata => key == "managedFields",
            Place::Below => false,
        }
    }

    fn below(self, key: &str) -> Self {
        if self == Place::Root && key == "metadata" { Place::Metadata } else { Place::Below }
    }
}

/// Reads one Kubernetes object out of a larger document, without `status` and `metadata.managedFields`.
#[derive(Clone, Copy)]
pub struct ObjectSeed<'b> {
    budget: &'b Cell<usize>,
    limits: JsonLimits,
    place: Place,
}

impl<'b> ObjectSeed<'b> {
    /// A reader of a whole object. `budget` counts down the values that may still be read.
    #[must_use]
    pub fn object(budget: &'b Cell<usize>) -> Self {
        Self { budget, limits: JsonLimits::UniqueKeys, place: Place::Root }
    }

    fn spend<E: Error>(&self) -> Result<(), E> {
        let left =
            self.budget.get().checked_sub(1).ok_or_else(|| E::custom(format_args!("more than {MAX_VALUES} values")))?;
        self.budget.set(left);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Node<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        self.spend()?;
        deserializer.deserialize_any(self).map(Node::new)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Int(value))
    }

    #[allow(clippy::cast_precision_loss)]
    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(ObjectSeed { place: Place::Below, ..self })? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut members: Vec<Member<'de>> = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            if self.place.skips(&key) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value_seed(ObjectSeed { place: self.place.below(&key), ..self })?;
            members.push(Member { key, key_at: Mark::default(), value });
        }
        if self.limits == JsonLimits::UniqueKeys && has_duplicate(&members) {
            return Err(A::Error::custom("a map has the same key twice"));
        }
        Ok(Value::Map(members))
    }
}

/// Small maps are compared pair by pair; the API server sends sorted keys, so that large ones seldom need sorting.
fn has_duplicate(members: &[Member<'_>]) -> bool {
    if members.windows(2).all(|pair| matches!(pair, [a, b] if a.key < b.key)) {
        return false;
    }
    let mut keys: Vec<&str> = members.iter().map(|member| member.key.as_ref()).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

/// A key, borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(value.to_owned()))
            }
        }
        deserializer.deserialize_str(KeyVisitor).map(Key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_read_already_is_the_same_tree() {
        let text = r#"{"a":[null,true,-1,1.5,18446744073709551615,"x"],"b":{"c":""},"d":5e1}"#;
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(Node::from(&value), from_json(text.as_bytes(), JsonLimits::UniqueKeys).unwrap());
    }

    #[test]
    fn a_tree_is_the_json_that_it_was_read_from_but_for_numbers_that_json_does_not_have() {
        let value = serde_json::json!({"a": [null, true, -1, 1.5, "x"], "b": {"c": ""}});
        assert_eq!(Node::from(&value).json(), Some(value));
        let list = |last| Node::new(Value::List(vec![Node::new(Value::Int(1)), Node::new(Value::Float(last))]));
        assert_eq!(list(2.5).json(), Some(serde_json::json!([1, 2.5])));
        assert_eq!(list(f64::INFINITY).json(), None);
    }
}
