//! What is kept of one resource: how the events of its watch become that.

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kube::api::{Api, ApiResource};
use kube::client::Client;
use kube::runtime::watcher::Event;
use serde::de::DeserializeOwned;

use super::Change;
use crate::engine::world::{Lookup, Name};
use crate::telemetry::metrics::Metrics;
use crate::watch::{Health, Retries, Slim, events, named};

/// An index over what is needed of the objects of one resource.
pub(super) trait Store: Send + Sync {
    /// What is read of an object beside its metadata.
    type Body: Clone + Debug + DeserializeOwned + Send + 'static;

    /// Takes in an object in the place of what was known by its name, and tells what that changes for whoever asks.
    fn put(&mut self, name: &Name, object: Slim<Self::Body>, tell: &mut dyn FnMut(Change));

    /// Forgets an object.
    fn remove(&mut self, name: &Name, tell: &mut dyn FnMut(Change));

    /// Of which objects something is known.
    fn names(&self) -> impl Iterator<Item = &Name>;

    fn count(&self) -> usize;
}

/// What is kept of a resource, and how far it can be trusted.
pub(super) struct Kept<S> {
    api: ApiResource,
    pub(super) health: Health,
    store: RwLock<S>,
}

/// The objects of a list so far.
pub(super) type Listed = HashSet<Name>;

impl<S: Store> Kept<S> {
    /// `name` is how metrics and messages call it.
    pub(super) fn new(name: &'static str, api: ApiResource, store: S, metrics: &Arc<Metrics>) -> Self {
        Self { api, health: Health::new(name, metrics), store: RwLock::new(store) }
    }

    /// What came of looking for something.
    pub(super) fn look<T>(&self, look: impl FnOnce(&S) -> Option<T>) -> Lookup<T> {
        // In this order: what was looked at before its list was complete says nothing.
        if self.health.is_waiting() {
            return Lookup::Unknown;
        }
        look(&self.read()).map_or(Lookup::Missing, Lookup::Found)
    }

    /// As [`Kept::look`], of what does not count any more once the watch was lost for long.
    pub(super) fn look_while_it_counts<T>(&self, look: impl FnOnce(&S) -> Option<T>) -> Lookup<T> {
        if self.health.is_too_old() { Lookup::Unknown } else { self.look(look) }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, S> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, S> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps it current for as long as the future lives, and tells what changes.
    pub(super) async fn keep(&self, client: &Client, tell: &(dyn Fn(Change) + Sync)) {
        let _held = self.health.held();
        let api = Api::<Slim<S::Body>>::all_with(client.clone(), &self.api);
        let mut retries = Retries::new();
        loop {
            retries.start();
            let mut listed = Listed::default();
            let fault = events(api.clone(), |event| self.take(event, &mut listed, tell)).await;
            self.health.failed(&fault);
            retries.wait().await;
        }
    }

    /// What the watch tells. A list is taken in as it comes, and once it is complete, what was not in it is gone.
    pub(super) fn take(&self, event: Event<Slim<S::Body>>, listed: &mut Listed, tell: &(dyn Fn(Change) + Sync)) {
        // Nobody is told of what is known in part: until the first list is complete, nothing is.
        let first = self.health.is_waiting();
        let mut changes = Vec::new();
        let mut changed = |change| changes.push(change);
        let mut store = self.write();
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(object) => {
                let name = named(&object.metadata);
                store.put(&name, object, &mut changed);
                listed.insert(name);
            }
            Event::InitDone => {
                let gone: Vec<Name> = store.names().filter(|name| !listed.contains(name)).cloned().collect();
                gone.iter().for_each(|name| store.remove(name, &mut changed));
                *listed = Listed::default();
                self.health.listed();
                if first {
                    changes = vec![Change::All];
                }
            }
            Event::Apply(object) => store.put(&named(&object.metadata), object, &mut changed),
            Event::Delete(object) => store.remove(&named(&object.metadata), &mut changed),
        }
        self.health.measured(store.count());
        drop(store);
        if !self.health.is_waiting() {
            changes.into_iter().for_each(tell);
        }
    }
}
