//! The local deployment as it is modelled: pods that start, load that saturates, requests that wait, metrics that lag.

mod gauge;
mod load;
mod pods;
mod sampler;

use std::time::Duration;

pub use gauge::{Assumed, Gauges, NoGauge};
pub(super) use gauge::{Home, Reading};
pub(super) use load::{Load, Second};
pub(super) use pods::Pods;
pub(super) use sampler::{Measured, Sampler, with_idle};

/// What is assumed about the local deployment and its metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Knobs {
    /// The load of an idle pod, as a share of what it requests: it does not fall with the traffic.
    pub idle: f64,
    /// The most that a pod can use, as a share of what it requests.
    pub saturation: f64,
    /// How many requests a second a demand of 100 % is.
    pub requests: f64,
    /// How long a request takes that need not wait.
    pub service: Duration,
    /// A request that waits longer than this is slow.
    pub slow: Duration,
    /// A request that would have to wait longer than this fails.
    pub patience: Duration,
    /// How long a metric is averaged, and how often it is.
    pub resolution: Duration,
    /// How much later it can be read.
    pub lag: Duration,
    /// How long a new pod takes to become ready.
    pub startup: Duration,
    /// The standard deviation of the metrics, as a share of their value.
    pub noise: f64,
    /// What the noise is made from.
    pub seed: u64,
    /// How often is decided. A change of the ready endpoints is decided on at once.
    pub every: Duration,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            idle: 0.05,
            saturation: 1.2,
            requests: 100.0,
            service: Duration::from_millis(500),
            slow: Duration::from_secs(1),
            patience: Duration::from_secs(10),
            resolution: Duration::from_secs(15),
            lag: Duration::from_secs(5),
            startup: Duration::from_secs(60),
            noise: 0.0,
            seed: 1,
            every: Duration::from_secs(15),
        }
    }
}

/// Noise that is the same on every machine: sums and products only.
#[derive(Clone, Debug)]
struct Noise(u64);

impl Noise {
    /// Nearly normally distributed, with mean 0 and deviation 1.
    fn next(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    /// SplitMix64, of which 53 bits make a number from 0 to 1.
    #[allow(clippy::cast_precision_loss)]
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
