//! The figures, for people and as JSON. Of several rounds the median counts: the speed of a shared machine swings, and a ratio
//! within one round much less than what it is made of.

use std::fmt::Write as _;

use serde::Serialize;

/// One target under one shape of load in one round.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) per_second: f64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) max_us: u64,
    /// Processor time of the server for one review.
    pub(crate) cpu_us: f64,
    /// The share of its core that the server used. Well below 1: it was the generator that could not do more.
    pub(crate) busy: f64,
}

/// One target under one shape of load.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) shape: String,
    /// Whether each review had a connection of its own: then times are without connecting.
    pub(crate) anew: bool,
    pub(crate) target: &'static str,
    pub(crate) rounds: Vec<Sample>,
}

/// What is not a matter of load.
#[derive(Debug, Serialize)]
pub(crate) struct Process {
    pub(crate) binary_bytes: u64,
    pub(crate) start_to_ready_ms: Vec<f64>,
    /// Resident bytes after so many reviews, with 64 connections open.
    pub(crate) resident_bytes: Vec<(u64, u64)>,
    /// The most that it ever was.
    pub(crate) peak_bytes: u64,
    pub(crate) log_lines_per_review: f64,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) review_bytes: usize,
    pub(crate) series: Vec<Series>,
    /// How many of the floor's TLS handshakes took up an earlier session.
    pub(crate) resumed: u64,
    pub(crate) process: Option<Process>,
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Series {
    fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        median(self.rounds.iter().map(of))
    }

    /// The median of the ratios of the rates, round by round.
    fn ratio(&self, to: &Self) -> f64 {
        median(self.rounds.iter().zip(&to.rounds).map(|(mine, theirs)| mine.per_second / theirs.per_second))
    }
}

impl Report {
    fn of(&self, shape: &str, target: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.shape == shape && series.target == target)
    }

    /// A table for each shape of load, then the process.
    pub(crate) fn text(&self) -> String {
        let mut out =
            format!("a review of {} bytes over TLS on loopback, one core for the server\n", self.review_bytes);
        let mut shapes: Vec<&str> = self.series.iter().map(|series| series.shape.as_str()).collect();
        shapes.dedup();
        for shape in shapes {
            _ = writeln!(
                out,
                "\n{shape}\n{:24}{:>11}{:>9}{:>9}{:>8}{:>6}{:>10}{:>11}",
                "", "reviews/s", "p50 µs", "p99 µs", "CPU µs", "busy", "to fixed", "to parsing"
            );
            for series in self.series.iter().filter(|series| series.shape == shape) {
                let ratio = |floor| self.of(shape, floor).map_or(f64::NAN, |floor| series.ratio(floor));
                _ = writeln!(
                    out,
                    "{:24}{:>11.0}{:>9.0}{:>9.0}{:>8.1}{:>6.2}{:>10.2}{:>11.2}",
                    series.target,
                    series.median(|sample| sample.per_second),
                    series.median(|sample| sample.p50_us as f64),
                    series.median(|sample| sample.p99_us as f64),
                    series.median(|sample| sample.cpu_us),
                    series.median(|sample| sample.busy),
                    ratio("floor: fixed"),
                    ratio("floor: parsing"),
                );
            }
            if self.series.iter().any(|series| series.shape == shape && series.anew) {
                _ = writeln!(
                    out,
                    "{} TLS sessions were resumed; times are those of the review alone, without connecting",
                    self.resumed
                );
            }
        }
        if let Some(process) = &self.process {
            process.write(&mut out);
        }
        out
    }
}

impl Process {
    fn write(&self, out: &mut String) {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        _ = writeln!(
            out,
            "\nstart to ready: median {:.1} ms of {}",
            median(self.start_to_ready_ms.iter().copied()),
            self.start_to_ready_ms.len()
        );
        for (reviews, bytes) in &self.resident_bytes {
            _ = writeln!(out, "resident after {reviews} reviews: {:.1} MB", megabytes(*bytes));
        }
        _ = writeln!(out, "resident at most: {:.1} MB", megabytes(self.peak_bytes));
        _ = writeln!(out, "log lines for each review: {:.3}", self.log_lines_per_review);
        _ = writeln!(out, "binary: {:.1} MB", megabytes(self.binary_bytes));
    }
}
