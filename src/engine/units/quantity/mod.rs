//! Kubernetes quantities: `500m`, `10`, `1.5`, `2Gi`, `1e3`.
//!
//! A text is one if Kubernetes' `resource.ParseQuantity` reads it *and* the CRDs' pattern allows it. The pattern is laxer in one
//! place, exponents with a fraction (`1e1.5`), and stricter in others (a bare sign or suffix, surrounding space).

mod canonical;
mod suggest;

use std::fmt;

use crate::api::IntOrString;
use crate::engine::parse::{Node, Value};

pub use canonical::Notation;

/// A Kubernetes quantity, exact to a billionth.
///
/// As in Kubernetes, what is finer is rounded away from zero, and quantities with a binary suffix end at 2^63 − 1. Decimal ones
/// have no limit there and end at about 1.7 × 10^29 here, far beyond anything that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    nano: i128,
}

/// Billionths in one.
const ONE: i128 = 1_000_000_000;
/// The largest quantity with a binary suffix.
const MOST_BINARY: i128 = (i64::MAX as i128) * ONE;

/// The decimal suffixes and their powers of ten.
const DECIMAL: [(&str, i64); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
/// The binary suffixes and their powers of two.
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

impl Quantity {
    /// Reads a quantity; none if the text is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Parts { negative, whole, fraction, suffix } = Parts::of(text)?;
        let magnitude = match suffix {
            Suffix::Decimal(power) => decimal(whole, fraction, power),
            Suffix::Binary(power) => binary(whole, fraction, power),
            // Kubernetes reads exponents as 64-bit integers, with a sign or without.
            Suffix::Exponent(exponent) => decimal(whole, fraction, exponent.parse().ok()?),
        };
        Some(Self { nano: if negative { -magnitude } else { magnitude } })
    }

    /// The quantity that a value is: an integer, or a text that reads as one.
    #[must_use]
    pub fn of(node: &Node<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(text) => Self::parse(text),
            _ => node.integer().map(|integer| Self { nano: i128::from(integer) * ONE }),
        }
    }

    /// The quantity that a field of our API is; none if its text is not one.
    #[must_use]
    pub fn of_field(field: &IntOrString) -> Option<Self> {
        match field {
            IntOrString::Int(integer) => Some(Self { nano: i128::from(*integer) * ONE }),
            IntOrString::String(text) => Self::parse(text),
        }
    }

    /// Whether the CRDs' pattern allows a text, which it also does for some that are no quantities.
    #[must_use]
    pub fn matches_pattern(text: &str) -> bool {
        Parts::of(text).is_some()
    }

    /// Whether it is above 0.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.nano > 0
    }

    /// Whether it is below 0.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.nano < 0
    }

    /// The thousandths, rounded away from zero.
    #[must_use]
    pub const fn milli(self) -> i128 {
        let milli = self.nano / 1_000_000;
        if self.nano % 1_000_000 == 0 { milli } else { milli + self.nano.signum() }
    }

    /// The number without a suffix: `0.5`, `1536`.
    #[must_use]
    pub fn plain(self) -> String {
        let (whole, rest) =
            (self.nano.unsigned_abs() / ONE.unsigned_abs(), self.nano.unsigned_abs() % ONE.unsigned_abs());
        let sign = if self.is_negative() { "-" } else { "" };
        if rest == 0 {
            return format!("{sign}{whole}");
        }
        format!("{sign}{whole}.{rest:09}").trim_end_matches('0').to_owned()
    }

    /// The canonical text of a number that was written as a float: `0.5` → `500m`.
    #[must_use]
    pub fn from_float(float: f64) -> String {
        match Self::parse(&float.to_string()) {
            Some(quantity) if quantity.nano.abs() < i128::MAX => quantity.to_string(),
            _ => format!("{float:e}"),
        }
    }
}

/// The canonical text: an integer with the largest decimal suffix that keeps it one.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nano == 0 {
            return f.write_str("0");
        }
        let (mut number, mut name) = (self.nano, "n");
        for (suffix, _) in DECIMAL.into_iter().skip(1) {
            if number % 1000 != 0 {
                break;
            }
            (number, name) = (number / 1000, suffix);
        }
        write!(f, "{number}{name}")
    }
}

