//! The EndpointSlices: which endpoints of each Service are ready.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use serde::Deserialize;

use super::Change;
use super::interned::Interned;
use super::kept::Store;
use super::services::Port;
use crate::engine::world::Name;
use crate::offload::observation::Local;
use crate::watch::Slim;

/// The Service that a slice belongs to.
const SERVICE: &str = "kubernetes.io/service-name";

/// Who keeps a slice.
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";

/// How this operator signs its slices: they lead elsewhere, and say nothing of what is ready here.
const OURS: &str = "beamlit-operator";

#[derive(Default)]
pub(super) struct Slices {
    all: HashMap<Name, Slice>,
    /// The slices of each Service.
    of_service: HashMap<Name, Vec<Name>>,
    ports: Interned<[Box<str>]>,
    hasher: RandomState,
}

/// What is kept of a slice.
#[derive(PartialEq, Eq)]
struct Slice {
    service: Name,
    /// What its ports are called.
    ports: Arc<[Box<str>]>,
    ready: Endpoints,
}

/// The endpoints of a slice that are ready.
#[derive(PartialEq, Eq)]
enum Endpoints {
    /// Each by a hash of what it is told by, in order and once. Two that had the same would count as one, and never as none.
    Addresses(Box<[u64]>),
    /// Names that somebody else resolves (address type FQDN): no part of Kubernetes says what they mean.
    Names,
}

impl Slices {
    /// What is ready of a Service that has these ports, at one of them or at any.
    pub(super) fn local(&self, service: &Name, ports: &[Port], port: Option<i32>) -> Local {
        let wanted = match port {
            None => None,
            Some(number) => match ports.iter().find(|port| port.number == number) {
                Some(port) => Some(&*port.name),
                None => return Local::Unknown,
            },
        };
        // A pod in which a named port is not to be found gets into a slice that lacks the port: nothing reaches it there.
        let serves = |slice: &&Slice| match wanted {
            Some(wanted) => slice.ports.iter().any(|name| **name == *wanted),
            None => ports.is_empty() || !slice.ports.is_empty(),
        };
        // Of a Service without endpoints there is a slice without endpoints. Where there is none, nobody has said anything yet, as in the
        // first moments of a Service, or nobody ever will, of one without a selector.
        let Some(names) = self.of_service.get(service) else { return Local::Unknown };
        let slices = names.iter().filter_map(|name| self.all.get(name));
        let (mut seen, mut has_names) = (HashSet::<u64>::new(), false);
        for slice in slices.filter(serves) {
            match &slice.ready {
                Endpoints::Addresses(ready) => seen.extend(ready),
                Endpoints::Names => has_names = true,
            }
        }
        if has_names && seen.is_empty() {
            return Local::Unknown;
        }
        Local::Ready(seen.len().try_into().unwrap_or(u32::MAX))
    }

    fn slice(&mut self, name: &Name, object: Slim<Body>) -> Option<Slice> {
        let Slim { metadata, body: Body { address_type, endpoints, ports } } = object;
        let labels = metadata.labels?;
        if labels.get(MANAGED_BY).is_some_and(|by| by == OURS) {
            return None;
        }
        let service = Name::new(name.namespace(), labels.get(SERVICE).filter(|service| !service.is_empty())?);
        // Of each Service the name is kept once.
        let service = self.of_service.get_key_value(&service).map_or(service, |(known, _)| known.clone());
        let mut ports: Vec<Box<str>> =
            ports.into_iter().flatten().map(|port| port.name.unwrap_or_default().into()).collect();
        ports.sort_unstable();
        let ready = if address_type == "FQDN" {
            Endpoints::Names
        } else {
            let ready = endpoints.into_iter().flatten().filter(Endpoint::is_ready);
            let mut ready: Vec<u64> = ready.map(|endpoint| self.hasher.hash_one(endpoint.told_by())).collect();
            ready.sort_unstable();
            ready.dedup();
            Endpoints::Addresses(ready.into())
        };
        Some(Slice { service, ports: self.ports.one(ports), ready })
    }

    /// Takes a slice out.
    fn forget(&mut self, name: &Name) -> Option<Slice> {
        let slice = self.all.remove(name)?;
        if let Some(names) = self.of_service.get_mut(&slice.service) {
            names.retain(|other| other != name);
            if names.is_empty() {
                self.of_service.remove(&slice.service);
            }
        }
        Some(slice)
    }
}

impl Store for Slices {
    type Body = Body;

    fn put(&mut self, name: &Name, object: Slim<Body>, tell: &mut dyn FnMut(Change)) {
        let Some(slice) = self.slice(name, object) else { return self.remove(name, tell) };
        if self.all.get(name) == Some(&slice) {
            return;
        }
        let before = self.forget(name);
        let service = slice.service.clone();
        self.of_service.entry(service.clone()).or_default().push(name.clone());
        self.all.insert(name.clone(), slice);
        if let Some(before) = before {
            if before.service != service {
                tell(Change::Endpoints(before.service));
            }
            self.ports.release(before.ports);
        }
        tell(Change::Endpoints(service));
    }

    fn remove(&mut self, name: &Name, tell: &mut dyn FnMut(Change)) {
        if let Some(slice) = self.forget(name) {
            self.ports.release(slice.ports);
            tell(Change::Endpoints(slice.service));
        }
    }

    fn names(&self) -> impl Iterator<Item = &Name> {
        self.all.keys()
    }

    fn count(&self) -> usize {
        self.all.len()
    }
}

/// What is read of a slice. Lists that are empty are null there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Body {
    address_type: String,
    endpoints: Option<Vec<Endpoint>>,
    ports: Option<Vec<PortOfSlice>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PortOfSlice {
    name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Endpoint {
    addresses: Option<Vec<String>>,
    conditions: Conditions,
    target_ref: Option<TargetRef>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
    terminating: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct TargetRef {
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    uid: Option<String>,
}

impl Endpoint {
    /// One of which nobody says so is ready. One that ends is not, also where the Service publishes what is not ready.
    fn is_ready(&self) -> bool {
        let Conditions { ready, terminating } = self.conditions;
        ready.unwrap_or(true) && !terminating.unwrap_or(false)
    }

    /// What tells it from others, in slices of IPv4 and of IPv6 alike: what it stands for, or else its addresses.
    fn told_by(&self) -> (u8, [&str; 3]) {
        fn of(text: &Option<String>) -> &str {
            text.as_deref().unwrap_or_default()
        }
        if let Some(TargetRef { kind, namespace, name, uid }) = &self.target_ref {
            if !of(uid).is_empty() {
                return (0, [of(uid), "", ""]);
            }
            if !of(name).is_empty() {
                return (1, [of(kind), of(namespace), of(name)]);
            }
        }
        (2, [self.addresses.iter().flatten().next().map_or("", |address| address), "", ""])
    }
}
