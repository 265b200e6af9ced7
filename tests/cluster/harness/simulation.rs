//! A control plane whose pods run, as far as anybody can tell: kwok plays the kubelets, metrics-server asks them, and a small server
//! of the tests has the metrics that metrics-server does not.

use super::certificates::Authority;
use super::kwok::Kwok;
use super::metrics_api::MetricsApi;
use super::metrics_server::MetricsServer;
use super::{ControlPlane, Kubectl};

/// How often the real HorizontalPodAutoscalers look, instead of every 15 s. What they see in a look is the same.
const AUTOSCALERS: &str = "--horizontal-pod-autoscaler-sync-period=2s";

/// Everything that gives pods and metrics, on a control plane of its own.
///
/// The fields are dropped in this order: what is registered before the control plane that it is registered with.
pub(crate) struct Simulation {
    metrics: MetricsApi,
    _metrics_server: MetricsServer,
    kwok: Kwok,
    plane: ControlPlane,
}

impl Simulation {
    /// Starts all of it, with as many nodes as [`NODES`] has. The first samples of metrics-server are there after about 20 s more.
    ///
    /// # Errors
    /// If a tool cannot be had, or something does not come up.
    pub(crate) fn start() -> Result<Self, String> {
        let plane = ControlPlane::with_controllers(&[AUTOSCALERS])?;
        let authority = Authority::new(plane.folder().path(), "simulation-authority")?;
        let mut kwok = Kwok::start(&plane, &authority)?;
        kwok.add_nodes(&NODES)?;
        let metrics_server = MetricsServer::start(&plane, &authority)?;
        let metrics = MetricsApi::start(plane.admin(), &authority, &MetricsApi::CUSTOM_AND_EXTERNAL)?;
        Ok(Self { metrics, _metrics_server: metrics_server, kwok, plane })
    }

    /// The control plane.
    pub(crate) fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// Has the kubelet of [`super::kwok::NODE`] count what its pods have used so far, at what they use now. It counts when it is asked, so
    /// this comes before they use something else, or a sample has the new usage from its beginning on.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) fn ask_kubelets(&self) -> Result<(), String> {
        self.kwok.count_usage()
    }

    /// What custom.metrics.k8s.io and external.metrics.k8s.io say. A test sets it for the namespaces that are its own.
    pub(crate) fn metrics(&self) -> &MetricsApi {
        &self.metrics
    }

    /// A new namespace, and kubectl as the administrator in it.
    ///
    /// # Panics
    /// If there is one of this name already.
    #[track_caller]
    pub(crate) fn namespace(&self, name: &str) -> Kubectl {
        self.plane.namespace(name)
    }
}

/// The nodes beside [`super::kwok::NODE`], for DaemonSets.
pub(crate) const NODES: [&str; 2] = ["simulated-1", "simulated-2"];
