//! What a scalar means: YAML 1.1 as `go.yaml.in/yaml/v2` resolves it (its `resolve.go`), which is what kubectl uses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A scalar's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer beyond 63 bits.
    Uint(u64),
    Float(f64),
    /// The text as it was written.
    Text,
    /// The text of a `!!binary`.
    Decoded(String),
}

/// What the author said about a scalar's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// A plain scalar without a tag: the text decides.
    Absent,
    /// A quoted or block scalar without a tag, `!!str`, or a tag that nobody knows.
    Text,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
    Binary,
    /// On a key `<<`, that it merges; a text anywhere else.
    Merge,
}

impl Tag {
    /// The tag of that full name, such as `tag:yaml.org,2002:int`.
    pub(super) fn named(name: &str) -> Self {
        match name.strip_prefix("tag:yaml.org,2002:") {
            Some("bool") => Self::Bool,
            Some("int") => Self::Int,
            Some("float") => Self::Float,
            Some("null") => Self::Null,
            Some("timestamp") => Self::Timestamp,
            Some("binary") => Self::Binary,
            Some("merge") => Self::Merge,
            _ => Self::Text,
        }
    }
}

/// The value of a scalar; the error says why its tag does not fit.
pub(super) fn resolve(tag: Tag, text: &str) -> Result<Scalar, &'static str> {
    match (tag, || plain(text)) {
        (Tag::Absent, plain) => Ok(plain()),
        (Tag::Text | Tag::Merge, _) => Ok(Scalar::Text),
        (Tag::Binary, _) => binary(text),
        (Tag::Timestamp, _) if looks_like_date(text) => Ok(Scalar::Text),
        (Tag::Timestamp, _) => Err("the value is no timestamp, which its tag says it is"),
        (Tag::Bool, plain) => match plain() {
            value @ Scalar::Bool(_) => Ok(value),
            _ => Err("the value is no boolean, which its tag says it is"),
        },
        (Tag::Int, plain) => match plain() {
            value @ (Scalar::Int(_) | Scalar::Uint(_)) => Ok(value),
            _ => Err("the value is no integer, which its tag says it is"),
        },
        #[allow(clippy::cast_precision_loss)]
        (Tag::Float, plain) => match plain() {
            Scalar::Int(int) => Ok(Scalar::Float(int as f64)),
            value @ Scalar::Float(_) => Ok(value),
            _ => Err("the value is no number, which its tag says it is"),
        },
        (Tag::Null, plain) => match plain() {
            Scalar::Null => Ok(Scalar::Null),
            _ => Err("the value is not null, which its tag says it is"),
        },
    }
}

fn plain(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.as_bytes().first() {
        // A leading dot is read by strconv.ParseFloat, which takes no underscores.
        Some(b'.') => float(text).unwrap_or(Scalar::Text),
        Some(b'0'..=b'9' | b'+' | b'-') => number(&text.replace('_', "")).unwrap_or(Scalar::Text),
        _ => Scalar::Text,
    }
}

fn number(text: &str) -> Option<Scalar> {
    integer(text).or_else(|| float(text)).or_else(|| {
        // Unlike strconv, the resolver itself takes a second sign after `0b`.
        let (sign, digits) =
            text.strip_prefix("-0b").map(|digits| ("-", digits)).or_else(|| Some(("", text.strip_prefix("0b")?)))?;
        i64::from_str_radix(&format!("{sign}{digits}"), 2).ok().map(Scalar::Int)
    })
}

/// As `strconv.ParseInt(text, 0, 64)`, then `ParseUint`: the prefix gives the base, a leading zero means octal.
fn integer(text: &str) -> Option<Scalar> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (Some('-'), text.get(1..)?),
        b'+' => (Some('+'), text.get(1..)?),
        _ => (None, text),
    };
    let (base, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, unsigned.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, unsigned.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, unsigned.get(2..)?),
        [b'0', _, ..] => (8, unsigned.get(1..)?),
        _ => (10, unsigned),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    let size = u64::from_str_radix(digits, base).ok()?;
    match (sign, i64::try_from(size)) {
        (Some('-'), Ok(size)) => Some(Scalar::Int(-size)),
        (Some('-'), Err(_)) => (size == 1 << 63).then_some(Scalar::Int(i64::MIN)),
        (_, Ok(size)) => Some(Scalar::Int(size)),
        (None, Err(_)) => Some(Scalar::Uint(size)),
        (Some(_), Err(_)) => None,
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, if it is finite: Go reports a range error otherwise.
fn float(text: &str) -> Option<Scalar> {
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let shaped = all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && all_digits(exponent));
    shaped.then(|| text.parse().ok().filter(|float: &f64| float.is_finite()))?.map(Scalar::Float)
}

fn looks_like_date(text: &str) -> bool {
    let year = text.split('-').next().unwrap_or_default();
    year.len() == 4 && year.len() < text.len() && year.bytes().all(|byte| byte.is_ascii_digit())
}

fn binary(text: &str) -> Result<Scalar, &'static str> {
    let compact: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = STANDARD.decode(compact).map_err(|_| "the value is not base64, which its tag !!binary says it is")?;
    Ok(Scalar::Decoded(String::from_utf8_lossy(&bytes).into_owned()))
}

