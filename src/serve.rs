//! The process that runs the gate: flags, start, shutdown.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::engine::units::GoDuration;
use crate::gate::listen::{self, Limits};
use crate::gate::probes::{self, Readiness};
use crate::gate::review::{self, Settings};
use crate::gate::server::{self, Gate};
use crate::gate::tls;
use crate::telemetry::logs;
use crate::telemetry::metrics::Metrics;

/// Run the admission webhook: judge ModelDeployments and Policies as they are applied
///
/// Serves `POST /mutate` and `POST /validate` over TLS, and `/healthz`, `/readyz` and `/metrics` on a plain port of their own.
/// Every option can be given as an environment variable. Durations are written as Kubernetes writes them: 500ms, 5s, 1m30s.
///
/// SIGTERM or SIGINT ends it: it stops being ready, waits for --shutdown-delay, stops accepting connections and finishes the
/// reviews that are in flight. A second signal ends it at once.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address of the webhook; port 0 takes a free one, which the log line "listening" names
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "[::]:9443",
        help_heading = "Addresses"
    )]
    listen: SocketAddr,

    /// Address of /healthz, /readyz and /metrics, without TLS
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_HEALTH_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "[::]:8081",
        help_heading = "Addresses"
    )]
    health_listen: SocketAddr,

    /// The certificate, and the chain that leads to its CA, in PEM; read once, at the start
    #[arg(long, env = "BEAMLIT_OPERATOR_TLS_CERT", value_name = "FILE", help_heading = "TLS")]
    tls_cert: PathBuf,

    /// The private key of the certificate, in PEM; read once, at the start
    #[arg(long, env = "BEAMLIT_OPERATOR_TLS_KEY", value_name = "FILE", help_heading = "TLS")]
    tls_key: PathBuf,

    /// How long a TLS handshake may take
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_HANDSHAKE_TIMEOUT",
        value_name = "DURATION",
        default_value = "10s",
        value_parser = positive,
        help_heading = "TLS"
    )]
    handshake_timeout: Duration,

    /// The cluster's DNS domain: remote backends may not be names of other namespaces in it
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_CLUSTER_DOMAIN",
        value_name = "DOMAIN",
        default_value = "cluster.local",
        value_parser = domain,
        help_heading = "Judgement"
    )]
    cluster_domain: String,

    /// How many reviews may be read and judged at once; further ones are turned away (429 from /validate, 503 from /mutate)
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_MAX_IN_FLIGHT",
        value_name = "COUNT",
        default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "Limits"
    )]
    max_in_flight: u16,

    /// How many connections may be open on each port; further ones wait to be accepted
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_MAX_CONNECTIONS",
        value_name = "COUNT",
        default_value_t = 512,
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "Limits"
    )]
    max_connections: u16,

    /// How long a connection may be silent between requests, and take to send the headers of one; keep it above the 90 s after
    /// which an API server closes an idle connection itself
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_IDLE_TIMEOUT",
        value_name = "DURATION",
        default_value = "2m",
        value_parser = positive,
        help_heading = "Limits"
    )]
    idle_timeout: Duration,

    /// How long to go on as before, but not ready, when told to end: the time in which everyone learns to send reviews elsewhere
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_SHUTDOWN_DELAY",
        value_name = "DURATION",
        default_value = "5s",
        value_parser = duration,
        help_heading = "Shutdown"
    )]
    shutdown_delay: Duration,

    /// How long reviews in flight may then take to finish before they are cut off
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_SHUTDOWN_TIMEOUT",
        value_name = "DURATION",
        default_value = "30s",
        value_parser = duration,
        help_heading = "Shutdown"
    )]
    shutdown_timeout: Duration,

    /// Form of the log on standard error
    #[arg(long, env = "BEAMLIT_OPERATOR_LOG_FORMAT", value_enum, default_value = "text", help_heading = "Log")]
    log_format: logs::Format,

    /// What is logged: error, warn, info, debug or trace, also by target, such as `info,beamlit_operator::review=warn`
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_LOG_LEVEL",
        value_name = "FILTER",
        default_value = "info",
        value_parser = logs::filter,
        help_heading = "Log"
    )]
    log_level: String,
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = GoDuration::parse(text).map_err(|error| error.to_string())?;
    duration.to_std().ok_or_else(|| "must not be negative".to_owned())
}

fn positive(text: &str) -> Result<Duration, String> {
    duration(text)
        .and_then(|duration| if duration.is_zero() { Err("must be more than 0".to_owned()) } else { Ok(duration) })
}

