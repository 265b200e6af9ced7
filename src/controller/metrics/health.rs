//! Whether each source answers, and if not since when and why.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::telemetry::reconciler::Source;

/// How a source did when it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Nothing was asked of it.
    #[default]
    Unasked,
    /// It answered everything, be it that it does not know a metric.
    Answers,
    /// It did not, or not everything, or not in a way that can be read.
    Fails {
        /// Since when that is so without a break.
        since: Instant,
        /// Why, the last time.
        why: String,
    },
}

/// How all sources do.
#[derive(Debug, Default)]
pub(super) struct Healths(BTreeMap<Source, Health>);

impl Healths {
    pub(super) fn get(&self) -> BTreeMap<Source, Health> {
        Source::ALL.map(|source| (source, self.0.get(&source).cloned().unwrap_or_default())).into()
    }

    /// Nothing was asked of a source.
    pub(super) fn unasked(&mut self, source: Source) {
        self.0.remove(&source);
    }

    /// A source was asked, and all is well unless there is a fault.
    pub(super) fn asked(&mut self, source: Source, fault: Option<String>, now: Instant) {
        let health = match (fault, self.0.get(&source)) {
            (None, _) => Health::Answers,
            (Some(why), Some(Health::Fails { since, .. })) => Health::Fails { since: *since, why },
            (Some(why), _) => Health::Fails { since: now, why },
        };
        self.0.insert(source, health);
    }
}
