//! JSON objects one after another, with the place of every value.
//!
//! serde_json decides what is JSON and gives the values; a second walk over text that is known to be right gives the
//! places.

use serde_json::value::RawValue;

use super::compose::{self, AliasBudget};
use super::{advance, error};
use crate::engine::parse::{JsonLimits, Mark, Node, ParseError, Value, from_json};

/// Reads a piece that begins with `{`. Where it is no JSON it is YAML, as long as at most one object was read.
pub(super) fn read<'a>(
    text: &'a str,
    line: u32,
    budget: &mut AliasBudget,
) -> Vec<Result<Option<Node<'a>>, ParseError>> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut at = Mark { line, column: 1 };
    while !rest.trim_start().is_empty() {
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<&'a RawValue>();
        match stream.next() {
            Some(Ok(raw)) => {
                let used = stream.byte_offset();
                out.push(object(raw.get(), place_of(raw.get(), rest, at)));
                at = advance(at, rest.get(..used).unwrap_or(rest));
                rest = rest.get(used..).unwrap_or_default();
            }
            Some(Err(stop)) => {
                let stop = shifted(ParseError::from_serde(&stop), rest, at);
                if out.len() > 1 {
                    out.push(Err(stop));
                    return out;
                }
                out.extend(as_yaml(rest, at, stop, out.is_empty(), budget));
                return out;
            }
            None => return out,
        }
    }
    out
}

/// Reads as YAML what is no JSON. If it is neither, the error that helps is the one of the form it was meant to have.
fn as_yaml<'a>(
    text: &'a str,
    at: Mark,
    json: ParseError,
    first: bool,
    budget: &mut AliasBudget,
) -> Vec<Result<Option<Node<'a>>, ParseError>> {
    let mut read = compose::read(text, at, budget);
    let meant_as_json = || {
        let inside = text.trim_start().strip_prefix('{').map(str::trim_start).unwrap_or_default();
        inside.is_empty() || inside.starts_with('"') || inside.starts_with('}')
    };
    if first
        && meant_as_json()
        && let Some(Err(stop)) = read.iter_mut().find(|content| content.is_err())
    {
        *stop = json;
    }
    read.retain(|content| !matches!(content, Ok(None)));
    read
}

/// Where a value stands that is a part of `rest`, which begins at `at`.
fn place_of(value: &str, rest: &str, at: Mark) -> Mark {
    // Only white space can stand before it.
    let space = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    debug_assert!(rest.get(space..).is_some_and(|rest| rest.starts_with(value)));
    advance(at, rest.get(..space).unwrap_or_default())
}

fn object(text: &str, at: Mark) -> Result<Option<Node<'_>>, ParseError> {
    let mut node = from_json(text.as_bytes(), JsonLimits::KeepDuplicates).map_err(|stop| shifted(stop, text, at))?;
    if node.is_null() {
        return Ok(None);
    }
    Cursor { rest: text, at }.mark(&mut node);
    Ok(Some(node))
}

/// The place of a fault in `text`, which begins at `base`. serde_json counts columns in bytes.
fn shifted(stop: ParseError, text: &str, base: Mark) -> ParseError {
    let number = |small: u32| usize::try_from(small).unwrap_or(usize::MAX);
    let above = stop.at.line.saturating_sub(1);
    let line = text.split('\n').nth(number(above)).unwrap_or_default();
    let characters = line.char_indices().take_while(|(byte, _)| *byte < number(stop.at.column)).count();
    let column = u32::try_from(characters).unwrap_or(u32::MAX).max(1);
    let at = match above {
        0 => Mark { line: base.line, column: base.column.saturating_add(column - 1) },
        _ => Mark { line: base.line.saturating_add(above), column },
    };
    error(stop.message, at)
}

/// Walks over JSON that is known to be right, beside the tree that was read from it.
struct Cursor<'t> {
    rest: &'t str,
    at: Mark,
}

impl Cursor<'_> {
    fn mark(&mut self, node: &mut Node<'_>) {
        self.skip_to_value();
        node.at = self.at;
        match &mut node.value {
            Value::List(items) => {
                self.skip(1);
                for item in items {
                    self.mark(item);
                }
                self.close();
            }
            Value::Map(members) => {
                self.skip(1);
                for member in members {
                    self.skip_to_value();
                    member.key_at = self.at;
                    self.skip_text();
                    self.mark(&mut member.value);
                }
                self.close();
            }
            Value::Text(_) => self.skip_text(),
            _ => self.skip(self.rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len())),
        }
    }

    /// White space, and the `,` and `:` between values.
    fn skip_to_value(&mut self) {
        self.skip(self.rest.find(|c| !matches!(c, ' ' | '\t' | '\n' | '\r' | ',' | ':')).unwrap_or(self.rest.len()));
    }

    /// The bracket that ends a list or a map, nothing but space standing before it.
    fn close(&mut self) {
        self.skip(self.rest.find([']', '}']).map_or(self.rest.len(), |end| end + 1));
    }

    fn skip_text(&mut self) {
        let mut escaped = true; // The opening quote ends nothing.
        let end = self.rest.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        self.skip(end.map_or(self.rest.len(), |end| end + 1));
    }

    fn skip(&mut self, bytes: usize) {
        let (over, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.at = advance(self.at, over);
        self.rest = rest;
    }
}
