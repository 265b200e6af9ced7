//! Selectors: `name{label="value", other=~"regex"}`, and the labels in parentheses of `by` and `on`.

use super::Fault;
use super::expression::Parser;
use super::token::Piece;
use super::types::{Part, Type};

impl<'t> Parser<'t> {
    /// A selector whose name, if it has one, is already read.
    pub(super) fn selector(&mut self, at: usize, name: Option<&str>) -> Result<Part, Fault> {
        let (mut named, mut narrows) = (name.is_some(), name.is_some());
        if self.takes("{") {
            while !self.takes("}") {
                self.matcher(&mut named, &mut narrows)?;
                if !self.takes(",") {
                    self.expect("}")?;
                    break;
                }
            }
            if !narrows {
                return Err(self
                    .fault(at, "a selector has nothing that a series without labels would not match")
                    .with("name the metric"));
            }
        }
        Ok(Part::timed(Type::Vector, true, 0, at))
    }

    /// One matcher. A text alone is the metric's name, which Prometheus 3 writes so if it is none as they were.
    fn matcher(&mut self, named: &mut bool, narrows: &mut bool) -> Result<(), Fault> {
        let at = self.at();
        let (label, quoted) = match self.next() {
            Piece::Word(word) if !word.contains(':') => (word.to_owned(), false),
            Piece::Text(text) => (text, true),
            other => return Err(self.unexpected(at, &other, "a label or '}'")),
        };
        let operator = ["=", "!=", "=~", "!~"].into_iter().find(|operator| self.takes(operator));
        let Some(operator) = operator else {
            if !quoted {
                return Err(
                    self.fault(self.at(), format!("a label is compared by =, !=, =~ or !~, and '{label}' is not"))
                );
            }
            self.name_once(at, named)?;
            *narrows = true;
            return Ok(());
        };
        let value_at = self.at();
        let value = match self.next() {
            Piece::Text(text) => text,
            other => return Err(self.unexpected(value_at, &other, "a text in quotes")),
        };
        if label == "__name__" && operator == "=" {
            self.name_once(at, named)?;
        }
        // Whether a series without the label would match. Other regular expressions are for Prometheus to judge.
        let matches_nothing = match operator {
            "=" => value.is_empty(),
            "!=" => !value.is_empty(),
            "=~" => matches!(value.as_str(), "" | ".*" | "(.*)" | "^.*$"),
            _ => !matches!(value.as_str(), "" | ".*" | "(.*)" | "^.*$"),
        };
        *narrows |= !matches_nothing;
        Ok(())
    }

    fn name_once(&self, at: usize, named: &mut bool) -> Result<(), Fault> {
        if std::mem::replace(named, true) {
            return Err(self.fault(at, "a selector names the metric twice"));
        }
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
