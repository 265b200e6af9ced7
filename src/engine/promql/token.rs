//! An expression cut into words, numbers, durations, texts and signs.

use super::Fault;
use crate::engine::finding::quoted;

/// A piece of an expression, and the byte at which it starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'t> {
    pub(super) at: usize,
    pub(super) piece: Piece<'t>,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece<'t> {
    Number(f64),
    /// In milliseconds.
    Duration(i64),
    /// A text in quotes, read.
    Text(String),
    /// A name or a word of the language.
    Word(&'t str),
    Sign(&'static str),
    End,
}

/// Every sign, a longer one before those that it starts with.
const SIGNS: [&str; 25] = [
    "==", "=~", "!=", "!~", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "^", "(", ")", "{", "}", "[", "]", ",",
    ":", "@", "!",
];

/// The units of durations in the order in which they may stand, and their milliseconds.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Cuts an expression into its pieces, the last of which is its end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    // In a range, a colon is a sign and no part of a name.
    let mut in_range = false;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(first) = rest.chars().next() else { break };
        let (piece, length) = match first {
            ' ' | '\t' | '\n' | '\r' => {
                at += 1;
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' | '\'' | '`' => quoted_text(text, at, first)?,
            c if c.is_ascii_digit()
                || (c == '.' && rest.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))) =>
            {
                number(text, at)?
            }
            c if c.is_ascii_alphabetic() || c == '_' || (c == ':' && !in_range) => {
                let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || (c == ':' && !in_range);
                let length = rest.find(|c| !part(c)).unwrap_or(rest.len());
                (Piece::Word(rest.get(..length).unwrap_or_default()), length)
            }
            c => {
                let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) else {
                    let c = quoted(&c.to_string());
                    return Err(Fault::at(text, at, format!("has a character that PromQL does not know: {c}")));
                };
                in_range = match sign {
                    "[" => true,
                    "]" => false,
                    _ => in_range,
                };
                (Piece::Sign(sign), sign.len())
            }
        };
        tokens.push(Token { at, piece });
        at += length;
    }
    tokens.push(Token { at: text.len(), piece: Piece::End });
    Ok(tokens)
}

/// A number or a duration.
fn number(text: &str, at: usize) -> Result<(Piece<'_>, usize), Fault> {
    let rest = text.get(at..).unwrap_or_default();
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    let mut length = rest.find(|c| !part(c)).unwrap_or(rest.len());
    let word = |length: usize| rest.get(..length).unwrap_or_default();
    let hexadecimal = word(length).strip_prefix("0x").or_else(|| word(length).strip_prefix("0X"));
    if hexadecimal.is_none()
        && word(length).ends_with(['e', 'E'])
        && rest.get(length..).is_some_and(|rest| rest.starts_with(['+', '-']))
    {
        let exponent = rest.get(length + 1..).unwrap_or_default();
        length += 1 + exponent.find(|c| !part(c)).unwrap_or(exponent.len());
    }
    let word = word(length);
    let bad = || Fault::at(text, at, format!("{} is no number and no duration such as 5m or 1h30m", quoted(word)));
    // Between digits, and nowhere else.
    let digits = word.as_bytes().windows(3).filter(|window| matches!(window, [_, b'_', _]));
    let apart =
        digits.filter(|window| matches!(window, [a, _, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())).count();
    if apart != word.matches('_').count() {
        return Err(bad());
    }
    let plain = word.replace('_', "");
    let piece = if hexadecimal.is_some() {
        let digits = plain.get(2..).unwrap_or_default();
        // Beyond that it is the same to a float, and Prometheus takes no more.
        let number = u64::from_str_radix(digits, 16).map_err(|_| bad())?;
        #[allow(clippy::cast_precision_loss, reason = "that is what a number in PromQL is")]
        Piece::Number(number as f64)
    } else if let Some(duration) = duration(word) {
        Piece::Duration(duration)
    } else {
        Piece::Number(plain.parse().map_err(|_| bad())?)
    };
    Ok((piece, length))
}

/// The milliseconds of a duration: units from the largest to the smallest, each once.
fn duration(word: &str) -> Option<i64> {
    let (mut rest, mut units, mut total) = (word, UNITS.as_slice(), 0_i64);
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let unit = after.get(..after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()))?;
        let place = units.iter().position(|(name, _)| *name == unit)?;
        let (_, millis) = units.get(place)?;
        total = total.checked_add(digits.parse::<i64>().ok()?.checked_mul(*millis)?)?;
        units = units.get(place + 1..)?;
        rest = after.get(unit.len()..)?;
    }
    // Prometheus counts in nanoseconds.
    Some(total).filter(|total| *total <= i64::MAX / 1_000_000)
}

