//! What one policy allows.

use super::flavors::Flavor;
use super::places::Place;
use crate::engine::parse::Node;

/// The options that a policy lists, by its type. What is no sound entry allows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Options {
    /// Places.
    Location(Vec<Place>),
    /// Hardware.
    Flavor(Vec<Flavor>),
}

impl Options {
    /// What the spec of a Policy allows; none if it is of no type that there is.
    #[must_use]
    pub fn of(spec: &Node<'_>) -> Option<Self> {
        let items = |list: &str| spec.get(list).map(Node::items).unwrap_or_default().iter();
        let parts = |item: &Node<'_>| Some((item.text_of("type")?.to_owned(), item.text_of("name")?.to_owned()));
        match spec.text_of("type")? {
            "location" => {
                let places = items("locations").filter_map(parts).filter_map(|(kind, name)| Place::of(&kind, &name));
                Some(Self::Location(places.collect()))
            }
            "flavor" => {
                let flavors = items("flavors").filter_map(parts).filter_map(|(kind, name)| Flavor::of(&kind, &name));
                Some(Self::Flavor(flavors.collect()))
            }
            _ => None,
        }
    }
}
