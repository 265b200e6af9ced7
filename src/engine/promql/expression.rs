//! Expressions: what stands around selectors, by precedence.

use super::Fault;
use super::functions::{AGGREGATIONS, Function, names};
use super::token::{Piece, Token};
use super::types::{Form, Part, Type};
use crate::engine::finding::quoted;
use crate::engine::suggest;

/// How deep parentheses and the like may be nested.
const DEEPEST: usize = 64;

/// The precedence of a power, which binds tighter than a sign before it.
const POWER: u8 = 6;

/// Words that are no name of a metric where an expression starts.
const RESERVED: [&str; 6] = ["bool", "on", "ignoring", "group_left", "group_right", "atan2"];

/// What reads an expression, piece by piece.
pub(super) struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    next: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, tokens: Vec<Token<'t>>) -> Self {
        Self { text, tokens, next: 0, depth: 0 }
    }

    /// The expression, to its end.
    pub(super) fn whole(mut self) -> Result<Part, Fault> {
        let part = self.expression(0)?;
        match self.peek() {
            Piece::End => Ok(part),
            other => Err(self.unexpected(self.at(), &other.clone(), "an operator or the end")),
        }
    }

    pub(super) fn fault(&self, at: usize, message: impl Into<String>) -> Fault {
        Fault::at(self.text, at, message)
    }

    pub(super) fn unexpected(&self, at: usize, piece: &Piece<'_>, wanted: &str) -> Fault {
        let found = match piece {
            Piece::End => "it ends".to_owned(),
            _ => {
                let rest = self.text.get(at..).unwrap_or_default();
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                format!("there is {}", quoted(rest.get(..end.min(20)).unwrap_or(rest)))
            }
        };
        self.fault(at, format!("{found} where {wanted} belongs"))
    }

    fn peek(&self) -> &Piece<'t> {
        self.tokens.get(self.next).map_or(&Piece::End, |token| &token.piece)
    }

    /// Where the next piece starts.
    pub(super) fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |token| token.at)
    }

    pub(super) fn next(&mut self) -> Piece<'t> {
        let piece = self.peek().clone();
        self.next += 1;
        piece
    }

    /// Whether the next piece is this sign, which is passed over then.
    pub(super) fn takes(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Piece::Sign(next) if *next == sign);
        self.next += usize::from(is);
        is
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<(), Fault> {
        if self.takes(sign) {
            return Ok(());
        }
        Err(self.unexpected(self.at(), &self.peek().clone(), &format!("'{sign}'")))
    }

    /// Whether the next piece is this word of the language, in any letter case, which is passed over then.
    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Piece::Word(next) if next.eq_ignore_ascii_case(word));
        self.next += usize::from(is);
        is
    }

    pub(super) fn is_sign_after(&self, ahead: usize, sign: &str) -> bool {
        let token = self.tokens.get(self.next.saturating_add(ahead));
        matches!(token, Some(Token { piece: Piece::Sign(next), .. }) if *next == sign)
    }

    /// The binary operator that comes next, and its precedence.
    fn operator(&self) -> Option<(&'static str, u8)> {
        const WORDS: [(&str, u8); 4] = [("or", 1), ("and", 2), ("unless", 2), ("atan2", 5)];
        match self.peek() {
            Piece::Word(word) => WORDS.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)),
            Piece::Sign(sign) => match *sign {
                "==" | "!=" | "<=" | ">=" | "<" | ">" => Some((sign, 3)),
                "+" | "-" => Some((sign, 4)),
                "*" | "/" | "%" => Some((sign, 5)),
                "^" => Some((sign, POWER)),
                _ => None,
            },
            _ => None,
        }
    }

    /// An expression of operators that bind at least so tightly.
    pub(super) fn expression(&mut self, tightest: u8) -> Result<Part, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.fault(self.at(), format!("is nested more than {DEEPEST} deep")));
        }
        let mut left = self.signed()?;
        while let Some((operator, precedence)) = self.operator().filter(|(_, precedence)| *precedence >= tightest) {
            let at = self.at();
            self.next += 1;
            let matching = self.matching(operator)?;
            // Only powers are read from the right.
            let right = self.expression(if precedence == POWER { POWER } else { precedence + 1 })?;
            left = self.combined(at, operator, matching, left, right)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// A part with or without signs before it.
    fn signed(&mut self) -> Result<Part, Fault> {
        let at = self.at();
        if !self.takes("+") && !self.takes("-") {
            return self.timed();
        }
        let part = self.expression(POWER)?;
        match part.type_ {
            Type::Scalar | Type::Vector => Ok(Part::other(part.type_, part.reach, at)),
            other => {
                Err(self.fault(at, format!("a sign stands before a scalar or an instant vector, not before {other}")))
            }
        }
    }

    /// A part with the range, `offset` and `@` after it.
    fn timed(&mut self) -> Result<Part, Fault> {
        let mut part = self.primary()?;
        loop {
            let at = self.at();
            if self.takes("[") {
                part = self.range(at, part)?;
            } else if self.takes_word("offset") {
                let moved = self.signed_duration()?;
                let Form::Timed { offset: offset @ false, .. } = &mut part.form else {
                    return Err(self.misplaced(at, "offset", part));
                };
                *offset = true;
                part.reach = part.reach.saturating_add(moved);
            } else if self.takes("@") {
                self.moment()?;
                let Form::Timed { at: moment @ false, .. } = &mut part.form else {
                    return Err(self.misplaced(at, "@", part));
                };
                *moment = true;
            } else {
                return Ok(part);
            }
        }
    }

    fn misplaced(&self, at: usize, what: &str, part: Part) -> Fault {
        match part.form {
            Form::Timed { .. } => self.fault(at, format!("{what} stands twice")),
            Form::Other => self.fault(at, format!("{what} stands after a selector, its range, or a subquery")),
        }
    }

    /// What follows a `[`: a range, or a subquery if there is a colon.
    fn range(&mut self, at: usize, part: Part) -> Result<Part, Fault> {
        let range = self.positive_duration()?;
        if self.takes(":") {
            if !self.takes("]") {
                self.positive_duration()?;
                self.expect("]")?;
            }
            if part.type_ != Type::Vector {
                return Err(self.fault(part.at, format!("a subquery is of an instant vector, not of {}", part.type_)));
            }
            return Ok(Part::timed(Type::Range, false, part.reach.saturating_add(range), part.at));
        }
        self.expect("]")?;
        match part.form {
            Form::Timed { selector: true, offset: false, at: false } => {
                Ok(Part::timed(Type::Range, false, range, part.at))
            }
            Form::Timed { selector: true, .. } => Err(self.fault(at, "the range stands before offset and @")),
            _ => Err(self
                .fault(at, "a range is of a selector")
                .with("for anything else it takes a subquery, such as [30m:1m]")),
        }
    }

    /// In milliseconds.
    fn positive_duration(&mut self) -> Result<i64, Fault> {
        let at = self.at();
        let millis = match self.next() {
            Piece::Duration(millis) => millis,
            Piece::Number(seconds) => to_millis(seconds),
            other => return Err(self.unexpected(at, &other, "a duration such as 5m")),
        };
        if millis <= 0 {
            return Err(self.fault(at, "a duration here is more than 0"));
        }
        Ok(millis)
    }

    fn signed_duration(&mut self) -> Result<i64, Fault> {
        let negative = self.sign();
        let at = self.at();
        let millis = match self.next() {
            Piece::Duration(millis) => millis,
            Piece::Number(seconds) => to_millis(seconds),
            other => return Err(self.unexpected(at, &other, "a duration such as 5m")),
        };
        Ok(if negative { -millis } else { millis })
    }

    /// What follows an `@`.
    fn moment(&mut self) -> Result<(), Fault> {
        let signed = matches!(self.peek(), Piece::Sign("+" | "-"));
        self.sign();
        let at = self.at();
        match self.next() {
            Piece::Number(seconds) if seconds.is_finite() => Ok(()),
            Piece::Duration(_) => Ok(()),
            Piece::Word("start" | "end") if !signed => {
                self.expect("(")?;
                self.expect(")")
            }
            other => Err(self.unexpected(at, &other, "a Unix time, start() or end()")),
        }
    }

    /// Passes over a sign, and tells whether it was a minus.
    fn sign(&mut self) -> bool {
        let negative = self.takes("-");
        if !negative {
            self.takes("+");
        }
        negative
    }

    fn primary(&mut self) -> Result<Part, Fault> {
        let at = self.at();
        if matches!(self.peek(), Piece::Sign("{")) {
            return self.selector(at, None);
        }
        match self.next() {
            Piece::Number(_) | Piece::Duration(_) => Ok(Part::other(Type::Scalar, 0, at)),
            Piece::Text(_) => Ok(Part::other(Type::Text, 0, at)),
            Piece::Sign("(") => {
                let part = self.expression(0)?;
                self.expect(")")?;
                Ok(Part::other(part.type_, part.reach, at))
            }
            Piece::Word(word) => self.word(at, word),
            other => Err(self.unexpected(at, &other, "a metric, a number or a function")),
        }
    }

    /// What starts with a word: an aggregation, a function, a number, or a metric.
    fn word(&mut self, at: usize, word: &str) -> Result<Part, Fault> {
        let lower = word.to_ascii_lowercase();
        let called = self.is_sign_after(0, "(");
        let grouped = matches!(self.peek(), Piece::Word(next) if is_grouping(next)) && self.is_sign_after(1, "(");
        if let Some((name, parameter)) = AGGREGATIONS.iter().find(|(name, _)| *name == lower)
            && (called || grouped)
        {
            return self.aggregation(at, name, *parameter);
        }
        if called && !word.contains(':') {
            return self.call(at, word);
        }
        if matches!(lower.as_str(), "inf" | "nan") {
            return Ok(Part::other(Type::Scalar, 0, at));
        }
        if RESERVED.contains(&lower.as_str()) {
            return Err(self.fault(at, format!("'{word}' is a word of PromQL, and no metric")));
        }
        self.selector(at, Some(word))
    }

    /// The arguments in parentheses.
    fn arguments(&mut self) -> Result<Vec<Part>, Fault> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        if self.takes(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression(0)?);
            if !self.takes(",") {
                self.expect(")")?;
                return Ok(arguments);
            }
            if matches!(self.peek(), Piece::Sign(")")) {
                return Err(self.fault(self.at(), "arguments do not end with a comma"));
            }
        }
    }

    fn grouping(&mut self) -> Result<bool, Fault> {
        let is = matches!(self.peek(), Piece::Word(next) if is_grouping(next));
        if is {
            self.next += 1;
            self.labels()?;
        }
        Ok(is)
    }

    fn aggregation(&mut self, at: usize, name: &str, parameter: Option<Type>) -> Result<Part, Fault> {
        let before = self.grouping()?;
        let arguments = self.arguments()?;
        if !before {
            self.grouping()?;
        }
        let takes: Vec<Type> = parameter.into_iter().chain([Type::Vector]).collect();
        self.fits(at, name, (takes.len(), Some(takes.len())), &takes, &arguments)?;
        Ok(Part::other(Type::Vector, reach(&arguments), at))
    }

    fn call(&mut self, at: usize, name: &str) -> Result<Part, Fault> {
        let Some(function) = Function::find(name) else {
            let fault = self.fault(at, format!("there is no function {name}()"));
            let hint = suggest::closest(name, names()).map(|meant| format!("did you mean {meant}()?"));
            return Err(Fault { hint, ..fault });
        };
        let arguments = self.arguments()?;
        self.fits(at, name, function.arguments(), function.takes, &arguments)?;
        Ok(Part::other(function.gives, reach(&arguments), at))
    }

    /// Holds arguments to their number and their types.
    fn fits(
        &self,
        at: usize,
        name: &str,
        (fewest, most): (usize, Option<usize>),
        takes: &[Type],
        arguments: &[Part],
    ) -> Result<(), Fault> {
        let count = arguments.len();
        if count < fewest || most.is_some_and(|most| count > most) {
            let wanted = match most {
                Some(most) if most == fewest => fewest.to_string(),
                Some(most) => format!("{fewest} to {most}"),
                None => format!("{fewest} or more"),
            };
            let one = if wanted == "1" { "" } else { "s" };
            return Err(self.fault(at, format!("{name}() takes {wanted} argument{one}, and has {count}")));
        }
        for (index, argument) in arguments.iter().enumerate() {
            let Some(wanted) = takes.get(index).or(takes.last()) else { continue };
            if argument.type_ != *wanted {
                let fault = self.fault(argument.at, format!("{name}() takes {wanted} here, not {}", argument.type_));
                let selector = matches!(argument.form, Form::Timed { selector: true, .. });
                return Err(match (wanted, argument.type_) {
                    (Type::Range, Type::Vector) if selector => fault.with("a range such as [5m] after the selector"),
                    (Type::Range, Type::Vector) => fault.with("a subquery such as [30m:1m] after it"),
                    (Type::Vector, Type::Range) => fault.with("rate(…) or avg_over_time(…) around it"),
                    _ => fault,
                });
            }
        }
        Ok(())
    }
}

fn is_grouping(word: &str) -> bool {
    ["by", "without"].iter().any(|grouping| word.eq_ignore_ascii_case(grouping))
}

fn reach(arguments: &[Part]) -> i64 {
    arguments.iter().map(|part| part.reach).max().unwrap_or_default()
}

#[allow(clippy::cast_possible_truncation, reason = "the conversion of a float saturates")]
fn to_millis(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}
