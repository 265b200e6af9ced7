//! From the ModelDeployment to what decides: the one place that knows of the compiler.

use serde_json::{Map, Number, Value as Json, json};

use crate::api::{ModelDeploymentSpec, OffloadAutoscalerSpec};
use crate::engine::Surroundings;
use crate::engine::parse::{Node, Value};
use crate::offload::observation::Blocked;

/// What decides.
pub(super) struct Compiled {
    /// The object's name.
    pub name: String,
    /// The compiled autoscaler.
    pub spec: OffloadAutoscalerSpec,
    /// Why nothing may be sent away.
    pub blocked: Option<Blocked>,
}

/// Compiles a ModelDeployment that was admitted and has its defaults.
pub(super) fn compile(object: &Node<'_>, surroundings: &Surroundings<'_>) -> Result<Compiled, String> {
    let spec = object.get("spec").map(value).unwrap_or_default();
    let spec: ModelDeploymentSpec = serde_json::from_value(spec).map_err(|error| format!("spec: {error}"))?;
    let autoscaler = autoscaler(&spec).ok_or("spec.offloadingConfig: not one that can be compiled")?;
    Ok(Compiled {
        name: surroundings.name.to_owned(),
        spec: autoscaler,
        blocked: (!spec.enabled).then_some(Blocked::Disabled),
    })
}

fn autoscaler(spec: &ModelDeploymentSpec) -> Option<OffloadAutoscalerSpec> {
    let offloading = spec.offloading_config.as_ref()?;
    let behavior = serde_json::to_value(&offloading.behavior).ok()?;
    let rules = |key: &str, window: i32, tolerance: &str, points: i32| {
        let given = behavior.get(key);
        let field = |name: &str, default: Json| given.and_then(|given| given.get(name)).cloned().unwrap_or(default);
        json!({
            "stabilizationWindowSeconds": field("stabilizationWindowSeconds", json!(window)),
            "tolerance": field("tolerance", json!(tolerance)),
            "selectPolicy": field("selectPolicy", json!("Max")),
            "policies": field("policies", json!([{"type": "Percent", "value": points, "periodSeconds": 15}])),
        })
    };
    let compiled = json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "default", "name": spec.model_source_ref.name},
        "minRemoteWeight": 0,
        "maxRemoteWeight": behavior.get("percentage"),
        "metrics": serde_json::to_value(&offloading.metrics).ok()?,
        "behavior": {
            "strategy": behavior.get("strategy").cloned().unwrap_or(json!("Step")),
            "scaleUp": rules("scaleUp", 0, "0", 100),
            "scaleDown": rules("scaleDown", 300, "0.1", 25),
            "probe": {"afterSeconds": 600, "maxAfterSeconds": 3600, "idlePercent": 25},
            "failover": {"recoverySeconds": 30},
        },
        "route": {
            "service": {"namespace": "default", "name": "a"},
            "remote": {"scheme": "http", "host": "a", "pathPrefix": "", "query": "", "headers": []},
        },
    });
    serde_json::from_value(compiled).ok()
}

fn value(node: &Node<'_>) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::Number((*value).into()),
        Value::Float(value) => Number::from_f64(*value).map_or(Json::Null, Json::Number),
        Value::Text(value) => Json::String(value.to_string()),
        Value::List(items) => Json::Array(items.iter().map(value).collect()),
        Value::Map(members) => {
            let mut map = Map::new();
            for member in members {
                map.insert(member.key.to_string(), value(&member.value));
            }
            Json::Object(map)
        }
    }
}
