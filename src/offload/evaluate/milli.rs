//! Thousandths, in which the HPA reckons, and the few ways in which it sums and divides them.

use super::Fault;
use crate::engine::units::Quantity;

/// A number in thousandths. What is beyond 64 bits counts as the nearest that is not: Kubernetes wraps around there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Milli(pub i64);

impl Milli {
    /// The thousandths of a quantity; what is finer is rounded away from zero, as Kubernetes does.
    #[must_use]
    pub fn of(quantity: Quantity) -> Self {
        Self::clamp(quantity.milli())
    }

    /// The thousandths of a number as Prometheus has it, rounded to the nearest.
    ///
    /// # Errors
    /// If it is none: what divides by zero says nothing of how much there is.
    pub fn of_float(float: f64) -> Result<Self, Fault> {
        if !float.is_finite() {
            return Err(Fault::NoNumber);
        }
        // The conversion of a float saturates.
        #[allow(clippy::cast_possible_truncation)]
        Ok(Self((float * 1000.0).round() as i64))
    }

    pub(super) fn clamp(milli: i128) -> Self {
        Self(i64::try_from(milli).unwrap_or(if milli < 0 { i64::MIN } else { i64::MAX }))
    }

    pub(super) fn wide(self) -> i128 {
        self.0.into()
    }

    /// As a float, of which only the ratio to another counts.
    #[allow(clippy::cast_precision_loss, reason = "the HPA divides floats as well")]
    pub(super) const fn float(self) -> f64 {
        self.0 as f64
    }
}

/// A sum of thousandths: exact, whatever the order, and cut to 64 bits only at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum(pub(super) i128);

impl Sum {
    pub(super) fn add(&mut self, milli: i128) {
        self.0 = self.0.saturating_add(milli);
    }

    pub(super) fn milli(self) -> Milli {
        Milli::clamp(self.0)
    }

    /// Divided by a number of pods, the rest dropped; none if there are none.
    pub(super) fn per(self, pods: u64) -> Option<Milli> {
        self.0.checked_div(pods.into()).map(Milli::clamp)
    }

    /// In percent of another, the rest dropped; none if that is nothing.
    pub(super) fn percent_of(self, whole: Self) -> Option<i32> {
        let percent = self.0.saturating_mul(100).checked_div(whole.0)?;
        Some(i32::try_from(percent).unwrap_or(if percent < 0 { i32::MIN } else { i32::MAX }))
    }
}

impl FromIterator<Milli> for Sum {
    fn from_iter<I: IntoIterator<Item = Milli>>(all: I) -> Self {
        let mut sum = Self::default();
        all.into_iter().for_each(|milli| sum.add(milli.wide()));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_in_every_suffix_at_the_limits() {
        let milli = |text| Milli::of(Quantity::parse(text).unwrap()).0;
        for (text, expected) in [
            ("0", 0),
            ("1n", 1),
            ("-1n", -1),
            ("1u", 1),
            ("1001u", 2),
            ("1m", 1),
            ("1", 1000),
            ("1k", 1_000_000),
            ("1e3", 1_000_000),
            ("1Ki", 1_024_000),
            ("1Pi", 1_125_899_906_842_624_000),
            ("9223372036854775807m", i64::MAX),
            ("9223372036854775808m", i64::MAX),
            ("-9223372036854775809m", i64::MIN),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("10P", i64::MAX),
            ("1E", i64::MAX),
            ("8Ei", i64::MAX),
            ("-8Ei", i64::MIN),
            ("1e1000", i64::MAX),
        ] {
            assert_eq!(milli(text), expected, "{text}");
        }
    }

    #[test]
    fn floats_round_to_the_nearest_and_saturate() {
        for (float, expected) in [
            (0.0, 0),
            (-0.0, 0),
            (1.1, 1100),
            (0.0004, 0),
            (0.0005, 1),
            (-2.5, -2500),
            (1e300, i64::MAX),
            (-1e300, i64::MIN),
            (f64::MAX, i64::MAX),
            (f64::MIN_POSITIVE, 0),
        ] {
            assert_eq!(Milli::of_float(float).unwrap().0, expected, "{float}");
        }
        for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Milli::of_float(none), Err(Fault::NoNumber), "{none}");
        }
    }

    #[test]
    fn sums_do_not_wrap_and_division_drops_the_rest() {
        let sum = |all: &[i64]| all.iter().copied().map(Milli).collect::<Sum>();
        assert_eq!(sum(&[i64::MAX, i64::MAX]).milli(), Milli(i64::MAX));
        // Not after the first overflow: the order of the series says nothing.
        assert_eq!(sum(&[i64::MAX, i64::MAX, i64::MIN]).milli(), Milli(i64::MAX - 1));
        assert_eq!(sum(&[i64::MAX, i64::MIN, i64::MAX]).milli(), Milli(i64::MAX - 1));
        assert_eq!(sum(&[10, 10, 9]).per(3), Some(Milli(9)));
        assert_eq!(sum(&[]).per(0), None);
        assert_eq!(sum(&[1999]).percent_of(sum(&[1000])), Some(199));
        assert_eq!(sum(&[i64::MAX]).percent_of(sum(&[1])), Some(i32::MAX));
        assert_eq!(sum(&[i64::MIN]).percent_of(sum(&[1])), Some(i32::MIN));
        assert_eq!(sum(&[1]).percent_of(sum(&[])), None);
    }
}
