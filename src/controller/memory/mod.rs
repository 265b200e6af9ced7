//! What the reconcilers know of each object and of each other's work, for as long as they hold the lease.

mod references;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

pub(super) use self::references::Reference;
use self::references::References;
use super::allowance::{Allowance, Limit};
use super::metrics::Query;
use super::stored::Version;
use super::terms::Terms;
use crate::api::OffloadAutoscalerStatus;
use crate::engine::world::Name;
use crate::offload::decide::{Reason, State};
use crate::offload::observation::Blocked;

/// Everything that is remembered.
#[derive(Debug, Default)]
pub(super) struct Memory {
    terms: Mutex<AllTerms>,
    courses: Mutex<HashMap<Name, Arc<AsyncMutex<Option<Course>>>>>,
    /// Objects that are gone, of which somebody may still be deciding the weight, or have left it on a Service.
    departed: Mutex<HashSet<Name>>,
    outcomes: Mutex<HashMap<Name, Outcome>>,
    references: Mutex<References>,
    /// The template of each object's pods as it was last read, as text, and its print.
    templates: Mutex<HashMap<Name, (u64, Box<str>)>>,
    /// How many readings may still be shown that nobody waits for.
    shows: Mutex<Option<Allowance>>,
    /// When the words of the conditions of each ModelDeployment were written last.
    reworded: Mutex<HashMap<Name, Instant>>,
    /// The version of each ModelDeployment that was written last, and when, until its watch has told of it.
    written: Mutex<HashMap<Name, (Version, Instant)>>,
}

/// For how long at most an object that is older than what was written on it is not looked at: where a cluster was put back from a copy,
/// versions begin anew.
pub(super) const BEHIND: Duration = Duration::from_secs(5);

/// Where the weight of one object is on its way. Whoever holds it is the only one that writes what the object's Service says.
#[derive(Clone, Debug)]
pub(super) struct Course {
    /// The uid of the ModelDeployment.
    pub(super) uid: String,
    /// The Service whose weight it is.
    pub(super) service: Name,
    /// What was decided, and on what grounds, as it was last stored or goes on from there.
    pub(super) state: State,
    /// Whether the model was last reported as deployed on Beamlit, if anybody ever said.
    pub(super) deployed: Option<Deployed>,
    /// The uid of the OffloadAutoscaler that shows it.
    pub(super) shown_by: String,
    /// The status that people see, without its metrics and what a restart needs.
    pub(super) shown: OffloadAutoscalerStatus,
    /// When it was written, or taken over.
    pub(super) shown_at: Instant,
    /// Which share of the wait until it may be written again is left out.
    pub(super) shown_early: f64,
    /// Each metric's share of its target as it was written; none if another process wrote it.
    pub(super) shown_ratios: Option<Vec<f64>>,
    /// Whether every metric had been asked then.
    pub(super) shown_asked: bool,
    /// When it was last written for nothing but the words of a condition.
    pub(super) reworded_at: Option<Instant>,
    /// Whether the Service says what was decided.
    pub(super) routed: Routed,
    /// What was last written on a Service by this process, of which no watch may have told yet.
    pub(super) written: Option<Written>,
}

/// What was written on a Service, whether anybody heard that it was or not.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// Which.
    pub(super) service: Name,
    /// What, to tell it from anything else.
    print: u64,
    /// The version of the Service with it; none before the API server has said so.
    pub(super) version: Option<Version>,
}

impl Written {
    /// These annotations, on the Service with this uid.
    #[must_use]
    pub(super) fn of(service: &Name, uid: &str, says: &BTreeMap<&'static str, String>) -> Self {
        let mut hasher = DefaultHasher::new();
        (uid, says).hash(&mut hasher);
        Self { service: service.clone(), print: hasher.finish(), version: None }
    }

    /// Whether it is the same on the same.
    #[must_use]
    pub(super) fn says(&self, other: &Self) -> bool {
        (&self.service, self.print) == (&other.service, other.print)
    }

