//! The reconciler held to what happens around it: what a real HorizontalPodAutoscaler says of the same pods, load that follows the
//! weight, sources of metrics that fail, and Services that are not what one expects.

mod beside;
mod faults;
mod load;
mod services;

use serde_json::{Value, json};

use crate::harness::Kubectl;
use crate::harness::workload::Workload;
use crate::offloading::model_deployment;

/// A Service before a workload, and a ModelDeployment of both, that sends half of the traffic away; what comes home does so in one step,
/// and this long after it could (`scaleDown`, in seconds).
fn offloads(kubectl: &Kubectl, workload: &Workload, (name, kind): (&str, &str), metrics: &Value, down: u32) {
    workload.expose();
    let policies = json!([{"type": "Percent", "value": 100, "periodSeconds": 1}]);
    let behavior = json!({"percentage": 50, "scaleDown": {"stabilizationWindowSeconds": down, "policies": policies}});
    let mut manifest = model_deployment(name, kind, metrics, &behavior);
    // Models are one cluster's, and names only a namespace's.
    manifest["spec"]["model"] = format!("{}-{name}", kubectl.namespace).into();
    kubectl.apply(&manifest.to_string());
}

/// The condition of this type of an object.
fn condition(object: &Value, of: &str) -> Value {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.find(|condition| condition["type"] == of).cloned().unwrap_or_default()
}

/// What a Service says of this, such as `remote-weight`.
fn annotation(service: &Value, key: &str) -> Option<String> {
    let value = &service["metadata"]["annotations"][format!("routing.beamlit.com/{key}")];
    value.as_str().map(str::to_owned)
}

/// That a condition is so, with these words in its message.
pub(crate) fn says(object: &Value, of: &str, status: &str, reason: &str, words: &str) -> Result<(), String> {
    let condition = condition(object, of);
    let message = condition["message"].as_str().unwrap_or_default();
    if condition["status"] == status && condition["reason"] == reason && message.contains(words) {
        Ok(())
    } else {
        Err(format!("{of} is not {status} for {reason} ({words}) in {}", object["status"]))
    }
}
