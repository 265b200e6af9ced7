//! The client of Beamlit's API against a strict stand-in of it.
#![cfg(feature = "operator")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, clippy::expect_used)]
#![allow(unreachable_pub, missing_docs, reason = "a test is nobody's library")]

#[allow(dead_code, reason = "the tests of the cluster use more of it")]
mod beamlit;

mod beamlit_client {
    mod answers;
    mod changes;
    pub mod common;
    mod mirror;
    mod ownership;
    mod properties;
    mod resilience;
    mod tls;
    mod tokens;
}
