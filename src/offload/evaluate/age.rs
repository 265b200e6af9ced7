//! Whether a sample is of now: neither too old to count nor of the future.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Fault, Reading, Value};
use crate::offload::Time;
use crate::offload::observation::{self, SKEW};

/// After so many windows without a newer one, a sample is stale.
///
/// metrics-server scrapes every 15 s what the kubelet itself measured up to 15 s before: the sample of a healthy cluster is up to two
/// windows old, and that of one which missed two scrapes up to four. The HPA knows no such limit; a source that stopped would make it
/// act on its last word for ever.
pub const STALE_AFTER: u32 = 5;

/// The most spans of one sample. Beyond it, they are told apart no finer than that few remain.
const SPANS: usize = 16;

/// When a measurement was taken: from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    began: Time,
    ended: Time,
    /// Its end by the clock of the source, which may be ahead of ours: what tells it from the next.
    pub(super) taken: Time,
}

impl Span {
    /// Judges the age of a measurement. A window shorter than the time from one to the next counts as long as that, for a sample cannot be
    /// newer than the last; one of no length counts as none. Clocks may differ by a window; what is of a moment from now then ended now.
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
        if ahead > pace.min(SKEW) {
            return Err(Fault::Future { ahead });
        }
        let ended = timestamp.min(now);
        Ok(Self { began: ended.before(window), ended, taken: timestamp })
    }

    /// Judges the age of a value.
    pub(super) fn of_value(now: Time, value: &Value, reading: &Reading) -> Result<Self, Fault> {
        Self::of(now, value.timestamp, value.window, reading.resolution)
    }
}

/// When the newest of several measurements was taken, and over what times all of them were; none if there are none.
pub(super) fn together(all: impl IntoIterator<Item = Span>) -> Option<(Time, Vec<observation::Span>)> {
    let mut taken: Option<Time> = None;
    let mut exact = BTreeMap::new();
    for span in all {
        taken = taken.max(Some(span.taken));
        count(&mut exact, span.began, span.ended, 1);
    }
    let mut grain = 1000_i64;
    let mut merged = exact.clone();
    while merged.len() > SPANS {
        merged = BTreeMap::new();
        for ((began, ended), of) in &exact {
            count(&mut merged, nearest(*began, grain), nearest(*ended, grain), *of);
        }
        let Some(coarser) = grain.checked_mul(2) else { break };
        grain = coarser;
    }
    let spans = merged.into_iter().map(|((from, to), of)| observation::Span { from, to, of });
    taken.map(|taken| (taken, spans.collect()))
}

fn count(counts: &mut BTreeMap<(Time, Time), u32>, began: Time, ended: Time, of: u32) {
    let count = counts.entry((began, ended)).or_default();
    *count = count.saturating_add(of);
}

/// The nearest multiple of so many milliseconds.
fn nearest(time: Time, grain: i64) -> Time {
    Time(time.0.saturating_add(grain / 2).div_euclid(grain).saturating_mul(grain))
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
        let ahead = |seconds: u32, window: u32| of(NOW.after(SECOND * seconds), Some(window), 15);
        let span = ahead(15, 15).unwrap();
        assert_eq!((span.began, span.ended), (NOW.before(SECOND * 15), NOW));
        assert_eq!(span.taken, NOW.after(SECOND * 15), "which sample it is its source says");
        assert_eq!(ahead(16, 15), Err(Fault::Future { ahead: SECOND * 16 }));
        // Nor by more than a decision believes.
        assert!(ahead(60, 300).is_ok());
        assert_eq!(ahead(61, 300), Err(Fault::Future { ahead: SECOND * 61 }));
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
    fn together_each_has_its_own_time() {
        let ago = |ago: u32, window: u32| of(NOW.before(SECOND * ago), Some(window), 15).unwrap();
        let (taken, spans) = together([ago(20, 15), ago(5, 10), ago(20, 15)]).unwrap();
        let span =
            |from, to, of| observation::Span { from: NOW.before(SECOND * from), to: NOW.before(SECOND * to), of };
        assert_eq!((taken, spans), (NOW.before(SECOND * 5), vec![span(35, 20, 2), span(15, 5, 1)]));
        assert_eq!(together([]), None);
    }

    #[test]
    fn many_different_times_are_told_apart_less_finely() {
        for count in [16, 17, 1000] {
            let all: Vec<_> =
                (0..count).map(|pod| of(Time(NOW.0 - pod * 61_000 / count), Some(15), 15).unwrap()).collect();
            let (taken, spans) = together(all.iter().copied()).unwrap();
            assert_eq!((taken, spans.iter().map(|span| i64::from(span.of)).sum::<i64>()), (NOW, count));
            assert!(spans.len() <= 16, "{spans:?}");
            let mean = |sum: i64| sum / count;
            let exact = mean(all.iter().map(|span| NOW.0 - span.ended.0).sum());
            let told = mean(spans.iter().map(|span| (NOW.0 - span.to.0) * i64::from(span.of)).sum());
            assert!((exact - told).abs() < 2000, "{exact} {told}");
            assert!(spans.iter().all(|span| (span.to.0 - span.from.0 - 15_000).abs() <= 8000), "{spans:?}");
        }
        let far: Vec<_> = (0..100)
            .filter_map(|pod| Span::of(NOW, NOW, Some(Duration::from_millis(1 << (pod % 63))), SECOND).ok())
            .collect();
        assert!(together(far).unwrap().1.len() <= 16);
    }
}
