//! PromQL, as far as a metric needs it: whether Prometheus would take an expression, whether it gives a value, and how far back it
//! looks. Nothing is computed.
//!
//! The grammar is that of Prometheus 3, experimental functions included; a server that is older or has them turned off says so when it
//! is asked. Regular expressions are left to it too.
//!
//! No tree is kept: each part of an expression is reduced to what its surroundings ask of it, so that a long expression costs no more
//! than a short one.
//!
//! Inside: `fault`, `token`, `functions` ← `types` ← `selector`, `operators`, `expression` ← this.

mod expression;
mod fault;
mod functions;
mod operators;
mod selector;
#[cfg(test)]
mod tests;
mod token;
mod types;

use std::time::Duration;

pub use fault::Fault;

use expression::Parser;
use types::Type;

/// The longest expression that is read, in bytes: more than any dashboard has, and short enough for a URL.
pub const MAX_BYTES: usize = 4096;

/// An expression that gives a number for each of any number of series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expression {
    /// How far back it looks: its longest range, with those around it and what it is offset by. Nothing if it only looks at now.
    pub reach: Duration,
}

/// Reads an expression.
///
/// # Errors
/// The first thing that Prometheus would not take, or that the expression gives no numbers of now.
pub fn parse(text: &str) -> Result<Expression, Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::at(text, 0, format!("is longer than {MAX_BYTES} bytes")).with("name a recording rule"));
    }
    let tokens = token::tokens(text)?;
    let whole = Parser::new(text, tokens).whole()?;
    match whole.type_ {
        Type::Scalar | Type::Vector => {}
        Type::Range => {
            let message = "gives a range of values for each series, not one";
            return Err(Fault::at(text, 0, message).with("rate(…) or avg_over_time(…) around it makes one of them"));
        }
        Type::Text => return Err(Fault::at(text, 0, "gives a text, not a number")),
    }
    Ok(Expression { reach: Duration::from_millis(u64::try_from(whole.reach).unwrap_or_default()) })
}

/// Whether a text is the name of a metric, and not an expression.
#[must_use]
pub fn is_metric_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, '_' | ':'))
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
}
