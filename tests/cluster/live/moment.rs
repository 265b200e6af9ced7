//! What is to be seen at one moment, read in one call of kubectl.

use std::time::Duration;

use serde_json::Value;

use crate::harness::Kubectl;

/// What clients ask for, in percent of what the pods of [`PODS`] request: an annotation of the Service, which anybody may change.
pub(super) const DEMAND: &str = "simulated.beamlit.com/demand";

/// How many pods the manifest has.
pub(super) const PODS: i64 = 4;

/// What is to be seen at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moment {
    /// What clients ask for, in percent of what [`PODS`] pods request.
    pub(crate) demand: i64,
    /// What the Service says is sent away, in percent.
    pub(crate) away: i64,
    /// Pods that are ready.
    pub(crate) ready: i64,
    /// What the HorizontalPodAutoscaler has measured, in percent.
    pub(crate) measured: Option<i64>,
    /// What the OffloadAutoscaler says: the weight and why.
    pub(crate) weight: Option<i64>,
    pub(crate) reason: String,
}

impl Moment {
    /// How things are.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn now(kubectl: &Kubectl) -> Result<Self, String> {
        let out = kubectl.run("get service/chat deployment/chat hpa/chat ofa/chat --ignore-not-found --output json");
        let all: Value = serde_json::from_str(&out.stdout).map_err(|error| format!("{error}: {out}"))?;
        let of = |kind: &str| {
            all["items"].as_array().into_iter().flatten().find(|item| item["kind"] == kind).unwrap_or(&Value::Null)
        };
        let says = |annotation: &str| {
            let text = of("Service")["metadata"]["annotations"][annotation].as_str();
            text.and_then(|text| text.parse().ok())
        };
        let measured = &of("HorizontalPodAutoscaler")["status"]["currentMetrics"][0]["resource"]["current"];
        let decided = &of("OffloadAutoscaler")["status"];
        Ok(Self {
            demand: says(DEMAND).unwrap_or(0),
            away: says("routing.beamlit.com/remote-weight").unwrap_or(0),
            ready: of("Deployment")["status"]["readyReplicas"].as_i64().unwrap_or(0),
            measured: measured["averageUtilization"].as_i64(),
            weight: decided["currentRemoteWeight"].as_i64(),
            reason: decided["reason"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// What the pods have to do, in percent of what [`PODS`] of them request.
    pub(crate) fn at_home(&self) -> i64 {
        self.demand * (100 - self.away) / 100
    }

    /// What each ready pod uses, in thousandths of a CPU: usage = demand · (1 − w).
    pub(super) fn millicores(&self) -> i64 {
        // Half a percent more than was asked for: the percentages that are shown are cut off, not rounded.
        self.demand * (100 - self.away) * PODS / (10 * self.ready.max(1)) + 5
    }

    /// In one line, below [`HEADER`].
    pub(super) fn line(&self, at: Duration, reckoned: Option<f64>) -> String {
        let percent = |value: Option<i64>| value.map_or("-".to_owned(), |value| format!("{value}%"));
        let seconds = at.as_secs();
        let reckoned = reckoned.map(|value| value.round() as i64);
        format!(
            "{:>5}:{:02}  {:>6}  {:>7}  {:>8}  {:>8}  {:>6}  {:>5}  {}",
            seconds / 60,
            seconds % 60,
            percent(Some(self.demand)),
            percent(Some(self.at_home())),
            percent(self.measured),
            percent(reckoned),
            percent(self.weight),
            self.ready,
            self.reason,
        )
    }
}

/// Above [`Moment::line`].
pub(super) const HEADER: &str = "    time  demand  at home  measured  reckoned  weight  ready  reason";
