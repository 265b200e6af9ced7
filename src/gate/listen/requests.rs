//! The requests of a connection: counted while they are in flight, refused where their end is in doubt, and told when no other
//! may follow.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;

/// The routes, as one connection asks them.
pub(super) struct Requests {
    routes: TowerToHyperService<Router>,
    progress: Arc<Progress>,
    draining: CancellationToken,
}

/// A request in flight.
struct InFlight {
    progress: Arc<Progress>,
    answered: bool,
}

impl InFlight {
    fn new(progress: &Arc<Progress>) -> Self {
        progress.asked();
        Self { progress: Arc::clone(progress), answered: false }
    }

    fn answered(mut self, status: StatusCode) {
        self.answered = true;
        self.progress.answered(Some(status.is_success()));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.answered {
            self.progress.answered(None);
        }
    }
}

impl Requests {
    /// From when `draining`, a client over HTTP/1.1 learns with each answer that it should come to another connection.
    pub(super) fn new(routes: Router, progress: Arc<Progress>, draining: CancellationToken) -> Self {
        Self { routes: TowerToHyperService::new(routes), progress, draining }
    }
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let in_flight = InFlight::new(&self.progress);
        let http1 = request.version() < Version::HTTP_2;
        if http1 && request.headers().contains_key(TRANSFER_ENCODING) {
            in_flight.answered(StatusCode::LENGTH_REQUIRED);
            return Box::pin(async { Ok(length_required()) });
        }
        let (answer, draining, turn) = (self.routes.call(request), self.draining.clone(), self.progress.takes_turn());
        Box::pin(async move {
            if turn {
                yield_now().await;
            }
            let mut response = answer.await?;
            if http1 && draining.is_cancelled() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            in_flight.answered(response.status());
            Ok(response)
        })
    }
}

/// Where a body ends is said by its length and in no other way: two ways that disagree, or one that is spelled oddly, are how a
/// request is smuggled inside another one (RFC 9112, sections 6.1 and 11.2). API servers say the length.
fn length_required() -> Response<Body> {
    let mut response = Response::new(Body::from("a body must say its length by content-length\n"));
    *response.status_mut() = StatusCode::LENGTH_REQUIRED;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
