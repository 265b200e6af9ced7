//! The pod template of a workload, as Beamlit is sent it. People see it without the values of environment variables.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// What stands in the place of a value that nobody may see.
pub const REDACTED: &str = "(redacted)";

/// What holds values that are nobody's business, wherever it stands: `env` of containers, and `httpHeaders` of their probes and hooks.
const SECRETIVE: [&str; 2] = ["env", "httpHeaders"];

/// A pod template, in the names that JSON has for it. However it is shown or written, the values of its environment variables, and of
/// the headers of its probes, are left out; [`PodTemplate::revealed`] has them.
#[derive(Clone, PartialEq)]
pub struct PodTemplate(Arc<Value>);

impl PodTemplate {
    /// The template as it is in the workload.
    #[must_use]
    pub fn new(template: Arc<Value>) -> Self {
        Self(template)
    }

    /// The template with everything that is in it, for Beamlit alone.
    #[must_use]
    pub fn revealed(&self) -> &Value {
        &self.0
    }

    /// The template as people may see it.
    #[must_use]
    pub fn redacted(&self) -> Value {
        let mut template = self.0.as_ref().clone();
        redact(&mut template);
        template
    }
}

/// JSON that was read is never nested deeper than the reader allows.
fn redact(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                if SECRETIVE.contains(&key.as_str()) { redact_values(value) } else { redact(value) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Of a list of names and values, the values, whatever their types; of anything else, all. A manifest may hold what no pod can.
fn redact_values(value: &mut Value) {
    match value {
        Value::Null => {}
        Value::Array(items) => {
            for item in items {
                match item.as_object_mut() {
                    Some(item) => item.get_mut("value").filter(|value| !value.is_null()).into_iter().for_each(hide),
                    None => hide(item),
                }
            }
        }
        _ => hide(value),
    }
}

fn hide(value: &mut Value) {
    *value = Value::String(REDACTED.to_owned());
}

impl Serialize for PodTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.redacted().serialize(serializer)
    }
}

impl fmt::Debug for PodTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PodTemplate").field(&self.redacted()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_environment_variables_and_headers_are_shown_to_nobody() {
        let container = |value: Value| {
            json!({"name": "c", "env": [{"name": "TOKEN", "value": value}, {"name": "FROM",
                "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}, "hunter2", {"name": "EMPTY", "value": null}],
                "livenessProbe": {"httpGet": {"path": "/", "httpHeaders": [{"name": "Authorization", "value": "hunter2"}]}}})
        };
        // As it should be, and as nobody should write it.
        let template = PodTemplate::new(Arc::new(json!({"metadata": {"labels": {"a": "b"}}, "spec": {
            "initContainers": {"a": container(json!("hunter2"))}, "containers": [container(json!(["hunter2"])), "odd"],
            "ephemeralContainers": [{"env": {"A": "hunter2"}}]}})));
        for shown in [serde_json::to_string(&template).unwrap(), format!("{template:?}")] {
            assert!(!shown.contains("hunter2") && shown.contains("TOKEN") && shown.contains("secretKeyRef"), "{shown}");
            assert_eq!(shown.matches(REDACTED).count(), 7, "{shown}");
        }
        assert_eq!(template.revealed().to_string().matches("hunter2").count(), 7);
    }

    #[test]
    fn what_is_no_template_is_shown_as_it_is() {
        for odd in [json!(null), json!({"spec": []}), json!({"spec": {"containers": {"a": 1}}})] {
            assert_eq!(PodTemplate::new(Arc::new(odd.clone())).redacted(), odd);
        }
    }
}
