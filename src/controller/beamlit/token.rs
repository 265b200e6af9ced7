//! The token of OAuth 2 client credentials (RFC 6749, 4.4): got once for all, renewed before it ends, and never by two at a time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::answer::{Answer, TokenAnswer, unreachable};
use super::credentials::{Pair, Secret};
use super::{Credentials, Error};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::reconciler;

/// The largest answer.
const MOST: usize = 64 * 1024;

/// The longest token that fits into the headers of a request.
const LONGEST: usize = 8 * 1024;

/// How long a token counts of which nobody says how long it lives, and how long one counts at most.
const LIFE: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(24 * 3600));

/// For how long credentials count that can no longer be read. What is swapped may be away for a moment; a Secret that was deleted is
/// to be gone.
const AWAY: Duration = Duration::from_secs(60);

/// How often the files of the credentials are looked at, and how soon a renewal that failed is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// Where tokens come from.
#[derive(Debug)]
pub(super) struct Tokens {
    http: reqwest::Client,
    url: Url,
    credentials: Credentials,
    timeout: Duration,
    /// The token that counts.
    cached: Mutex<Option<Arc<Token>>>,
    /// The credentials as they were last read.
    known: Mutex<Option<Known>>,
    /// How often they have changed.
    changes: AtomicU64,
    /// Credentials that were refused, why, and until when they are not shown again.
    refused: Mutex<Option<(Arc<Pair>, Error, Instant)>>,
    after_refusal: Duration,
    /// What came of the last request. Held by whoever makes the next.
    request: tokio::sync::Mutex<Option<Error>>,
    /// Counts requests that came to an end.
    requests: AtomicU64,
    /// Whether Beamlit does not take a token that it has just given.
    rejected: AtomicBool,
    metrics: Arc<Metrics>,
}

/// Credentials as they were last read.
#[derive(Clone, Debug)]
struct Known {
    pair: Arc<Pair>,
    /// When they are to be read again.
    again: Instant,
    /// Until when they count if they cannot be.
    until: Instant,
}

/// A token that counts for a while.
#[derive(Debug)]
pub(super) struct Token {
    secret: Secret,
    /// What it is shown for: others may be of another workspace.
    pub(super) pair: Arc<Pair>,
    renew_at: Instant,
    ends_at: Instant,
}

impl Token {
    /// The header that shows it.
    pub(super) fn header(&self) -> Result<HeaderValue, Error> {
        sensitive(&format!("Bearer {}", self.secret.revealed()))
    }

    /// What nobody may see.
    pub(super) fn secrets(&self) -> [&str; 2] {
        [self.secret.revealed(), self.pair.secret.revealed()]
    }
}

/// Why there is no token.
#[derive(Debug)]
pub(super) struct NoToken {
    pub(super) error: Error,
    /// Whether this caller made the request; others only waited for its end.
    pub(super) asked: bool,
}

