//! What must hold for any input, as functions from bytes to a panic where it does not: one a target.
//!
//! `fuzz_targets` hands them what libFuzzer makes up, `tests/seeds.rs` the seeds, so that an ordinary `cargo test` runs them
//! as well. Wherever it can be done a target holds the operator to a second opinion: the same in another order, in
//! another form, or judged by other means.

#![forbid(unsafe_code)]

mod defaults;
mod findings;
mod hints;
mod judgement;
pub mod mutate;
mod review;
mod schema;
mod secrets;
mod tree;
mod yaml;

pub use defaults::defaults;
pub use judgement::judgement;
pub use review::review;
pub use yaml::yaml;

use beamlit_operator::engine::Surroundings;

/// The namespace of every object.
const NAMESPACE: &str = "team-a";

/// Where every object stands.
fn surroundings() -> Surroundings<'static> {
    Surroundings::alone(NAMESPACE)
}
