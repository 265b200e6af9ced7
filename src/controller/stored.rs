//! One of our own objects as the reconciler keeps it: its metadata, and the rest as text, which takes a fraction of the memory of a
//! tree and is read when it is needed.

use std::borrow::Cow;
use std::marker::PhantomData;

use kube::api::ObjectMeta;
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::ObjectRef;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::api::VERSION;
use crate::engine::Kind;
use crate::engine::parse::{JsonLimits, Member, Node, Value as Tree, from_json};
use crate::engine::world::Name;

/// A kind of ours.
pub(super) trait Ours: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The kind.
    const KIND: Kind;
    /// Its plural name, for paths.
    const PLURAL: &'static str;
    /// What its watch is called: the gate has one of its own.
    const WATCH: &'static str;
}

/// ModelDeployments.
#[derive(Clone, Debug)]
pub(super) enum ModelDeployments {}

/// OffloadAutoscalers.
#[derive(Clone, Debug)]
pub(super) enum OffloadAutoscalers {}

/// Policies.
#[derive(Clone, Debug)]
pub(super) enum Policies {}

impl Ours for ModelDeployments {
    const KIND: Kind = Kind::ModelDeployment;
    const PLURAL: &'static str = "modeldeployments";
    const WATCH: &'static str = "modeldeployments (reconciled)";
}

impl Ours for OffloadAutoscalers {
    const KIND: Kind = Kind::OffloadAutoscaler;
    const PLURAL: &'static str = "offloadautoscalers";
    const WATCH: &'static str = "offloadautoscalers (reconciled)";
}

impl Ours for Policies {
    const KIND: Kind = Kind::Policy;
    const PLURAL: &'static str = "policies";
    const WATCH: &'static str = "policies (reconciled)";
}

/// `metadata.resourceVersion` as a number: the greater is the newer. Kubernetes promises that from 1.35 on; etcd's were always so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u64);

impl Version {
    /// None of what is no number, of which nobody can tell.
    pub(super) fn read(resource_version: &str) -> Option<Self> {
        resource_version.parse().ok().map(Self)
    }
}

/// An object of one of these kinds.
#[derive(Clone, Debug)]
pub(super) struct Stored<K> {
    /// Its metadata, without what nobody here asks for.
    pub(super) metadata: ObjectMeta,
    spec: Option<Box<str>>,
    status: Option<Box<str>>,
    of: PhantomData<K>,
}

/// An object as the API server sends it.
#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: Option<Value>,
    status: Option<Value>,
}

impl<'de, K> Deserialize<'de> for Stored<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Sent { mut metadata, spec, status } = Sent::deserialize(deserializer)?;
        metadata.managed_fields = None;
        // What users and we ourselves note down for other ends can be as long as the object.
        if let Some(annotations) = &mut metadata.annotations {
            annotations.retain(|key, _| annotation::ALL.contains(&key.as_str()));
        }
        let text = |value: Option<Value>| value.map(|value| value.to_string().into());
        Ok(Self { metadata, spec: text(spec), status: text(status), of: PhantomData })
    }
}

/// The annotations by which people tell the operator something.
pub(super) mod annotation {
    /// Holds the weight of one object: `freeze` or `home`.
    pub(in crate::controller) const PAUSED: &str = "offloading.beamlit.com/paused";
    /// Takes over on Beamlit what carries another object's mark, if it says `true`.
    pub(in crate::controller) const ADOPT: &str = "deployment.beamlit.com/adopt";
    /// Lets the object go without anything being done on Beamlit, whatever it says.
    pub(in crate::controller) const ORPHAN: &str = "deployment.beamlit.com/orphan";
    /// What is read of an object's annotations.
    pub(super) const ALL: [&str; 3] = [PAUSED, ADOPT, ORPHAN];
}

impl<K: Ours> Stored<K> {
    /// Its full name.
    #[must_use]
    pub(super) fn name(&self) -> Name {
        let ObjectMeta { name, namespace, .. } = &self.metadata;
        Name::new(namespace.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default())
    }

    /// As kube-runtime names it.
    #[must_use]
    pub(super) fn reference(&self) -> ObjectRef<Self> {
        reference(&self.name())
    }

    /// What tells it from another one of the same name.
    #[must_use]
    pub(super) fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    /// Its version, if one can be told from another.
    pub(super) fn version(&self) -> Option<Version> {
        Version::read(self.metadata.resource_version.as_deref()?)
    }

    /// The number of its spec.
    #[must_use]
    pub(super) fn generation(&self) -> i64 {
        self.metadata.generation.unwrap_or_default()
    }

