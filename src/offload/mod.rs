//! When and how much: what a metric says, what follows from it for the weight, and both replayed over hours in a moment.
//!
//! Pure: no clock, no I/O, no Kubernetes client. Time is an argument.
//!
//! Inside: `time`, `observation` ← `evaluate`, `decide` ← `simulate`.

pub mod decide;
pub mod evaluate;
pub mod observation;
pub mod simulate;
mod time;

pub use time::Time;
