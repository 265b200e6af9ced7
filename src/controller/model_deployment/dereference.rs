//! First step: what an object refers to, and by what it is judged.

use std::sync::Arc;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

use crate::api::{ModelDeploymentStatus, OffloadAutoscalerStatus};
use crate::controller::context::Context;
use crate::controller::stored::{ModelDeployments, Stored};
use crate::controller::unfinished::Unfinished;
use crate::engine::Kind;
use crate::engine::configuration::Configuration;
use crate::engine::world::{Fact, Lookup, Name, Pods, Workload, World};
use crate::telemetry::reconciler::Answer;

/// By what an object is judged.
pub(super) struct Found {
    /// What else is in the cluster, the workload's pods included where somebody asks for them.
    pub(super) world: World,
    pub(super) configuration: Arc<Configuration>,
    /// Whether there is a Beamlit to hold the model.
    pub(super) beamlit: bool,
    /// The spec of its OffloadAutoscaler, if that sends traffic away, and did for the object as it is now.
    pub(super) away: Option<Value>,
    /// Why the template of the workload's pods could not be read, which only Beamlit is told.
    pub(super) template_unread: Option<Unread>,
}

/// Something that could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot read {what}: {why}")]
pub(super) struct Unread {
    pub(super) what: String,
    pub(super) why: String,
}

/// Looks up what only the API server knows.
pub(super) async fn dereference(object: &Stored<ModelDeployments>, context: &Context) -> Result<Found, Unfinished> {
    // In this order: a world that was taken before its list was complete must not be judged by.
    if let Some(why) = context.watches.unusable() {
        return Err(Unfinished::Unready(why));
    }
    let mut world = World::clone(&context.watches.world());
    let mut configuration = (context.configuration)();
    let beamlit = context.beamlit();
    let mut template_unread = None;
    if let Some(mirror) = beamlit {
        // Without a name of its own, the workspace is that of the credentials.
        if configuration.workspace.is_none()
            && let Some(workspace) = mirror.workspace()
        {
            Arc::make_mut(&mut configuration).workspace = Some(workspace);
        }
        match pods(object, context, &world).await {
            Ok(pods) => pods.into_iter().for_each(|pods| world.put(pods)),
            Err(why) => template_unread = Some(why),
        }
    }
    Ok(Found { world, configuration, beamlit: beamlit.is_some(), away: away(object, context), template_unread })
}

fn away(object: &Stored<ModelDeployments>, context: &Context) -> Option<Value> {
    let seen = object.status::<ModelDeploymentStatus>()?.observed_generation == Some(object.generation());
    let own = context.autoscaler(&object.name()).filter(|_| seen)?;
    let is_own = own.controlled_by(Kind::ModelDeployment) == Some(object.uid());
    let weight = own.status::<OffloadAutoscalerStatus>()?.current_remote_weight?;
    // Of one that was found blocked before, the weight that is shown was decided for what it was then.
    let terms = context.memory.terms(&object.name()).filter(|terms| terms.uid == object.uid());
    let is_blocked = terms.is_some_and(|terms| terms.blocked.is_some());
    if is_own && weight > 0 && !is_blocked { own.spec() } else { None }
}

/// The pods of the workload with their template, which Beamlit is told; none if there is no such workload.
async fn pods(object: &Stored<ModelDeployments>, context: &Context, world: &World) -> Result<Option<Fact>, Unread> {
    let Some((kind, name)) = workload(object) else { return Ok(None) };
    // What is not there need not be asked for, and what is another team's must not be.
    let own = object.name();
    let may = own.namespace() == name.namespace()
        || matches!(world.granted(own.namespace(), "apps", kind.name(), &name), Lookup::Found(()));
    let (Lookup::Found(pods), true) = (world.workload(kind, &name), may) else { return Ok(None) };
    let scaled = match context.view.workload(kind, &name) {
        Lookup::Found(scaled) => scaled,
        Lookup::Missing => return Ok(None),
        // Of a model without one nobody could tell whether it never had any.
        Lookup::Unknown => {
            let why = "the watch of it was lost more than a minute ago".to_owned();
            return Err(Unread { what: format!("{} {name}", kind.name()), why });
        }
    };
    let template = match context.memory.template(&own, scaled.template) {
        Some(template) => template,
        None => {
            let Some(template) = read(context, kind, &name).await? else { return Ok(None) };
            context.memory.set_template(&own, scaled.template, &template);
            template
        }
    };
    Ok(Some(Fact::Workload(kind, name, Pods { ports: pods.ports.clone(), template: Some(Arc::new(template)) })))
}

/// Reads the template of a workload's pods, of which only a print is watched.
async fn read(context: &Context, kind: Workload, name: &Name) -> Result<Option<Value>, Unread> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", kind.name()));
    let api: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), name.namespace(), &resource);
    let found = api.get_opt(name.name()).await;
    let answer = match &found {
        Ok(_) => Answer::Ok,
        Err(kube::Error::Api(status)) => Answer::of(status.code),
        Err(_) => Answer::Unreachable,
    };
    context.metrics.kubernetes_request("get_workload", answer);
    let unread = |error: kube::Error| Unread { what: format!("{} {name}", kind.name()), why: error.to_string() };
    Ok(found.map_err(unread)?.and_then(|mut workload| Some(workload.data.get_mut("spec")?.get_mut("template")?.take())))
}

/// Which workload an object names.
pub(super) fn workload(object: &Stored<ModelDeployments>) -> Option<(Workload, Name)> {
    let spec = object.spec()?;
    let text = |field: &str| spec.get("modelSourceRef")?.get(field)?.as_str().filter(|text| !text.is_empty());
    let kind = text("kind").map_or(Some(Workload::Deployment), Workload::of)?;
    let own = object.name();
    Some((kind, Name::new(text("namespace").unwrap_or(own.namespace()), text("name")?)))
}
