//! Where a finding sits: a path from the object's root, grown on the stack and copied only when something is found.

use std::fmt;

use super::text::escaped;

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
                Segment::Field(name) if depth == 0 => write!(f, "{}", escaped(name))?,
                Segment::Field(name) => write!(f, ".{}", escaped(name))?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => write!(f, "[{}]", escaped(key))?,
            }
        }
        Ok(())
    }
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
