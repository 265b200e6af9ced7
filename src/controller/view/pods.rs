//! The pods of all namespaces, found by their labels.
//!
//! What the pods of one template have in common is kept once: their labels, which are what the index knows, and what they request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kube::core::Expression;

use super::interned::Interned;
use super::kept::Store;
use super::pod::{Body, Own, Shape};
use super::{Change, Selector};
use crate::engine::world::Name;
use crate::offload::Time;
use crate::offload::evaluate::{Phase, Pod, Ready};
use crate::watch::Slim;

#[derive(Default)]
pub(super) struct Pods {
    all: HashMap<Name, Entry>,
    namespaces: HashMap<Box<str>, Namespace>,
    shapes: Interned<Shape>,
}

/// What is kept of a pod.
struct Entry {
    labels: Labels,
    shape: Arc<Shape>,
    deleting: bool,
    phase: Phase,
    ready: Option<Ready>,
    started: Option<Time>,
}

/// `key=value`; a key has no such sign.
type Label = Arc<str>;

/// The labels of a pod.
type Labels = Arc<[Label]>;

/// The pods of a namespace by their labels.
#[derive(Default)]
struct Namespace {
    /// All that have the same, in order.
    groups: HashMap<Labels, Vec<Name>>,
    /// The groups that have a label.
    with: HashMap<Label, Having>,
}

/// The groups that have a label: most labels are of one template alone, and need no set.
#[allow(
    clippy::box_collection,
    reason = "most are of the other variant, and would be three times as large without the box"
)]
enum Having {
    One(Labels),
    Many(Box<HashSet<Labels>>),
}