impl Tokens {
    pub(super) fn new(
        http: reqwest::Client,
        url: Url,
        credentials: Credentials,
        timeout: Duration,
        after_refusal: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            http,
            url,
            credentials,
            timeout,
            cached: Mutex::default(),
            known: Mutex::default(),
            changes: AtomicU64::new(0),
            refused: Mutex::default(),
            after_refusal,
            request: tokio::sync::Mutex::default(),
            requests: AtomicU64::new(0),
            rejected: AtomicBool::new(false),
            metrics,
        }
    }

    /// A token that counts.
    ///
    /// # Errors
    /// If there is none to be had.
    pub(super) async fn get(&self) -> Result<Arc<Token>, NoToken> {
        let pair = self.pair().await.map_err(|error| NoToken { error, asked: true })?;
        let now = Instant::now();
        if let Some(token) = self.usable(&pair, now) {
            if now < token.renew_at {
                return Ok(token);
            }
            // One renews it, and the others go on with what they have.
            let Ok(mut request) = self.request.try_lock() else { return Ok(token) };
            return Ok(match self.ask(&pair, &mut request).await {
                Ok(renewed) => renewed,
                Err(error) => self.put_off(&token, &error),
            });
        }
        self.not_refused(&pair, now).map_err(|error| NoToken { error, asked: false })?;
        let seen = self.requests.load(Ordering::Acquire);
        let mut request = self.request.lock().await;
        if let Some(token) = self.usable(&pair, Instant::now()) {
            return Ok(token);
        }
        // Somebody else has just asked, and there is no point in asking again at once.
        if self.requests.load(Ordering::Acquire) != seen
            && let Some(error) = request.clone()
        {
            return Err(NoToken { error, asked: false });
        }
        self.ask(&pair, &mut request).await.map_err(|error| NoToken { error, asked: true })
    }

    /// Beamlit does not take this token: neither it nor the credentials that are known count any more.
    pub(super) fn refused(&self, token: &Arc<Token>) {
        let mut cached = lock(&self.cached);
        if cached.as_ref().is_some_and(|cached| Arc::ptr_eq(cached, token)) {
            *cached = None;
            self.look_again();
        }
    }

    /// Beamlit does not take even a new one.
    pub(super) fn rejected(&self) {
        self.rejected.store(true, Ordering::Release);
        self.metrics.beamlit_token(false);
    }

    /// Beamlit has taken one.
    pub(super) fn taken(&self) {
        if self.rejected.swap(false, Ordering::AcqRel) {
            self.metrics.beamlit_token(true);
        }
    }

    /// The credentials may have been renewed.
    fn look_again(&self) {
        if let Some(known) = lock(&self.known).as_mut() {
            known.again = Instant::now();
        }
    }

    /// Whether there is any point in showing these credentials now.
    fn not_refused(&self, pair: &Arc<Pair>, now: Instant) -> Result<(), Error> {
        match lock(&self.refused).as_ref() {
            Some((refused, error, until)) if refused == pair && now < *until => {
                self.look_again();
                Err(error.clone())
            }
            _ => Ok(()),
        }
    }

    /// Tells one state of the credentials from another.
    pub(super) fn credentials(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn usable(&self, pair: &Arc<Pair>, now: Instant) -> Option<Arc<Token>> {
        lock(&self.cached).clone().filter(|token| token.pair == *pair && now < token.ends_at)
    }

    /// The credentials, read again now and then.
    async fn pair(&self) -> Result<Arc<Pair>, Error> {
        let known = lock(&self.known).clone();
        if let Some(Known { pair, again, .. }) = &known
            && Instant::now() < *again
        {
            return Ok(Arc::clone(pair));
        }
        let credentials = self.credentials.clone();
        let read = spawn_blocking(move || credentials.read()).await;
        let read = read.unwrap_or_else(|_| Err(Error::NoCredentials("they could not be read".to_owned())));
        let now = Instant::now();
        let (pair, until) = match (read, known) {
            (Ok(pair), _) => (pair, now + AGAIN + AWAY),
            (Err(error), Some(Known { pair, until, .. })) if now < until => {
                tracing::warn!("{error}; the last ones still count");
                (pair, until)
            }
            (Err(error), known) => {
                if known.is_some() {
                    *lock(&self.known) = None;
                    *lock(&self.cached) = None;
                    self.metrics.beamlit_token(false);
                }
                return Err(error);
            }
        };
        let mut known = lock(&self.known);
        if known.as_ref().is_none_or(|known| known.pair != pair) {
            self.changes.fetch_add(1, Ordering::Release);
        }
        *known = Some(Known { pair: Arc::clone(&pair), again: now + AGAIN, until });
        Ok(pair)
    }

    /// What still counts counts for longer, if it cannot be renewed.
    fn put_off(&self, token: &Arc<Token>, error: &Error) -> Arc<Token> {
        tracing::warn!("the token for Beamlit cannot be renewed, and the last one still counts: {error}");
        let Token { secret, pair, renew_at: _, ends_at } = token.as_ref();
        let put_off = Arc::new(Token {
            secret: secret.clone(),
            pair: Arc::clone(pair),
            renew_at: Instant::now() + AGAIN,
            ends_at: *ends_at,
        });
        let mut cached = lock(&self.cached);
        if cached.as_ref().is_some_and(|cached| Arc::ptr_eq(cached, token)) {
            *cached = Some(Arc::clone(&put_off));
        }
        put_off
    }

    async fn ask(&self, pair: &Arc<Pair>, last: &mut Option<Error>) -> Result<Arc<Token>, Error> {
        let began = Instant::now();
        let answered = self.request(pair, began).await;
        let answer = answered.as_ref().map_or_else(Error::answer, |_| reconciler::Answer::Ok);
        self.metrics.beamlit_request("token", answer, began.elapsed());
        // Another one of those that are not taken is no better.
        self.metrics.beamlit_token(answered.is_ok() && !self.rejected.load(Ordering::Acquire));
        *last = answered.as_ref().err().cloned();
        if let Err(error @ Error::CredentialsRefused(_)) = &answered {
            self.look_again();
            *lock(&self.refused) = Some((Arc::clone(pair), error.clone(), Instant::now() + self.after_refusal));
        }
        self.requests.fetch_add(1, Ordering::Release);
        let token = Arc::new(answered?);
        *lock(&self.cached) = Some(Arc::clone(&token));
        Ok(token)
    }

    async fn request(&self, pair: &Arc<Pair>, began: Instant) -> Result<Token, Error> {
        let response = self
            .http
            .post(self.url.clone())
            .header(AUTHORIZATION, basic(pair)?)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .timeout(self.timeout)
            .body("grant_type=client_credentials")
            .send()
            .await
            .map_err(|error| unreachable(error, self.timeout))?;
        let answer = Answer::read(response, MOST, self.timeout).await?;
        let body = answer.success(&[pair.secret.revealed()]).map_err(|error| match error {
            // RFC 6749, 5.2: 400 says just as much.
            Error::Refused { status: 400 | 403, said } => Error::CredentialsRefused(said),
            other => other,
        })?;
        let TokenAnswer { access_token, token_type, expires_in } =
            serde_json::from_slice(&body).map_err(|_| malformed("it has no access_token"))?;
        if token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(malformed("its token_type is not Bearer"));
        }
        if access_token.is_empty()
            || access_token.len() > LONGEST
            || !access_token.bytes().all(|it| it.is_ascii_graphic())
        {
            return Err(malformed("its access_token is none"));
        }
        let life = life(expires_in.as_ref())?;
        Ok(Token {
            secret: Secret::new(access_token),
            pair: Arc::clone(pair),
            renew_at: began + life.mul_f64(0.8),
            ends_at: began + life.mul_f64(0.98),
        })
    }
}

