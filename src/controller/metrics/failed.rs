//! Why a call brought no answer, and what is to be done about it.

use std::time::Duration;

use super::words::line;
use crate::offload::evaluate::Fault;
use crate::telemetry::reconciler::Answer;

/// A call without an answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The source answered, and that is all it has to say of the metric. Nothing is wrong with the source.
    Answered(Fault),
    /// The source answered, and nobody can read it.
    Unreadable(String),
    /// The source did not answer.
    Unavailable {
        /// Why, in words for people.
        why: String,
        /// What follows from it.
        then: Then,
    },
}

/// What follows for other questions to the same source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing.
    Nothing,
    /// Nobody is there: asking on in this sweep is of no use.
    Unreachable,
    /// It wants to be left alone for so long.
    Wait(Duration),
}

/// The longest that a source is left alone, whatever it says.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

impl Failed {
    /// A failure from which nothing follows for other questions.
    pub(super) fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable { why: why.into(), then: Then::Nothing }
    }

    /// There is no way to the source.
    pub(super) fn unreachable(why: impl Into<String>) -> Self {
        Self::Unavailable { why: why.into(), then: Then::Unreachable }
    }

    /// The answer did not come in time.
    pub(super) fn too_slow(most: Duration) -> Self {
        Self::unavailable(format!("no answer within {most:?}"))
    }

    /// The answer is larger than any that is read.
    pub(super) fn too_large(most: usize) -> Self {
        Self::Unreadable(format!("it is larger than {} MiB", most >> 20))
    }

    /// What a status other than success means, with what the source says about it and for how long it wants to be left alone.
    pub(super) fn status(status: u16, said: Option<&str>, wait: Option<Duration>) -> Self {
        let said = said.map(line).filter(|said| !said.is_empty());
        let words = || said.clone().unwrap_or_else(|| format!("status {status}"));
        match (status, wait) {
            (429 | 503, Some(wait)) if !wait.is_zero() => {
                let wait = wait.min(LONGEST_WAIT);
                let why = format!("{} (it asks to be left alone for {} s)", words(), wait.as_secs());
                Self::Unavailable { why, then: Then::Wait(wait) }
            }
            (404, _) => Self::Answered(Fault::NotKnown(words())),
            (400 | 422, _) => Self::Answered(Fault::Refused(words())),
            (300..=399, _) => Self::unavailable(format!("it redirects to another place (status {status})")),
            (401, _) => Self::unavailable(format!("it does not know who asks ({})", words())),
            (403, _) => Self::unavailable(format!("it does not allow the question ({})", words())),
            _ => Self::unavailable(words()),
        }
    }

    /// What is wrong with the metric.
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Answered(fault) => fault.clone(),
            Self::Unreadable(why) => Fault::Unreadable(why.clone()),
            Self::Unavailable { why, .. } => Fault::Unavailable(why.clone()),
        }
    }

    /// What is wrong with the source, if anything is.
    pub(super) fn of_source(&self) -> Option<String> {
        match self {
            Self::Answered(_) => None,
            Self::Unreadable(why) => Some(format!("an answer cannot be read: {why}")),
            Self::Unavailable { why, .. } => Some(why.clone()),
        }
    }

    /// What calls are counted by.
    pub(super) const fn answer(&self) -> Answer {
        match self {
            Self::Answered(Fault::NotKnown(_)) => Answer::NotFound,
            Self::Answered(_) => Answer::Refused,
            Self::Unreadable(_) => Answer::Malformed,
            Self::Unavailable { then: Then::Unreachable, .. } => Answer::Unreachable,
            Self::Unavailable { then: Then::Wait(_), .. } => Answer::Throttled,
            Self::Unavailable { then: Then::Nothing, .. } => Answer::Failed,
        }
    }

    /// What follows for other questions.
    pub(super) fn then(&self) -> Then {
        match self {
            Self::Unavailable { then, .. } => *then,
            Self::Answered(_) | Self::Unreadable(_) => Then::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// original-defects.md: "Errors are matched by string."
    #[test]
    fn a_status_means() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (status, said, wait, text, then) in [
            (404, Some("no metric a"), None, "its source does not know it: no metric a", Then::Nothing),
            (404, None, None, "its source does not know it: status 404", Then::Nothing),
            (400, Some("bad\nselector"), None, "its source refuses to answer: bad\\u{a}selector", Then::Nothing),
            (
                302,
                Some("x"),
                None,
                "its source did not answer: it redirects to another place (status 302)",
                Then::Nothing,
            ),
            (401, None, None, "its source did not answer: it does not know who asks (status 401)", Then::Nothing),
            (403, Some("no"), None, "its source did not answer: it does not allow the question (no)", Then::Nothing),
            (500, Some(" "), None, "its source did not answer: status 500", Then::Nothing),
            (
                429,
                Some("too many requests"),
                seconds(30),
                "its source did not answer: too many requests (it asks to be left alone for 30 s)",
                Then::Wait(Duration::from_secs(30)),
            ),
            (
                503,
                None,
                seconds(1_000_000),
                "its source did not answer: status 503 (it asks to be left alone for 600 s)",
                Then::Wait(LONGEST_WAIT),
            ),
            (429, None, seconds(0), "its source did not answer: status 429", Then::Nothing),
            (500, None, seconds(30), "its source did not answer: status 500", Then::Nothing),
        ] {
            let failed = Failed::status(status, said, wait);
            assert_eq!((failed.fault().to_string().as_str(), failed.then()), (text, then), "{status}");
            assert_eq!(failed.of_source().is_none(), [400, 404].contains(&status), "{status}");
        }
    }
}
