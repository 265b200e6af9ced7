//! The gate behind HTTP: what is read, how much at once, for how long, and what is said when something breaks.

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode, Version};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use hyper::body::Body as _;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::body::{self, Beginning, Unread};
use super::deadline;
use super::review::{self, Answer, Endpoint, Failure, Verdict, printable};
use super::slots::{Granted, Slot, Slots, Standing};
use crate::telemetry::metrics::{Metrics, ReviewLabels};

/// The largest body: two objects of 3 MiB, the most that an API server takes, and an envelope.
pub const MAX_BODY: usize = 7 * 1024 * 1024;

/// The largest body that is judged where it was read; a larger one would hold up the other connections.
const MAX_INLINE: usize = 128 * 1024;

/// How many larger bodies are judged at once: a tree of tiny values is fifty times as large as its text.
const LARGE_AT_ONCE: usize = 2;

/// How many larger bodies are kept at once, those that still come included: this bounds the memory that clients can take.
const LARGE_KEPT: usize = 6;

/// How long a body may take to come before its slot can be taken by another review. An API server sends it at once.
const READING_GRACE: Duration = Duration::from_millis(100);

/// How much of a body is read to learn the uid of a review that is turned away.
const BEGINNING: usize = 4 * 1024;

/// How much of it is read for the connection to go on: hanging up on an API server that does not expect it may cost it the
/// review that it sends next.
const DISMISSED: usize = 128 * 1024;

/// How long that may take.
const DISMISS_TIME: Duration = Duration::from_secs(1);

/// Answers a review; [`review::answer`] but for tests, which break it.
pub type Judge = Box<dyn Fn(Endpoint, &[u8]) -> Answer + Send + Sync>;

/// The gate.
pub struct Gate {
    judge: Judge,
    slots: Arc<Slots>,
    slots_for_large: Arc<Slots>,
    free_for_large: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

/// A review that is being read or judged: its slot among those that may be, until it really ends.
struct InFlight {
    metrics: Arc<Metrics>,
    slot: Slot,
    slot_as_large: Option<Slot>,
}

impl InFlight {
    fn new(metrics: &Arc<Metrics>, slot: Slot) -> Self {
        metrics.in_flight.inc();
        Self { metrics: Arc::clone(metrics), slot, slot_as_large: None }
    }

    /// Reads the body. Until it is there, others may take the slot: a client that sends its body slowly, or not at all, would
    /// hold up those that do not.
    async fn read(&mut self, body: Body, gate: &Gate, deadline: Instant) -> Result<Bytes, Unread> {
        let most = body.size_hint().upper().unwrap_or(u64::MAX);
        if most > MAX_INLINE as u64 {
            let slot = tokio::select! {
                slot = timeout_at(deadline, gate.slots_for_large.taken_in_turn()) => slot,
                () = self.slot.lost() => return Err(Unread::Evicted(Bytes::new())),
            };
            self.slot_as_large = Some(slot.map_err(|_| Unread::Late(Bytes::new()))?.slot);
        }
        let evicted = async {
            match &self.slot_as_large {
                Some(large) => tokio::select! { () = large.lost() => {}, () = self.slot.lost() => {} },
                None => self.slot.lost().await,
            }
        };
        let bytes = body::read(body, MAX_BODY, deadline, evicted).await?;
        let works = |slot: &Slot| slot.stands(Standing::Busy);
        if works(&self.slot) && self.slot_as_large.as_ref().is_none_or(works) {
            Ok(bytes)
        } else {
            Err(Unread::Evicted(bytes))
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
    }
}

/// An answer, and whether the whole body was read before it.
struct Reply {
    answer: Answer,
    whole: bool,
}

impl Reply {
    fn after_all(answer: Answer) -> Self {
        Self { answer, whole: true }
    }

