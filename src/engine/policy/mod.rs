//! What policies mean: the lattice of places, the set of hardware, and what is left when several policies apply at once.

mod atlas;
mod effective;
mod flavors;
mod options;
mod place;
mod places;

pub use atlas::{Atlas, Site};
pub use effective::{Applied, Effective, Limit, Source, Verdict, listed};
pub use flavors::{Family, Flavor, Flavors};
pub use options::Options;
pub use place::Place;
pub use places::{Places, lies_in};
