//! A pod as it is read: what an HPA would look at, and nothing else.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use serde::Deserialize;

use crate::engine::units::Quantity;
use crate::offload::Time;
use crate::offload::evaluate::{Container, Milli, Phase, Ready, Requests, Role, Status};

/// What is read of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    spec: Spec,
    status: StatusOfPod,
}

/// What a pod has in common with all of its template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) containers: Vec<Container>,
    pub(super) requests: Requests,
    pub(super) overhead: Requests,
}

/// What a pod has for itself.
pub(super) struct Own {
    pub(super) phase: Phase,
    pub(super) ready: Option<Ready>,
    pub(super) started: Option<Time>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    containers: Option<Vec<ContainerOfSpec>>,
    init_containers: Option<Vec<ContainerOfSpec>>,
    resources: Option<Resources>,
    overhead: Option<Quantities>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContainerOfSpec {
    name: String,
    restart_policy: Option<String>,
    resources: Option<Resources>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    requests: Option<Quantities>,
}

type Quantities = BTreeMap<String, String>;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StatusOfPod {
    phase: Option<String>,
    start_time: Option<meta::Time>,
    conditions: Option<Vec<Condition>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Condition {
    r#type: String,
    status: String,
    last_transition_time: Option<meta::Time>,
}

impl Body {
    /// What it has in common with others, and what it has for itself.
    pub(super) fn parts(self) -> (Shape, Own) {
        let Spec { containers, init_containers, resources, overhead } = self.spec;
        let StatusOfPod { phase, start_time, conditions } = self.status;
        let main = containers.into_iter().flatten().map(|container| container.kept(Role::Main));
        let init = init_containers.into_iter().flatten().map(|container| {
            let sidecar = container.restart_policy.as_deref() == Some("Always");
            container.kept(if sidecar { Role::Sidecar } else { Role::Init })
        });
        let shape = Shape {
            containers: main.chain(init).collect(),
            requests: resources.unwrap_or_default().kept(),
            overhead: kept(overhead),
        };
        let ready = conditions.into_iter().flatten().find(|condition| condition.r#type == "Ready");
        let own = Own {
            phase: match phase.as_deref() {
                Some("Pending") => Phase::Pending,
                Some("Running") => Phase::Running,
                Some("Succeeded") => Phase::Succeeded,
                Some("Failed") => Phase::Failed,
                _ => Phase::Unknown,
            },
            ready: ready.map(Condition::ready),
            started: start_time.as_ref().map(time),
        };
        (shape, own)
    }
}

impl ContainerOfSpec {
    fn kept(self, role: Role) -> Container {
        let Self { name, restart_policy: _, resources } = self;
        Container { name, role, requests: resources.unwrap_or_default().kept() }
    }
}

impl Resources {
    fn kept(self) -> Requests {
        kept(self.requests)
    }
}

/// What is requested. The API server admits no quantity that cannot be read.
fn kept(requests: Option<Quantities>) -> Requests {
    let requests = requests.into_iter().flatten();
    requests.filter_map(|(name, quantity)| Some((name, Milli::of(Quantity::parse(&quantity)?)))).collect()
}

impl Condition {
    fn ready(self) -> Ready {
        let status = match self.status.as_str() {
            "True" => Status::True,
            "False" => Status::False,
            _ => Status::Unknown,
        };
        Ready { status, since: self.last_transition_time.as_ref().map(time).unwrap_or_default() }
    }
}

fn time(meta::Time(at): &meta::Time) -> Time {
    Time(at.as_millisecond())
}
