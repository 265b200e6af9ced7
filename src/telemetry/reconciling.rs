//! What the reconciler tells the metrics of the process.

use std::time::Duration;

use super::metrics::Metrics;
use super::reconciler::{
    Answer, Controller, ControllerLabel, Decided, LeftBehind, LeftBehindLabel, OperationLabels, ReasonLabel,
    ReconcileLabels, Reconciled, Source, SourceLabel, SourceLabels,
};

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
            told.orphans = None;
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

    /// How much is on Beamlit for objects that are gone; none if nobody can tell.
    pub fn beamlit_orphans(&self, orphans: Option<usize>) {
        self.reconciler.told.lock().orphans = orphans;
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
