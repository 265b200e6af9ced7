//! An object as the watches read it: its metadata and what is needed of its spec. What else the API server sends is passed over while
//! it is read, so that it never lies in memory as a whole.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{ApiResource, ObjectMeta};
use kube::core::DynamicResourceScope;
use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An object with so much of what stands beside its metadata.
#[derive(Clone, Debug)]
pub(crate) struct Slim<B> {
    /// Nothing but its name, namespace, uid, version, labels, our own annotations, and since when it is there and is being deleted.
    pub(crate) metadata: ObjectMeta,
    pub(crate) body: B,
}

/// A spec, and nothing else.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Spec<S> {
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

/// As much of the metadata as is kept. What manages which field is often the larger part of an object.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<Ours>,
}

impl From<Metadata> for ObjectMeta {
    fn from(metadata: Metadata) -> Self {
        let Metadata {
            name,
            namespace,
            uid,
            resource_version,
            creation_timestamp,
            deletion_timestamp,
            labels,
            annotations,
        } = metadata;
        let annotations = annotations.map(|Ours(annotations)| annotations);
        Self {
            name,
            namespace,
            uid,
            resource_version,
            creation_timestamp,
            deletion_timestamp,
            labels,
            annotations,
            ..Self::default()
        }
    }
}

/// Our own annotations. Those of others may be as large as the object.
struct Ours(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Ours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Ours;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("annotations")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ours, A::Error> {
                let mut ours = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    if key.contains(".beamlit.com/") {
                        ours.insert(key, map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Ours(ours))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

impl<'de, B: Deserialize<'de>> Deserialize<'de> for Slim<B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<B>(PhantomData<B>);
        impl<'de, B: Deserialize<'de>> Visitor<'de> for Object<B> {
            type Value = Slim<B>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Slim<B>, A::Error> {
                let mut metadata = None;
                let beside = Beside { map, metadata: &mut metadata };
                let body = B::deserialize(MapAccessDeserializer::new(beside))?;
                Ok(Slim { metadata: metadata.unwrap_or_default().into(), body })
            }
        }
        deserializer.deserialize_map(Object(PhantomData))
    }
}

/// The members of an object but for its metadata, which is read on the way. (`flatten` would hold the whole of the object in memory.)
struct Beside<'m, A> {
    map: A,
    metadata: &'m mut Option<Metadata>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Beside<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            if key != "metadata" {
                let key: StringDeserializer<A::Error> = key.into_deserializer();
                return seed.deserialize(key).map(Some);
            }
            if self.metadata.replace(self.map.next_value()?).is_some() {
                return Err(A::Error::duplicate_field("metadata"));
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

impl<B> kube::Resource for Slim<B> {
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
    fn of_the_metadata_what_is_needed_is_read() {
        let metadata = json!({"name": "n", "namespace": "ns", "uid": "u", "resourceVersion": "7", "generation": 3,
            "labels": {"a": "b"}, "deletionTimestamp": "2026-01-02T03:04:05Z", "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": {"routing.beamlit.com/local-weight": "50", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
            "managedFields": [{"manager": "m", "operation": "Apply"}]});
        let object = json!({"kind": "A", "spec": {"b": 1}, "metadata": metadata, "status": {"c": 2}});
        let slim: Slim<Spec<Value>> = serde_json::from_value(object).unwrap();
        let expected = json!({"name": "n", "namespace": "ns", "uid": "u", "resourceVersion": "7", "labels": {"a": "b"},
            "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T03:04:05Z",
            "annotations": {"routing.beamlit.com/local-weight": "50"}});
        assert_eq!(serde_json::to_value(&slim.metadata).unwrap(), expected);
        assert_eq!(slim.body.spec, json!({"b": 1}));
        let twice = r#"{"metadata": {}, "metadata": {}}"#;
        assert!(serde_json::from_str::<Slim<Spec<Value>>>(twice).is_err());
    }

    #[test]
    fn of_a_workload_the_ports_are_read_and_nothing_else() {
        let container = json!({"name": "app", "image": "a", "env": [{"name": "A", "value": "secret"}],
            "ports": [{"name": "http", "containerPort": 8080}], "restartPolicy": "Always"});
        let object = json!({"metadata": {"name": "w"}, "status": {"replicas": 1}, "spec": {"replicas": 1,
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"nodeName": "n", "containers": [container]}}}});
        let slim: Slim<Spec<PodPorts>> = serde_json::from_value(object).unwrap();
        assert_eq!(slim.metadata.name.as_deref(), Some("w"));
        let kept = json!({"ports": [{"name": "http", "containerPort": 8080}], "restartPolicy": "Always"});
        assert_eq!(
            serde_json::to_value(slim.body.spec).unwrap(),
            json!({"template": {"spec": {"containers": [kept], "initContainers": []}}})
        );
    }

    #[test]
    fn what_has_no_spec_can_be_read() {
        assert!(
            serde_json::from_value::<Slim<Spec<PodPorts>>>(json!({"metadata": {}, "spec": {"template": {}}})).is_ok()
        );
        assert!(serde_json::from_value::<Slim<Spec<PodPorts>>>(json!({"metadata": {}})).is_ok());
        assert_eq!(serde_json::from_value::<Slim<Spec<Value>>>(json!({"kind": "A"})).unwrap().body.spec, Value::Null);
    }
}
