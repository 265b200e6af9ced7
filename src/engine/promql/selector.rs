//! Selectors: `name{label="value", other=~"regex"}`, and the labels in parentheses of `by` and `on`.

use super::Fault;
use super::expression::Parser;
use super::token::Piece;
use super::types::{Part, Type};

/// What was seen of a selector so far.
struct Seen {
    /// The name, before the braces or alone in quotes.
    named: bool,
    /// A matcher of the label that the name is.
    by_label: bool,
    /// Something that a series without labels would not match.
    narrows: bool,
}

impl Parser<'_> {
    /// A selector whose name, if it has one, is already read.
    pub(super) fn selector(&mut self, at: usize, name: Option<&str>) -> Result<Part, Fault> {
        let mut seen = Seen { named: name.is_some(), by_label: false, narrows: name.is_some() };
        if self.takes("{") {
            while !self.takes("}") {
                self.matcher(&mut seen)?;
                if !self.takes(",") {
                    self.expect("}")?;
                    break;
                }
            }
            if !seen.narrows {
                let message = "a selector has nothing that a series without labels would not match";
                return Err(self.fault(at, message).with("name the metric"));
            }
        }
        Ok(Part::timed(Type::Vector, true, 0, at))
    }

    /// One matcher. A text alone is the metric's name, which Prometheus 3 writes so if it is none as they were.
    fn matcher(&mut self, seen: &mut Seen) -> Result<(), Fault> {
        let at = self.at();
        let (label, quoted) = match self.next() {
            Piece::Word(word) if !word.contains(':') => (word.to_owned(), false),
            Piece::Text(text) => (text, true),
            other => return Err(self.unexpected(at, &other, "a label or '}'")),
        };
        let twice = || self.fault(at, "a selector names the metric twice");
        let operator = ["=", "!=", "=~", "!~"].into_iter().find(|operator| self.is_sign_after(0, operator));
        let Some(operator) = operator else {
            if !quoted {
                let message = format!("a label is compared by =, !=, =~ or !~, and '{label}' is not");
                return Err(self.fault(self.at(), message));
            }
            if seen.named || seen.by_label {
                return Err(twice());
            }
            (seen.named, seen.narrows) = (true, true);
            return Ok(());
        };
        if label == "__name__" {
            if seen.named {
                return Err(twice());
            }
            seen.by_label = true;
        }
        self.expect(operator)?;
        let value_at = self.at();
        let value = match self.next() {
            Piece::Text(text) => text,
            other => return Err(self.unexpected(value_at, &other, "a text in quotes")),
        };
        // Whether a series without the label would match. Other regular expressions are for Prometheus to judge.
        let everything = matches!(value.as_str(), "" | ".*" | "(.*)" | "^.*$");
        seen.narrows |= match operator {
            "=" => !value.is_empty(),
            "!=" => value.is_empty(),
            "=~" => !everything,
            _ => everything,
        };
        Ok(())
    }

    /// Labels in parentheses.
    pub(super) fn labels(&mut self) -> Result<Vec<String>, Fault> {
        self.expect("(")?;
        let mut labels = Vec::new();
        while !self.takes(")") {
            let at = self.at();
            match self.next() {
                Piece::Word(word) if !word.contains(':') => labels.push(word.to_owned()),
                Piece::Text(text) if !text.is_empty() => labels.push(text),
                other => return Err(self.unexpected(at, &other, "a label or ')'")),
            }
            if !self.takes(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(labels)
    }
}
