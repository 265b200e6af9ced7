//! TLS of the gate: what is shown in a handshake now, and the two ways it comes to its certificate.
//!
//! From files ([`files`]), which somebody else keeps, or self-managed ([`managed`]), in a Secret that all replicas share.
//! Whichever it is, what is served changes as a whole and without a restart, and never to something worse: what is found at
//! fault is told, and the last good pair stays.

mod clients;
pub mod files;
pub mod managed;
mod pair;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::{ServerConfig, crypto, version};
use time::OffsetDateTime;
use tokio_rustls::TlsAcceptor;

use self::pair::moment;
pub use self::pair::{Pair, PairError};
use crate::telemetry::metrics::Metrics;

/// The one cryptography of the process.
#[must_use]
pub fn provider() -> CryptoProvider {
    crypto::aws_lc_rs::default_provider()
}

/// What a part of TLS comes from, and so what may be at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The certificate and key in files.
    Files,
    /// The certificate and key in the Secret.
    Secret,
    /// The authority of client certificates.
    Clients,
    /// `caBundle` in the webhook configurations.
    Bundle,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 4] = [Self::Files, Self::Secret, Self::Clients, Self::Bundle];

    /// The name, for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Secret => "secret",
            Self::Clients => "client_ca",
            Self::Bundle => "ca_bundle",
        }
    }
}

/// What is served now, and what is wrong with what should be.
pub struct Serving {
    config: ArcSwapOption<ServerConfig>,
    state: Mutex<State>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct State {
    pair: Option<Pair>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    faults: Vec<(Part, String)>,
}

impl Serving {
    /// Nothing yet.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        for part in Part::ALL {
            metrics.certificate_fault(part.name(), false);
        }
        Self { config: ArcSwapOption::empty(), state: Mutex::default(), metrics }
    }

    /// What a new connection is to be greeted with; none as long as there is no certificate.
    #[must_use]
    pub fn acceptor(&self) -> Option<TlsAcceptor> {
        self.config.load_full().map(TlsAcceptor::from)
    }

    /// Serves this pair from the next handshake on, if it does not already.
    ///
    /// # Errors
    /// If the cryptography refuses what is asked of it.
    fn serve(&self, pair: Pair) -> Result<(), rustls::Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever keeps it current shows what it has found again and again.
        if state.pair.as_ref().is_some_and(|served| served.same(&pair)) {
            return Ok(());
        }
        self.config.store(Some(Arc::new(config(&pair, state.clients.clone())?)));
        self.metrics.serving_until(pair.not_after);
        if state.pair.is_some() {
            self.metrics.certificate_reloads.inc();
        }
        tracing::info!(not_before = %moment(pair.not_before), not_after = %moment(pair.not_after), "serving a certificate");
        state.pair = Some(pair);
        Ok(())
    }

    /// Asks clients for certificates that this takes, from the next handshake on.
    ///
    /// # Errors
    /// If the cryptography refuses what is asked of it.
    fn ask_clients(&self, clients: Arc<dyn ClientCertVerifier>) -> Result<(), rustls::Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = &state.pair {
            self.config.store(Some(Arc::new(config(pair, Some(Arc::clone(&clients)))?)));
        }
        state.clients = Some(clients);
        Ok(())
    }

    /// Tells of a fault, once for as long as it lasts: in the log, in the metrics and to whoever asks for [`Serving::faults`].
    fn at_fault(&self, part: Part, fault: String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.faults.iter_mut().find(|(known, _)| *known == part) {
            Some((_, known)) if *known == fault => return,
            Some((_, known)) => known.clone_from(&fault),
            None => state.faults.push((part, fault.clone())),
        }
        let kept = match (&state.pair, part) {
            (_, Part::Bundle) => String::new(),
            (_, Part::Clients) => "; the last good one still counts".to_owned(),
            (Some(pair), _) => format!("; still serving the last good one, valid until {}", moment(pair.not_after)),
            (None, _) => "; there is none to serve yet".to_owned(),
        };
        self.metrics.certificate_fault(part.name(), true);
        tracing::warn!(source = part.name(), "TLS: {fault}{kept}");
    }

    /// Takes a fault back.
    fn sound(&self, part: Part) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.faults.len();
        state.faults.retain(|(known, _)| *known != part);
        if state.faults.len() < before {
            self.metrics.certificate_fault(part.name(), false);
            tracing::info!(source = part.name(), "TLS: the fault is mended");
        }
    }

    /// Whether a pair is served that is valid at this moment.
    fn serves_at(&self, now: OffsetDateTime) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.pair.as_ref().is_some_and(|pair| pair.valid_at(now, "").is_ok())
    }

    /// Whether the pair that is served is valid at this moment; without one there is nothing to say.
    fn valid_at(&self, now: OffsetDateTime, place: &str) -> Result<(), PairError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.pair.as_ref().map_or(Ok(()), |pair| pair.valid_at(now, place))
    }

    /// Every fault that lasts, one a line.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.faults.iter().map(|(_, fault)| fault.clone()).collect()
    }
}

/// TLS 1.2 and 1.3, offering HTTP/2 and HTTP/1.1.
fn config(pair: &Pair, clients: Option<Arc<dyn ClientCertVerifier>>) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])?;
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients),
        None => builder.with_no_client_auth(),
    };
    let certified = pair.certified.as_ref().clone();
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // API servers keep no sessions to resume: tickets would be made, encrypted and stored for nobody. And whoever connects
    // proves anew who it is.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_once_and_taken_back() {
        let metrics = Arc::new(Metrics::default());
        let serving = Serving::new(Arc::clone(&metrics));
        assert!(serving.acceptor().is_none());
        for fault in ["a", "a", "b"] {
            serving.at_fault(Part::Files, fault.to_owned());
        }
        serving.at_fault(Part::Clients, "c".to_owned());
        assert_eq!(serving.faults(), ["b", "c"]);
        let text = metrics.encode();
        assert!(text.contains("beamlit_operator_certificate_faults_total{source=\"files\"} 2\n"), "{text}");
        assert!(text.contains("beamlit_operator_certificate_fault{source=\"files\"} 1\n"), "{text}");
        serving.sound(Part::Files);
        serving.sound(Part::Files);
        assert_eq!(serving.faults(), ["c"]);
        let text = metrics.encode();
        assert!(text.contains("beamlit_operator_certificate_fault{source=\"files\"} 0\n"), "{text}");
        assert!(text.contains("beamlit_operator_certificate_fault{source=\"client_ca\"} 1\n"), "{text}");
    }
}
