//! What a metric says: its share of its target, computed as the HorizontalPodAutoscaler of Kubernetes computes it.
//!
//! The rules are those of `pkg/controller/podautoscaler` in Kubernetes 1.36. Where ours differ, it is because a weight follows and not a
//! number of replicas, or because the HPA has no rule: for samples that are too old ([`Fault::Stale`]), of the future or below 0, and
//! for numbers beyond 64 bits, around which it wraps.
//!
//! Inside: `milli`, `fault`, `pod`, `reading` ← `age`, `groups`, `target` ← `over_pods` ← this; `status`, `text` show what came of it.

mod age;
mod fault;
mod groups;
mod milli;
mod over_pods;
mod pod;
mod reading;
mod status;
mod target;
mod text;

#[cfg(test)]
mod tests;

pub use age::STALE_AFTER;
pub use fault::Fault;
pub use groups::Counts;
pub use milli::Milli;
pub use pod::{Container, Phase, Pod, Ready, Requests, Role, Status, Workload};
pub use reading::{PodMetrics, PodValue, Reading, Samples, Value};
pub use status::status;
pub use target::Current;
pub use text::targets;

use self::age::{Span, telling, together};
use self::milli::Sum;
use self::over_pods::OverPods;
use self::target::Target;
use super::Time;
use super::observation::{Follows, Observed, Sample};
use crate::api::{MetricSourceType, MetricSpec, MetricTarget};

/// What came of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// How the metric follows the traffic.
    pub follows: Follows,
    /// What it says, or why it says nothing.
    pub outcome: Result<Outcome, Fault>,
}

impl Evaluation {
    /// What decisions are made on.
    #[must_use]
    pub fn observed(&self) -> Observed {
        let sample = self.outcome.as_ref().map(|outcome| outcome.sample.clone()).map_err(Fault::kind);
        Observed { follows: self.follows, sample }
    }
}

/// What a metric says.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Its share of the target.
    pub sample: Sample,
    /// What the HPA would make of it.
    pub hpa: Hpa,
    /// Its value, for people: of the pods whose samples count.
    pub current: Current,
    /// The pods that it is of, if it is of pods.
    pub pods: Option<Counts>,
}

/// What the HPA would make of a metric, and what is right where all traffic is at home.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hpa {
    /// The metric's share of its target. Undecided, that of the pods that have a sample.
    pub ratio: f64,
    /// Whether unready and missing pods leave it open on which side of the target the metric is: nothing follows from it.
    pub undecided: bool,
}

impl Hpa {
    fn of(sample: &Sample, counts: Counts, tolerance: Tolerance) -> Self {
        let ratio = sample.ratio;
        // At the target to the point the HPA holds in any case; here that counts as reached, and thus as above.
        let above = ratio >= 1.0;
        if counts.missing == 0 && !(above && counts.unready > 0) {
            return Self { ratio, undecided: false };
        }
        let recounted = if above { sample.idlest } else { sample.busy };
        let undecided = above != (recounted >= 1.0) || tolerance.holds(recounted);
        Self { ratio: if undecided { ratio } else { recounted }, undecided }
    }
}

/// How far a metric may be from its target before anything follows, as a share of the target: finite and not negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Above it.
    pub up: f64,
    /// Below it.
    pub down: f64,
}

impl Tolerance {
    /// Whether nothing follows from a ratio. Unlike the HPA's, the bounds themselves lie outside: what reaches one acts.
    fn holds(self, ratio: f64) -> bool {
        1.0 - self.down < ratio && ratio < 1.0 + self.up
    }
}

/// Computes what a compiled metric says of a workload, from what its source answered or from why it did not.
#[must_use]
pub fn evaluate(
    now: Time,
    metric: &MetricSpec,
    workload: Workload<'_>,
    reading: Result<&Reading, &Fault>,
    tolerance: Tolerance,
) -> Evaluation {
    let outcome = reading.map_err(Fault::clone).and_then(|reading| outcome(now, metric, workload, reading, tolerance));
    Evaluation { follows: follows(metric), outcome }
}

/// How a metric follows the traffic, of which its source need not be asked.
#[must_use]
pub fn follows(metric: &MetricSpec) -> Follows {
    let memory = |name: Option<&str>| name == Some("memory");
    let by_traffic = match metric.type_ {
        MetricSourceType::Resource => !memory(metric.resource.as_ref().map(|source| source.name.as_str())),
        MetricSourceType::ContainerResource => {
            !memory(metric.container_resource.as_ref().map(|source| source.name.as_str()))
        }
        MetricSourceType::Pods => true,
        MetricSourceType::Object | MetricSourceType::External => false,
    };
    if by_traffic { Follows::Traffic } else { Follows::Nothing }
}

