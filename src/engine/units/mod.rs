//! Values that are parsed once and are right from then on.

mod duration;
pub mod names;
mod quantity;

pub use duration::{DurationError, GoDuration};
pub use quantity::Quantity;
