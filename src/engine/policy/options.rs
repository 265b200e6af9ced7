//! What one policy allows.

use std::collections::BTreeSet;

use super::flavors::{Flavor, Flavors};
use super::place::Place;
use crate::engine::parse::Node;

/// The options that a policy lists, by its type, each once. What is no sound entry allows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Options {
    /// Places, those included that lie in others: where locations lie may change.
    Location(BTreeSet<Place>),
    /// Hardware.
    Flavor(Flavors),
}

impl Options {
    /// What the spec of a Policy allows; none if it is of no type that there is.
    #[must_use]
    pub fn of(spec: &Node<'_>) -> Option<Self> {
        let items = |list: &str| spec.get(list).map(Node::items).unwrap_or_default().iter();
        match spec.text_of("type")? {
            "location" => {
                let place = |item: &Node<'_>| Place::of(item.text_of("type")?, item.text_of("name")?);
                Some(Self::Location(items("locations").filter_map(place).collect()))
            }
            "flavor" => {
                let flavor = |item: &Node<'_>| Flavor::of(item.text_of("type")?, item.text_of("name")?);
                Some(Self::Flavor(items("flavors").filter_map(flavor).collect()))
            }
            _ => None,
        }
    }

    /// Whether nothing sound is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Location(places) => places.is_empty(),
            Self::Flavor(flavors) => flavors.iter().next().is_none(),
        }
    }
}