    /// Whether it is being deleted.
    #[must_use]
    pub(super) fn is_going(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// What one of [`annotation`] says.
    #[must_use]
    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// Whether a finalizer is on it.
    #[must_use]
    pub(super) fn has_finalizer(&self, finalizer: &str) -> bool {
        self.metadata.finalizers.iter().flatten().any(|own| own == finalizer)
    }

    /// The uid of the object that controls it, if one of this kind does.
    #[must_use]
    pub(super) fn controlled_by(&self, kind: Kind) -> Option<&str> {
        let owners = self.metadata.owner_references.iter().flatten();
        let mut ours = owners.filter(|owner| owner.controller == Some(true) && owner.kind == kind.name());
        ours.find(|owner| owner.api_version == format!("{}/{VERSION}", kind.group())).map(|owner| owner.uid.as_str())
    }

    /// Its spec as a tree.
    #[must_use]
    pub(super) fn spec(&self) -> Option<Value> {
        serde_json::from_str(self.spec.as_deref()?).ok()
    }

    /// Its status as a type; none without one, or with one that is no such thing.
    #[must_use]
    pub(super) fn status<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.status.as_deref()?).ok()
    }

    /// The object as the judge reads it.
    #[must_use]
    pub(super) fn node(&self) -> Node<'_> {
        let member = |key: &'static str, value| Member { key: key.into(), key_at: Default::default(), value };
        let text = |text: &str| Node::new(Tree::Text(text.to_owned().into()));
        let ObjectMeta { name, namespace, labels, creation_timestamp, .. } = &self.metadata;
        let created = creation_timestamp.as_ref().map(|at| at.0.to_string());
        let labels = labels.iter().flatten();
        let labels = labels.map(|(key, value)| Member {
            key: Cow::Borrowed(key.as_str()),
            key_at: Default::default(),
            value: text(value),
        });
        let metadata = vec![
            member("name", text(name.as_deref().unwrap_or_default())),
            member("namespace", text(namespace.as_deref().unwrap_or_default())),
            member("creationTimestamp", text(created.as_deref().unwrap_or_default())),
            member("labels", Node::new(Tree::Map(labels.collect()))),
        ];
        let mut members = vec![member("metadata", Node::new(Tree::Map(metadata)))];
        // It was a tree once, so that it can be read again.
        let spec = self.spec.as_deref().and_then(|spec| from_json(spec.as_bytes(), JsonLimits::UniqueKeys).ok());
        members.extend(spec.map(|spec| member("spec", spec)));
        Node::new(Tree::Map(members))
    }
}

/// An object of this name, as kube-runtime names it.
pub(super) fn reference<K: Ours>(name: &Name) -> ObjectRef<Stored<K>> {
    ObjectRef::new(name.name()).within(name.namespace())
}

impl<K: Ours> kube::Resource for Stored<K> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn group((): &()) -> Cow<'_, str> {
        K::KIND.group().into()
    }

    fn version((): &()) -> Cow<'_, str> {
        VERSION.into()
    }

    fn kind((): &()) -> Cow<'_, str> {
        K::KIND.name().into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::PLURAL.into()
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

    fn stored(object: Value) -> Stored<ModelDeployments> {
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn what_is_kept_can_be_judged_and_what_nobody_asks_for_is_dropped() {
        let object = stored(json!({"metadata": {"name": "m", "namespace": "a", "labels": {"team": "x"},
            "managedFields": [{"manager": "kubectl"}],
            "annotations": {"offloading.beamlit.com/paused": "home", "kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            "spec": {"model": "m", "quantity": 0.1}, "status": {"offloadingStatus": true}}));
        assert_eq!(object.name(), Name::new("a", "m"));
        assert_eq!(object.metadata.managed_fields, None);
        assert_eq!(object.metadata.annotations.as_ref().unwrap().len(), 1);
        assert_eq!(object.annotation(annotation::PAUSED), Some("home"));
        let node = object.node();
        assert_eq!(node.find(&["metadata", "labels", "team"]).and_then(Node::text), Some("x"));
        assert_eq!(node.find(&["spec", "model"]).and_then(Node::text), Some("m"));
        assert_eq!(object.spec().unwrap(), json!({"model": "m", "quantity": 0.1}));
        assert_eq!(object.status::<Value>().unwrap()["offloadingStatus"], true);
    }

    #[test]
    fn only_the_controlling_object_of_the_kind_counts() {
        let owner = |kind: &str, controller: bool| {
            json!({"apiVersion": "deployment.beamlit.com/v1alpha1", "kind": kind,
            "name": "m", "uid": format!("{kind}-{controller}"), "controller": controller})
        };
        let object =
            stored(json!({"metadata": {"ownerReferences": [owner("Job", true), owner("ModelDeployment", false),
            owner("ModelDeployment", true)]}}));
        assert_eq!(object.controlled_by(Kind::ModelDeployment), Some("ModelDeployment-true"));
        assert_eq!(object.controlled_by(Kind::Policy), None);
    }

    #[test]
    fn an_object_without_spec_and_status_is_one() {
        let object = stored(json!({"metadata": {"name": "m"}}));
        assert_eq!((object.spec(), object.status::<Value>()), (None, None));
        assert_eq!(object.node().get("spec"), None);
    }
}