impl Having {
    fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(all) => all.len(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Labels> {
        let (one, many) = match self {
            Self::One(labels) => (Some(labels), None),
            Self::Many(all) => (None, Some(all.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    fn insert(&mut self, labels: &Labels) {
        match self {
            Self::One(one) => *self = Self::Many(Box::new(HashSet::from([Arc::clone(one), Arc::clone(labels)]))),
            Self::Many(all) => _ = all.insert(Arc::clone(labels)),
        }
    }

    /// Returns whether none is left.
    fn remove(&mut self, labels: &Labels) -> bool {
        match self {
            Self::One(one) => one == labels,
            Self::Many(all) => {
                all.remove(labels);
                all.is_empty()
            }
        }
    }
}

impl Pods {
    /// The pods that a selector selects, by name.
    pub(super) fn selected(&self, namespace: &str, selector: &Selector) -> Vec<Pod> {
        let Some(namespace) = self.namespaces.get(namespace) else { return Vec::new() };
        let mut names: Vec<&Name> = namespace.selected(selector).flatten().collect();
        names.sort_unstable();
        names.into_iter().filter_map(|name| Some(self.all.get(name)?.pod(name))).collect()
    }

    /// What a pod that is gone shared with others is let go.
    fn release(&mut self, name: &Name, Entry { labels, shape, .. }: Entry) {
        self.shapes.release(shape);
        if let Some(namespace) = self.namespaces.get_mut(name.namespace()) {
            namespace.remove(&labels, name);
            if namespace.groups.is_empty() {
                self.namespaces.remove(name.namespace());
            }
        }
    }
}

impl Store for Pods {
    type Body = Body;

    /// Nobody is told: that an endpoint is ready or not is what one reacts to, and the rest is looked at when the metrics are.
    fn put(&mut self, name: &Name, object: Slim<Body>, _: &mut dyn FnMut(Change)) {
        let Slim { metadata, body } = object;
        let (shape, Own { phase, ready, started }) = body.parts();
        let shape = self.shapes.one(shape);
        let namespace = self.namespaces.entry(name.namespace().into()).or_default();
        let labels = namespace.labels(metadata.labels.into_iter().flatten());
        namespace.add(&labels, name);
        let deleting = metadata.deletion_timestamp.is_some();
        let entry = Entry { labels: Arc::clone(&labels), shape, deleting, phase, ready, started };
        match self.all.insert(name.clone(), entry) {
            Some(before) if before.labels == labels => self.shapes.release(before.shape),
            Some(before) => self.release(name, before),
            None => {}
        }
    }

    fn remove(&mut self, name: &Name, _: &mut dyn FnMut(Change)) {
        if let Some(entry) = self.all.remove(name) {
            self.release(name, entry);
        }
    }

    fn names(&self) -> impl Iterator<Item = &Name> {
        self.all.keys()
    }

    fn count(&self) -> usize {
        self.all.len()
    }
}

impl Entry {
    fn pod(&self, name: &Name) -> Pod {
        let Self { labels: _, shape, deleting, phase, ready, started } = self;
        let Shape { containers, requests, overhead } = &**shape;
        Pod {
            name: name.name().to_owned(),
            deleting: *deleting,
            phase: *phase,
            ready: *ready,
            started: *started,
            containers: containers.clone(),
            requests: requests.clone(),
            overhead: overhead.clone(),
        }
    }
}

impl Namespace {
    /// The names of the pods that a selector selects, group by group.
    fn selected(&self, selector: &Selector) -> impl Iterator<Item = &Vec<Name>> {
        let label = |key: &str, value: &str| self.with.get(label(key, value).as_str());
        // The groups that meet one requirement, as far as the index knows them: one list for each value that it admits.
        let found = selector.requirements().filter_map(|requirement| match requirement {
            Expression::Equal(key, value) => Some(label(key, value).into_iter().collect::<Vec<_>>()),
            Expression::In(key, values) => Some(values.iter().filter_map(|value| label(key, value)).collect()),
            _ => None,
        });
        let fewest = found.min_by_key(|lists| lists.iter().map(|list| list.count()).sum::<usize>());
        let all = fewest.is_none().then(|| self.groups.keys());
        let some = fewest.into_iter().flatten().flat_map(Having::iter);
        let candidates = some.chain(all.into_iter().flatten());
        let selected = candidates.filter(|labels| selector.selects(|key| value(labels, key)));
        selected.filter_map(|labels| self.groups.get(labels))
    }

    /// The labels of a pod, of which each is kept once in a namespace.
    fn labels(&self, labels: impl Iterator<Item = (String, String)>) -> Labels {
        let known =
            |label: String| self.with.get_key_value(&*label).map_or_else(|| label.into(), |(known, _)| known.clone());
        let labels: Vec<Label> = labels.map(|(key, value)| known(label(&key, &value))).collect();
        self.groups.get_key_value(&*labels).map_or_else(|| labels.into(), |(known, _)| Arc::clone(known))
    }

    fn add(&mut self, labels: &Labels, name: &Name) {
        let Self { groups, with } = self;
        let names = groups.entry(Arc::clone(labels)).or_insert_with(|| {
            for label in labels.iter() {
                match with.get_mut(label) {
                    Some(having) => having.insert(labels),
                    None => _ = with.insert(Arc::clone(label), Having::One(Arc::clone(labels))),
                }
            }
            Vec::new()
        });
        if let Err(place) = names.binary_search(name) {
            names.insert(place, name.clone());
        }
    }

    fn remove(&mut self, labels: &Labels, name: &Name) {
        let Self { groups, with } = self;
        let Some(names) = groups.get_mut(labels) else { return };
        if let Ok(place) = names.binary_search(name) {
            names.remove(place);
        }
        if !names.is_empty() {
            return;
        }
        groups.remove(labels);
        for label in labels.iter() {
            if with.get_mut(label).is_some_and(|having| having.remove(labels)) {
                with.remove(label);
            }
        }
    }
}

fn label(key: &str, value: &str) -> String {
    let mut label = String::with_capacity(key.len() + 1 + value.len());
    label.push_str(key);
    label.push('=');
    label.push_str(value);
    label
}

/// The value of a label.
fn value<'l>(labels: &'l [Label], key: &str) -> Option<&'l str> {
    labels.iter().find_map(|label| label.strip_prefix(key)?.strip_prefix('='))
}

#[cfg(test)]
impl Pods {
    /// How many different ways to request, sets of labels, and labels there are.
    pub(super) fn shared(&self) -> (usize, usize, usize) {
        let of = |count: fn(&Namespace) -> usize| self.namespaces.values().map(count).sum();
        (self.shapes.count(), of(|namespace| namespace.groups.len()), of(|namespace| namespace.with.len()))
    }
}
