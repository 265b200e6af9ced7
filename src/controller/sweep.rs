//! Asks the sources of metrics, and has every weight decided that there is.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::context::Context;
use super::metrics::{Health, Query, Sources};
use super::strays;
use super::terms::Terms;
use super::triggers::everything;
use crate::telemetry::reconciler::Controller;

/// How often it is looked for metrics that nobody has asked for yet: those of objects that have just appeared.
const NEW: Duration = Duration::from_secs(2);

/// Sweeps every so often, for ever.
pub(super) async fn sweep(context: &Context, sources: Sources, every: Duration) {
    let mut suspects = strays::Suspects::default();
    let (mut due, mut new) = (ticks(every), ticks(NEW.min(every)));
    let mut configuration = (context.configuration)();
    let mut beamlit = context.beamlit().is_some();
    loop {
        let is_due = tokio::select! {
            biased;
            _ = due.tick() => true,
            _ = new.tick() => false,
        };
        let current = (context.configuration)();
        let there = context.beamlit().is_some();
        if !Arc::ptr_eq(&current, &configuration) || there != beamlit {
            (configuration, beamlit) = (current, there);
            everything(context);
        }
        let queries = context.memory.queries();
        let before = context.readings.load_full();
        let is_new = |query: &Query| before.as_deref().is_none_or(|readings| !readings.asked(query));
        if !is_due && !queries.iter().any(is_new) {
            continue;
        }
        sources.configure(configuration.prometheus.as_ref());
        let readings = sources.read(&queries).await;
        context.readings.store(Some(Arc::new(readings)));
        tell(context, &sources);
        let are_due = |terms: &Terms| is_due || terms.queries.iter().flatten().any(is_new);
        context.autoscalers_due.extend(context.memory.with_terms(are_due));
        if is_due {
            strays::clean(context, &mut suspects).await;
        } else {
            // Many that come one after the other do not have everything asked again for each.
            new.reset_after(every / 3);
        }
    }
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    // What took longer than that is not made up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Tells how the sources do, and how much waits.
fn tell(context: &Context, sources: &Sources) {
    for (controller, queue) in [
        (Controller::ModelDeployment, &context.model_deployments_due),
        (Controller::OffloadAutoscaler, &context.autoscalers_due),
        (Controller::Policy, &context.policies_due),
    ] {
        context.metrics.queue_depth(controller, queue.depth());
    }
    if context.beamlit().is_none() {
        context.metrics.beamlit_unused();
    }
    for (source, health) in sources.health() {
        match health {
            Health::Unasked => context.metrics.source_unused(source),
            Health::Answers => context.metrics.source_up(source, true),
            Health::Fails { .. } => context.metrics.source_up(source, false),
        }
    }
}
