//! The flags of the process.

use std::net::SocketAddr;
use std::time::Duration;

use super::values::{duration, positive};
use super::{certificates, cluster, configuration, reconciler};
use crate::telemetry::logs;

/// Run the operator: judge ModelDeployments and Policies as they are applied, and make true what they say
///
/// Serves `POST /mutate`, `POST /validate` and `POST /advise` over TLS, and `/healthz`, `/readyz` and `/metrics` on a plain port of their own.
/// Every option can be given as an environment variable. Durations are written as Kubernetes writes them: 500ms, 5s, 1m30s.
///
/// SIGTERM or SIGINT ends it: it stops being ready, goes on for --shutdown-delay but asks clients to go elsewhere, stops accepting
/// connections and finishes the reviews that are in flight. A second signal ends it at once.
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
    pub(super) listen: SocketAddr,

    /// Address of /healthz, /readyz and /metrics, without TLS
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_HEALTH_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "[::]:8081",
        help_heading = "Addresses"
    )]
    pub(super) health_listen: SocketAddr,

    #[command(flatten)]
    pub(super) certificates: certificates::Args,

    /// How long a TLS handshake may take
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_HANDSHAKE_TIMEOUT",
        value_name = "DURATION",
        default_value = "10s",
        value_parser = positive,
        help_heading = "TLS"
    )]
    pub(super) handshake_timeout: Duration,

    #[command(flatten)]
    pub(super) configuration: configuration::Args,

    #[command(flatten)]
    pub(super) cluster: cluster::Args,

    #[command(flatten)]
    pub(super) reconciler: reconciler::Args,

    /// How many reviews may be read and judged at once; further ones are turned away (429 from /validate, 503 from /mutate)
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_MAX_IN_FLIGHT",
        value_name = "COUNT",
        default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "Limits"
    )]
    pub(super) max_in_flight: u16,

    /// How many connections may be open; for a further one, that which has been idle longest is closed. The plain port has 64 of
    /// its own. Keep both together below the limit on open files
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_MAX_CONNECTIONS",
        value_name = "COUNT",
        default_value_t = 512,
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "Limits"
    )]
    pub(super) max_connections: u16,

    /// How long the headers of a request may take, from their first byte to their last
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_HEADER_TIMEOUT",
        value_name = "DURATION",
        default_value = "10s",
        value_parser = positive,
        help_heading = "Limits"
    )]
    pub(super) header_timeout: Duration,

    /// How long a client may take to accept an answer
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_WRITE_TIMEOUT",
        value_name = "DURATION",
        default_value = "10s",
        value_parser = positive,
        help_heading = "Limits"
    )]
    pub(super) write_timeout: Duration,

    /// How long a connection may be idle between requests; keep it above the 90 s after which an API server closes an idle
    /// connection itself
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_IDLE_TIMEOUT",
        value_name = "DURATION",
        default_value = "2m",
        value_parser = positive,
        help_heading = "Limits"
    )]
    pub(super) idle_timeout: Duration,

    /// How long to go on as before, but not ready, when told to end: the time in which everyone learns to send reviews elsewhere
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_SHUTDOWN_DELAY",
        value_name = "DURATION",
        default_value = "5s",
        value_parser = duration,
        help_heading = "Shutdown"
    )]
    pub(super) shutdown_delay: Duration,

    /// How long reviews in flight may then take to finish before they are cut off
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_SHUTDOWN_TIMEOUT",
        value_name = "DURATION",
        default_value = "30s",
        value_parser = duration,
        help_heading = "Shutdown"
    )]
    pub(super) shutdown_timeout: Duration,

    /// Form of the log on standard error
    #[arg(long, env = "BEAMLIT_OPERATOR_LOG_FORMAT", value_enum, default_value = "text", help_heading = "Log")]
    pub(super) log_format: logs::Format,

    /// What is logged: error, warn, info, debug or trace, also by target, such as `info,beamlit_operator::review=warn`
    #[arg(
        long,
        env = "BEAMLIT_OPERATOR_LOG_LEVEL",
        value_name = "FILTER",
        default_value = "info",
        value_parser = logs::filter,
        help_heading = "Log"
    )]
    pub(super) log_level: String,
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
            ("--config-reload-interval=0s", "must be more than 0"),
            ("--log-format=xml", "possible values"),
            ("--log-level=a=b=c", "invalid"),
        ] {
            let error = parsed(&[flag]).unwrap_err().to_string();
            assert!(error.contains(why), "{flag}: {error}");
        }
        assert_eq!(parsed(&["--shutdown-delay=0"]).unwrap().shutdown_delay, Duration::ZERO);
    }

    #[test]
    fn every_flag_has_its_environment_variable() {
        for arg in Args::augment_args(clap::Command::new("serve")).get_arguments() {
            let name = format!("BEAMLIT_OPERATOR_{}", arg.get_id().as_str().to_uppercase());
            assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(name.as_str()));
            assert!(arg.get_help_heading().is_some() && arg.get_help().is_some(), "{name}");
        }
    }
}
