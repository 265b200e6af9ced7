//! One call of Beamlit's API: with a token, within its time, and made again where that can do no harm.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, retry};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use url::{Host, Url};

use super::Error;
use super::answer::{Answer, disguised, unreachable};
use super::circuit::Circuit;
use super::settings::{Pace, Settings};
use super::token::{NoToken, Token, Tokens};
use crate::controller::outbound;
use crate::files::Contents;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::reconciler;

/// The largest object: the template of its pods is most of it, and an object in Kubernetes is no larger than 1.5 MiB.
const MOST_OBJECT: usize = 4 * 1024 * 1024;

/// The largest list: 10,000 models with the templates of their pods.
const MOST_LIST: usize = 128 * 1024 * 1024;

const WORKSPACE: HeaderName = HeaderName::from_static("x-beamlit-workspace");

/// What is called, as calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Get,
    List,
    Create,
    Update,
    Delete,
}

/// A call of the API.
pub(super) struct Call<'c> {
    pub(super) act: Act,
    /// `models` or `policies`.
    pub(super) of: &'static str,
    pub(super) name: Option<&'c str>,
    pub(super) environment: Option<&'c str>,
    pub(super) body: Option<&'c Value>,
    /// Values in the body that nobody may see.
    pub(super) secrets: &'c [String],
}

impl Call<'_> {
    const fn method(&self) -> Method {
        match self.act {
            Act::Get | Act::List => Method::GET,
            Act::Create => Method::POST,
            Act::Update => Method::PUT,
            Act::Delete => Method::DELETE,
        }
    }

    /// Of a closed set.
    fn operation(&self) -> &'static str {
        match (self.of, self.act) {
            ("models", Act::Get) => "get_model",
            ("models", Act::List) => "list_models",
            ("models", Act::Create) => "create_model",
            ("models", Act::Update) => "update_model",
            ("models", Act::Delete) => "delete_model",
            (_, Act::Get) => "get_policy",
            (_, Act::List) => "list_policies",
            (_, Act::Create) => "create_policy",
            (_, Act::Update) => "update_policy",
            (_, Act::Delete) => "delete_policy",
        }
    }

    /// Whether it may be made twice. What was created by a call without an answer is found by looking for it.
    fn is_repeatable(&self) -> bool {
        self.act != Act::Create
    }
}

/// What makes calls.
#[derive(Debug)]
pub(super) struct Caller {
    http: reqwest::Client,
    settings: Settings,
    tokens: Tokens,
    circuit: Circuit,
    metrics: Arc<Metrics>,
}

