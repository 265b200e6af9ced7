//! The workload's pods, as far as the HPA looks at them, and what they request of a resource.

use std::collections::BTreeMap;

use super::milli::Sum;
use super::{Fault, Milli};
use crate::offload::Time;

/// The workload that a metric is read for.
#[derive(Clone, Copy, Debug)]
pub struct Workload<'a> {
    /// Every pod that its selector matches.
    pub pods: &'a [Pod],
    /// `status.replicas`: what the average value of Object and External metrics is over.
    pub replicas: u32,
}

/// One pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.name`
    pub name: String,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `status.phase`
    pub phase: Phase,
    /// The condition Ready, if there is one.
    pub ready: Option<Ready>,
    /// `status.startTime`
    pub started: Option<Time>,
    /// The containers, with those that initialise the pod.
    pub containers: Vec<Container>,
    /// `spec.resources.requests`: what the pod requests as a whole.
    pub requests: Requests,
    /// `spec.overhead`
    pub overhead: Requests,
}

/// How much is requested, by resource.
pub type Requests = BTreeMap<String, Milli>;

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
    Unknown,
}

/// The condition Ready of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Its status.
    pub status: Status,
    /// `lastTransitionTime`
    pub since: Time,
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Status {
    True,
    False,
    Unknown,
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// When it runs.
    pub role: Role,
    /// `resources.requests`
    pub requests: Requests,
}

/// When a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// As long as the pod: one of `containers`.
    Main,
    /// Before these, and to its end: one of `initContainers`.
    Init,
    /// Before and beside these: one of `initContainers` with `restartPolicy: Always`.
    Sidecar,
}

impl Pod {
    /// What the pod requests of a resource, or one of its containers. A named container passes over the requests of the pod as a whole.
    pub(super) fn request(&self, resource: &str, container: Option<&str>) -> Result<Sum, Fault> {
        match container {
            Some(container) => self.of_container(resource, container),
            None if self.requests.keys().any(|name| counts_for_pods(name)) => self.of_pod(resource),
            None => self.lasting().map(|container| self.of(resource, container)).collect(),
        }
    }

    fn of_container(&self, resource: &str, name: &str) -> Result<Sum, Fault> {
        let container = self.lasting().find(|container| container.name == name);
        let container =
            container.ok_or_else(|| Fault::NoContainer { container: name.into(), pod: self.name.clone() })?;
        Ok(Sum(self.of(resource, container)?.wide()))
    }

    fn of(&self, resource: &str, container: &Container) -> Result<Milli, Fault> {
        container.requests.get(resource).copied().ok_or_else(|| Fault::NoRequest {
            resource: resource.into(),
            container: container.name.clone(),
            pod: self.name.clone(),
        })
    }

    /// The containers that run as long as the pod does.
    fn lasting(&self) -> impl Iterator<Item = &Container> {
        let of = |role: Role| self.containers.iter().filter(move |container| container.role == role);
        of(Role::Main).chain(of(Role::Sidecar))
    }

    /// What a pod with requests of its own is scheduled by (KEP-2837): of a resource that it does not request as a whole, the most that
    /// its containers request at a time. Its overhead is part of that.
    fn of_pod(&self, resource: &str) -> Result<Sum, Fault> {
        let own = self.requests.get(resource).filter(|_| counts_for_pods(resource)).map(|milli| milli.wide());
        let request = own.or_else(|| self.most(resource));
        let overhead = self.overhead.get(resource).map(|milli| milli.wide());
        match (request, overhead) {
            (None, None) => Err(Fault::NoPodRequest { resource: resource.into(), pod: self.name.clone() }),
            (request, overhead) => Ok(Sum(request.unwrap_or_default().saturating_add(overhead.unwrap_or_default()))),
        }
    }

    /// The most that the containers request at a time: while one of them initialises the pod (KEP-753), or after; none if none requests
    /// anything.
    fn most(&self, resource: &str) -> Option<i128> {
        let of = |container: &Container| container.requests.get(resource).map(|milli| milli.wide());
        let mut after: Option<i128> = None;
        let (mut beside, mut during): (i128, Option<i128>) = (0, None);
        for container in &self.containers {
            let Some(milli) = of(container) else { continue };
            if container.role != Role::Init {
                after = Some(after.unwrap_or_default().saturating_add(milli));
            }
            match container.role {
                Role::Main => {}
                Role::Init => during = during.max(Some(beside.saturating_add(milli))),
                Role::Sidecar => beside = beside.saturating_add(milli),
            }
        }
        after.max(during)
    }
}

/// Whether a pod can request a resource as a whole.
fn counts_for_pods(resource: &str) -> bool {
    resource == "cpu" || resource == "memory" || resource.starts_with("hugepages-")
}