/// A DNS domain in lower case without the root's dot: it is compared with names that were brought into this form.
fn domain(text: &str) -> Result<String, String> {
    let domain = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.len() <= 253 && domain.split('.').all(label) {
        Ok(domain)
    } else {
        Err("must be a DNS domain, such as cluster.local".to_owned())
    }
}

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
    Tls(#[from] tls::TlsError),
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
    // Held to the end of this function: the last lines are written when it is dropped.
    let Ok(_log) = logs::init(args.log_format, &args.log_level) else { return ExitCode::FAILURE };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(process(args));
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

async fn process(args: Args) -> Result<Ended, Failed> {
    let mut signals = Signals::new().map_err(Failed::Signals)?;
    let tls = TlsAcceptor::from(Arc::new(tls::server_config(&args.tls_cert, &args.tls_key)?));
    let (metrics, readiness) = (Arc::new(Metrics::default()), Arc::new(Readiness::default()));
    let settings = Settings { cluster_domain: args.cluster_domain };
    review::warm_up(&settings);
    let judge = Box::new(move |endpoint, body: &[u8]| review::answer(endpoint, body, &settings));
    let gate = Arc::new(Gate::new(judge, args.max_in_flight.into(), Arc::clone(&metrics)));
    let limits = Limits {
        max_connections: args.max_connections.into(),
        handshake_timeout: args.handshake_timeout,
        idle_timeout: args.idle_timeout,
    };

    let (gate_socket, gate_address) = bind(args.listen).await?;
    let (probes_socket, probes_address) = bind(args.health_listen).await?;
    // The probes go on while the gate drains: that is when somebody wants to know.
    let (stop_gate, stop_probes) = (CancellationToken::new(), CancellationToken::new());
    let probes_router = probes::router(Arc::clone(&readiness), Arc::clone(&metrics));
    let mut probes = tokio::spawn(listen::serve(
        probes_socket,
        None,
        probes_router,
        limits.clone(),
        Arc::clone(&metrics),
        stop_probes.clone(),
    ));
    let gate_router = server::router(&gate);
    let mut gate = tokio::spawn(listen::serve(gate_socket, Some(tls), gate_router, limits, metrics, stop_gate.clone()));
    readiness.accepting();
    tracing::info!(gate = %gate_address, health = %probes_address, "listening");

    tokio::select! {
        name = signals.next() => tracing::info!(signal = name, "shutting down"),
        _ = &mut gate => return Err(Failed::Died("the webhook")),
        _ = &mut probes => return Err(Failed::Died("the probes")),
    }
    readiness.ending();
    let ended = tokio::select! {
        finished = drain(args.shutdown_delay, args.shutdown_timeout, &stop_gate, gate) => finished,
        name = signals.next() => {
            tracing::warn!(signal = name, "told to end at once");
            Ended::CutOff
        }
    };
    stop_probes.cancel();
    Ok(ended)
}

/// Waits until nobody sends reviews any more, closes the listener, and finishes what is in flight.
async fn drain(
    delay: Duration,
    most: Duration,
    stop: &CancellationToken,
    gate: JoinHandle<hyper_util::server::graceful::GracefulShutdown>,
) -> Ended {
    sleep(delay).await;
    stop.cancel();
    match gate.await {
        Ok(open) => timeout(most, open.shutdown()).await.map_or(Ended::CutOff, |()| Ended::Finished),
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
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn parsed(flags: &[&str]) -> Result<Args, clap::Error> {
        let flags = ["serve", "--tls-cert=c", "--tls-key=k"].iter().chain(flags);
        Args::augment_args(clap::Command::new("serve"))
            .try_get_matches_from(flags)
            .and_then(|found| Args::from_arg_matches(&found))
    }

    #[test]
    fn the_defaults_are_sound() {
        Args::augment_args(clap::Command::new("serve")).debug_assert();
        let args = parsed(&[]).unwrap();
        assert_eq!(args.listen.port(), 9443);
        assert_eq!(args.cluster_domain, "cluster.local");
        assert_eq!(args.shutdown_delay, Duration::from_secs(5));
        // An API server hangs up on an idle connection after 90 s, and must be the first to do so.
        assert!(args.idle_timeout > Duration::from_secs(90));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (flag, why) in [
            ("--listen=9443", "invalid socket address"),
            ("--listen=localhost:9443", "invalid socket address"),
            ("--health-listen=127.0.0.1:99999", "invalid socket address"),
            ("--max-in-flight=0", "0 is not in 1.."),
            ("--max-connections=many", "invalid digit"),
            ("--shutdown-delay=5", "unit"),
            ("--shutdown-timeout=-1s", "must not be negative"),
            ("--idle-timeout=0s", "must be more than 0"),
            ("--cluster-domain=a..b", "must be a DNS domain"),
            ("--cluster-domain=-a", "must be a DNS domain"),
            ("--log-format=xml", "possible values"),
            ("--log-level=a=b=c", "invalid"),
        ] {
            let error = parsed(&[flag]).unwrap_err().to_string();
            assert!(error.contains(why), "{flag}: {error}");
        }
        assert_eq!(parsed(&["--shutdown-delay=0"]).unwrap().shutdown_delay, Duration::ZERO);
        assert_eq!(parsed(&["--cluster-domain=K8s.Example."]).unwrap().cluster_domain, "k8s.example");
    }

    #[test]
    fn every_flag_has_its_environment_variable() {
        for arg in Args::augment_args(clap::Command::new("serve")).get_arguments() {
            let name = format!("BEAMLIT_OPERATOR_{}", arg.get_id().as_str().to_uppercase());
            assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(name.as_str()));
            assert!(arg.get_help_heading().is_some() && arg.get_help().is_some(), "{name}");
        }
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named() {
        let (_held, address) = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let error = bind(address).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot listen on {address}: ")), "{error}");
    }
}
