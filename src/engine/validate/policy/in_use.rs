//! Policies that somebody relies on: whom it affects when one allows less, or goes.

use crate::engine::finding::rules::{PL013, PL014};
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::Node;
use crate::engine::policy::{Flavors, Options, Places, listed};
use crate::engine::subject::Surroundings;
use crate::engine::world::Name;

/// Reports that a Policy, of which `old` is what stands, no longer allows all that it did, if somebody relies on it.
pub(in crate::engine) fn narrowed(
    out: &mut Findings,
    object: &Node<'_>,
    old: &Node<'_>,
    surroundings: &Surroundings<'_>,
) {
    let options = |object: &Node<'_>| object.get("spec").and_then(Options::of);
    let (Some(new), Some(old)) = (options(object), options(old)) else { return };
    let Some((list, lost)) = lost(&new, &old, surroundings) else { return };
    let Some(users) = users(surroundings) else { return };
    let root = At::root();
    let spec = root.field("spec");
    out.add(Finding::new(&PL013, &spec.field(list), format!("{users}, and it no longer allows {lost}")));
}

/// Reports that somebody relies on a Policy that goes.
pub(in crate::engine) fn deleted(surroundings: &Surroundings<'_>) -> Findings {
    let mut out = Findings::default();
    if let Some(users) = users(surroundings) {
        let root = At::root();
        let at = root.field("metadata");
        let message = format!("{users}, and without it no traffic is sent away");
        out.add(Finding::new(&PL014, &at.field("name"), message).value(surroundings.name));
    }
    out
}

/// What was allowed and is no more, and the field that says so.
fn lost(new: &Options, old: &Options, surroundings: &Surroundings<'_>) -> Option<(&'static str, String)> {
    let atlas = &surroundings.configuration.atlas;
    match (new, old) {
        (Options::Location(new), Options::Location(old)) => {
            let new = Places::new(new.iter().cloned(), atlas);
            let mut lost = old.iter().filter(|place| !new.contains(&atlas.site(place))).peekable();
            lost.peek().is_some().then(|| ("locations", listed(lost)))
        }
        (Options::Flavor(new), Options::Flavor(old)) => {
            let new: Flavors = new.iter().cloned().collect();
            let mut lost = old.iter().filter(|flavor| !new.contains(flavor)).peekable();
            lost.peek().is_some().then(|| ("flavors", listed(lost)))
        }
        // It limits something else from now on, and that was not limited by it before.
        (Options::Location(places), Options::Flavor(_)) => {
            Some(("type", format!("other places than {}", listed(places))))
        }
        (Options::Flavor(flavors), Options::Location(_)) => {
            Some(("type", format!("other hardware than {}", listed(flavors))))
        }
    }
}

/// Who relies on the policy: by name only who lives in its own namespace. None if nobody does.
fn users(surroundings: &Surroundings<'_>) -> Option<String> {
    let policy = Name::new(surroundings.namespace, surroundings.name);
    let (mut here, mut elsewhere) = (Vec::new(), false);
    for user in surroundings.world.with_policy(&policy) {
        if user.namespace() == surroundings.namespace { here.push(user.name()) } else { elsewhere = true }
    }
    here.sort_unstable();
    let mut parts = Vec::new();
    match here.as_slice() {
        [] => {}
        [one] => parts.push(format!("ModelDeployment {} names it", quoted(one))),
        several => parts.push(format!("{} ModelDeployments here name it ({})", several.len(), listed(several))),
    }
    if elsewhere {
        parts.push("objects of other namespaces name it".to_owned());
    }
    let environments: Vec<&str> =
        surroundings.configuration.environments_with(surroundings.namespace, surroundings.name).collect();
    if !environments.is_empty() {
        parts.push(format!("every ModelDeployment of environment {} has it", listed(environments)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