impl Caller {
    pub(super) fn new(settings: Settings, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let http = http(&settings)?;
        let url = url(&settings.base, &["oauth", "token"])?;
        let (credentials, timeout) = (settings.credentials.clone(), settings.timeout);
        let after_refusal = settings.pace.after_refusal;
        let tokens = Tokens::new(http.clone(), url, credentials, timeout, after_refusal, Arc::clone(&metrics));
        let circuit = Circuit::new(settings.pace, Arc::clone(&metrics));
        Ok(Self { http, settings, tokens, circuit, metrics })
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Tells one state of the credentials from another.
    pub(super) fn credentials(&self) -> u64 {
        self.tokens.credentials()
    }

    /// Makes a call, and makes it again if that can do no harm and may help.
    ///
    /// # Errors
    /// If it fails for good, or as often as it may.
    pub(super) async fn call(&self, call: &Call<'_>) -> Result<Vec<u8>, Error> {
        let mut waits = self.waits();
        loop {
            let error = match self.authorized(call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !call.is_repeatable() || !error.is_passing() || matches!(error, Error::HeldBack { .. }) {
                return Err(error);
            }
            let Some(wait) = waits.next() else { return Err(error) };
            let asked = error.after().unwrap_or_default();
            if asked > self.settings.pace.patience {
                return Err(error);
            }
            sleep(wait.max(asked)).await;
        }
    }

    /// One attempt; a second one if Beamlit does not take the token, for it may have been revoked, or the credentials renewed.
    async fn authorized(&self, call: &Call<'_>) -> Result<Vec<u8>, Error> {
        let url = self.url(call)?;
        match self.attempt(call, &url).await? {
            Ok(answer) => Ok(answer),
            Err(Unauthorized { token, .. }) => {
                self.tokens.refused(&token);
                self.attempt(call, &url).await?.map_err(|Unauthorized { error, .. }| {
                    self.tokens.rejected();
                    error
                })
            }
        }
    }

    async fn attempt(&self, call: &Call<'_>, url: &Url) -> Result<Result<Vec<u8>, Unauthorized>, Error> {
        let leave = self.circuit.enter()?;
        let token = match self.tokens.get().await {
            Ok(token) => token,
            Err(NoToken { error, asked }) => {
                if asked && tells_of_health(&error) {
                    leave.failed(&error);
                }
                return Err(error);
            }
        };
        let began = Instant::now();
        let answered = self.send(call, url, &token).await;
        let answered = answered.and_then(|it| it.success(&[&token.secrets()[..], &texts(call.secrets)[..]].concat()));
        let answer = answered.as_ref().map_or_else(Error::answer, |_| reconciler::Answer::Ok);
        self.metrics.beamlit_request(call.operation(), answer, began.elapsed());
        match answered {
            Ok(body) => {
                leave.succeeded();
                self.tokens.taken();
                Ok(Ok(body))
            }
            Err(error @ Error::CredentialsRefused(_)) => {
                leave.succeeded();
                Ok(Err(Unauthorized { token, error }))
            }
            Err(error) => {
                if matches!(error, Error::Refused { status, .. } if status != 403) {
                    self.tokens.taken();
                }
                if tells_of_health(&error) {
                    leave.failed(&error);
                } else if !matches!(error, Error::Throttled { .. }) {
                    leave.succeeded();
                }
                if let Some(after) = error.after().filter(|after| *after > self.settings.pace.patience) {
                    self.circuit.hold(after, &error);
                }
                Err(error)
            }
        }
    }

    async fn send(&self, call: &Call<'_>, url: &Url, token: &Token) -> Result<Answer, Error> {
        let Settings { workspace, timeout, list_timeout, .. } = &self.settings;
        let (timeout, most) = match call.act {
            Act::List => (*list_timeout, MOST_LIST),
            Act::Get | Act::Create | Act::Update | Act::Delete => (*timeout, MOST_OBJECT),
        };
        let mut request = self
            .http
            .request(call.method(), url.clone())
            .header(AUTHORIZATION, token.header()?)
            .header(ACCEPT, "application/json")
            .timeout(timeout);
        if let Some(workspace) = workspace {
            request = request.header(WORKSPACE, workspace);
        }
        if let Some(body) = call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| unreachable(error, timeout))?;
        Answer::read(response, most, timeout).await
    }

    /// The waits before something is tried again.
    pub(super) fn waits(&self) -> ExponentialBackoff {
        let Pace { retries, first_wait, longest_wait, .. } = self.settings.pace;
        let builder = ExponentialBuilder::new().with_min_delay(first_wait).with_max_delay(longest_wait);
        builder.with_factor(2.0).with_max_times(retries).with_jitter().build()
    }

    fn url(&self, call: &Call<'_>) -> Result<Url, Error> {
        let segments: Vec<&str> = std::iter::once(call.of).chain(call.name).collect();
        let mut url = url(&self.settings.base, &segments)?;
        if let Some(environment) = call.environment {
            url.query_pairs_mut().append_pair("environment", environment);
        }
        Ok(url)
    }
}

/// Beamlit does not take a token.
struct Unauthorized {
    token: Arc<Token>,
    error: Error,
}

/// Whether it says that Beamlit, or the way there, is not well. What it refuses, it refuses in good health.
const fn tells_of_health(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable(_)
            | Error::TimedOut(_)
            | Error::Failed { .. }
            | Error::Malformed(_)
            | Error::Redirected { .. }
    )
}

fn texts(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// Reads an answer as JSON.
///
/// # Errors
/// If it is none, or an error under a status of success.
pub(super) fn parsed(answer: &[u8], secrets: &[String]) -> Result<Value, Error> {
    let value = serde_json::from_slice(answer).map_err(|error| {
        // Of what could not be read nothing is shown.
        Error::Malformed(format!("it is no JSON ({:?} error)", error.classify()).to_lowercase())
    })?;
    disguised(&value, &texts(secrets)).map_or(Ok(value), Err)
}

/// The API's address with these segments, each encoded, so that no name leads out of its place.
fn url(base: &Url, segments: &[&str]) -> Result<Url, Error> {
    if let Some(name) = segments.iter().find(|name| ["", ".", ".."].contains(*name)) {
        return Err(Error::Name(format!("{name:?}")));
    }
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| Error::Settings("the address has no path".to_owned()))?
        .pop_if_empty()
        .extend(segments);
    Ok(url)
}

