//! Metrics of the calls to Beamlit.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds in seconds: from an answer that is near to one that hardly comes in time.
const BUCKETS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    operation: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabel {
    operation: &'static str,
}

/// Metrics of the calls to Beamlit. Operations and results are of closed sets.
#[derive(Debug)]
pub struct BeamlitMetrics {
    requests: Family<CallLabels, Counter>,
    durations: Family<OperationLabel, Histogram>,
    circuit_open: Gauge,
}

impl Default for BeamlitMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            circuit_open: Gauge::default(),
        }
    }
}

impl BeamlitMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "beamlit_requests",
            "Calls to Beamlit's API, each attempt, by what was asked for and what became of it",
            self.requests.clone(),
        );
        registry.register(
            "beamlit_request_duration_seconds",
            "Time that a call to Beamlit's API took",
            self.durations.clone(),
        );
        registry.register(
            "beamlit_circuit_open",
            "1 while calls to Beamlit are held back because they failed or Beamlit asked for it, 0 if not",
            self.circuit_open.clone(),
        );
    }

    /// A call was made.
    pub fn called(&self, operation: &'static str, result: &'static str, took: Duration) {
        self.requests.get_or_create(&CallLabels { operation, result }).inc();
        self.durations.get_or_create(&OperationLabel { operation }).observe(took.as_secs_f64());
    }

    /// Whether calls are held back.
    pub fn circuit_open(&self, open: bool) {
        self.circuit_open.set(open.into());
    }
}
