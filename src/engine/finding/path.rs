//! Where a finding sits: a path from the object's root, grown on the stack and copied only when something is found.

use std::fmt;

use super::text::{MAX_VALUE, escaped};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// A field of the schema: `.name`.
    Field(Box<str>),
    /// An item of a list, from 0: `[0]`.
    Index(usize),
    /// A key of a free map: `[key]`.
    Key(Box<str>),
}

/// A path from the object's root, such as `spec.policies[0].name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Segment>);

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) if depth == 0 => write!(f, "{}", short(name))?,
                Segment::Field(name) => write!(f, ".{}", short(name))?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                // A key such as "X-Token: secret" has swallowed its value.
                Segment::Key(key) => match key.split_once(':') {
                    Some((name, rest)) if !rest.is_empty() => write!(f, "[{}:…]", short(name))?,
                    _ => write!(f, "[{}]", short(key))?,
                },
            }
        }
        Ok(())
    }
}

/// A name as people see it: a key may be a megabyte long.
fn short(name: &str) -> impl fmt::Display + '_ {
    let end = name.char_indices().nth(MAX_VALUE).map_or(name.len(), |(end, _)| end);
    let cut = if end < name.len() { "…" } else { "" };
    fmt::from_fn(move |f| write!(f, "{}{cut}", escaped(name.get(..end).unwrap_or(name))))
}

/// A place under judgement: a path that lives on the stack while the judge walks down.
#[derive(Clone, Copy, Debug)]
pub struct At<'p> {
    above: Option<&'p At<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Index(usize),
    Key(&'p str),
}

impl<'p> At<'p> {
    /// The object itself.
    #[must_use]
    pub const fn root() -> Self {
        Self { above: None, step: Step::Root }
    }

    /// A field below this place.
    #[must_use]
    pub const fn field(&'p self, name: &'p str) -> At<'p> {
        At { above: Some(self), step: Step::Field(name) }
    }

    /// An item below this place.
    #[must_use]
    pub const fn index(&'p self, index: usize) -> At<'p> {
        At { above: Some(self), step: Step::Index(index) }
    }

    /// A key of a free map below this place.
    #[must_use]
    pub const fn key(&'p self, key: &'p str) -> At<'p> {
        At { above: Some(self), step: Step::Key(key) }
    }

    /// The path to keep.
    #[must_use]
    pub fn path(&self) -> Path {
        let mut segments = Vec::new();
        let mut place = Some(self);
        while let Some(at) = place {
            match at.step {
                Step::Root => {}
                Step::Field(name) => segments.push(Segment::Field(name.into())),
                Step::Index(index) => segments.push(Segment::Index(index)),
                Step::Key(key) => segments.push(Segment::Key(key.into())),
            }
            place = at.above;
        }
        segments.reverse();
        Path(segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_shows_neither_a_secret_nor_a_megabyte() {
        let root = At::root();
        let spec = root.field("spec");
        assert_eq!(spec.key("X-Token: hunter2").path().to_string(), "spec[X-Token:…]");
        assert_eq!(spec.field("https://u:hunter2@h").path().to_string(), "spec.https://…@h");
        let long = "k".repeat(1 << 20);
        assert_eq!(spec.key(&long).path().to_string(), format!("spec[{}…]", "k".repeat(MAX_VALUE)));
        assert_eq!(spec.index(3).path().to_string(), "spec[3]");
    }
}
