//! A map from names to what is known of them that can also be asked for everything in one namespace.

use std::sync::Arc;

use rpds::HashTrieMapSync;

use super::Name;

#[derive(Clone, Debug)]
pub(super) struct ByNamespace<T>(HashTrieMapSync<Arc<str>, HashTrieMapSync<Name, T>>);

impl<T> Default for ByNamespace<T> {
    fn default() -> Self {
        Self(HashTrieMapSync::default())
    }
}

impl<T: Clone> ByNamespace<T> {
    pub(super) fn insert(&mut self, name: Name, value: T) {
        match self.0.get_mut(name.namespace()) {
            Some(of_namespace) => of_namespace.insert_mut(name, value),
            None => {
                let namespace = name.namespace().into();
                let mut of_namespace = HashTrieMapSync::default();
                of_namespace.insert_mut(name, value);
                self.0.insert_mut(namespace, of_namespace);
            }
        }
    }

    pub(super) fn remove(&mut self, name: &Name) {
        if let Some(of_namespace) = self.0.get_mut(name.namespace()) {
            of_namespace.remove_mut(name);
            if of_namespace.is_empty() {
                self.0.remove_mut(name.namespace());
            }
        }
    }

    pub(super) fn get(&self, name: &Name) -> Option<&T> {
        self.0.get(name.namespace())?.get(name)
    }

    pub(super) fn of(&self, namespace: &str) -> impl Iterator<Item = (&Name, &T)> {
        self.0.get(namespace).into_iter().flat_map(HashTrieMapSync::iter)
    }

    pub(super) fn count(&self) -> usize {
        self.0.values().map(HashTrieMapSync::size).sum()
    }
}
