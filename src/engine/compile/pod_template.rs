//! The pod template of a workload, as Beamlit is sent it. People see it without the values of environment variables.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// What stands in the place of a value that nobody may see.
pub const REDACTED: &str = "(redacted)";

/// The lists of a pod that hold containers.
const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// A pod template, in the names that JSON has for it. However it is shown or written, the values of its environment variables
/// are left out; [`PodTemplate::revealed`] has them.
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
        let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) else { return template };
        for list in CONTAINERS {
            spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().for_each(redact);
        }
        template
    }
}

fn redact(container: &mut Value) {
    let variables = container.get_mut("env").and_then(Value::as_array_mut);
    for value in variables.into_iter().flatten().filter_map(Value::as_object_mut).filter_map(value_of) {
        *value = Value::String(REDACTED.to_owned());
    }
}

/// Whatever its type: a manifest may hold a number where a text belongs.
fn value_of(variable: &mut Map<String, Value>) -> Option<&mut Value> {
    variable.get_mut("value").filter(|value| !value.is_null())
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
    fn values_of_environment_variables_are_shown_to_nobody() {
        let container = |value: Value| {
            json!({"name": "c", "env": [{"name": "TOKEN", "value": value}, {"name": "FROM",
            "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}, "odd", {"name": "EMPTY", "value": null}]})
        };
        let template = PodTemplate::new(Arc::new(json!({"metadata": {"labels": {"a": "b"}}, "spec": {
            "initContainers": [container(json!("hunter2"))], "containers": [container(json!(["hunter2"])), "odd"],
            "ephemeralContainers": [container(json!({"x": "hunter2"}))]}})));
        for shown in [serde_json::to_string(&template).unwrap(), format!("{template:?}")] {
            assert!(!shown.contains("hunter2") && shown.contains("TOKEN") && shown.contains("secretKeyRef"), "{shown}");
            assert_eq!(shown.matches(REDACTED).count(), 3, "{shown}");
        }
        assert_eq!(template.revealed().to_string().matches("hunter2").count(), 3);
    }

    #[test]
    fn what_is_no_template_is_shown_as_it_is() {
        for odd in [json!(null), json!({"spec": []}), json!({"spec": {"containers": {"env": 1}}})] {
            assert_eq!(PodTemplate::new(Arc::new(odd.clone())).redacted(), odd);
        }
    }
}