    /// Whether it was written on this Service after a look at it.
    #[must_use]
    pub(super) fn is_newer_than(&self, service: &Name, looked_at: &str) -> bool {
        self.service == *service && self.version.zip(Version::read(looked_at)).is_some_and(|(own, its)| own > its)
    }
}

/// What Beamlit last said of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deployed {
    /// Which model, as `environment/name`.
    pub(super) model: String,
    /// Whether it is deployed.
    pub(super) is: bool,
}

/// What came of the last decision, for the status of the ModelDeployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The weight in force.
    pub(super) weight: u8,
    /// Why.
    pub(super) reason: Reason,
    /// Why nothing may be sent away.
    pub(super) blocked: Option<Blocked>,
    /// Whether the Service says so.
    pub(super) routed: Routed,
    /// Which metrics have no value that counts, in the words that the OffloadAutoscaler has for it; empty if all have one.
    pub(super) unavailable: String,
}

impl Outcome {
    /// What is news.
    fn outline(mut self) -> Self {
        if let Routed::Failed(why) = &mut self.routed {
            why.clear();
        }
        self
    }
}

/// Whether the Service says what was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Routed {
    /// It does.
    Yes,
    /// There is no such Service.
    Missing,
    /// Another ModelDeployment routes it.
    Taken(String),
    /// It could not be written; why.
    Failed(String),
}

/// By what weights are decided, and what that asks for.
#[derive(Debug, Default)]
struct AllTerms {
    all: HashMap<Name, Arc<Terms>>,
    /// What all of them ask for; none if that was not looked at since they changed.
    queries: Option<Arc<BTreeSet<Query>>>,
}

impl AllTerms {
    fn set(&mut self, of: &Name, terms: Option<Terms>) {
        let asks = |terms: &Arc<Terms>| terms.queries.clone();
        let after = terms.as_ref().map(|terms| terms.queries.clone());
        let before = match terms {
            Some(terms) => self.all.insert(of.clone(), Arc::new(terms)),
            None => self.all.remove(of),
        };
        if before.as_ref().map(asks) != after {
            self.queries = None;
        }
    }
}

impl Memory {
    /// By what the weight of an object is decided.
    pub(super) fn terms(&self, of: &Name) -> Option<Arc<Terms>> {
        held(&self.terms).all.get(of).cloned()
    }

    /// Those whose weights are decided by such terms.
    pub(super) fn with_terms(&self, are_such: impl Fn(&Terms) -> bool) -> Vec<Name> {
        let terms = held(&self.terms);
        terms.all.iter().filter(|(_, terms)| are_such(terms)).map(|(name, _)| name.clone()).collect()
    }

    /// How many weights are decided.
    pub(super) fn decided(&self) -> usize {
        held(&self.terms).all.len()
    }

    /// What all of them together ask the sources of metrics.
    pub(super) fn queries(&self) -> Arc<BTreeSet<Query>> {
        let mut terms = held(&self.terms);
        let AllTerms { all, queries } = &mut *terms;
        let collect = || all.values().flat_map(|terms| terms.queries.iter().flatten()).cloned().collect();
        Arc::clone(queries.get_or_insert_with(|| Arc::new(collect())))
    }

    /// From now on it is decided by these; by none, it is not decided any more.
    pub(super) fn set_terms(&self, of: &Name, terms: Option<Terms>) {
        held(&self.terms).set(of, terms);
    }

    /// Where its weight is on its way; whoever locks it is alone with it.
    pub(super) fn course(&self, of: &Name) -> Arc<AsyncMutex<Option<Course>>> {
        Arc::clone(held(&self.courses).entry(of.clone()).or_default())
    }

    /// The same, if there is one.
    pub(super) fn known_course(&self, of: &Name) -> Option<Arc<AsyncMutex<Option<Course>>>> {
        held(&self.courses).get(of).cloned()
    }

