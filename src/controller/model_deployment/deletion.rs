//! An object that goes: what it left behind is cleaned up, and its finalizer always comes off.

use kube::runtime::controller::Action;

use super::apply::leave_others;
use crate::controller::conditions::{Said, Type};
use crate::controller::context::Context;
use crate::controller::remote::{self, Waits};
use crate::controller::stored::{ModelDeployments, Stored};
use crate::controller::unfinished::{Finished, Unfinished};
use crate::controller::writes::{FINALIZER, NotWritten};
use crate::engine::Kind;
use crate::engine::world::Name;
use crate::offload::decide::Reason;

/// Cleans up after it, and lets it go.
pub(super) async fn let_go(object: &Stored<ModelDeployments>, context: &Context) -> Result<Finished, Unfinished> {
    let name = object.name();
    context.memory.set_terms(&name, None);
    if !object.has_finalizer(FINALIZER) {
        return Ok(Finished { next: Action::await_change(), changed: false });
    }
    // Traffic comes home first, whatever Beamlit does: for whoever reads the one, and for whoever reads the other.
    if let Err(why) = come_home(object, context, &name).await {
        match remote::patience(object, context) {
            Some(left) => {
                let said = [remote::deleting(&format!("waiting until its Services can be written: {why}"))];
                return Err(remote::wait(object, context, why.into(), left, &said).await);
            }
            None => remote::leave_routed(object, context, &why).await,
        }
    }
    if let Err(Waits { why, left }) = remote::release(object, context).await {
        let said = [
            remote::synced(false, Some(&Err(why.clone()))),
            Said::new(
                Type::Offloading,
                false,
                Reason::Blocked.word(),
                "the object is being deleted: all traffic is at home",
            ),
            remote::deleting(&format!("waiting for Beamlit to let go of its model: {why}")),
        ];
        return Err(remote::wait(object, context, why.into(), left, &said).await);
    }
    context.writer.remove_finalizer(object).await?;
    Ok(Finished { next: Action::await_change(), changed: true })
}

async fn come_home(object: &Stored<ModelDeployments>, context: &Context, name: &Name) -> Result<(), NotWritten> {
    let own = context.autoscaler(name);
    let own = own.filter(|own| own.controlled_by(Kind::ModelDeployment).is_none_or(|uid| uid == object.uid()));
    let deleted = match own {
        Some(own) => context.writer.delete_autoscaler(&own).await,
        None => Ok(()),
    };
    leave_others(context, name, None).await.and(deleted)
}