/// A key that is no text, as kubectl turns it into one; none where kubectl refuses it.
pub(super) fn key(scalar: &Scalar) -> Option<String> {
    match scalar {
        Scalar::Bool(value) => Some(value.to_string()),
        Scalar::Int(value) => Some(value.to_string()),
        Scalar::Float(value) => Some(float_key(*value)),
        Scalar::Decoded(text) => Some(text.clone()),
        Scalar::Null | Scalar::Uint(_) | Scalar::Text => None,
    }
}

/// As `strconv.FormatFloat(value, 'g', -1, 32)`.
fn float_key(value: f64) -> String {
    #[allow(clippy::cast_possible_truncation)]
    let value = value as f32;
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Go takes precision 6 to decide whether the shortest form has an exponent.
    if (-4..6).contains(&exponent) { format!("{value}") } else { format!("{mantissa}e{exponent:+03}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_yaml_1_1() {
        let cases = [
            ("yes", Scalar::Bool(true)),
            ("On", Scalar::Bool(true)),
            ("y", Scalar::Bool(true)),
            ("n", Scalar::Bool(false)),
            ("OFF", Scalar::Bool(false)),
            ("yEs", Scalar::Text),
            ("~", Scalar::Null),
            ("NULL", Scalar::Null),
            ("nUll", Scalar::Text),
            ("0x10", Scalar::Int(16)),
            ("-0x10", Scalar::Int(-16)),
            ("010", Scalar::Int(8)),
            ("0o10", Scalar::Int(8)),
            ("0b101", Scalar::Int(5)),
            ("-0b101", Scalar::Int(-5)),
            ("08", Scalar::Float(8.0)),
            ("1_000", Scalar::Int(1000)),
            ("0x_1F", Scalar::Int(31)),
            ("+5", Scalar::Int(5)),
            ("-", Scalar::Text),
            ("0x", Scalar::Text),
            ("50.0", Scalar::Float(50.0)),
            ("5e1", Scalar::Float(50.0)),
            ("5.", Scalar::Float(5.0)),
            (".5", Scalar::Float(0.5)),
            (".5_0", Scalar::Text),
            (".", Scalar::Text),
            ("1e400", Scalar::Text),
            ("1e", Scalar::Text),
            ("-.inf", Scalar::Float(f64::NEG_INFINITY)),
            ("inf", Scalar::Text),
            ("9223372036854775807", Scalar::Int(i64::MAX)),
            ("-9223372036854775808", Scalar::Int(i64::MIN)),
            ("9223372036854775808", Scalar::Uint(1 << 63)),
            ("18446744073709551616", Scalar::Float(18_446_744_073_709_551_616.0)),
            ("2001-01-01", Scalar::Text),
            ("1:30", Scalar::Text),
            ("<<", Scalar::Text),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(Tag::Absent, text), Ok(expected), "{text}");
        }
        assert!(matches!(resolve(Tag::Absent, ".NaN"), Ok(Scalar::Float(float)) if float.is_nan()));
    }

    #[test]
    fn tags_hold_as_far_as_they_fit() {
        let cases = [
            (Tag::Text, "5", Some(Scalar::Text)),
            (Tag::Int, "5", Some(Scalar::Int(5))),
            (Tag::Int, "5.0", None),
            (Tag::Float, "5", Some(Scalar::Float(5.0))),
            (Tag::Float, "x", None),
            (Tag::Bool, "yes", Some(Scalar::Bool(true))),
            (Tag::Bool, "5", None),
            (Tag::Null, "~", Some(Scalar::Null)),
            (Tag::Null, "x", None),
            (Tag::Timestamp, "2001-01-01", Some(Scalar::Text)),
            (Tag::Timestamp, "5", None),
            (Tag::Binary, "aGk=", Some(Scalar::Decoded("hi".to_owned()))),
            (Tag::Binary, "?", None),
        ];
        for (tag, text, expected) in cases {
            assert_eq!(resolve(tag, text).ok(), expected, "{tag:?} {text}");
        }
        assert_eq!(Tag::named("tag:yaml.org,2002:int"), Tag::Int);
        assert_eq!(Tag::named("!mine"), Tag::Text);
    }

    #[test]
    fn keys_become_text_as_in_go() {
        let cases = [
            (Scalar::Bool(true), Some("true")),
            (Scalar::Int(-8), Some("-8")),
            (Scalar::Float(1.5), Some("1.5")),
            (Scalar::Float(123_456.0), Some("123456")),
            (Scalar::Float(1e6), Some("1e+06")),
            (Scalar::Float(1e30), Some("1e+30")),
            (Scalar::Float(0.000_01), Some("1e-05")),
            (Scalar::Float(f64::NEG_INFINITY), Some("-.inf")),
            (Scalar::Null, None),
            (Scalar::Uint(u64::MAX), None),
        ];
        for (scalar, expected) in cases {
            assert_eq!(key(&scalar).as_deref(), expected, "{scalar:?}");
        }
    }
}
