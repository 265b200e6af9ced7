//! What a plan is made of: the object as a type, and what it refers to as far as anybody knows.

use std::collections::BTreeMap;
use std::fmt;

use super::blocked::Consequence;
use super::{Blocked, PodTemplate, beamlit, route};
use crate::api::{ModelDeploymentSpec, ModelSourceRef, PolicySpec, ServiceRef};
use crate::engine::configuration::{Configuration, EnvironmentPolicy};
use crate::engine::finding::rules::RT016;
use crate::engine::finding::{Finding, Findings, Severity};
use crate::engine::parse::{Misfit, Node};
use crate::engine::subject::Surroundings;
use crate::engine::units::names;
use crate::engine::validate::reached;
use crate::engine::world::{Lookup, Name, Pods, Workload, meant};

/// Everything that a plan is made of.
#[derive(Clone, Debug)]
pub struct Resolved<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) spec: ModelDeploymentSpec,
    /// The ports by which the model is reached, as far as they are known.
    pub(super) serving: Ports,
    /// The ports by which its metrics are reached, as far as they are known.
    pub(super) metric: Ports,
    pub(super) pod_template: Option<PodTemplate>,
    pub(super) blocked: Vec<Blocked>,
    pub(super) blocked_by: Vec<Finding>,
    pub(super) policies_unread: bool,
    pub(super) open: Vec<Open>,
    pub(super) configuration: &'a Configuration,
}

/// A port of a Service and the one of the pods that it leads to, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) of_service: Option<u16>,
    pub(super) of_pods: Option<u16>,
}

/// Why an object cannot be compiled: nobody knows what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct NotCompiled {
    /// The faults, in the order of the findings; those beyond the ones that were kept are not among them.
    pub faults: Vec<Finding>,
}

/// Every fault, in one line.
impl fmt::Display for NotCompiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let and = if index == 0 { "" } else { "; " };
            write!(f, "{and}{fault}")?;
        }
        Ok(())
    }
}

/// A value of a plan that stays open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Open {
    /// The object that it comes from does not exist yet.
    Missing {
        /// The object's kind.
        kind: &'static str,
        /// The object's full name.
        name: Name,
    },
    /// Nobody could look up the object that it comes from, or nobody granted to.
    Unknown {
        /// The object's kind.
        kind: &'static str,
        /// The object's full name.
        name: Name,
    },
    /// A Service leads to a port of the pods by name, and the pods are not known.
    NamedPort {
        /// The Service's full name.
        service: Name,
    },
    /// A Service has no port that is meant, or several.
    Port {
        /// The Service's full name.
        service: Name,
    },
    /// Only the operator's credentials say which workspace it is.
    Workspace,
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { kind, name } => write!(f, "{kind} {name} is not there yet"),
            Self::Unknown { kind, name } => write!(f, "{kind} {name} was not looked up"),
            Self::NamedPort { service } => {
                write!(f, "Service {service} leads to a named port, and which number it has only the pods say")
            }
            Self::Port { service } => write!(f, "nobody can tell which port of Service {service} is meant"),
            Self::Workspace => {
                write!(f, "the workspace ({}) follows from the operator's credentials", route::WORKSPACE)
            }
        }
    }
}

impl<'a> Resolved<'a> {
    /// Resolves a ModelDeployment that has its defaults, and was judged with these findings.
    ///
    /// # Errors
    /// If there are faults, new or old, other than those that only keep traffic at home.
    pub fn of(object: &'a Node<'a>, surroundings: &Surroundings<'a>, findings: &Findings) -> Result<Self, NotCompiled> {
        let (by, blocked_by) = blocked(findings)?;
        let spec = object.get("spec").ok_or(Misfit).and_then(Node::typed::<ModelDeploymentSpec>);
        let spec = spec.map_err(|Misfit| NotCompiled { faults: Vec::new() })?;
        let mut blocked = Vec::new();
        if !spec.enabled {
            blocked.push(Blocked::Disabled);
        }
        blocked.extend(by);
        let mut resolved = Self {
            namespace: surroundings.namespace,
            name: surroundings.name,
            labels: labels(object),
            spec,
            serving: Ports::default(),
            metric: Ports::default(),
            pod_template: None,
            blocked,
            blocked_by,
            policies_unread: false,
            open: Vec::new(),
            configuration: surroundings.configuration,
        };
        resolved.look_up(object, surroundings);
        let unresolved = resolved.blocked.contains(&Blocked::PoliciesUnresolved);
        if resolved.knows_its_policies(object, surroundings) {
            resolved.policies_unread =
                unresolved && !surroundings.world.knows_remote_policies() && only_waits(findings);
        } else if !unresolved {
            resolved.blocked.push(Blocked::PoliciesUnresolved);
        }
        Ok(resolved)
    }

    /// Whether it is known of every Policy of this cluster that applies what it allows. Those of Beamlit Beamlit holds the model to;
    /// beside a backend of one's own, a finding has spoken of them.
    fn knows_its_policies(&self, object: &Node<'_>, surroundings: &Surroundings<'_>) -> bool {
        let known = |name: &Name| matches!(surroundings.world.policy(name), Lookup::Found(Some(_)));
        let listed = object.find(&["spec", "policies"]).map(Node::items).unwrap_or_default();
        let mut own = listed.iter().filter(|node| node.text_of("refType") == Some("localPolicy"));
        let of_environment = self.configuration.policies_of(beamlit::environment(self.spec.environment));
        own.all(|node| reached(node, "Policy", names::dns_subdomain, surroundings).is_some_and(|name| known(&name)))
            && of_environment.iter().all(|policy| match policy {
                EnvironmentPolicy::Local { namespace, name } => known(&Name::new(namespace, name)),
                EnvironmentPolicy::Remote(_) => true,
            })
    }

