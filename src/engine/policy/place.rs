//! A place that a policy can allow, by its kind and its name.

use std::fmt;

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
