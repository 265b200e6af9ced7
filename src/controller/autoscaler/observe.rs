//! What is seen of one object's workload, Service and metrics at one moment.

use crate::api::{MetricSourceType, MetricSpec};
use crate::controller::context::Context;
use crate::controller::metrics::Query;
use crate::controller::terms::Terms;
use crate::engine::world::Lookup;
use crate::offload::Time;
use crate::offload::evaluate::{self, Evaluation, Fault, Reading, Workload, evaluate};
use crate::offload::observation::{Blocked, Local, Observation};

/// What is seen.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) observation: Observation,
    /// What came of each metric, in the order of the spec.
    pub(super) evaluations: Vec<Evaluation>,
    /// Whether the source of every metric has been asked.
    pub(super) asked: bool,
}

/// Looks.
pub(super) fn observe(now: Time, terms: &Terms, blocked: Option<Blocked>, context: &Context) -> Seen {
    let workload = match &terms.workload {
        Some((kind, name)) => context.view.workload(*kind, name),
        None => Lookup::Unknown,
    };
    // None if nobody can tell.
    let (local, pods, replicas) = match &workload {
        Lookup::Found(scaled) => {
            let namespace = terms.spec.scale_target_ref.namespace.as_str();
            (
                context.view.local(&terms.service, terms.spec.route.service.port),
                context.view.pods(namespace, &scaled.selector),
                scaled.replicas,
            )
        }
        // A name that was mistyped must not send everything away.
        Lookup::Missing | Lookup::Unknown => (Local::Unknown, Some(Vec::new()), 0),
    };
    let readings = context.readings.load();
    let known = pods.as_deref().unwrap_or_default();
    let found = Workload { pods: known, replicas };
    let metrics = terms.spec.metrics.iter().zip(&terms.queries);
    let evaluations: Vec<Evaluation> = metrics
        .map(|(metric, query)| {
            let reading: Result<Reading, Fault> = match (query, readings.as_deref()) {
                _ if pods.is_none() && is_of_pods(metric) => Err(Fault::PodsUnknown),
                (Some(query), Some(readings)) => readings.reading(query, known),
                (Some(_), None) => Err(Fault::Unavailable("it has not been asked yet".to_owned())),
                (None, _) => Err(Fault::Unavailable("nobody granted that it is looked at".to_owned())),
            };
            evaluate(now, metric, found, reading.as_ref(), terms.tolerance)
        })
        .collect();
    let asked = |query: &Query| readings.as_deref().is_some_and(|readings| readings.asked(query));
    let asked = terms.queries.iter().flatten().all(asked);
    let observation = Observation {
        metrics: evaluations.iter().map(Evaluation::observed).collect(),
        local,
        blocked,
        pause: terms.pause.as_ref().map(|held| held.how),
    };
    Seen { observation, evaluations, asked }
}

/// Whether what a metric says depends on which pods there are.
fn is_of_pods(metric: &MetricSpec) -> bool {
    match metric.type_ {
        MetricSourceType::Resource | MetricSourceType::ContainerResource | MetricSourceType::Pods => true,
        MetricSourceType::Object | MetricSourceType::External => false,
    }
}

impl Seen {
    /// The metrics and their targets, as people read them.
    pub(super) fn targets(&self, terms: &Terms) -> String {
        evaluate::targets(&terms.spec.metrics, &self.evaluations)
    }

    /// Each metric's share of its target; that which says nothing is none, and far from any that does.
    pub(super) fn ratios(&self) -> Vec<f64> {
        let ratio = |evaluation: &Evaluation| evaluation.outcome.as_ref().map_or(-1.0, |outcome| outcome.sample.ratio);
        self.evaluations.iter().map(ratio).collect()
    }

    /// Which metrics say nothing, and why; empty if all say something.
    pub(super) fn unavailable(&self, terms: &Terms) -> String {
        let faults =
            terms.spec.metrics.iter().zip(&self.evaluations).enumerate().filter_map(|(index, (metric, of))| {
                let fault = of.outcome.as_ref().err()?;
                Some(format!("metrics[{index}] ({}): {fault}", metric.type_.name()))
            });
        faults.collect::<Vec<_>>().join("; ")
    }
}
