//! What the judge knows of other objects: an index over facts, from files or from what an API server tells.
//!
//! A world is a value: a copy costs next to nothing and shares its content, so that every judgement has one that does not
//! change under it, while whoever keeps it up to date changes another copy.

mod age;
mod autoscaler;
mod by_namespace;
mod fact;
mod name;
mod port;
mod remote;

use std::hash::Hash;
use std::sync::Arc;

use rpds::{HashTrieMapSync, HashTrieSetSync, RedBlackTreeSetSync};

use super::policy::Options;
use crate::api::AUTHORIZATION_GROUP;
pub use age::{Age, Others};
pub use autoscaler::{Autoscaler, Metric};
use by_namespace::ByNamespace;

use fact::Allowance;
pub use fact::{Deployment, Fact, Grant, Pods, Resource, Workload};
pub use name::Name;
pub use port::{Meant, PodPorts, Port, Target, meant};
pub use remote::RemotePolicy;

/// What came of looking for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It is there.
    Found(T),
    /// Somebody looked, and it is not there.
    Missing,
    /// Nobody could look.
    Unknown,
}

/// Of which objects everything is known: what is not among them is missing. Of all others it is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Complete {
    policies: bool,
    services: bool,
    workloads: bool,
    grants: bool,
}

/// Names by what they lay claim to, in order: of many that claim the same the first are looked at, and these are always the same.
type Index<K = Name> = HashTrieMapSync<K, RedBlackTreeSetSync<Name>>;

/// At how many names of an index a judgement looks.
const MAX_LOOKED_AT: usize = 1000;

/// Everything that is known of other objects.
#[derive(Clone, Debug, Default)]
pub struct World {
    complete: Complete,
    policies: ByNamespace<Option<Arc<Options>>>,
    /// All policies on Beamlit; none if nobody could list them.
    remote_policies: Option<HashTrieMapSync<Arc<str>, Arc<RemotePolicy>>>,
    deployments: HashTrieMapSync<Name, Arc<Deployment>>,
    services: HashTrieMapSync<Name, Arc<[Port]>>,
    workloads: Workloads,
    autoscalers: HashTrieMapSync<Name, Arc<Autoscaler>>,
    grants: HashTrieMapSync<Name, Arc<Grant>>,
    /// What the grants allow, and how many of them do.
    allowed: HashTrieMapSync<Allowance, usize>,
    namespaces: HashTrieSetSync<Arc<str>>,
    /// Who serves a model of an environment.
    by_model: Index,
    /// Who routes a Service.
    by_service: Index,
    /// Who names a local policy.
    by_policy: Index,
    /// What scales a workload.
    by_workload: Index<(Workload, Name)>,
}

