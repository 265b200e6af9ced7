//! Whether a sample is of now: neither too old to count nor of the future.

use std::time::Duration;

use super::{Fault, Reading, Value};
use crate::offload::Time;

/// After so many windows without a newer one, a sample is stale.
///
/// metrics-server scrapes every 15 s what the kubelet itself measured up to 15 s before: the sample of a healthy cluster is up to two
/// windows old, and that of one which missed two scrapes up to four. The HPA knows no such limit; a source that stopped would make it
/// act on its last word for ever.
const STALE_AFTER: u32 = 5;

/// When a measurement was taken: from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    began: Time,
    pub(super) ended: Time,
}

impl Span {
    /// Judges the age of a measurement. A window shorter than the time from one to the next counts as long as that, for a sample cannot be
    /// newer than the last; one of no length counts as none. Clocks may differ by a window; what is of a moment from now is then of now.
    pub(super) fn of(
        now: Time,
        timestamp: Time,
        window: Option<Duration>,
        resolution: Duration,
    ) -> Result<Self, Fault> {
        let window = window.filter(|window| !window.is_zero()).unwrap_or(resolution);
        let pace = window.max(resolution);
        let (age, limit) = (now.since(timestamp), pace.saturating_mul(STALE_AFTER));
        if age > limit {
            return Err(Fault::Stale { age, limit });
        }
        let ahead = timestamp.since(now);
        if ahead > pace {
            return Err(Fault::Future { ahead });
        }
        let ended = timestamp.min(now);
        Ok(Self { began: ended.before(window), ended })
    }

    /// Judges the age of a value.
    pub(super) fn of_value(now: Time, value: &Value, reading: &Reading) -> Result<Self, Fault> {
        Self::of(now, value.timestamp, value.window, reading.resolution)
    }

    /// From the start of the first to the end of the last: what holds of all of it holds of both.
    pub(super) fn and(self, other: Self) -> Self {
        Self { began: self.began.min(other.began), ended: self.ended.max(other.ended) }
    }

    pub(super) fn window(self) -> Duration {
        self.ended.since(self.began)
    }
}

/// Of several faults the one that tells most, whatever their order: how new the newest sample is.
pub(super) fn telling(faults: impl IntoIterator<Item = Fault>) -> Option<Fault> {
    faults.into_iter().min_by_key(|fault| match fault {
        Fault::Stale { age, .. } => (0, *age),
        Fault::Future { ahead } => (1, *ahead),
        _ => (2, Duration::ZERO),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_000_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    fn of(timestamp: Time, window: Option<u32>, resolution: u32) -> Result<Span, Fault> {
        Span::of(NOW, timestamp, window.map(|seconds| SECOND * seconds), SECOND * resolution)
    }

    #[test]
    fn a_sample_is_stale_beyond_five_of_its_own_windows() {
        for (age, window, resolution, stale) in [
            (75, Some(15), 15, false),
            (76, Some(15), 15, true),
            (150, Some(30), 15, false),
            (151, Some(30), 15, true),
            // A window shorter than the resolution.
            (75, Some(10), 15, false),
            (76, Some(10), 15, true),
            // No window, or one of no length.
            (300, None, 60, false),
            (301, None, 60, true),
            (300, Some(0), 60, false),
            (301, Some(0), 60, true),
        ] {
            let fault = of(NOW.before(SECOND * age), window, resolution).err();
            let expected = stale.then(|| Fault::Stale {
                age: SECOND * age,
                limit: SECOND * window.unwrap_or_default().max(resolution) * 5,
            });
            assert_eq!(fault, expected, "{age} s, {window:?}, {resolution}");
        }
    }

    #[test]
    fn clocks_may_differ_by_a_window() {
        let ahead = |seconds: u32| of(NOW.after(SECOND * seconds), Some(15), 15);
        let span = ahead(15).unwrap();
        assert_eq!((span.ended, span.window()), (NOW, SECOND * 15));
        assert_eq!(ahead(16), Err(Fault::Future { ahead: SECOND * 16 }));
    }

    #[test]
    fn the_limits_of_time_do_not_wrap() {
        for timestamp in [Time(i64::MIN), Time(i64::MAX)] {
            for window in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
                for resolution in [Duration::ZERO, Duration::MAX] {
                    for now in [Time(i64::MIN), NOW, Time(i64::MAX)] {
                        if let Ok(span) = Span::of(now, timestamp, window, resolution) {
                            assert!(span.ended <= now && span.began <= span.ended);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn together_they_last_from_the_first_start_to_the_last_end() {
        let early = of(NOW.before(SECOND * 20), Some(15), 15).unwrap();
        let late = of(NOW.before(SECOND * 5), Some(10), 15).unwrap();
        let both = early.and(late);
        assert_eq!((both.ended, both.window()), (NOW.before(SECOND * 5), SECOND * 30));
        assert_eq!(both, late.and(early));
    }
}
