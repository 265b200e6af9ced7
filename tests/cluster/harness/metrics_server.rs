//! The real metrics-server, which asks the simulated kubelets.

use std::path::Path;

use super::api_service::{ApiService, dns_name};
use super::certificates::{Authority, Pair};
use super::process::{End, Process};
use super::{ControlPlane, free_port, poll, tools};

/// How often a start is tried again with other ports.
const TRIES: usize = 5;

const NAME: &str = "metrics-server";

/// A running metrics-server, registered as `metrics.k8s.io`.
///
/// The fields are dropped in this order: nobody is led to a process that is gone.
pub(crate) struct MetricsServer {
    _api_service: ApiService,
    _process: Process,
}

impl MetricsServer {
    /// Starts it, with a certificate of the authority that signed the kubelets', and waits until the API server reaches it. Samples
    /// are there after it has asked twice: in about 20 s.
    ///
    /// # Errors
    /// If it cannot be built, or is not reached.
    pub(crate) fn start(plane: &ControlPlane, authority: &Authority) -> Result<Self, String> {
        let program = tools::simulation()?.join(NAME);
        let pair = authority.server(NAME, &[&dns_name(NAME), "localhost"])?;
        let mut last = String::new();
        for _ in 0..TRIES {
            let port = free_port()?;
            let command = command(&program, plane.admin().kubeconfig(), authority, &pair, port);
            let mut process = Process::start(plane.folder(), NAME, End::Kill, &command)
                .map_err(|error| format!("{NAME}: {error}"))?;
            // A process that ended is a reason to try another port at once, not to wait.
            let listens = poll("metrics-server to listen", || {
                if let Err(why) = process.alive() {
                    return Ok(Err(why));
                }
                match std::net::TcpStream::connect(("127.0.0.1", port)) {
                    Ok(_) => Ok(Ok(())),
                    Err(error) => Err(format!("{error}\n{}", process.last_words())),
                }
            })?;
            match listens {
                Ok(()) => {
                    let api_service =
                        ApiService::register(plane.admin(), authority, NAME, port, "metrics.k8s.io", "v1beta1")
                            .map_err(|why| format!("{why}\n{}", process.last_words()))?;
                    return Ok(Self { _api_service: api_service, _process: process });
                }
                Err(why) => last = why,
            }
        }
        Err(last)
    }
}

fn command(program: &Path, kubeconfig: &Path, authority: &Authority, pair: &Pair, port: u16) -> Vec<String> {
    let kubeconfig = kubeconfig.display();
    vec![
        program.display().to_string(),
        // It may do everything: which rights it needs is its own manifests' business.
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        format!("--tls-cert-file={}", pair.certificate.display()),
        format!("--tls-private-key-file={}", pair.key.display()),
        format!("--kubelet-certificate-authority={}", authority.certificate.display()),
        "--kubelet-use-node-status-port".into(),
        "--kubelet-preferred-address-types=InternalIP".into(),
        // As often as it allows. A request must not take as long.
        "--metric-resolution=10s".into(),
        "--kubelet-request-timeout=8s".into(),
    ]
}
