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

    /// Takes over how a source did in one sweep: not at all if nothing was asked of it.
    pub(super) fn swept(&mut self, source: Source, fault: Option<Option<String>>, now: Instant) {
        let before = self.0.remove(&source).unwrap_or_default();
        let health = match (fault, before) {
            (None, _) => Health::Unasked,
            (Some(None), _) => Health::Answers,
            (Some(Some(why)), Health::Fails { since, .. }) => Health::Fails { since, why },
            (Some(Some(why)), _) => Health::Fails { since: now, why },
        };
        self.0.insert(source, health);
    }
}
