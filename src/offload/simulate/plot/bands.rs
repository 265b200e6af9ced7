//! Phases that are shaded: failovers, probes, weights that are held or forced.

use super::super::run::Run;
use crate::offload::decide::Reason;

/// A phase of a kind, in milliseconds since the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Band {
    pub kind: Kind,
    pub from: u64,
    pub until: u64,
    /// Of two runs the one that it belongs to; a run alone is shaded behind all panels.
    pub lane: Option<usize>,
}

/// What a phase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Failover,
    Recovering,
    Probing,
    Held,
    Blocked,
}

/// A weight that is held for a moment is nothing to look at.
const LEAST_HELD: u64 = 60_000;

impl Kind {
    pub(super) const ALL: [Self; 5] = [Self::Failover, Self::Recovering, Self::Probing, Self::Held, Self::Blocked];

    fn of(reason: Reason) -> Option<Self> {
        match reason {
            Reason::Failover => Some(Self::Failover),
            Reason::Recovering => Some(Self::Recovering),
            Reason::Probing => Some(Self::Probing),
            Reason::LocalUnknown | Reason::MetricsUnavailable | Reason::Undecided | Reason::DemandUnknown => {
                Some(Self::Held)
            }
            Reason::Blocked | Reason::Paused | Reason::Never => Some(Self::Blocked),
            Reason::AtHome
            | Reason::TargetReached
            | Reason::WithinTolerance
            | Reason::Returning
            | Reason::Stabilizing
            | Reason::RateLimited
            | Reason::Disabled => None,
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::Recovering => "recovering",
            Self::Probing => "probing",
            Self::Held => "held: the metrics do not say",
            Self::Blocked => "blocked or paused",
        }
    }

    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::Recovering => "recovering",
            Self::Probing => "probing",
            Self::Held => "held",
            Self::Blocked => "blocked",
        }
    }
}

/// The phases of a run.
pub(super) fn of(run: &Run, lane: Option<usize>) -> Vec<Band> {
    let mut out: Vec<Band> = Vec::new();
    // What lies closer together than a pixel cannot be told apart.
    let pixel = run.length / 900;
    for (index, step) in run.steps.iter().enumerate() {
        let until = run.steps.get(index + 1).map_or(run.length, |next| next.at);
        let Some(kind) = Kind::of(step.reason) else { continue };
        match out.iter_mut().rev().find(|band| band.kind == kind) {
            Some(last) if step.at - last.until <= pixel => last.until = until,
            _ => out.push(Band { kind, from: step.at, until, lane }),
        }
    }
    out.retain(|band| band.until > band.from && (band.kind != Kind::Held || band.until - band.from >= LEAST_HELD));
    out
}
