//! One or two behaviours over the same trace: everything that is shown of them.

use super::run::{Run, Setup, run};
use super::trace::Trace;
use super::verdict::{Verdict, compare, verdict};

/// What was simulated and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// What people call it.
    pub title: String,
    /// What happens in it.
    pub about: String,
    /// The runs, one or two.
    pub runs: Vec<Named>,
    /// What the second does differently.
    pub difference: Vec<String>,
    /// What was assumed, and what is odd about the input.
    pub notes: Vec<String>,
}

/// A run with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// What people call it.
    pub name: String,
    /// What came of it.
    pub run: Run,
    /// The same in words.
    pub verdict: Verdict,
}

impl Simulation {
    /// Replays a trace with each of the setups.
    #[must_use]
    pub fn of(title: &str, about: &str, trace: &Trace, setups: &[(String, Setup)]) -> Self {
        let mut notes = trace.notes.clone();
        let mut runs = Vec::new();
        for (name, setup) in setups {
            let run = run(trace, setup);
            runs.push(Named { name: name.clone(), verdict: verdict(&run), run });
            notes.extend(setup.gauges.notes.iter().cloned());
            if setup.hpa.is_some() && trace.rows().iter().skip(1).any(|row| row.replicas.is_some()) {
                notes.push("beside an HPA the replicas of the trace count only at its beginning".into());
            }
        }
        notes.dedup();
        let difference = match runs.as_slice() {
            [a, b] => compare([&a.name, &b.name], [&a.run, &b.run]),
            _ => Vec::new(),
        };
        Self { title: title.to_owned(), about: about.to_owned(), runs, difference, notes }
    }
}
