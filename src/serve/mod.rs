//! The process that runs the gate and the reconciler: start and shutdown.

mod args;
mod certificates;
mod cluster;
mod configuration;
mod reconciler;
mod supervise;
mod values;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use self::args::Args;
use self::reconciler::Needs;
use crate::engine::world::World;
use crate::gate::listen::{self, Limits, Shutdown, StillOpen, Transport};
use crate::gate::probes::{self, Readiness};
use crate::gate::review::{self, Settings};
use crate::gate::server::{self, Gate};
use crate::gate::tls::Serving;
use crate::telemetry::logs;
use crate::telemetry::metrics::Metrics;

/// How many connections the plain port has at most: a kubelet and a few scrapers. With the 512 of the gate that is well below
/// 1024, the number of files that a process may open in most places.
const PROBES_CONNECTIONS: usize = 64;

/// Why the process ended.
#[derive(Debug)]
enum Ended {
    /// It was told to, and finished what was in flight.
    Finished,
    /// It was told to, and reviews in flight were cut off.
    CutOff,
}

/// Why the process does not run.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Certificates(#[from] certificates::Failed),
    #[error(transparent)]
    Configuration(#[from] configuration::Failed),
    #[error(transparent)]
    Access(#[from] cluster::NoAccess),
    #[error(transparent)]
    Reconciler(#[from] reconciler::Failed),
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: io::Error },
    #[error("cannot watch for signals: {0}")]
    Signals(io::Error),
    #[error("the listener of {0} died")]
    Died(&'static str),
}

/// Runs the process until it is told to end. Exit code 0 if it then finished what was in flight, 1 if it could not, or did not
/// start.
#[must_use]
pub fn run(args: Args) -> ExitCode {
    // Held to the end of this function, so that every line is written.
    let Ok(log) = logs::init(args.log_format, &args.log_level) else { return ExitCode::FAILURE };
    let metrics = Arc::new(Metrics::of(&log));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(process(args, metrics));
    // A judgement that still runs would be waited for otherwise.
    runtime.shutdown_background();
    match ended {
        Ok(Ended::Finished) => {
            tracing::info!("ended");
            ExitCode::SUCCESS
        }
        Ok(Ended::CutOff) => {
            tracing::warn!("ended before every review in flight was answered");
            ExitCode::FAILURE
        }
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn process(args: Args, metrics: Arc<Metrics>) -> Result<Ended, Failed> {
    let mut signals = Signals::new().map_err(Failed::Signals)?;
    let (gate_socket, gate_address) = bind(args.listen).await?;
    let (probes_socket, probes_address) = bind(args.health_listen).await?;
    let (readiness, in_flight) = (Arc::new(Readiness::default()), Arc::clone(&metrics));
    let serving = Arc::new(Serving::new(Arc::clone(&metrics)));
    let configured = args.configuration.start(&metrics)?;
    let needed_for = args.certificates.needs_cluster();
    let access = match (needed_for, args.cluster.standalone) {
        (None, true) => None,
        _ => Some(cluster::access(needed_for).await?),
    };
    args.certificates.start(access.clone(), &configured.now().cluster_domain, &serving, &metrics)?;
    let access = access.filter(|_| !args.cluster.standalone);
    let watches = match &access {
        Some(access) => Some(cluster::watch(access.clone(), &metrics)?),
        None => None,
    };
    let reconciler = match (access, &watches) {
        (Some(access), Some(watches)) if args.reconciler.is_wanted() => Some(args.reconciler.start(Needs {
            access,
            watches: Arc::clone(watches),
            configured: Arc::clone(&configured),
            metrics: Arc::clone(&metrics),
        })?),
        _ => None,
    };
    let mut parts = vec![probes::certificates(Arc::clone(&serving)), configured.part()];
    parts.extend(watches.clone().map(cluster::part));
    let transport = {
        let serving = Arc::clone(&serving);
        Transport::Tls(Arc::new(move || serving.acceptor()))
    };
    let alone = World::unknown();
    review::warm_up(Settings { configuration: &configured.now(), world: &alone, unready: None });
    let judge = Box::new(move |endpoint, body: &[u8]| {
        let configuration = configured.now();
        let Some(watches) = &watches else {
            return review::answer(
                endpoint,
                body,
                Settings { configuration: &configuration, world: &alone, unready: None },
            );
        };
        // In this order: a world that was taken before its list was complete must not be judged by.
        let unready = watches.unusable();
        let world = watches.world();
        review::answer(endpoint, body, Settings { configuration: &configuration, world: &world, unready })
    });
    let gate = Arc::new(Gate::new(judge, args.max_in_flight.into(), Arc::clone(&metrics)));
    let limits = Limits {
        max_connections: args.max_connections.into(),
        handshake_timeout: args.handshake_timeout,
        header_timeout: args.header_timeout,
        write_timeout: args.write_timeout,
        idle_timeout: args.idle_timeout,
    };

    // The probes go on while the gate drains: that is when somebody wants to know.
    let (gate_shutdown, probes_shutdown) = (Shutdown::default(), Shutdown::default());
    let probes_limits = Limits { max_connections: PROBES_CONNECTIONS, ..limits.clone() };
    let probes_router = probes::router(Arc::clone(&readiness), parts, Arc::clone(&metrics));
    let mut probes = tokio::spawn(listen::serve(
        probes_socket,
        Transport::Plain,
        probes_router,
        probes_limits,
        Arc::clone(&metrics),
        probes_shutdown.clone(),
    ));
    let gate_router = server::router(&gate);
    let mut gate =
        tokio::spawn(listen::serve(gate_socket, transport, gate_router, limits, metrics, gate_shutdown.clone()));
    readiness.accepting();
    tracing::info!(gate = %gate_address, health = %probes_address, "listening");

    tokio::select! {
        name = signals.next() => tracing::info!(signal = name, "shutting down"),
        _ = &mut gate => return Err(Failed::Died("the webhook")),
        _ = &mut probes => return Err(Failed::Died("the probes")),
    }
    readiness.ending();
    gate_shutdown.draining.cancel();
    // Another replica takes over while this one still answers reviews.
    let handed_over = tokio::spawn(async move {
        if let Some(reconciler) = reconciler {
            reconciler.end().await;
        }
    });
    let ended = tokio::select! {
        finished = drain(args.shutdown_delay, args.shutdown_timeout, &gate_shutdown.stop, gate) => finished,
        name = signals.next() => {
            tracing::warn!(signal = name, "told to end at once");
            if in_flight.in_flight.get() > 0 { Ended::CutOff } else { Ended::Finished }
        }
    };
    // It gives up by itself after some seconds.
    _ = handed_over.await;
    probes_shutdown.stop.cancel();
    Ok(ended)
}

/// Waits until nobody sends reviews any more, closes the listener, and finishes what is in flight.
async fn drain(delay: Duration, most: Duration, stop: &CancellationToken, gate: JoinHandle<StillOpen>) -> Ended {
    sleep(delay).await;
    stop.cancel();
    match gate.await {
        Ok(open) => timeout(most, open.ended()).await.map_or(Ended::CutOff, |()| Ended::Finished),
        Err(_) => Ended::CutOff,
    }
}

/// Listens on an address. Where there is no IPv6, "any address" means any address of IPv4.
async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failed> {
    let bound = match TcpListener::bind(address).await {
        Err(error)
            if address.is_ipv6()
                && address.ip().is_unspecified()
                && !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) =>
        {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    };
    bound
        .and_then(|listener| listener.local_addr().map(|local| (listener, local)))
        .map_err(|error| Failed::Listen { address, error })
}

/// The signals that end the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_is_taken_is_named() {
        let (_held, address) = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let error = bind(address).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot listen on {address}: ")), "{error}");
    }
}
