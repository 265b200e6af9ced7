//! Metrics of the pods: those whose samples count, and what the others could change about it.

use super::age::{Span, telling, together};
use super::groups::{Counts, Group, Measured, Measurements};
use super::pod::Pod;
use super::reading::{PodMetrics, PodValue};
use super::target::{Current, Tally, Target};
use super::{Fault, Hpa, Outcome, Reading, Tolerance};
use crate::offload::Time;
use crate::offload::observation::Sample;

/// What all metrics of the pods have in common.
pub(super) struct OverPods<'a> {
    pub(super) now: Time,
    pub(super) pods: &'a [Pod],
    pub(super) target: Target,
    pub(super) tolerance: Tolerance,
    /// The resource, if the metric is one.
    pub(super) resource: Option<&'a str>,
    /// The container that it is of, if it is of one.
    pub(super) container: Option<&'a str>,
}

/// The samples that can count, and why the others cannot.
type Judged<'a> = (Measurements<'a>, Vec<Fault>);

impl<'a> OverPods<'a> {
    /// The usage of a resource. A pod has a sample if each of its containers has, or the one that the metric names.
    pub(super) fn usage(&self, metrics: &'a [PodMetrics], reading: &Reading) -> Judged<'a> {
        let resource = self.resource.unwrap_or_default();
        let mut judged = Judged::default();
        for PodMetrics { pod, timestamp, window, containers } in metrics {
            let mut of_metric =
                containers.iter().filter(|(name, _)| self.container.is_none_or(|container| container == name));
            // Names are unique in a pod; that of a metric stands for the first at most.
            let most = if self.container.is_some() { 1 } else { usize::MAX };
            let usages: Option<Vec<i128>> =
                of_metric.by_ref().take(most).map(|(_, usage)| Some(usage.get(resource)?.wide())).collect();
            let Some(usages) = usages.filter(|usages| !usages.is_empty()) else { continue };
            let span = Span::of(self.now, *timestamp, Some(*window), reading.resolution);
            let negative = usages.iter().any(|usage| *usage < 0);
            match span {
                Ok(_) if negative => judged.1.push(Fault::Negative),
                Ok(span) => {
                    let usage = usages.into_iter().fold(0, i128::saturating_add);
                    judged.0.insert(pod, Measured { usage, timestamp: *timestamp, window: *window, span });
                }
                Err(fault) => judged.1.push(fault),
            }
        }
        judged
    }

    /// A value of each pod, which may be below 0: only their average must not be.
    pub(super) fn values(&self, values: &'a [PodValue], reading: &Reading) -> Judged<'a> {
        let mut judged = Judged::default();
        for PodValue { pod, value } in values {
            match Span::of_value(self.now, value, reading) {
                Ok(span) => {
                    let window = value.window.unwrap_or(reading.resolution);
                    let measured = Measured { usage: value.milli.wide(), timestamp: value.timestamp, window, span };
                    judged.0.insert(pod, measured);
                }
                Err(fault) => judged.1.push(fault),
            }
        }
        judged
    }

    /// The share of the target, of what has a sample and carries load; and the same with what is missing or unready counted in each way
    /// that can matter to a decision. The HPA, for which all traffic is at home, picks one of them: below the target what is missing
    /// counts as if it were busy, above it as idle, as do the unready; and if that brings the metric to the other side of its target, or
    /// next to it, nothing follows.
    ///
    /// The HPA's last rule, on the number of replicas that would follow, has no place here: a weight follows.
    pub(super) fn judge(&self, (measurements, faults): Judged<'_>) -> Result<Outcome, Fault> {
        if self.pods.is_empty() {
            return Err(Fault::NoPods);
        }
        let cpu = self.resource == Some("cpu");
        let mut counts = Counts::default();
        let mut left = measurements;
        let grouped: Vec<(Group, Option<Measured>)> = self
            .pods
            .iter()
            .map(|pod| {
                let measured = left.remove(pod.name.as_str());
                let group = Group::of(self.now, pod, measured.as_ref(), cpu);
                counts.add(group);
                (group, measured)
            })
            .collect();
        // Samples of pods that nobody knows: gone already, or not seen yet. As in the HPA they count where no request is asked for.
        let strangers = left;
        if counts.ready == 0 && strangers.is_empty() {
            return Err(telling(faults).unwrap_or(Fault::NoSamples));
        }

        let requests = self.requests()?;
        let mut tally = Tally::default();
        let mut spans = Vec::new();
        let mut count = |measured: &Measured, request: i128| {
            tally.add(measured.usage, request);
            spans.push(measured.span);
        };
        for ((group, measured), request) in grouped.iter().zip(&requests) {
            if let (Group::Ready, Some(measured)) = (group, measured) {
                count(measured, *request);
            }
        }
        if !matches!(self.target, Target::Utilization(_)) {
            strangers.values().for_each(|measured| count(measured, 0));
        }
        let (ratio, current) = self.share(tally)?;
        let (taken, spans) = together(spans).ok_or(Fault::NoSamples)?;

        let (mut busy, mut idle, mut idlest) = (tally, tally, tally);
        for ((group, _), request) in grouped.iter().zip(&requests) {
            match group {
                Group::Missing => {
                    busy.add(self.busy(*request), *request);
                    idle.add(0, *request);
                    idlest.add(0, *request);
                }
                Group::Unready => idlest.add(0, *request),
                Group::Ready | Group::Ignored => {}
            }
        }
        let share = |tally| self.share(tally).map(|(ratio, _)| ratio);
        let sample = Sample { ratio, busy: share(busy)?, idle: share(idle)?, idlest: share(idlest)?, taken, spans };
        let hpa = Hpa::of(&sample, counts, self.tolerance);
        Ok(Outcome { sample, hpa, current, pods: Some(counts) })
    }

    /// What each pod requests, the ignored ones included; nothing where it does not matter.
    fn requests(&self) -> Result<Vec<i128>, Fault> {
        let (Target::Utilization(_), Some(resource)) = (self.target, self.resource) else {
            return Ok(vec![0; self.pods.len()]);
        };
        self.pods.iter().map(|pod| Ok(pod.request(resource, self.container)?.0)).collect()
    }

    fn share(&self, tally: Tally) -> Result<(f64, Current), Fault> {
        match self.target {
            Target::Utilization(percent) => tally.utilization(percent, self.resource.unwrap_or_default()),
            Target::Average(milli) => tally.average(milli),
            Target::Value(_) => Err(Fault::NoTarget),
        }
    }

    /// What a pod without a sample counts as while the others are below the target: all that it requests, or the target where that is
    /// more.
    fn busy(&self, request: i128) -> i128 {
        match self.target {
            Target::Utilization(percent) => request.saturating_mul(percent.max(100).into()) / 100,
            Target::Average(milli) | Target::Value(milli) => milli.wide(),
        }
    }
}
