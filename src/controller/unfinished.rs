//! Why something is left to do, and when to try again.

use std::time::Duration;

use kube::runtime::controller::Action;

use super::beamlit;
use super::writes::NotWritten;

/// How often an object is looked at of which nothing is heard: what was missed, if anything was, is found then.
pub(super) const RESYNC: Duration = Duration::from_secs(600);

/// What a reconcile that was finished came to: when to look again, and whether anything was new.
#[derive(Debug)]
pub(super) struct Finished {
    /// When to look again, if nothing is heard until then.
    pub(super) next: Action,
    /// Whether the status says anything else than before.
    pub(super) changed: bool,
}

/// Why an object is to be looked at again soon.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfinished {
    /// What is around it is not known yet, or no more.
    #[error("nobody knows what else is in the cluster: {0}")]
    Unready(&'static str),
    /// What it refers to could not be read.
    #[error("cannot read {what}: {why}")]
    Unread {
        /// What.
        what: String,
        /// Why not.
        why: String,
    },
    /// Something was not written.
    #[error(transparent)]
    NotWritten(#[from] NotWritten),
    /// The Service does not say what was decided.
    #[error("{0}")]
    Unrouted(String),
    /// Something was not done on Beamlit.
    #[error(transparent)]
    Beamlit(#[from] beamlit::Error),
}

impl Unfinished {
    /// How long to wait before the next attempt, if anybody says so; otherwise longer with each that fails.
    #[must_use]
    pub(super) fn after(&self) -> Option<Duration> {
        match self {
            // Somebody on the way answers so in Beamlit's place, for as long as something is wrong there.
            Self::Beamlit(beamlit::Error::Malformed(_) | beamlit::Error::Redirected { .. }) => None,
            // Somebody has to change something first.
            Self::Beamlit(error) if !error.is_passing() => Some(RESYNC),
            Self::Beamlit(error) => error.after(),
            Self::Unready(_) | Self::Unread { .. } | Self::NotWritten(_) | Self::Unrouted(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_tried_again_soon_and_what_somebody_has_to_change_is_not() {
        let after = |error: beamlit::Error| Unfinished::Beamlit(error).after();
        assert_eq!(after(beamlit::Error::Malformed("it is a page, not JSON".to_owned())), None);
        assert_eq!(after(beamlit::Error::Redirected { status: 307 }), None);
        assert_eq!(after(beamlit::Error::Failed { status: 502, said: String::new(), after: None }), None);
        let refused = beamlit::Error::Refused { status: 400, said: "bad".to_owned() };
        assert_eq!(after(refused), Some(RESYNC));
        assert_eq!(after(beamlit::Error::NameTaken { by: "a/b".to_owned() }), Some(RESYNC));
    }
}
