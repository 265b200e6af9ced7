//! Kubernetes quantities.

/// A Kubernetes quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

impl Quantity {
    /// Reads a quantity; none if the text is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    /// The quantity that a text which is none most likely stands for.
    #[must_use]
    pub fn suggest(_text: &str) -> Option<String> {
        None
    }

    /// The canonical text of a number that was written as a float.
    #[must_use]
    pub fn from_float(float: f64) -> String {
        float.to_string()
    }
}
