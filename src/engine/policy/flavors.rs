//! Sets of hardware.

use std::collections::BTreeSet;
use std::fmt;

/// The family of a flavor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Processors.
    Cpu,
    /// Accelerators.
    Gpu,
}

/// A kind of hardware. Names are compared letter by letter, and within their family.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flavor {
    /// The family.
    pub family: Family,
    /// The name on Beamlit.
    pub name: String,
}

impl Flavor {
    /// The flavor of that type and name; none if there is no such type.
    #[must_use]
    pub fn of(kind: &str, name: &str) -> Option<Self> {
        let family = match kind {
            "cpu" => Family::Cpu,
            "gpu" => Family::Gpu,
            _ => return None,
        };
        (!name.is_empty()).then(|| Self { family, name: name.to_owned() })
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        })
    }
}

impl fmt::Display for Flavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.name)
    }
}

/// A set of hardware.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flavors(BTreeSet<Flavor>);

impl FromIterator<Flavor> for Flavors {
    fn from_iter<I: IntoIterator<Item = Flavor>>(flavors: I) -> Self {
        Self(flavors.into_iter().collect())
    }
}

impl Flavors {
    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Whether it is in the set.
    #[must_use]
    pub fn contains(&self, flavor: &Flavor) -> bool {
        self.0.contains(flavor)
    }

    /// Whether all of the other set is in this one.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        other.0.is_subset(&self.0)
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there are processors and accelerators in it.
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        let has = |family| self.0.iter().any(|flavor| flavor.family == family);
        has(Family::Cpu) && has(Family::Gpu)
    }

    /// The flavors, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Flavor> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_flavors() -> impl Strategy<Value = Flavors> {
        let flavor = (prop::sample::select(vec!["cpu", "gpu"]), prop::sample::select(vec!["x86", "t4", "T4", "a100"]));
        prop::collection::vec(flavor.prop_map(|(kind, name)| Flavor::of(kind, name).unwrap()), 0..6)
            .prop_map(|flavors| flavors.into_iter().collect())
    }

    proptest! {
        #[test]
        fn sets_of_flavors_are_a_lattice(a in any_flavors(), b in any_flavors(), c in any_flavors()) {
            prop_assert_eq!(a.intersection(&b), b.intersection(&a));
            prop_assert_eq!(a.intersection(&b).intersection(&c), a.intersection(&b.intersection(&c)));
            prop_assert!(a.includes(&a.intersection(&b)) && b.includes(&a.intersection(&b)));
            prop_assert!(a.union(&b).includes(&a) && a.union(&b).includes(&b));
            prop_assert_eq!(a.intersection(&b.union(&c)), a.intersection(&b).union(&a.intersection(&c)));
        }
    }

    #[test]
    fn names_are_compared_letter_by_letter_and_within_their_family() {
        let set: Flavors = [Flavor::of("gpu", "t4").unwrap()].into_iter().collect();
        assert!(set.contains(&Flavor::of("gpu", "t4").unwrap()));
        assert!(!set.contains(&Flavor::of("gpu", "T4").unwrap()) && !set.contains(&Flavor::of("cpu", "t4").unwrap()));
        assert!(!set.is_mixed());
        let both = set.union(&[Flavor::of("cpu", "x86").unwrap()].into_iter().collect());
        assert!(both.is_mixed());
        assert_eq!(Flavor::of("tpu", "v5"), None);
    }
}
