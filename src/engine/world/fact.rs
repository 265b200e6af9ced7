//! What is kept of an object: just what judgements on other objects ask for, read from the object as it is written.

use std::sync::Arc;

use super::autoscaler::Autoscaler;
use super::port::{PodPorts, Port};
use super::{Age, Name};
use crate::api::{AUTHORIZATION_GROUP, DEPLOYMENT_GROUP, GATEWAY_GROUP};
use crate::engine::parse::Node;
use crate::engine::policy::Options;

/// The kinds of objects of which something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Policies of authorization.beamlit.com.
    Policies,
    /// ModelDeployments.
    ModelDeployments,
    /// Services.
    Services,
    /// Workloads of one kind.
    Workloads(Workload),
    /// HorizontalPodAutoscalers.
    HorizontalPodAutoscalers,
    /// ReferenceGrants of gateway.networking.k8s.io.
    ReferenceGrants,
    /// Namespaces.
    Namespaces,
}

/// A kind of workload of `apps/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Workload {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A ReplicaSet.
    ReplicaSet,
}

impl Workload {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Deployment, Self::StatefulSet, Self::DaemonSet, Self::ReplicaSet];

    /// The kind's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::ReplicaSet => "ReplicaSet",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Resource {
    /// The resource of an object's `apiVersion` and `kind`, if something is kept of it.
    #[must_use]
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        match (group, version, kind) {
            (AUTHORIZATION_GROUP, crate::api::VERSION, "Policy") => Some(Self::Policies),
            (DEPLOYMENT_GROUP, crate::api::VERSION, "ModelDeployment") => Some(Self::ModelDeployments),
            ("", "v1", "Service") => Some(Self::Services),
            ("", "v1", "Namespace") => Some(Self::Namespaces),
            ("apps", "v1", kind) => Workload::of(kind).map(Self::Workloads),
            ("autoscaling", "v1" | "v2", "HorizontalPodAutoscaler") => Some(Self::HorizontalPodAutoscalers),
            (GATEWAY_GROUP, "v1" | "v1beta1", "ReferenceGrant") => Some(Self::ReferenceGrants),
            _ => None,
        }
    }
}

/// One object as other objects see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A Policy and what it allows; nothing inside if it is of no type that there is.
    Policy(Name, Option<Options>),
    /// A ModelDeployment.
    ModelDeployment(Name, Deployment),
    /// A Service and its TCP ports.
    Service(Name, Vec<Port>),
    /// A workload and its pods.
    Workload(Workload, Name, Pods),
    /// A HorizontalPodAutoscaler.
    HorizontalPodAutoscaler(Name, Autoscaler),
    /// A ReferenceGrant.
    ReferenceGrant(Name, Grant),
    /// A namespace.
    Namespace(String),
}

/// What a ModelDeployment lays claim to, and what it depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployment {
    /// The environment and the model in it.
    pub(super) model: Option<Name>,
    /// The Service whose traffic it routes.
    pub(super) service: Option<Name>,
    /// The local policies that it names, each once.
    pub(super) policies: Vec<Name>,
    /// Since when it has been there.
    pub(super) age: Age,
}

/// The pods of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    /// The ports that they name.
    pub ports: PodPorts,
    /// The whole of their template, which files have, and the gate does not keep. None if it is not all JSON.
    pub template: Option<Arc<serde_json::Value>>,
}

/// What ModelDeployments of other namespaces may refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The namespaces of the ModelDeployments.
    from: Vec<String>,
    /// The objects: group, kind and name, or every name.
    to: Vec<(String, String, Option<String>)>,
}

impl Grant {
    /// Everything that it allows, where it stands in this namespace.
    pub(super) fn allowances(&self, namespace: &str) -> impl Iterator<Item = Allowance> {
        self.from.iter().flat_map(move |from| {
            self.to.iter().map(move |(group, kind, name)| Allowance::new(from, group, kind, namespace, name.as_deref()))
        })
    }
}

/// That ModelDeployments of one namespace may refer to one object of another, or to every object of a kind there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Allowance(Box<str>);

