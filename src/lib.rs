//! Admission webhook and command line for `ModelDeployment` and `Policy`: one judge, asked in two ways.
//!
//! Rooms, and which may use which: `api` ← `engine` ← {`cli`, `gate`} ← `serve`; `telemetry` is used by `gate` and `serve`.
//! Inside `engine`: `subject`, `units`, `parse`, `finding`, `suggest`, `schema` ← `defaults`, `validate`, `order`, `ratchet` ← `judge` ← `manifest`.

pub mod api;
#[cfg(feature = "cli")]
pub mod cli;
pub mod engine;
pub mod gate;

#[cfg(feature = "operator")]
pub mod serve;
#[cfg(feature = "operator")]
pub mod telemetry;