    fn amid(answer: Answer) -> Self {
        Self { answer, whole: false }
    }
}

impl Gate {
    /// A gate that judges so many reviews at once.
    #[must_use]
    pub fn new(judge: Judge, max_in_flight: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            judge,
            slots: Slots::new(max_in_flight, READING_GRACE),
            slots_for_large: Slots::new(LARGE_KEPT, READING_GRACE),
            free_for_large: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
            metrics,
        }
    }

    async fn answer(self: &Arc<Self>, endpoint: Endpoint, request: Request, deadline: Instant) -> Reply {
        if !is_json(request.headers().get(CONTENT_TYPE)) {
            let whole = dismiss(request.into_body(), deadline).await.whole;
            let answer = Answer::plain(415, "the content type must be application/json", Verdict::Unsupported);
            return Reply { answer, whole };
        }
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > MAX_BODY as u64) {
            return Reply::amid(too_large());
        }
        let Some(Granted { slot, .. }) = self.slots.take() else {
            // /validate must answer under the uid of the review.
            let beginning = dismiss(request.into_body(), deadline).await;
            let answer = Answer::failed(endpoint, review::uid_of(&beginning.bytes), Failure::Full);
            return Reply { answer, whole: beginning.whole };
        };
        let mut in_flight = InFlight::new(&self.metrics, slot);
        match in_flight.read(request.into_body(), self, deadline).await {
            Ok(body) if body.len() <= MAX_INLINE => {
                let answer = self.judged(endpoint, &body);
                Reply::after_all(if Instant::now() < deadline { answer } else { late(endpoint, &body) })
            }
            Ok(body) => Reply::after_all(self.judged_aside(endpoint, body, deadline, in_flight).await),
            Err(Unread::TooLarge) => Reply::amid(too_large()),
            Err(Unread::Late(beginning)) => Reply::amid(late(endpoint, &beginning)),
            Err(Unread::Evicted(beginning)) => {
                Reply::amid(Answer::failed(endpoint, review::uid_of(&beginning), Failure::Full))
            }
            Err(Unread::Broken) => Reply::amid(Answer::plain(400, "the body broke off", Verdict::Undecodable)),
        }
    }

    fn judged(&self, endpoint: Endpoint, body: &[u8]) -> Answer {
        // Nothing that the judge could leave half done outlives it.
        catch_unwind(AssertUnwindSafe(|| (self.judge)(endpoint, body))).unwrap_or_else(|_| {
            // The panic hook has logged where; what it said may hold a part of the object.
            Answer::failed(endpoint, review::uid_of(body), Failure::Panicked)
        })
    }

    /// Judges a large body on a thread that may block. When the time is up nobody waits any more, but its slot stays taken
    /// until it ends: no more are judged at once than may be.
    async fn judged_aside(
        self: &Arc<Self>,
        endpoint: Endpoint,
        body: Bytes,
        deadline: Instant,
        in_flight: InFlight,
    ) -> Answer {
        let Ok(Ok(large)) = timeout_at(deadline, Arc::clone(&self.free_for_large).acquire_owned()).await else {
            return late(endpoint, &body);
        };
        let (gate, bytes) = (Arc::clone(self), body.clone());
        let judging = tokio::task::spawn_blocking(move || {
            let answer = gate.judged(endpoint, &bytes);
            drop((large, in_flight));
            answer
        });
        match timeout_at(deadline, judging).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Answer::failed(endpoint, review::uid_of(&body), Failure::Panicked),
            Err(_) => late(endpoint, &body),
        }
    }

    fn observe(&self, endpoint: Endpoint, answer: &Answer, took: Duration) {
        let subject = &answer.subject;
        let labels = ReviewLabels {
            endpoint: endpoint.name(),
            operation: subject.operation.unwrap_or("other"),
            kind: subject.kind.map_or("other", |kind| kind.name()),
            verdict: answer.verdict.name(),
        };
        self.metrics.observe(&labels, took);
        match answer.verdict {
            Verdict::Panicked => _ = self.metrics.panics.inc(),
            Verdict::Full => _ = self.metrics.full.inc(),
            Verdict::Undecodable => _ = self.metrics.undecodable.inc(),
            _ => {}
        }
        log(endpoint, answer, took);
    }
}

