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

/// What a part of the process has to say, at one moment, of whether reviews should be sent here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opinion {
    /// Why not, a line each; empty if they should.
    pub missing: Vec<String>,
    /// What somebody should know, a line each.
    pub warnings: Vec<String>,
}

/// Asks a part of the process.
pub type Part = Box<dyn Fn() -> Opinion + Send + Sync>;

/// Certificates as a part. What is wrong with them is told, and is no reason not to be asked as long as there is one to serve:
/// the API server's own error names the cause better than no answer would.
pub fn certificates(serving: Arc<Serving>) -> Part {
    Box::new(move || Opinion {
        missing: if serving.acceptor().is_some() { Vec::new() } else { vec!["there is no certificate yet".to_owned()] },
        warnings: serving.faults(),
    })
}

/// Everything that there is to say at this moment.
fn opinion(readiness: &Readiness, parts: &[Part]) -> Opinion {
    let mut all = Opinion::default();
    for Opinion { missing, warnings } in parts.iter().map(|part| part()) {
        all.missing.extend(missing);
        all.warnings.extend(warnings);
    }
    // Whoever starts or ends is not waited for, whatever else is missing.
    if let Err(why) = readiness.check() {
        all.missing = vec![why.to_owned()];
    }
    all
}

/// The routes `/healthz`, `/readyz` and `/metrics`. `/readyz` is ok if all parts are, and tells their warnings in any case.
pub fn router(readiness: Arc<Readiness>, parts: Vec<Part>, metrics: Arc<Metrics>) -> Router {
    let ask = Arc::new(move || opinion(&readiness, &parts));
    let asked = Arc::clone(&ask);
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move || async move {
                let Opinion { missing, warnings } = asked();
                let (status, words) = if missing.is_empty() {
                    (StatusCode::OK, vec!["ok".to_owned()])
                } else {
                    (StatusCode::SERVICE_UNAVAILABLE, missing)
                };
                let warnings = warnings.iter().map(|warning| format!("warning: {warning}"));
                let lines: Vec<String> = words.into_iter().chain(warnings).collect();
                (status, lines.join("\n") + "\n")
            }),
        )
        .route(
            "/metrics",
            get(move |headers: HeaderMap| async move {
                let wishes = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
                let format = Format::wanted(wishes);
                metrics.ready.set(ask().missing.is_empty().into());
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

    #[test]
    fn all_parts_are_asked_and_an_end_is_told_before_anything_else() {
        let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        let part = |missing: &'static [&'static str], warnings: &'static [&'static str]| -> Part {
            Box::new(move || Opinion { missing: lines(missing), warnings: lines(warnings) })
        };
        let parts = [part(&["a"], &["w"]), part(&[], &[]), part(&["b", "c"], &["x"])];
        let readiness = Readiness::default();
        readiness.accepting();
        let Opinion { missing, warnings } = opinion(&readiness, &parts);
        assert_eq!((missing, warnings), (lines(&["a", "b", "c"]), lines(&["w", "x"])));
        readiness.ending();
        let Opinion { missing, warnings } = opinion(&readiness, &parts);
        assert_eq!((missing, warnings), (lines(&["shutting down"]), lines(&["w", "x"])));
    }
}