fn outcome(
    now: Time,
    metric: &MetricSpec,
    workload: Workload<'_>,
    reading: &Reading,
    tolerance: Tolerance,
) -> Result<Outcome, Fault> {
    let Workload { pods, replicas } = workload;
    let target = Target::of(target(metric).ok_or(Fault::NoTarget)?).ok_or(Fault::NoTarget)?;
    let resource = match metric.type_ {
        MetricSourceType::Resource => metric.resource.as_ref().map(|source| source.name.as_str()),
        MetricSourceType::ContainerResource => metric.container_resource.as_ref().map(|source| source.name.as_str()),
        MetricSourceType::Pods | MetricSourceType::Object | MetricSourceType::External => None,
    };
    let of_container =
        metric.container_resource.as_ref().filter(|_| metric.type_ == MetricSourceType::ContainerResource);
    let container = of_container.map(|source| source.container.as_str());
    let over = OverPods { now, pods, target, tolerance, resource, container };
    match (metric.type_, &reading.samples) {
        (MetricSourceType::Resource | MetricSourceType::ContainerResource, Samples::Resource(metrics)) => {
            over.judge(over.usage(metrics, reading))
        }
        (MetricSourceType::Pods, Samples::Pods(values)) => over.judge(over.values(values, reading)),
        (MetricSourceType::Object, Samples::Object(value)) => {
            whole(value.milli, target, replicas, vec![Span::of_value(now, value, reading)?], false)
        }
        (MetricSourceType::External, Samples::External(series)) => {
            let (sum, spans, partial) = sum(now, series, reading)?;
            whole(sum, target, replicas, spans, partial)
        }
        _ => Err(Fault::Misplaced),
    }
}

/// The target of the source that the type names.
fn target(metric: &MetricSpec) -> Option<&MetricTarget> {
    match metric.type_ {
        MetricSourceType::Resource => metric.resource.as_ref().map(|source| &source.target),
        MetricSourceType::ContainerResource => metric.container_resource.as_ref().map(|source| &source.target),
        MetricSourceType::Pods => metric.pods.as_ref().map(|source| &source.target),
        MetricSourceType::Object => metric.object.as_ref().map(|source| &source.target),
        MetricSourceType::External => metric.external.as_ref().map(|source| &source.target),
    }
}

/// All series of a metric in one, however many there are, and whether that is less than all: a stale one, as one leaves behind that
/// ended, is left out, and then the sum is at least so much. Anything else that does not count spoils it.
fn sum(now: Time, series: &[Value], reading: &Reading) -> Result<(Milli, Vec<Span>, bool), Fault> {
    let (mut sum, mut spans, mut stale, mut spoilt) = (Sum::default(), Vec::new(), Vec::new(), Vec::new());
    for value in series {
        match Span::of_value(now, value, reading) {
            Ok(span) => {
                sum.add(value.milli.wide());
                spans.push(span);
            }
            // Without one below 0 it would be more.
            Err(fault @ Fault::Stale { .. }) if value.milli.0 >= 0 => stale.push(fault),
            Err(fault) => spoilt.push(fault),
        }
    }
    if let Some(fault) = telling(spoilt) {
        return Err(fault);
    }
    let partial = !stale.is_empty();
    match telling(stale) {
        Some(fault) if spans.is_empty() => Err(fault),
        _ => Ok((sum.milli(), spans, partial)),
    }
}

/// The outcome of a metric that is not of the pods.
fn whole(milli: Milli, target: Target, replicas: u32, spans: Vec<Span>, partial: bool) -> Result<Outcome, Fault> {
    let (taken, spans) = together(spans).ok_or(Fault::NoSeries)?;
    let (ratio, current) = match target {
        Target::Value(target) => target::whole(milli, target)?,
        Target::Average(target) => target::for_each(milli, target, replicas)?,
        Target::Utilization(_) => return Err(Fault::NoTarget),
    };
    let busy = if partial { f64::INFINITY } else { ratio };
    let sample = Sample { ratio, busy, idle: ratio, idlest: ratio, taken, spans };
    Ok(Outcome { sample, hpa: Hpa { ratio, undecided: partial && ratio < 1.0 }, current, pods: None })
}
