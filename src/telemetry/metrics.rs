//! Metrics for Prometheus. Every label has a closed set of values, but for the names of objects whose weight is decided.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use time::OffsetDateTime;
use tracing_appender::non_blocking::ErrorCounter;

use super::logs::Log;
use super::reconciler::Reconciler;

/// Upper bounds in seconds. A review takes some tens of microseconds; the longest that Kubernetes waits is 30 s.
const BUCKETS: [f64; 14] =
    [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// What reviews are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReviewLabels {
    /// `mutate` or `validate`.
    pub endpoint: &'static str,
    /// The operation, or `other`.
    pub operation: &'static str,
    /// The kind, if it is one that is judged, or `other`.
    pub kind: &'static str,
    /// What became of it.
    pub verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabel {
    endpoint: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabel {
    certificate: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabel {
    source: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConfigurationLabel {
    configuration: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabel {
    task: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResourceLabel {
    resource: &'static str,
}

/// The metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reviews: Family<ReviewLabels, Counter>,
    durations: Family<EndpointLabel, Histogram>,
    /// Reviews that are being read or judged.
    pub in_flight: Gauge,
    /// Judgements that broke down.
    pub panics: Counter<u64, AtomicU64>,
    /// Reviews that were turned away because too many were in flight.
    pub full: Counter<u64, AtomicU64>,
    /// Bodies that were no readable review.
    pub undecodable: Counter<u64, AtomicU64>,
    /// Open connections, those of the probes included.
    pub connections: Gauge,
    /// Times that a certificate took the place of another.
    pub certificate_reloads: Counter<u64, AtomicU64>,
    /// Whether reviews should be sent here.
    pub ready: Gauge,
    certificate_ends: Family<CertificateLabel, Gauge>,
    certificate_faults: Family<SourceLabel, Counter>,
    certificate_at_fault: Family<SourceLabel, Gauge>,
    configuration_present: Family<ConfigurationLabel, Gauge>,
    ca_bundle_current: Family<ConfigurationLabel, Gauge>,
    task_restarts: Family<TaskLabel, Counter>,
    watch_current: Family<ResourceLabel, Gauge>,
    watch_restarts: Family<ResourceLabel, Counter>,
    watch_objects: Family<ResourceLabel, Gauge>,
    /// Times that a changed configuration was taken over.
    pub configuration_reloads: Counter<u64, AtomicU64>,
    /// Whether the configuration's file is at fault.
    pub configuration_fault: Gauge,
    log_lines_left_out: Counter<u64, AtomicU64>,
    /// Where the log counts them.
    log: Option<ErrorCounter>,
    /// Idle connections that were closed to make room for others.
    pub connections_evicted: Counter<u64, AtomicU64>,
    pub(super) reconciler: Reconciler,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("beamlit_operator"),
            reviews: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            in_flight: Gauge::default(),
            panics: Counter::default(),
            full: Counter::default(),
            undecodable: Counter::default(),
            connections: Gauge::default(),
            certificate_reloads: Counter::default(),
            ready: Gauge::default(),
            certificate_ends: Family::default(),
            certificate_faults: Family::default(),
            certificate_at_fault: Family::default(),
            configuration_present: Family::default(),
            ca_bundle_current: Family::default(),
            task_restarts: Family::default(),
            watch_current: Family::default(),
            watch_restarts: Family::default(),
            watch_objects: Family::default(),
            configuration_reloads: Counter::default(),
            configuration_fault: Gauge::default(),
            log_lines_left_out: Counter::default(),
            log: None,
            connections_evicted: Counter::default(),
            reconciler: Reconciler::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    /// The metrics of a process that logs.
    #[must_use]
    pub fn of(log: &Log) -> Self {
        Self { log: Some(log.left_out.clone()), ..Self::default() }
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("admission_reviews", "Admission reviews answered", self.reviews.clone());
        registry.register(
            "admission_review_duration_seconds",
            "Time from the headers of an admission review to its answer",
            self.durations.clone(),
        );
        registry.register(
            "admission_reviews_in_flight",
            "Admission reviews being read or judged",
            self.in_flight.clone(),
        );
        registry.register("admission_panics", "Judgements that broke down", self.panics.clone());
        registry.register(
            "admission_reviews_turned_away",
            "Admission reviews turned away because too many were in flight",
            self.full.clone(),
        );
        registry.register(
            "admission_decode_failures",
            "Bodies that were no readable admission review",
            self.undecodable.clone(),
        );
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("ready", "1 if reviews should be sent here, 0 if not", self.ready.clone());
        registry.register(
            "certificate_not_after_timestamp_seconds",
            "When the serving certificate, or the authority that signs it, ends, in seconds since 1970",
            self.certificate_ends.clone(),
        );
        registry.register(
            "certificate_reloads",
            "Times that a certificate took the place of another",
            self.certificate_reloads.clone(),
        );
        registry.register(
            "certificate_faults",
            "Faults in what TLS should be served from, each once",
            self.certificate_faults.clone(),
        );
        registry.register(
            "certificate_fault",
            "1 while there is a fault in what TLS should be served from, 0 when it is mended",
            self.certificate_at_fault.clone(),
        );
        registry.register(
            "webhook_configuration_present",
            "1 if the webhook configuration is there, 0 if not; only with self-managed certificates",
            self.configuration_present.clone(),
        );
        registry.register(
            "ca_bundle_current",
            "1 if the webhook configuration trusts what the operator serves, 0 if not; only with self-managed certificates",
            self.ca_bundle_current.clone(),
        );
        registry.register(
            "task_restarts",
            "Times that a task in the background broke down and was started again",
            self.task_restarts.clone(),
        );
        registry.register(
            "watch_current",
            "1 while what is known of these objects follows the API server, 0 if not; not with --standalone",
            self.watch_current.clone(),
        );
        registry.register(
            "watch_restarts",
            "Times that the watch of these objects failed and was started again",
            self.watch_restarts.clone(),
        );
        registry.register("watch_objects", "Objects of which something is known", self.watch_objects.clone());
        registry.register(
            "configuration_reloads",
            "Times that a changed configuration was taken over",
            self.configuration_reloads.clone(),
        );
        registry.register(
            "configuration_fault",
            "1 while the configuration's file is at fault and the last good one counts, 0 if not",
            self.configuration_fault.clone(),
        );
        registry.register(
            "connections_evicted",
            "Idle connections closed because others came while all were taken",
            self.connections_evicted.clone(),
        );
        registry.register(
            "log_lines_left_out",
            "Lines of the log that were left out because nobody read it fast enough",
            self.log_lines_left_out.clone(),
        );
        self.reconciler.register(registry);
        registry.register("build", "The version that runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        self
    }

    /// Counts an answered review.
    pub fn observe(&self, labels: &ReviewLabels, took: Duration) {
        self.reviews.get_or_create(labels).inc();
        self.durations.get_or_create(&EndpointLabel { endpoint: labels.endpoint }).observe(took.as_secs_f64());
    }

    /// The served certificate is valid until then.
    pub fn serving_until(&self, at: OffsetDateTime) {
        self.certificate_ends.get_or_create(&CertificateLabel { certificate: "serving" }).set(at.unix_timestamp());
    }

    /// The authority that signs the served certificate is valid until then.
    pub fn authority_until(&self, at: OffsetDateTime) {
        self.certificate_ends.get_or_create(&CertificateLabel { certificate: "authority" }).set(at.unix_timestamp());
    }

    /// A fault of this source has appeared, or is mended.
    pub fn certificate_fault(&self, source: &'static str, appeared: bool) {
        let label = SourceLabel { source };
        // Made even if there is nothing to count: a series that begins at 1 has not grown, for who asks by how much it has.
        self.certificate_faults.get_or_create(&label).inc_by(appeared.into());
        self.certificate_at_fault.get_or_create(&label).set(appeared.into());
    }

    /// How a webhook configuration was found.
    pub fn webhook_configuration(&self, configuration: &'static str, present: bool, current: bool) {
        let label = ConfigurationLabel { configuration };
        self.configuration_present.get_or_create(&label).set(present.into());
        self.ca_bundle_current.get_or_create(&label).set(current.into());
    }

    /// A task in the background is started for the first time.
    pub fn task_started(&self, task: &'static str) {
        // Otherwise its first restart would begin a series at 1, which no alert on growth would notice.
        self.task_restarts.get_or_create(&TaskLabel { task }).inc_by(0);
    }

    /// A task in the background broke down and is started again.
    pub fn task_restarted(&self, task: &'static str) {
        self.task_restarts.get_or_create(&TaskLabel { task }).inc();
    }

    /// A resource is going to be watched.
    pub fn watch_started(&self, resource: &'static str) {
        self.watch_current(resource, false);
        self.watch_objects(resource, 0);
        self.watch_restarts.get_or_create(&ResourceLabel { resource }).inc_by(0);
    }

    /// A resource is watched no more, and nothing is known of it. (How often its watch failed stays counted.)
    pub fn watch_ended(&self, resource: &'static str) {
        self.watch_current.remove(&ResourceLabel { resource });
        self.watch_objects.remove(&ResourceLabel { resource });
    }

    /// Whether what is known of a resource follows the API server.
    pub fn watch_current(&self, resource: &'static str, current: bool) {
        self.watch_current.get_or_create(&ResourceLabel { resource }).set(current.into());
    }

    /// The watch of a resource failed and is started again.
    pub fn watch_restarted(&self, resource: &'static str) {
        self.watch_restarts.get_or_create(&ResourceLabel { resource }).inc();
    }

    /// Of how many objects of a resource something is known.
    pub fn watch_objects(&self, resource: &'static str, count: usize) {
        self.watch_objects.get_or_create(&ResourceLabel { resource }).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// All metrics in the OpenMetrics text format.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut out = String::new();
        if let Some(left_out) = &self.log {
            self.log_lines_left_out.inner().store(left_out.dropped_lines() as u64, Ordering::Relaxed);
        }
        // Writing to a string fails only if a metric cannot be written; what was written is still worth having.
        _ = text::encode(&mut out, &self.registry);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_observed_can_be_read() {
        let metrics = Metrics::default();
        let labels = ReviewLabels { endpoint: "validate", operation: "CREATE", kind: "Policy", verdict: "denied" };
        metrics.observe(&labels, Duration::from_micros(70));
        metrics.observe(&labels, Duration::from_micros(30));
        metrics.in_flight.inc();
        metrics.panics.inc();
        let text = metrics.encode();
        for line in [
            "beamlit_operator_admission_reviews_total{endpoint=\"validate\",operation=\"CREATE\",kind=\"Policy\",verdict=\"denied\"} 2",
            "beamlit_operator_admission_review_duration_seconds_bucket{le=\"0.00005\",endpoint=\"validate\"} 1",
            "beamlit_operator_admission_review_duration_seconds_bucket{le=\"0.0001\",endpoint=\"validate\"} 2",
            "beamlit_operator_admission_reviews_in_flight 1",
            "beamlit_operator_admission_panics_total 1",
            "beamlit_operator_admission_reviews_turned_away_total 0",
            "beamlit_operator_admission_decode_failures_total 0",
            "beamlit_operator_connections_evicted_total 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in:\n{text}");
        }
        assert!(text.contains("beamlit_operator_build_info{version=\""), "{text}");
    }
}
