//! The status of an OffloadAutoscaler: what `kubectl get ofa` shows, and what a restart needs.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::Step;
use super::resume::{OWNER, REMOTE, SERVICE};
use crate::api::OffloadAutoscalerStatus;
use crate::controller::conditions::{self, Holds, PENDING, Said, Type, alike, another, conditions};
use crate::controller::memory::{Deployed, Routed};
use crate::controller::terms::Held;
use crate::offload::decide::State;
use crate::offload::evaluate;
use crate::offload::observation::Pause;

/// The status after a step, where `shown` is the one before.
pub(super) fn status(
    generation: i64,
    step: &Step<'_>,
    shown: &OffloadAutoscalerStatus,
    routed: &Routed,
) -> OffloadAutoscalerStatus {
    let Step { terms, seen, decision, .. } = step;
    let now = Timestamp::now();
    let weight = i32::from(decision.weight);
    let since = shown.last_transition_time.clone().filter(|_| shown.current_remote_weight == Some(weight));
    let target = &terms.spec.scale_target_ref;
    let metrics = terms.spec.metrics.iter().zip(&seen.evaluations);
    let before = shown.conditions.as_deref().unwrap_or_default();
    OffloadAutoscalerStatus {
        current_remote_weight: Some(weight),
        desired_remote_weight: Some(i32::from(decision.desired)),
        reason: Some(decision.reason.word().to_owned()),
        last_transition_time: Some(since.unwrap_or_else(|| format!("{:.0}", now))),
        current_metrics: Some(metrics.map(|(metric, evaluation)| evaluate::status(metric, evaluation)).collect()),
        reference: Some(format!("{}/{}", target.kind, target.name)),
        targets: Some(seen.targets(terms)),
        observed_generation: Some(generation),
        conditions: Some(conditions(
            before,
            &[available(step), said_routed(routed, step.name.namespace()), paused(terms.pause.as_ref())],
            generation,
            now,
        )),
        // What nobody reads is written down only when something is.
        state: None,
    }
}

/// What is written at once.
pub(super) fn differs(one: &OffloadAutoscalerStatus, other: &OffloadAutoscalerStatus) -> bool {
    fn outline(status: &OffloadAutoscalerStatus) -> impl PartialEq + '_ {
        let OffloadAutoscalerStatus {
            current_remote_weight,
            reason,
            reference,
            observed_generation,
            // These move with every reading, or are compared otherwise.
            desired_remote_weight: _,
            last_transition_time: _,
            current_metrics: _,
            targets: _,
            conditions: _,
            state: _,
        } = status;
        (current_remote_weight, reason, reference, observed_generation)
    }
    outline(one) != outline(other) || !alike(list(one), list(other))
}

/// Whether a condition says the same as before in other words.
pub(super) fn reworded(one: &OffloadAutoscalerStatus, other: &OffloadAutoscalerStatus) -> bool {
    conditions::reworded(list(one), list(other))
}

fn list(status: &OffloadAutoscalerStatus) -> &[Condition] {
    status.conditions.as_deref().unwrap_or_default()
}

/// Which metrics have no value that counts, in the words that people read; empty if all have one.
pub(super) fn said_unavailable(shown: &OffloadAutoscalerStatus) -> String {
    let conditions = shown.conditions.iter().flatten();
    let mut unavailable = conditions
        .filter(|condition| condition.type_ == Type::MetricsAvailable.word() && condition.status == Holds::No.word());
    unavailable.next().map(|condition| condition.message.clone()).unwrap_or_default()
}

/// What a restart needs: the state after a step, and what the decision itself does not know.
pub(super) fn state(step: &Step<'_>, state: &State) -> Option<Value> {
    let mut state = serde_json::to_value(state).ok()?;
    if let Value::Object(members) = &mut state {
        members.insert(OWNER.to_owned(), step.terms.uid.as_str().into());
        members.insert(SERVICE.to_owned(), step.terms.service.to_string().into());
        let remote = step.deployed.as_ref().map(|Deployed { model, is }| json!({"model": model, "deployed": is}));
        members.extend(remote.map(|remote| (REMOTE.to_owned(), remote)));
    }
    Some(state)
}

fn available(step: &Step<'_>) -> Said {
    let unavailable = step.seen.unavailable(step.terms);
    let said = |holds: bool, reason, message: &str| Said::new(Type::MetricsAvailable, holds, reason, message);
    if step.terms.spec.metrics.is_empty() {
        said(true, "NoMetrics", "there are none: traffic leaves only while no endpoint is ready")
    } else if !step.seen.asked {
        Said::new(Type::MetricsAvailable, Holds::Unknown, PENDING, "the metrics are being read for the first time")
    } else if unavailable.is_empty() {
        said(true, "Available", "every metric has a value that counts")
    } else {
        said(false, "MetricsUnavailable", &unavailable)
    }
}

fn said_routed(routed: &Routed, own: &str) -> Said {
    let said = |holds: bool, reason, message: &str| Said::new(Type::Routed, holds, reason, message);
    match routed {
        Routed::Yes => said(true, "Routed", "the annotations of the Service say what was decided"),
        Routed::Missing => said(false, "ServiceMissing", "there is no such Service"),
        Routed::Taken(by) => said(false, "ServiceTaken", &format!("the Service is routed by {}", another(by, own))),
        Routed::Failed(why) => said(false, "WriteFailed", why),
    }
}

fn paused(held: Option<&Held>) -> Said {
    let said = |holds: Holds, reason, message: &str| Said::new(Type::Paused, holds, reason, message);
    match held {
        None => said(Holds::No, "Running", "nobody holds the weight"),
        Some(Held { how: Pause::Freeze, by }) => said(Holds::Yes, "Frozen", by),
        Some(Held { how: Pause::Home, by }) => said(Holds::Yes, "Home", by),
    }
}
