//! How far each watch can be trusted, as time goes on.

use std::time::Duration;

use tokio::time::Instant;

/// For how long a review may be judged on what a lost watch last told. After that, nothing that is judged here could be
/// relied on, and the replica asks to be left out.
pub(super) const TRUSTED: Duration = Duration::from_secs(60);

/// What is known of one watch.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    phase: Phase,
    /// The last fault, for as long as it lasts.
    fault: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing has been listed yet.
    #[default]
    Waiting,
    /// What is known is true, but for what is on its way.
    Current,
    /// It was true until then.
    Lost(Instant),
}

/// What there is to say of one watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Current,
    /// It was never current; the fault, if it is known.
    Waiting(Option<String>),
    /// It is lost, and its last state still counts.
    Lost(String),
    /// It was lost so long ago that its last state no longer counts.
    TooOld(String),
}

impl State {
    /// Everything was listed, and is being watched. Returns for how long it was lost, if it was.
    pub(super) fn listed(&mut self, now: Instant) -> Option<Duration> {
        let lost = match self.phase {
            Phase::Lost(since) => Some(now.saturating_duration_since(since)),
            Phase::Waiting | Phase::Current => None,
        };
        *self = Self { phase: Phase::Current, fault: None };
        lost
    }

    /// The watch failed. Returns whether that is news.
    pub(super) fn failed(&mut self, fault: &str, now: Instant) -> bool {
        if self.phase == Phase::Current {
            self.phase = Phase::Lost(now);
        }
        let news = self.fault.as_deref() != Some(fault);
        self.fault = Some(fault.to_owned());
        news
    }

    pub(super) fn is_current(&self) -> bool {
        self.phase == Phase::Current
    }

    /// Whether nothing has been listed yet.
    pub(super) fn is_waiting(&self) -> bool {
        self.phase == Phase::Waiting
    }

    /// Whether it was lost so long ago that its last state no longer counts.
    pub(super) fn is_too_old(&self, now: Instant) -> bool {
        matches!(self.phase, Phase::Lost(since) if now.saturating_duration_since(since) >= TRUSTED)
    }

    /// What there is to say at this moment.
    pub(super) fn verdict(&self, now: Instant) -> Verdict {
        match self.phase {
            Phase::Waiting => Verdict::Waiting(self.fault.clone()),
            Phase::Current => Verdict::Current,
            Phase::Lost(since) => {
                let ago = now.saturating_duration_since(since);
                let text = format!("{} s ago: {}", ago.as_secs(), self.fault.as_deref().unwrap_or_default());
                if ago < TRUSTED { Verdict::Lost(text) } else { Verdict::TooOld(text) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_listed_is_waited_for() {
        let (mut state, now) = (State::default(), Instant::now());
        assert_eq!(state.verdict(now), Verdict::Waiting(None));
        assert!(state.failed("forbidden", now));
        // However long it lasts: there is no last state that could count.
        let later = now + TRUSTED * 10;
        assert!(!state.failed("forbidden", later), "told once");
        assert_eq!(state.verdict(later), Verdict::Waiting(Some("forbidden".to_owned())));
        assert!(state.failed("gone away", later));
        assert_eq!(state.listed(later), None);
        assert_eq!(state.verdict(later), Verdict::Current);
    }

    #[test]
    fn what_was_lost_counts_for_a_while_and_is_counted_from_its_first_fault() {
        let (mut state, now) = (State::default(), Instant::now());
        state.listed(now);
        let at = |seconds| now + Duration::from_secs(seconds);
        assert!(state.failed("refused", at(10)));
        assert!(state.failed("forbidden", at(12)));
        assert!(!state.failed("forbidden", at(30)));
        assert_eq!(state.verdict(at(22)), Verdict::Lost("12 s ago: forbidden".to_owned()));
        assert_eq!(state.verdict(at(69)), Verdict::Lost("59 s ago: forbidden".to_owned()));
        assert_eq!(state.verdict(at(85)), Verdict::TooOld("75 s ago: forbidden".to_owned()));
        assert_eq!([69, 70, 85].map(|seconds| state.is_too_old(at(seconds))), [false, true, true]);
        assert_eq!(state.listed(at(90)), Some(Duration::from_secs(80)));
        assert!(state.is_current());
        // The next loss is one of its own.
        assert!(state.failed("forbidden", at(100)));
        assert_eq!(state.verdict(at(101)), Verdict::Lost("1 s ago: forbidden".to_owned()));
    }
}
