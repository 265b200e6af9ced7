//! What calls itself a Prometheus, and says of each metric what a test has it say: a number, none, something else, or nothing at all.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::prometheus::{answer, head};

/// What is said of a metric.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Says {
    /// One series with this value, of now.
    Value(&'static str),
    /// A page for people, as a proxy has one.
    Page,
    /// Half of an answer.
    Half,
    /// Nothing: the connection stays open.
    Nothing,
}

/// It ends when it is dropped.
pub(crate) struct PrometheusStandIn {
    port: u16,
    said: Arc<Mutex<BTreeMap<&'static str, Says>>>,
    ends: Arc<AtomicBool>,
}

impl PrometheusStandIn {
    /// Knows no metric yet.
    ///
    /// # Errors
    /// If there is no port.
    pub(crate) fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stand_in = Self { port: listener.local_addr()?.port(), said: Arc::default(), ends: Arc::default() };
        let (said, ends) = (Arc::clone(&stand_in.said), Arc::clone(&stand_in.ends));
        std::thread::spawn(move || {
            // Whoever is not answered is not hung up on either.
            let mut unanswered = Vec::new();
            for client in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                // Who goes away is not told.
                if let Ok(Some(client)) = client.and_then(|client| serve(client, &said)) {
                    unanswered.push(client);
                }
            }
        });
        Ok(stand_in)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Has this be said of a metric from now on. No metric's name may be part of another's.
    pub(crate) fn says(&self, metric: &'static str, says: Says) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(metric, says);
    }
}

impl Drop for PrometheusStandIn {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // It waits for a connection to look.
        _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Answers, or returns the connection of whoever is not answered.
fn serve(mut client: TcpStream, said: &Mutex<BTreeMap<&'static str, Says>>) -> std::io::Result<Option<TcpStream>> {
    let request = head(&mut client)?;
    let question = request.lines().next().unwrap_or_default();
    let said = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let says = said.iter().find(|(metric, _)| question.contains(**metric)).map(|(_, says)| *says);
    let vector = |series: serde_json::Value| {
        json!({"status": "success", "data": {"resultType": "vector", "result": series}}).to_string()
    };
    let one = |value: &str| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        vector(json!([{"metric": {}, "value": [now, value]}]))
    };
    match says {
        None => answer(client, "application/json", &vector(json!([])))?,
        Some(Says::Value(value)) => answer(client, "application/json", &one(value))?,
        Some(Says::Page) => answer(client, "text/html", "<!DOCTYPE html>\n<html><body>It works!</body></html>")?,
        Some(Says::Half) => answer(client, "application/json", one("95").split_at(40).0)?,
        Some(Says::Nothing) => return Ok(Some(client)),
    }
    Ok(None)
}
