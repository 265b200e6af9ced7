//! First step: what an object refers to, and by what it is judged.

use std::sync::Arc;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};

use crate::controller::context::Context;
use crate::controller::stored::{ModelDeployments, Stored};
use crate::controller::unfinished::Unfinished;
use crate::engine::configuration::Configuration;
use crate::engine::parse::Node;
use crate::engine::world::{Fact, Lookup, Name, Resource, Workload, World};
use crate::telemetry::reconciler::Answer;

/// By what an object is judged.
pub(super) struct Found {
    /// What else is in the cluster, the workload's pods included where somebody asks for them.
    pub(super) world: World,
    pub(super) configuration: Arc<Configuration>,
    /// Whether there is a Beamlit to hold the model.
    pub(super) beamlit: bool,
}

/// Looks up what only the API server knows.
pub(super) async fn dereference(object: &Stored<ModelDeployments>, context: &Context) -> Result<Found, Unfinished> {
    // In this order: a world that was taken before its list was complete must not be judged by.
    if let Some(why) = context.watches.unusable() {
        return Err(Unfinished::Unready(why));
    }
    let mut world = World::clone(&context.watches.world());
    let mut configuration = (context.configuration)();
    if let Some(mirror) = &context.beamlit {
        // Without a name of its own, the workspace is that of the credentials.
        if configuration.workspace.is_none()
            && let Some(workspace) = mirror.workspace()
        {
            Arc::make_mut(&mut configuration).workspace = Some(workspace);
        }
        if let Some(fact) = pods(object, context, &world).await? {
            world.put(fact);
        }
    }
    Ok(Found { world, configuration, beamlit: context.beamlit.is_some() })
}

/// The workload with the template of its pods, which Beamlit is told; none if there is no such workload.
async fn pods(object: &Stored<ModelDeployments>, context: &Context, world: &World) -> Result<Option<Fact>, Unfinished> {
    let Some((kind, name)) = workload(object) else { return Ok(None) };
    // What is not there need not be asked for, and what is another team's must not be.
    let there = matches!(world.workload(kind, &name), Lookup::Found(_));
    let own = object.name();
    let may = own.namespace() == name.namespace()
        || matches!(world.granted(own.namespace(), "apps", kind.name(), &name), Lookup::Found(()));
    if !there || !may {
        return Ok(None);
    }
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", kind.name()));
    let api: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), name.namespace(), &resource);
    let found = api.get_opt(name.name()).await;
    context.metrics.kubernetes_request("get_workload", found.as_ref().map_or_else(Answer::of_error, |_| Answer::Ok));
    let unread =
        |error: kube::Error| Unfinished::Unread { what: format!("{} {name}", kind.name()), why: error.to_string() };
    let tree = found.map_err(unread)?.and_then(|workload| serde_json::to_value(workload).ok());
    Ok(tree.and_then(|tree| Fact::of_file(Resource::Workloads(kind), &Node::from(&tree), name.namespace())))
}

/// Which workload an object names.
pub(super) fn workload(object: &Stored<ModelDeployments>) -> Option<(Workload, Name)> {
    let spec = object.spec()?;
    let text = |field: &str| spec.get("modelSourceRef")?.get(field)?.as_str().filter(|text| !text.is_empty());
    let kind = text("kind").map_or(Some(Workload::Deployment), Workload::of)?;
    let own = object.name();
    Some((kind, Name::new(text("namespace").unwrap_or(own.namespace()), text("name")?)))
}
