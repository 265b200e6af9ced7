//! What is told as it stands when it is asked for: the last decision for each object, and what need not be known at all.
//!
//! With ten thousand objects, looking up each label set at each decision would cost more than all else that is counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;

use crate::offload::decide::Reason;

/// What was decided for one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The remote weight, 0 to 100.
    pub weight: u8,
    /// Why.
    pub reason: Reason,
    /// What each metric says, in the order of the spec.
    pub ratios: Vec<Ratio>,
}

/// What one metric says. A figure that nobody knows, or that is none, has no series: neither 0 nor the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ratio {
    /// Its current value as a share of its target: what is shown.
    pub metric: Option<f64>,
    /// What it would be with all traffic at home: what is decided by.
    pub demand: Option<f64>,
}

/// All of it.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct Told(Mutex<State>);

/// A flag that nobody set has no series: an alert cannot take a 0 that nobody measured for one that somebody did.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct State {
    /// By namespace and name.
    pub(in crate::telemetry) objects: BTreeMap<String, BTreeMap<String, Decided>>,
    pub(in crate::telemetry) leader: Option<bool>,
    pub(in crate::telemetry) circuit_open: Option<bool>,
    pub(in crate::telemetry) token_valid: Option<bool>,
    pub(in crate::telemetry) orphans: Option<usize>,
}

impl Told {
    pub(in crate::telemetry) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Written = Result<(), std::fmt::Error>;

impl Collector for Told {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Written {
        let state = self.lock();
        let State { objects, leader, circuit_open, token_valid, orphans } = &*state;
        for (name, help, flag) in [
            (
                "leader",
                "1 while this replica holds the lease and reconciles, 0 while another may; not without a reconciler",
                leader,
            ),
            (
                "beamlit_circuit_open",
                "1 while Beamlit is asked nothing because it failed too often, 0 while it is; only with credentials",
                circuit_open,
            ),
            (
                "beamlit_token_valid",
                "1 while there is a token that Beamlit takes, 0 if not; only with credentials",
                token_valid,
            ),
        ] {
            let mut gauge = gauge(&mut encoder, name, help)?;
            if let Some(flag) = flag {
                gauge.encode_gauge(&i64::from(*flag))?;
            }
        }
        let help = "Models and policies on Beamlit that are marked as those of an object of this cluster that is gone";
        let mut gauge = gauge(&mut encoder, "beamlit_orphans", help)?;
        if let Some(orphans) = orphans {
            gauge.encode_gauge(&i64::try_from(*orphans).unwrap_or(i64::MAX))?;
        }
        encode_objects(objects, &mut encoder)
    }
}

fn gauge<'e>(
    encoder: &'e mut DescriptorEncoder<'_>,
    name: &'e str,
    help: &str,
) -> Result<MetricEncoder<'e>, std::fmt::Error> {
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)
}

fn encode_objects(
    objects: &BTreeMap<String, BTreeMap<String, Decided>>,
    encoder: &mut DescriptorEncoder<'_>,
) -> Written {
    let each = || {
        objects.iter().flat_map(|(namespace, names)| {
            names
                .iter()
                .map(move |(name, decided)| (("namespace", namespace.as_str()), ("name", name.as_str()), decided))
        })
    };
    let mut weights = gauge(encoder, "offload_weight", "Percent of the traffic that is sent to the remote backend")?;
    for (namespace, name, decided) in each() {
        weights.encode_family(&[namespace, name])?.encode_gauge(&i64::from(decided.weight))?;
    }
    let help = "1 for the reason of an object's weight; a reason that does not hold has no series";
    let mut reasons = gauge(encoder, "offload_reason", help)?;
    for (namespace, name, decided) in each() {
        reasons.encode_family(&[namespace, name, ("reason", decided.reason.word())])?.encode_gauge(&1_i64)?;
    }
    let mut ratios = |metric: &str, help: &str, of: fn(&Ratio) -> Option<f64>| -> Written {
        let mut gauge = gauge(encoder, metric, help)?;
        for (namespace, name, decided) in each() {
            for (index, ratio) in decided.ratios.iter().enumerate() {
                let Some(ratio) = of(ratio).filter(|ratio| ratio.is_finite()) else { continue };
                gauge.encode_family(&[namespace, name, ("metric", &index.to_string())])?.encode_gauge(&ratio)?;
            }
        }
        Ok(())
    };
    ratios(
        "offload_metric_ratio",
        "Current value of a metric as a share of its target, by its place in the spec",
        |ratio| ratio.metric,
    )?;
    ratios(
        "offload_demand_ratio",
        "What a metric would be with all traffic at home as a share of its target, by its place in the spec",
        |ratio| ratio.demand,
    )
}
