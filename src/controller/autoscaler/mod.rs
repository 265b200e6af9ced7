//! The weight of one object, decided every so often and whenever its endpoints change: observe → evaluate → decide → persist → route.
//!
//! What was decided takes effect once it is stored: whoever takes over after a crash carries on from there.

mod observe;
mod resume;
mod route;
mod status;

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::controller::Action;
use tokio::time::Instant;

use self::observe::Seen;
use super::allowance::Limit;
use super::beamlit::Key;
use super::context::{Context, now};
use super::events::Tone;
use super::memory::{Course, Deployed, Outcome, Routed};
use super::remote;
use super::stored::{OffloadAutoscalers, Stored};
use super::terms::{RemoteModel, Terms};
use super::unfinished::{Finished, Unfinished};
use super::writes::NotWritten;
use crate::api::OffloadAutoscalerStatus;
use crate::engine::Kind;
use crate::engine::world::Name;
use crate::offload::decide::{Decision, Demand, Reason, State, decide};
use crate::offload::observation::{Blocked, Local, Pause};
use crate::telemetry::reconciler::{Decided, Ratio};

/// How often a reading is shown that has moved, and a status that somebody else wrote is put right: at most so often, and where there
/// are many objects less often. All of them together write twenty times a second, and what those of one interval could have is not lost.
const SHOW: Duration = Duration::from_secs(60);
const SHOW_OF_MANY: Limit = Limit { most: 300.0, every: Duration::from_millis(50) };

/// By how much a reading must have moved to be shown again, as a share of its target.
const MOVED: f64 = 0.02;

/// Decides the weight of one object, stores it, and has its Service say it.
///
/// # Errors
/// If something could not be written. Nothing takes effect that could not be stored.
pub(super) async fn reconcile(
    autoscaler: Arc<Stored<OffloadAutoscalers>>,
    context: Arc<Context>,
) -> Result<Finished, Unfinished> {
    let name = autoscaler.name();
    // One that nobody compiled decides nothing, and neither does one that is still another object's.
    let nothing_new = Finished { next: Action::await_change(), changed: false };
    if context.memory.terms(&name).is_none() {
        return Ok(nothing_new);
    }
    let course = context.memory.course(&name);
    let mut course = course.lock().await;
    let Some(terms) = context.memory.terms(&name) else { return Ok(nothing_new) };
    if autoscaler.controlled_by(Kind::ModelDeployment) != Some(terms.uid.as_str()) {
        return Ok(nothing_new);
    }
    if course.as_ref().is_none_or(|course| course.uid != terms.uid) {
        // What was written for another one of this name is still to be taken back.
        let written = course.take().and_then(|before| before.written);
        *course = Some(Course { written, ..resume::resume(&terms, &autoscaler, &name, &context.view) });
    }
    let Some(course) = course.as_mut() else { return Ok(nothing_new) };
    if course.service != terms.service {
        // What one Service came to is not where another begins: a failover of the one is none of the other.
        (course.service, course.state) = (terms.service.clone(), State::default());
    }
    if course.shown_by != autoscaler.uid() {
        // It was deleted and made again: what is decided stays, and what is shown begins anew.
        autoscaler.uid().clone_into(&mut course.shown_by);
        course.shown = OffloadAutoscalerStatus::default();
    }
    let at = now();
    let deployed = deployed(&terms, course, &context);
    let blocked = terms.blocked.or_else(|| {
        let ready = terms.remote.is_none() || deployed.as_ref().is_some_and(|deployed| deployed.is);
        (!ready).then_some(Blocked::RemoteNotReady)
    });
    let seen = observe::observe(at, &terms, blocked, &context);
    let binds = seen.observation.local == Local::Ready(0)
        || seen.observation.blocked.is_some()
        || seen.observation.pause == Some(Pause::Home)
        || terms.rules.most == 0;
    if !seen.asked && !binds {
        // The next sweep asks, and then it is decided: a restart must not look like an outage.
        return Ok(nothing_new);
    }
    let (state, decision) = decide(at, &terms.rules, &seen.observation, course.state.clone());
    let step = Step { name: &name, terms: &terms, seen: &seen, decision: &decision, deployed: &deployed };
    // Until it is stored, what was in force before is in force.
    let mut changed = show(&autoscaler, &context, &step, &state, course).await?;
    let before = std::mem::replace(&mut course.state, state).weight;
    course.deployed.clone_from(&deployed);
    if !context.memory.decides(&name, &terms.uid) {
        // It went meanwhile, and nothing is said on its behalf any more.
        return Ok(nothing_new);
    }
    count(&context, &step);
    let routed = route::route(&context, &name, &terms, decision.weight, course).await;
    if routed != course.routed {
        course.routed = routed;
        let state = course.state.clone();
        changed |= show(&autoscaler, &context, &step, &state, course).await?;
    }
    let outcome = Outcome {
        weight: decision.weight,
        reason: decision.reason,
        blocked: decision.blocked,
        routed: course.routed.clone(),
        unavailable: status::said_unavailable(&course.shown),
    };
    if context.memory.set_outcome(&name, &terms.uid, outcome) {
        context.model_deployments_due.push(name.clone());
    }
    if !context.memory.decides(&name, &terms.uid) {
        // Its figures went with it, and these came after.
        context.metrics.forget(name.namespace(), name.name());
        return Ok(nothing_new);
    }
    // Last of all: nothing waits for what is only told.
    tell(&context, &step, before).await;
    if let Routed::Failed(why) = &course.routed {
        return Err(Unfinished::Unrouted(why.clone()));
    }
    let next = decision.next.map_or_else(Action::await_change, |next| Action::requeue(next.since(at)));
    Ok(Finished { next, changed })
}

