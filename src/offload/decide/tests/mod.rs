//! Tests of the decision, and what they share.

mod matrix;
mod properties;
mod regressions;

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
    let sample = Sample { ratio, undecided: false, taken: at(seconds), window: Duration::from_secs(15) };
    Observed { follows: Follows::Traffic, sample: Ok(sample) }
}

fn seen(ready: u32, metrics: Vec<Observed>) -> Observation {
    Observation { metrics, local: Local::Ready(ready), blocked: None, pause: None }
}
