//! Who depends on what.

use std::collections::{BTreeSet, HashMap};

use crate::engine::world::{Name, Workload};

/// Who must look again when another object changes.
#[derive(Debug, Default)]
pub(super) struct References {
    of: HashMap<Name, BTreeSet<Reference>>,
    to: HashMap<Reference, BTreeSet<Name>>,
}

/// An object that others depend on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::controller) enum Reference {
    /// A workload, by its kind's name.
    Workload(&'static str, Name),
    /// A Service.
    Service(Name),
}

impl Reference {
    /// A workload.
    #[must_use]
    pub(in crate::controller) fn workload(kind: Workload, name: Name) -> Self {
        Self::Workload(kind.name(), name)
    }

    const fn name(&self) -> &Name {
        match self {
            Self::Workload(_, name) | Self::Service(name) => name,
        }
    }
}

impl References {
    /// From now on an object depends on these.
    pub(super) fn set(&mut self, object: &Name, to: BTreeSet<Reference>) {
        let before = if to.is_empty() { self.of.remove(object) } else { self.of.insert(object.clone(), to.clone()) };
        for gone in before.iter().flatten().filter(|reference| !to.contains(reference)) {
            if let Some(objects) = self.to.get_mut(gone) {
                objects.remove(object);
                if objects.is_empty() {
                    self.to.remove(gone);
                }
            }
        }
        for reference in to {
            self.to.entry(reference).or_default().insert(object.clone());
        }
    }
    /// Who depends on this.
    pub(super) fn to(&self, reference: &Reference) -> Vec<Name> {
        self.to.get(reference).into_iter().flatten().cloned().collect()
    }

    /// Who depends on something in a namespace from outside of it.
    pub(super) fn outsiders_of(&self, namespace: &str) -> BTreeSet<Name> {
        let into = self.to.iter().filter(|(reference, _)| reference.name().namespace() == namespace);
        into.flat_map(|(_, objects)| objects).filter(|object| object.namespace() != namespace).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_refers_to_an_object_is_found_until_it_refers_to_another() {
        let mut references = References::default();
        let (one, other) = (Name::new("a", "one"), Name::new("a", "other"));
        let service = |name: &str| Reference::Service(Name::new("a", name));
        references.set(&one, [service("s"), service("t")].into());
        references.set(&other, [service("s")].into());
        assert_eq!(references.to(&service("s")), [one.clone(), other.clone()]);
        references.set(&one, [service("t")].into());
        assert_eq!(references.to(&service("s")), std::slice::from_ref(&other));
        references.set(&other, BTreeSet::new());
        assert!(references.to(&service("s")).is_empty());
        references.set(&one, BTreeSet::new());
        assert!(references.to.is_empty() && references.of.is_empty());
    }

    #[test]
    fn who_refers_into_a_namespace_from_outside_is_found() {
        let mut references = References::default();
        let (near, far) = (Name::new("b", "near"), Name::new("a", "far"));
        references.set(&near, [Reference::Service(Name::new("b", "s"))].into());
        references.set(&far, [Reference::Service(Name::new("b", "s")), Reference::Service(Name::new("a", "t"))].into());
        assert_eq!(references.outsiders_of("b"), [far].into());
        assert!(references.outsiders_of("a").is_empty());
    }
}
