//! Tests of the decision, and what they share.

mod matrix;
mod moving;
mod open;
mod properties;
mod reading;
mod regressions;
mod returning;
mod state;

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::api::{OffloadAutoscalerSpec, Strategy};
use crate::offload::observation::{Follows, Invalid, Observed, Sample};

/// A compiled spec with every default written out, as the compiler makes it.
fn spec(percentage: u8, strategy: Strategy) -> OffloadAutoscalerSpec {
    let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}}});
    serde_json::from_value(json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "default", "name": "my-model"},
        "minRemoteWeight": 0,
        "maxRemoteWeight": percentage,
        "metrics": [cpu],
        "behavior": {
            "strategy": strategy,
            "scaleUp": {
                "stabilizationWindowSeconds": 0, "tolerance": "0", "selectPolicy": "Max",
                "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
            },
            "scaleDown": {
                "stabilizationWindowSeconds": 300, "tolerance": "0.1", "selectPolicy": "Max",
                "policies": [{"type": "Percent", "value": 25, "periodSeconds": 15}],
            },
            "probe": {"afterSeconds": 600, "maxAfterSeconds": 3600, "idlePercent": 25},
            "failover": {"recoverySeconds": 30},
        },
        "route": {
            "service": {"namespace": "default", "name": "my-model"},
            "remote": {"scheme": "https", "host": "run.beamlit.net", "pathPrefix": "", "query": "", "headers": []},
        },
    }))
    .unwrap()
}

fn rules(percentage: u8, strategy: Strategy) -> Rules {
    Rules::of(&spec(percentage, strategy)).unwrap()
}

/// A moment, in seconds after some other.
fn at(seconds: i64) -> Time {
    Time(1_800_000_000_000 + seconds * 1000)
}

/// A sample of the 15 s that end at a moment.
fn sample(seconds: i64, ratio: f64) -> Observed {
    Observed { follows: Follows::Traffic, sample: Ok(Sample::whole(ratio, at(seconds), Duration::from_secs(15))) }
}

/// The same, with so much missing that nobody knows on which side of the target it is.
fn undecided(seconds: i64, follows: Follows) -> Observed {
    let sample = Sample::whole(1.0, at(seconds), Duration::from_secs(15));
    Observed { follows, sample: Ok(Sample { busy: f64::INFINITY, idle: 0.0, idlest: 0.0, ..sample }) }
}

fn seen(ready: u32, metrics: Vec<Observed>) -> Observation {
    Observation { metrics, local: Local::Ready(ready), blocked: None, pause: None }
}

/// A life of one object, decision by decision.
struct Life {
    rules: Rules,
    state: State,
    now: i64,
}

impl Life {
    fn new(rules: Rules) -> Self {
        Self { rules, state: State::default(), now: 0 }
    }

    /// Carries on from a weight that was held for long.
    fn at_weight(rules: Rules, weight: u8) -> Self {
        let mut life = Self { rules, state: State { weight, ..State::default() }, now: -900 };
        // A metric that holds: neither at its target nor where traffic is let home, and open to nothing.
        for _ in 0..60 {
            life.see(15, seen(4, vec![undecided(life.now + 15, Follows::Nothing)]));
        }
        assert_eq!(life.state.weight, weight);
        life
    }

    fn see(&mut self, later: i64, observation: Observation) -> Decision {
        self.now += later;
        let (state, decision) = decide(at(self.now), &self.rules, &observation, std::mem::take(&mut self.state));
        // Every step of every test survives being stored.
        let stored = serde_json::to_value(&state).unwrap();
        assert_eq!(State::read(&stored).as_ref(), Ok(&state));
        self.state = state;
        decision
    }

    /// 15 s later, with a fresh sample.
    fn read(&mut self, ratio: f64) -> Decision {
        self.see(15, seen(4, vec![sample(self.now + 15, ratio)]))
    }

    /// 15 s later, with a fresh sample of a workload that has a demand and an idle load.
    fn load(&mut self, idle: f64, demand: f64) -> Decision {
        self.load_of(4, idle, demand)
    }

    /// The same, with so many endpoints ready.
    fn load_of(&mut self, ready: u32, idle: f64, demand: f64) -> Decision {
        let local = (idle + demand * (1.0 - f64::from(self.state.weight) / 100.0)).min(1.2);
        self.see(15, seen(ready, vec![sample(self.now + 15, local)]))
    }

    fn ready(&mut self, ready: u32) -> Decision {
        self.see(15, seen(ready, vec![sample(self.now + 15, 0.0)]))
    }
}

/// The weight and the reason of a decision.
fn said(decision: &Decision) -> (u8, Reason) {
    (decision.weight, decision.reason)
}

fn unavailable() -> Observed {
    Observed { follows: Follows::Traffic, sample: Err(Invalid::Unavailable) }
}
