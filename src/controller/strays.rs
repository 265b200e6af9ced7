//! Services that name a ModelDeployment which is gone: one whose finalizer somebody took off, or that went while nobody looked. What was
//! written on them goes, so that no data plane sends traffic on behalf of nobody; and then nothing is left of it.

use std::collections::HashSet;

use super::context::Context;
use super::model_deployment::leave_others;
use crate::engine::world::Name;

/// Those who were found to be gone the last time. One is gone only if it is so twice: what is in its place cannot be put back.
pub(super) type Suspects = HashSet<String>;

/// Takes our words off such Services. What fails is tried again with the next sweep.
pub(super) async fn clean(context: &Context, suspects: &mut Suspects) {
    bury(context).await;
    let before = std::mem::take(suspects);
    for owner in context.view.owners() {
        // Who is no such thing at all was written by somebody else, for ends of their own.
        let Some((namespace, name)) = owner.split_once('/') else { continue };
        let name = Name::new(namespace, name);
        if context.model_deployment(&name).is_some() {
            continue;
        }
        if !before.contains(&owner) {
            suspects.insert(owner);
            continue;
        }
        match leave_others(context, &name, None).await {
            Ok(()) => tracing::info!(owner, "took the weights off the Services of a ModelDeployment that is gone"),
            Err(error) => {
                tracing::warn!(owner, "weights of a ModelDeployment that is gone are still on a Service: {error}");
            }
        }
        // It may have been made anew meanwhile.
        if context.model_deployment(&name).is_none() {
            context.memory.forget(&name);
        }
    }
}

/// Ends the courses of objects that are gone. A decision that was on its way when its object went is waited for, and what it wrote is
/// taken back, also where no watch has told of it yet.
async fn bury(context: &Context) {
    for name in context.memory.departed() {
        if context.model_deployment(&name).is_some() {
            context.memory.is_back(&name);
            continue;
        }
        match leave_others(context, &name, None).await {
            Ok(()) => context.memory.end(&name),
            Err(error) => {
                tracing::warn!(owner = %name, "weights of a ModelDeployment that is gone are still on a Service: {error}")
            }
        }
    }
}
