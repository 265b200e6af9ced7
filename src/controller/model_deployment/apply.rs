//! Fourth step: what is to be true is made true, one thing after the other; what fails stops nothing that does not need it.

use std::collections::BTreeSet;

use super::build::{self, Desired, What};
use super::dereference::Unread;
use crate::api::{ModelDeploymentStatus, OffloadAutoscalerSpec};
use crate::controller::beamlit::{self, Applied as Remote, Key, Mirror};
use crate::controller::context::Context;
use crate::controller::remote;
use crate::controller::stored::{ModelDeployments, Stored};
use crate::controller::terms::{Held, Terms};
use crate::controller::unfinished::Unfinished;
use crate::controller::view::Service;
use crate::controller::writes::NotWritten;
use crate::engine::Kind;
use crate::engine::compile::Blocked;
use crate::engine::compile::annotations::MANAGED_BY;
use crate::engine::world::{Lookup, Name};
use crate::offload::observation::Pause;

/// What became of it.
pub(super) struct Applied {
    /// What Beamlit holds, or why it does not; none without credentials.
    pub(super) remote: Option<Result<Remote, beamlit::Error>>,
    /// Why Beamlit was not told of the model.
    pub(super) template_unread: Option<Unread>,
    /// The first that failed in the cluster.
    pub(super) cluster: Result<(), NotWritten>,
}

impl Applied {
    /// Whether anything is left to do.
    pub(super) fn finished(self) -> Result<(), Unfinished> {
        self.cluster?;
        match self.remote {
            // Its condition says so, and whoever has it is followed.
            Some(Err(beamlit::Error::NameTaken { .. })) | Some(Ok(_)) | None => {}
            Some(Err(error)) => return Err(error.into()),
        }
        self.template_unread.map_or(Ok(()), |Unread { what, why }| Err(Unfinished::Unread { what, why }))
    }
}

/// Makes it true, but for the model on Beamlit where part of it could not be read.
pub(super) async fn apply(
    object: &Stored<ModelDeployments>,
    context: &Context,
    desired: &Desired,
    template_unread: Option<Unread>,
) -> Applied {
    let name = object.name();
    context.memory.refers(&name, desired.references.clone());
    let what = match &desired.what {
        Ok(what) => what,
        Err(why) => {
            let cluster = freeze(object, context, &name, desired, why).await;
            return Applied { remote: None, template_unread: None, cluster };
        }
    };
    // First of all: what is written from now on must be cleaned up, whatever happens next.
    if what.leaves_something {
        match context.writer.add_finalizer(object).await {
            Ok(version) => context.memory.wrote(&name, version),
            Err(error) => {
                // Nothing begins that nobody would clean up. What goes on goes on by what binds it now, and what ends ends.
                if context.memory.decides(&name, object.uid()) {
                    context.memory.set_terms(&name, what.terms.clone());
                    context.autoscalers_due.push(name.clone());
                }
                if what.terms.is_none()
                    && let Err(also) = leave_all(object, context, &name).await
                {
                    tracing::warn!(namespace = name.namespace(), name = name.name(), "not ended: {also}");
                }
                return Applied { remote: None, template_unread: None, cluster: Err(error) };
            }
        }
    }
    let cluster = in_cluster(object, context, &name, what).await;
    let remote = match context.beamlit() {
        Some(mirror) if what.model_is_taken => Some(Err(yield_model(object, context, mirror, what).await)),
        Some(mirror) if template_unread.is_none() => Some(on_beamlit(object, context, mirror, what).await),
        Some(_) | None => None,
    };
    Applied { template_unread: template_unread.filter(|_| remote.is_none()), remote, cluster }
}

/// Of an object that cannot be judged now, has what binds the weight bind it.
pub(super) fn bind(object: &Stored<ModelDeployments>, context: &Context) {
    let name = object.name();
    let Some(terms) = context.memory.terms(&name).filter(|terms| terms.uid == object.uid()) else { return };
    let mut bound = Terms::clone(&terms);
    build::bind(&mut bound, object, &(context.configuration)());
    if (bound.blocked, &bound.pause, bound.rules.most) != (terms.blocked, &terms.pause, terms.rules.most) {
        context.memory.set_terms(&name, Some(bound));
        context.autoscalers_due.push(name);
    }
}

/// Of an object that cannot be understood nobody knows what it wants: the weight stays as it is, unless it says that much, or somebody
/// has called all traffic home.
async fn freeze(
    object: &Stored<ModelDeployments>,
    context: &Context,
    name: &Name,
    desired: &Desired,
    why: &str,
) -> Result<(), NotWritten> {
    let home = desired.pause.clone().filter(|held| held.how == Pause::Home);
    let Some(terms) = context.memory.terms(name).filter(|terms| terms.uid == object.uid()) else {
        // By what it was decided before nobody knows any more: then home is where nothing is said at all.
        let ends = home.is_some() || desired.sends_nothing || !desired.granted;
        return if ends { leave_all(object, context, name).await } else { Ok(()) };
    };
    let mut terms = Terms::clone(&terms);
    let freeze = || Held { how: Pause::Freeze, by: format!("the ModelDeployment is at fault: {why}") };
    terms.pause = Some(home.unwrap_or_else(freeze));
    (terms.granted, terms.has_service) = (desired.granted, !desired.service_is_taken);
    terms.blocked = match () {
        () if desired.sends_nothing => Some(Blocked::Disabled),
        () if !desired.granted => Some(Blocked::NotGranted),
        () if desired.service_is_taken => Some(Blocked::Contested),
        () => None,
    };
    context.memory.set_terms(name, Some(terms));
    context.autoscalers_due.push(name.clone());
    Ok(())
}

