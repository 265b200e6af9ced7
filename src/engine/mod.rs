//! The judge and the compiler: parse → default → validate → compile. Pure, synchronous, deterministic; webhook and command line call the same functions.

pub mod compile;
pub mod configuration;
pub mod defaults;
pub mod finding;
mod judge;
pub mod manifest;
mod order;
pub mod parse;
pub mod policy;
pub mod promql;
mod ratchet;
mod schema;
mod subject;
pub mod suggest;
pub mod units;
mod validate;
pub mod world;

pub use judge::{judge, judge_deletion, judge_update};
pub use subject::{Kind, Reading, Surroundings};
