//! What a source answered, as small as it can be kept: for 10,000 workloads all of it lies in memory at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::offload::Time;
use crate::offload::evaluate::{Fault, Milli, Pod, PodMetrics, PodValue, Reading, Samples, Value};

/// How often metrics-server measures, unless it is told otherwise; and then its samples say so.
const RESOLUTION_OF_RESOURCES: Duration = Duration::from_secs(15);

/// What was answered to one query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// The usage of each pod of a namespace.
    Usage(ByPod<Usage>),
    /// A value of each pod of a namespace.
    Pods(ByPod<Value>),
    /// The value of one object.
    Object(Value),
    /// A value for each series.
    External(Vec<Value>),
}

/// Something of each pod, or why it cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ByPod<T> {
    pods: HashMap<Box<str>, Result<T, &'static str>>,
    /// What is wrong with the answer besides: it may be why a pod is not in it.
    beside: Option<&'static str>,
}

impl<T> Default for ByPod<T> {
    fn default() -> Self {
        Self { pods: HashMap::new(), beside: None }
    }
}

/// What the containers of a pod use.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Usage {
    pub(super) timestamp: Time,
    pub(super) window: Duration,
    pub(super) containers: Box<[OfContainer]>,
}

/// A container's name, and how much it uses of each resource. The names are the same for many pods.
pub(super) type OfContainer = (Arc<str>, Box<[(Arc<str>, Milli)]>);

/// What has a time.
pub(super) trait Timed {
    fn timestamp(&self) -> Time;
}

impl Timed for Usage {
    fn timestamp(&self) -> Time {
        self.timestamp
    }
}

impl Timed for Value {
    fn timestamp(&self) -> Time {
        self.timestamp
    }
}

impl<T: Timed> ByPod<T> {
    /// Takes over what is said of a pod. If it is said twice, the newer counts, and of equally new ones the last, as in the HPA.
    pub(super) fn put(&mut self, pod: &str, said: Result<T, &'static str>) {
        let older = match (self.pods.get(pod), &said) {
            (Some(Ok(_)), Err(_)) => true,
            (Some(Ok(known)), Ok(said)) => said.timestamp() < known.timestamp(),
            (Some(Err(_)) | None, _) => false,
        };
        if !older {
            self.pods.insert(pod.into(), said);
        }
    }

    /// Remembers what is wrong with the answer, though nobody can say whom it concerns.
    pub(super) fn beside(&mut self, why: &'static str) {
        self.beside = Some(why);
    }

    /// What is said of these pods. That there is nothing is an answer too, unless something is wrong with it.
    fn of<'a, S>(&'a self, pods: &'a [Pod], sample: impl Fn(&str, &'a T) -> S) -> Result<Vec<S>, Fault> {
        let mut why = None;
        let mut samples = Vec::with_capacity(pods.len());
        for pod in pods {
            match self.pods.get(pod.name.as_str()) {
                Some(Ok(said)) => samples.push(sample(&pod.name, said)),
                Some(Err(fault)) => why = Some(*fault),
                None => {}
            }
        }
        match why.or(self.beside) {
            Some(why) if samples.is_empty() && !pods.is_empty() => Err(Fault::Unreadable(why.to_owned())),
            _ => Ok(samples),
        }
    }
}

impl Answer {
    /// What it says of a workload with these pods.
    pub(super) fn reading(&self, pods: &[Pod]) -> Result<Reading, Fault> {
        let (samples, resolution) = match self {
            Self::Usage(usages) => (Samples::Resource(usages.of(pods, pod_metrics)?), RESOLUTION_OF_RESOURCES),
            Self::Pods(values) => {
                let values = values.of(pods, |pod, value| PodValue { pod: pod.to_owned(), value: *value })?;
                (Samples::Pods(values), Reading::RESOLUTION)
            }
            Self::Object(value) => (Samples::Object(*value), Reading::RESOLUTION),
            Self::External(series) => (Samples::External(series.clone()), Reading::RESOLUTION),
        };
        Ok(Reading { samples, resolution })
    }
}

fn pod_metrics(pod: &str, usage: &Usage) -> PodMetrics {
    let Usage { timestamp, window, containers } = usage;
    let resources = |usages: &[(Arc<str>, Milli)]| -> BTreeMap<String, Milli> {
        usages.iter().map(|(resource, milli)| (resource.to_string(), *milli)).collect()
    };
    PodMetrics {
        pod: pod.to_owned(),
        timestamp: *timestamp,
        window: *window,
        containers: containers.iter().map(|(name, usages)| (name.to_string(), resources(usages))).collect(),
    }
}
