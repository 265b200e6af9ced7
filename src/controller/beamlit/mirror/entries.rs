//! What is known of each object on Beamlit, found by its key and by its owner.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use crate::controller::beamlit::{Key, Ownership, Stored};

/// What is known of one object.
pub(super) struct Entry {
    /// Whose it is, an index says as well: only [`Entries`] changes it.
    stored: Stored,
    /// Of all that anybody may change.
    pub(super) fingerprint: u64,
    /// When it was last changed by us.
    pub(super) changed: u64,
    /// When it was last asked for by its name because a list lacked it.
    pub(super) asked: u64,
    /// The wish that it is in step with, and the state in which it is.
    pub(super) settled: Option<Settled>,
    /// The whole of it, until it is first compared with what its owner wants.
    pub(super) text: Option<Box<str>>,
}

/// A wish that is done, and the state in which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) wish: u64,
    pub(super) fingerprint: u64,
    pub(super) unkept: Vec<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Entries {
    all: HashMap<Key, Entry>,
    /// By the uid of their owner; of those that have one. Each reconcile asks, and must not look at everything.
    of_owner: HashMap<String, BTreeSet<Key>>,
}

impl Entry {
    /// What was found, and has not been compared with anybody's wish.
    pub(super) const fn new(stored: Stored, fingerprint: u64, text: Option<Box<str>>) -> Self {
        Self { stored, fingerprint, changed: 0, asked: 0, settled: None, text }
    }

    pub(super) const fn stored(&self) -> &Stored {
        &self.stored
    }

    pub(super) const fn ownership(&self) -> Option<&Ownership> {
        self.stored.ownership.as_ref()
    }
}

impl fmt::Debug for Entry {
    /// The text may hold what nobody may see.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("stored", &self.stored).field("settled", &self.settled).finish_non_exhaustive()
    }
}

impl Entries {
    pub(super) fn get(&self, key: &Key) -> Option<&Entry> {
        self.all.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &Key) -> Option<&mut Entry> {
        self.all.get_mut(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.all.iter()
    }

    /// Takes it in, in the place of what was known under its key.
    pub(super) fn insert(&mut self, entry: Entry) {
        let key = entry.stored.key.clone();
        self.remove(&key);
        self.index(&entry.stored);
        self.all.insert(key, entry);
    }

    /// Beamlit holds this under the key now; returns what it held before. Nothing happens if nothing is known under it.
    pub(super) fn restore(&mut self, stored: Stored) -> Option<Stored> {
        let before = self.all.get(&stored.key)?.stored.clone();
        self.forget(&before);
        self.index(&stored);
        let entry = self.all.get_mut(&stored.key)?;
        entry.stored = stored;
        Some(before)
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.all.remove(key)?;
        self.forget(&entry.stored);
        Some(entry)
    }

    /// What belongs to the object with this uid, in order.
    pub(super) fn owned_by(&self, uid: &str) -> impl Iterator<Item = &Key> {
        self.of_owner.get(uid).into_iter().flatten()
    }

    /// What belongs to whom of whom this says nothing.
    pub(super) fn owned_by_others(&self, known: impl Fn(&str) -> bool) -> impl Iterator<Item = &Entry> {
        let unknown = self.of_owner.iter().filter(move |(uid, _)| !known(uid)).flat_map(|(_, keys)| keys);
        unknown.filter_map(|key| self.all.get(key))
    }

    fn index(&mut self, stored: &Stored) {
        if let Some(Ownership { uid, .. }) = &stored.ownership {
            self.of_owner.entry(uid.clone()).or_default().insert(stored.key.clone());
        }
    }

    fn forget(&mut self, stored: &Stored) {
        let Some(Ownership { uid, .. }) = &stored.ownership else { return };
        if let Some(keys) = self.of_owner.get_mut(uid) {
            keys.remove(&stored.key);
            if keys.is_empty() {
                self.of_owner.remove(uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::controller::beamlit::Origin;

    fn stored(name: u8, owner: Option<u8>) -> Stored {
        let ownership = owner.map(|uid| Ownership {
            uid: uid.to_string(),
            object: String::new(),
            cluster: None,
            origin: Origin::Created,
        });
        let key = Key::model("production", &name.to_string());
        Stored { key, workspace: None, status: None, created_at: None, updated_at: None, ownership }
    }

    /// Who owns what, as everything that is known says.
    fn scanned(entries: &Entries) -> HashMap<String, BTreeSet<Key>> {
        let mut all: HashMap<String, BTreeSet<Key>> = HashMap::new();
        for (key, entry) in entries.iter() {
            if let Some(ownership) = entry.ownership() {
                all.entry(ownership.uid.clone()).or_default().insert(key.clone());
            }
        }
        all
    }

    proptest! {
        #[test]
        fn the_index_is_what_a_look_at_everything_says(
            steps in prop::collection::vec((0..3_u8, 0..6_u8, prop::option::of(0..3_u8)), 0..60),
        ) {
            let mut entries = Entries::default();
            for (step, name, owner) in steps {
                let stored = stored(name, owner);
                match step {
                    0 => entries.insert(Entry::new(stored, 0, None)),
                    1 => _ = entries.restore(stored),
                    _ => _ = entries.remove(&stored.key),
                }
                prop_assert_eq!(&entries.of_owner, &scanned(&entries));
                for uid in 0..3 {
                    let owned: Vec<&Key> = entries.owned_by(&uid.to_string()).collect();
                    let scanned = scanned(&entries);
                    prop_assert_eq!(owned, scanned.get(&uid.to_string()).into_iter().flatten().collect::<Vec<_>>());
                }
            }
        }
    }
}
