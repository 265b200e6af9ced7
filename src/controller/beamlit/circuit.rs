//! When not to call: after failures in a row, or where Beamlit asked to be left alone, all calls are held back for a while. Then
//! one is let through, and what becomes of it decides.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Error;
use super::settings::Pace;
use crate::telemetry::metrics::Metrics;

/// What all clones of a client know of Beamlit's health.
#[derive(Debug)]
pub(super) struct Circuit {
    state: Mutex<State>,
    pace: Pace,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures in a row.
    failures: u32,
    /// Until when no call is made.
    open_until: Option<Instant>,
    /// For how long calls were held back the last time.
    held: Duration,
    /// Whether the one call is under way that decides.
    trying: bool,
    because: String,
}

/// Leave to make one call. Whoever has it tells what became of the call, or nothing if that says nothing of Beamlit's health.
#[derive(Debug)]
pub(super) struct Leave<'c> {
    circuit: &'c Circuit,
    deciding: bool,
}

impl Circuit {
    pub(super) fn new(pace: Pace, metrics: Arc<Metrics>) -> Self {
        metrics.beamlit_circuit(false);
        Self { state: Mutex::default(), pace, metrics }
    }

    /// Asks for leave to make a call.
    ///
    /// # Errors
    /// If calls are held back.
    pub(super) fn enter(&self) -> Result<Leave<'_>, Error> {
        let (now, mut state) = (Instant::now(), self.state());
        let Some(until) = state.open_until else { return Ok(Leave { circuit: self, deciding: false }) };
        let after = until.saturating_duration_since(now);
        if after.is_zero() && !state.trying {
            state.trying = true;
            return Ok(Leave { circuit: self, deciding: true });
        }
        // While the one call is under way, nobody knows for how long.
        Err(Error::HeldBack { after: after.max(Duration::from_secs(1)), because: state.because.clone() })
    }

    /// Beamlit asked to be left alone for so long.
    pub(super) fn hold(&self, after: Duration, because: &Error) {
        self.open(&mut self.state(), after.min(self.pace.longest_hold), because);
    }

    fn open(&self, state: &mut State, hold: Duration, because: &Error) {
        let until = Instant::now() + hold;
        if state.open_until.is_none() {
            tracing::warn!(for_ = ?hold, "calls to Beamlit are held back: {because}");
        }
        if state.open_until.is_none_or(|known| known < until) {
            state.open_until = Some(until);
        }
        state.because = because.to_string();
        self.metrics.beamlit_circuit(true);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// Beamlit answered.
    pub(super) fn succeeded(self) {
        let mut state = self.circuit.state();
        // A call from before says nothing of now.
        if state.open_until.is_some() && !self.deciding {
            return;
        }
        if state.open_until.is_some() {
            tracing::info!("Beamlit answers again");
        }
        *state = State { trying: state.trying, ..State::default() };
        self.circuit.metrics.beamlit_circuit(false);
    }

    /// Beamlit failed.
    pub(super) fn failed(self, error: &Error) {
        let mut state = self.circuit.state();
        state.failures = state.failures.saturating_add(1);
        let Pace { failures, first_hold, longest_hold, .. } = self.circuit.pace;
        let again = self.deciding;
        if again || (state.open_until.is_none() && state.failures >= failures) {
            state.held = state.held.saturating_mul(2).clamp(first_hold, longest_hold);
            let held = state.held;
            self.circuit.open(&mut state, held, error);
        }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.deciding {
            self.circuit.state().trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn circuit() -> Circuit {
        let pace = Pace {
            failures: 3,
            first_hold: Duration::from_secs(10),
            longest_hold: Duration::from_secs(30),
            ..Pace::default()
        };
        Circuit::new(pace, Arc::new(Metrics::default()))
    }

    fn fault() -> Error {
        Error::Unreachable("nobody is there".to_owned())
    }

    fn fail(circuit: &Circuit, times: usize) {
        for _ in 0..times {
            circuit.enter().unwrap().failed(&fault());
        }
    }

    fn held(circuit: &Circuit) -> Option<u64> {
        circuit.enter().err().map(|error| error.after().unwrap().as_secs())
    }

    fn shown(circuit: &Circuit) -> bool {
        circuit.metrics.encode().contains("beamlit_operator_beamlit_circuit_open 1\n")
    }

    #[tokio::test(start_paused = true)]
    async fn only_failures_in_a_row_hold_calls_back() {
        let circuit = circuit();
        fail(&circuit, 2);
        circuit.enter().unwrap().succeeded();
        fail(&circuit, 2);
        drop(circuit.enter().unwrap());
        assert_eq!((held(&circuit), shown(&circuit)), (None, false));
        fail(&circuit, 1);
        assert_eq!((held(&circuit), shown(&circuit)), (Some(10), true));
        let error = circuit.enter().unwrap_err().to_string();
        assert_eq!(error, "calls to Beamlit are held back for a while: Beamlit cannot be reached: nobody is there");
    }

    #[tokio::test(start_paused = true)]
    async fn then_one_call_decides() {
        let circuit = circuit();
        fail(&circuit, 3);
        let mut holds = Vec::new();
        for _ in 0..3 {
            let after = held(&circuit).unwrap();
            holds.push(after);
            advance(Duration::from_secs(after)).await;
            let leave = circuit.enter().unwrap();
            assert_eq!(held(&circuit), Some(1), "one at a time");
            leave.failed(&fault());
        }
        assert_eq!(holds, [10, 20, 30]);
        advance(Duration::from_secs(30)).await;
        // One that nobody waits for any more decides nothing, and the next one does.
        drop(circuit.enter().unwrap());
        circuit.enter().unwrap().succeeded();
        assert_eq!((held(&circuit), shown(&circuit)), (None, false));
        fail(&circuit, 3);
        assert_eq!(held(&circuit), Some(10), "it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_from_before_decide_nothing() {
        let circuit = circuit();
        let (early, late) = (circuit.enter().unwrap(), circuit.enter().unwrap());
        fail(&circuit, 3);
        early.succeeded();
        late.failed(&fault());
        assert_eq!(held(&circuit), Some(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wish_to_be_left_alone_is_granted_within_bounds() {
        let circuit = circuit();
        circuit.hold(Duration::from_secs(20), &Error::Throttled { after: None });
        circuit.hold(Duration::from_secs(5), &Error::Throttled { after: None });
        assert_eq!(held(&circuit), Some(20));
        circuit.hold(Duration::MAX, &Error::Throttled { after: None });
        assert_eq!(held(&circuit), Some(30));
    }
}
