//! The readers: what every OffloadAutoscaler needs to know of its metrics, asked of the Metrics APIs and of Prometheus in few calls.
//!
//! A sweep asks each question once, however many autoscalers have it. What a source answers wrongly spoils what it concerns and nothing
//! else; a source that fails leaves its last answers as they are for [a minute](Sources::KEPT).

mod answer;
mod api;
mod discovery;
mod failed;
mod health;
mod kubernetes;
mod list;
mod query;
mod readings;
mod selector;
mod sweep;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio::time::Instant;

use self::answer::Answer;
use self::api::Api;
use self::failed::Failed;
use self::health::Healths;
pub use self::health::{Health, Source};
use self::kubernetes::Kubernetes;
pub use self::query::Query;
use self::readings::Outcome;
pub use self::readings::Readings;
pub use self::selector::Selector;
use self::sweep::{Call, Done, Gate, sweep};

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
    kubernetes: Kubernetes,
    limits: Limits,
    gates: BTreeMap<Source, Gate>,
    memory: Mutex<Memory>,
}

/// What is remembered from one sweep to the next.
#[derive(Default)]
struct Memory {
    known: HashMap<Query, Known>,
    healths: Healths,
}

/// What is known of a query.
#[derive(Clone, Default)]
struct Known {
    /// The last answer, and when it came.
    answer: Option<(Arc<Answer>, Instant)>,
    /// When its turn came last.
    tried: Option<Instant>,
}

impl Sources {
    /// For how long the last answer of a source that fails counts. A lost answer is no outage; what lasts longer, people should read of
    /// at the object. (A sample that is too old is judged by its own time besides.)
    pub const KEPT: Duration = Duration::from_mins(1);

    /// The Metrics APIs behind an API server.
    #[must_use]
    pub fn new(client: Client, limits: Limits) -> Self {
        let gates = Source::ALL.map(|source| (source, Gate::default())).into();
        Self { kubernetes: Kubernetes::new(Api::new(client, limits.call)), limits, gates, memory: Mutex::default() }
    }

    /// Asks everything that is wanted. What was asked before and is not wanted any more is forgotten.
    pub async fn read(&self, queries: BTreeSet<Query>) -> Readings {
        let end = Instant::now() + self.limits.sweep;
        let mut by_source: BTreeMap<Source, Vec<Query>> = BTreeMap::new();
        for query in self.in_turn(queries) {
            by_source.entry(self.source(&query)).or_default().push(query);
        }
        let sweeps = by_source.into_iter().map(|(source, queries)| async move {
            let calls = self.calls(source, queries);
            let gate = self.gates.get(&source);
            let done = match gate {
                Some(gate) => sweep(calls, self.limits.concurrency, end, gate).await,
                None => Vec::new(),
            };
            (source, done)
        });
        let done = futures::future::join_all(sweeps).await;
        self.take_over(done)
    }

    /// How each source did in the last sweep.
    #[must_use]
    pub fn health(&self) -> BTreeMap<Source, Health> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).healths.get()
    }

    /// What was not asked for longest comes first: if there is not enough time for everything, each has its turn.
    fn in_turn(&self, queries: BTreeSet<Query>) -> Vec<Query> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut queries: Vec<Query> = queries.into_iter().collect();
        queries.sort_by_cached_key(|query| memory.known.get(query).and_then(|known| known.tried));
        queries
    }

    const fn source(&self, query: &Query) -> Source {
        match query {
            Query::Resource { .. } => Source::Resource,
            Query::Pods { .. } | Query::Object { .. } => Source::Custom,
            Query::External { .. } => Source::External,
        }
    }

    fn calls(&self, source: Source, queries: Vec<Query>) -> Vec<Call<'_>> {
        match source {
            Source::Resource => self.kubernetes.usages(queries, self.limits.concurrency),
            Source::Custom => self.kubernetes.values(queries),
            Source::External => self.kubernetes.externals(queries),
            Source::Prometheus => Vec::new(),
        }
    }

    fn take_over(&self, done: Vec<(Source, Vec<Done>)>) -> Readings {
        let now = Instant::now();
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut memory.known);
        let mut faults: BTreeMap<Source, Option<String>> = BTreeMap::new();
        let mut outcomes = HashMap::new();
        for (source, done) in done {
            let fault = faults.entry(source).or_default();
            for Done { queries, asked, tried } in done {
                let (mut answers, failed) = match asked {
                    Ok(answers) => (answers.into_iter(), None),
                    Err(failed) => (Vec::new().into_iter(), Some(failed)),
                };
                if fault.is_none() {
                    *fault = failed.as_ref().and_then(Failed::of_source);
                }
                for query in queries {
                    let mut known = before.remove(&query).unwrap_or_default();
                    known.tried = if tried { Some(now) } else { known.tried };
                    let counts = |(_, at): &(Arc<Answer>, Instant)| now.duration_since(*at) < Self::KEPT;
                    known.answer = match (answers.next(), &failed) {
                        (Some(answer), _) => Some((answer, now)),
                        // It answered: what it said before is no longer so.
                        (None, Some(Failed::Answered(_))) => None,
                        (None, _) => known.answer.filter(counts),
                    };
                    let answer = known.answer.as_ref().map(|(answer, _)| Arc::clone(answer));
                    outcomes.insert(query.clone(), Outcome { answer, fault: failed.as_ref().map(Failed::fault) });
                    memory.known.insert(query, known);
                }
            }
        }
        for source in Source::ALL {
            memory.healths.swept(source, faults.remove(&source), now);
        }
        Readings::new(outcomes)
    }
}
