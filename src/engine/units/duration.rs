//! Durations as Go writes them: `300ms`, `1.5h`, `-1h2m3.5s`. Kubernetes and Beamlit take them in this form.

use std::time::Duration;

/// A duration in nanoseconds, within the range of 64 bits: about 292 years either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(i64);

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It does not have the form `[+-](number unit)…`.
    #[error("must be numbers with units, such as 300ms, 1.5h or 1m30s")]
    Form,
    /// A number stands without a unit.
    #[error("a number lacks its unit: ns, us, ms, s, m or h")]
    MissingUnit,
    /// A unit is not one of Go's.
    #[error("a unit is none of ns, us, ms, s, m and h")]
    UnknownUnit,
    /// It is longer than 64 bits of nanoseconds can say.
    #[error("must be less than 292 years")]
    OutOfRange,
}

/// The magnitude of the most negative duration.
const LIMIT: u64 = 1 << 63;

impl GoDuration {
    /// Reads what Go's `time.ParseDuration` takes, to the same nanosecond; a bare `0` needs no unit.
    ///
    /// # Errors
    /// If the text is not of that form or out of range.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        match Self::parse_with_unit(text) {
            Err(DurationError::MissingUnit) if matches!(text, "0" | "+0" | "-0") => Ok(Self(0)),
            other => other,
        }
    }

    /// As [`GoDuration::parse`], but a bare `0` lacks its unit like any other number.
    ///
    /// # Errors
    /// If the text is not of that form or out of range.
    pub fn parse_with_unit(text: &str) -> Result<Self, DurationError> {
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest.is_empty() {
            return Err(DurationError::Form);
        }
        let mut total = 0_u64;
        while !rest.is_empty() {
            let (term, after) = term(rest)?;
            total = total.checked_add(term).filter(|sum| *sum <= LIMIT).ok_or(DurationError::OutOfRange)?;
            rest = after;
        }
        match (negative, i64::try_from(total)) {
            (true, Ok(nanoseconds)) => Ok(Self(-nanoseconds)),
            // Only 2^63 itself is left, whose negative fits.
            (true, Err(_)) => Ok(Self(i64::MIN)),
            (false, Ok(nanoseconds)) => Ok(Self(nanoseconds)),
            (false, Err(_)) => Err(DurationError::OutOfRange),
        }
    }

    /// The duration in nanoseconds.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Whether it runs backwards.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The duration as the standard library has it; none if it is negative.
    #[must_use]
    pub fn to_std(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_nanos)
    }
}

/// One number with its unit, in nanoseconds, and what follows it. Floating point where Go uses it, so that both round alike.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn term(text: &str) -> Result<(u64, &str), DurationError> {
    let (digits, mut rest) = split_digits(text);
    let mut whole = 0_u64;
    for digit in digits.bytes() {
        whole = whole
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(u64::from(digit - b'0')))
            .filter(|value| *value <= LIMIT)
            .ok_or(DurationError::OutOfRange)?;
    }
    let mut fraction_digits = "";
    if let Some(after) = rest.strip_prefix('.') {
        (fraction_digits, rest) = split_digits(after);
    }
    if digits.is_empty() && fraction_digits.is_empty() {
        return Err(DurationError::Form);
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at_checked(end).ok_or(DurationError::Form)?;
    let unit: u64 = match name {
        "" => return Err(DurationError::MissingUnit),
        "ns" => 1,
        // The micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(DurationError::UnknownUnit),
    };
    let value = whole.checked_mul(unit).filter(|value| *value <= LIMIT).ok_or(DurationError::OutOfRange)?;
    let (fraction, scale) = fraction(fraction_digits);
    let value = value + (fraction as f64 * (unit as f64 / scale)) as u64;
    if value > LIMIT { Err(DurationError::OutOfRange) } else { Ok((value, rest)) }
}

