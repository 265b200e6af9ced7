//! What many objects have in common, kept once.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// Values of which there is one copy each, for as long as somebody needs it.
pub(super) struct Interned<T: ?Sized>(HashSet<Arc<T>>);

impl<T: ?Sized> Default for Interned<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: Eq + Hash + ?Sized> Interned<T> {
    /// The one copy of a value.
    pub(super) fn one(&mut self, value: impl Into<Arc<T>> + Borrow<T>) -> Arc<T> {
        if let Some(known) = self.0.get(value.borrow()) {
            return Arc::clone(known);
        }
        let new = value.into();
        self.0.insert(Arc::clone(&new));
        new
    }

    /// One who had a copy needs it no more.
    pub(super) fn release(&mut self, value: Arc<T>) {
        // This one, and the one in the set.
        if Arc::strong_count(&value) <= 2 {
            self.0.remove(&value);
        }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}