/// Has nothing in the cluster say any more that traffic of an object goes anywhere. Neither part waits for the other to succeed.
async fn leave_all(object: &Stored<ModelDeployments>, context: &Context, name: &Name) -> Result<(), NotWritten> {
    let deleted = autoscaler(object, context, name, None).await;
    leave_others(context, name, None).await.and(deleted)
}

async fn in_cluster(
    object: &Stored<ModelDeployments>,
    context: &Context,
    name: &Name,
    what: &What,
) -> Result<(), NotWritten> {
    // What binds the weight binds at once, before anything that may take its time.
    context.memory.set_terms(name, what.terms.clone());
    context.autoscalers_due.push(name.clone());
    // Neither waits for the other to succeed: what is no more to be said of a Service keeps traffic away.
    let written = autoscaler(object, context, name, what.autoscaler.as_ref()).await;
    leave_others(context, name, what.terms.as_ref().map(|terms| &terms.service)).await?;
    written?;
    if !what.leaves_something {
        let version = context.writer.remove_finalizer(object).await?;
        context.memory.wrote(name, version);
    }
    Ok(())
}

/// Has the OffloadAutoscaler say what was compiled.
async fn autoscaler(
    object: &Stored<ModelDeployments>,
    context: &Context,
    name: &Name,
    spec: Option<&OffloadAutoscalerSpec>,
) -> Result<(), NotWritten> {
    let stored = context.autoscaler(name);
    let own = stored.filter(|stored| stored.controlled_by(Kind::ModelDeployment) == Some(object.uid()));
    match (spec, own) {
        (Some(spec), Some(own)) if own.spec() == serde_json::to_value(spec).ok() => Ok(()),
        (Some(spec), _) => context.writer.autoscaler(object, spec).await,
        (None, Some(own)) => context.writer.delete_autoscaler(&own).await,
        (None, None) => Ok(()),
    }
}

/// Takes our words off every Service that the object routed, but for the one that it routes now.
pub(in crate::controller) async fn leave_others(
    context: &Context,
    name: &Name,
    now: Option<&Name>,
) -> Result<(), NotWritten> {
    // A decision that is being written is finished first, and none is written between.
    let course = context.memory.course(name);
    let mut course = course.lock().await;
    let ours = name.to_string();
    let mut others: BTreeSet<Name> = context.view.routed_by(&ours).into_iter().collect();
    // What was written a moment ago no watch may have told of yet.
    others.extend(course.as_ref().and_then(|course| course.written.as_ref()).map(|written| written.service.clone()));
    let mut outcome = Ok(());
    for service in others.into_iter().filter(|service| Some(service) != now) {
        // A look that is older than what was written on it does not tell whose it is: the API server refuses to change that, and it is
        // looked at again.
        let is_ours = |stored: &Service| {
            let written = course.as_ref().and_then(|course| course.written.as_ref());
            stored.annotations.get(MANAGED_BY).is_none_or(|owner| *owner == ours)
                || written.is_some_and(|written| written.is_newer_than(&service, &stored.resource_version))
        };
        if let Lookup::Found(stored) = context.view.service(&service)
            && is_ours(&stored)
            && let Err(error) = context.writer.unroute(&service, &stored.uid, &stored.resource_version).await
        {
            outcome = outcome.and(Err(error));
            continue;
        }
        if let Some(course) = course.as_mut() {
            course.written.take_if(|written| written.service == service);
        }
    }
    outcome?;
    if now.is_none() {
        *course = None;
        context.memory.clear_outcome(name);
        context.metrics.forget(name.namespace(), name.name());
    }
    Ok(())
}

/// Leaves the model on Beamlit to another object, which was there first: what this one has of it is let go of, and it is looked at again
/// when something becomes of it. Returns what is said of that.
async fn yield_model(
    object: &Stored<ModelDeployments>,
    context: &Context,
    mirror: &Mirror,
    what: &What,
) -> beamlit::Error {
    let (owner, metadata) = (remote::owner(object, context), &what.model.metadata);
    let key = Key::model(metadata.environment, &metadata.name);
    if mirror.owned_by(object.uid()).contains(&key)
        && let Err(error) = mirror.release(&key, &owner).await
    {
        return error;
    }
    mirror.await_change(&key, &owner);
    beamlit::Error::NameTaken { by: Blocked::Contested.because(&what.blocked_by) }
}

/// Has Beamlit hold the model, and nothing of what the object was before.
async fn on_beamlit(
    object: &Stored<ModelDeployments>,
    context: &Context,
    mirror: &Mirror,
    what: &What,
) -> Result<Remote, beamlit::Error> {
    let owner = remote::owner(object, context);
    // Until something is decided again, after a restart, what was so is so.
    let before = || object.status::<ModelDeploymentStatus>().and_then(|status| status.offloading_status) == Some(true);
    let offloading = context.memory.outcome(&object.name()).map_or_else(before, |outcome| outcome.weight > 0);
    let applied = mirror.apply_model(&what.model, &owner, offloading).await?;
    remote::tell(object, context, &applied).await;
    // Only now: until the new model is there, the old one still serves.
    let metadata = &what.model.metadata;
    let current = Key::model(metadata.environment, &metadata.name);
    for old in mirror.owned_by(object.uid()).into_iter().filter(|key| *key != current) {
        mirror.release(&old, &owner).await?;
    }
    Ok(applied)
}