/// What the CRDs' pattern takes apart: a sign, digits with or without a point, and a suffix.
struct Parts<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
    suffix: Suffix<'t>,
}

enum Suffix<'t> {
    Decimal(i64),
    Binary(u32),
    /// What follows an `e` or `E`: a number, but perhaps with a fraction or too large.
    Exponent(&'t str),
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let (negative, text) = unsigned(text);
        let (whole, fraction, suffix) = number(text)?;
        let decimal = DECIMAL.iter().find(|(name, _)| *name == suffix);
        let binary = BINARY.iter().find(|(name, _)| *name == suffix);
        let suffix = match (decimal, binary) {
            (Some((_, power)), _) => Suffix::Decimal(*power),
            (None, Some((_, power))) => Suffix::Binary(*power),
            (None, None) => {
                let exponent = suffix.strip_prefix(['e', 'E'])?;
                let (_, _, rest) = number(unsigned(exponent).1)?;
                if !rest.is_empty() {
                    return None;
                }
                Suffix::Exponent(exponent)
            }
        };
        Some(Self { negative, whole, fraction, suffix })
    }
}

fn unsigned(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// The digits before a point and after it, of which there must be some, and the rest.
fn number(text: &str) -> Option<(&str, &str, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    (!(whole.is_empty() && fraction.is_empty())).then_some((whole, fraction, rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn values(digits: &str) -> impl DoubleEndedIterator<Item = i128> {
    digits.bytes().map(|b| i128::from(b.saturating_sub(b'0')))
}

/// The billionths of a number times a power of ten.
fn decimal(whole: &str, fraction: &str, power: i64) -> i128 {
    // Where the point lies among the digits once everything is billionths.
    let point = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(power).saturating_add(9);
    let mut nano = 0_i128;
    let mut read = 0_i64;
    for digit in values(whole).chain(values(fraction)) {
        if read < point {
            nano = nano.saturating_mul(10).saturating_add(digit);
            read += 1;
        } else if digit != 0 {
            return nano.saturating_add(1);
        }
    }
    // Ends after 39 steps at the latest: by then every number but 0 has reached the limit.
    while read < point && nano != 0 && nano < i128::MAX {
        nano = nano.saturating_mul(10);
        read += 1;
    }
    nano
}

/// The billionths of a number times a power of two, which is 60 at most.
fn binary(whole: &str, fraction: &str, power: u32) -> i128 {
    let unit = ONE << power;
    let whole = values(whole).fold(0_i128, |sum, digit| sum.saturating_mul(10).saturating_add(digit));
    // From the last digit to the first. Rounding up at every step is rounding up once: ⌈(n + ⌈x⌉) / 10⌉ = ⌈(n + x) / 10⌉.
    let fraction = values(fraction).rev().fold(0_i128, |sum, digit| (sum + digit * unit + 9) / 10);
    whole.saturating_mul(unit).saturating_add(fraction).min(MOST_BINARY)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;
    use crate::api::QUANTITY_PATTERN;

    fn nano(text: &str) -> i128 {
        Quantity::parse(text).unwrap_or_else(|| panic!("{text} is a quantity")).nano
    }

    #[test]
    fn fields_are_integers_or_texts() {
        for integer in [0, 7, -7, i64::MIN, i64::MAX] {
            let text = IntOrString::Int(integer).as_text();
            assert_eq!(Quantity::of_field(&IntOrString::Int(integer)), Quantity::of_field(&text), "{integer}");
        }
        assert_eq!(Quantity::of_field(&IntOrString::String("500m".into())), Quantity::parse("500m"));
        assert_eq!(Quantity::of_field(&IntOrString::String("much".into())), None);
    }

    #[test]
    fn values_as_kubernetes_reads_them() {
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("0e1000", 0),
            ("0Ei", 0),
            ("1", ONE),
            ("+1", ONE),
            ("-1", -ONE),
            ("1.", ONE),
            (".5", ONE / 2),
            ("007", 7 * ONE),
            ("1n", 1),
            ("1u", 1000),
            ("1m", 1_000_000),
            ("500m", ONE / 2),
            ("1k", 1000 * ONE),
            ("1M", 1_000_000 * ONE),
            ("1G", ONE * ONE),
            ("1E", ONE * ONE * ONE),
            ("1.G", ONE * ONE),
            ("1Ki", 1024 * ONE),
            ("1.5Ki", 1536 * ONE),
            ("-1.5Ki", -1536 * ONE),
            ("1Gi", ONE << 30),
            ("1e3", 1000 * ONE),
            ("1E3", 1000 * ONE),
            ("1e+3", 1000 * ONE),
            ("1e-3", 1_000_000),
            ("1.5e-3", 1_500_000),
            (".5E1", 5 * ONE),
            // What is finer than a billionth is rounded away from zero.
            ("0.1n", 1),
            ("-0.1n", -1),
            ("1.1n", 2),
            ("1e-1000", 1),
            ("1e-9223372036854775808", 1),
            ("0.0000000001", 1),
            ("0.0000000000000000000000000000000000000000000001Ki", 1),
            ("1.0000000000000000000000000000000000000000000001Ki", 1024 * ONE + 1),
            ("1.00000000000000000000000000000000000000000000001", ONE + 1),
            // Binary suffixes are capped.
            ("7Ei", 7 * (ONE << 60)),
            ("8Ei", MOST_BINARY),
            ("-9Ei", -MOST_BINARY),
            ("9223372036854775807Ki", MOST_BINARY),
            ("99999999999999999999999999999999999999999999Ei", MOST_BINARY),
            // Decimal ones are not, up to the end of the type.
            ("100E", 100 * ONE * ONE * ONE),
            ("1e20", 100 * ONE * ONE * ONE),
            ("1e1000", i128::MAX),
            ("-1e1000", -i128::MAX),
            ("1e9223372036854775807", i128::MAX),
            ("99999999999999999999999999999999999999999999", i128::MAX),
        ] {
            assert_eq!(nano(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity() {
        for text in [
            "",
            " ",
            "+",
            "-",
            ".",
            "m",
            "Ki",
            "-.",
            "--1",
            "1 ",
            " 1",
            "1 Gi",
            "1,5",
            "1.2.3",
            "1ki",
            "1KI",
            "1K",
            "1GB",
            "1gb",
            "1i",
            "1e",
            "1e+",
            "1ee3",
            "1e3m",
            "1Kie3",
            "10%",
            "0x10",
            "1_000",
            "NaN",
            "inf",
            "١",
            "1e9223372036854775808",
            "1\n",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_pattern_allows_exponents_that_kubernetes_does_not() {
        for text in ["1e1.5", "1e.5", "1e1.", "1E-0.5", "1e9223372036854775808"] {
            assert!(Quantity::matches_pattern(text), "{text}");
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn signs_thousandths_and_order() {
        let parse = |text| Quantity::parse(text).unwrap();
        assert!(parse("1n").is_positive() && !parse("0").is_positive() && !parse("-1").is_positive());
        assert!(parse("-1n").is_negative() && !parse("0").is_negative() && !parse("1").is_negative());
        assert_eq!(parse("0.1").milli(), 100);
        assert_eq!(parse("1n").milli(), 1);
        assert_eq!(parse("-1n").milli(), -1);
        assert_eq!(parse("-1500u").milli(), -2);
        let mut sorted = ["1Gi", "-1", "1G", "500m", "0", "1e9", "1n"].map(parse);
        sorted.sort();
        assert_eq!(sorted, ["-1", "0", "1n", "500m", "1G", "1e9", "1Gi"].map(parse));
    }

    #[test]
    fn values_of_nodes() {
        let of = |value| Quantity::of(&Node::new(value)).map(|quantity| quantity.nano);
        assert_eq!(of(Value::Int(-3)), Some(-3 * ONE));
        assert_eq!(of(Value::Int(i64::MAX)), Some(MOST_BINARY));
        assert_eq!(of(Value::Float(50.0)), Some(50 * ONE));
        assert_eq!(of(Value::Float(0.5)), None);
        assert_eq!(of(Value::Float(f64::NAN)), None);
        assert_eq!(of(Value::Text("2m".into())), Some(2_000_000));
        assert_eq!(of(Value::Text("2x".into())), None);
        assert_eq!(of(Value::Bool(true)), None);
        assert_eq!(of(Value::Null), None);
    }

    #[test]
    fn texts() {
        for (text, canonical, plain) in [
            ("0", "0", "0"),
            ("0.5", "500m", "0.5"),
            ("-0.5", "-500m", "-0.5"),
            ("1.5", "1500m", "1.5"),
            ("1000", "1k", "1000"),
            ("1Ki", "1024", "1024"),
            ("1e20", "100E", "100000000000000000000"),
            ("1n", "1n", "0.000000001"),
        ] {
            let quantity = Quantity::parse(text).unwrap();
            assert_eq!((quantity.to_string().as_str(), quantity.plain().as_str()), (canonical, plain), "{text}");
        }
        for (float, text) in [
            (0.5, "500m"),
            (1.5, "1500m"),
            (-0.1, "-100m"),
            (0.0005, "500u"),
            (1e20, "100E"),
            (1e-12, "1n"),
            (1.5e300, "1.5e300"),
        ] {
            assert_eq!(Quantity::from_float(float), text, "{float}");
            assert!(Quantity::parse(text).is_some(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_the_pattern_allows_but_odd_exponents(text in r"[+-]?[0-9.]{0,6}([KMGTPEeinumk]{0,3}[+-]?[0-9.]{0,3})?") {
            let pattern = Regex::new(QUANTITY_PATTERN).unwrap();
            prop_assert_eq!(Quantity::matches_pattern(&text), pattern.is_match(&text));
            let fractional = text.split_once(['e', 'E']).is_some_and(|(_, exponent)| exponent.contains('.'));
            prop_assert_eq!(Quantity::parse(&text).is_some(), pattern.is_match(&text) && !fractional);
        }

        #[test]
        fn agrees_with_the_pattern_on_any_text(text in any::<String>()) {
            prop_assert_eq!(Quantity::matches_pattern(&text), Regex::new(QUANTITY_PATTERN).unwrap().is_match(&text));
        }

        #[test]
        fn rounds_away_from_zero(whole in 0_i128..1_000_000, fraction in 0_i128..1_000_000_000_000, negative: bool, suffix in 0_usize..7) {
            let (name, power) = DECIMAL[suffix];
            let sign = if negative { "-" } else { "" };
            let pico = (whole * 1_000_000_000_000 + fraction) * 10_i128.pow(u32::try_from(power + 9).unwrap());
            let expected = (pico + 999_999_999_999) / 1_000_000_000_000;
            prop_assert_eq!(nano(&format!("{sign}{whole}.{fraction:012}{name}")), if negative { -expected } else { expected });
        }

        #[test]
        fn an_exponent_shifts_the_point(number in 0_i64..1_000_000, exponent in -15_i32..15) {
            let shifted = match exponent {
                0.. => format!("{number}{}", "0".repeat(usize::try_from(exponent).unwrap())),
                _ => format!("0.{number:0>width$}", width = usize::try_from(-exponent).unwrap().max(number.to_string().len())),
            };
            if exponent >= 0 || number.to_string().len() <= usize::try_from(-exponent).unwrap() {
                prop_assert_eq!(nano(&format!("{number}e{exponent}")), nano(&shifted));
            }
        }

        #[test]
        fn both_texts_read_back(nano in any::<i64>()) {
            let quantity = Quantity { nano: i128::from(nano) };
            prop_assert_eq!(Quantity::parse(&quantity.to_string()), Some(quantity));
            prop_assert_eq!(Quantity::parse(&quantity.plain()), Some(quantity));
        }

        #[test]
        fn a_float_becomes_a_quantity_of_its_sign(float in proptest::num::f64::NORMAL | proptest::num::f64::ZERO) {
            let text = Quantity::from_float(float);
            let quantity = Quantity::parse(&text);
            prop_assert!(quantity.is_some(), "{}", text);
            prop_assert_eq!(quantity.is_some_and(Quantity::is_positive), float > 0.0);
            prop_assert_eq!(quantity.is_some_and(Quantity::is_negative), float < 0.0);
        }
    }
}
