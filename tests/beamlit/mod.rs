//! A strict stand-in for Beamlit's API, on loopback: it does what is documented and nothing else, refuses every body that the
//! contract does not know, writes down every call, and fails on demand in every way that a server can.

pub mod contract;
mod store;

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use self::store::Store;

/// The credentials that the stand-in takes: an id, and a secret with everything in it that was ever mangled.
pub const CREDENTIALS: (&str, &str) = ("operator id", "s3cr:et+/%=");

/// A call as it came, and its answer's status; none while it is not answered.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    /// Below the base: `/models/a?environment=production`.
    pub target: String,
    pub workspace: Option<String>,
    pub authorization: Option<String>,
    pub body: Value,
    pub status: Option<u16>,
}

/// An answer in the place of the one that is due.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A status, headers, and a body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// What is due is done, and the answer is this: the caller cannot know.
    Done(Box<Self>),
    /// What is due, late.
    Late(Duration),
    /// What is due when it is asked for, late: by then it may be so no more.
    Old(Duration),
    /// Nothing, ever.
    Hang,
    /// The head of an answer and half of a body.
    Cut,
}

impl Answer {
    /// An error as the API of the era writes it.
    pub fn error(status: u16, error: &str) -> Self {
        Self::json(status, &json!({"error": error, "code": status, "stack": ["a", "b"]}))
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::Status(status, vec![("content-type", "application/json".to_owned())], body.to_string())
    }

    /// An error that says when to come back.
    pub fn busy(status: u16, retry_after: &str) -> Self {
        Self::Status(status, vec![("retry-after", retry_after.to_owned())], json!({"error": "busy"}).to_string())
    }

    pub fn page(status: u16) -> Self {
        let page = "<!DOCTYPE html>\n<html><body>It works!</body></html>".to_owned();
        Self::Status(status, vec![("content-type", "text/html".to_owned())], page)
    }

    pub fn redirect(to: &str) -> Self {
        Self::Status(307, vec![(LOCATION.as_str(), to.to_owned())], String::new())
    }

    pub fn done(self) -> Self {
        Self::Done(Box::new(self))
    }
}

/// What a script waits for: a method and the beginning of what follows the base.
struct Script {
    method: &'static str,
    target: String,
    answer: Answer,
}

#[derive(Default)]
struct Inner {
    store: Store,
    tokens: HashSet<String>,
    issued: u64,
    /// Requests for a token in flight, and the most that ever were.
    asking: (usize, usize),
    calls: Vec<Call>,
    violations: Vec<String>,
    scripts: VecDeque<Script>,
    /// What everything is answered with.
    down: Option<Answer>,
    expires_in: Option<Value>,
}