impl World {
    /// A world of which nothing is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self::default()
    }

    /// A world of files, still empty: a policy or a grant that is in none of them is missing, and what else is in none of
    /// them may be in the cluster.
    #[must_use]
    pub fn of_files() -> Self {
        Self { complete: Complete { policies: true, grants: true, ..Complete::default() }, ..Self::default() }
    }

    /// A world of a cluster, still empty: what is not in it is missing.
    #[must_use]
    pub fn of_cluster() -> Self {
        let complete = Complete { policies: true, services: true, workloads: true, grants: true };
        Self { complete, ..Self::default() }
    }

    /// Whether this is known already, and putting it changes nothing.
    #[must_use]
    pub fn knows(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Policy(name, options) => {
                self.policies.get(name).is_some_and(|known| known.as_deref() == options.as_ref())
            }
            Fact::ModelDeployment(name, is) => self.deployments.get(name).is_some_and(|known| **known == *is),
            Fact::Service(name, ports) => self.services.get(name).is_some_and(|known| **known == **ports),
            Fact::Workload(kind, name, is) => self.workloads.of(*kind).get(name).is_some_and(|known| **known == *is),
            Fact::HorizontalPodAutoscaler(name, is) => self.autoscalers.get(name).is_some_and(|known| **known == *is),
            Fact::ReferenceGrant(name, is) => self.grants.get(name).is_some_and(|known| **known == *is),
            Fact::Namespace(name) => self.namespaces.contains(name.as_str()),
        }
    }

    /// Takes in a fact, in the place of what was known of the same object.
    pub fn put(&mut self, fact: Fact) {
        match fact {
            Fact::Policy(name, options) => self.policies.insert(name, options.map(Arc::new)),
            Fact::ModelDeployment(name, deployment) => {
                self.forget_deployment(&name);
                self.index(&name, &deployment, |set, name| set.insert_mut(name));
                self.deployments.insert_mut(name, Arc::new(deployment));
            }
            Fact::Service(name, ports) => self.services.insert_mut(name, ports.into()),
            Fact::Workload(kind, name, pods) => self.workloads.of_mut(kind).insert_mut(name, Arc::new(pods)),
            Fact::HorizontalPodAutoscaler(name, autoscaler) => {
                self.forget_autoscaler(&name);
                if let Some(target) = &autoscaler.target {
                    reindex(&mut self.by_workload, target, |set| set.insert_mut(name.clone()));
                }
                self.autoscalers.insert_mut(name, Arc::new(autoscaler));
            }
            Fact::ReferenceGrant(name, grant) => {
                self.forget_grant(&name);
                for allowance in grant.allowances(name.namespace()) {
                    let times = self.allowed.get(&allowance).copied().unwrap_or_default();
                    self.allowed.insert_mut(allowance, times + 1);
                }
                self.grants.insert_mut(name, Arc::new(grant));
            }
            Fact::Namespace(name) => self.namespaces.insert_mut(name.into()),
        }
    }

    /// Forgets an object. A namespace is known by a name without a namespace.
    pub fn remove(&mut self, resource: Resource, name: &Name) {
        match resource {
            Resource::Policies => self.policies.remove(name),
            Resource::ModelDeployments => self.forget_deployment(name),
            Resource::Services => _ = self.services.remove_mut(name),
            Resource::Workloads(kind) => _ = self.workloads.of_mut(kind).remove_mut(name),
            Resource::HorizontalPodAutoscalers => self.forget_autoscaler(name),
            Resource::ReferenceGrants => self.forget_grant(name),
            Resource::Namespaces => _ = self.namespaces.remove_mut(name.name()),
        }
    }

    /// Forgets every object of a resource, and takes in these.
    pub fn replace(&mut self, resource: Resource, facts: impl IntoIterator<Item = Fact>) {
        match resource {
            Resource::Policies => self.policies = ByNamespace::default(),
            Resource::ModelDeployments => {
                self.deployments = HashTrieMapSync::default();
                self.by_model = HashTrieMapSync::default();
                self.by_service = HashTrieMapSync::default();
                self.by_policy = HashTrieMapSync::default();
            }
            Resource::Services => self.services = HashTrieMapSync::default(),
            Resource::Workloads(kind) => *self.workloads.of_mut(kind) = HashTrieMapSync::default(),
            Resource::HorizontalPodAutoscalers => {
                self.autoscalers = HashTrieMapSync::default();
                self.by_workload = HashTrieMapSync::default();
            }
            Resource::ReferenceGrants => {
                self.grants = HashTrieMapSync::default();
                self.allowed = HashTrieMapSync::default();
            }
            Resource::Namespaces => self.namespaces = HashTrieSetSync::default(),
        }
        facts.into_iter().for_each(|fact| self.put(fact));
    }

    fn forget_deployment(&mut self, name: &Name) {
        if let Some(before) = self.deployments.get(name).cloned() {
            self.index(name, &before, |set, name| _ = set.remove_mut(&name));
            self.deployments.remove_mut(name);
        }
    }

    fn forget_autoscaler(&mut self, name: &Name) {
        let Some(before) = self.autoscalers.get(name).cloned() else { return };
        if let Some(target) = &before.target {
            reindex(&mut self.by_workload, target, |set| _ = set.remove_mut(name));
        }
        self.autoscalers.remove_mut(name);
    }

    fn forget_grant(&mut self, name: &Name) {
        let Some(before) = self.grants.get(name).cloned() else { return };
        for allowance in before.allowances(name.namespace()) {
            match self.allowed.get(&allowance) {
                Some(times) if *times > 1 => self.allowed.insert_mut(allowance, *times - 1),
                _ => _ = self.allowed.remove_mut(&allowance),
            }
        }
        self.grants.remove_mut(name);
    }

    /// Changes every set of an index in which the object belongs.
    fn index(&mut self, name: &Name, deployment: &Deployment, change: impl Fn(&mut RedBlackTreeSetSync<Name>, Name)) {
        let Deployment { model, service, policies, age: _ } = deployment;
        let Self { by_model, by_service, by_policy, .. } = self;
        let each = |index: &mut Index, key: &Name| reindex(index, key, |set| change(set, name.clone()));
        if let Some(model) = model {
            each(by_model, model);
        }
        if let Some(service) = service {
            each(by_service, service);
        }
        for policy in policies {
            each(by_policy, policy);
        }
    }

    /// What a local policy allows; none inside if it is of no type that there is.
    #[must_use]
    pub fn policy(&self, name: &Name) -> Lookup<Option<&Options>> {
        found(self.policies.get(name).map(Option::as_deref), self.complete.policies)
    }

    /// Takes these for all policies that there are on Beamlit.
    pub fn put_remote_policies<'p>(&mut self, all: impl IntoIterator<Item = (&'p String, &'p RemotePolicy)>) {
        let all = all.into_iter().map(|(name, policy)| (name.as_str().into(), Arc::new(policy.clone())));
        self.remote_policies = Some(all.collect());
    }

    /// Whether anybody has listed the policies on Beamlit.
    #[must_use]
    pub const fn knows_remote_policies(&self) -> bool {
        self.remote_policies.is_some()
    }

    /// What a policy on Beamlit says.
    #[must_use]
    pub fn remote_policy(&self, name: &str) -> Lookup<&RemotePolicy> {
        let Some(all) = &self.remote_policies else { return Lookup::Unknown };
        found(all.get(name).map(AsRef::as_ref), true)
    }

    /// The policies of a namespace.
    pub fn policies_in(&self, namespace: &str) -> impl Iterator<Item = &Name> {
        self.policies.of(namespace).map(|(name, _)| name)
    }

    /// The ports of a Service.
    #[must_use]
    pub fn service(&self, name: &Name) -> Lookup<&[Port]> {
        found(self.services.get(name).map(AsRef::as_ref), self.complete.services)
    }

    /// The pods of a workload.
    #[must_use]
    pub fn workload(&self, kind: Workload, name: &Name) -> Lookup<&Pods> {
        found(self.workloads.of(kind).get(name).map(AsRef::as_ref), self.complete.workloads)
    }

    /// The HorizontalPodAutoscalers of a workload, in order.
    pub fn autoscalers_of<'w>(
        &'w self,
        kind: Workload,
        name: &Name,
    ) -> impl Iterator<Item = (&'w Name, &'w Autoscaler)> + use<'w> {
        let all = self.by_workload.get(&(kind, name.clone())).into_iter().flat_map(RedBlackTreeSetSync::iter);
        all.take(MAX_LOOKED_AT).filter_map(|name| Some((name, self.autoscalers.get(name)?.as_ref())))
    }

    /// Whether a ModelDeployment of the namespace `from` may refer to this object: a ReferenceGrant beside the object says so.
    #[must_use]
    pub fn granted(&self, from: &str, group: &str, kind: &str, to: &Name) -> Lookup<()> {
        let allows =
            |name: Option<&str>| self.allowed.contains_key(&Allowance::new(from, group, kind, to.namespace(), name));
        let there = allows(Some(to.name())) || allows(None);
        found(there.then_some(()), self.complete.grants)
    }

    /// Whether there is surely a namespace of that name.
    #[must_use]
    pub fn has_namespace(&self, name: &str) -> bool {
        self.namespaces.contains(name)
    }

    /// One of the other ModelDeployments that serve this model in this environment: the first of its own namespace, or else of all.
    #[must_use]
    pub fn with_model(&self, environment: &str, model: &str, own: &Name, others: Others) -> Option<&Name> {
        self.other(&self.by_model, &Name::new(environment, model), own, others, |_| true)
    }

    /// One of the other ModelDeployments that route this Service. One of another namespace without a grant lays no claim.
    #[must_use]
    pub fn with_service(&self, service: &Name, own: &Name, others: Others) -> Option<&Name> {
        let reaches = |name: &Name| self.reaches(name.namespace(), "", "Service", service);
        self.other(&self.by_service, service, own, others, reaches)
    }

    fn other<'w>(
        &'w self,
        index: &'w Index,
        key: &Name,
        own: &Name,
        others: Others,
        counts: impl Fn(&Name) -> bool,
    ) -> Option<&'w Name> {
        let set = index.get(key)?;
        let (first, most) = match others {
            Others::All => (None, MAX_LOOKED_AT),
            // Among those that are left out there could be the one that counts. Whoever came late finds one before it soon.
            Others::Before(age) => (Some(age), usize::MAX),
        };
        let in_the_way = |name: &Name| first.is_none_or(|age| (self.age(name), name) < (age, own));
        let first_of_namespace = Name::new(own.namespace(), "");
        let near = set.range(first_of_namespace..).take_while(|name| name.namespace() == own.namespace());
        let mut all = near.take(most).chain(set.iter().take(most));
        all.find(|name| *name != own && in_the_way(name) && counts(name))
    }

    fn age(&self, of: &Name) -> Age {
        self.deployments.get(of).map_or_else(Age::default, |deployment| deployment.age)
    }

    /// Whether a ModelDeployment claims a Service, and may.
    #[must_use]
    pub fn claims_service(&self, service: &Name, name: &Name) -> bool {
        let claims = self.by_service.get(service).is_some_and(|all| all.contains(name));
        claims && self.reaches(name.namespace(), "", "Service", service)
    }

    /// Whether two ModelDeployments both claim a Service, and the first was there before the other.
    #[must_use]
    pub fn has_service_before(&self, service: &Name, first: &Name, other: &Name) -> bool {
        let claim = [first, other].iter().all(|name| self.claims_service(service, name));
        claim && (self.age(first), first) < (self.age(other), other)
    }

    /// The other ModelDeployments that claim what this one does, its model or its Service; perhaps more than once.
    pub fn rivals<'w>(&'w self, of: &'w Name) -> impl Iterator<Item = &'w Name> {
        let claims =
            self.deployments.get(of).map(|deployment| (deployment.model.as_ref(), deployment.service.as_ref()));
        let (model, service) = claims.unwrap_or_default();
        let model = model.and_then(|model| self.by_model.get(model));
        let service = service.and_then(|service| self.by_service.get(service));
        let all = model.into_iter().chain(service).flat_map(|all| all.iter().take(MAX_LOOKED_AT));
        all.filter(move |name| *name != of)
    }

    /// The ModelDeployments that name a local policy, and may.
    pub fn with_policy<'w>(&'w self, policy: &'w Name) -> impl Iterator<Item = &'w Name> {
        let all = self.by_policy.get(policy).into_iter().flat_map(RedBlackTreeSetSync::iter);
        all.filter(move |name| self.reaches(name.namespace(), AUTHORIZATION_GROUP, "Policy", policy))
    }

    /// The ModelDeployments of other namespaces that name a local policy of this one, whether they may or not.
    pub fn with_policies_of<'w>(&'w self, namespace: &'w str) -> impl Iterator<Item = &'w Name> {
        let named = self.by_policy.iter().filter(move |(policy, _)| policy.namespace() == namespace);
        named.flat_map(|(_, all)| all.iter()).filter(move |name| name.namespace() != namespace)
    }

    fn reaches(&self, from: &str, group: &str, kind: &str, to: &Name) -> bool {
        from == to.namespace() || matches!(self.granted(from, group, kind, to), Lookup::Found(()))
    }

    /// How many objects of a resource are known.
    #[must_use]
    pub fn count(&self, resource: Resource) -> usize {
        match resource {
            Resource::Policies => self.policies.count(),
            Resource::ModelDeployments => self.deployments.size(),
            Resource::Services => self.services.size(),
            Resource::Workloads(kind) => self.workloads.of(kind).size(),
            Resource::HorizontalPodAutoscalers => self.autoscalers.size(),
            Resource::ReferenceGrants => self.grants.size(),
            Resource::Namespaces => self.namespaces.size(),
        }
    }
}