/// RFC 6749, 2.3.1: both parts are form-encoded first, so that a colon in either is none.
fn basic(pair: &Pair) -> Result<HeaderValue, Error> {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let both = format!("{}:{}", encoded(&pair.id), encoded(pair.secret.revealed()));
    sensitive(&format!("Basic {}", BASE64_STANDARD.encode(both)))
}

fn sensitive(text: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(text).map_err(|_| malformed("it fits into no header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// For how long a token counts. Some servers write the number as a text.
fn life(expires_in: Option<&Value>) -> Result<Duration, Error> {
    let seconds = match expires_in {
        None | Some(Value::Null) => return Ok(LIFE.0),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    match seconds {
        Some(seconds) if seconds >= 1.0 => Ok(Duration::from_secs_f64(seconds.min(LIFE.1.as_secs_f64()))),
        _ => Err(malformed("its expires_in is no time to come")),
    }
}

fn malformed(fault: &str) -> Error {
    Error::Malformed(format!("the token's answer: {fault}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn credentials_that_are_taken_away_do_not_count_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let token = |text: &str| std::fs::write(folder.path().join("token"), BASE64_STANDARD.encode(text)).unwrap();
        let tokens = Tokens::new(
            reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls()).build().unwrap(),
            Url::parse("http://127.0.0.1:9/").unwrap(),
            Credentials::in_folder(folder.path()),
            Duration::from_secs(1),
            Duration::ZERO,
            Arc::default(),
        );
        assert!(tokens.pair().await.is_err());
        token("me:one");
        let secret = async || tokens.pair().await.map(|pair| pair.secret.revealed().to_owned()).ok();
        assert_eq!((secret().await.as_deref(), tokens.credentials()), (Some("one"), 1));
        token("me:two");
        assert_eq!(secret().await.as_deref(), Some("one"), "they are not read with every call");
        tokio::time::advance(AGAIN).await;
        assert_eq!((secret().await.as_deref(), tokens.credentials()), (Some("two"), 2));
        std::fs::remove_file(folder.path().join("token")).unwrap();
        tokio::time::advance(AGAIN + AWAY / 2).await;
        assert_eq!(secret().await.as_deref(), Some("two"));
        tokio::time::advance(AWAY).await;
        assert_eq!(secret().await, None);
        token("me:two");
        assert_eq!((secret().await.as_deref(), tokens.credentials()), (Some("two"), 3));
    }

    fn tls() -> rustls::ClientConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        builder.unwrap().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
    }

    #[test]
    fn a_life_is_a_time_to_come_within_a_day() {
        let seconds = |value: Value| life(Some(&value)).map(|life| life.as_secs());
        assert_eq!(life(None).unwrap().as_secs(), 300);
        for (value, life) in [
            (json!(null), 300),
            (json!(7200), 7200),
            (json!(7200.9), 7200),
            (json!("7200"), 7200),
            (json!(1), 1),
            (json!(1e300), 86400),
            (json!(u64::MAX), 86400),
        ] {
            assert_eq!(seconds(value.clone()).unwrap(), life, "{value}");
        }
        for garbage in
            [json!(0), json!(-1), json!(0.5), json!("NaN"), json!("soon"), json!({}), json!([7200]), json!(true)]
        {
            assert!(seconds(garbage.clone()).is_err(), "{garbage}");
        }
    }

    /// original-defects.md: "secrets containing `:` rejected".
    #[test]
    fn what_is_shown_for_a_token_is_encoded_twice() {
        let credentials = Credentials::of("m e", "a:b%/ü").unwrap().read().unwrap();
        let header = basic(&credentials).unwrap();
        assert!(header.is_sensitive());
        let decoded = BASE64_STANDARD.decode(header.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(String::from_utf8(decoded).unwrap(), "m+e:a%3Ab%25%2F%C3%BC");
    }
}
