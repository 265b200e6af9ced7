//! An object as the watches read it: its metadata and what is needed of its spec. What else the API server sends is passed over while
//! it is read, so that it never lies in memory as a whole.

use std::borrow::Cow;

use kube::api::{ApiResource, ObjectMeta};
use kube::core::DynamicResourceScope;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An object with so much of its spec.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Slim<S> {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    #[serde(default)]
    pub(super) spec: S,
}

/// The ports in the spec of a workload.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct PodPorts {
    template: Template,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Template {
    spec: PodSpec,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    containers: Vec<Container>,
    init_containers: Vec<Container>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    ports: Value,
    restart_policy: Value,
}

impl PodPorts {
    /// As it would stand in a spec.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::to_value(self).ok()
    }
}

impl<S> kube::Resource for Slim<S> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn group(of: &ApiResource) -> Cow<'_, str> {
        of.group.as_str().into()
    }

    fn version(of: &ApiResource) -> Cow<'_, str> {
        of.version.as_str().into()
    }

    fn kind(of: &ApiResource) -> Cow<'_, str> {
        of.kind.as_str().into()
    }

    fn plural(of: &ApiResource) -> Cow<'_, str> {
        of.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_workload_the_ports_are_read_and_nothing_else() {
        let container = json!({"name": "app", "image": "a", "env": [{"name": "A", "value": "secret"}],
            "ports": [{"name": "http", "containerPort": 8080}], "restartPolicy": "Always"});
        let object = json!({"metadata": {"name": "w"}, "status": {"replicas": 1}, "spec": {"replicas": 1,
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"nodeName": "n", "containers": [container]}}}});
        let slim: Slim<PodPorts> = serde_json::from_value(object).unwrap();
        assert_eq!(slim.metadata.name.as_deref(), Some("w"));
        let kept = json!({"ports": [{"name": "http", "containerPort": 8080}], "restartPolicy": "Always"});
        assert_eq!(
            serde_json::to_value(slim.spec).unwrap(),
            json!({"template": {"spec": {"containers": [kept], "initContainers": []}}})
        );
    }

    #[test]
    fn what_has_no_spec_can_be_read() {
        assert!(serde_json::from_value::<Slim<PodPorts>>(json!({"metadata": {}, "spec": {"template": {}}})).is_ok());
        assert!(serde_json::from_value::<Slim<PodPorts>>(json!({"metadata": {}})).is_ok());
        assert_eq!(serde_json::from_value::<Slim<Value>>(json!({"kind": "A"})).unwrap().spec, Value::Null);
    }
}
