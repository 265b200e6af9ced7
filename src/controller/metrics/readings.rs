//! What one sweep brought, by query.

use std::collections::HashMap;
use std::sync::Arc;

use super::Query;
use super::answer::Answer;
use crate::offload::evaluate::{Fault, Pod, Reading};

/// What the sources answered, as of one sweep. Clones are cheap, and one and the same.
#[derive(Clone, Debug, Default)]
pub struct Readings(Arc<HashMap<Query, Outcome>>);

/// What came of one query.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// The last answer, if there is one that still counts.
    pub(super) answer: Option<Arc<Answer>>,
    /// Why there was none this time.
    pub(super) fault: Option<Fault>,
}

impl Readings {
    pub(super) fn new(outcomes: HashMap<Query, Outcome>) -> Self {
        Self(Arc::new(outcomes))
    }

    /// The sources know of no pods.
    #[cfg(test)]
    pub(in crate::controller) fn of_no_pods(queries: impl Iterator<Item = Query>) -> Self {
        let answer = || Some(Arc::new(Answer::Usage(Default::default())));
        Self::new(queries.map(|query| (query, Outcome { answer: answer(), fault: None })).collect())
    }

    /// One query about something outside the cluster was answered with a whole number just now, or was not.
    #[cfg(test)]
    pub(in crate::controller) fn of_one(query: Query, answered: Result<i64, Fault>, now: crate::offload::Time) -> Self {
        let value = |number: i64| crate::offload::evaluate::Value {
            milli: crate::offload::evaluate::Milli(number * 1000),
            timestamp: now,
            window: None,
        };
        let outcome = match answered {
            Ok(number) => Outcome { answer: Some(Arc::new(Answer::External(vec![value(number)]))), fault: None },
            Err(fault) => Outcome { answer: None, fault: Some(fault) },
        };
        Self::new([(query, outcome)].into())
    }

    /// The answer to a query, narrowed down to a workload's pods.
    ///
    /// # Errors
    /// Why there is none.
    pub fn reading(&self, query: &Query, pods: &[Pod]) -> Result<Reading, Fault> {
        match self.0.get(query) {
            Some(Outcome { answer: Some(answer), .. }) => answer.reading(pods),
            Some(Outcome { fault: Some(fault), .. }) => Err(fault.clone()),
            Some(Outcome { answer: None, fault: None }) | None => {
                Err(Fault::Unavailable("it has not been asked yet".to_owned()))
            }
        }
    }

    /// Whether a query has been asked at all.
    #[must_use]
    pub fn asked(&self, query: &Query) -> bool {
        self.0.contains_key(query)
    }

    /// Why the source did not answer a query this time, also while its last answer still counts.
    #[must_use]
    pub fn fault(&self, query: &Query) -> Option<&Fault> {
        self.0.get(query)?.fault.as_ref()
    }
}
