//! The decision: what the weight should be, given what is seen now and what was decided before.
//!
//! Blocked, then a pause, then failover, then metrics; and metrics as the HorizontalPodAutoscaler decides replicas: demand → want →
//! stabilise → rate limit, with probes beside it. No clock inside: time is an argument, and a clock that jumps changes nothing bad.

mod demand;
mod failover;
mod history;
mod probe;
mod rate_limit;
mod reason;
mod rules;
mod stabilise;
mod state;
mod want;

use super::Time;
use super::observation::{Blocked, Local, Observation, Pause};
pub use demand::{Demand, Known};
pub use reason::Reason;
pub use rules::{Direction, OutOfRange, Pace, ProbeRules, Rules};
use state::Phase;
pub use state::{State, Unreadable, Why};

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The remote weight from now on, 0 to 100.
    pub weight: u8,
    /// What the metrics ask for, before windows and rates; 100 while no endpoint is ready.
    pub desired: u8,
    /// Why.
    pub reason: Reason,
    /// Why nothing may be sent away; with [`Reason::Blocked`] only.
    pub blocked: Option<Blocked>,
    /// What each metric says about all of the traffic, in the order of the spec.
    pub demands: Vec<Demand>,
    /// The metric that decided, by its place in the spec; none where none did.
    pub by: Option<usize>,
    /// Whether the state must be stored before the weight takes effect: something changed that a restart must know of. Otherwise only
    /// memories of the metrics did, which a restart may lose.
    pub persist: bool,
    /// When the next step back from a failover is due; none if none is. What windows, rates and probes wait for comes by time alone as
    /// well, and is not told: it is found by deciding with each new sample, which is often enough.
    pub next: Option<Time>,
}

/// Decides.
#[must_use]
pub fn decide(now: Time, rules: &Rules, observation: &Observation, mut state: State) -> (State, Decision) {
    let Observation { metrics, local, blocked, pause: _ } = observation;
    state.rewind(now);
    let before = outline(&state);
    remember(now, *local, &mut state);
    failover::watch(now, *local, &mut state);
    let past = demand::Past { weight: state.weight, weights: &state.weights, ready: &state.ready };
    let demands = demand::demands(now, rules, *local, metrics, &mut state.judged, &past);
    let asked = want::want(rules, &demands, state.weight);

    let Choice { weight, desired, reason, by } = choose(now, rules, observation, &demands, asked, &mut state);

    state.decided = Some(now);
    state.weight = weight;
    state.reason = reason;
    state.weights.push(now, weight);
    let decision = Decision {
        weight,
        desired,
        reason,
        blocked: *blocked,
        demands,
        by,
        persist: before != outline(&state),
        // What is due and does not come is held by somebody, or cannot be told: it comes with the next look.
        next: next(rules, &state).filter(|next| *next > now),
    };
    (state, decision)
}

/// What of a state a restart must know of.
fn outline(state: &State) -> impl PartialEq + use<> {
    let running = state.probe.running.as_ref().map(probe::Running::outline);
    (state.weight, state.reason, state.phase, state.ready_since.is_some(), running)
}

/// What a step makes of the weight.
struct Choice {
    weight: u8,
    desired: u8,
    reason: Reason,
    by: Option<usize>,
}

/// Who decides: the first that has a say.
fn choose(
    now: Time,
    rules: &Rules,
    observation: &Observation,
    demands: &[Demand],
    asked: want::Want,
    state: &mut State,
) -> Choice {
    let Observation { metrics: _, local, blocked, pause } = *observation;
    let plain = |weight, desired, reason| Choice { weight, desired, reason, by: None };
    if blocked.is_some() {
        state.settle(now);
        return plain(0, 0, Reason::Blocked);
    }
    if pause == Some(Pause::Home) {
        state.settle(now);
        return plain(0, asked.weight, Reason::Paused);
    }
    if rules.most == 0 {
        state.settle(now);
        return plain(0, 0, if pause.is_some() { Reason::Paused } else { Reason::Never });
    }
    let held = if state.phase == Phase::Away { state.weight } else { state.weight.min(rules.most) };
    if pause == Some(Pause::Freeze) {
        state.probe.certain = Some(now);
        return plain(held, asked.weight, Reason::Paused);
    }
    if local == Local::Unknown {
        state.probe.certain = Some(now);
        return plain(held, asked.weight, Reason::LocalUnknown);
    }
    match failover::failover(now, rules, local, state) {
        failover::Outcome::Away => {
            state.wants.pass(now);
            plain(100, 100, Reason::Failover)
        }
        failover::Outcome::Back(weight) => {
            state.wants.pass(now);
            plain(weight, asked.weight, Reason::Recovering)
        }
        failover::Outcome::None => by_metrics(now, rules, demands, asked, state),
    }
}

