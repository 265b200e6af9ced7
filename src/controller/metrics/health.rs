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
