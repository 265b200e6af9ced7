//! What a policy on Beamlit says of what is judged here.

use crate::engine::parse::Node;
use crate::engine::policy::Options;

/// What a policy on Beamlit says of places and hardware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemotePolicy {
    /// Only this is allowed.
    Allows(Options),
    /// It speaks of something else, and limits neither.
    LimitsNeither,
    /// Nobody here knows what it means.
    Unreadable,
}

impl RemotePolicy {
    /// What the spec of a policy says. One that lists nothing sound is not taken at its word: whether Beamlit then allows everything or
    /// nothing, nobody says.
    #[must_use]
    pub fn of(spec: &Node<'_>) -> Self {
        if spec.text_of("type").is_some_and(|type_| ["maxtoken", "maxtokens"].contains(&type_.to_lowercase().as_str()))
        {
            return Self::LimitsNeither;
        }
        match Options::of(spec) {
            Some(options) if !options.is_empty() => Self::Allows(options),
            _ => Self::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse::{JsonLimits, from_json};

    #[test]
    fn a_policy_is_taken_at_its_word_or_not_at_all() {
        let of = |spec: &str| RemotePolicy::of(&from_json(spec.as_bytes(), JsonLimits::UniqueKeys).unwrap());
        for allows in [
            r#"{"type": "location", "locations": [{"type": "country", "name": "US"}, {"type": "planet", "name": "mars"}]}"#,
            r#"{"type": "flavor", "flavors": [{"type": "gpu", "name": "t4"}], "locations": null, "maxTokens": {}}"#,
        ] {
            assert!(matches!(of(allows), RemotePolicy::Allows(_)), "{allows}");
        }
        assert_eq!(of(r#"{"type": "maxToken", "maxTokens": {"total": 5}}"#), RemotePolicy::LimitsNeither);
        for unreadable in [
            "{}",
            "[]",
            r#"{"type": "location"}"#,
            r#"{"type": "location", "locations": []}"#,
            r#"{"type": "location", "locations": [{"type": "planet", "name": "mars"}]}"#,
            r#"{"type": "flavor", "flavors": null}"#,
            r#"{"type": "weather", "locations": [{"type": "country", "name": "us"}]}"#,
            r#"{"type": 7}"#,
        ] {
            assert_eq!(of(unreadable), RemotePolicy::Unreadable, "{unreadable}");
        }
    }
}
