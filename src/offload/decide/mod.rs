//! The decision: what the weight should be, given what is seen now and what was decided before.

use super::Time;
use super::observation::Observation;
use crate::api::{OffloadAutoscalerSpec, Strategy};

/// What decides, read once from the compiled [`OffloadAutoscalerSpec`].
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The most that metrics may send away, 0 to 100.
    pub most: u8,
    /// How the weight follows the metrics.
    pub strategy: Strategy,
}

impl Rules {
    /// Reads them.
    ///
    /// # Errors
    /// If the spec is not one that the compiler made: a value is out of its range.
    pub fn of(spec: &OffloadAutoscalerSpec) -> Result<Self, OutOfRange> {
        let most = u8::try_from(spec.max_remote_weight).ok().filter(|most| *most <= 100);
        Ok(Self { most: most.ok_or(OutOfRange("spec.maxRemoteWeight"))?, strategy: spec.behavior.strategy })
    }
}

/// A value of a spec is out of its range; where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is out of its range")]
pub struct OutOfRange(pub &'static str);

/// What must survive a restart.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The remote weight in force, 0 to 100.
    pub weight: u8,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The remote weight from now on, 0 to 100.
    pub weight: u8,
    /// What the metrics ask for, before windows and rates.
    pub desired: u8,
    /// Why.
    pub reason: Reason,
}

/// Why the weight is what it is: a closed set, which people see in `kubectl get ofa`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Reason {
    /// All traffic is at home, and nothing asks for anything else.
    AtHome,
}

/// Decides.
#[must_use]
pub fn decide(_now: Time, _rules: &Rules, _observation: &Observation, state: State) -> (State, Decision) {
    let decision = Decision { weight: state.weight, desired: state.weight, reason: Reason::AtHome };
    (state, decision)
}
