//! Where things lie: location ⊂ country ⊂ continent.

use std::collections::HashMap;

use super::place::Place;
use crate::engine::units::{Continent, CountryCode};

/// Where locations lie, as configuration declares it. Where countries lie, everybody knows ([`CountryCode::continent`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Atlas {
    locations: HashMap<String, Site>,
}

/// Where something is, as far as it is known. What is known of its country tells its continent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The location, by its own name.
    pub location: Option<String>,
    /// The country.
    pub country: Option<CountryCode>,
    /// The continent.
    pub continent: Option<Continent>,
}

impl Atlas {
    /// Declares where a location lies.
    pub fn declare(&mut self, location: &str, country: Option<CountryCode>, continent: Option<Continent>) {
        let continent = country.map(CountryCode::continent).or(continent);
        self.locations.insert(location.to_owned(), Site { location: Some(location.to_owned()), country, continent });
    }

    /// Whether somebody declared where this location lies.
    #[must_use]
    pub fn knows(&self, location: &str) -> bool {
        self.locations.contains_key(location)
    }

    /// The names of the locations.
    pub fn locations(&self) -> impl Iterator<Item = &str> {
        self.locations.keys().map(String::as_str)
    }

    /// Everything that is known of where a place lies, itself included.
    #[must_use]
    pub fn site(&self, place: &Place) -> Site {
        match place {
            Place::Continent(continent) => Site { continent: Some(*continent), ..Site::default() },
            Place::Country(country) => {
                Site { country: Some(*country), continent: Some(country.continent()), ..Site::default() }
            }
            Place::Location(name) => self
                .locations
                .get(name)
                .cloned()
                .unwrap_or_else(|| Site { location: Some(name.clone()), ..Site::default() }),
        }
    }
}

impl Site {
    /// With what follows from each part: the country of the location, the continent of the country.
    #[must_use]
    pub fn completed(mut self, atlas: &Atlas) -> Self {
        if let Some(location) = self.location.as_ref().and_then(|name| atlas.locations.get(name)) {
            self.country = self.country.or(location.country);
            self.continent = self.continent.or(location.continent);
        }
        self.continent = self.country.map(CountryCode::continent).or(self.continent);
        self
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        let Self { location, country, continent } = self;
        location.is_none() && country.is_none() && continent.is_none()
    }

    /// The places that contain it, from the narrowest to the widest.
    pub fn places(&self) -> impl Iterator<Item = Place> + use<> {
        let location = self.location.clone().map(Place::Location);
        let country = self.country.map(Place::Country);
        let continent = self.continent.map(Place::Continent);
        location.into_iter().chain(country).chain(continent)
    }
}
