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
use crate::offload::observation::{Blocked, Local};
use crate::telemetry::reconciler::{Decided, Ratio};

/// How often a reading is shown that has moved.
const SHOW: Duration = Duration::from_secs(60);

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
    let course = context.memory.course(&name);
    let mut course = course.lock().await;
    // One that nobody compiled decides nothing, and neither does one that is still another object's.
    let nothing_new = Finished { next: Action::await_change(), changed: false };
    let Some(terms) = context.memory.terms(&name) else { return Ok(nothing_new) };
    if autoscaler.is_going() || autoscaler.controlled_by(Kind::ModelDeployment) != Some(terms.uid.as_str()) {
        return Ok(nothing_new);
    }
    if course.as_ref().is_none_or(|course| course.uid != terms.uid) {
        *course = Some(resume::resume(&terms, &autoscaler, &name, &context.view));
    }
    let Some(course) = course.as_mut() else { return Ok(nothing_new) };
    let at = now();
    let deployed = deployed(&terms, course, &context);
    let blocked = terms.blocked.or_else(|| {
        let ready = terms.remote.is_none() || deployed.as_ref().is_some_and(|deployed| deployed.is);
        (!ready).then_some(Blocked::RemoteNotReady)
    });
    let seen = observe::observe(at, &terms, blocked, &context);
    if !seen.asked && seen.observation.local != Local::Ready(0) {
        // The next sweep asks, and then it is decided: a restart must not look like an outage.
        return Ok(nothing_new);
    }
    let (state, decision) = decide(at, &terms.rules, &seen.observation, course.state.clone());
    let step = Step { name: &name, terms: &terms, seen: &seen, decision: &decision, deployed: &deployed };
    // Until it is stored, what was in force before is in force.
    let mut changed = show(&autoscaler, &context, &step, &state, course).await?;
    let before = std::mem::replace(&mut course.state, state).weight;
    course.deployed.clone_from(&deployed);
    count(&context, &step);
    tell(&context, &step, before).await;
    let routed = route::route(&context, &name, &terms, decision.weight, &course.routed).await;
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
        unavailable: seen.unavailable(&terms),
    };
    if context.memory.set_outcome(&name, Some(outcome)) {
        context.model_deployments_due.push(name.clone());
    }
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
        Some(Some(stored)) if remote::is_owned(&stored, &terms.uid) => match stored.serves() {
            Some(is) => Some(Deployed { model, is }),
            None => last.or(Some(Deployed { model, is: false })),
        },
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
    let next = status::status(autoscaler.generation(), step, state, &course.shown, &course.routed);
    let ratios = step.seen.ratios();
    let moved = match &course.shown_ratios {
        Some(shown) => {
            shown.len() != ratios.len() || shown.iter().zip(&ratios).any(|(one, other)| (one - other).abs() >= MOVED)
        }
        // What another process wrote is only known in words.
        None => course.shown.targets != next.targets,
    };
    let due = step.decision.persist && course.state != *state
        || *step.deployed != course.deployed
        || status::differs(&course.shown, &next)
        || moved && course.shown_at.elapsed() >= SHOW;
    if !due {
        return Ok(false);
    }
    context.writer.status(autoscaler, &next).await?;
    course.shown = OffloadAutoscalerStatus { state: None, ..next };
    course.shown_at = Instant::now();
    course.shown_ratios = Some(ratios);
    Ok(true)
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
    let because = match decision.blocked {
        Some(blocked) => blocked.to_string(),
        None => decision.reason.sentence().to_owned(),
    };
    let targets = if terms.spec.metrics.is_empty() { String::new() } else { format!(" ({})", seen.targets(terms)) };
    let note = format!("remote weight {before} → {}: {because}{targets}", decision.weight);
    tracing::info!(namespace = name.namespace(), name = name.name(), reason = decision.reason.word(), "{note}");
    context.events.tell(&*owner, tone, reason, &note).await;
}
