//! Axes: where values lie, and which of them are named.

use super::{LEFT, RIGHT};

/// An axis from 0 on, and the values that are named on it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    pub most: f64,
    pub ticks: Vec<(f64, String)>,
}

/// Spans between named times, in seconds.
const TIMES: [u64; 14] = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 3 * 86_400];

impl Scale {
    /// Time, in milliseconds.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn of_time(length: u64) -> Self {
        let seconds = (length / 1000).max(1);
        let step = TIMES.into_iter().find(|step| seconds / step <= 10).unwrap_or(3 * 86_400);
        let ticks = (0..=seconds).step_by(usize::try_from(step).unwrap_or(1)).map(|at| {
            let label = match (step < 60, step < 86_400) {
                (true, _) => format!("{}:{:02}:{:02}", at / 3600, at / 60 % 60, at % 60),
                (_, true) => format!("{}:{:02}", at / 3600, at / 60 % 60),
                _ => format!("{} d", at / 86_400),
            };
            ((at * 1000) as f64, label)
        });
        Self { most: (seconds * 1000) as f64, ticks: ticks.collect() }
    }

    /// Values up to one, with so many round ticks at most, beside that at 0.
    pub(super) fn nice(most: f64, ticks: f64) -> Self {
        let mut power = 1e-3;
        let step = loop {
            let step = [1.0, 2.0, 2.5, 5.0].into_iter().map(|step| step * power).find(|step| most <= ticks * step);
            match step {
                Some(step) => break step,
                None if power < 1e9 => power *= 10.0,
                None => break most / ticks,
            }
        };
        let count = (most / step - 1e-9).ceil().max(1.0);
        Self::by(step, count)
    }

    /// 0 to 100.
    pub(super) fn percent() -> Self {
        Self::by(25.0, 4.0)
    }

    /// Whole things.
    pub(super) fn whole(most: u32) -> Self {
        let most = most.max(1);
        let step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].into_iter().find(|step| most <= 4 * step);
        let step = step.unwrap_or(10_000);
        Self::by(f64::from(step), f64::from(most.div_ceil(step)))
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn by(step: f64, count: f64) -> Self {
        let ticks = (0..=count as u32).map(|n| {
            let value = f64::from(n) * step;
            (value, format!("{}", (value * 1000.0).round() / 1000.0))
        });
        Self { most: step * count, ticks: ticks.collect() }
    }

    /// Where a time lies.
    pub(super) fn x(&self, at: f64) -> f64 {
        LEFT + (at / self.most).clamp(0.0, 1.0) * (RIGHT - LEFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> Vec<&str> {
        scale.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&Scale::nice(200.0, 5.0)), ["0", "50", "100", "150", "200"]);
        assert_eq!(labels(&Scale::nice(121.0, 5.0)), ["0", "25", "50", "75", "100", "125"]);
        assert_eq!(labels(&Scale::nice(1.0, 5.0)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&Scale::nice(100_000.0, 5.0)), ["0", "20000", "40000", "60000", "80000", "100000"]);
        assert_eq!(labels(&Scale::nice(100.0, 3.0)), ["0", "50", "100"]);
        assert_eq!(labels(&Scale::whole(5)), ["0", "2", "4", "6"]);
        assert_eq!(labels(&Scale::whole(0)), ["0", "1"]);
        assert_eq!(labels(&Scale::of_time(3_600_000)), ["0:00", "0:10", "0:20", "0:30", "0:40", "0:50", "1:00"]);
        assert_eq!(labels(&Scale::of_time(30_000)), ["0:00:00", "0:00:10", "0:00:20", "0:00:30"]);
        assert_eq!(labels(&Scale::of_time(4 * 86_400_000)).len(), 5);
    }
}
