//! Values that are parsed once and are right from then on.

pub mod names;
mod quantity;

pub use quantity::Quantity;
