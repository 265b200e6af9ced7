//! The tree that everything is judged on: values as read, each with its place in the source.

use std::borrow::Cow;

/// A place in the source. Lines and columns count from 1; 0 means that the reader did not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A value and its place in the source.
#[derive(Clone, Debug, Default)]
pub struct Node<'a> {
    /// The value.
    pub value: Value<'a>,
    /// Where it starts.
    pub at: Mark,
}

/// A value as JSON knows it. Numbers keep the difference between an integer and anything else.
#[derive(Clone, Debug, Default)]
pub enum Value<'a> {
    /// `null`, which counts as absent wherever it is a member of a map.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer within 64 bits.
    Int(i64),
    /// Any other number: a fraction, a larger integer, in YAML also an infinity or NaN.
    Float(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Node<'a>>),
    /// A map, in source order, duplicate keys included: the last one counts, as in kubectl.
    Map(Vec<Member<'a>>),
}

/// One member of a map.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// The key.
    pub key: Cow<'a, str>,
    /// Where the key starts.
    pub key_at: Mark,
    /// The value.
    pub value: Node<'a>,
}

impl<'a> Node<'a> {
    /// A value that stands in no source.
    #[must_use]
    pub fn new(value: Value<'a>) -> Self {
        Self { value, at: Mark::default() }
    }

    /// The member of that name; absent also if it is null or this is no map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.members()
            .iter()
            .rev()
            .find(|member| member.key == key)
            .map(|member| &member.value)
            .filter(|node| !node.is_null())
    }

    /// As [`Node::get`], to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node<'a>> {
        match &mut self.value {
            Value::Map(members) => members
                .iter_mut()
                .rev()
                .find(|member| member.key == key)
                .map(|member| &mut member.value)
                .filter(|node| !node.is_null()),
            _ => None,
        }
    }

    /// The member at the end of a chain of names.
    #[must_use]
    pub fn find(&self, keys: &[&str]) -> Option<&Node<'a>> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The members, none if this is no map.
    #[must_use]
    pub fn members(&self) -> &[Member<'a>] {
        match &self.value {
            Value::Map(members) => members,
            _ => &[],
        }
    }

    /// The items, none if this is no list.
    #[must_use]
    pub fn items(&self) -> &[Node<'a>] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one; `50.0` and `5e1` are.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self.value {
            Value::Int(int) => Some(int),
            // 2^63 is the first float beyond i64; below it every integral float converts exactly.
            #[allow(clippy::cast_possible_truncation)]
            Value::Float(float) if float.fract() == 0.0 && float.abs() < 9_223_372_036_854_775_808.0 => {
                Some(float as i64)
            }
            _ => None,
        }
    }

    /// The text of the member of that name, if it is there and a text.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// The integer of the member of that name, if it is there and an integer.
    #[must_use]
    pub fn integer_of(&self, key: &str) -> Option<i64> {
        self.get(key)?.integer()
    }

    /// Whether this is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Whether this is a map.
    #[must_use]
    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// The JSON type in words, for messages.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(_) if self.integer().is_some() => "an integer",
            Value::Float(float) if float.is_finite() && float.fract() == 0.0 => "an integer of more than 64 bits",
            Value::Float(_) => "a number with a fraction",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// Two trees are equal if they mean the same: the places in the source and the order of members do not count, and a
/// member that is null is absent.
impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::List(a), Value::List(b)) => a == b,
            (Value::Map(a), Value::Map(b)) => same_members(a, b),
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Int(_), Value::Float(_)) | (Value::Float(_), Value::Int(_)) => {
                self.integer() == other.integer() && self.integer().is_some()
            }
            _ => false,
        }
    }
}

fn same_members(a: &[Member<'_>], b: &[Member<'_>]) -> bool {
    let in_order = a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key == b.key);
    if in_order {
        return a.iter().zip(b).all(|(a, b)| a.value == b.value);
    }
    let (a, b) = (sorted(a), sorted(b));
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.key == b.key && a.value == b.value)
}

/// The members that count, by key: of several with one key the last, and none that is null.
fn sorted<'m, 'a>(members: &'m [Member<'a>]) -> Vec<&'m Member<'a>> {
    let mut all: Vec<&Member<'a>> = members.iter().rev().collect();
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all.dedup_by(|later, first| later.key == first.key);
    all.retain(|member| !member.value.is_null());
    all
}
