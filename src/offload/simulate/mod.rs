//! The simulator: hours of traffic against a model of the local deployment, replayed in a moment.
//!
//! `trace` says what was asked for, `model` what the local deployment makes of it, `hpa` how many pods there are, `run` lets the real
//! [`super::decide`] decide on what the model measures, `verdict` says in words what came of it, and `plot` draws it.

mod hpa;
mod model;
pub mod plot;
mod run;
mod simulation;
mod trace;
mod verdict;

pub use hpa::Hpa;
pub use model::{Assumed, Gauges, Knobs, NoGauge};
pub use run::{Run, Setup, Step, Totals, run};
pub use simulation::{Named, Simulation};
pub use trace::{DEFAULT_PODS, Fault, MAX_DEMAND, MAX_DURATION, MAX_PODS, MAX_ROWS, Row, Shape, Trace, read};
pub use verdict::{Verdict, clock, compare, percent, span, verdict};
