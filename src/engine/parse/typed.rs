//! A tree read into a type. What is null is absent, and of two members of one name the last counts, as everywhere.

use std::fmt::{self, Display};

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::{Member, Node, Value};

/// A tree does not have the form that was asked for. It says no more, because what does not fit may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value does not have the form that was asked for")]
pub struct Misfit;

impl serde::de::Error for Misfit {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

impl Node<'_> {
    /// Reads the tree into a type, borrowing its texts where the type does.
    ///
    /// # Errors
    /// If it does not have the form of that type.
    pub fn typed<'de, T: Deserialize<'de>>(&'de self) -> Result<T, Misfit> {
        T::deserialize(Typed(self))
    }
}

/// A tree on its way into a type.
#[derive(Clone, Copy)]
struct Typed<'de>(&'de Node<'de>);

impl<'de> IntoDeserializer<'de, Misfit> for Typed<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The members that count.
fn members<'de>(all: &'de [Member<'de>]) -> impl Iterator<Item = (&'de str, Typed<'de>)> {
    all.iter().enumerate().filter(|(_, member)| !member.value.is_null()).filter_map(move |(index, member)| {
        let later = all.get(index + 1..).unwrap_or_default();
        // Whoever reads JSON refuses such maps, and whoever reads YAML tells of them: there are none where it would take long.
        let is_last = all.len() > MOST_LOOKED_THROUGH || !later.iter().any(|other| other.key == member.key);
        is_last.then_some((member.key.as_ref(), Typed(&member.value)))
    })
}

/// In how large a map members of one name are looked for.
const MOST_LOOKED_THROUGH: usize = 64;

impl<'de> Deserializer<'de> for Typed<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let Self(node) = self;
        match &node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(value) => visitor.visit_i64(*value),
            Value::Float(value) => match node.integer() {
                Some(integer) => visitor.visit_i64(integer),
                None => visitor.visit_f64(*value),
            },
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => SeqDeserializer::new(items.iter().map(Typed)).deserialize_any(visitor),
            Value::Map(all) => MapDeserializer::new(members(all)).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let text: StrDeserializer<'_, Misfit> = self.0.text().ok_or(Misfit)?.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    /// A list is no struct, though serde would take one for it.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if self.0.is_map() { self.deserialize_any(visitor) } else { Err(Misfit) }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl fmt::Debug for Typed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Typed")
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as Derive;

    use super::*;
    use crate::api::IntOrString;
    use crate::engine::parse::{JsonLimits, documents, from_json};

    #[derive(Debug, PartialEq, Derive)]
    struct Wanted<'a> {
        text: &'a str,
        #[serde(default)]
        number: Option<i32>,
        #[serde(default)]
        list: Vec<IntOrString>,
        #[serde(default)]
        scheme: crate::api::Scheme,
    }

    fn read(json: &str) -> Result<String, Misfit> {
        let node = from_json(json.as_bytes(), JsonLimits::KeepDuplicates).unwrap();
        node.typed::<Wanted<'_>>().map(|wanted| format!("{wanted:?}"))
    }

    #[test]
    fn what_fits_is_read_and_nulls_are_absent() {
        let plain = r#"Wanted { text: "a", number: None, list: [], scheme: Http }"#;
        for json in [r#"{"text":"a"}"#, r#"{"text":"a","number":null,"list":null,"scheme":null,"other":{"x":[null]}}"#]
        {
            assert_eq!(read(json).unwrap(), plain);
        }
        assert_eq!(
            read(r#"{"text":"a","number":5e1,"list":[1,"500m",2.0],"scheme":"https"}"#).unwrap(),
            r#"Wanted { text: "a", number: Some(50), list: [Int(1), String("500m"), Int(2)], scheme: Https }"#
        );
        assert_eq!(read(r#"{"text":"a","text":"b"}"#).unwrap(), plain.replace("\"a\"", "\"b\""));
    }

    #[test]
    fn texts_are_borrowed_from_yaml_too() {
        let document = documents(b"text: plain\nnumber: 0x10\n").next().unwrap().content.unwrap();
        assert_eq!(document.typed::<Wanted<'_>>().unwrap().number, Some(16));
    }

    #[test]
    fn what_does_not_fit_says_nothing_of_itself() {
        for json in [
            r#"{"text":7}"#,
            r#"{}"#,
            r#"{"text":"a","number":"hunter2"}"#,
            r#"{"text":"a","number":2147483648}"#,
            r#"{"text":"a","list":[0.5]}"#,
            r#"{"text":"a","scheme":"hunter2"}"#,
            r#"{"text":"a","scheme":{"https":1}}"#,
            r#"["a"]"#,
        ] {
            let error = read(json).unwrap_err();
            assert_eq!(error.to_string(), "the value does not have the form that was asked for", "{json}");
        }
    }
}
