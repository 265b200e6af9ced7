//! A trace: what the local deployment was asked for over time, and what happened to it meanwhile.

mod read;
mod shapes;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use read::{Fault, read};
pub use shapes::Shape;

/// The most rows of a trace: a row every three seconds for a month.
pub const MAX_ROWS: usize = 1_000_000;
/// The longest time that is simulated.
pub const MAX_DURATION: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// The most demand, in percent.
pub const MAX_DEMAND: f64 = 100_000.0;
/// The most pods.
pub const MAX_PODS: u32 = 10_000;
/// How many pods there are at the beginning unless a trace says otherwise.
pub const DEFAULT_PODS: u32 = 4;
/// How long a trace of one row lasts.
const ONE_ROW: Duration = Duration::from_secs(60 * 60);

/// One row: what holds from its time until that of the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Milliseconds since the first row.
    pub at: u64,
    /// The demand, as a share of what the initial pods request: at 1 they use exactly that, beside their idle load.
    pub demand: f64,
    /// How many pods the workload is to have; none leaves it as it is.
    pub replicas: Option<u32>,
    /// The most pods that can be ready, whatever else holds: a node that is lost takes some away. None sets no limit.
    pub ready: Option<u32>,
    /// Whether the metrics can be read.
    pub metrics: bool,
}

/// Rows in the order of time, the first at 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// What people call it.
    pub name: String,
    rows: Vec<Row>,
    length: Duration,
    /// What deserves to be known about it: gaps.
    pub notes: Vec<String>,
}

impl Trace {
    /// Takes rows whose times grow; none if there are none.
    fn of(name: &str, rows: Vec<Row>) -> Option<Self> {
        let last = rows.last()?;
        // The last row lasts as long as the one before it.
        let step = match rows.iter().rev().nth(1) {
            Some(before) => Duration::from_millis(last.at.saturating_sub(before.at)),
            None => ONE_ROW,
        };
        let length = Duration::from_millis(last.at).saturating_add(step).min(MAX_DURATION);
        Some(Self { name: name.to_owned(), rows, length, notes: Vec::new() })
    }

    /// The same trace, cut or with its last row drawn out.
    #[must_use]
    pub fn lasting(mut self, length: Option<Duration>) -> Self {
        if let Some(length) = length {
            self.length = length.min(MAX_DURATION);
        }
        self
    }

    /// How long it lasts.
    #[must_use]
    pub const fn length(&self) -> Duration {
        self.length
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many pods a demand of 100 % is what is requested by: those of the first row that has any.
    #[must_use]
    pub fn measure(&self) -> u32 {
        self.rows.iter().find_map(|row| row.replicas.filter(|count| *count > 0)).unwrap_or(DEFAULT_PODS)
    }

    /// How many pods there are at the beginning.
    #[must_use]
    pub fn pods(&self) -> u32 {
        self.rows.first().and_then(|row| row.replicas).unwrap_or_else(|| self.measure())
    }
}
