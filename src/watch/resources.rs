//! What is watched, and by which names the API server knows it.

use kube::api::{ApiResource, GroupVersionKind};

use crate::api::{AUTHORIZATION_GROUP, DEPLOYMENT_GROUP, GATEWAY_GROUP, VERSION};
use crate::engine::world::{Resource, Workload};

/// A resource that is watched in all namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The plural name, for paths, messages and metrics.
    pub name: &'static str,
    /// What it is in a world.
    pub(super) resource: Resource,
    pub(super) group: &'static str,
    /// The versions that can be read, the best first. Of a resource that is always there, one.
    versions: &'static [&'static str],
    kind: &'static str,
    pub(super) needed: Needed,
}

/// What is asked for of each object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needed {
    /// Its spec, of a resource that every cluster with this operator has.
    Spec,
    /// Its spec, of a resource that a cluster may have, and may be given or lose at any time.
    SpecIfServed,
    /// The ports of its pods.
    PodPorts,
    /// That it is there.
    Metadata,
}

impl Watched {
    /// Everything that is watched.
    pub const ALL: [Self; 10] = [
        Self::new("policies", Resource::Policies, AUTHORIZATION_GROUP, &[VERSION], "Policy", Needed::Spec),
        Self::new(
            "modeldeployments",
            Resource::ModelDeployments,
            DEPLOYMENT_GROUP,
            &[VERSION],
            "ModelDeployment",
            Needed::Spec,
        ),
        Self::new("services", Resource::Services, "", &["v1"], "Service", Needed::Spec),
        Self::workload("deployments", Workload::Deployment),
        Self::workload("statefulsets", Workload::StatefulSet),
        Self::workload("daemonsets", Workload::DaemonSet),
        Self::workload("replicasets", Workload::ReplicaSet),
        Self::new(
            "horizontalpodautoscalers",
            Resource::HorizontalPodAutoscalers,
            "autoscaling",
            &["v2"],
            "HorizontalPodAutoscaler",
            Needed::Spec,
        ),
        Self::new(
            "referencegrants",
            Resource::ReferenceGrants,
            GATEWAY_GROUP,
            &["v1", "v1beta1"],
            "ReferenceGrant",
            Needed::SpecIfServed,
        ),
        Self::new("namespaces", Resource::Namespaces, "", &["v1"], "Namespace", Needed::Metadata),
    ];

    const fn new(
        name: &'static str,
        resource: Resource,
        group: &'static str,
        versions: &'static [&'static str],
        kind: &'static str,
        needed: Needed,
    ) -> Self {
        Self { name, resource, group, versions, kind, needed }
    }

    const fn workload(name: &'static str, kind: Workload) -> Self {
        Self::new(name, Resource::Workloads(kind), "apps", &["v1"], kind.name(), Needed::PodPorts)
    }

    /// Whether it only makes for warnings. Without it everything else can be judged.
    pub(super) fn only_advises(self) -> bool {
        self.resource == Resource::HorizontalPodAutoscalers
    }

    /// How the API server knows each version of it, the best first.
    pub(super) fn apis(self) -> impl Iterator<Item = ApiResource> {
        self.versions.iter().map(move |version| {
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(self.group, version, self.kind), self.name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_watched_is_what_a_world_keeps() {
        for watched in Watched::ALL {
            for api in watched.apis() {
                assert_eq!(Resource::of(&api.api_version, &api.kind), Some(watched.resource), "{api:?}");
            }
        }
    }
}
