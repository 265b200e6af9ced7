//! The Kubernetes under test: a real control plane, the operator's own binary, and the pinned kubectl. Where pods and their metrics
//! matter, kwok, metrics-server and Prometheus too ([`simulation`]).

pub(crate) mod api_service;
pub(crate) mod certificates;
pub(crate) mod control_plane;
pub(crate) mod forwarder;
pub(crate) mod http;
pub(crate) mod kubectl;
pub(crate) mod kwok;
pub(crate) mod metrics_api;
pub(crate) mod metrics_server;
pub(crate) mod operator;
pub(crate) mod process;
pub(crate) mod prometheus;
pub(crate) mod prometheus_stand_in;
pub(crate) mod review;
pub(crate) mod simulation;
pub(crate) mod tools;
pub(crate) mod workload;

pub(crate) use control_plane::ControlPlane;
pub(crate) use kubectl::Kubectl;
pub(crate) use operator::Gate;

use std::time::{Duration, Instant};

/// How long anything may take to become true before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until the answer is there, and says what was awaited if it never is.
///
/// # Errors
/// What was awaited, and the last thing that was seen instead.
pub(crate) fn poll<T>(awaited: &str, mut ask: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let began = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(seen) if began.elapsed() > PATIENCE => {
                return Err(format!("gave up after {} s waiting for {awaited}: {seen}", PATIENCE.as_secs()));
            }
            Err(_) => std::thread::sleep(pause(began.elapsed())),
        }
    }
}

/// How long to wait before it is asked again: what has taken long may take a tenth longer. Each question is a process or several, and
/// the machine has others to serve.
fn pause(waited: Duration) -> Duration {
    (waited / 10).clamp(Duration::from_millis(100), Duration::from_secs(1))
}

/// A port of the loopback address that nobody listens on. Somebody may take it before it is used: whoever uses it starts
/// again with another one then.
///
/// # Errors
/// If the machine has no port left.
pub(crate) fn free_port() -> Result<u16, String> {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no free port: {error}"))
}
