//! What each metric of the spec reads in the model.

use std::time::Duration;

use super::{Measured, with_idle};
use crate::api::{MetricSourceType, MetricSpec, MetricTarget};
use crate::engine::units::Quantity;
use crate::offload::Time;
use crate::offload::evaluate::follows;
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
            if gauge.has_plain_target() {
                used.push(gauge.name.clone());
            }
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

    /// The lowest load at which a metric of the pods reaches its target, if an idle pod has this one; none if no metric follows the load.
    #[must_use]
    pub fn level(&self, idle: f64) -> Option<f64> {
        let levels = self.gauges.iter().filter_map(|gauge| match gauge.kind {
            Kind::Utilization { target } => Some(target / 100.0),
            Kind::Load { level } => Some(level),
            Kind::Served { level } => Some(idle + level),
            Kind::Demand { .. } | Kind::DemandPerPod { .. } | Kind::Steady => None,
        });
        levels.min_by(f64::total_cmp)
    }

    /// Whether every metric would be at its target or below it.
    pub(in super::super) fn fit(&self, home: &Home) -> bool {
        let Home { load, served, demand, of_each } = *home;
        self.gauges.iter().all(|gauge| {
            let (value, level) = match gauge.kind {
                Kind::Utilization { target } => (load, target / 100.0),
                Kind::Load { level } => (load, level),
                Kind::Served { level } => (served, level),
                Kind::Demand { level } => (demand, level),
                Kind::DemandPerPod { level } => (of_each, level),
                Kind::Steady => return true,
            };
            value <= level + 1e-9
        })
    }

    /// What is read, or why nothing is.
    pub(in super::super) fn observe(&self, reading: &Reading) -> Vec<Observed> {
        self.gauges.iter().map(|gauge| gauge.observe(reading)).collect()
    }
}

