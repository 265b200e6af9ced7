//! Values that are parsed once and are right from then on.

mod continents;
mod duration;
mod host;
mod host_map;
mod host_pattern;
pub mod names;
mod place;
mod place_names;
mod quantity;

pub use duration::{DurationError, GoDuration};
pub use host::{Host, HostFault, HostPort};
pub use host_map::HostMap;
pub use host_pattern::HostPattern;
pub use place::{Continent, CountryCode};
pub use quantity::{Notation, Quantity};
