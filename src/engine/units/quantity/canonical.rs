//! The text that Kubernetes gives back for a quantity: what `kubectl get` shows of one that was written `1024Mi` or `0.5`.

use super::{BINARY, ONE, Parts, Quantity, Suffix, values};

/// The family of suffixes in which a quantity is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// `m`, `k`, `M` …
    Decimal,
    /// `Ki`, `Mi` … for whole numbers from 1024 on, and decimal for all others.
    Binary,
    /// `e-3`, `e3` …
    Exponent,
}

/// Of how many digits Kubernetes keeps the text: so many fit a 64-bit integer whatever they are.
const MOST_DIGITS: usize = 18;
/// The same with a binary suffix, that of the suffix included.
const MOST_DIGITS_OF_BINARY: usize = 14;

impl Quantity {
    /// The text that Kubernetes makes of a quantity's text: `1024Mi` → `1Gi`, `0.5` → `500m`; none if it is no quantity.
    ///
    /// As there, the family of the suffix stays, and some texts stay as they are although they could be shorter (`12.345`, `007`).
    #[must_use]
    pub fn canonical(text: &str) -> Option<String> {
        let quantity = Self::parse(text)?;
        let parts = Parts::of(text)?;
        if quantity.nano != 0 && parts.are_kept() {
            return Some(text.to_owned());
        }
        Some(quantity.written(match parts.suffix {
            Suffix::Decimal(_) => Notation::Decimal,
            Suffix::Binary(_) => Notation::Binary,
            Suffix::Exponent(_) => Notation::Exponent,
        }))
    }

    /// So many thousandths.
    #[must_use]
    pub const fn from_milli(milli: i64) -> Self {
        Self { nano: milli as i128 * 1_000_000 }
    }

    /// The canonical text in a family of suffixes.
    #[must_use]
    pub fn written(self, notation: Notation) -> String {
        match notation {
            Notation::Decimal => self.to_string(),
            Notation::Binary => self.binary().unwrap_or_else(|| self.to_string()),
            Notation::Exponent => self.exponent(),
        }
    }

    fn binary(self) -> Option<String> {
        if self.nano % ONE != 0 || self.nano.abs() < 1024 * ONE {
            return None;
        }
        let (mut number, mut name) = (self.nano / ONE, "");
        for (suffix, _) in BINARY {
            if number % 1024 != 0 {
                break;
            }
            (number, name) = (number / 1024, suffix);
        }
        Some(format!("{number}{name}"))
    }

    fn exponent(self) -> String {
        if self.nano == 0 {
            return "0".to_owned();
        }
        let (mut number, mut power) = (self.nano, -9);
        while number % 1000 == 0 {
            (number, power) = (number / 1000, power + 3);
        }
        if power == 0 { number.to_string() } else { format!("{number}e{power}") }
    }
}

impl Parts<'_> {
    /// Whether Kubernetes keeps the text of a number other than 0: it takes it for canonical by its last digits.
    fn are_kept(&self) -> bool {
        let whole = self.whole.trim_start_matches('0');
        let digits = whole.len() + self.fraction.len();
        let decimal = |power: i64| {
            let scale = power.saturating_sub(i64::try_from(self.fraction.len()).unwrap_or(i64::MAX));
            digits <= MOST_DIGITS && scale >= -9 && scale % 3 == 0 && !whole.is_empty() && !self.ends_in_zeros()
        };
        match self.suffix {
            Suffix::Decimal(power) => decimal(power),
            Suffix::Exponent(text) => text.parse().is_ok_and(decimal),
            Suffix::Binary(power) => {
                // As many digits as 1024 to that power has, short of one. The last three digits tell what is a multiple of 8, and thus
                // what may be one of 1024.
                let of_suffix = usize::try_from(power * 3 / 10).unwrap_or(usize::MAX);
                let last = values(self.whole).rev().take(3).zip([1, 10, 100]).map(|(digit, place)| digit * place);
                let short = whole.len().saturating_add(of_suffix) <= MOST_DIGITS_OF_BINARY;
                self.fraction.is_empty() && short && last.sum::<i128>() % 8 != 0
            }
        }
    }

    /// Whether the last three digits, be they before the point or after it, are zeros.
    fn ends_in_zeros(&self) -> bool {
        self.whole.chars().chain(self.fraction.chars()).rev().take(3).all(|digit| digit == '0')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_kubernetes_gives_back() {
        for (text, expected) in [
            ("0", "0"),
            ("0Gi", "0"),
            ("000", "0"),
            ("5", "5"),
            ("100", "100"),
            ("1000", "1k"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("1.5", "1500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("100u", "100u"),
            ("1n", "1n"),
            ("1.5k", "1500"),
            ("1000k", "1M"),
            ("512Mi", "512Mi"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Gi", "512Mi"),
            ("1000Ki", "1000Ki"),
            ("1Ki", "1Ki"),
            ("0.5Ki", "512"),
            ("1.0001Ki", "1024102400u"),
            ("8Ei", "9223372036854775807"),
            ("1.Gi", "1.Gi"),
            ("+9Mi", "+9Mi"),
            ("+8Mi", "8Mi"),
            ("007Ki", "007Ki"),
            ("+99Ti", "+99Ti"),
            ("+999Ti", "999Ti"),
            ("1e3", "1e3"),
            ("1E3", "1E3"),
            ("1e4", "10e3"),
            ("1e0", "1e0"),
            ("1000e3", "1e6"),
            ("1000e-3", "1"),
            ("5e-4", "500e-6"),
            // Kept, because the last three digits say so.
            ("12.345", "12.345"),
            ("1.500", "1.500"),
            ("0.500", "500m"),
            ("1.000", "1"),
            ("10.00", "10"),
            ("007", "007"),
            ("+5", "+5"),
            ("+0.5", "500m"),
            ("-1.5", "-1500m"),
            ("1234567890123456789", "1234567890123456789"),
            ("1234567890123456.000", "1234567890123456"),
        ] {
            assert_eq!(Quantity::canonical(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(Quantity::canonical("1GB"), None);
    }

    #[test]
    fn thousandths_in_both_families() {
        for (milli, decimal, binary) in [
            (0, "0", "0"),
            (100, "100m", "100m"),
            (95_000, "95", "95"),
            (1_000_000, "1k", "1000"),
            (512 * 1024 * 1024 * 1000, "536870912", "512Mi"),
            (1_023_000, "1023", "1023"),
            (536_870_912_500, "536870912500m", "536870912500m"),
            (i64::MAX, "9223372036854775807m", "9223372036854775807m"),
            (-2_048_000, "-2048", "-2Ki"),
        ] {
            let quantity = Quantity::from_milli(milli);
            assert_eq!(quantity.written(Notation::Decimal), decimal, "{milli}");
            // Below 1024 Kubernetes writes decimally.
            let expected = if milli == 1_000_000 { "1k" } else { binary };
            assert_eq!(quantity.written(Notation::Binary), expected, "{milli}");
        }
    }
}
