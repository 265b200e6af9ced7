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
