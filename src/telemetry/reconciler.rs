//! Metrics of the reconciler: who leads, what is decided, and what is asked of whom.
//!
//! Labels have closed sets of values, but for the namespace and name of an object whose weight is decided; what is told of an object
//! goes with it, and with the lease: two replicas never tell of the same object.

mod labels;
#[cfg(test)]
mod tests;
mod told;

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use self::labels::{Answer, Controller, LeftBehind, Reconciled, Source};
use self::told::Told;
pub use self::told::{Decided, Ratio};

/// Upper bounds in seconds, of a reconcile and of a request. One in the cluster takes some milliseconds, one to Beamlit some
/// hundred; nobody is waited for longer than 30 s.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReconcileLabels {
    pub(super) controller: Controller,
    pub(super) result: Reconciled,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ControllerLabel {
    pub(super) controller: Controller,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReasonLabel {
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SourceLabel {
    pub(super) source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SourceLabels {
    pub(super) source: Source,
    pub(super) result: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OperationLabels {
    pub(super) operation: &'static str,
    pub(super) result: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LeftBehindLabel {
    pub(super) reason: LeftBehind,
}

/// The metrics of the reconciler.
#[derive(Debug)]
pub(super) struct Reconciler {
    pub(super) reconciles: Family<ReconcileLabels, Counter>,
    pub(super) reconcile_durations: Family<ControllerLabel, Histogram>,
    pub(super) queue_depth: Family<ControllerLabel, Gauge>,
    pub(super) decisions: Family<ReasonLabel, Counter>,
    pub(super) told: Arc<Told>,
    pub(super) sources_up: Family<SourceLabel, Gauge>,
    pub(super) metric_requests: Family<SourceLabels, Counter>,
    pub(super) metric_durations: Family<SourceLabel, Histogram>,
    pub(super) kubernetes_requests: Family<OperationLabels, Counter>,
    pub(super) beamlit_requests: Family<OperationLabels, Counter>,
    pub(super) beamlit_durations: Histogram,
    pub(super) left_behind: Family<LeftBehindLabel, Counter>,
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
