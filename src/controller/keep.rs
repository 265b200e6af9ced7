//! Keeps a store of our own objects, and has looked at what changes.

use std::sync::Arc;

use kube::Api;
use kube::client::Client;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::Event;

use super::context::Context;
use super::stored::{ModelDeployments, OffloadAutoscalers, Ours, Policies, Stored};
use crate::engine::Kind;
use crate::engine::world::Name;
use crate::watch::{Health, Retries, events};

/// What becomes of an object of this kind that appears, changes or goes.
pub(super) trait Kept: Ours {
    /// It is there, or has changed.
    fn is_there(object: &Stored<Self>, context: &Context);
    /// It is gone.
    fn is_gone(name: &Name, context: &Context);
}

impl Kept for ModelDeployments {
    fn is_there(object: &Stored<Self>, context: &Context) {
        context.model_deployments_due.push(object.name());
    }

    fn is_gone(name: &Name, context: &Context) {
        context.memory.forget(name);
        context.metrics.forget(name.namespace(), name.name());
    }
}

impl Kept for OffloadAutoscalers {
    fn is_there(object: &Stored<Self>, context: &Context) {
        let name = object.name();
        context.autoscalers_due.push(name.clone());
        // One that somebody wrote or changed is made again what was compiled. Most changes are of the status, and our own.
        let own = context.memory.terms(&name).is_some_and(|terms| {
            object.controlled_by(Kind::ModelDeployment) == Some(terms.uid.as_str())
                && object.spec() == serde_json::to_value(&terms.spec).ok()
        });
        if !own {
            context.model_deployments_due.push(name);
        }
    }

    fn is_gone(name: &Name, context: &Context) {
        context.model_deployments_due.push(name.clone());
    }
}

impl Kept for Policies {
    fn is_there(object: &Stored<Self>, context: &Context) {
        context.policies_due.push(object.name());
    }

    fn is_gone(_name: &Name, _context: &Context) {}
}

/// Keeps the store, for ever.
pub(super) async fn keep<K: Kept>(context: Arc<Context>, client: Client, mut writer: Writer<Stored<K>>) {
    let store = writer.as_reader();
    let api: Api<Stored<K>> = Api::all(client);
    let health = Health::new(K::WATCH, &context.metrics);
    let _held = health.held();
    let mut retries = Retries::new();
    loop {
        retries.start();
        let fault = events(api.clone(), |event| {
            let before = matches!(event, Event::InitDone).then(|| store.state());
            writer.apply_watcher_event(&event);
            match &event {
                Event::Apply(object) => K::is_there(object, &context),
                Event::Delete(object) => K::is_gone(&object.name(), &context),
                Event::InitDone => {
                    health.listed();
                    for gone in before.iter().flatten().filter(|old| store.get(&old.reference()).is_none()) {
                        K::is_gone(&gone.name(), &context);
                    }
                    store.state().iter().for_each(|object| K::is_there(object, &context));
                }
                Event::Init | Event::InitApply(_) => {}
            }
        })
        .await;
        health.failed(&fault);
        retries.wait().await;
    }
}
