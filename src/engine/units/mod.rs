//! Values that are parsed once and are right from then on.

mod place;
mod place_names;
mod quantity;

pub use place::{Continent, CountryCode};
pub use quantity::Quantity;