impl Allowance {
    /// None of the parts can have a line break, but for those of a grant that nobody could use.
    pub(super) fn new(from: &str, group: &str, kind: &str, namespace: &str, name: Option<&str>) -> Self {
        let (every, name) = name.map_or(("*", ""), |name| ("", name));
        Self([from, group, kind, namespace, every, name].join("\n").into())
    }
}

impl Fact {
    /// What is kept of an object, which stands in `namespace` if it names none itself. None without a name.
    #[must_use]
    pub fn of(resource: Resource, object: &Node<'_>, namespace: &str) -> Option<Self> {
        let metadata = object.get("metadata")?;
        let name = metadata.text_of("name").filter(|name| !name.is_empty())?;
        let namespace = metadata.text_of("namespace").filter(|namespace| !namespace.is_empty()).unwrap_or(namespace);
        let (full, spec) = (Name::new(namespace, name), object.get("spec"));
        Some(match resource {
            Resource::Policies => Self::Policy(full, spec.and_then(Options::of)),
            Resource::ModelDeployments => {
                let is = spec.map(|spec| deployment(spec, namespace)).unwrap_or_default();
                Self::ModelDeployment(full, Deployment { age: Age::of(object), ..is })
            }
            Resource::Services => Self::Service(full, spec.map(Port::all).unwrap_or_default()),
            Resource::Workloads(kind) => {
                let ports = spec.map(PodPorts::of).unwrap_or_default();
                Self::Workload(kind, full, Pods { ports, template: None })
            }
            Resource::HorizontalPodAutoscalers => {
                let autoscaler = spec.map(|spec| Autoscaler::of(spec, namespace)).unwrap_or_default();
                Self::HorizontalPodAutoscaler(full, autoscaler)
            }
            Resource::ReferenceGrants => Self::ReferenceGrant(full, spec.map(grant).unwrap_or_default()),
            Resource::Namespaces => Self::Namespace(name.to_owned()),
        })
    }

    /// As [`Fact::of`], with the whole template of a workload's pods.
    #[must_use]
    pub fn of_file(resource: Resource, object: &Node<'_>, namespace: &str) -> Option<Self> {
        let mut fact = Self::of(resource, object, namespace)?;
        if let Self::Workload(_, _, pods) = &mut fact {
            pods.template = object.find(&["spec", "template"]).and_then(Node::json).map(Arc::new);
        }
        Some(fact)
    }
}

fn deployment(spec: &Node<'_>, namespace: &str) -> Deployment {
    let full = |node: &Node<'_>| {
        let name = node.text_of("name").filter(|name| !name.is_empty())?;
        Some(Name::new(node.text_of("namespace").unwrap_or(namespace), name))
    };
    let environment = spec.text_of("environment").unwrap_or("production");
    let model = spec.text_of("model").filter(|model| !model.is_empty());
    let local = |node: &&Node<'_>| node.text_of("refType") == Some("localPolicy");
    let listed = spec.get("policies").map(Node::items).unwrap_or_default();
    let mut policies: Vec<Name> = listed.iter().filter(local).filter_map(full).collect();
    policies.sort_unstable();
    policies.dedup();
    Deployment {
        model: model.map(|model| Name::new(environment, model)),
        service: spec.get("serviceRef").and_then(full),
        policies,
        age: Age::default(),
    }
}

fn grant(spec: &Node<'_>) -> Grant {
    let items = |list: &str| spec.get(list).map(Node::items).unwrap_or_default().iter();
    let ours = |node: &&Node<'_>| {
        node.text_of("group") == Some(DEPLOYMENT_GROUP) && node.text_of("kind") == Some("ModelDeployment")
    };
    let from = items("from").filter(ours).filter_map(|node| node.text_of("namespace")).map(ToOwned::to_owned);
    let to = items("to").filter_map(|node| {
        // A field of the wrong type grants nothing, as nobody knows what was meant.
        let text = |field: &str| match node.get(field) {
            None => Some(""),
            Some(node) => node.text(),
        };
        let (group, kind, name) = (text("group")?, node.text_of("kind")?, text("name")?);
        Some((group.to_owned(), kind.to_owned(), Some(name.to_owned()).filter(|name| !name.is_empty())))
    });
    Grant { from: from.collect(), to: to.collect() }
}
