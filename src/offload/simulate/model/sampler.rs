//! The metrics pipeline: loads averaged over a window, and readable a while later.

use std::collections::VecDeque;

use super::{Knobs, Noise, Second};

/// What was measured in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Measured {
    /// When the window ended, in milliseconds since the beginning.
    pub taken: u64,
    /// The load of a pod, as a share of what it requests.
    pub load: f64,
    /// The part of it that requests caused.
    pub served: f64,
    /// The demand, as a share of what the initial pods request.
    pub demand: f64,
    /// The pods that were ready in all of the window.
    pub ready: u32,
    /// The pods of which there is no such measurement.
    pub unready: u32,
}

/// Averages, and keeps what cannot be read yet.
#[derive(Clone, Debug)]
pub(in super::super) struct Sampler {
    window: u64,
    lag: u64,
    noise: f64,
    source: Noise,
    sum: (f64, f64, f64),
    seconds: u32,
    ready: u32,
    pending: VecDeque<Measured>,
    latest: Option<Measured>,
}

impl Sampler {
    pub(in super::super) fn new(knobs: &Knobs) -> Self {
        let millis = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self {
            window: millis(knobs.resolution).max(1000),
            lag: millis(knobs.lag),
            noise: knobs.noise,
            source: Noise(knobs.seed),
            sum: (0.0, 0.0, 0.0),
            seconds: 0,
            ready: u32::MAX,
            pending: VecDeque::new(),
            latest: None,
        }
    }

    /// Takes in a second that ends now.
    pub(in super::super) fn second(&mut self, now: u64, second: &Second, demand: f64, ready: u32, count: u32) {
        let (load, served, wanted) = &mut self.sum;
        *load += second.load.unwrap_or(0.0);
        *served += second.served;
        *wanted += demand;
        self.seconds += 1;
        self.ready = self.ready.min(ready);
        if !now.is_multiple_of(self.window) {
            return;
        }
        let factor = if self.noise > 0.0 { (1.0 + self.noise * self.source.next()).max(0.0) } else { 1.0 };
        let mean = |sum: f64| sum / f64::from(self.seconds) * factor;
        let (load, served, demand) = self.sum;
        self.pending.push_back(Measured {
            taken: now,
            load: mean(load),
            served: mean(served),
            demand: mean(demand),
            ready: self.ready,
            unready: count.saturating_sub(self.ready),
        });
        (self.sum, self.seconds, self.ready) = ((0.0, 0.0, 0.0), 0, u32::MAX);
    }

    /// The latest measurement that can be read now, unless the metrics cannot be read at all: what is not read is lost.
    pub(in super::super) fn read(&mut self, now: u64, metrics: bool) -> Option<Measured> {
        while let Some(next) = self.pending.front().filter(|next| next.taken.saturating_add(self.lag) <= now) {
            if metrics {
                self.latest = Some(*next);
            }
            self.pending.pop_front();
        }
        self.latest
    }
}

/// The ratio if pods that were not measured count as idle, as the HPA counts those that are not ready once the others are above the target.
pub(in super::super) fn with_idle(ratio: f64, ready: u32, unready: u32) -> f64 {
    ratio * f64::from(ready) / (f64::from(ready) + f64::from(unready)).max(1.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(load: f64) -> Second {
        Second { load: Some(load), served: load / 2.0, ..Second::default() }
    }

    #[test]
    fn a_window_is_averaged_and_read_a_while_later() {
        let mut sampler = Sampler::new(&Knobs { lag: Duration::from_secs(5), ..Knobs::default() });
        for second in 1..=15 {
            let ready = if second == 7 { 3 } else { 4 };
            sampler.second(second * 1000, &of(if second <= 5 { 0.3 } else { 0.6 }), 1.0, ready, 4);
        }
        assert_eq!(sampler.read(19_999, true), None);
        let read = sampler.read(20_000, true).unwrap();
        assert!((read.load - 0.5).abs() < 1e-9 && (read.served - 0.25).abs() < 1e-9, "{read:?}");
        assert_eq!((read.taken, read.ready, read.unready), (15_000, 3, 1), "a pod that was not ready all the time");
    }

    #[test]
    fn what_is_not_read_is_lost() {
        let mut sampler = Sampler::new(&Knobs::default());
        for second in 1..=30 {
            sampler.second(second * 1000, &of(0.5), 1.0, 4, 4);
        }
        assert_eq!(sampler.read(40_000, false), None);
        assert_eq!(sampler.read(50_000, true), None);
    }

    #[test]
    fn noise_is_the_same_for_the_same_seed_and_averages_out() {
        let read = |seed| {
            let mut sampler = Sampler::new(&Knobs { noise: 0.05, seed, ..Knobs::default() });
            (1..=15_000_u64)
                .filter_map(|second| {
                    sampler.second(second * 1000, &of(0.5), 1.0, 4, 4);
                    sampler.pending.pop_front().map(|measured| measured.load)
                })
                .collect::<Vec<f64>>()
        };
        let once = read(1);
        assert_eq!(once, read(1));
        assert_ne!(once, read(2));
        let mean = once.iter().sum::<f64>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
        let deviation = (once.iter().map(|load| (load - mean) * (load - mean)).sum::<f64>() / 1000.0).sqrt();
        assert!((deviation - 0.025).abs() < 0.003, "{deviation}");
    }
}