/// One line for each review. Names are the user's own and are escaped; of the object nothing is said.
fn log(endpoint: Endpoint, answer: &Answer, took: Duration) {
    macro_rules! line {
        ($level:ident) => {
            tracing::event!(
                target: "beamlit_operator::review",
                tracing::Level::$level,
                uid = %printable(answer.subject.uid.as_deref().unwrap_or_default(), 64),
                endpoint = endpoint.name(),
                operation = answer.subject.operation.unwrap_or_default(),
                kind = %printable(&answer.subject.kind_name, 64),
                namespace = %printable(&answer.subject.namespace, 64),
                name = %printable(&answer.subject.name, 253),
                dry_run = answer.subject.dry_run,
                verdict = answer.verdict.name(),
                status = answer.status,
                codes = %answer.subject.codes.join(","),
                about = %printable(&answer.subject.about.join(","), 512),
                duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                "review"
            )
        };
    }
    match answer.verdict {
        Verdict::Panicked => line!(ERROR),
        Verdict::Undecodable
        | Verdict::Full
        | Verdict::Late
        | Verdict::Unready
        | Verdict::TooLarge
        | Verdict::Unsupported => line!(WARN),
        // A webhook configuration that sends what is not ours deserves a look.
        Verdict::Passed if answer.subject.kind.is_none() => line!(WARN),
        Verdict::Admitted | Verdict::Patched | Verdict::Denied | Verdict::Passed => line!(INFO),
    }
}

/// The routes of the gate.
pub fn router(gate: &Arc<Gate>) -> Router {
    let side = |endpoint| {
        let gate = Arc::clone(gate);
        post(move |request: Request| handle(Arc::clone(&gate), endpoint, request))
    };
    Router::new()
        .route("/mutate", side(Endpoint::Mutate))
        .route("/validate", side(Endpoint::Validate))
        .route("/advise", side(Endpoint::Advise))
        .fallback(|request: Request| ready(no_review(&request, 404, "there are /mutate, /validate and /advise")))
        .method_not_allowed_fallback(|request: Request| {
            let mut response = no_review(&request, 405, "a review comes by POST");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            ready(response)
        })
}

fn no_review(request: &Request, status: u16, message: &str) -> Response {
    let answer = Answer::plain(status, message, Verdict::Unsupported);
    respond(Reply { answer, whole: request.body().is_end_stream() }, request.version())
}

async fn handle(gate: Arc<Gate>, endpoint: Endpoint, request: Request) -> Response {
    let started = Instant::now();
    let version = request.version();
    let deadline = started + deadline::allowance(request.uri().query());
    let reply = gate.answer(endpoint, request, deadline).await;
    gate.observe(endpoint, &reply.answer, started.elapsed());
    respond(reply, version)
}

fn respond(Reply { answer, whole }: Reply, version: Version) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = if answer.status == 200 { "application/json" } else { "text/plain; charset=utf-8" };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if answer.status == 503 {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(review::RETRY_AFTER_SECONDS));
    }
    // The connection will not go on, so the client is told not to send its next review on it. HTTP/2 ends the stream alone.
    if !whole && version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// `application/json`, with or without parameters.
fn is_json(content_type: Option<&HeaderValue>) -> bool {
    content_type
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn too_large() -> Answer {
    let message = format!("the body must not be larger than {} MiB", MAX_BODY / 1024 / 1024);
    Answer::plain(413, &message, Verdict::TooLarge)
}

fn late(endpoint: Endpoint, beginning: &[u8]) -> Answer {
    Answer::failed(endpoint, review::uid_of(beginning), Failure::Late)
}

/// Reads the body of a review that will not be judged, as far as it is worth it.
async fn dismiss(body: Body, deadline: Instant) -> Beginning {
    body::dismiss(body, BEGINNING, DISMISSED, deadline.min(Instant::now() + DISMISS_TIME)).await
}

#[cfg(test)]
mod tests;
