//! A ModelDeployment made true, in five steps: dereference → validate → build → apply → update status.

mod apply;
mod build;
mod deletion;
mod dereference;
mod status;
mod validate;

use std::sync::Arc;

use kube::runtime::controller::Action;

pub(super) use self::apply::leave_others;
use super::context::Context;
use super::memory::BEHIND;
use super::stored::{ModelDeployments, Stored};
use super::unfinished::{Finished, RESYNC, Unfinished};

/// Makes one true.
///
/// # Errors
/// If something is left to do. Whatever could be done is done then, and the status says so.
pub(super) async fn reconcile(
    object: Arc<Stored<ModelDeployments>>,
    context: Arc<Context>,
) -> Result<Finished, Unfinished> {
    let outcome = steps(&object, &context).await;
    // One that went meanwhile was forgotten before all of this was noted.
    let name = object.name();
    if context.model_deployment(&name).is_none_or(|now| now.uid() != object.uid()) {
        context.memory.forget(&name);
    }
    outcome
}

async fn steps(object: &Stored<ModelDeployments>, context: &Context) -> Result<Finished, Unfinished> {
    if context.memory.is_behind(&object.name(), object.version()) {
        return Ok(Finished { next: Action::requeue(BEHIND), changed: false });
    }
    if object.is_going() {
        return deletion::let_go(object, context).await;
    }
    let (found, judged) = loop {
        let found = match dereference::dereference(object, context).await {
            Ok(found) => found,
            Err(unready) => {
                apply::bind(object, context);
                return Err(unready);
            }
        };
        let judged = validate::validate(object, &found);
        // What is about to be known is waited for, so that nothing is said of it that is not so a moment later.
        let unread = judged.plan.as_ref().is_ok_and(|plan| plan.policies_unread);
        if !unread || !context.remote_policies_read().await {
            break (found, judged);
        }
    };
    let desired = build::build(object, &found, judged);
    let applied = apply::apply(object, context, &desired, found.template_unread).await;
    let shown = status::show(object, context, &desired, &applied).await;
    applied.finished()?;
    Ok(Finished { next: Action::requeue(RESYNC), changed: shown? })
}
