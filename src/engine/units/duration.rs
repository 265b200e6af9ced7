//! Durations in Go's form, such as `1h30m`, `500ms` and `-1.5h`.

use thiserror::Error;

/// A duration as Go has it: whole nanoseconds, up to 292 years either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(i64);

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    /// No number where one belongs, or a duration beyond 64 bits of nanoseconds.
    #[error("is not a duration such as 30s, 5m or 1h30m")]
    Malformed,
    /// A number without a unit.
    #[error("has no unit; units are ns, us, ms, s, m and h")]
    MissingUnit,
    /// A unit that Go does not know, which includes days.
    #[error("has an unknown unit {}; units are ns, us, ms, s, m and h", crate::engine::finding::quoted(.0))]
    UnknownUnit(String),
}

impl GoDuration {
    /// Reads exactly what Go's `time.ParseDuration` reads, `0` without a unit included.
    ///
    /// # Errors
    /// Why the text is no duration.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let (negative, rest) = unsigned(text);
        match (rest, magnitude(rest)) {
            ("0", _) => Ok(Self(0)),
            // The most negative duration is one larger than the most positive one.
            (_, Ok(magnitude)) if negative => {
                0_i64.checked_sub_unsigned(magnitude).map(Self).ok_or(DurationError::Malformed)
            }
            (_, Ok(magnitude)) => i64::try_from(magnitude).map(Self).map_err(|_| DurationError::Malformed),
            (_, Err(error)) => Err(error),
        }
    }

    /// As [`GoDuration::parse`], for places where a number without a unit is refused even if it is 0.
    ///
    /// # Errors
    /// Why the text is no duration with a unit.
    pub fn parse_with_unit(text: &str) -> Result<Self, DurationError> {
        match unsigned(text).1 {
            "0" => Err(DurationError::MissingUnit),
            _ => Self::parse(text),
        }
    }

    /// The nanoseconds.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Whether it is below 0.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The same as the standard library has it; none if it is below 0.
    #[must_use]
    pub fn to_std(self) -> Option<std::time::Duration> {
        u64::try_from(self.0).ok().map(std::time::Duration::from_nanos)
    }

    /// The duration that a text which is none, or has no unit, most likely stands for: `1d` → `24h`, `60` → `60s`, `5 min` → `5m`,
    /// `PT5M` → `5m`.
    #[must_use]
    pub fn suggest(text: &str) -> Option<String> {
        let plain: String = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| if c == ',' { '.' } else { c.to_ascii_lowercase() })
            .collect();
        let mut out = String::new();
        // ISO 8601 puts a P before days and a T before hours.
        let mut rest = plain.trim_start_matches(['p', 't']);
        while !rest.is_empty() {
            let number;
            (number, rest) = split_while(rest, |c| c.is_ascii_digit() || c == '.');
            let unit;
            (unit, rest) = split_while(rest, |c| !c.is_ascii_digit() && c != '.');
            let (hours, unit) = match unit.trim_end_matches('t') {
                "" if out.is_empty() && rest.is_empty() => (None, "s"),
                "ns" | "nanosecond" | "nanoseconds" => (None, "ns"),
                "us" | "µs" | "μs" | "microsecond" | "microseconds" => (None, "us"),
                "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => (None, "ms"),
                "s" | "sec" | "secs" | "second" | "seconds" => (None, "s"),
                "m" | "min" | "mins" | "minute" | "minutes" => (None, "m"),
                "h" | "hr" | "hrs" | "hour" | "hours" => (None, "h"),
                "d" | "day" | "days" => (Some(24.0), "h"),
                "w" | "week" | "weeks" => (Some(168.0), "h"),
                _ => return None,
            };
            match hours {
                None => out.push_str(number),
                Some(hours) => out.push_str(&(number.parse::<f64>().ok()? * hours).to_string()),
            }
            out.push_str(unit);
        }
        (out != text && Self::parse_with_unit(&out).is_ok()).then_some(out)
    }
}

fn unsigned(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn split_while(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !keep(c)).unwrap_or(text.len()))
}

/// Half of the range of an unsigned 64-bit number, which Go allows on the way so that the most negative duration can be read.
const MOST: u64 = 1 << 63;

/// The nanoseconds of one or more numbers with units.
fn magnitude(text: &str) -> Result<u64, DurationError> {
    let mut rest = text;
    let mut sum = 0_u64;
    if rest.is_empty() {
        return Err(DurationError::Malformed);
    }
    while !rest.is_empty() {
        let (whole, after) = split_while(rest, |c| c.is_ascii_digit());
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split_while(after, |c| c.is_ascii_digit()),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(DurationError::Malformed);
        }
        let whole = match whole {
            "" => 0,
            digits => digits.parse::<u64>().ok().filter(|n| *n <= MOST).ok_or(DurationError::Malformed)?,
        };
        let (unit, after) = split_while(after, |c| c != '.' && !c.is_ascii_digit());
        rest = after;
        let unit = match unit {
            "" => return Err(DurationError::MissingUnit),
            "ns" => 1,
            // The micro sign, and the Greek letter.
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            unit => return Err(DurationError::UnknownUnit(unit.into())),
        };
        let part = whole.checked_mul(unit).and_then(|part| part.checked_add(of_unit(fraction, unit)));
        sum = part
            .filter(|part| *part <= MOST)
            .and_then(|part| sum.checked_add(part))
            .filter(|sum| *sum <= MOST)
            .ok_or(DurationError::Malformed)?;
    }
    Ok(sum)
}

