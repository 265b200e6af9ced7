//! What the Service says: the weights of record, for whoever routes its traffic.

use crate::controller::context::Context;
use crate::controller::memory::{Course, Routed, Written};
use crate::controller::terms::Terms;
use crate::controller::view::Service;
use crate::controller::writes::NotWritten;
use crate::engine::compile::annotations;
use crate::engine::world::{Lookup, Name};

/// Has the Service say what was decided.
pub(super) async fn route(context: &Context, name: &Name, terms: &Terms, weight: u8, course: &mut Course) -> Routed {
    let found = context.view.service(&terms.service);
    if !terms.routes() {
        return match found {
            Lookup::Found(service) => keep_off(context, name, terms, &service, course).await,
            // What nobody granted is not even told of.
            Lookup::Missing | Lookup::Unknown => Routed::Yes,
        };
    }
    let service = match found {
        Lookup::Found(service) => service,
        Lookup::Missing => return Routed::Missing,
        Lookup::Unknown => return course.routed.clone(),
    };
    let ours = name.to_string();
    let other = owner(&service).filter(|owner| **owner != ours);
    let others_course = other.and_then(|other| context.memory.known_course(&Name::read(other)?));
    // While this is written the other one decides nothing, and what it was about to write is written already.
    let _alone = match (&others_course, other) {
        (Some(course), Some(other)) => match course.try_lock() {
            Ok(held) => Some(held),
            Err(_) => return Routed::Taken(other.clone()),
        },
        _ => None,
    };
    if let Some(other) = other
        && is_routed_by(context, other, name, &terms.service)
    {
        return Routed::Taken(other.clone());
    }
    let says = terms.annotations(weight);
    let written = Written::of(&terms.service, &service.uid, &says);
    let said = annotations::ALL.iter().all(|key| service.annotations.get(*key) == says.get(key));
    // What was looked at may be older than what was written last.
    if said && course.written.as_ref().is_none_or(|last| last.says(&written)) {
        return Routed::Yes;
    }
    let last = course.written.insert(written);
    let done = context.writer.route(&terms.service, &service.uid, &says).await;
    came_of(done.map(|version| last.version = version))
}

/// Has a Service say nothing of an object that must not route it: nobody grants it, or another object had it first. What else it says
/// stays, also if it was written just now.
async fn keep_off(context: &Context, name: &Name, terms: &Terms, service: &Service, course: &mut Course) -> Routed {
    let ours = name.to_string();
    let written = course.written.as_ref().is_some_and(|written| written.service == terms.service);
    match owner(service) {
        Some(other) if *other != ours => {
            return if terms.granted { Routed::Taken(other.clone()) } else { Routed::Yes };
        }
        None if !written => return Routed::Yes,
        Some(_) | None => {}
    }
    let done = context.writer.unroute(&terms.service, &service.uid, &service.resource_version).await;
    if done.is_ok() {
        course.written.take_if(|written| written.service == terms.service);
    }
    came_of(done)
}

fn came_of(written: Result<(), NotWritten>) -> Routed {
    match written {
        Ok(()) => Routed::Yes,
        Err(NotWritten::Gone(_)) => Routed::Missing,
        Err(error) => Routed::Failed(error.to_string()),
    }
}

fn owner(service: &Service) -> Option<&String> {
    service.annotations.get(annotations::MANAGED_BY)
}

/// Whether another ModelDeployment still routes the Service, which this one has to leave to it.
fn is_routed_by(context: &Context, owner: &str, own: &Name, service: &Name) -> bool {
    let Some(other) = Name::read(owner) else { return false };
    match context.memory.terms(&other) {
        Some(terms) => terms.service == *service && terms.routes(),
        // Of one that was not looked at yet, or is at fault, nobody knows that it does not, as long as it claims the Service; but it would
        // have to leave it to one that was there first.
        None => {
            let world = context.watches.world();
            context.model_deployment(&other).is_some()
                && world.claims_service(service, &other)
                && !world.has_service_before(service, own, &other)
        }
    }
}
