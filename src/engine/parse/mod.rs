//! Bytes into a tree that borrows from them: JSON as the API server sends it, YAML as kubectl reads it.

mod json;
mod node;
mod typed;
mod yaml;

pub use json::{JsonLimits, MAX_DEPTH, MAX_VALUES, ObjectSeed, ParseError, from_json};
pub use node::{Mark, Member, Node, Value};
pub use typed::Misfit;
pub use yaml::{Document, Documents, documents};
