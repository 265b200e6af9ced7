//! What has an object looked at again, beside its own changes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;

use super::beamlit::{Changes, Key};
use super::context::Context;
use super::memory::Reference;
use super::terms::Terms;
use super::view;
use crate::engine::compile::annotations::MANAGED_BY;
use crate::engine::world::{Lookup, Name, Resource};
use crate::offload::observation::Blocked;
use crate::watch::Change;

/// How long changes are gathered that concern every object.
const GATHER: Duration = Duration::from_secs(2);

/// What the judge knows of other objects has changed.
pub(super) async fn by_world(context: Arc<Context>) {
    let mut changes = context.watches.changes();
    loop {
        let all = match changes.recv().await {
            Ok(change) => concerns(&context, &change),
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => return,
        };
        if all {
            // Whatever else is on its way is seen to with it.
            sleep(GATHER).await;
            changes = changes.resubscribe();
            everything(&context);
        }
    }
}

/// Has those looked at that a change concerns; whether that is everybody.
fn concerns(context: &Context, change: &Change) -> bool {
    let due = &context.model_deployments_due;
    match change {
        Change::Of(Resource::Policies, name) => {
            let environments = (context.configuration)();
            if environments.environments_with(name.namespace(), name.name()).next().is_some() {
                return true;
            }
            due.extend(context.watches.world().with_policy(name).cloned());
            // Which of them may not name it and does is known to nobody but their own reconcile.
            due.extend(context.memory.with_terms(|terms| terms.blocked == Some(Blocked::PoliciesUnresolved)));
            false
        }
        Change::Of(Resource::Services, name) => {
            due.extend(context.memory.referring(&Reference::Service(name.clone())));
            false
        }
        Change::Of(Resource::Workloads(kind), name) => {
            due.extend(context.memory.referring(&Reference::workload(*kind, name.clone())));
            false
        }
        Change::Of(Resource::ModelDeployments, name) => {
            due.push(name.clone());
            // What it laid claim to may be free now, and what it claims may be no longer another's.
            due.extend(context.memory.with_terms(Terms::is_contested));
            due.extend(context.watches.world().rivals(name).cloned());
            false
        }
        // They advise, and decide nothing.
        Change::Of(Resource::HorizontalPodAutoscalers, _) | Change::All(Resource::HorizontalPodAutoscalers) => false,
        Change::Of(Resource::ReferenceGrants, grant) => {
            // Who may not lays no claim: those who claim the same are the first, or no longer.
            let world = context.watches.world();
            let concerned = into(context, grant.namespace());
            due.extend(concerned.iter().flat_map(|name| world.rivals(name)).cloned());
            due.extend(concerned);
            due.extend(context.memory.with_terms(Terms::is_contested));
            false
        }
        Change::Of(Resource::Namespaces, namespace) => {
            due.extend(into(context, namespace.name()));
            // What was a host on the internet may be a Service of the namespace now.
            due.extend(context.memory.with_terms(|terms| {
                let host = &terms.spec.route.remote.host;
                host.split('.').any(|label| label.eq_ignore_ascii_case(namespace.name()))
            }));
            false
        }
        Change::All(_) => true,
    }
}

/// Who refers to something in this namespace from another one.
fn into(context: &Context, namespace: &str) -> BTreeSet<Name> {
    let mut all = context.memory.referring_into(namespace);
    all.extend(context.watches.world().with_policies_of(namespace).cloned());
    all
}

/// Has every object looked at.
pub(super) fn everything(context: &Context) {
    context.model_deployments_due.extend(context.model_deployments.state().iter().map(|object| object.name()));
    context.policies_due.extend(context.policies.state().iter().map(|object| object.name()));
}

/// What decisions are made on has changed.
pub(super) async fn by_view(context: Arc<Context>) {
    let mut changes = context.view.changes();
    while let Some(change) = changes.next().await {
        match change {
            view::Change::Endpoints(service) => {
                context.autoscalers_due.extend(context.memory.referring(&Reference::Service(service)));
            }
            view::Change::Service(service) => {
                // One that somebody copied says of another what is not so: who it names takes the words off it.
                context.model_deployments_due.extend(named_by(&context, &service));
                context.autoscalers_due.extend(context.memory.referring(&Reference::Service(service)));
            }
            view::Change::Workload(kind, name) => {
                let referring = context.memory.referring(&Reference::workload(kind, name));
                context.autoscalers_due.extend(referring.iter().cloned());
                // Its pods may be others, of which Beamlit is told.
                if context.beamlit().is_some() {
                    context.model_deployments_due.extend(referring);
                }
            }
            view::Change::All => {
                everything(&context);
                context.autoscalers_due.extend(context.memory.with_terms(|_| true));
            }
        }
    }
}

/// Whom a Service names as the one that routes it.
fn named_by(context: &Context, service: &Name) -> Option<Name> {
    let Lookup::Found(stored) = context.view.service(service) else { return None };
    let owner = Name::read(stored.annotations.get(MANAGED_BY)?)?;
    // Most of the time it is the one that it is routed by, and nothing is new.
    let is_so = context.memory.terms(&owner).is_some_and(|terms| terms.service == *service);
    (!is_so).then_some(owner)
}

/// What Beamlit holds has changed.
pub(super) async fn by_beamlit(context: Arc<Context>, changes: Arc<Mutex<Changes>>) {
    let mut changes = changes.lock().await;
    while let Some(key) = changes.recv().await {
        let Some(mirror) = &context.beamlit else { return };
        let owner = mirror.get(&key).flatten().and_then(|stored| stored.ownership).map(|ownership| ownership.object);
        let concerned = owner.into_iter().chain(mirror.awaited_by(&key));
        let concerned: Vec<Name> = concerned.filter_map(|object| Name::read(&object)).collect();
        match &key {
            Key::Policy { .. } => context.policies_due.extend(concerned),
            Key::Model { environment, name } => {
                let its = context.memory.with_terms(|terms| {
                    let remote = terms.remote.as_ref();
                    remote.is_some_and(|remote| remote.environment == environment && remote.name == *name)
                });
                for name in its.into_iter().chain(concerned) {
                    context.autoscalers_due.push(name.clone());
                    context.model_deployments_due.push(name);
                }
            }
        }
    }
}
