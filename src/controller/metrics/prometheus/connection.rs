//! The way to a Prometheus: TLS, a token, and one question at a time answered in time and in a bounded size.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hyper::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::Client;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use url::Url;

use super::answer;
use crate::controller::metrics::api::wait;
use crate::controller::metrics::failed::Failed;
use crate::controller::metrics::words::{innermost, line};
use crate::controller::outbound;
use crate::engine::configuration;
use crate::files::Contents;
use crate::offload::evaluate::Fault;

/// The largest answer that is read: some 100,000 series, of which a metric that is summed has no need.
const LARGEST: usize = 16 << 20;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);

/// The way to a Prometheus. Clones share its connections.
#[derive(Clone)]
pub(super) struct Connection {
    client: Client,
    /// Tells one set of trusted certificates from another.
    trusts: u64,
    url: Url,
    /// The header with the token, if there is one. It is never shown.
    token: Option<HeaderValue>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

impl Connection {
    /// The connection that the settings and their files come to now: the one there was if it still does.
    pub(super) async fn renewed(
        settings: &configuration::Prometheus,
        known: Option<Self>,
        most: Duration,
    ) -> Result<Self, Failed> {
        let configuration::Prometheus { url, ca_file, bearer_token_file } = settings.clone();
        // A file on a broken volume may be waited for without end.
        let files = spawn_blocking(move || Ok((contents(ca_file)?, contents(bearer_token_file)?)));
        let files: Result<_, Failed> = timeout(most, files)
            .await
            .map_err(|_| Failed::unavailable("its files cannot be read in time"))?
            .unwrap_or_else(|_| Err(Failed::unavailable("its files cannot be read")));
        let (ca, token) = files?;
        let token = token.map(|contents| bearer(contents.file(0).1)).transpose()?;
        let trusts = ca.as_ref().map_or(0, Contents::fingerprint);
        let client = match known {
            Some(known) if known.trusts == trusts => known.client,
            _ => client(&url, ca.as_ref().map(|contents| contents.file(0).1))?,
        };
        Ok(Self { client, trusts, url, token })
    }

    /// The body of the answer to an instant query.
    pub(super) async fn get(&self, promql: &str, most: Duration) -> Result<Vec<u8>, Failed> {
        timeout(most, self.ask(promql, most)).await.unwrap_or_else(|_| Err(Failed::too_slow(most)))
    }

    async fn ask(&self, promql: &str, most: Duration) -> Result<Vec<u8>, Failed> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1", "query"]);
        }
        // Whoever has given up waiting has no use for the answer.
        url.query_pairs_mut().append_pair("query", promql).append_pair("timeout", &format!("{}ms", most.as_millis()));
        let mut request = self.client.get(url).header(ACCEPT, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        let failed = |error: reqwest::Error| {
            let nobody = error.is_connect();
            let why = innermost(&error.without_url());
            if nobody { Failed::unreachable(why) } else { Failed::unavailable(why) }
        };
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| {
            Failed::unavailable(format!("the answer broke off: {}", innermost(&error.without_url())))
        })? {
            if bytes.len().saturating_add(chunk.len()) > LARGEST {
                return Err(Failed::too_large(LARGEST));
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(bytes);
        }
        let failed = Failed::status(status.as_u16(), answer::error(&bytes).as_deref(), wait(response.headers()));
        match failed {
            // Prometheus knows every metric, and an address that is wrong none.
            Failed::Answered(Fault::NotKnown(_)) => {
                Err(Failed::unavailable("there is no API of Prometheus at its url (status 404)"))
            }
            failed => Err(failed),
        }
    }
}

fn contents(file: Option<String>) -> Result<Option<Contents>, Failed> {
    let read = |file: String| Contents::read(&[PathBuf::from(file)]);
    file.map(read).transpose().map_err(|error| Failed::unavailable(line(&error.to_string())))
}

fn bearer(bytes: &[u8]) -> Result<HeaderValue, Failed> {
    let no_token = || Failed::unavailable("its bearerTokenFile holds no token");
    let token = std::str::from_utf8(bytes).map_err(|_| no_token())?.trim();
    let mut header = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| no_token())?;
    if token.is_empty() {
        return Err(no_token());
    }
    header.set_sensitive(true);
    Ok(header)
}

/// A client that trusts these certificates and no others, or else those of the Web.
fn client(url: &Url, ca: Option<&[u8]>) -> Result<Client, Failed> {
    let roots = match ca {
        None => outbound::public_roots(),
        Some(pem) => {
            let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates.unwrap_or_default());
            roots
        }
    };
    if roots.is_empty() {
        return Err(Failed::unavailable("its caFile holds no certificates in PEM"));
    }
    let here = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    let builder = outbound::client(roots, CONNECT, here).map_err(|error| Failed::unavailable(innermost(&error)))?;
    builder.build().map_err(|error| Failed::unavailable(innermost(&error.without_url())))
}
