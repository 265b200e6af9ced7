//! Metrics of the reconciler: who leads, what is decided, and what is asked of whom.
//!
//! Labels have closed sets of values, but for the namespace and name of an object whose weight is decided; what is told of an object
//! goes with it, and with the lease: two replicas never tell of the same object.

mod labels;
#[cfg(test)]
mod tests;
mod told;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use self::labels::{Answer, Controller, LeftBehind, Reconciled, Source};
use self::told::Told;
pub use self::told::{Decided, Ratio};
use super::metrics::Metrics;

/// Upper bounds in seconds, of a reconcile and of a request. One in the cluster takes some milliseconds, one to Beamlit some
/// hundred; nobody is waited for longer than 30 s.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    controller: Controller,
    result: Reconciled,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerLabel {
    controller: Controller,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabel {
    source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    source: Source,
    result: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
    result: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeftBehindLabel {
    reason: LeftBehind,
}

/// The metrics of the reconciler.
#[derive(Debug)]
pub(super) struct Reconciler {
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_durations: Family<ControllerLabel, Histogram>,
    queue_depth: Family<ControllerLabel, Gauge>,
    decisions: Family<ReasonLabel, Counter>,
    told: Arc<Told>,
    sources_up: Family<SourceLabel, Gauge>,
    metric_requests: Family<SourceLabels, Counter>,
    metric_durations: Family<SourceLabel, Histogram>,
    kubernetes_requests: Family<OperationLabels, Counter>,
    beamlit_requests: Family<OperationLabels, Counter>,
    beamlit_durations: Histogram,
    left_behind: Family<LeftBehindLabel, Counter>,
}

impl Default for Reconciler {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        Self {
            reconciles: Family::default(),
            reconcile_durations: Family::new_with_constructor(histogram),
            queue_depth: Family::default(),
            decisions: Family::default(),
            told: Arc::default(),
            sources_up: Family::default(),
            metric_requests: Family::default(),
            metric_durations: Family::new_with_constructor(histogram),
            kubernetes_requests: Family::default(),
            beamlit_requests: Family::default(),
            beamlit_durations: histogram(),
            left_behind: Family::default(),
        }
    }
}

impl Reconciler {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("reconciles", "Objects reconciled", self.reconciles.clone());
        registry.register(
            "reconcile_duration_seconds",
            "Time from the start of a reconcile to its end",
            self.reconcile_durations.clone(),
        );
        registry.register("queue_depth", "Objects that wait to be reconciled", self.queue_depth.clone());
        registry.register("decisions", "Weights decided, by why", self.decisions.clone());
        registry.register(
            "metric_source_up",
            "1 if the source of metrics answered when it was asked last, 0 if not; only of those that some object needs",
            self.sources_up.clone(),
        );
        registry.register("metric_requests", "Requests to a source of metrics", self.metric_requests.clone());
        registry.register(
            "metric_request_duration_seconds",
            "Time that a source of metrics took to answer, or not to",
            self.metric_durations.clone(),
        );
        registry.register(
            "kubernetes_requests",
            "Requests of the reconciler to the API server, watches left out",
            self.kubernetes_requests.clone(),
        );
        registry.register("beamlit_requests", "Requests to Beamlit", self.beamlit_requests.clone());
        registry.register(
            "beamlit_request_duration_seconds",
            "Time that Beamlit took to answer, or not to",
            self.beamlit_durations.clone(),
        );
        registry.register(
            "beamlit_left_behind",
            "Models and policies that stay on Beamlit although their object is gone, by why",
            self.left_behind.clone(),
        );
        registry.register_collector(Box::new(Arc::clone(&self.told)));
    }
}

