//! What the kubelet and Prometheus ask, on a plain port of its own: is it alive, is it ready, how does it do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;

use super::tls::Serving;
use crate::telemetry::exposition::Format;
use crate::telemetry::metrics::Metrics;

/// Whether the gate can be sent reviews: from when it accepts connections until it is told to end.
#[derive(Debug, Default)]
pub struct Readiness {
    accepting: AtomicBool,
    ending: AtomicBool,
}

impl Readiness {
    /// The gate accepts connections.
    pub fn accepting(&self) {
        self.accepting.store(true, Ordering::Release);
    }

    /// The gate will end, whatever else happens.
    pub fn ending(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Ready, or why not.
    ///
    /// # Errors
    /// If it is not.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.ending.load(Ordering::Acquire) {
            Err("shutting down")
        } else if !self.accepting.load(Ordering::Acquire) {
            Err("starting")
        } else {
            Ok(())
        }
    }
}

/// The routes `/healthz`, `/readyz` and `/metrics`.
///
/// `/readyz` tells what is wrong with certificates also while it says ok: as long as there is one to serve, the API server's
/// own error names the cause better than no answer would.
pub fn router(readiness: Arc<Readiness>, serving: Arc<Serving>, metrics: Arc<Metrics>) -> Router {
    let told = Arc::clone(&serving);
    let ready = Arc::new(move || {
        readiness.check()?;
        if serving.acceptor().is_some() { Ok(()) } else { Err("there is no certificate yet") }
    });
    let asked = Arc::clone(&ready);
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move || async move {
                let (status, word) = match asked() {
                    Ok(()) => (StatusCode::OK, "ok"),
                    Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
                };
                let faults: String = told.faults().iter().map(|fault| format!("warning: {fault}\n")).collect();
                (status, format!("{word}\n{faults}"))
            }),
        )
        .route(
            "/metrics",
            get(move |headers: HeaderMap| async move {
                let wishes = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
                let format = Format::wanted(wishes);
                metrics.ready.set(ready().is_ok().into());
                ([(CONTENT_TYPE, format.content_type())], format.render(metrics.encode()))
            }),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_only_what_accepts_and_does_not_end() {
        let readiness = Readiness::default();
        assert_eq!(readiness.check(), Err("starting"));
        readiness.accepting();
        assert_eq!(readiness.check(), Ok(()));
        readiness.ending();
        assert_eq!(readiness.check(), Err("shutting down"));
        readiness.accepting();
        assert_eq!(readiness.check(), Err("shutting down"));
    }
}
