//! As much of an HTTP server as a reader needs, on the loopback address: what it answers to which path, and what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, Uri};
use futures::StreamExt as _;
use serde_json::Value;

/// How a path is answered for.
#[derive(Clone)]
pub(super) enum Reply {
    /// Status, a header, body.
    Body(u16, Option<(&'static str, String)>, Vec<u8>),
    /// More than is announced is never sent.
    BreaksOff(Vec<u8>),
    /// Never.
    Hangs,
}

impl Reply {
    pub(super) fn json(value: &Value) -> Self {
        Self::Body(200, None, value.to_string().into())
    }

    /// As the API server refuses.
    pub(super) fn status(code: u16, message: &str) -> Self {
        let body = serde_json::json!({"kind": "Status", "status": "Failure", "message": message, "code": code});
        Self::Body(code, None, body.to_string().into())
    }

    pub(super) fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Body(status, _, body) => Self::Body(status, Some((name, value.to_owned())), body),
            other => other,
        }
    }
}

#[derive(Default)]
struct Content {
    replies: BTreeMap<String, Reply>,
    asked: Vec<(String, HeaderMap)>,
    under_way: usize,
    most_under_way: usize,
}

/// The server. Clones are one and the same.
#[derive(Clone, Default)]
pub(super) struct StandIn(Arc<Mutex<Content>>);

impl StandIn {
    /// Starts it, and returns its URL.
    pub(super) async fn start() -> (Self, String) {
        let stand_in = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(stand_in.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (stand_in, format!("http://{address}"))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap()
    }

    /// Answers a path (without its parameters) from now on.
    pub(super) fn set(&self, path: &str, reply: Reply) {
        self.content().replies.insert(path.to_owned(), reply);
    }

    /// What was asked since the last time, in order, with parameters.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.content().asked).into_iter().map(|(uri, _)| uri).collect()
    }

    /// A header of the last request.
    pub(super) fn last_header(&self, name: &str) -> Option<String> {
        let content = self.content();
        let (_, headers) = content.asked.last()?;
        headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    /// How many requests were under way at a time.
    pub(super) fn most_under_way(&self) -> usize {
        self.content().most_under_way
    }
}

async fn answer(State(stand_in): State<StandIn>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let reply = {
        let mut content = stand_in.content();
        content.asked.push((uri.to_string(), headers));
        content.under_way += 1;
        content.most_under_way = content.most_under_way.max(content.under_way);
        content.replies.get(uri.path()).cloned()
    };
    // Whoever comes at the same time is to be seen.
    tokio::task::yield_now().await;
    let response = match reply.unwrap_or_else(|| Reply::Body(404, None, b"404 page not found\n".to_vec())) {
        Reply::Body(status, header, body) => {
            let mut response = Response::builder().status(status);
            if let Some((name, value)) = header {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Reply::BreaksOff(body) => Response::builder()
            .header("content-length", body.len() + 1)
            .body(Body::from_stream(futures::stream::iter([0, 1]).then(move |part| {
                let body = body.clone();
                async move {
                    // What came before is on its way by then.
                    tokio::time::sleep(std::time::Duration::from_millis(20 * part)).await;
                    if part == 0 { Ok(body) } else { Err(std::io::Error::other("on purpose")) }
                }
            })))
            .unwrap(),
        Reply::Hangs => std::future::pending().await,
    };
    stand_in.content().under_way -= 1;
    response
}
