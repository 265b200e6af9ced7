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
mod prometheus;
mod query;
mod readings;
mod selector;
mod sweep;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio::time::Instant;

use self::answer::Answer;
use self::api::Api;
use self::failed::Failed;
pub use self::health::Health;
use self::health::Healths;
use self::kubernetes::Kubernetes;
use self::prometheus::Prometheus;
pub use self::query::Query;
use self::readings::Outcome;
pub use self::readings::Readings;
pub use self::selector::Selector;
use self::sweep::{Done, Gate, sweep};
use crate::engine::configuration;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::reconciler::{self, Source};

/// How long and how much at a time the sources are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long one call may take.
    pub call: Duration,
    /// How long a sweep may take.
    pub sweep: Duration,
    /// How many calls of one source are under way at a time. Of more namespaces than that, the usage is asked for in one list.
    pub concurrency: usize,
}

impl Limits {
    /// For a sweep every so often: it is over before the next one begins, and one call that hangs does not take all of its time.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        let call = (interval / 3).min(Duration::from_secs(5));
        Self { call, sweep: interval.saturating_sub(call), concurrency: 8 }
    }
}

/// The sources of metrics.
pub struct Sources {
    kubernetes: Kubernetes,
    prometheus: Mutex<Option<Arc<Prometheus>>>,
    limits: Limits,
    gates: Gates,
    memory: Mutex<Memory>,
    metrics: Arc<Metrics>,
}

/// What each source wants for longer than a sweep.
#[derive(Default)]
struct Gates {
    resource: Gate,
    custom: Gate,
    external: Gate,
    prometheus: Gate,
}

impl Gates {
    const fn of(&self, source: Source) -> &Gate {
        match source {
            Source::Resource => &self.resource,
            Source::Custom => &self.custom,
            Source::External => &self.external,
            Source::Prometheus => &self.prometheus,
        }
    }
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
    pub fn new(client: Client, limits: Limits, metrics: Arc<Metrics>) -> Self {
        let kubernetes = Kubernetes::new(Api::new(client, limits.call));
        Self {
            kubernetes,
            prometheus: Mutex::default(),
            limits,
            gates: Gates::default(),
            memory: Mutex::default(),
            metrics,
        }
    }

    /// Takes External metrics from this Prometheus from now on, or from external.metrics.k8s.io if there is none. What is as it was
    /// changes nothing: this is to be called before every sweep.
    pub fn configure(&self, settings: Option<&configuration::Prometheus>) {
        let mut prometheus = lock(&self.prometheus);
        if prometheus.as_deref().map(Prometheus::settings) == settings {
            return;
        }
        *prometheus = settings.map(|settings| Arc::new(Prometheus::new(settings.clone(), self.limits.call)));
        // What the other one said is not what this one says.
        lock(&self.memory).known.retain(|query, _| !matches!(query, Query::External { .. }));
    }

    /// Asks everything that is wanted. What was asked before and is not wanted any more is forgotten.
    pub async fn read(&self, queries: &BTreeSet<Query>) -> Readings {
        let end = Instant::now() + self.limits.sweep;
        let prometheus = lock(&self.prometheus).clone();
        let mut by_source: BTreeMap<Source, Vec<Query>> = BTreeMap::new();
        for query in self.in_turn(queries) {
            let source = match query {
                Query::Resource { .. } => Source::Resource,
                Query::Pods { .. } | Query::Object { .. } => Source::Custom,
                Query::External { .. } if prometheus.is_some() => Source::Prometheus,
                Query::External { .. } => Source::External,
            };
            by_source.entry(source).or_default().push(query);
        }
        let prometheus = prometheus.as_deref();
        let sweeps = by_source.into_iter().map(|(source, queries)| async move {
            let calls = match (source, prometheus) {
                (Source::Resource, _) => self.kubernetes.usages(queries, self.limits.concurrency),
                (Source::Custom, _) => self.kubernetes.values(queries),
                (Source::Prometheus, Some(prometheus)) => prometheus.calls(queries).await,
                (Source::External | Source::Prometheus, _) => self.kubernetes.externals(queries),
            };
            (source, sweep(calls, self.limits.concurrency, end, self.gates.of(source)).await)
        });
        let done = futures::future::join_all(sweeps).await;
        self.take_over(done)
    }

    /// How each source did in the last sweep.
    #[must_use]
    pub fn health(&self) -> BTreeMap<Source, Health> {
        lock(&self.memory).healths.get()
    }

    /// If there is not enough time for everything, each namespace has its turn before any has its next, and in each of them comes first
    /// what was not asked for longest: who has few questions has them asked, however many another has.
    fn in_turn(&self, queries: &BTreeSet<Query>) -> Vec<Query> {
        let memory = lock(&self.memory);
        let mut queries: Vec<Query> = queries.iter().cloned().collect();
        queries.sort_by_cached_key(|query| memory.known.get(query).and_then(|known| known.tried));
        let mut asked: HashMap<&str, usize> = HashMap::new();
        let turns: Vec<usize> = queries
            .iter()
            .map(|query| {
                let turn = asked.entry(query.namespace()).or_default();
                *turn += 1;
                *turn
            })
            .collect();
        let mut in_turn: Vec<(usize, Query)> = turns.into_iter().zip(queries).collect();
        in_turn.sort_by_key(|(turn, _)| *turn);
        in_turn.into_iter().map(|(_, query)| query).collect()
    }

    fn take_over(&self, done: Vec<(Source, Vec<Done>)>) -> Readings {
        let now = Instant::now();
        let mut memory = lock(&self.memory);
        let mut before = std::mem::take(&mut memory.known);
        let mut faults: BTreeMap<Source, Option<String>> = BTreeMap::new();
        let mut outcomes = HashMap::new();
        for (source, done) in done {
            let fault = faults.entry(source).or_default();
            for Done { queries, asked, took } in done {
                if let Some(took) = took {
                    let answer = asked.as_ref().map_or_else(Failed::answer, |_| reconciler::Answer::Ok);
                    self.metrics.metric_request(source, answer, took);
                }
                let (mut answers, failed) = match asked {
                    Ok(answers) => (answers.into_iter(), None),
                    Err(failed) => (Vec::new().into_iter(), Some(failed)),
                };
                if fault.is_none() {
                    *fault = failed.as_ref().and_then(Failed::of_source);
                }
                for query in queries {
                    let mut known = before.remove(&query).unwrap_or_default();
                    known.tried = if took.is_some() { Some(now) } else { known.tried };
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
            match faults.remove(&source) {
                None => memory.healths.unasked(source),
                Some(fault) => memory.healths.asked(source, fault, now),
            }
        }
        Readings::new(outcomes)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
