//! What each metric of the spec reads in the model.

use std::time::Duration;

use super::{Measured, with_idle};
use crate::api::{IntOrString, MetricSpec, MetricTarget};
use crate::engine::units::Quantity;
use crate::offload::Time;
use crate::offload::observation::{Follows, Invalid, Observed, Sample};

/// Where a target is taken to be that no model can place: at so much of what the pods request.
const ASSUMED_LEVEL: f64 = 0.9;
/// What a metric reads that follows neither the traffic nor the demand, as a share of its target.
const STEADY: f64 = 0.5;

/// The metrics of a spec, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauges {
    gauges: Vec<Gauge>,
    /// What was assumed of them.
    pub notes: Vec<String>,
}

/// What people say of a metric: what it reads at a demand of 100 %.
#[derive(Clone, Debug, PartialEq)]
pub struct Assumed {
    /// The metric's name.
    pub name: String,
    /// What it reads then: of one pod, or as a whole.
    pub full: Quantity,
}

/// A metric that the model has no use for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoGauge {
    /// A spec that no compiler made.
    #[error("metric {0} has no target that can be read")]
    Target(String),
    /// Something was said of a metric that is not there.
    #[error("no metric with a plain target is called {0}")]
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq)]
struct Gauge {
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// The load of the pods in percent of what they request, which is an integer.
    Utilization { target: f64 },
    /// The load of the pods; the target is reached at this one.
    Load { level: f64 },
    /// What each pod serves, without its idle load; the target is reached at this load.
    Served { level: f64 },
    /// It does not move.
    Steady,
    /// The demand, wherever it is served; the target is reached at this one.
    Demand { level: f64 },
    /// The same for each of the pods that there are.
    DemandPerPod { level: f64 },
}

impl Gauges {
    /// What the metrics of a spec read in the model.
    ///
    /// # Errors
    /// If a target cannot be read, or something was assumed of a metric that is not there.
    pub fn of(metrics: &[MetricSpec], assumed: &[Assumed]) -> Result<Self, NoGauge> {
        let mut notes = Vec::new();
        let mut used = Vec::new();
        let mut gauges = Vec::new();
        for metric in metrics {
            let (gauge, note) = Gauge::of(metric, assumed)?;
            used.push(gauge.name.clone());
            gauges.push(gauge);
            notes.extend(note);
        }
        match assumed.iter().find(|assumed| !used.contains(&assumed.name)) {
            Some(unknown) => Err(NoGauge::Unknown(unknown.name.clone())),
            None => Ok(Self { gauges, notes }),
        }
    }

    /// How many metrics there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.gauges.len()
    }

    /// The load at which the first of the metrics reaches its target; none if no metric follows the load.
    #[must_use]
    pub fn level(&self) -> Option<f64> {
        let levels = self.gauges.iter().filter_map(|gauge| match gauge.kind {
            Kind::Utilization { target } => Some(target / 100.0),
            Kind::Load { level } | Kind::Served { level } => Some(level),
            Kind::Demand { level } | Kind::DemandPerPod { level } => Some(level),
            Kind::Steady => None,
        });
        levels.min_by(f64::total_cmp)
    }

    /// What is read, or why nothing is.
    pub(in super::super) fn observe(&self, reading: &Reading) -> Vec<Observed> {
        self.gauges.iter().map(|gauge| gauge.observe(reading)).collect()
    }
}

/// What the metrics pipeline gives now.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Reading {
    /// When time began.
    pub start: Time,
    /// Milliseconds since then.
    pub now: u64,
    /// Whether the metrics can be read.
    pub metrics: bool,
    /// The latest measurement.
    pub measured: Option<Measured>,
    /// How long it was taken.
    pub window: Duration,
    /// Older than this it does not count.
    pub stale: Duration,
    /// How many pods there were at the beginning.
    pub pods: u32,
    /// How many there are now.
    pub count: u32,
}

impl Gauge {
    fn of(metric: &MetricSpec, assumed: &[Assumed]) -> Result<(Self, Option<String>), NoGauge> {
        let MetricSpec { type_: _, resource, container_resource, pods, object, external } = metric;
        let memory = |name: &str| name == "memory" || name.starts_with("hugepages-");
        let (name, target, follows) = if let Some(resource) = resource {
            (&resource.name, &resource.target, if memory(&resource.name) { Like::Nothing } else { Like::Load })
        } else if let Some(resource) = container_resource {
            (&resource.name, &resource.target, if memory(&resource.name) { Like::Nothing } else { Like::Load })
        } else if let Some(pods) = pods {
            (&pods.metric.name, &pods.target, Like::Served)
        } else if let Some(object) = object {
            (&object.metric.name, &object.target, Like::Demand)
        } else if let Some(external) = external {
            (&external.metric.name, &external.target, Like::Demand)
        } else {
            return Err(NoGauge::Target("without a source".into()));
        };
        Self::reading(name, target, follows, assumed).ok_or_else(|| NoGauge::Target(name.clone()))
    }

