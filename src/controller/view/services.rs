//! The Services: who routes them by which annotations, and what their ports are called.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::Deserialize;

use super::interned::Interned;
use super::kept::Store;
use super::{Change, Service};
use crate::engine::compile::annotations;
use crate::engine::world::Name;
use crate::watch::Slim;

#[derive(Default)]
pub(super) struct Services {
    all: HashMap<Name, Entry>,
    /// By who routes them.
    routed: HashMap<Box<str>, BTreeSet<Name>>,
    /// Most Services have the ports of many others.
    ports: Interned<[Port]>,
}

/// A port of a Service: its number, and its name, by which the endpoints' ports are called as well.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Port {
    pub(super) number: i32,
    pub(super) name: Box<str>,
}

/// What is kept of a Service.
#[derive(PartialEq, Eq)]
struct Entry {
    uid: Arc<str>,
    version: Arc<str>,
    /// In the order of [`annotations::ALL`]; most Services have none.
    annotations: Option<Box<[Option<Box<str>>; annotations::ALL.len()]>>,
    external: bool,
    ports: Arc<[Port]>,
}

impl Services {
    pub(super) fn get(&self, name: &Name) -> Option<Service> {
        let Entry { uid, version, annotations, external: _, ports: _ } = self.all.get(name)?;
        let values = annotations.iter().flat_map(|values| values.iter());
        let annotations =
            annotations::ALL.into_iter().zip(values).filter_map(|(key, value)| Some((key, value.as_deref()?)));
        Some(Service {
            uid: Arc::clone(uid),
            resource_version: Arc::clone(version),
            annotations: annotations.map(|(key, value)| (key, value.to_owned())).collect(),
        })
    }

    /// The ports of a Service, if it has endpoints of its own that one can count: the name of one that is external says nothing.
    pub(super) fn ports(&self, name: &Name) -> Option<Arc<[Port]>> {
        let entry = self.all.get(name).filter(|entry| !entry.external)?;
        Some(Arc::clone(&entry.ports))
    }

    pub(super) fn routed_by(&self, owner: &str) -> Vec<Name> {
        self.routed.get(owner).into_iter().flatten().cloned().collect()
    }

    /// Whom Services name as their owners.
    pub(super) fn owners(&self) -> Vec<String> {
        self.routed.keys().map(|owner| owner.to_string()).collect()
    }

    /// Takes an entry out.
    fn forget(&mut self, name: &Name) -> Option<Entry> {
        let entry = self.all.remove(name)?;
        if let Some(owner) = entry.owner()
            && let Some(names) = self.routed.get_mut(owner)
        {
            names.remove(name);
            if names.is_empty() {
                self.routed.remove(owner);
            }
        }
        Some(entry)
    }
}

impl Entry {
    /// Who routes it, as it says.
    fn owner(&self) -> Option<&str> {
        self.annotations.as_deref().and_then(|[owner, ..]| owner.as_deref())
    }

    /// Whether they differ in what anybody reacts to. The version only changes with something.
    fn differs(&self, other: &Self) -> bool {
        let Self { uid, version: _, annotations, external, ports } = self;
        let other = (&other.uid, &other.annotations, &other.external, &other.ports);
        (uid, annotations, external, ports) != other
    }
}

impl Store for Services {
    type Body = Body;

    fn put(&mut self, name: &Name, object: Slim<Body>, tell: &mut dyn FnMut(Change)) {
        let Slim { metadata, body: Body { spec } } = object;
        let mut given = metadata.annotations.unwrap_or_default();
        let annotations = annotations::ALL.map(|key| given.remove(key).map(String::into_boxed_str));
        let ports: Vec<Port> = spec.ports.into_iter().flatten().map(Port::from).collect();
        let entry = Entry {
            uid: metadata.uid.unwrap_or_default().into(),
            version: metadata.resource_version.unwrap_or_default().into(),
            annotations: annotations.iter().any(Option::is_some).then(|| Box::new(annotations)),
            external: spec.r#type.as_deref() == Some("ExternalName"),
            ports: self.ports.one(ports),
        };
        let before = self.forget(name);
        let news = before.as_ref().is_none_or(|before| before.differs(&entry));
        if let Some(owner) = entry.owner() {
            self.routed.entry(owner.into()).or_default().insert(name.clone());
        }
        self.all.insert(name.clone(), entry);
        if let Some(before) = before {
            self.ports.release(before.ports);
        }
        if news {
            tell(Change::Service(name.clone()));
        }
    }

    fn remove(&mut self, name: &Name, tell: &mut dyn FnMut(Change)) {
        if let Some(entry) = self.forget(name) {
            self.ports.release(entry.ports);
            tell(Change::Service(name.clone()));
        }
    }

    fn names(&self) -> impl Iterator<Item = &Name> {
        self.all.keys()
    }

    fn count(&self) -> usize {
        self.all.len()
    }
}

/// What is read of a Service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    spec: Spec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    r#type: Option<String>,
    ports: Option<Vec<PortOfSpec>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PortOfSpec {
    port: i32,
    name: Option<String>,
}

impl From<PortOfSpec> for Port {
    fn from(PortOfSpec { port, name }: PortOfSpec) -> Self {
        Self { number: port, name: name.unwrap_or_default().into() }
    }
}
