//! Failover: all traffic goes away while no endpoint is ready, and comes back in steps once they are.

use super::super::Time;
use super::super::observation::Local;
use super::probe::Running;
use super::rules::{PERIOD, Rules, STEP};
use super::state::{Phase, State};

/// What a failover makes of the weight.
pub(super) enum Outcome {
    /// There is none, or it is over.
    None,
    /// All traffic is away, as no endpoint is ready.
    Away,
    /// Endpoints are ready; the weight on the way back.
    Back(u8),
}

/// Notes whether endpoints are ready, whatever else decides about the weight.
pub(super) fn watch(now: Time, local: Local, state: &mut State) {
    match local {
        Local::Ready(ready) if ready > 0 => {
            state.ready_since.get_or_insert(now);
        }
        // Nobody saw that they were ready: the wait starts again.
        Local::Ready(_) | Local::Unknown => state.ready_since = None,
    }
}

/// What a failover makes of the weight.
pub(super) fn failover(now: Time, rules: &Rules, local: Local, state: &mut State) -> Outcome {
    if local == Local::Ready(0) {
        state.phase = Phase::Away;
        state.probe.running = None;
        return Outcome::Away;
    }
    match state.phase {
        Phase::None => Outcome::None,
        Phase::Away if state.ready_since.is_none_or(|since| now.since(since) < rules.recovery) => Outcome::Back(100),
        // At 100 the first step back would be none.
        Phase::Away if rules.most < 100 => {
            state.phase = Phase::AtMost;
            Outcome::Back(rules.most)
        }
        Phase::AtMost if state.weights.last_change().is_some_and(|at| now.since(at) < PERIOD) => {
            Outcome::Back(state.weight.min(rules.most))
        }
        Phase::Away | Phase::AtMost => {
            state.phase = Phase::None;
            let base = state.weight.min(rules.most);
            state.probe.running = Some(Running { since: Some(now), ..Running::begin(now, base, true) });
            Outcome::Back(base.saturating_sub(STEP))
        }
    }
}