/// The digits after a point, in nanoseconds of a unit; computed in floating point as in Go, so that both cut at the same place.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn of_unit(fraction: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in fraction.bytes().map(|b| u64::from(b - b'0')) {
        if value > (MOST - 1) / 10 {
            break;
        }
        let next = value * 10 + digit;
        if next > MOST {
            break;
        }
        value = next;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn what_go_reads() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("+0", 0),
            ("-0", 0),
            ("0s", 0),
            ("5s", 5 * SECOND),
            ("30s", 30 * SECOND),
            ("1478s", 1478 * SECOND),
            ("-5s", -5 * SECOND),
            ("+5s", 5 * SECOND),
            ("5.0s", 5 * SECOND),
            ("5.6s", 5 * SECOND + 600_000_000),
            ("5.s", 5 * SECOND),
            (".5s", SECOND / 2),
            ("1.004s", SECOND + 4_000_000),
            ("100.00100s", 100 * SECOND + 1_000_000),
            ("10ns", 10),
            ("11us", 11_000),
            ("12µs", 12_000),
            ("12μs", 12_000),
            ("13ms", 13_000_000),
            ("14s", 14 * SECOND),
            ("15m", 15 * 60 * SECOND),
            ("16h", 16 * 3600 * SECOND),
            ("3h30m", 3 * 3600 * SECOND + 30 * 60 * SECOND),
            ("-1.5h", -5400 * SECOND),
            ("1h15m30.918s", 3600 * SECOND + 930 * SECOND + 918_000_000),
            ("4m10.5s", 250 * SECOND + SECOND / 2),
            ("5m1h", 3900 * SECOND),
            ("9007199254740993ns", 9_007_199_254_740_993),
            ("9223372036854775807ns", i64::MAX),
            ("9223372036854775.807us", i64::MAX),
            ("9223372036s854ms775us807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("-2562047h47m16.854775808s", i64::MIN),
            ("0.100000000000000000000h", 360 * SECOND),
            ("0.830103483285477580700h", 2_988_372_539_827),
            ("0.3333333333333333333h", 1200 * SECOND),
            ("0.9223372036854775807h", 3_320_413_933_267),
        ] {
            assert_eq!(GoDuration::parse(text), Ok(GoDuration(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn what_go_refuses() {
        use DurationError::{Malformed, MissingUnit};
        let unknown = |unit: &str| DurationError::UnknownUnit(unit.into());
        for (text, error) in [
            ("", Malformed),
            ("-", Malformed),
            ("+", Malformed),
            ("s", Malformed),
            (".", Malformed),
            (".s", Malformed),
            ("-.s", Malformed),
            ("+-5s", Malformed),
            (" 5s", Malformed),
            ("3", MissingUnit),
            ("00", MissingUnit),
            ("1h30", MissingUnit),
            ("5s ", unknown("s ")),
            ("1d", unknown("d")),
            ("5min", unknown("min")),
            ("5M", unknown("M")),
            ("5m-3s", unknown("m-")),
            ("9223372036854775808ns", Malformed),
            ("9223372036854775810ns", Malformed),
            ("3000000h", Malformed),
            ("-9223372036854775809ns", Malformed),
            ("9223372036854775.808us", Malformed),
            ("9223372036854ms775us808ns", Malformed),
            ("99999999999999999999s", Malformed),
            ("٣s", Malformed),
        ] {
            assert_eq!(GoDuration::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_zero_without_a_unit_can_be_refused() {
        for text in ["0", "+0", "-0"] {
            assert_eq!(GoDuration::parse_with_unit(text), Err(DurationError::MissingUnit), "{text}");
        }
        assert_eq!(GoDuration::parse_with_unit("0s"), Ok(GoDuration(0)));
        assert_eq!(GoDuration::parse_with_unit("5"), Err(DurationError::MissingUnit));
    }

    #[test]
    fn conversions() {
        let half = GoDuration::parse("500ms").unwrap();
        assert_eq!(half.to_std(), Some(std::time::Duration::from_millis(500)));
        assert_eq!(half.nanoseconds(), 500_000_000);
        let below = GoDuration::parse("-1ns").unwrap();
        assert!(below.is_negative());
        assert_eq!(below.to_std(), None);
    }

    #[test]
    fn suggestions() {
        for (text, suggestion) in [
            ("1d", Some("24h")),
            ("1.5d", Some("36h")),
            ("2w", Some("336h")),
            ("60", Some("60s")),
            ("0", Some("0s")),
            ("5min", Some("5m")),
            ("5 min", Some("5m")),
            ("5M", Some("5m")),
            (" 30s ", Some("30s")),
            ("30 seconds", Some("30s")),
            ("1 hour 30 minutes", Some("1h30m")),
            ("1d12h", Some("24h12h")),
            ("1,5h", Some("1.5h")),
            ("PT5M", Some("5m")),
            ("P1DT2H", Some("24h2h")),
            ("1h30", None),
            ("", None),
            ("soon", None),
            ("5 parsecs", None),
            ("1..5s", None),
            ("99999999999d", None),
        ] {
            assert_eq!(GoDuration::suggest(text).as_deref(), suggestion, "{text:?}");
        }
    }
}
