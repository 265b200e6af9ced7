//! Values that are parsed once and are right from then on.

mod duration;
mod host;
pub mod names;
mod place;
mod place_names;
mod quantity;

pub use duration::{DurationError, GoDuration};
pub use host::{Host, HostFault, HostPort};
pub use place::{Continent, CountryCode};
pub use quantity::Quantity;
