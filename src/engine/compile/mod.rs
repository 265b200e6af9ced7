//! The compiler: from an admitted object, and what it refers to, to what is to be true of it elsewhere.
//!
//! Pure, total and deterministic: the same object in the same world gives the same plan, byte for byte. What nobody could look up
//! stays open, and so does what does not exist yet.

pub mod beamlit;
mod behavior;
mod blocked;
mod metrics;
pub mod origin;
mod pod_template;
mod resolved;
mod route;
pub mod stamp;

use std::collections::BTreeMap;

use serde::Serialize;

pub use blocked::Blocked;
pub use pod_template::{PodTemplate, REDACTED};
pub use resolved::{NotCompiled, Open, Resolved};
pub use route::Backend;

use crate::api::{
    ModelDeploymentSpec, ModelSourceRef, OffloadAutoscalerSpec, OffloadingConfig, Route, RoutedService, ScaleTargetRef,
};
use crate::engine::finding::rules::{MD003, MD004};
use crate::engine::finding::{Finding, Findings};
use crate::engine::parse::Node;
use crate::engine::subject::Surroundings;
use crate::engine::world::{Name, Workload};

/// What an object comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// When, how much and whereto traffic is sent away; none without `offloadingConfig`.
    pub autoscaler: Option<OffloadAutoscalerSpec>,
    /// What the Service says of it; none without `offloadingConfig`.
    pub routing: Option<Routing>,
    /// The model on Beamlit.
    pub beamlit: beamlit::Model,
    /// Whose backend the traffic goes to; none without `offloadingConfig`.
    #[serde(skip)]
    pub backend: Option<Backend>,
    /// Why nothing may be sent away, whatever the metrics say; each reason once.
    #[serde(skip)]
    pub blocked: Vec<Blocked>,
    /// The findings behind that, also of an object that is disabled.
    #[serde(skip)]
    pub blocked_by: Vec<Finding>,
    /// Whether [`Blocked::PoliciesUnresolved`] is among these only because nobody has read the policies on Beamlit yet: what was decided
    /// while they were known need not be taken back for that.
    #[serde(skip)]
    pub policies_unread: bool,
    /// What stays open, and why.
    #[serde(skip)]
    pub open: Vec<Open>,
}

impl Plan {
    /// Whether another object has its Service, of which it keeps its hands off then.
    #[must_use]
    pub fn service_is_taken(&self) -> bool {
        self.blocked_by.iter().any(|finding| finding.rule == &MD004)
    }

    /// Whether another object has its model on Beamlit.
    #[must_use]
    pub fn model_is_taken(&self) -> bool {
        self.blocked_by.iter().any(|finding| finding.rule == &MD003)
    }
}

/// The annotations of the user's Service, with the weights at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Routing {
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name.
    pub name: String,
    /// Its annotations, of which no other is touched.
    pub annotations: BTreeMap<&'static str, String>,
}

/// The annotations of a Service: the public contract for data planes.
pub mod annotations {
    /// `<namespace>/<name>` of the ModelDeployment that routes the Service.
    pub const MANAGED_BY: &str = "routing.beamlit.com/managed-by";
    /// What stays at home, in percent of the traffic.
    pub const LOCAL_WEIGHT: &str = "routing.beamlit.com/local-weight";
    /// What is sent away, in percent of the traffic; with the former it makes 100.
    pub const REMOTE_WEIGHT: &str = "routing.beamlit.com/remote-weight";
    /// Whereto: `scheme://host[:port]prefix`.
    pub const REMOTE_BACKEND: &str = "routing.beamlit.com/remote-backend";
    /// All of them, which come and go together.
    pub const ALL: [&str; 4] = [MANAGED_BY, LOCAL_WEIGHT, REMOTE_WEIGHT, REMOTE_BACKEND];
}

/// Compiles a ModelDeployment that has its defaults, and was judged with these findings.
///
/// # Errors
/// If it has faults, new or old, other than those that only keep its traffic at home.
pub fn compile<'a>(
    object: &'a Node<'a>,
    surroundings: &Surroundings<'a>,
    findings: &Findings,
) -> Result<Plan, NotCompiled> {
    Resolved::of(object, surroundings, findings).map(plan)
}

/// As [`compile`], of a plan the autoscaler alone; none where nothing is ever sent away.
pub(super) fn autoscaler<'a>(
    object: &'a Node<'a>,
    surroundings: &Surroundings<'a>,
    findings: &Findings,
) -> Option<OffloadAutoscalerSpec> {
    object.find(&["spec", "offloadingConfig"])?;
    let resolved = Resolved::of(object, surroundings, findings).ok()?;
    offload(&resolved).map(|(autoscaler, _)| autoscaler)
}