/// The digits after the point as an integer, and what to divide it by; digits beyond 64 bits do not count.
fn fraction(digits: &str) -> (u64, f64) {
    let (mut value, mut scale) = (0_u64, 1.0);
    for digit in digits.bytes() {
        let Some(next) = value
            .checked_mul(10)
            .filter(|_| value <= (LIMIT - 1) / 10)
            .and_then(|tens| tens.checked_add(u64::from(digit - b'0')))
            .filter(|next| *next <= LIMIT)
        else {
            break;
        };
        value = next;
        scale *= 10.0;
    }
    (value, scale)
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::DurationError::{Form, MissingUnit, OutOfRange, UnknownUnit};
    use super::*;

    const S: i64 = 1_000_000_000;

    // The table of Go's own time_test.go.
    #[test]
    fn reads_what_go_reads() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("-0", 0),
            ("+0", 0),
            ("5s", 5 * S),
            ("30s", 30 * S),
            ("1478s", 1478 * S),
            ("-5s", -5 * S),
            ("+5s", 5 * S),
            ("5.0s", 5 * S),
            ("5.6s", 5_600_000_000),
            ("5.s", 5 * S),
            (".5s", S / 2),
            ("1.0s", S),
            ("1.00s", S),
            ("1.004s", 1_004_000_000),
            ("1.0040s", 1_004_000_000),
            ("100.00100s", 100_001_000_000),
            ("10ns", 10),
            ("11us", 11_000),
            ("12\u{b5}s", 12_000),
            ("12\u{3bc}s", 12_000),
            ("13ms", 13_000_000),
            ("14s", 14 * S),
            ("15m", 15 * 60 * S),
            ("16h", 16 * 3600 * S),
            ("3h30m", 12_600 * S),
            ("10.5s4m", 250_500_000_000),
            ("-2m3.4s", -123_400_000_000),
            ("1h2m3s4ms5us6ns", 3723 * S + 4_005_006),
            ("39h9m14.425s", 140_954_425_000_000),
            ("52763797000ns", 52_763_797_000),
            ("0.3333333333333333333h", 1_200 * S),
            ("9007199254740993ns", 9_007_199_254_740_993),
            ("9223372036854775807ns", i64::MAX),
            ("9223372036854775.807us", i64::MAX),
            ("9223372036s854ms775us807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("-9223372036854775.808us", i64::MIN),
            ("-2562047h47m16.854775808s", i64::MIN),
            ("0.100000000000000000000h", 360 * S),
            ("0.830103483285477580700h", 2_988_372_539_827),
        ] {
            assert_eq!(GoDuration::parse(text).map(GoDuration::nanoseconds), Ok(nanoseconds), "{text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for (text, error) in [
            ("", Form),
            ("3", MissingUnit),
            ("-", Form),
            ("s", Form),
            (".", Form),
            ("-.", Form),
            (".s", Form),
            ("+.s", Form),
            ("1d", UnknownUnit),
            ("1S", UnknownUnit),
            ("1 s", UnknownUnit),
            (" 1s", Form),
            ("1s ", UnknownUnit),
            ("1s2", MissingUnit),
            ("--1s", Form),
            ("1e3s", UnknownUnit),
            ("\u{ff11}s", Form),
            ("9223372036854775810ns", OutOfRange),
            ("9223372036854775808ns", OutOfRange),
            ("-9223372036854775809ns", OutOfRange),
            ("9223372036854776us", OutOfRange),
            ("3000000h", OutOfRange),
            ("9223372036854775.808us", OutOfRange),
            ("9223372036854ms775us808ns", OutOfRange),
            ("99999999999999999999999s", OutOfRange),
        ] {
            assert_eq!(GoDuration::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_bare_zero_is_a_duration_only_where_go_reads_it() {
        for text in ["0", "+0", "-0"] {
            assert_eq!(GoDuration::parse_with_unit(text), Err(MissingUnit), "{text}");
        }
        assert_eq!(GoDuration::parse_with_unit("0s").map(GoDuration::nanoseconds), Ok(0));
    }

    #[test]
    fn only_what_does_not_run_backwards_is_a_duration_of_the_standard_library() {
        assert_eq!(GoDuration::parse("1.5s").unwrap().to_std(), Some(Duration::from_millis(1500)));
        assert_eq!(GoDuration::parse("-1ns").unwrap().to_std(), None);
        assert!(GoDuration::parse("-1ns").unwrap().is_negative());
    }
}
