//! The gate on a real Kubernetes: kube-apiserver, kube-controller-manager and kubectl of one pinned version.
//!
//! One control plane serves all tests, each in a namespace of its own, side by side ([`cluster`], [`gated`]). Tests that
//! change what is registered, or how the operator is configured, have a second one to themselves, one after the other ([`apart`]),
//! and those that install all of it from nothing two others ([`bare`]), and so have those that kill operators ([`troubled`]). On one
//! more the operator is configured, and judges what teams have by what is around it ([`governed`]). On the last, pods run as far as
//! anybody can tell, and have metrics ([`simulated`]).
//!
//! Most tests wait for most of their time. More of them at once than there are processors is faster: `RUST_TEST_THREADS=6`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "the helpers of tests are tests"
)]

mod apart;
mod autoscalers;
mod beamlit;
mod certificates;
mod ci;
mod claims;
mod configuration;
mod corpus;
mod demonstration;
mod duplicates;
mod ending;
mod gate;
mod harness;
mod hpa;
mod install;
#[allow(dead_code, reason = "the demo uses more of it")]
mod live;
#[path = "../corpus/mod.rs"]
mod manifests;
mod migration;
mod offloading;
mod oracle;
mod outages;
mod pauses;
mod policies;
mod prometheus;
mod reconciler;
mod references;
mod registration;
mod resources;
mod rights;
mod rollout;
mod simulation;
mod stamps;
#[path = "../beamlit/mod.rs"]
#[allow(unreachable_pub, missing_docs, dead_code, reason = "it is written for the tests of the client")]
mod stand_in;
mod teams;
mod uninstall;
mod watches;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError, TryLockError};

use harness::simulation::Simulation;
use harness::{ControlPlane, Gate};

/// The control plane that all tests share, with the CRDs. Whether the gate is open is not said.
fn cluster() -> &'static ControlPlane {
    static SHARED: LazyLock<Result<ControlPlane, String>> = LazyLock::new(ControlPlane::start);
    SHARED.as_ref().unwrap_or_else(|why| panic!("no control plane: {why}"))
}

/// The same control plane with the operator running and registered.
fn gated() -> (&'static ControlPlane, &'static Gate) {
    static GATE: LazyLock<Result<Gate, String>> = LazyLock::new(|| Gate::open(cluster()));
    (cluster(), GATE.as_ref().unwrap_or_else(|why| panic!("no gate: {why}")))
}

/// A control plane with an operator that is configured by [`teams::CONFIGURATION`]. What that names is there; tests have teams of
/// their own.
fn governed() -> (&'static ControlPlane, &'static Gate) {
    static GOVERNED: LazyLock<Result<(ControlPlane, Gate), String>> = LazyLock::new(|| {
        let plane = ControlPlane::start()?;
        let gate = teams::govern(&plane)?;
        Ok((plane, gate))
    });
    let (plane, gate) = GOVERNED.as_ref().unwrap_or_else(|why| panic!("no control plane: {why}"));
    (plane, gate)
}

/// A control plane with pods and metrics. Tests have namespaces of their own there.
fn simulated() -> &'static Simulation {
    static SIMULATED: LazyLock<Result<Simulation, String>> = LazyLock::new(Simulation::start);
    SIMULATED.as_ref().unwrap_or_else(|why| panic!("no simulation: {why}"))
}

/// A control plane for one test at a time: nothing is registered there, and no operator runs.
fn apart() -> MutexGuard<'static, ControlPlane> {
    static APART: LazyLock<Result<Mutex<ControlPlane>, String>> =
        LazyLock::new(|| ControlPlane::start().map(Mutex::new));
    let plane = APART.as_ref().unwrap_or_else(|why| panic!("no control plane: {why}"));
    // What a failed test registered is gone: its gate was closed when it was dropped.
    plane.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Control planes for one test at a time each. The second is started when the first is taken.
type Pair = [LazyLock<Result<Mutex<ControlPlane>, String>>; 2];

/// Waits for one of the two.
fn one_of(pair: &'static Pair) -> MutexGuard<'static, ControlPlane> {
    /// Who waits for the first, and who for the second.
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let plane = |which: &'static LazyLock<Result<Mutex<ControlPlane>, String>>| {
        which.as_ref().unwrap_or_else(|why| panic!("no control plane: {why}"))
    };
    for which in pair {
        match plane(which).try_lock() {
            Ok(free) => return free,
            // What a test that failed has left there is in namespaces of its own.
            Err(TryLockError::Poisoned(failed)) => return failed.into_inner(),
            Err(TryLockError::WouldBlock) => {}
        }
    }
    let [first, second] = pair;
    let which = if TURN.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) { first } else { second };
    plane(which).lock().unwrap_or_else(PoisonError::into_inner)
}

/// A control plane for one test at a time, on which operators reconcile and are killed; no API server asks them.
fn troubled() -> MutexGuard<'static, ControlPlane> {
    static TROUBLED: Pair = [const { LazyLock::new(|| ControlPlane::start().map(Mutex::new)) }; 2];
    one_of(&TROUBLED)
}

/// A control plane for one test at a time, on which nothing of this project is installed: [`install::Installation`] sees to it that
/// it is so again afterwards.
fn bare() -> MutexGuard<'static, ControlPlane> {
    static BARE: Pair = [const { LazyLock::new(|| ControlPlane::bare().map(Mutex::new)) }; 2];
    one_of(&BARE)
}

/// The control plane of [`simulated`] with an operator that reconciles under the shipped rights, and is registered. Every test has a
/// namespace of its own.
fn reconciled() -> (&'static Simulation, &'static Gate) {
    static RECONCILED: LazyLock<Result<Gate, String>> = LazyLock::new(|| offloading::reconcile(simulated().plane()));
    (simulated(), RECONCILED.as_ref().unwrap_or_else(|why| panic!("no operator: {why}")))
}
