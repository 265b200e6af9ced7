//! `make bench-scale`: what the reconciler costs with thousands of ModelDeployments, on a real API server.
//!
//! As far as two cores carry them, the pods are kwok's and what they use is told by the real metrics-server. Beyond that pods are
//! written as they would be, and a stand-in says what they use; API server, Services and EndpointSlices are as real as before.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people, made of the helpers of tests"
)]

#[path = "../../tests/beamlit/mod.rs"]
#[allow(unreachable_pub, missing_docs, dead_code, reason = "it is written for the tests of the client")]
mod beamlit;
mod cluster;
mod figures;
#[path = "../../tests/cluster/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
mod harness;
#[path = "../kernel/mod.rs"]
mod kernel;
mod running;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use self::beamlit::{Beamlit, CREDENTIALS};
use self::cluster::{Cluster, Pods};
use self::figures::{Row, table};
use self::running::Running;

/// Measures the reconciler beside many objects
#[derive(Parser)]
struct Args {
    /// How many ModelDeployments there are in the end
    #[arg(long, default_value_t = 10_000)]
    models: usize,

    /// How many of them there are where kwok and the real metrics-server are; 0 leaves that out
    #[arg(long, default_value_t = 1_000)]
    simulated: usize,

    /// How many pods each has
    #[arg(long, default_value_t = 2)]
    pods: usize,

    /// For how many seconds it is looked at, each time
    #[arg(long, default_value_t = 120)]
    seconds: u64,

    /// Where cargo says that this is a benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    // The process has two providers to choose from, and no default by itself.
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let args = Args::parse();
    match measure(&args) {
        Ok(rows) => {
            println!("{}", table(&rows));
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("bench-scale: {why}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> Result<Vec<Row>, String> {
    let look = Duration::from_secs(args.seconds);
    let mut rows = Vec::new();
    let mut keep = |row: Row| {
        eprintln!("{row}");
        rows.push(row);
    };
    if args.simulated > 0 {
        let mut cluster = Cluster::start(Pods::Simulated, args.pods)?;
        cluster.grow(args.simulated)?;
        let mut running = Running::start(&cluster, "simulated", &[])?;
        keep(running.first(&cluster, "kwok and metrics-server", look)?);
    }
    let mut cluster = Cluster::start(Pods::Written, args.pods)?;
    for models in [args.models / 10, args.models] {
        cluster.grow(models)?;
        let mut running = Running::start(&cluster, "first", &[])?;
        keep(running.first(&cluster, "all at rest, the first start", look)?);
        running.kill();
    }
    let mut running = Running::start(&cluster, "again", &[])?;
    keep(running.first(&cluster, "all at rest, killed and started again", look)?);
    let failover = cluster.fail_over(5)?;
    let moving = cluster.while_moving(|| running.later(&cluster, "every load moves, a fifth every 15 s", look))??;
    keep(Row { failover: Some(failover), ..moving });
    running.kill();
    let beamlit = Beamlit::start();
    beamlit.store(|store| store.deploys_at_once = true);
    let flags = cluster.credentials(CREDENTIALS, &beamlit.base())?;
    let mut running = Running::start(&cluster, "beamlit", &flags)?;
    keep(running.first(&cluster, "with Beamlit, each model made there", look)?);
    let held = beamlit.store(|store| store.len());
    if held != args.models || !beamlit.violations().is_empty() {
        return Err(format!("Beamlit holds {held} models of {}: {:?}", args.models, beamlit.violations()));
    }
    running.kill();
    let mut running = Running::start(&cluster, "beamlit-again", &flags)?;
    keep(running.first(&cluster, "with Beamlit, killed and started again", look)?);
    Ok(rows)
}
