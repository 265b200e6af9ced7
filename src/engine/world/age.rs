//! Since when an object has been there: who of several that claim the same was there first.

use k8s_openapi::jiff::Timestamp;

use crate::engine::parse::Node;

/// Since when an object has been there, to the second; the less, the longer. Of whom nobody knows it, that one came last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(i64);

impl Age {
    /// What the `metadata.creationTimestamp` of an object says.
    #[must_use]
    pub fn of(object: &Node<'_>) -> Self {
        let created = object.find(&["metadata", "creationTimestamp"]).and_then(Node::text);
        created.and_then(|text| text.parse::<Timestamp>().ok()).map_or(Self::UNKNOWN, |at| Self(at.as_second()))
    }

    const UNKNOWN: Self = Self(i64::MAX);
}

impl Default for Age {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

/// Which of those that claim the same as an object stand in its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// All of them: the object is one that somebody writes only now.
    All,
    /// Those that were there before it, which is of this age; of two of one age, the one whose name comes first.
    Before(Age),
}
