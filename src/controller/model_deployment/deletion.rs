//! An object that goes: what it left behind is cleaned up, and its finalizer always comes off.

use kube::runtime::controller::Action;

use super::apply::leave_others;
use crate::controller::context::Context;
use crate::controller::remote;
use crate::controller::stored::{ModelDeployments, Stored};
use crate::controller::unfinished::{Finished, Unfinished};
use crate::controller::writes::FINALIZER;
use crate::engine::Kind;

/// Cleans up after it, and lets it go.
pub(super) async fn let_go(object: &Stored<ModelDeployments>, context: &Context) -> Result<Finished, Unfinished> {
    let name = object.name();
    context.memory.set_terms(&name, None);
    if !object.has_finalizer(FINALIZER) {
        return Ok(Finished { next: Action::await_change(), changed: false });
    }
    // Traffic comes home first, whatever Beamlit does: for whoever reads the one, and for whoever reads the other.
    let own = context.autoscaler(&name);
    let own = own.filter(|own| own.controlled_by(Kind::ModelDeployment).is_none_or(|uid| uid == object.uid()));
    if let Some(own) = own {
        context.writer.delete_autoscaler(&own).await?;
    }
    leave_others(context, &name, None).await?;
    remote::release(object, context).await?;
    context.writer.remove_finalizer(object).await?;
    Ok(Finished { next: Action::await_change(), changed: true })
}