/// The stand-in. It ends when it is dropped.
pub struct Beamlit {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Beamlit {
    /// Starts it, in a thread of its own.
    pub fn start() -> Self {
        let inner = Arc::new(Mutex::new(Inner::default()));
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let state = Arc::clone(&inner);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let router = Router::new().fallback(answer).with_state(state);
                tokio::select! {
                    _ = axum::serve(listener, router) => {}
                    _ = stopped => {}
                }
            });
            // A call that hangs is not waited for.
            runtime.shutdown_background();
        });
        Self { address: told.recv().unwrap(), inner, stop: Some(stop), thread: Some(thread) }
    }

    /// Its address, with the API's version.
    pub fn base(&self) -> String {
        format!("http://{}/v0", self.address)
    }

    /// The value of `BEAMLIT_TOKEN`.
    pub fn token() -> String {
        BASE64_STANDARD.encode(format!("{}:{}", CREDENTIALS.0, CREDENTIALS.1))
    }

    /// What Beamlit holds, to be looked at or changed behind the operator's back.
    pub fn store<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        act(&mut self.inner().store)
    }

    /// Every call but those for a token, in the order in which they came.
    pub fn calls(&self) -> Vec<Call> {
        self.inner().calls.iter().filter(|call| call.target != "/oauth/token").cloned().collect()
    }

    /// As [`Beamlit::calls`], in short: `GET /models/a?environment=production 404`.
    pub fn lines(&self) -> Vec<String> {
        let status = |call: &Call| call.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        self.calls().iter().map(|call| format!("{} {} {}", call.method, call.target, status(call))).collect()
    }

    /// The bodies of calls by this method.
    pub fn bodies(&self, method: &str) -> Vec<Value> {
        self.calls().into_iter().filter(|call| call.method == method).map(|call| call.body).collect()
    }

    pub fn forget_calls(&self) {
        self.inner().calls.clear();
    }

    /// Every fault of a body that came. There should be none.
    pub fn violations(&self) -> Vec<String> {
        self.inner().violations.clone()
    }

    /// The next calls by this method, of what begins with this, are answered so, one after the other.
    pub fn script(&self, method: &'static str, target: &str, answers: impl IntoIterator<Item = Answer>) {
        let scripts = answers.into_iter().map(|answer| Script { method, target: target.to_owned(), answer });
        self.inner().scripts.extend(scripts);
    }

    /// Everything is answered so, until further notice.
    pub fn down(&self, answer: Option<Answer>) {
        self.inner().down = answer;
    }

    /// Takes back every token.
    pub fn revoke(&self) {
        self.inner().tokens.clear();
    }

    /// How many tokens were given out, and how many requests for one there were at once at most.
    pub fn tokens(&self) -> (u64, usize) {
        let inner = self.inner();
        (inner.issued, inner.asking.1)
    }

    /// For how long tokens are said to live.
    pub fn expires_in(&self, value: Value) {
        self.inner().expires_in = Some(value);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Drop for Beamlit {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A caller that waits for a token. It may go away.
struct Asking(Arc<Mutex<Inner>>);

impl Asking {
    fn new(inner: &Arc<Mutex<Inner>>) -> Self {
        let (now, most) = &mut lock(inner).asking;
        *now += 1;
        *most = (*most).max(*now);
        Self(Arc::clone(inner))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        lock(&self.0).asking.0 -= 1;
    }
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let whole = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let Some(target) = whole.strip_prefix("/v0").map(ToOwned::to_owned) else {
        return error(404, "no such path");
    };
    let method = head.method.to_string();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let call = Call {
        method: method.clone(),
        target: target.clone(),
        workspace: header("x-beamlit-workspace"),
        authorization: header("authorization"),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        status: None,
    };
    let asking = (target == "/oauth/token").then(|| Asking::new(&inner));
    let (number, scripted) = {
        let mut inner = lock(&inner);
        inner.calls.push(call.clone());
        let number = inner.calls.len() - 1;
        let at = inner.scripts.iter().position(|it| it.method == method && target.starts_with(&it.target));
        (number, at.and_then(|at| inner.scripts.remove(at)).map(|it| it.answer).or(inner.down.clone()))
    };
    let due = || {
        let mut inner = lock(&inner);
        if target == "/oauth/token" {
            token(&mut inner, &head.method, &head.headers, &body)
        } else {
            authorized(&mut inner, &call)
        }
    };
    let response = match scripted {
        None => due(),
        Some(Answer::Late(delay)) => {
            tokio::time::sleep(delay).await;
            due()
        }
        Some(Answer::Old(delay)) => {
            let old = due();
            tokio::time::sleep(delay).await;
            old
        }
        Some(Answer::Done(after)) => {
            drop(due());
            instead(*after).await
        }
        Some(answer) => instead(answer).await,
    };
    drop(asking);
    if let Some(call) = lock(&inner).calls.get_mut(number) {
        call.status = Some(response.status().as_u16());
    }
    response
}

async fn instead(answer: Answer) -> Response {
    match answer {
        Answer::Status(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Answer::Cut => {
            let half: Vec<Result<Bytes, std::io::Error>> =
                vec![Ok(Bytes::from_static(b"{\"metadata\":")), Err(std::io::Error::other("cut"))];
            Response::new(Body::from_stream(stream::iter(half)))
        }
        Answer::Done(_) | Answer::Late(_) | Answer::Old(_) | Answer::Hang => std::future::pending().await,
    }
}

/// RFC 6749, 2.3.1 and 4.4, to the letter.
fn token(inner: &mut Inner, method: &Method, headers: &HeaderMap, body: &[u8]) -> Response {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    if method != Method::POST
        || text(CONTENT_TYPE) != Some("application/x-www-form-urlencoded")
        || body != b"grant_type=client_credentials"
    {
        return json_of(400, &json!({"error": "invalid_request"}));
    }
    let basic =
        text(AUTHORIZATION).and_then(|it| it.strip_prefix("Basic ")).and_then(|it| BASE64_STANDARD.decode(it).ok());
    let basic = basic.and_then(|it| String::from_utf8(it).ok()).unwrap_or_default();
    let decoded = |text: &str| {
        url::form_urlencoded::parse(format!("a={text}").as_bytes())
            .next()
            .map(|(_, it)| it.into_owned())
            .unwrap_or_default()
    };
    let (id, secret) = basic.split_once(':').map(|(id, secret)| (decoded(id), decoded(secret))).unwrap_or_default();
    if (id.as_str(), secret.as_str()) != CREDENTIALS || basic.matches(':').count() != 1 {
        return json_of(401, &json!({"error": "invalid_client", "error_description": "who are you?"}));
    }
    inner.issued += 1;
    let token = format!("token-{}.{}", inner.issued, "x".repeat(40));
    inner.tokens.insert(token.clone());
    let expires_in = inner.expires_in.clone().unwrap_or_else(|| json!(7200));
    json_of(200, &json!({"access_token": token, "token_type": "Bearer", "expires_in": expires_in}))
}

fn authorized(inner: &mut Inner, call: &Call) -> Response {
    let token = call.authorization.as_deref().and_then(|it| it.strip_prefix("Bearer "));
    if !token.is_some_and(|token| inner.tokens.contains(token)) {
        return error(401, "invalid token");
    }
    if call.workspace.as_deref().is_some_and(|workspace| workspace != inner.store.workspace) {
        return error(403, "no such workspace");
    }
    let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
    let mut environment = None;
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if key != "environment" || environment.is_some() {
            return error(400, "unknown parameter");
        }
        environment = Some(value.into_owned());
    }
    let mut segments = path.trim_start_matches('/').split('/');
    let (of, name) = (segments.next().unwrap_or_default(), segments.next());
    if !["models", "policies"].contains(&of) || segments.next().is_some() {
        return error(404, "no such path");
    }
    if environment.is_some() && (of == "policies" || ["POST", "PUT"].contains(&call.method.as_str())) {
        return error(400, "unknown parameter");
    }
    if ["POST", "PUT"].contains(&call.method.as_str()) {
        let faults = contract::faults(of, &call.body);
        if !faults.is_empty() {
            let said = format!("{} {}: {}", call.method, call.target, faults.join("; "));
            inner.violations.push(said.clone());
            return error(400, &said);
        }
    }
    let name = name.map(percent_decoded);
    let (status, body) = inner.store.act(&call.method, of, name.as_deref(), environment.as_deref(), &call.body);
    match body {
        Ok(body) => json_of(status, &body),
        Err(said) => error(status, &said),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = (*first == b'%').then(|| after.get(..2)).flatten().and_then(|hex| std::str::from_utf8(hex).ok());
        match byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn json_of(status: u16, body: &Value) -> Response {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn error(status: u16, said: &str) -> Response {
    json_of(status, &json!({"error": said, "code": status, "stack": ["controller.go:1"]}))
}