/// Compiles a Policy that was judged with these findings: the body that Beamlit is sent.
///
/// # Errors
/// If it has faults, new or old.
pub fn compile_policy(
    object: &Node<'_>,
    surroundings: &Surroundings<'_>,
    findings: &Findings,
) -> Result<beamlit::Policy, NotCompiled> {
    let (labels, spec) = resolved::policy(object, findings)?;
    Ok(beamlit::Policy::of(surroundings.name, labels, spec))
}

/// Makes the plan of an object of which everything is known that can be known.
#[must_use]
pub fn plan(resolved: Resolved<'_>) -> Plan {
    let offload = offload(&resolved);
    let Resolved {
        namespace,
        name,
        labels,
        spec,
        serving,
        metric,
        pod_template,
        blocked,
        blocked_by,
        policies_unread,
        mut open,
        configuration: _,
    } = resolved;
    let ModelDeploymentSpec {
        model,
        enabled,
        environment,
        // Of these the autoscaler is made.
        model_source_ref: _,
        service_ref: _,
        offloading_config: _,
        // Its port was resolved, and nothing else of it counts.
        metric_service_ref: _,
        policies,
        serverless_config,
    } = spec;
    if offload.as_ref().is_some_and(|(autoscaler, _)| autoscaler.route.remote.path_prefix.contains(route::WORKSPACE)) {
        open.push(Open::Workspace);
    }
    let beamlit = beamlit::Model::of(beamlit::Parts {
        name: model,
        environment: beamlit::environment(environment),
        labels,
        enabled,
        offloads: enabled && offload.is_some(),
        policies: policies.as_deref().unwrap_or_default(),
        serverless: serverless_config,
        serving_port: serving.of_pods,
        metric_port: metric.of_pods,
        pod_template,
    });
    let (autoscaler, backend) = offload.unzip();
    let routing =
        autoscaler.as_ref().map(|autoscaler| Routing::at_rest(&autoscaler.route, &Name::new(namespace, name)));
    Plan { autoscaler, routing, beamlit, backend, blocked, blocked_by, policies_unread, open }
}

/// The autoscaler, and whose backend its traffic goes to. Without a Service there is no traffic to send: the rules ask for one
/// wherever there is an `offloadingConfig`.
fn offload(resolved: &Resolved<'_>) -> Option<(OffloadAutoscalerSpec, Backend)> {
    let Resolved { namespace, spec, serving, configuration, .. } = resolved;
    let OffloadingConfig { behavior: own, metrics, remote_backend } = spec.offloading_config.as_ref()?;
    let service = spec.service_ref.as_ref()?;
    let environment = beamlit::environment(spec.environment);
    let (remote, backend) = route::remote(remote_backend.as_ref(), &spec.model, environment, configuration);
    let service = resolved::full(namespace, service.namespace.as_deref(), &service.name);
    let (behavior, most) = behavior::behavior(own.as_ref());
    let autoscaler = OffloadAutoscalerSpec {
        scale_target_ref: scale_target(&spec.model_source_ref, namespace),
        min_remote_weight: 0,
        max_remote_weight: most,
        metrics: metrics.iter().map(metrics::metric).collect(),
        behavior,
        route: Route {
            service: RoutedService {
                namespace: service.namespace().to_owned(),
                name: service.name().to_owned(),
                port: serving.of_service.map(i32::from),
            },
            remote,
        },
    };
    Some((autoscaler, backend))
}

fn scale_target(workload: &ModelSourceRef, own: &str) -> ScaleTargetRef {
    let ModelSourceRef {
        api_version,
        kind,
        name,
        namespace,
        // Accepted as parts of an object reference, and not used.
        uid: _,
        resource_version: _,
        field_path: _,
    } = workload;
    let workload = resolved::full(own, namespace.as_deref(), name);
    ScaleTargetRef {
        api_version: api_version.clone().unwrap_or_else(|| "apps/v1".to_owned()),
        kind: kind.clone().unwrap_or_else(|| Workload::Deployment.name().to_owned()),
        namespace: workload.namespace().to_owned(),
        name: workload.name().to_owned(),
    }
}

impl Routing {
    /// All traffic at home, which is where it is until somebody decides otherwise.
    fn at_rest(route: &Route, owner: &Name) -> Self {
        let Route { service: RoutedService { namespace, name, port: _ }, remote } = route;
        Self {
            namespace: namespace.clone(),
            name: name.clone(),
            annotations: BTreeMap::from([
                (annotations::MANAGED_BY, owner.to_string()),
                (annotations::LOCAL_WEIGHT, "100".to_owned()),
                (annotations::REMOTE_WEIGHT, "0".to_owned()),
                (annotations::REMOTE_BACKEND, route::url(remote)),
            ]),
        }
    }
}

#[cfg(test)]
mod tests;
