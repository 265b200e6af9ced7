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
use super::stored::{OffloadAutoscalers, Stored};
use super::terms::{RemoteModel, Terms};
use super::unfinished::Unfinished;
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
) -> Result<Action, Unfinished> {
    let name = autoscaler.name();
    let course = context.memory.course(&name);
    let mut course = course.lock().await;
    // One that nobody compiled decides nothing, and neither does one that is still another object's.
    let Some(terms) = context.memory.terms(&name) else { return Ok(Action::await_change()) };
    if autoscaler.is_going() || autoscaler.controlled_by(Kind::ModelDeployment) != Some(terms.uid.as_str()) {
        return Ok(Action::await_change());
    }
    let at = now();
    let mut before = match course.take().filter(|course| course.uid == terms.uid) {
        Some(course) => course,
        None => resume::resume(&terms, &autoscaler, &name, &context.view),
    };
    let deployed = deployed(&terms, &before, &context);
    let blocked = terms.blocked.or_else(|| {
        let ready = terms.remote.is_none() || deployed.as_ref().is_some_and(|deployed| deployed.is);
        (!ready).then_some(Blocked::RemoteNotReady)
    });
    let seen = observe::observe(at, &terms, blocked, &context);
    if !seen.asked && seen.observation.local != Local::Ready(0) {
        // The next sweep asks, and then it is decided: a restart must not look like an outage.
        *course = Some(before);
        return Ok(Action::await_change());
    }
    let (state, decision) = decide(at, &terms.rules, &seen.observation, before.state.clone());
    let routed = before.routed.clone();
    let step = Step { name: &name, terms: &terms, seen: &seen, decision: &decision, deployed: &deployed };

    // What is in force until it is stored is what was in force before.
    let told = before.state.weight;
    let stored = show(&autoscaler, &context, &step, &state, &mut before, &routed).await;
    if stored.is_ok() {
        before.state = state;
        before.deployed = deployed.clone();
    }
    let mut outcome = stored;
    if outcome.is_ok() {
        count(&context, &step);
        tell(&context, &step, told).await;
        before.routed = route::route(&context, &name, &terms, decision.weight, &before.routed).await;
        if before.routed != routed {
            let state = before.state.clone();
            let routed = before.routed.clone();
            outcome = show(&autoscaler, &context, &step, &state, &mut before, &routed).await;
        }
        let came_of_it = Outcome {
            weight: decision.weight,
            reason: decision.reason,
            blocked: decision.blocked,
            routed: before.routed.clone(),
            unavailable: seen.unavailable(&terms),
        };
        if context.memory.set_outcome(&name, Some(came_of_it)) {
            context.model_deployments_due.push(name.clone());
        }
    }
    let retry = match &before.routed {
        Routed::Failed(why) if outcome.is_ok() => {
            Err(NotWritten::Refused { what: format!("Service {}", terms.service), why: why.clone() })
        }
        _ => Ok(()),
    };
    *course = Some(before);
    outcome.and(retry)?;
    Ok(decision.next.map_or_else(Action::await_change, |next| Action::requeue(next.since(at))))
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
    let known = context.beamlit.as_ref().and_then(|mirror| mirror.get(&Key::model(environment, name)));
    match known {
        Some(stored) => Some(Deployed {
            model,
            is: stored.is_some_and(|stored| stored.is_deployed() && super::remote::is_owned(&stored, &terms.uid)),
        }),
        None => before.deployed.clone().filter(|deployed| deployed.model == model),
    }
}

/// Writes the status, if there is anything new in it, or if what was decided must be stored before it takes effect.
async fn show(
    autoscaler: &Stored<OffloadAutoscalers>,
    context: &Context,
    step: &Step<'_>,
    state: &State,
    course: &mut Course,
    routed: &Routed,
) -> Result<(), NotWritten> {
    let next = status::status(autoscaler.generation(), step, state, &course.shown, routed);
    let since = course.shown_at.map(|at| at.elapsed());
    let ratios = step.seen.ratios();
    let moved = ratios.len() != course.shown_ratios.len()
        || ratios.iter().zip(&course.shown_ratios).any(|(one, other)| (one - other).abs() >= MOVED);
    let due = step.decision.persist && course.state != *state
        || *step.deployed != course.deployed
        || status::differs(&course.shown, &next)
        || moved && since.is_none_or(|since| since >= SHOW);
    if !due {
        return Ok(());
    }
    context.writer.status(autoscaler, &next).await?;
    course.shown = OffloadAutoscalerStatus { state: None, ..next };
    course.shown_at = Some(Instant::now());
    course.shown_ratios = ratios;
    Ok(())
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
    let targets = seen.targets(terms);
    let note = format!("remote weight {before} → {}: {because} ({targets})", decision.weight);
    tracing::info!(namespace = name.namespace(), name = name.name(), reason = decision.reason.word(), "{note}");
    context.events.tell(&*owner, tone, reason, &note).await;
}
