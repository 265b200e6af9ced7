//! The reconciler: what was compiled is made true of the cluster and of Beamlit, and the weight is decided again and again.
//!
//! All that it writes it writes while it holds the lease.
//!
//! Inside: `beamlit` (the client), `metrics` (the readers) ← the rest.

pub mod beamlit;
pub mod lease;
pub mod metrics;
pub mod view;