/// A text in quotes, which Go's escapes are read in unless the quotes are backticks.
fn quoted_text(text: &str, at: usize, quote: char) -> Result<(Piece<'_>, usize), Fault> {
    let open = || Fault::at(text, at, format!("a text in {quote} has no end"));
    let inner = text.get(at + 1..).unwrap_or_default();
    let mut out = String::new();
    let mut chars = inner.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((Piece::Text(out), place + 2)),
            '\n' if quote != '`' => return Err(open()),
            '\\' if quote != '`' => {
                let rest = inner.get(place + 1..).unwrap_or_default();
                let Some((c, length)) = escape(rest, quote) else {
                    return Err(Fault::at(text, at + 1 + place, "a text has an escape that PromQL does not know"));
                };
                out.push(c);
                // All of it is ASCII.
                for _ in 0..length {
                    chars.next();
                }
            }
            c => out.push(c),
        }
    }
    Err(open())
}

/// The character that an escape stands for, and how long it is after its backslash.
fn escape(rest: &str, quote: char) -> Option<(char, usize)> {
    let number = |start: usize, length: usize, radix: u32| {
        let digits = rest.get(start..start + length)?;
        let all = digits.chars().all(|c| c.is_digit(radix));
        let number = u32::from_str_radix(digits, radix).ok().filter(|_| all)?;
        Some((number, start + length))
    };
    // A byte is not always a character; what it is then is of no interest here.
    let byte =
        |(number, length): (u32, usize)| (number <= 0xff).then(|| (char::from_u32(number).unwrap_or_default(), length));
    let point = |(number, length): (u32, usize)| Some((char::from_u32(number)?, length));
    match rest.chars().next()? {
        'a' => Some(('\u{7}', 1)),
        'b' => Some(('\u{8}', 1)),
        'f' => Some(('\u{c}', 1)),
        'n' => Some(('\n', 1)),
        'r' => Some(('\r', 1)),
        't' => Some(('\t', 1)),
        'v' => Some(('\u{b}', 1)),
        '\\' => Some(('\\', 1)),
        c if c == quote => Some((c, 1)),
        '0'..='7' => number(0, 3, 8).and_then(byte),
        'x' => number(1, 2, 16).and_then(byte),
        'u' => number(1, 4, 16).and_then(point),
        'U' => number(1, 8, 16).and_then(point),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<Piece<'_>> {
        tokens(text).unwrap().into_iter().map(|token| token.piece).collect()
    }

    #[test]
    fn durations_in_their_order() {
        for (text, millis) in [
            ("0s", Some(0)),
            ("5m", Some(300_000)),
            ("1h30m", Some(5_400_000)),
            ("1y2w3d4h5m6s7ms", Some(31_536_000_000 + 1_209_600_000 + 259_200_000 + 14_706_007)),
            ("90s", Some(90_000)),
            ("1m1h", None),
            ("1h1h", None),
            ("1.5h", None),
            ("5min", None),
            ("1M", None),
            ("292y", Some(292 * 31_536_000_000)),
            ("293y", None),
            ("99999999999999y", None),
            ("5", None),
        ] {
            assert_eq!(duration(text), millis, "{text}");
        }
    }

    #[test]
    fn numbers_texts_and_signs() {
        use Piece::{Duration, End, Number, Sign, Text, Word};
        assert_eq!(
            pieces("1 0.5 .5 5. 1e3 1E-3 0x1F 1_000"),
            [1.0, 0.5, 0.5, 5.0, 1000.0, 0.001, 31.0, 1000.0].map(Number).into_iter().chain([End]).collect::<Vec<_>>()
        );
        assert_eq!(
            pieces("a:b[5m:1m]"),
            [Word("a:b"), Sign("["), Duration(300_000), Sign(":"), Duration(60_000), Sign("]"), End]
        );
        assert_eq!(pieces("a!=1 # b\n=~"), [Word("a"), Sign("!="), Number(1.0), Sign("=~"), End]);
        let text = |text: &str| vec![Text(text.to_owned()), End];
        assert_eq!(pieces(r#""a\"\n\\\x41\u00e4\101'""#), text("a\"\n\\AäA'"));
        assert_eq!(pieces(r"'it\'s'"), text("it's"));
        assert_eq!(pieces("`a\\n\n`"), text("a\\n\n"));
        for bad in
            ["1e", "0x", "5min", "1__0", "1_", "\"a", "'a\n'", r#""\'""#, r#""\xg1""#, r#""\400""#, "a ; b", "ä", "'"]
        {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }
}
