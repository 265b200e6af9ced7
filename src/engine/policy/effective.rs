//! What is left when several policies apply at once: union within a type, intersection across types and with what the
//! environment allows.

use std::collections::{BTreeSet, HashSet};
use std::fmt::{self, Write as _};

use super::{Atlas, Flavors, Options, Place};
use crate::engine::finding::quoted;

/// A policy that applies to an object.
#[derive(Clone, Copy, Debug)]
pub struct Applied<'a> {
    /// Where it is from.
    pub source: Source<'a>,
    /// What it allows; none if nobody knows its content.
    pub options: Option<&'a Options>,
}

/// Where a policy is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source<'a> {
    /// This cluster; the namespace is empty if it is the object's own.
    Local {
        /// The namespace.
        namespace: &'a str,
        /// The name.
        name: &'a str,
    },
    /// Beamlit.
    Remote(&'a str),
}

/// The policies that apply to one object.
#[derive(Clone, Debug)]
pub struct Effective<'a> {
    /// The name of the object's environment.
    pub environment: &'a str,
    /// The policies that its environment always has.
    pub of_environment: Vec<Applied<'a>>,
    /// Those that it names itself.
    pub of_object: Vec<Applied<'a>>,
    /// Where locations lie.
    pub atlas: &'a Atlas,
}

/// How far the policies of one type limit something: the sets of several policies count together. They stay apart, for most
/// judgements ask for one element, and there may be many policies with many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit<'a, S> {
    /// There is no policy of this type: everything is allowed.
    Any,
    /// Only this.
    Only(Vec<&'a S>),
    /// This, and what policies may allow whose content nobody knows; perhaps these do not limit it at all.
    AtLeast(Vec<&'a S>),
}

/// Whether something is allowed; the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is, whatever unknown policies say.
    Inside,
    /// That depends on policies whose content nobody knows.
    Unknown,
    /// It is not, whatever unknown policies say.
    Outside,
}

impl<'a, S> Limit<'a, S> {
    /// A policy that lists nothing sound allows nothing, and still is a policy of its type.
    fn of(policies: &[Applied<'a>], set: impl Fn(&'a Options) -> Option<&'a S>) -> Self {
        let sets: Vec<&S> = policies.iter().filter_map(|policy| set(policy.options?)).collect();
        match policies.iter().any(|policy| policy.options.is_none()) {
            true => Self::AtLeast(sets),
            false if sets.is_empty() => Self::Any,
            false => Self::Only(sets),
        }
    }

    /// Whether something is allowed that is in a set if `contains` says so.
    pub fn verdict(&self, contains: impl Fn(&S) -> bool) -> Verdict {
        let (sets, otherwise) = match self {
            Self::Any => return Verdict::Inside,
            Self::Only(sets) => (sets, Verdict::Outside),
            Self::AtLeast(sets) => (sets, Verdict::Unknown),
        };
        if sets.iter().any(|set| contains(set)) { Verdict::Inside } else { otherwise }
    }

    /// Whether something is limited for sure.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        match self {
            Self::Any => false,
            Self::Only(_) => true,
            Self::AtLeast(sets) => !sets.is_empty(),
        }
    }

    /// The sets, if something is limited and all of them are known.
    #[must_use]
    pub fn only(&self) -> Option<&[&'a S]> {
        match self {
            Self::Only(sets) => Some(sets),
            Self::Any | Self::AtLeast(_) => None,
        }
    }
}

impl<'a> Effective<'a> {
    /// How the environment and the object limit where traffic may go.
    #[must_use]
    pub fn places(&self) -> [Limit<'a, BTreeSet<Place>>; 2] {
        self.levels().map(|policies| {
            Limit::of(policies, |options| match options {
                Options::Location(places) => Some(places),
                Options::Flavor(_) => None,
            })
        })
    }

    /// How the environment and the object limit on what hardware the model may run.
    #[must_use]
    pub fn flavors(&self) -> [Limit<'a, Flavors>; 2] {
        self.levels().map(|policies| {
            Limit::of(policies, |options| match options {
                Options::Flavor(flavors) => Some(flavors),
                Options::Location(_) => None,
            })
        })
    }

    fn levels(&self) -> [&[Applied<'a>]; 2] {
        [&self.of_environment, &self.of_object]
    }

    /// Every policy that limits places, each with what it allows, as one text.
    #[must_use]
    pub fn told_places(&self) -> String {
        self.told(|options| match options {
            Options::Location(places) => Some(listed(places)),
            Options::Flavor(_) => None,
        })
    }

    /// Every policy that limits hardware, each with what it allows, as one text.
    #[must_use]
    pub fn told_flavors(&self) -> String {
        self.told(|options| match options {
            Options::Flavor(flavors) => Some(listed(flavors.iter())),
            Options::Location(_) => None,
        })
    }

    fn told(&self, tell: impl Fn(&Options) -> Option<String>) -> String {
        let tell = |policy: &Applied<'a>| Some((policy.source, tell(policy.options?)?));
        let of_environment = self.of_environment.iter().filter_map(tell).map(|told| (told, true));
        let mut all = of_environment.chain(self.of_object.iter().filter_map(tell).map(|told| (told, false)));
        let mut out = String::new();
        for ((source, allows), environment) in all.by_ref().take(MAX_TOLD) {
            if !out.is_empty() {
                out.push_str("; ");
            }
            _ = write!(out, "{source}");
            if environment {
                _ = write!(out, " of environment {}", quoted(self.environment));
            }
            _ = write!(out, " allows {allows}");
        }
        match all.count() {
            0 => {}
            1 => out.push_str("; and one more policy"),
            more => _ = write!(out, "; and {more} more policies"),
        }
        out
    }

    /// Of how many policies of the environment, and of the object, nobody knows the content.
    #[must_use]
    pub fn unknown(&self) -> [usize; 2] {
        self.levels().map(|policies| policies.iter().filter(|policy| policy.options.is_none()).count())
    }

    /// Where the policies are from of which nobody knows the content, each once.
    #[must_use]
    pub fn unknown_sources(&self) -> HashSet<Source<'a>> {
        let all = self.of_environment.iter().chain(&self.of_object);
        all.filter(|policy| policy.options.is_none()).map(|policy| policy.source).collect()
    }

    /// The policies on Beamlit whose content nobody knows.
    pub fn unknown_remote(&self) -> impl Iterator<Item = &'a str> {
        self.of_environment.iter().chain(&self.of_object).filter_map(|policy| match (policy.source, policy.options) {
            (Source::Remote(name), None) => Some(name),
            _ => None,
        })
    }
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { namespace: "", name } => write!(f, "policy {}", quoted(name)),
            Self::Local { namespace, name } => write!(f, "policy {}", quoted(&format!("{namespace}/{name}"))),
            Self::Remote(name) => write!(f, "remote policy {}", quoted(name)),
        }
    }
}

/// How many policies, and how many options of each, a message names.
const MAX_TOLD: usize = 8;

/// Options as people read them: `country us, continent eu and 3 more`.
pub fn listed<T: fmt::Display>(options: impl IntoIterator<Item = T>) -> String {
    let mut all = options.into_iter();
    let mut out = String::new();
    for option in all.by_ref().take(MAX_TOLD) {
        _ = write!(out, "{}{option}", if out.is_empty() { "" } else { ", " });
    }
    match all.count() {
        0 if out.is_empty() => out.push_str("nothing"),
        0 => {}
        more => _ = write!(out, " and {more} more"),
    }
    out
}
