//! A Policy kept on Beamlit, where models of this cluster name it. What it means in the cluster the gate sees to.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::runtime::controller::Action;

use super::beamlit::{Applied, Error};
use super::conditions::{Said, Type, alike, conditions};
use super::context::Context;
use super::judged::judged;
use super::remote::{self, Waits};
use super::stored::{Policies, Stored};
use super::unfinished::{Finished, RESYNC, Unfinished};
use crate::api::PolicyStatus;
use crate::engine::compile::{beamlit, compile_policy};

/// Keeps one.
///
/// # Errors
/// If something is left to do. The status says so.
pub(super) async fn reconcile(object: Arc<Stored<Policies>>, context: Arc<Context>) -> Result<Finished, Unfinished> {
    if object.is_going() {
        if object.has_finalizer(super::writes::FINALIZER) {
            if let Err(Waits { why, left }) = remote::release(&object, &context).await {
                let synced = remote::synced(false, Some(&Err(why.clone())));
                return Err(remote::wait(&object, &context, why.into(), left, &[synced]).await);
            }
            context.writer.remove_finalizer(&object).await?;
        }
        return Ok(Finished { next: Action::await_change(), changed: false });
    }
    let policy = validate(&object, &context)?;
    let applied = match (&policy, context.beamlit()) {
        (Ok(policy), Some(mirror)) => {
            // First of all: what is put there must be taken away again.
            context.writer.add_finalizer(&object).await?;
            let applied = mirror.apply_policy(policy, &remote::owner(&object, &context)).await;
            if let Ok(applied) = &applied {
                remote::tell(&object, &context, applied).await;
            }
            Some(applied)
        }
        (_, None) if remote::was_there(&object) => None,
        (_, None) => {
            context.writer.remove_finalizer(&object).await?;
            None
        }
        (Err(_), Some(_)) => None,
    };
    let before: PolicyStatus = object.status().unwrap_or_default();
    let next = status(object.generation(), &before, policy.as_ref().err(), applied.as_ref());
    let changed = !same(&before, &next);
    if changed {
        context.writer.status(&object, &next).await?;
    }
    applied.transpose()?;
    Ok(Finished { next: Action::requeue(RESYNC), changed })
}

/// What Beamlit is to hold, or why nobody knows.
fn validate(object: &Stored<Policies>, context: &Context) -> Result<Result<beamlit::Policy, String>, Unfinished> {
    if let Some(why) = context.watches.unusable() {
        return Err(Unfinished::Unready(why));
    }
    let (_, policy) = judged(object, &(context.configuration)(), &context.watches.world(), compile_policy);
    Ok(policy.map_err(|not_compiled| not_compiled.to_string()))
}

fn status(
    generation: i64,
    before: &PolicyStatus,
    fault: Option<&String>,
    applied: Option<&Result<Applied, Error>>,
) -> PolicyStatus {
    let accepted = match fault {
        None => Said::new(Type::Accepted, true, "Accepted", "the object means something"),
        Some(why) => Said::new(Type::Accepted, false, "Invalid", why.as_str()),
    };
    let old = before.conditions.as_deref().unwrap_or_default();
    let [workspace, created_at_on_beamlit, updated_at_on_beamlit] =
        remote::last_said(applied, [&before.workspace, &before.created_at_on_beamlit, &before.updated_at_on_beamlit]);
    PolicyStatus {
        workspace,
        created_at_on_beamlit,
        updated_at_on_beamlit,
        observed_generation: Some(generation),
        conditions: Some(conditions(
            old,
            &[accepted, remote::synced(fault.is_some(), applied)],
            generation,
            Timestamp::now(),
        )),
    }
}

fn same(one: &PolicyStatus, other: &PolicyStatus) -> bool {
    let outline = |status: &PolicyStatus| PolicyStatus { conditions: None, ..status.clone() };
    let [old, new] = [one, other].map(|status| status.conditions.as_deref().unwrap_or_default());
    outline(one) == outline(other) && alike(old, new)
}