    fn reading(name: &str, target: &MetricTarget, like: Like, assumed: &[Assumed]) -> Option<(Self, Option<String>)> {
        let gauge = |kind| Self { name: name.to_owned(), kind };
        if like == Like::Nothing {
            let note = format!("{name} does not follow the traffic: it is taken to stay at half of its target");
            return Some((gauge(Kind::Steady), Some(note)));
        }
        if let Some(percent) = target.average_utilization {
            return (percent > 0).then(|| (gauge(Kind::Utilization { target: f64::from(percent) }), None));
        }
        let quantity = target.average_value.as_ref().or(target.value.as_ref()).and_then(quantity)?;
        let known = assumed.iter().find(|assumed| assumed.name == name);
        let (level, note) = match known {
            Some(assumed) => (milli(quantity)? / milli(assumed.full)?, None),
            None => {
                let note = format!(
                    "the target of {name} is taken to be reached at {} % of what the pods request; --full {name}=QUANTITY says \
what it reads at 100 %",
                    ASSUMED_LEVEL * 100.0
                );
                (ASSUMED_LEVEL, Some(note))
            }
        };
        let kind = match like {
            Like::Load => Kind::Load { level },
            Like::Served => Kind::Served { level },
            Like::Demand if target.average_value.is_some() => Kind::DemandPerPod { level },
            Like::Demand | Like::Nothing => Kind::Demand { level },
        };
        Some((gauge(kind), note))
    }

    fn observe(&self, reading: &Reading) -> Observed {
        let follows = match self.kind {
            Kind::Utilization { .. } | Kind::Load { .. } | Kind::Served { .. } => Follows::Traffic,
            Kind::Steady | Kind::Demand { .. } | Kind::DemandPerPod { .. } => Follows::Nothing,
        };
        Observed { follows, sample: self.sample(reading, follows) }
    }

    fn sample(&self, reading: &Reading, follows: Follows) -> Result<Sample, Invalid> {
        if !reading.metrics {
            return Err(Invalid::Unavailable);
        }
        let measured = reading.measured.ok_or(Invalid::NoSamples)?;
        if u128::from(reading.now.saturating_sub(measured.taken)) > reading.stale.as_millis() {
            return Err(Invalid::Stale);
        }
        if measured.ready == 0 && follows == Follows::Traffic {
            return Err(Invalid::NoSamples);
        }
        let ratio = match self.kind {
            // The HPA has whole percents; what a sum of decimals lacks of one must not cost a percent.
            Kind::Utilization { target } => (measured.load * 100.0 + 1e-9).floor() / target,
            Kind::Load { level } => measured.load / level,
            Kind::Served { level } => measured.served / level,
            Kind::Steady => STEADY,
            Kind::Demand { level } => measured.demand / level,
            Kind::DemandPerPod { level } => {
                measured.demand * f64::from(reading.pods) / f64::from(reading.count.max(1)) / level
            }
        };
        let taken = reading.start.after(Duration::from_millis(measured.taken));
        let sample = Sample::whole(ratio, taken, reading.window);
        Ok(match follows {
            // As [`crate::offload::evaluate`] counts the pods that are not ready.
            Follows::Traffic => Sample { idlest: with_idle(ratio, measured.ready, measured.unready), ..sample },
            Follows::Nothing => sample,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Like {
    Load,
    Served,
    Demand,
    Nothing,
}

fn quantity(value: &IntOrString) -> Option<Quantity> {
    match value {
        IntOrString::Int(value) => Quantity::parse(&value.to_string()),
        IntOrString::String(value) => Quantity::parse(value),
    }
}

/// In thousandths; none unless it is above 0.
#[allow(clippy::cast_precision_loss)]
fn milli(quantity: Quantity) -> Option<f64> {
    quantity.is_positive().then(|| quantity.milli() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_without_a_measurement_count_as_idle_only_where_that_matters() {
        let gauge = Gauge { name: String::new(), kind: Kind::Load { level: 0.5 } };
        let measured = Measured { taken: 0, load: 0.6, served: 0.0, demand: 0.0, ready: 3, unready: 1 };
        let reading = Reading {
            start: Time(0),
            now: 0,
            measured: Some(measured),
            metrics: true,
            window: Duration::ZERO,
            stale: Duration::ZERO,
            pods: 4,
            count: 4,
        };
        let sample = gauge.observe(&reading).sample.unwrap();
        assert_eq!((sample.ratio, sample.busy, sample.idle), (1.2, 1.2, 1.2));
        assert!((sample.idlest - 0.9).abs() < 1e-9, "{sample:?}");
    }
}
