//! What a metric is compared with, and the share of it that a figure is.

use super::milli::Sum;
use super::{Fault, Milli};
use crate::api::{IntOrString, MetricTarget};
use crate::engine::units::Quantity;

/// The target of a metric, above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The pods' usage in percent of their requests.
    Utilization(i32),
    /// The average over the pods.
    Average(Milli),
    /// The metric as a whole.
    Value(Milli),
}

impl Target {
    /// Reads the target of a compiled metric, whose type is written out and says which field counts.
    pub(super) fn of(target: &MetricTarget) -> Option<Self> {
        let MetricTarget { type_, value, average_value, average_utilization } = target;
        match type_.as_deref()? {
            "Utilization" => average_utilization.filter(|percent| *percent > 0).map(Self::Utilization),
            "AverageValue" => milli(average_value.as_ref()?).map(Self::Average),
            "Value" => milli(value.as_ref()?).map(Self::Value),
            _ => None,
        }
    }
}

fn milli(quantity: &IntOrString) -> Option<Milli> {
    Quantity::of_field(quantity).map(Milli::of).filter(|milli| milli.0 > 0)
}

/// A metric as it is, in the forms in which it is shown. At least one is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Current {
    /// The metric as a whole.
    pub value: Option<Milli>,
    /// The average over the pods.
    pub average: Option<Milli>,
    /// The average over the pods in percent of what they request.
    pub utilization: Option<i32>,
}

/// What pods use in all, and what they request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) usage: Sum,
    pub(super) requests: Sum,
    pub(super) pods: u64,
}

impl Tally {
    pub(super) fn add(&mut self, usage: i128, request: i128) {
        self.usage.add(usage);
        self.requests.add(request);
        self.pods = self.pods.saturating_add(1);
    }

    /// Σ usage · 100 / Σ requests, the rest dropped, as a share of the target: not a mean of the pods' shares.
    pub(super) fn utilization(self, target: i32, resource: &str) -> Result<(f64, Current), Fault> {
        let average = self.usage.per(self.pods).ok_or(Fault::NoSamples)?;
        let percent = self.usage.percent_of(self.requests).filter(|_| self.requests.0 > 0);
        let percent = percent.ok_or_else(|| Fault::ZeroRequests(resource.into()))?;
        let current = Current { value: None, average: Some(average), utilization: Some(percent) };
        Ok((share(f64::from(percent), f64::from(target))?, current))
    }

    /// Σ usage / pods, the rest dropped, as a share of the target.
    pub(super) fn average(self, target: Milli) -> Result<(f64, Current), Fault> {
        let average = self.usage.per(self.pods).ok_or(Fault::NoSamples)?;
        let current = Current { average: Some(average), ..Current::default() };
        Ok((share(average.float(), target.float())?, current))
    }
}

/// A metric as a whole, as a share of its target.
pub(super) fn whole(milli: Milli, target: Milli) -> Result<(f64, Current), Fault> {
    let current = Current { value: Some(milli), ..Current::default() };
    Ok((share(milli.float(), target.float())?, current))
}

/// A metric as a whole, as a share of a target for each replica. None counts as one: what is asked of nobody asks for the first.
pub(super) fn for_each(milli: Milli, target: Milli, replicas: u32) -> Result<(f64, Current), Fault> {
    let replicas = replicas.max(1);
    let ratio = share(milli.float(), target.float() * f64::from(replicas))?;
    let (whole, replicas) = (milli.wide(), i128::from(replicas));
    // Shown rounded up, as the HPA does.
    let average = Milli::clamp((whole + replicas - 1) / replicas);
    Ok((ratio, Current { average: Some(average), ..Current::default() }))
}

/// Finite and not negative.
fn share(of: f64, target: f64) -> Result<f64, Fault> {
    let ratio = of / target;
    if !ratio.is_finite() {
        return Err(Fault::NoNumber);
    }
    // `-0.0` is nothing as well.
    if of < 0.0 { Err(Fault::Negative) } else { Ok(ratio.abs()) }
}
