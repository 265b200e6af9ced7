//! What is wrong with an expression, and where.

use std::fmt;

/// The first thing in an expression that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The character at which it is, counted from 1.
    pub column: usize,
    /// What it is.
    pub message: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl Fault {
    /// Something wrong at a byte of a text.
    pub(super) fn at(text: &str, byte: usize, message: impl Into<String>) -> Self {
        let column = text.get(..byte).map_or(0, |before| before.chars().count()).saturating_add(1);
        Self { column, message: message.into(), hint: None }
    }

    /// With a hint.
    pub(super) fn with(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at character {})", self.message, self.column)
    }
}