/// HTTP over TLS with the public authorities and, if there is one, the operator's own.
fn http(settings: &Settings) -> Result<reqwest::Client, Error> {
    let Settings { base, connect_timeout, .. } = settings;
    let here = match base.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(Error::Settings("the address has no host".to_owned())),
    };
    // The secret and the token are in the headers.
    if base.scheme() != "https" && !(here && base.scheme() == "http") {
        return Err(Error::Settings("the address must begin with https://".to_owned()));
    }
    if !base.username().is_empty() || base.password().is_some() || base.query().is_some() || base.fragment().is_some() {
        return Err(Error::Settings("the address must have no user, query or fragment".to_owned()));
    }
    if let Some(workspace) = &settings.workspace
        && (workspace.is_empty() || HeaderValue::from_str(workspace).is_err())
    {
        return Err(Error::Settings("the workspace is no name".to_owned()));
    }
    let builder = outbound::client(roots(settings)?, *connect_timeout, here)
        .map_err(|error| Error::Settings(error.to_string()))?
        .pool_idle_timeout(Duration::from_secs(30))
        .retry(retry::never());
    builder.build().map_err(|error| Error::Settings(error.without_url().to_string()))
}

fn roots(settings: &Settings) -> Result<RootCertStore, Error> {
    let mut roots = outbound::public_roots();
    if let Some(path) = &settings.ca_file {
        let contents =
            Contents::read(std::slice::from_ref(path)).map_err(|error| Error::Settings(error.to_string()))?;
        let (place, pem) = contents.file(0);
        let unusable = |why: String| Error::Settings(format!("{place}: {why}"));
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| unusable(format!("it is no PEM: {error}")))?;
            roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(unusable("there is no certificate in it".to_owned()));
        }
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::beamlit::Credentials;

    #[test]
    fn no_name_leads_out_of_its_place() {
        for base in ["https://api.beamlit.com/v0", "https://api.beamlit.com/v0/"] {
            let base = Url::parse(base).unwrap();
            for (name, path) in [
                ("my-model-on-Beamlit", "/v0/models/my-model-on-Beamlit"),
                ("a/../b?c#d", "/v0/models/a%2F..%2Fb%3Fc%23d"),
                ("%2e%2e", "/v0/models/%252e%252e"),
                ("ü x", "/v0/models/%C3%BC%20x"),
            ] {
                assert_eq!(url(&base, &["models", name]).unwrap().path(), path);
            }
            for name in ["", ".", ".."] {
                assert!(matches!(url(&base, &["models", name]), Err(Error::Name(_))), "{name:?}");
            }
        }
    }

    #[test]
    fn authorities_are_certificates_or_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.crt");
        let caller = || {
            let mut settings = Settings::new(Credentials::of("me", "hunter2").unwrap()).unwrap();
            settings.ca_file = Some(file.clone());
            Caller::new(settings, Arc::default()).map(|_| ()).map_err(|error| error.to_string())
        };
        assert!(caller().unwrap_err().contains("cannot be read"));
        for (content, fault) in [
            ("", "there is no certificate in it"),
            ("hunter2", "there is no certificate in it"),
            ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "it is no PEM"),
            ("-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n", ""),
        ] {
            std::fs::write(&file, content).unwrap();
            let error = caller().unwrap_err();
            assert!(error.contains(fault) && !error.contains("hunter2"), "{error}");
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        std::fs::write(&file, authority.pem()).unwrap();
        assert_eq!(caller(), Ok(()));
    }

    #[test]
    fn a_secret_goes_over_tls_to_one_place() {
        let caller = |base: &str, workspace: Option<&str>| {
            let mut settings = Settings::new(Credentials::of("me", "hunter2").unwrap()).unwrap();
            settings.base = Url::parse(base).unwrap();
            settings.workspace = workspace.map(ToOwned::to_owned);
            Caller::new(settings, Arc::default()).map(|_| ()).map_err(|error| error.to_string())
        };
        for fine in
            ["https://api.beamlit.com/v0", "http://127.0.0.1:8080", "http://[::1]:8080/v0", "http://localhost/v0"]
        {
            assert_eq!(caller(fine, Some("my-workspace")), Ok(()), "{fine}");
        }
        for base in [
            "http://api.beamlit.com/v0",
            "http://10.0.0.1/v0",
            "http://localhost.example.com/v0",
            "ftp://127.0.0.1/",
            "https://me:hunter2@api.beamlit.com/v0",
            "https://api.beamlit.com/v0?key=hunter2",
            "data:text/plain,a",
        ] {
            let fault = caller(base, None).unwrap_err();
            assert!(fault.starts_with("the settings for Beamlit") && !fault.contains("hunter2"), "{base}: {fault}");
        }
        assert!(caller("https://api.beamlit.com/v0", Some("a\r\nb")).is_err());
        assert!(caller("https://api.beamlit.com/v0", Some("")).is_err());
    }
}
