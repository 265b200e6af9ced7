//! Named shapes: the traces that every behaviour should be looked at with.

use super::{DEFAULT_PODS, Row, Trace};

/// A named trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Twice what the pods carry, for ten minutes.
    Spike,
    /// A demand that rises above the target and stays.
    Step,
    /// A day's ups and downs in two hours.
    Sine,
    /// A slow rise through the target and back.
    Ramp,
    /// Rises that end at once, again and again.
    Sawtooth,
    /// A spike, and the metrics are lost before it is over.
    MetricLoss,
    /// Pods that are lost: three of four, then the last.
    ReplicaLoss,
    /// Pods that are ready and not ready by turns.
    Flapping,
}

/// How far the rows of a shape lie apart, in seconds.
const STEP: u64 = 15;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 8] = [
        Self::Spike,
        Self::Step,
        Self::Sine,
        Self::Ramp,
        Self::Sawtooth,
        Self::MetricLoss,
        Self::ReplicaLoss,
        Self::Flapping,
    ];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::Step => "step",
            Self::Sine => "sine",
            Self::Ramp => "ramp",
            Self::Sawtooth => "sawtooth",
            Self::MetricLoss => "metric-loss",
            Self::ReplicaLoss => "replica-loss",
            Self::Flapping => "flapping",
        }
    }

    /// What happens in it.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Spike => "demand 50 %, from 10 min on 200 % for 10 min, then 50 %",
            Self::Step => "demand 50 %, from 10 min on 150 %, for good",
            Self::Sine => "demand between 30 % and 150 %, a wave an hour",
            Self::Ramp => "demand from 40 % to 160 % within an hour, and back within another",
            Self::Sawtooth => "demand from 40 % to 140 % within 15 min, then at once back, again and again",
            Self::MetricLoss => {
                "demand 50 %, from 10 min on 150 % for 20 min, and no metrics between 15 min and 40 min"
            }
            Self::ReplicaLoss => {
                "demand 50 %; three of four pods are lost at 10 min, the last at 25 min, all are back at 30 min"
            }
            Self::Flapping => {
                "demand 80 %; from 10 min to 30 min pods are lost every minute for half of it, all of them every other time"
            }
        }
    }

    /// Its trace.
    #[must_use]
    pub fn trace(self) -> Trace {
        let length = match self {
            Self::Ramp => 2 * HOUR + 30 * MINUTE,
            Self::Sine | Self::Step | Self::Sawtooth => 2 * HOUR,
            Self::Spike | Self::MetricLoss | Self::ReplicaLoss | Self::Flapping => HOUR,
        };
        let mut rows: Vec<Row> = Vec::new();
        for second in (0..length).step_by(usize::try_from(STEP).unwrap_or(1)) {
            let (demand, ready, metrics) = self.at(second);
            let replicas = rows.is_empty().then_some(DEFAULT_PODS);
            rows.push(Row { at: second * 1000, demand, replicas, ready, metrics });
        }
        let row = Row { at: 0, demand: 0.0, replicas: None, ready: None, metrics: true };
        Trace::of(self.name(), rows).unwrap_or(Trace {
            name: self.name().to_owned(),
            rows: vec![row],
            length: std::time::Duration::from_secs(length),
            notes: Vec::new(),
        })
    }

    /// The demand, the most pods that can be ready, and whether the metrics can be read.
    #[allow(clippy::cast_precision_loss)]
    fn at(self, second: u64) -> (f64, Option<u32>, bool) {
        let minute = second / MINUTE;
        let burst = |from: u64, until: u64, high: f64| if (from..until).contains(&minute) { high } else { 0.5 };
        match self {
            Self::Spike => (burst(10, 20, 2.0), None, true),
            Self::Step => (burst(10, u64::MAX, 1.5), None, true),
            Self::Sine => (0.9 - 0.6 * cosine(second as f64 / HOUR as f64), None, true),
            Self::Ramp => {
                let share = second as f64 / HOUR as f64;
                (0.4 + 1.2 * if share < 1.0 { share } else { (2.0 - share).max(0.0) }, None, true)
            }
            Self::Sawtooth => (0.4 + (second % (15 * MINUTE)) as f64 / (15 * MINUTE) as f64, None, true),
            Self::MetricLoss => (burst(10, 30, 1.5), None, !(15..40).contains(&minute)),
            Self::ReplicaLoss => {
                let ready = match minute {
                    10..25 => Some(1),
                    25..30 => Some(0),
                    _ => None,
                };
                (0.5, ready, true)
            }
            Self::Flapping => {
                let lost = (10..30).contains(&minute) && second % MINUTE >= 30;
                let left = if minute.is_multiple_of(2) { 2 } else { 0 };
                (0.8, lost.then_some(left), true)
            }
        }
    }
}

/// The cosine of so many turns. Sums and products only: the functions of a platform's library differ in the last digit, and
/// plots are compared byte for byte.
fn cosine(turns: f64) -> f64 {
    // Within half a turn of 0 …
    let turn = (turns - turns.floor() - 0.5).abs();
    // … that is cos(x) = -cos(x - π), where the series is short.
    let x = turn * std::f64::consts::TAU;
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 1..12_u32 {
        let n = f64::from(n);
        term *= -x * x / ((2.0 * n - 1.0) * (2.0 * n));
        sum += term;
    }
    -sum
}
