//! An object that goes: what it left behind is cleaned up, and its finalizer always comes off.

use kube::runtime::controller::Action;

use super::apply::leave_others;
use crate::controller::conditions::{Said, Type};
use crate::controller::context::Context;
use crate::controller::events::Tone;
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
            None => leave_routed(object, context, &why).await,
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

/// Tells of Services that still say where traffic of an object goes that is gone.
async fn leave_routed(object: &Stored<ModelDeployments>, context: &Context, why: &NotWritten) {
    let name = object.name();
    let services: Vec<String> = context.view.routed_by(&name.to_string()).iter().map(ToString::to_string).collect();
    let note = left_routed(&services, why);
    tracing::warn!(namespace = name.namespace(), name = name.name(), "left in the cluster: {note}");
    context.events.tell(object, Tone::Warning, "FinalizerTimedOut", &note).await;
}

fn left_routed(services: &[String], why: &NotWritten) -> String {
    let what = match services.join(", ") {
        services if services.is_empty() => String::new(),
        services => format!(
            "the annotations routing.beamlit.com/* stay on Services ({services}), and can be taken off by hand: "
        ),
    };
    format!("{what}what was to be cleaned up could not be for long: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_behind_in_the_cluster_is_named() {
        let why = NotWritten::Refused { what: "the annotations of Service a/s".to_owned(), why: "denied".to_owned() };
        let note = left_routed(&["a/s".to_owned(), "b/t".to_owned()], &why);
        assert!(
            note.contains("(a/s, b/t)") && note.ends_with("cannot write the annotations of Service a/s: denied"),
            "{note}"
        );
        assert!(left_routed(&[], &why).starts_with("what was to be cleaned up"));
    }
}
