//! The load: wrk, pinned to a core of its own, with one review sent again and again.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

/// How the reviews come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) connections: u16,
    /// With TCP and TLS made anew for each review.
    pub(crate) anew: bool,
}

impl Shape {
    pub(crate) const fn kept(connections: u16) -> Self {
        Self { connections, anew: false }
    }

    pub(crate) fn name(self) -> String {
        match (self.connections, self.anew) {
            (1, false) => "1 connection".to_owned(),
            (count, false) => format!("{count} connections"),
            (count, true) => format!("a new connection each time, {count} at once"),
        }
    }
}

/// What wrk counted. Times are in microseconds, from the first byte of a review to the last of its answer: what it takes to
/// connect is not in them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Counted {
    pub(crate) reviews: u64,
    pub(crate) micros: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
    /// Answers that were no admission.
    wrong: u64,
    /// Connections that broke, and answers that never came.
    broken: u64,
}

/// A generator of load.
pub(crate) struct Wrk {
    core: usize,
    script: PathBuf,
    review: PathBuf,
}

impl Wrk {
    /// # Errors
    /// If wrk or taskset is not installed.
    pub(crate) fn new(core: usize, review: PathBuf) -> Result<Self, String> {
        for (program, package) in [("wrk", "wrk"), ("taskset", "util-linux")] {
            let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            if found.is_err() {
                return Err(format!("{program} is needed: install Debian's package {package}"));
            }
        }
        let script = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/load/review.lua"));
        Ok(Self { core, script, review })
    }

    fn command(&self, url: &str, shape: Shape, time: Duration, look: bool) -> Command {
        let mut command = Command::new("taskset");
        command
            .args(["--cpu-list", &self.core.to_string(), "wrk", "--threads=1", "--timeout=10s"])
            .arg(format!("--connections={}", shape.connections))
            .arg(format!("--duration={}s", time.as_secs().max(1)))
            .arg("--script")
            .arg(&self.script)
            .arg(url)
            .arg("--")
            .arg(&self.review)
            .arg(if shape.anew { "close" } else { "keep" })
            .args(look.then_some("look"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    /// Sends reviews and counts.
    ///
    /// # Errors
    /// If one of them was not admitted.
    pub(crate) fn load(&self, url: &str, shape: Shape, time: Duration) -> Result<Counted, String> {
        self.counted(url, shape, time, false)
    }

    /// Sends reviews, and looks into every answer.
    ///
    /// # Errors
    /// If one of them was not admitted.
    pub(crate) fn look(&self, url: &str, shape: Shape) -> Result<(), String> {
        self.counted(url, shape, Duration::from_secs(1), true).map(drop)
    }

    fn counted(&self, url: &str, shape: Shape, time: Duration, look: bool) -> Result<Counted, String> {
        let output = self.command(url, shape, time, look).output().map_err(|error| format!("wrk: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.starts_with('{'));
        let counted: Counted = line
            .and_then(|line| serde_json::from_str(line).ok())
            .ok_or_else(|| format!("wrk said: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
        if counted.reviews == 0 || counted.wrong > 0 || counted.broken > 0 {
            return Err(format!("{url}, {}: not every review was admitted: {counted:?}", shape.name()));
        }
        Ok(counted)
    }

    /// Sends reviews until the process is ended.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn start(&self, url: &str, shape: Shape) -> io::Result<Child> {
        self.command(url, shape, Duration::from_secs(600), false).stdout(Stdio::null()).spawn()
    }
}
