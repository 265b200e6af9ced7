//! Sets of places: which of them contain which, and what two sets have in common.

use std::collections::BTreeSet;

use super::atlas::{Atlas, Site};
use super::place::Place;

/// Whether what lies there is in one of these places for sure.
#[must_use]
pub fn lies_in(site: &Site, places: &BTreeSet<Place>) -> bool {
    site.places().any(|place| places.contains(&place))
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
        lies_in(site, &self.widest)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::units::{Continent, CountryCode};

    /// Two locations in a country, one in another, one of which only the continent is declared, and `nowhere`, of which nothing is.
    fn atlas() -> Atlas {
        let mut atlas = Atlas::default();
        for (name, country) in [("par-1", "fr"), ("par-2", "fr"), ("nyc", "us")] {
            atlas.declare(name, CountryCode::parse(country), None);
        }
        atlas.declare("cape", None, Some(Continent::Africa));
        atlas
    }

    fn places(text: &str) -> Places {
        let place = |text: &str| match text {
            "eu" | "na" | "af" | "sa" => Place::of("continent", text),
            _ if text.len() == 2 => Place::of("country", text),
            _ => Place::of("location", text),
        };
        Places::new(text.split_whitespace().map(|text| place(text).unwrap()), &atlas())
    }

    fn told(places: &Places) -> String {
        let names: Vec<String> =
            places.iter().map(|place| place.to_string().split(' ').nth(1).unwrap_or_default().to_owned()).collect();
        names.join(" ")
    }

    #[test]
    fn what_lies_in_another_place_of_the_set_adds_nothing() {
        for (listed, set) in [
            ("us na", "na"),
            ("fr par-1", "fr"),
            ("eu par-1 us", "eu us"),
            ("par-1 par-2", "par-1 par-2"),
            ("nowhere eu", "eu nowhere"),
            ("cape af", "af"),
            ("", ""),
        ] {
            assert_eq!(told(&places(listed)), set, "{listed}");
        }
    }

    #[test]
    fn the_intersection_is_what_is_in_both() {
        for (a, b, both) in [
            ("us", "eu na", "us"),
            ("us", "eu", ""),
            ("eu", "eu", "eu"),
            ("eu", "fr de us", "de fr"),
            ("par-1 nyc", "fr", "par-1"),
            ("par-1", "par-1 par-2", "par-1"),
            ("cape", "af", "cape"),
            ("nowhere", "eu na af sa", ""),
            ("nowhere", "nowhere us", "nowhere"),
            ("us", "", ""),
        ] {
            assert_eq!(told(&places(a).intersection(&places(b), &atlas())), both, "{a} and {b}");
        }
    }

    #[test]
    fn a_continent_does_not_prove_a_country() {
        let site = |place: &str, name: &str| atlas().site(&Place::of(place, name).unwrap());
        assert!(places("eu").contains(&site("country", "fr")));
        assert!(!places("fr").contains(&site("continent", "eu")));
        assert!(places("eu").contains(&site("location", "par-1")));
        assert!(!places("par-1").contains(&site("country", "fr")));
        assert!(!places("par-1").contains(&Site::default()));
    }

    fn any_place() -> impl Strategy<Value = Place> {
        let countries = prop::sample::select(vec!["fr", "de", "us", "ca", "za", "br"]);
        let continents = prop::sample::select(Continent::ALL.to_vec());
        let locations = prop::sample::select(vec!["par-1", "par-2", "nyc", "cape", "nowhere"]);
        prop_oneof![
            continents.prop_map(Place::Continent),
            countries.prop_map(|code| Place::Country(CountryCode::parse(code).unwrap())),
            locations.prop_map(|name| Place::Location(name.to_owned())),
        ]
    }

    fn any_places() -> impl Strategy<Value = Places> {
        prop::collection::vec(any_place(), 0..8).prop_map(|places| Places::new(places, &atlas()))
    }

    proptest! {
        #[test]
        fn sets_of_places_are_a_lattice(a in any_places(), b in any_places(), c in any_places(), place in any_place()) {
            let atlas = atlas();
            let (and, or) = (|a: &Places, b: &Places| a.intersection(b, &atlas), |a: &Places, b: &Places| a.union(b, &atlas));
            prop_assert_eq!(and(&a, &b), and(&b, &a));
            prop_assert_eq!(or(&a, &b), or(&b, &a));
            prop_assert_eq!(and(&and(&a, &b), &c), and(&a, &and(&b, &c)));
            prop_assert_eq!(or(&or(&a, &b), &c), or(&a, &or(&b, &c)));
            prop_assert_eq!(and(&a, &a), a.clone());
            prop_assert_eq!(and(&a, &or(&a, &b)), a.clone());
            prop_assert_eq!(or(&a, &and(&a, &b)), a.clone());
            prop_assert_eq!(and(&a, &or(&b, &c)), or(&and(&a, &b), &and(&a, &c)));
            // Never wider than either side, never narrower.
            prop_assert!(a.includes(&and(&a, &b), &atlas) && b.includes(&and(&a, &b), &atlas));
            prop_assert!(or(&a, &b).includes(&a, &atlas) && or(&a, &b).includes(&b, &atlas));
            // And all of it means what it says of each place.
            let site = atlas.site(&place);
            prop_assert_eq!(and(&a, &b).contains(&site), a.contains(&site) && b.contains(&site));
            prop_assert_eq!(or(&a, &b).contains(&site), a.contains(&site) || b.contains(&site));
        }
    }
}
