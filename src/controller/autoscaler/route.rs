//! What the Service says: the weights of record, for whoever routes its traffic.

use crate::controller::context::Context;
use crate::controller::memory::Routed;
use crate::controller::terms::Terms;
use crate::controller::view::Service;
use crate::controller::writes::NotWritten;
use crate::engine::compile::annotations;
use crate::engine::world::{Lookup, Name};

/// Has the Service say what was decided.
pub(super) async fn route(context: &Context, name: &Name, terms: &Terms, weight: u8, before: &Routed) -> Routed {
    // What nobody granted is not even told of.
    let ours = name.to_string();
    let is_ours = |service: &Service| service.annotations.get(annotations::MANAGED_BY) == Some(&ours);
    if !terms.granted && !matches!(context.view.service(&terms.service), Lookup::Found(service) if is_ours(&service)) {
        return Routed::Yes;
    }
    let service = match context.view.service(&terms.service) {
        Lookup::Found(service) => service,
        Lookup::Missing => return Routed::Missing,
        Lookup::Unknown => return before.clone(),
    };
    let owner = service.annotations.get(annotations::MANAGED_BY);
    if let Some(other) = owner.filter(|owner| **owner != ours)
        && is_routed_by(context, other, &terms.service)
    {
        return Routed::Taken(other.clone());
    }
    let written = if terms.granted {
        let says = terms.annotations(weight);
        let said = annotations::ALL.iter().all(|key| service.annotations.get(*key) == says.get(key));
        if said {
            return Routed::Yes;
        }
        context.writer.route(&terms.service, &service.uid, &says).await
    } else {
        // Nobody grants this any more: what was written goes, and nothing else is.
        context.writer.unroute(&terms.service, &service.uid, &service.resource_version).await
    };
    match written {
        Ok(()) => Routed::Yes,
        Err(NotWritten::Gone(_)) => Routed::Missing,
        Err(error) => Routed::Failed(error.to_string()),
    }
}

/// Whether another ModelDeployment still routes the Service.
fn is_routed_by(context: &Context, owner: &str, service: &Name) -> bool {
    let Some((namespace, name)) = owner.split_once('/') else { return false };
    let name = Name::new(namespace, name);
    // Of one that was not looked at yet, or is at fault, nobody knows that it does not.
    let there = || context.model_deployment(&name).is_some();
    context.memory.terms(&name).map_or_else(there, |terms| terms.service == *service)
}
