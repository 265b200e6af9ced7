//! The figures, for people.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

/// What was measured at one time.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What was so at the time.
    pub(crate) what: &'static str,
    /// How many ModelDeployments there were.
    pub(crate) models: usize,
    /// How many pods there were.
    pub(crate) pods: usize,
    /// From the start of the process to its first decision, and to the last first one; none if it ran already.
    pub(crate) decided: Option<(Duration, Duration)>,
    /// From the moment in which the pods of a model stopped being ready until its Service sent everything away.
    pub(crate) failover: Option<Duration>,
    /// How much of a core it used.
    pub(crate) cores: f64,
    /// Resident bytes now, and the most that they ever were.
    pub(crate) resident: (u64, u64),
    /// Calls in a minute: writes and leases to the API server, reads of metrics, calls to Beamlit.
    pub(crate) calls: [f64; 3],
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, models, pods, decided, failover, cores, resident, calls } = self;
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        let (first, all) = decided.map_or_else(Default::default, |(first, all)| (seconds(first), seconds(all)));
        let failover = failover.map_or_else(String::new, |time| format!("{:.2} s", time.as_secs_f64()));
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        write!(
            f,
            "| {what} | {models} | {pods} | {first} | {all} | {failover} | {cores:.3} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            megabytes(resident.0),
            megabytes(resident.1),
            calls[0],
            calls[1],
            calls[2],
        )
    }
}

/// All of them.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut out = "| | ModelDeployments | pods | first decision | all decided | failover | cores | MB | peak MB | API calls/min | metrics calls/min | Beamlit calls/min |\n\
                   |---|---|---|---|---|---|---|---|---|---|---|---|"
        .to_owned();
    for row in rows {
        _ = write!(out, "\n{row}");
    }
    out
}
