//! What is left of objects that are gone: those whose finalizer somebody took off, or that went while nobody looked. What was written on
//! Services goes, so that no data plane sends traffic on behalf of nobody. What is on Beamlit stays, and is told of.

use std::collections::{BTreeMap, HashSet};

use futures::FutureExt as _;

use super::beamlit::Key;
use super::context::Context;
use super::model_deployment::leave_others;
use crate::engine::finding::escaped;
use crate::engine::world::Name;

/// What was found the last time. One is gone only if it is so twice: what is in its place cannot be put back.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// Who is gone, as Services name them.
    owners: HashSet<String>,
    /// What is on Beamlit for whom, and whether that was told.
    orphans: BTreeMap<Key, (String, bool)>,
}

/// Looks for all of it.
pub(super) async fn clean(context: &Context, suspects: &mut Suspects) {
    bury(context).await;
    context.metrics.beamlit_orphans(orphans(context, suspects));
    unroute(context, &mut suspects.owners).await;
}

/// How much is on Beamlit for objects of this cluster that are gone; none if nobody can tell. Of each it is told once.
fn orphans(context: &Context, suspects: &mut Suspects) -> Option<usize> {
    let (mirror, cluster) = (context.beamlit()?, context.cluster.get()?);
    // Before they were listed, all of them would be gone.
    context.policies.wait_until_ready().now_or_never()?.ok()?;
    let (model_deployments, policies) = (context.model_deployments.state(), context.policies.state());
    let there = model_deployments.iter().map(|object| object.uid()).chain(policies.iter().map(|object| object.uid()));
    let there: HashSet<&str> = there.collect();
    Some(suspects.take(mirror.orphans(cluster, |uid| there.contains(uid))))
}

impl Suspects {
    /// Takes what was found now, tells of what was found before as well, and counts that.
    fn take(&mut self, found: Vec<(Key, String)>) -> usize {
        let mut before = std::mem::take(&mut self.orphans);
        for (key, owner) in found {
            let known = before.remove(&key).filter(|(whose, _)| *whose == owner);
            if let Some((_, false)) = known {
                let (key, owner) = (escaped(&key.to_string()).to_string(), escaped(&owner).to_string());
                tracing::warn!(key, owner, "left on Beamlit: its object is gone, and nobody looks after it");
            }
            self.orphans.insert(key, (owner, known.is_some()));
        }
        self.orphans.values().filter(|(_, told)| *told).count()
    }
}

/// Takes our words off Services of those who are gone. What fails is tried again with the next sweep.
async fn unroute(context: &Context, suspects: &mut HashSet<String>) {
    let before = std::mem::take(suspects);
    for owner in context.view.owners() {
        // Who is no such thing at all was written by somebody else, for ends of their own.
        let Some(name) = Name::read(&owner) else { continue };
        if context.model_deployment(&name).is_some() {
            continue;
        }
        if !before.contains(&owner) {
            suspects.insert(owner);
            continue;
        }
        match leave_others(context, &name, None).await {
            Ok(()) => tracing::info!(owner, "took the weights off the Services of a ModelDeployment that is gone"),
            Err(error) => {
                tracing::warn!(owner, "weights of a ModelDeployment that is gone are still on a Service: {error}");
            }
        }
        // It may have been made anew meanwhile.
        if context.model_deployment(&name).is_none() {
            context.memory.forget(&name);
        }
    }
}

/// Ends the courses of objects that are gone. A decision that was on its way when its object went is waited for, and what it wrote is
/// taken back, also where no watch has told of it yet.
async fn bury(context: &Context) {
    for name in context.memory.departed() {
        if context.model_deployment(&name).is_some() {
            context.memory.is_back(&name);
            continue;
        }
        match leave_others(context, &name, None).await {
            Ok(()) => context.memory.end(&name),
            Err(error) => {
                tracing::warn!(owner = %name, "weights of a ModelDeployment that is gone are still on a Service: {error}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_on_beamlit_is_counted_when_it_was_found_twice_and_told_once() {
        let mut suspects = Suspects::default();
        let orphan = |name: &str, owner: &str| (Key::policy(name), owner.to_owned());
        let told = |suspects: &Suspects| suspects.orphans.values().filter(|(_, told)| *told).count();
        assert_eq!(suspects.take(vec![orphan("a", "team/one"), orphan("b", "team/two")]), 0);
        assert_eq!(told(&suspects), 0);
        assert_eq!(suspects.take(vec![orphan("a", "team/one"), orphan("c", "team/one")]), 1);
        assert_eq!(suspects.take(vec![orphan("a", "team/one"), orphan("b", "team/two"), orphan("c", "team/one")]), 2);
        // Another object's by now.
        assert_eq!(suspects.take(vec![orphan("a", "team/other")]), 0);
        assert_eq!((suspects.take(Vec::new()), suspects.orphans.len()), (0, 0));
    }
}