impl Metrics {
    /// Whether this replica holds the lease. Without it nothing is told of objects, queues and sources any more: whoever calls this
    /// with `false` has ended all that could.
    pub fn leader(&self, leads: bool) {
        let reconciler = &self.reconciler;
        if leads {
            // Made even if there is nothing to count: a series that begins at 1 has not grown, for who asks by how much it has.
            for controller in Controller::ALL {
                for result in Reconciled::ALL {
                    reconciler.reconciles.get_or_create(&ReconcileLabels { controller, result }).inc_by(0);
                }
            }
            for reason in LeftBehind::ALL {
                reconciler.left_behind.get_or_create(&LeftBehindLabel { reason }).inc_by(0);
            }
        } else {
            reconciler.queue_depth.clear();
            reconciler.sources_up.clear();
        }
        let mut told = reconciler.told.lock();
        told.leader = Some(leads);
        if !leads {
            told.objects.clear();
        }
    }

    /// Counts a reconcile that ended.
    pub fn reconciled(&self, controller: Controller, result: Reconciled, took: Duration) {
        self.reconciler.reconciles.get_or_create(&ReconcileLabels { controller, result }).inc();
        self.reconciler.reconcile_durations.get_or_create(&ControllerLabel { controller }).observe(took.as_secs_f64());
    }

    /// How many objects wait to be reconciled.
    pub fn queue_depth(&self, controller: Controller, depth: usize) {
        let gauge = self.reconciler.queue_depth.get_or_create(&ControllerLabel { controller });
        gauge.set(i64::try_from(depth).unwrap_or(i64::MAX));
    }

    /// What was decided for an object: its weight, why, and what each metric of its spec said, in their order.
    pub fn decided(&self, namespace: &str, name: &str, decided: Decided) {
        let reason = decided.reason.word();
        self.reconciler.decisions.get_or_create(&ReasonLabel { reason }).inc();
        self.reconciler.told.lock().objects.entry(namespace.to_owned()).or_default().insert(name.to_owned(), decided);
    }

    /// An object is gone: nothing is told of it any more.
    pub fn forget(&self, namespace: &str, name: &str) {
        let mut told = self.reconciler.told.lock();
        let Some(names) = told.objects.get_mut(namespace) else { return };
        names.remove(name);
        if names.is_empty() {
            told.objects.remove(namespace);
        }
    }

    /// Whether a source of metrics answers.
    pub fn source_up(&self, source: Source, up: bool) {
        self.reconciler.sources_up.get_or_create(&SourceLabel { source }).set(up.into());
    }

    /// No object needs this source of metrics any more.
    pub fn source_unused(&self, source: Source) {
        self.reconciler.sources_up.remove(&SourceLabel { source });
    }

    /// Counts a request to a source of metrics.
    pub fn metric_request(&self, source: Source, result: Answer, took: Duration) {
        self.reconciler.metric_requests.get_or_create(&SourceLabels { source, result }).inc();
        self.reconciler.metric_durations.get_or_create(&SourceLabel { source }).observe(took.as_secs_f64());
    }

    /// Counts a request of the reconciler to the API server. The operation says what it was for, such as `apply_status` or
    /// `route`.
    pub fn kubernetes_request(&self, operation: &'static str, result: Answer) {
        self.reconciler.kubernetes_requests.get_or_create(&OperationLabels { operation, result }).inc();
    }

    /// Counts a request to Beamlit. The operation says what it was for, such as `token` or `update_model`.
    pub fn beamlit_request(&self, operation: &'static str, result: Answer, took: Duration) {
        self.reconciler.beamlit_requests.get_or_create(&OperationLabels { operation, result }).inc();
        self.reconciler.beamlit_durations.observe(took.as_secs_f64());
    }

    /// Something that this operator made stays on Beamlit although its object is gone.
    pub fn left_behind(&self, reason: LeftBehind) {
        self.reconciler.left_behind.get_or_create(&LeftBehindLabel { reason }).inc();
    }

    /// Whether Beamlit is asked nothing for the time being.
    pub fn beamlit_circuit(&self, open: bool) {
        self.reconciler.told.lock().circuit_open = Some(open);
    }

    /// Whether there is a token that Beamlit takes.
    pub fn beamlit_token(&self, valid: bool) {
        self.reconciler.told.lock().token_valid = Some(valid);
    }

    /// There are no credentials (any more): nothing is told of Beamlit.
    pub fn beamlit_unused(&self) {
        let mut told = self.reconciler.told.lock();
        (told.circuit_open, told.token_valid) = (None, None);
    }
}
