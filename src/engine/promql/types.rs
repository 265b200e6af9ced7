//! What a part of an expression gives, as far as its surroundings ask.

use std::fmt;

/// The type of what a part gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Scalar,
    /// A value for each series.
    Vector,
    /// Values over a time for each series.
    Range,
    Text,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "a scalar",
            Self::Vector => "an instant vector",
            Self::Range => "a range vector",
            Self::Text => "a text",
        })
    }
}

/// A part of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) type_: Type,
    pub(super) form: Form,
    /// How far back it looks, in milliseconds; below 0 if it only looks ahead.
    pub(super) reach: i64,
    /// The byte at which it starts.
    pub(super) at: usize,
}

/// What may still follow a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A selector, a range of one, or a subquery: `offset` and `@`, each once.
    Timed { selector: bool, offset: bool, at: bool },
    /// Anything else.
    Other,
}

impl Part {
    /// A part that is complete.
    pub(super) const fn other(type_: Type, reach: i64, at: usize) -> Self {
        Self { type_, form: Form::Other, reach, at }
    }

    /// A part that may be moved in time.
    pub(super) const fn timed(type_: Type, selector: bool, reach: i64, at: usize) -> Self {
        Self { type_, form: Form::Timed { selector, offset: false, at: false }, reach, at }
    }
}
