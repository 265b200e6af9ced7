//! Whether each source answers, and if not since when and why.

use std::collections::BTreeMap;
use std::fmt;

use tokio::time::Instant;

/// Where metrics come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// `metrics.k8s.io`
    Resource,
    /// `custom.metrics.k8s.io`
    Custom,
    /// `external.metrics.k8s.io`
    External,
    /// The Prometheus that the operator's configuration names.
    Prometheus,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::Resource, Self::Custom, Self::External, Self::Prometheus];

    /// What it is called in messages and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resource => "metrics.k8s.io",
            Self::Custom => "custom.metrics.k8s.io",
            Self::External => "external.metrics.k8s.io",
            Self::Prometheus => "prometheus",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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
