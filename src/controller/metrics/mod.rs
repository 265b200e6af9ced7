//! The readers: what every OffloadAutoscaler needs to know of its metrics, asked of the Metrics APIs and of Prometheus in few calls.
//!
//! A sweep asks each question once, however many autoscalers have it. What a source answers wrongly spoils what it concerns and nothing
//! else; a source that fails leaves its last answers as they are for [a minute](Sources::KEPT).

mod answer;
mod health;
mod query;
mod readings;
mod selector;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kube::Client;

use self::health::Healths;
pub use self::health::{Health, Source};
pub use self::query::Query;
use self::readings::Outcome;
pub use self::readings::Readings;
pub use self::selector::Selector;
use crate::offload::evaluate::Fault;

/// How long and how much at a time the sources are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long one call may take.
    pub call: Duration,
    /// How long a sweep may take.
    pub sweep: Duration,
    /// How many calls of one source are under way at a time.
    pub concurrency: usize,
}

impl Default for Limits {
    /// For a sweep every 15 s.
    fn default() -> Self {
        Self { call: Duration::from_secs(5), sweep: Duration::from_secs(10), concurrency: 8 }
    }
}

/// The sources of metrics.
pub struct Sources {
    #[allow(dead_code)]
    client: Client,
    #[allow(dead_code)]
    limits: Limits,
    healths: Mutex<Healths>,
}

impl Sources {
    /// For how long the last answer of a source that fails counts. A lost answer is no outage; what lasts longer, people should read of
    /// at the object. (A sample that is too old is judged by its own time besides.)
    pub const KEPT: Duration = Duration::from_mins(1);

    /// The Metrics APIs behind an API server.
    #[must_use]
    pub fn new(client: Client, limits: Limits) -> Self {
        Self { client, limits, healths: Mutex::default() }
    }

    /// Asks everything that is wanted. What was asked before and is not wanted any more is forgotten.
    pub async fn read(&self, queries: BTreeSet<Query>) -> Readings {
        let outcome = || Outcome { answer: None, fault: Some(Fault::Unavailable("no reader yet".to_owned())) };
        Readings::new(queries.into_iter().map(|query| (query, outcome())).collect::<HashMap<_, _>>())
    }

    /// How each source did in the last sweep.
    #[must_use]
    pub fn health(&self) -> BTreeMap<Source, Health> {
        self.healths.lock().unwrap_or_else(PoisonError::into_inner).get()
    }
}
