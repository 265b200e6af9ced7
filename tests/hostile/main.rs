//! Clients that mean ill, or do not know better, against the real binary on loopback: whatever they do, the honest ones beside
//! them are answered in time, the memory stays within bounds, and nothing is left of them.
#![cfg(feature = "operator")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../server/client.rs"]
#[allow(dead_code)]
mod client;
#[path = "../server/process.rs"]
#[allow(dead_code)]
mod process;

mod connections;
mod ending;
mod frames;
mod honest;
mod http2;
mod raw;
mod slow;
mod smuggling;
mod tls;

const REVIEW: &str = include_str!("../admission-reviews/002-CREATE-ModelDeployment.json");