/// Changes the set under a key. One that is empty goes.
fn reindex<K: Clone + Eq + Hash>(index: &mut Index<K>, key: &K, change: impl FnOnce(&mut RedBlackTreeSetSync<Name>)) {
    let mut set = index.get(key).cloned().unwrap_or_default();
    change(&mut set);
    if set.is_empty() {
        index.remove_mut(key);
    } else {
        index.insert_mut(key.clone(), set);
    }
}

/// The workloads by kind.
#[derive(Clone, Debug, Default)]
struct Workloads {
    deployments: HashTrieMapSync<Name, Arc<Pods>>,
    stateful_sets: HashTrieMapSync<Name, Arc<Pods>>,
    daemon_sets: HashTrieMapSync<Name, Arc<Pods>>,
    replica_sets: HashTrieMapSync<Name, Arc<Pods>>,
}

impl Workloads {
    fn of(&self, kind: Workload) -> &HashTrieMapSync<Name, Arc<Pods>> {
        match kind {
            Workload::Deployment => &self.deployments,
            Workload::StatefulSet => &self.stateful_sets,
            Workload::DaemonSet => &self.daemon_sets,
            Workload::ReplicaSet => &self.replica_sets,
        }
    }

    fn of_mut(&mut self, kind: Workload) -> &mut HashTrieMapSync<Name, Arc<Pods>> {
        match kind {
            Workload::Deployment => &mut self.deployments,
            Workload::StatefulSet => &mut self.stateful_sets,
            Workload::DaemonSet => &mut self.daemon_sets,
            Workload::ReplicaSet => &mut self.replica_sets,
        }
    }
}

fn found<T>(it: Option<T>, complete: bool) -> Lookup<T> {
    match it {
        Some(it) => Lookup::Found(it),
        None if complete => Lookup::Missing,
        None => Lookup::Unknown,
    }
}

#[cfg(test)]
mod tests;
