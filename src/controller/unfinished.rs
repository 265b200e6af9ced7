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
    /// An object that goes waits for something, for so long at most.
    #[error("{why}")]
    Going {
        /// For what.
        why: Box<Unfinished>,
        /// For how much longer.
        left: Duration,
    },
}

impl Unfinished {
    /// How long to wait before the next attempt, if anybody says so; otherwise `longer` with each that fails.
    #[must_use]
    pub(super) fn wait(&self, longer: impl FnOnce() -> Duration) -> Duration {
        match self {
            // Somebody on the way answers so in Beamlit's place, for as long as something is wrong there.
            Self::Beamlit(beamlit::Error::Malformed(_) | beamlit::Error::Redirected { .. }) => longer(),
            // Somebody has to change something first.
            Self::Beamlit(error) if !error.is_passing() => RESYNC,
            Self::Beamlit(error) => error.after().unwrap_or_else(longer),
            Self::Unready(_) | Self::Unread { .. } | Self::NotWritten(_) | Self::Unrouted(_) => longer(),
            Self::Going { why, left } => why.wait(longer).min(*left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::beamlit::Error;
    use super::*;

    #[test]
    fn who_goes_is_looked_at_again_when_patience_ends_at_the_latest() {
        const LONGER: Duration = Duration::from_secs(60);
        let refused = || Unfinished::Beamlit(Error::Refused { status: 400, said: "no".to_owned() });
        let held_back = || {
            let (after, because) = (Duration::from_secs(300), String::new());
            Unfinished::Beamlit(Error::HeldBack { after, because })
        };
        let unwritten = || Unfinished::NotWritten(NotWritten::Changed("it".to_owned()));
        let wait = |why: Unfinished| why.wait(|| LONGER).as_secs();
        assert_eq!([wait(refused()), wait(held_back()), wait(unwritten())], [600, 300, 60]);
        let going = |why, left| wait(Unfinished::Going { why: Box::new(why), left: Duration::from_secs(left) });
        assert_eq!([going(refused(), 45), going(held_back(), 45), going(unwritten(), 45)], [45, 45, 45]);
        assert_eq!([going(refused(), 3600), going(unwritten(), 3600)], [600, 60]);
    }

    #[test]
    fn what_passes_by_itself_is_tried_again_soon_and_what_somebody_has_to_change_is_not() {
        const LONGER: Duration = Duration::from_secs(1);
        let wait = |error| Unfinished::Beamlit(error).wait(|| LONGER);
        assert_eq!(wait(Error::Malformed("it is a page, not JSON".to_owned())), LONGER);
        assert_eq!(wait(Error::Redirected { status: 307 }), LONGER);
        assert_eq!(wait(Error::Failed { status: 502, said: String::new(), after: None }), LONGER);
        assert_eq!(wait(Error::Refused { status: 400, said: "bad".to_owned() }), RESYNC);
        assert_eq!(wait(Error::NameTaken { by: "a/b".to_owned() }), RESYNC);
    }
}