    /// What came of the last decision.
    pub(super) fn outcome(&self, of: &Name) -> Option<Outcome> {
        held(&self.outcomes).get(of).cloned()
    }

    /// Whether this object is decided at all, and not another of its name.
    pub(super) fn decides(&self, of: &Name, uid: &str) -> bool {
        held(&self.terms).all.get(of).is_some_and(|terms| terms.uid == uid)
    }

    /// Notes what came of a decision, and says whether that is anything new. Of an object that was forgotten meanwhile nothing is noted.
    pub(super) fn set_outcome(&self, of: &Name, uid: &str, outcome: Outcome) -> bool {
        // Held until it is noted: whoever forgets the object does so before, or afterwards.
        let terms = held(&self.terms);
        if terms.all.get(of).is_none_or(|terms| terms.uid != uid) {
            return false;
        }
        let before = held(&self.outcomes).insert(of.clone(), outcome.clone());
        // Words are those of a status, in which they change as seldom as is good for it; those of the API server change as it likes.
        before.map(Outcome::outline) != Some(outcome.outline())
    }

    /// Nothing is decided of an object any more.
    pub(super) fn clear_outcome(&self, of: &Name) {
        held(&self.outcomes).remove(of);
    }

    /// The template of an object's pods, if this is still its print.
    pub(super) fn template(&self, of: &Name, print: u64) -> Option<Value> {
        let templates = held(&self.templates);
        let (known, template) = templates.get(of)?;
        (*known == print).then(|| serde_json::from_str(template).ok()).flatten()
    }

    /// Notes the template of an object's pods.
    pub(super) fn set_template(&self, of: &Name, print: u64, template: &Value) {
        held(&self.templates).insert(of.clone(), (print, template.to_string().into()));
    }

    /// Notes which version of an object was written.
    pub(super) fn wrote(&self, object: &Name, version: Option<Version>) {
        if let Some(version) = version {
            held(&self.written).insert(object.clone(), (version, Instant::now()));
        }
    }

    /// Whether this version of an object is older than what was written on it: its watch is about to bring a newer one.
    pub(super) fn is_behind(&self, object: &Name, version: Option<Version>) -> bool {
        let mut written = held(&self.written);
        let Some((last, at)) = written.get(object) else { return false };
        let is_behind = version.is_some_and(|version| version < *last) && at.elapsed() < BEHIND;
        if !is_behind {
            written.remove(object);
        }
        is_behind
    }

    /// Whether a reading may be shown that nobody waits for: no more than that, of all objects together.
    pub(super) fn may_show(&self, limit: Limit) -> bool {
        let now = Instant::now();
        held(&self.shows).get_or_insert_with(|| Allowance::full(limit, now)).take(limit, now)
    }

    /// Whether the conditions of an object may be written for nothing but their words: not more often than this.
    pub(super) fn may_reword(&self, object: &Name, every: Duration) -> bool {
        let mut reworded = held(&self.reworded);
        let may = reworded.get(object).is_none_or(|at| at.elapsed() >= every);
        if may {
            reworded.insert(object.clone(), Instant::now());
        }
        may
    }

    /// Notes what an object depends on.
    pub(super) fn refers(&self, object: &Name, to: BTreeSet<Reference>) {
        held(&self.references).set(object, to);
    }

    /// Who depends on an object.
    pub(super) fn referring(&self, to: &Reference) -> Vec<Name> {
        held(&self.references).to(to)
    }

    /// Who depends on an object of a namespace without being in it.
    pub(super) fn referring_into(&self, namespace: &str) -> BTreeSet<Name> {
        held(&self.references).outsiders_of(namespace)
    }

