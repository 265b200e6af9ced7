//! The workloads of one kind: whom they select, and how many pods they have.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::{Deserialize, Deserializer};

use super::kept::Store;
use super::{Change, Scaled, Selector};
use crate::engine::world::{Name, Workload};
use crate::watch::Slim;

pub(super) struct Workloads {
    kind: Workload,
    all: HashMap<Name, Arc<Scaled>>,
}

impl Workloads {
    pub(super) fn new(kind: Workload) -> Self {
        Self { kind, all: HashMap::new() }
    }

    pub(super) fn get(&self, name: &Name) -> Option<Arc<Scaled>> {
        self.all.get(name).cloned()
    }
}

impl Store for Workloads {
    type Body = Body;

    fn put(&mut self, name: &Name, object: Slim<Body>, tell: &mut dyn FnMut(Change)) {
        let scaled = object.body.scaled(self.kind, object.metadata.uid.unwrap_or_default());
        if self.all.get(name).is_none_or(|known| **known != scaled) {
            self.all.insert(name.clone(), Arc::new(scaled));
            tell(Change::Workload(self.kind, name.clone()));
        }
    }

    fn remove(&mut self, name: &Name, tell: &mut dyn FnMut(Change)) {
        if self.all.remove(name).is_some() {
            tell(Change::Workload(self.kind, name.clone()));
        }
    }

    fn names(&self) -> impl Iterator<Item = &Name> {
        self.all.keys()
    }

    fn count(&self) -> usize {
        self.all.len()
    }
}

/// What is read of a workload.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    spec: Spec,
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    selector: LabelSelector,
    template: Print,
}

/// What tells one template of pods from another; the template itself is passed over.
#[derive(Clone, Copy, Debug, Default)]
struct Print(u64);

impl<'de> Deserialize<'de> for Print {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let template = serde_json::Value::deserialize(deserializer)?;
        let mut hasher = DefaultHasher::new();
        template.to_string().hash(&mut hasher);
        Ok(Self(hasher.finish()))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    replicas: i32,
    current_number_scheduled: i32,
}

impl Body {
    fn scaled(&self, kind: Workload, uid: String) -> Scaled {
        let Self { spec, status } = self;
        let replicas = match kind {
            Workload::DaemonSet => status.current_number_scheduled,
            _ => status.replicas,
        };
        Scaled {
            uid: uid.into(),
            selector: Selector::of(&spec.selector).unwrap_or_else(|_| Selector::none()),
            replicas: replicas.try_into().unwrap_or_default(),
            template: spec.template.0,
        }
    }
}
