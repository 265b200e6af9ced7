//! Sets of places: which of them contain which, and what two sets have in common.

use std::collections::BTreeSet;
use std::fmt;

use super::atlas::{Atlas, Site};
use crate::engine::units::{Continent, CountryCode};

/// A place that a policy allows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A continent.
    Continent(Continent),
    /// A country.
    Country(CountryCode),
    /// A location, by its own name.
    Location(String),
}

impl Place {
    /// The place of that type and name; none if there is no such place.
    #[must_use]
    pub fn of(kind: &str, name: &str) -> Option<Self> {
        match kind {
            "continent" => Continent::parse(name).map(Self::Continent),
            "country" => CountryCode::parse(name).map(Self::Country),
            "location" if !name.is_empty() => Some(Self::Location(name.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continent(continent) => write!(f, "continent {continent}"),
            Self::Country(country) => write!(f, "country {country}"),
            Self::Location(name) => write!(f, "location {name}"),
        }
    }
}

/// A set of places and everything inside of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The widest places of the set: none of them contains another.
    widest: BTreeSet<Place>,
}

impl Places {
    /// The set of these places.
    #[must_use]
    pub fn new(places: impl IntoIterator<Item = Place>, atlas: &Atlas) -> Self {
        let all: BTreeSet<Place> = places.into_iter().collect();
        let redundant = |place: &Place| atlas.site(place).places().any(|outer| outer != *place && all.contains(&outer));
        let widest = all.iter().filter(|place| !redundant(place)).cloned().collect();
        Self { widest }
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self, atlas: &Atlas) -> Self {
        Self::new(self.widest.union(&other.widest).cloned(), atlas)
    }

    /// What is in both. A location of which nobody declared where it lies is inside of nothing but itself.
    #[must_use]
    pub fn intersection(&self, other: &Self, atlas: &Atlas) -> Self {
        let inside = |a: &Self, b: &Self| -> Vec<Place> {
            a.widest.iter().filter(|place| b.contains(&atlas.site(place))).cloned().collect()
        };
        Self::new(inside(self, other).into_iter().chain(inside(other, self)), atlas)
    }

    /// Whether what lies there is in the set for sure.
    #[must_use]
    pub fn contains(&self, site: &Site) -> bool {
        site.places().any(|place| self.widest.contains(&place))
    }

    /// Whether all of the other set is in this one.
    #[must_use]
    pub fn includes(&self, other: &Self, atlas: &Atlas) -> bool {
        other.widest.iter().all(|place| self.contains(&atlas.site(place)))
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.widest.is_empty()
    }

    /// The widest places of the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Place> {
        self.widest.iter()
    }
}
