//! A review as an API server sends it, without one: over a connection of its own, by the Service's name, trusting `caBundle`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use super::Kubectl;
use super::operator::dns_name;

const REVIEW: &str = include_str!("../../admission-reviews/002-CREATE-ModelDeployment.json");

/// As long as the API server waits for `/validate`.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A side of the gate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Mutate,
    Validate,
}

impl Side {
    /// Both sides by turns.
    pub(crate) fn of_round(round: u32) -> Self {
        if round.is_multiple_of(2) { Self::Validate } else { Self::Mutate }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Mutate => "/mutate?timeout=2s",
            Self::Validate => "/validate?timeout=5s",
        }
    }
}

/// Whom somebody trusts.
pub(crate) struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Whoever stands in this bundle of PEM.
    ///
    /// # Errors
    /// If nobody does.
    pub(crate) fn in_bundle(pem: &str) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(certificate.map_err(text)?).map_err(text)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(text)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// Whoever stands in `caBundle` of the validating configuration now.
    ///
    /// # Errors
    /// If it is not filled in.
    pub(crate) fn registered(admin: &Kubectl) -> Result<Self, String> {
        Self::in_bundle(&bundle(admin, "validatingwebhookconfiguration beamlit-operator")?)
    }

    /// Sends a review to this port of the loopback address. Returns the certificate that was shown, if the review was
    /// answered and admitted.
    ///
    /// # Errors
    /// At which point it failed, and why.
    pub(crate) fn review(&self, port: u16) -> Result<CertificateDer<'static>, String> {
        self.review_by(Side::Validate, port)
    }

    /// As [`Trust::review`], by one of the two sides.
    ///
    /// # Errors
    /// At which point it failed, and why.
    pub(crate) fn review_by(&self, side: Side, port: u16) -> Result<CertificateDer<'static>, String> {
        let mut stream = self.connect(port)?;
        exchange(&mut stream, side, "close")?;
        let shown =
            stream.conn.peer_certificates().and_then(|chain| chain.first()).map(|leaf| leaf.clone().into_owned());
        shown.ok_or_else(|| "no certificate was shown".to_owned())
    }

    fn connect(&self, port: u16) -> Result<Stream, String> {
        let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| format!("connecting: {error}"))?;
        stream.set_read_timeout(Some(TIMEOUT)).and_then(|()| stream.set_write_timeout(Some(TIMEOUT))).map_err(text)?;
        let name = dns_name().try_into().map_err(text)?;
        let connection = ClientConnection::new(Arc::clone(&self.0), name).map_err(text)?;
        Ok(StreamOwned::new(connection, stream))
    }
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Reviews over one connection, which is kept until the other side says that it closes it.
pub(crate) struct KeptAlive<'t> {
    trust: &'t Trust,
    port: u16,
    stream: Option<Stream>,
}

impl<'t> KeptAlive<'t> {
    pub(crate) fn new(trust: &'t Trust, port: u16) -> Self {
        Self { trust, port, stream: None }
    }

    /// Sends a review, which must be answered and admitted.
    ///
    /// # Errors
    /// At which point it failed, and why.
    pub(crate) fn review(&mut self, side: Side) -> Result<(), String> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.trust.connect(self.port)?,
        };
        if exchange(&mut stream, side, "keep-alive")? {
            self.stream = Some(stream);
        }
        Ok(())
    }
}

/// Sends a review and reads its answer. Returns whether the connection goes on.
fn exchange(stream: &mut Stream, side: Side, connection: &str) -> Result<bool, String> {
    let at = |point: &'static str| move |error: std::io::Error| format!("{point}: {error}");
    let path = side.path();
    let head = format!("POST {path} HTTP/1.1\r\nhost: webhook\r\ncontent-type: application/json");
    let length = REVIEW.len();
    write!(stream, "{head}\r\nconnection: {connection}\r\ncontent-length: {length}\r\n\r\n{REVIEW}")
        .map_err(at("sending"))?;
    let mut reader = BufReader::new(stream);
    let (mut goes_on, mut length) = (true, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).map_err(at("reading the answer"))? == 0 {
            return Err("closed before the answer".to_owned());
        }
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().map_err(text)?,
            Some(("connection", "close")) => goes_on = false,
            _ if line.is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).map_err(at("reading the answer"))?;
    let admitted = serde_json::from_slice::<Value>(&body).is_ok_and(|review| review["response"]["allowed"] == true);
    if admitted { Ok(goes_on) } else { Err(format!("not admitted: {}", String::from_utf8_lossy(&body))) }
}

/// What every webhook of a configuration trusts, in PEM.
///
/// # Errors
/// If nothing is filled in somewhere, or they do not all trust the same.
pub(crate) fn bundle(admin: &Kubectl, configuration: &str) -> Result<String, String> {
    let (kind, name) = configuration.split_once(' ').ok_or("KIND NAME")?;
    let each = "jsonpath={range .webhooks[*]}{.clientConfig.caBundle}{\"\\n\"}{end}";
    let out = admin.call(&["get", kind, name, "--output", each], "");
    let mut bundles = out.stdout.lines();
    let first = bundles.next().unwrap_or_default();
    if !out.succeeded() || first.is_empty() || bundles.any(|bundle| bundle != first) {
        return Err(format!("{configuration} trusts nobody, or its webhooks do not trust the same: {out}"));
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(first).map_err(text)?;
    String::from_utf8(bytes).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
