//! The conditions of our objects: closed sets of types and reasons, and times that only move when a status does.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use crate::engine::compile::annotations::MANAGED_BY;
use crate::engine::finding::shorten;
use crate::engine::world::Name;

/// A condition of an object. Which types a kind has is in `docs/operations.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Type {
    /// The object is one that means something.
    Accepted,
    /// It is known what its policies allow.
    PoliciesResolved,
    /// Beamlit holds what the object says.
    Synced,
    /// Traffic leaves.
    Offloading,
    /// Everything that the object asks for is done, or can be at any time.
    Ready,
    /// Every metric has a value that counts.
    MetricsAvailable,
    /// The Service says what was decided.
    Routed,
    /// Somebody holds the weight.
    Paused,
}

impl Type {
    /// The word.
    #[must_use]
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::PoliciesResolved => "PoliciesResolved",
            Self::Synced => "Synced",
            Self::Offloading => "Offloading",
            Self::Ready => "Ready",
            Self::MetricsAvailable => "MetricsAvailable",
            Self::Routed => "Routed",
            Self::Paused => "Paused",
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Nobody can tell.
    Unknown,
}

impl Holds {
    /// The word.
    #[must_use]
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Yes => "True",
            Self::No => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// What is to be said of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Of what.
    pub(super) of: Type,
    /// Whether it holds.
    pub(super) holds: Holds,
    /// Why, in one word of a closed set.
    pub(super) reason: &'static str,
    /// Why, in a sentence.
    pub(super) message: String,
}

impl Said {
    /// It holds, or does not.
    pub(super) fn new(of: Type, holds: impl Into<Holds>, reason: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        shorten(&mut message, LONGEST);
        Self { of, holds: holds.into(), reason, message }
    }
}

/// The most bytes of a message that are kept: a status is read by people, and stored thousands of times.
const LONGEST: usize = 2048;

/// Why nobody can tell yet.
pub(super) const PENDING: &str = "Pending";

/// The conditions of an object, where `before` is what it has. Where nobody can tell yet, as after a restart, what was so is so.
#[must_use]
pub(super) fn conditions(before: &[Condition], said: &[Said], generation: i64, now: Timestamp) -> Vec<Condition> {
    let old_of = |said: &Said| before.iter().find(|condition| condition.type_ == said.of.word());
    let of = |said: &Said| {
        let status = said.holds.word();
        let old = old_of(said);
        if let Some(old) = old_of(said).filter(|_| said.reason == PENDING) {
            return old.clone();
        }
        let since =
            old.filter(|condition| condition.status == status).map(|condition| condition.last_transition_time.clone());
        Condition {
            type_: said.of.word().to_owned(),
            status: status.to_owned(),
            reason: said.reason.to_owned(),
            message: said.message.clone(),
            observed_generation: Some(generation),
            last_transition_time: since.unwrap_or_else(|| Time(whole_seconds(now))),
        }
    };
    said.iter().map(of).collect()
}

/// The same, where all that is not said stays as it was.
#[must_use]
pub(super) fn with(before: &[Condition], said: &[Said], generation: i64, now: Timestamp) -> Vec<Condition> {
    let mut all = before.to_vec();
    for condition in conditions(before, said, generation, now) {
        match all.iter_mut().find(|old| old.type_ == condition.type_) {
            Some(old) => *old = condition,
            None => all.push(condition),
        }
    }
    all
}

/// Another ModelDeployment, as it may be named to those who look after one of this namespace.
#[must_use]
pub(super) fn another(full: &str, namespace: &str) -> String {
    match Name::read(full) {
        Some(its) if its.namespace() == namespace => format!("ModelDeployment {full}"),
        _ => format!("a ModelDeployment in another namespace, which its annotation {MANAGED_BY} names"),
    }
}

/// The API server keeps no fractions, and what comes back must be what was written.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// What of two lists somebody acts on: everything but the words, in which numbers may change all the time.
#[must_use]
pub(super) fn alike(one: &[Condition], other: &[Condition]) -> bool {
    fn outline(condition: &Condition) -> impl PartialEq + '_ {
        let Condition { type_, status, reason, observed_generation, message: _, last_transition_time: _ } = condition;
        (type_, status, reason, observed_generation)
    }
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| outline(one) == outline(other))
}

/// Whether any says the same in other words. Numbers are none: they may change all the time.
#[must_use]
pub(super) fn reworded(one: &[Condition], other: &[Condition]) -> bool {
    fn words(condition: &Condition) -> impl Iterator<Item = char> {
        condition.message.chars().filter(|character| !character.is_ascii_digit())
    }
    one.iter().zip(other).any(|(one, other)| !words(one).eq(words(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_time_of_a_condition_moves_with_its_status_alone() {
        let first = conditions(&[], &[Said::new(Type::Ready, false, "Invalid", "a")], 1, at(10));
        let same = conditions(&first, &[Said::new(Type::Ready, false, "Paused", "b")], 2, at(20));
        assert_eq!((same[0].last_transition_time.0, same[0].observed_generation), (at(10), Some(2)));
        assert!(!alike(&first, &same));
        let other = conditions(&same, &[Said::new(Type::Ready, true, "Ready", "c")], 2, at(30));
        assert_eq!(other[0].last_transition_time.0, at(30));
    }

    #[test]
    fn until_somebody_can_tell_what_was_so_is_so() {
        let pending = Said::new(Type::Ready, Holds::Unknown, PENDING, "");
        let first = conditions(&[], std::slice::from_ref(&pending), 1, at(10));
        assert_eq!((first[0].status.as_str(), first[0].reason.as_str()), ("Unknown", PENDING));
        let told = conditions(&first, &[Said::new(Type::Ready, false, "Paused", "b")], 2, at(20));
        assert_eq!(conditions(&told, &[pending], 3, at(30)), told);
    }

    #[test]
    fn another_object_is_named_in_its_own_namespace_alone() {
        assert_eq!(another("a/m", "a"), "ModelDeployment a/m");
        let hidden = another("secret/m", "a");
        assert!(!hidden.contains("secret"), "{hidden}");
    }

    #[test]
    fn only_words_make_no_difference() {
        let one = conditions(&[], &[Said::new(Type::Ready, false, "Invalid", "a")], 1, at(10));
        let other = conditions(&one, &[Said::new(Type::Ready, false, "Invalid", "b")], 1, at(20));
        assert!(alike(&one, &other));
    }

    #[test]
    fn other_words_are_told_from_other_numbers() {
        let said = |message: &str| conditions(&[], &[Said::new(Type::Ready, false, "Invalid", message)], 1, at(10));
        assert!(!reworded(&said("the last sample is 61 s old"), &said("the last sample is 120 s old")));
        assert!(reworded(&said("the last sample is 61 s old"), &said("the workload has no pods")));
        assert!(!reworded(&[], &said("a")));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let said = Said::new(Type::Ready, Holds::Unknown, "Invalid", "ä".repeat(3000));
        assert!(said.message.len() <= LONGEST + 3 && said.message.ends_with("ä…"), "{}", said.message.len());
    }
}