/// What there would be to measure if all traffic stayed at home.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Home {
    /// The load of a ready pod, as a share of what it requests.
    pub load: f64,
    /// The part of it that requests cause.
    pub served: f64,
    /// The demand, as a share of what the initial pods request.
    pub demand: f64,
    /// The demand of each of the pods that there are.
    pub of_each: f64,
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
        let MetricSpec { type_, resource, container_resource, pods, object, external } = metric;
        let source = match type_ {
            MetricSourceType::Resource => {
                resource.as_ref().map(|resource| (&resource.name, &resource.target, Like::Load))
            }
            MetricSourceType::ContainerResource => {
                container_resource.as_ref().map(|resource| (&resource.name, &resource.target, Like::Load))
            }
            MetricSourceType::Pods => pods.as_ref().map(|pods| (&pods.metric.name, &pods.target, Like::Served)),
            MetricSourceType::Object => {
                object.as_ref().map(|object| (&object.metric.name, &object.target, Like::Demand))
            }
            MetricSourceType::External => {
                external.as_ref().map(|external| (&external.metric.name, &external.target, Like::Demand))
            }
        };
        let (name, target, like) = source.ok_or_else(|| NoGauge::Target("without a source".into()))?;
        let steady = like == Like::Load && follows(metric) == Follows::Nothing;
        let like = if steady { Like::Nothing } else { like };
        Self::reading(name, target, like, assumed).ok_or_else(|| NoGauge::Target(name.clone()))
    }

    fn has_plain_target(&self) -> bool {
        match self.kind {
            Kind::Load { .. } | Kind::Served { .. } | Kind::Demand { .. } | Kind::DemandPerPod { .. } => true,
            Kind::Utilization { .. } | Kind::Steady => false,
        }
    }

    /// The type says which field of a target counts, as in [`crate::offload::evaluate`].
    fn reading(name: &str, target: &MetricTarget, like: Like, assumed: &[Assumed]) -> Option<(Self, Option<String>)> {
        let gauge = |kind| Self { name: name.to_owned(), kind };
        let MetricTarget { type_, value, average_value, average_utilization } = target;
        let (quantity, kind): (_, fn(f64) -> Kind) = match (like, type_.as_deref()?) {
            (Like::Nothing, _) => {
                let note = format!("{name} does not follow the traffic: it is taken to stay at half of its target");
                return Some((gauge(Kind::Steady), Some(note)));
            }
            (Like::Load, "Utilization") => {
                let percent = average_utilization.filter(|percent| *percent > 0)?;
                return Some((gauge(Kind::Utilization { target: f64::from(percent) }), None));
            }
            (Like::Load, "AverageValue") => (average_value, |level| Kind::Load { level }),
            (Like::Served, "AverageValue") => (average_value, |level| Kind::Served { level }),
            (Like::Demand, "AverageValue") => (average_value, |level| Kind::DemandPerPod { level }),
            (Like::Demand, "Value") => (value, |level| Kind::Demand { level }),
            _ => return None,
        };
        let quantity = quantity.as_ref().and_then(Quantity::of_field)?;
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
        Some((gauge(kind(level)), note))
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

/// In thousandths; none unless it is above 0.
#[allow(clippy::cast_precision_loss)]
fn milli(quantity: Quantity) -> Option<f64> {
    quantity.is_positive().then(|| quantity.milli() as f64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(metric: serde_json::Value, full: &[(&str, &str)]) -> Result<Kind, NoGauge> {
        let assumed =
            full.iter().map(|(name, full)| Assumed { name: (*name).into(), full: Quantity::parse(full).unwrap() });
        let metrics = [serde_json::from_value(metric).unwrap()];
        Gauges::of(&metrics, &assumed.collect::<Vec<_>>()).map(|gauges| gauges.gauges[0].kind)
    }

    fn resource(name: &str, target: &serde_json::Value) -> serde_json::Value {
        json!({"type": "Resource", "resource": {"name": name, "target": target}})
    }

    fn object(target: &serde_json::Value) -> serde_json::Value {
        let described = json!({"apiVersion": "v1", "kind": "Service", "name": "a"});
        json!({"type": "Object", "object": {"metric": {"name": "queue"}, "describedObject": described, "target": target}})
    }

    #[test]
    fn the_type_of_a_target_says_which_value_counts() {
        let full = [("queue", "20")];
        let both = |type_: &str| object(&json!({"type": type_, "value": "10", "averageValue": 5}));
        assert_eq!(kind(both("Value"), &full), Ok(Kind::Demand { level: 0.5 }));
        assert_eq!(kind(both("AverageValue"), &full), Ok(Kind::DemandPerPod { level: 0.25 }));
        for target in [json!({"type": "Value", "averageValue": "5"}), json!({"type": "Utilization", "value": "5"})] {
            assert_eq!(kind(object(&target), &full), Err(NoGauge::Target("queue".into())), "{target}");
        }
    }

    #[test]
    fn only_memory_does_not_follow_the_traffic() {
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        for (name, expected) in [
            ("cpu", Kind::Utilization { target: 80.0 }),
            ("memory", Kind::Steady),
            ("hugepages-2Mi", Kind::Utilization { target: 80.0 }),
            ("nvidia.com/gpu", Kind::Utilization { target: 80.0 }),
        ] {
            assert_eq!(kind(resource(name, &target), &[]), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_is_said_of_a_metric_without_a_plain_target_is_refused() {
        let unknown = |name: &str| Err(NoGauge::Unknown(name.into()));
        let utilization = json!({"type": "Utilization", "averageUtilization": 80});
        assert_eq!(kind(resource("cpu", &utilization), &[("cpu", "1")]), unknown("cpu"));
        assert_eq!(
            kind(resource("memory", &json!({"type": "AverageValue", "averageValue": "1Gi"})), &[("memory", "1Gi")]),
            unknown("memory")
        );
        let average = json!({"type": "AverageValue", "averageValue": "500m"});
        assert_eq!(kind(resource("cpu", &average), &[("cpu", "1")]), Ok(Kind::Load { level: 0.5 }));
    }

    #[test]
    fn what_fits_is_measured_as_each_metric_is() {
        let pods = |target: &str| json!({"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": target}}});
        // A load of 95 %, of which 5 % are idle; eight pods now, four at the beginning.
        let home = Home { load: 0.95, served: 0.9, demand: 1.8, of_each: 0.9 };
        let value = |type_: &str, field: &str, target: i32| object(&json!({"type": type_, field: target}));
        let utilization =
            |percent: i32| resource("cpu", &json!({"type": "Utilization", "averageUtilization": percent}));
        for (metric, fits, level) in [
            (utilization(95), true, Some(0.95)),
            (utilization(94), false, Some(0.94)),
            (pods("90"), true, Some(0.95)),
            (pods("89"), false, Some(0.94)),
            (value("Value", "value", 180), true, None),
            (value("Value", "value", 179), false, None),
            (value("AverageValue", "averageValue", 90), true, None),
            (value("AverageValue", "averageValue", 89), false, None),
            (resource("memory", &json!({"type": "Utilization", "averageUtilization": 1})), true, None),
        ] {
            let full = [Assumed { name: "queue".into(), full: Quantity::parse("100").unwrap() }];
            let plain = !metric.to_string().contains("Utilization");
            let metrics = [serde_json::from_value(metric.clone()).unwrap()];
            let gauges = Gauges::of(&metrics, if plain { &full } else { &[] }).unwrap();
            assert_eq!(gauges.fit(&home), fits, "{metric}");
            let there = gauges.level(0.05);
            assert_eq!(
                there.map(|level| (level * 1e6).round()),
                level.map(|level: f64| (level * 1e6).round()),
                "{metric}"
            );
        }
    }

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
