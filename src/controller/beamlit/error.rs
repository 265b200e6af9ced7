//! Why something on Beamlit could not be done, in words for people: one line, cut, without secrets, and never a whole page.

use std::time::Duration;

use crate::controller::outbound;
use crate::telemetry::reconciler::Answer;

/// How many characters of what Beamlit said are shown.
const MOST: usize = 200;

/// Why something on Beamlit could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There are no credentials, or they cannot be read.
    #[error("no usable credentials for Beamlit: {0}")]
    NoCredentials(String),
    /// Beamlit does not take the credentials.
    #[error("Beamlit does not take the credentials: {0}")]
    CredentialsRefused(String),
    /// Nobody answers.
    #[error("Beamlit cannot be reached: {0}")]
    Unreachable(String),
    /// No answer came in time. Whether the call had its effect is not known.
    #[error("Beamlit did not answer within {0:?}")]
    TimedOut(Duration),
    /// Calls have failed too often of late; none is made for now.
    // Not for how long: it stands in a status, where nobody counts it down.
    #[error("calls to Beamlit are held back for a while: {because}")]
    HeldBack {
        /// When the next call may be made.
        after: Duration,
        /// Why the last calls failed.
        because: String,
    },
    /// Beamlit wants fewer calls.
    #[error("Beamlit takes no more calls for now")]
    Throttled {
        /// When Beamlit wants to be asked again, if it said so.
        after: Option<Duration>,
    },
    /// Beamlit failed: status 500 and above.
    #[error("Beamlit failed with status {status}: {said}")]
    Failed {
        /// The status.
        status: u16,
        /// What it said.
        said: String,
        /// When it wants to be asked again, if it said so.
        after: Option<Duration>,
    },
    /// Beamlit refuses the call: status 400 to 499. The same call would be refused again.
    #[error("Beamlit refused with status {status}: {said}")]
    Refused {
        /// The status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// The answer is not what Beamlit's API promises: a page, an error under status 200, another object.
    #[error("Beamlit's answer cannot be used: {0}")]
    Malformed(String),
    /// The answer leads elsewhere, and nobody follows: a token goes to Beamlit alone.
    #[error("Beamlit's answer leads elsewhere (status {status}), which is not followed")]
    Redirected {
        /// The status.
        status: u16,
    },
    /// The answer is about another workspace.
    #[error("Beamlit answered with objects of workspace {found}, and the operator's is {ours}")]
    OtherWorkspace {
        /// The workspace of the answer.
        found: String,
        /// The workspace of the operator.
        ours: String,
    },
    /// What has the name on Beamlit belongs to another object.
    #[error("the name is taken on Beamlit: it belongs to {by}")]
    NameTaken {
        /// Who owns it.
        by: String,
    },
    /// No object of that name can be on Beamlit.
    #[error("no object on Beamlit can be called {0}")]
    Name(String),
    /// The client is told to do what it must not or cannot.
    #[error("the settings for Beamlit cannot be used: {0}")]
    Settings(String),
}

impl Error {
    /// Whether the same may well succeed later, without anybody's help.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_)
                | Self::TimedOut(_)
                | Self::HeldBack { .. }
                | Self::Throttled { .. }
                | Self::Failed { .. }
        )
    }

    /// How long to wait before the same is tried again, if Beamlit or the client says so.
    #[must_use]
    pub const fn after(&self) -> Option<Duration> {
        match self {
            Self::HeldBack { after, .. } => Some(*after),
            Self::Throttled { after } | Self::Failed { after, .. } => *after,
            _ => None,
        }
    }

    /// What calls are counted by.
    #[must_use]
    pub const fn answer(&self) -> Answer {
        match self {
            Self::Unreachable(_) | Self::HeldBack { .. } => Answer::Unreachable,
            Self::TimedOut(_) => Answer::TimedOut,
            Self::Throttled { .. } => Answer::Throttled,
            Self::CredentialsRefused(_) => Answer::Forbidden,
            Self::Failed { status, .. } | Self::Refused { status, .. } => Answer::of(*status),
            Self::Malformed(_) | Self::OtherWorkspace { .. } | Self::Redirected { .. } => Answer::Malformed,
            Self::NoCredentials(_) | Self::Settings(_) | Self::Name(_) | Self::NameTaken { .. } => Answer::Refused,
        }
    }
}

/// What somebody else said, in one line.
pub(super) fn line(text: &str) -> String {
    outbound::line(text, MOST)
}
