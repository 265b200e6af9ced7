//! A HorizontalPodAutoscaler beside the offload, on the CPU of the same pods: the algorithm of `pkg/controller/podautoscaler` with its
//! defaults, for an HPA that has no `behavior` of its own.

use std::collections::VecDeque;

use super::model::{Measured, with_idle};

/// What an HPA is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hpa {
    /// The CPU that the pods are to use, in percent of what they request.
    pub target: u32,
    /// The fewest pods.
    pub min: u32,
    /// The most pods.
    pub max: u32,
}

/// How often an HPA looks, in milliseconds (`--horizontal-pod-autoscaler-sync-period`).
pub(super) const SYNC: u64 = 15_000;
/// How far a ratio may be from 1 (`--horizontal-pod-autoscaler-tolerance`).
const TOLERANCE: f64 = 0.1;
/// For how long past recommendations count on the way down, in milliseconds (`--horizontal-pod-autoscaler-downscale-stabilization`).
const STABILIZATION: u64 = 300_000;
/// An HPA without `behavior` at most doubles the pods at once, or makes them as many as this.
const SCALE_UP_LEAST: u32 = 4;

/// The HPA and what it remembers.
#[derive(Clone, Debug)]
pub(super) struct Controller {
    hpa: Hpa,
    recommendations: VecDeque<(u64, u32)>,
}

impl Controller {
    pub(super) fn new(hpa: Hpa) -> Self {
        Self { hpa, recommendations: VecDeque::new() }
    }

    /// How many pods there should be.
    pub(super) fn sync(&mut self, now: u64, current: u32, measured: Option<&Measured>) -> u32 {
        let Hpa { target: _, min, max } = self.hpa;
        // A workload that somebody scaled to zero is left alone.
        if current == 0 {
            return 0;
        }
        if current > max {
            return max;
        }
        if current < min {
            return min;
        }
        // Without metrics nothing is done, and nothing remembered.
        let Some(measured) = measured.filter(|measured| measured.ready > 0) else { return current };
        let recommended = self.recommended(current, measured);
        self.recommendations.retain(|(at, _)| now.saturating_sub(*at) < STABILIZATION);
        self.recommendations.push_back((now, recommended));
        let stable = self.recommendations.iter().map(|(_, count)| *count).max().unwrap_or(recommended);
        let most = max.min(current.saturating_mul(2).max(SCALE_UP_LEAST));
        stable.clamp(min, most.max(min))
    }

    fn recommended(&self, current: u32, measured: &Measured) -> u32 {
        let within = |ratio: f64| (ratio - 1.0).abs() <= TOLERANCE + 1e-9;
        let ratio = (measured.load * 100.0 + 1e-9).floor() / f64::from(self.hpa.target.max(1));
        if measured.unready == 0 || ratio <= 1.0 {
            return if within(ratio) { current } else { ceil(ratio * f64::from(measured.ready)) };
        }
        let all = with_idle(ratio, measured.ready, measured.unready);
        if within(all) || all < 1.0 {
            return current;
        }
        ceil(all * f64::from(measured.ready.saturating_add(measured.unready))).max(current)
    }
}

/// As Go has it, but for what a float is beyond the whole number that it stands for.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn ceil(pods: f64) -> u32 {
    (pods - 1e-9).ceil().max(0.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(load: f64, ready: u32, unready: u32) -> Measured {
        Measured { taken: 0, load, served: load, demand: 1.0, ready, unready }
    }

    fn hpa(target: u32, min: u32, max: u32) -> Controller {
        Controller::new(Hpa { target, min, max })
    }

    #[test]
    fn each_row_is_what_the_controller_does() {
        for (what, load, ready, unready, expected) in [
            ("at its target", 0.70, 4, 0, 4),
            ("within the tolerance, which is inclusive", 0.77, 4, 0, 4),
            ("above it", 0.78, 4, 0, 5),
            ("below the tolerance", 0.62, 4, 0, 4),
            ("far below", 0.35, 4, 0, 2),
            ("more than twice: doubled, and no more", 2.5, 4, 0, 8),
            ("pods that start count as idle, and it holds", 0.90, 4, 2, 6),
            ("pods that start, and still too much", 1.50, 4, 2, 9),
            ("below the target pods that start do not count at all", 0.35, 4, 2, 2),
            ("no pod was measured", 2.0, 0, 4, 4),
        ] {
            let current = ready + unready;
            assert_eq!(hpa(70, 1, 20).sync(0, current, Some(&measured(load, ready, unready))), expected, "{what}");
        }
        assert_eq!(hpa(70, 1, 20).sync(0, 4, None), 4, "no metrics");
        assert_eq!(hpa(70, 3, 5).sync(0, 4, Some(&measured(2.0, 4, 0))), 5, "the most");
        assert_eq!(hpa(70, 3, 5).sync(0, 4, Some(&measured(0.1, 4, 0))), 3, "the fewest");
        assert_eq!(hpa(70, 3, 5).sync(0, 0, Some(&measured(2.0, 4, 0))), 0, "scaled to zero");
        assert_eq!(hpa(70, 1, 20).sync(0, 1, Some(&measured(7.0, 1, 0))), 4, "the first doublings come at once");
    }

    #[test]
    fn the_way_down_waits_for_the_highest_of_five_minutes() {
        let mut hpa = hpa(70, 1, 20);
        assert_eq!(hpa.sync(0, 4, Some(&measured(0.7, 4, 0))), 4);
        assert_eq!(hpa.sync(299_000, 4, Some(&measured(0.2, 4, 0))), 4);
        assert_eq!(hpa.sync(300_000, 4, Some(&measured(0.2, 4, 0))), 2);
    }
}