/// One decision, with all that it was made on.
struct Step<'s> {
    name: &'s Name,
    terms: &'s Terms,
    seen: &'s Seen,
    decision: &'s Decision,
    deployed: &'s Option<Deployed>,
}

/// What Beamlit says of the model, or last said.
fn deployed(terms: &Terms, before: &Course, context: &Context) -> Option<Deployed> {
    let RemoteModel { environment, name } = terms.remote.as_ref()?;
    let model = format!("{environment}/{name}");
    let last = before.deployed.clone().filter(|deployed| deployed.model == model);
    let known = context.beamlit.as_ref().and_then(|mirror| mirror.get(&Key::model(environment, name)));
    match known {
        // One whose labels somebody took off is the same, until it is another object's.
        Some(Some(stored)) if remote::is_owned(&stored, &terms.uid) || stored.ownership.is_none() && last.is_some() => {
            match stored.serves() {
                Some(is) => Some(Deployed { model, is }),
                None => last.or(Some(Deployed { model, is: false })),
            }
        }
        Some(_) => Some(Deployed { model, is: false }),
        None => last,
    }
}

/// Writes the status, if there is anything new in it, or if what was decided must be stored before it takes effect; whether it did.
async fn show(
    autoscaler: &Stored<OffloadAutoscalers>,
    context: &Context,
    step: &Step<'_>,
    state: &State,
    course: &mut Course,
) -> Result<bool, NotWritten> {
    let mut next = status::status(autoscaler.generation(), step, &course.shown, &course.routed);
    let ratios = step.seen.ratios();
    let moved = match &course.shown_ratios {
        Some(shown) => {
            shown.len() != ratios.len() || shown.iter().zip(&ratios).any(|(one, other)| (one - other).abs() >= MOVED)
        }
        // What another process wrote is only known in words.
        None => course.shown.targets != next.targets,
    };
    let show_every = show_every(context.memory.decided());
    let rests = course.shown_at.elapsed() >= show_every.mul_f64(1.0 - course.shown_early);
    // Whoever else writes there is not believed, and does not stay.
    let overwritten = || status::differs(&autoscaler.status().unwrap_or_default(), &course.shown);
    // The first readings are what people wait for.
    let first = step.seen.asked && !course.shown_asked;
    let due = first
        || step.decision.persist && course.state != *state
        || *step.deployed != course.deployed
        || status::differs(&course.shown, &next)
        || rests && (moved || overwritten()) && context.memory.may_show(SHOW_OF_MANY);
    // People are told a fault in the words for the one that there is, and sources that fail in ever new ones do not have each written.
    let reworded = status::reworded(&course.shown, &next)
        && course.reworded_at.is_none_or(|reworded| reworded.elapsed() >= show_every);
    if !due && !reworded {
        return Ok(false);
    }
    next.state = status::state(step, state);
    context.writer.status(autoscaler, &next).await?;
    if reworded {
        course.reworded_at = Some(Instant::now());
    }
    course.shown = OffloadAutoscalerStatus { state: None, current_metrics: None, ..next };
    course.shown_at = Instant::now();
    course.shown_early = 0.0;
    course.shown_ratios = Some(ratios);
    course.shown_asked = step.seen.asked;
    Ok(true)
}

/// How often what nobody waits for is written of one of so many objects.
fn show_every(objects: usize) -> Duration {
    SHOW.max(SHOW_OF_MANY.every.saturating_mul(u32::try_from(objects).unwrap_or(u32::MAX)))
}

fn count(context: &Context, step: &Step<'_>) {
    let Step { name, decision, seen, .. } = step;
    let demands = decision.demands.iter().map(|demand| match demand {
        Demand::Known(known) => Some(known.share),
        _ => None,
    });
    let current = seen.evaluations.iter().map(|of| of.outcome.as_ref().ok().map(|outcome| outcome.sample.ratio));
    let ratios = current.zip(demands).map(|(metric, demand)| Ratio { metric, demand }).collect();
    let decided = Decided { weight: decision.weight, reason: decision.reason, ratios };
    context.metrics.decided(name.namespace(), name.name(), decided);
}

/// Tells people of a weight that changed.
async fn tell(context: &Context, step: &Step<'_>, before: u8) {
    let Step { name, decision, seen, terms, .. } = step;
    if decision.weight == before {
        return;
    }
    let Some(owner) = context.model_deployment(name) else { return };
    let (tone, reason) = match decision.reason {
        Reason::Failover => (Tone::Warning, "Failover"),
        Reason::Recovering if before == 100 => (Tone::Normal, "Recovered"),
        _ => (Tone::Normal, "WeightChanged"),
    };
    let because = decision.reason.because(decision.blocked);
    let targets = if terms.spec.metrics.is_empty() { String::new() } else { format!(" ({})", seen.targets(terms)) };
    let note = format!("remote weight {before} → {}: {because}{targets}", decision.weight);
    tracing::info!(namespace = name.namespace(), name = name.name(), reason = decision.reason.word(), "{note}");
    let deed = format!("SetRemoteWeightFrom{before}To{}", decision.weight);
    context.events.tell_of(&owner, tone, reason, deed, &note).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_objects_together_write_twenty_times_a_second_at_most() {
        assert_eq!([0, 1, 1200].map(show_every), [SHOW; 3]);
        assert_eq!(show_every(10_000), Duration::from_secs(500));
    }
}