    fn look_up(&mut self, object: &Node<'_>, surroundings: &Surroundings<'a>) {
        let world = surroundings.world;
        let ModelDeploymentSpec { model_source_ref, service_ref, metric_service_ref, .. } = &self.spec;
        let ModelSourceRef { kind, name, namespace, .. } = model_source_ref;
        let kind = kind.as_deref().and_then(Workload::of).unwrap_or(Workload::Deployment);
        let own = full(surroundings.namespace, namespace.as_deref(), name);
        let reached_by = |field, kind, form| reached(object.find(&["spec", field])?, kind, form, surroundings);
        let workload = reached_by("modelSourceRef", kind.name(), names::dns_subdomain);
        let workload = workload.map_or(Lookup::Unknown, |name| world.workload(kind, &name));
        let pods = found(workload, kind.name(), own).map_err(|open| self.open.push(open)).ok();
        self.pod_template = pods.and_then(|pods| pods.template.clone()).map(PodTemplate::new);
        let ports = |field, service: &ServiceRef| {
            let name = full(surroundings.namespace, service.namespace.as_deref(), &service.name);
            let there = reached_by(field, "Service", names::dns_label);
            let there = there.map_or(Lookup::Unknown, |name| world.service(&name));
            let all = match found(there, "Service", name.clone()) {
                Ok(all) => all,
                Err(open) => return (Ports::default(), Some(open)),
            };
            let wanted = service.target_port.and_then(|port| u16::try_from(port).ok());
            let (of_service, of_pods) = meant(all, wanted, pods.map(|Pods { ports, .. }| ports)).numbers();
            let open = match (of_service, of_pods) {
                (Some(_), Some(_)) => None,
                (None, None) => Some(Open::Port { service: name }),
                _ => Some(Open::NamedPort { service: name }),
            };
            (Ports { of_service, of_pods }, open)
        };
        let serving = service_ref.as_ref().map(|service| ports("serviceRef", service));
        let metric = metric_service_ref.as_ref().map(|service| ports("metricServiceRef", service));
        // Where no Service of its own is named for the metrics, they are served beside the model.
        self.metric = metric.as_ref().or(serving.as_ref()).map_or_else(Ports::default, |(ports, _)| *ports);
        self.serving = serving.as_ref().map_or_else(Ports::default, |(ports, _)| *ports);
        for open in [serving, metric].into_iter().flatten().filter_map(|(_, open)| open) {
            if !self.open.contains(&open) {
                self.open.push(open);
            }
        }
    }
}

/// What was looked for, or what stays open without it.
fn found<T>(it: Lookup<T>, kind: &'static str, name: Name) -> Result<T, Open> {
    match it {
        Lookup::Found(it) => Ok(it),
        Lookup::Missing => Err(Open::Missing { kind, name }),
        Lookup::Unknown => Err(Open::Unknown { kind, name }),
    }
}

/// Resolves a Policy that was judged with these findings, which refers to nothing.
///
/// # Errors
/// If there are faults, new or old.
pub(super) fn policy(
    object: &Node<'_>,
    findings: &Findings,
) -> Result<(BTreeMap<String, String>, PolicySpec), NotCompiled> {
    if !blocked(findings)?.0.is_empty() {
        return Err(NotCompiled { faults: findings.list().to_vec() });
    }
    let spec = object.get("spec").ok_or(Misfit).and_then(Node::typed::<PolicySpec>);
    spec.map(|spec| (labels(object), spec)).map_err(|Misfit| NotCompiled { faults: Vec::new() })
}

/// Whether of all that is said of its policies everything waits for what those on Beamlit allow.
fn only_waits(findings: &Findings) -> bool {
    let of_policies =
        |finding: &&Finding| Consequence::of(finding.rule) == Consequence::Blocks(Blocked::PoliciesUnresolved);
    findings.list().iter().filter(of_policies).all(|finding| *finding.rule == RT016)
}

/// What the faults of an object come to that only keep its traffic at home, each once, and these faults.
fn blocked(findings: &Findings) -> Result<(Vec<Blocked>, Vec<Finding>), NotCompiled> {
    let (mut blocked, mut blocked_by) = (Vec::new(), Vec::new());
    let mut faults = Vec::new();
    for finding in findings.list() {
        match Consequence::of(finding.rule) {
            Consequence::Blocks(by) => {
                if !blocked.contains(&by) {
                    blocked.push(by);
                }
                blocked_by.push(finding.clone());
            }
            Consequence::Fatal => faults.push(finding.clone()),
            Consequence::Opens | Consequence::None => {}
        }
    }
    // Of those that were only counted nobody knows what they are.
    if faults.is_empty() && findings.errors() <= findings.of(Severity::Error).count() {
        Ok((blocked, blocked_by))
    } else {
        Err(NotCompiled { faults })
    }
}

fn labels(object: &Node<'_>) -> BTreeMap<String, String> {
    let labels = object.find(&["metadata", "labels"]).map(Node::members).unwrap_or_default();
    let text = |node: &Node<'_>| node.text().map(ToOwned::to_owned);
    labels.iter().filter_map(|member| Some((member.key.clone().into_owned(), text(&member.value)?))).collect()
}

/// The full name of what a reference names.
pub(super) fn full(own: &str, named: Option<&str>, name: &str) -> Name {
    Name::new(named.filter(|namespace| !namespace.is_empty()).unwrap_or(own), name)
}
