//! Admission webhook and command line for `ModelDeployment` and `Policy`: one judge, asked in two ways.
//!
//! Rooms, and which may use which: `api` ← `engine` ← `offload` ← {`cli`, `gate`, `watch`} ← `controller` ← `serve`; `telemetry` and `files` are
//! used by `gate`, `watch`, `controller` and `serve`.
//! Inside `engine`: `units`, `parse`, `finding`, `suggest` ← `policy` ← `configuration`, `world` ← `subject`, `schema` ← `defaults`,
//! `validate`, `order`, `ratchet` ← `judge`, `compile` ← `manifest`.

pub mod api;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "operator")]
pub mod controller;
pub mod engine;
#[cfg(feature = "operator")]
pub mod files;
pub mod gate;
pub mod offload;

#[cfg(feature = "operator")]
pub mod serve;
#[cfg(feature = "operator")]
pub mod telemetry;
#[cfg(feature = "operator")]
pub mod watch;