/// The metrics decide.
fn by_metrics(now: Time, rules: &Rules, demands: &[Demand], asked: want::Want, state: &mut State) -> Choice {
    let weight = state.weight.min(rules.most);
    if let Some(choice) = probe(now, rules, demands, asked, weight, state) {
        return choice;
    }
    if asked.told {
        state.wants.keep(now, rules, asked.weight, weight);
    }
    let stable = state.wants.stabilise(now, rules, weight, asked.weight);
    let limited = rate_limit::limit(now, rules, &state.weights, weight, stable);
    let disabled = match asked.weight.cmp(&weight) {
        std::cmp::Ordering::Greater => !rules.up.enabled(),
        std::cmp::Ordering::Less => !rules.down.enabled(),
        std::cmp::Ordering::Equal => false,
    };
    let reason = if disabled {
        Reason::Disabled
    } else if limited != stable {
        Reason::RateLimited
    } else if stable != asked.weight {
        Reason::Stabilizing
    } else if limited == 0 && asked.reason == Reason::Returning {
        Reason::AtHome
    } else if asked.reason == Reason::WithinTolerance && state.reason == Reason::TargetReached {
        // A reading that wavers around the target must not write a status each time.
        Reason::TargetReached
    } else {
        asked.reason
    };
    Choice { weight: limited, desired: asked.weight, reason, by: asked.by }
}

/// A probe decides: one that runs, or one whose time has come.
fn probe(
    now: Time,
    rules: &Rules,
    demands: &[Demand],
    asked: want::Want,
    weight: u8,
    state: &mut State,
) -> Option<Choice> {
    if state.probe.running.is_none() {
        begin(now, rules, demands, weight, asked.weight == weight, state);
    }
    let next = state.probe.next(now, rules, demands, weight)?;
    let running = state.probe.running?;
    state.wants.pass(now);
    let probe::Next::Weight(to) = next else {
        state.probe.running = None;
        state.probe.certain = Some(now);
        return None;
    };
    let limited = if running.recovery && !rules.down.enabled() && to < weight {
        rate_limit::limit(now, &rules::recovering(rules), &state.weights, weight, to)
    } else {
        rate_limit::limit(now, rules, &state.weights, weight, to)
    };
    if let Some(running) = &mut state.probe.running
        && limited == running.to
        && !running.back
    {
        running.since.get_or_insert(now);
    }
    let reason = match want::silence(demands) {
        Some((_, silent @ (Reason::MetricsUnavailable | Reason::Undecided))) if running.recovery => silent,
        _ if running.recovery => Reason::Recovering,
        _ => Reason::Probing,
    };
    Some(Choice { weight: limited, desired: asked.weight, reason, by: asked.by })
}

/// Begins a probe if its time has come: of a weight at rest, which is on its way neither up nor down.
fn begin(now: Time, rules: &Rules, demands: &[Demand], weight: u8, at_rest: bool, state: &mut State) {
    let held = state.weights.last_change().unwrap_or(now);
    if weight == 0 {
        if now.since(held) >= rules.probe.after {
            state.probe.begun = 0;
        }
        return;
    }
    if demands.iter().any(|demand| probe::certain(rules, demand)) {
        state.probe.certain = Some(now);
    }
    let since = state.probe.certain.map_or(held, |certain| certain.max(held));
    let due = now.since(since) >= state.probe.wait(rules);
    if due && at_rest && rules.up.enabled() && rules.down.enabled() && probe::open(rules, demands) {
        state.probe.begun = state.probe.begun.saturating_add(1);
        state.probe.running = Some(probe::Running::begin(now, weight, false));
    }
}

/// Notes what was in force until now.
fn remember(now: Time, local: Local, state: &mut State) {
    let ready = match local {
        Local::Ready(ready) => Some(ready),
        Local::Unknown => None,
    };
    if state.weights.last() != Some(state.weight) {
        state.weights.push(state.decided.unwrap_or(now), state.weight);
    }
    // Nobody counted while nobody decided.
    if let Some(decided) = state.decided.filter(|decided| now.since(*decided) > stabilise::UNSEEN) {
        state.ready.push(Time(decided.0.saturating_add(1)), None);
    }
    state.ready.push(now, ready);
}

/// When the next step back from a failover is due.
fn next(rules: &Rules, state: &State) -> Option<Time> {
    match state.phase {
        Phase::None => None,
        Phase::Away => state.ready_since.map(|since| since.after(rules.recovery)),
        Phase::AtMost => state.weights.last_change().map(|at| at.after(rules::PERIOD)),
    }
}

#[cfg(test)]
mod tests;