    /// Forgets an object that is gone. Its course stays until [`Memory::end`]: whoever holds it goes on to think that nobody else does.
    pub(super) fn forget(&self, object: &Name) {
        held(&self.terms).set(object, None);
        held(&self.outcomes).remove(object);
        held(&self.references).set(object, BTreeSet::new());
        held(&self.templates).remove(object);
        held(&self.written).remove(object);
        held(&self.reworded).remove(object);
        let has_course = held(&self.courses).contains_key(object);
        if has_course {
            held(&self.departed).insert(object.clone());
        }
    }

    /// The objects that were forgotten, and whose courses are still there.
    pub(super) fn departed(&self) -> Vec<Name> {
        held(&self.departed).iter().cloned().collect()
    }

    /// An object of this name is there again, and goes on with the course.
    pub(super) fn is_back(&self, object: &Name) {
        held(&self.departed).remove(object);
    }

    /// Ends the course of an object that is gone, unless somebody holds it.
    pub(super) fn end(&self, object: &Name) {
        let mut courses = held(&self.courses);
        if courses.get(object).is_none_or(|course| Arc::strong_count(course) == 1) {
            courses.remove(object);
            held(&self.departed).remove(object);
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::terms::tests::terms;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_what_was_written_is_not_looked_at_for_long() {
        let memory = Memory::default();
        let name = Name::new("a", "m");
        let version = |number| Some(Version(number));
        assert!(!memory.is_behind(&name, version(7)));
        memory.wrote(&name, None);
        assert!(!memory.is_behind(&name, version(7)));
        memory.wrote(&name, version(10));
        assert!(memory.is_behind(&name, version(9)));
        assert!(!memory.is_behind(&name, version(10)) && !memory.is_behind(&name, version(9)));
        memory.wrote(&name, version(20));
        assert!(!memory.is_behind(&name, None), "nobody can tell");
        memory.wrote(&name, version(20));
        tokio::time::advance(BEHIND).await;
        assert!(!memory.is_behind(&name, version(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn words_alone_are_written_every_so_often() {
        let (memory, name, every) = (Memory::default(), Name::new("a", "m"), Duration::from_secs(60));
        assert!(memory.may_reword(&name, every) && !memory.may_reword(&name, every));
        tokio::time::advance(every).await;
        assert!(memory.may_reword(&name, every) && !memory.may_reword(&name, every));
    }

    #[test]
    fn what_is_asked_follows_the_terms() {
        let memory = Memory::default();
        let query = |namespace: &str| Query::Resource { namespace: namespace.to_owned() };
        let (one, other) = (Name::new("a", "one"), Name::new("a", "other"));
        let asks = |of: &Name, namespace: &str| {
            memory.set_terms(of, Some(Terms { queries: vec![Some(query(namespace)), None], ..terms(true) }));
        };
        asks(&one, "a");
        asks(&other, "b");
        assert_eq!(*memory.queries(), [query("a"), query("b")].into());
        asks(&other, "a");
        assert_eq!(*memory.queries(), [query("a")].into());
        memory.forget(&one);
        memory.set_terms(&other, None);
        assert!(memory.queries().is_empty());
        assert_eq!(memory.decided(), 0);
    }

    #[test]
    fn an_outcome_is_news_once() {
        let memory = Memory::default();
        let name = Name::new("a", "m");
        memory.set_terms(&name, Some(terms(true)));
        let outcome = Outcome {
            weight: 50,
            reason: Reason::TargetReached,
            blocked: None,
            routed: Routed::Yes,
            unavailable: String::new(),
        };
        assert!(memory.set_outcome(&name, "uid", outcome.clone()));
        assert!(!memory.set_outcome(&name, "uid", outcome.clone()));
        memory.clear_outcome(&name);
        assert!(memory.set_outcome(&name, "uid", outcome.clone()));
        // What was decided for one that is gone, or for another of its name, is nobody's.
        assert!(!memory.set_outcome(&name, "another", outcome.clone()));
        memory.forget(&name);
        assert!(!memory.set_outcome(&name, "uid", outcome));
        assert_eq!(memory.outcome(&name), None);
    }
}
