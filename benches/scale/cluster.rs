//! A cluster that grows to thousands of ModelDeployments, each with a workload, pods, a Service and its EndpointSlice.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use hyper::Request;
use k8s_openapi::jiff::{Span, Timestamp};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::harness::certificates::Authority;
use super::harness::kwok::Kwok;
use super::harness::metrics_api::{MetricsApi, Sample};
use super::harness::metrics_server::MetricsServer;
use super::harness::operator::account;
use super::harness::workload::{from_the_beginning, manifest};
use super::harness::{ControlPlane, Kubectl, poll};

/// Between how many namespaces, and simulated nodes, everything is shared out.
const NAMESPACES: usize = 100;
const NODES: usize = 10;

/// How many requests are under way at once while it is filled.
const CONCURRENCY: usize = 32;

/// How long the controllers may take to follow.
const PATIENCE: Duration = Duration::from_secs(1800);

/// What controllers may ask: a real cluster's would have hours.
const FAST: [&str; 4] = [
    "--kube-api-qps=1000",
    "--kube-api-burst=2000",
    "--concurrent-replicaset-syncs=20",
    "--concurrent-service-endpoint-syncs=20",
];

/// Where pods come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pods {
    /// From the controllers; kwok runs them, and metrics-server says what they use.
    Simulated,
    /// They are written, and the tests' own metrics.k8s.io says what they use.
    Written,
}

/// The cluster.
///
/// The fields are dropped in this order: what is registered before what it is registered with.
pub(crate) struct Cluster {
    metrics: Option<MetricsApi>,
    _metrics_server: Option<MetricsServer>,
    _kwok: Option<Kwok>,
    operator: Kubectl,
    authority: Authority,
    plane: ControlPlane,
    client: Client,
    runtime: Runtime,
    of: Pods,
    pods: usize,
    models: usize,
}

impl Cluster {
    /// Starts it, with nothing in it: each model is going to have so many pods.
    ///
    /// # Errors
    /// If something does not come up.
    pub(crate) fn start(of: Pods, pods: usize) -> Result<Self, String> {
        // What writes pods writes them as their controllers would; but for these, nobody has anything to do.
        let few = "--controllers=namespace-controller,serviceaccount-controller,endpointslice-controller";
        let flags: Vec<&str> = FAST.into_iter().chain((of == Pods::Written).then_some(few)).collect();
        let plane = ControlPlane::with_controllers(&flags)?;
        let authority = Authority::new(plane.folder().path(), "webhook-authority")?;
        let (mut kwok, mut metrics_server, mut metrics) = (None, None, None);
        match of {
            Pods::Simulated => {
                let names: Vec<String> = (0..NODES).map(node).collect();
                let mut nodes = Kwok::start(&plane, &authority)?;
                nodes.add_nodes(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
                kwok = Some(nodes);
                metrics_server = Some(MetricsServer::start(&plane, &authority)?);
            }
            Pods::Written => metrics = Some(MetricsApi::start(plane.admin(), &authority, &MetricsApi::RESOURCE)?),
        }
        let operator = account(&plane);
        let runtime = Runtime::new().map_err(|error| error.to_string())?;
        let client = runtime.block_on(client(plane.admin().kubeconfig()))?;
        let cluster = Self {
            metrics,
            _metrics_server: metrics_server,
            _kwok: kwok,
            operator,
            authority,
            plane,
            client,
            runtime,
            of,
            pods,
            models: 0,
        };
        let named = |name: String| json!({"metadata": {"name": name}});
        let namespaces = (0..NAMESPACES).map(|index| ("/api/v1/namespaces".to_owned(), named(namespace(index))));
        cluster.send("POST", namespaces.collect())?;
        if of == Pods::Written {
            // No pod is an endpoint whose node is not there.
            let nodes = (0..NODES).map(|index| ("/api/v1/nodes".to_owned(), named(node(index))));
            cluster.send("POST", nodes.collect())?;
        }
        // Without its account a namespace takes no pods.
        poll("the accounts of the namespaces", || {
            let accounts = cluster.plane.admin().ok("get serviceaccounts --all-namespaces --no-headers");
            let there = accounts.lines().filter(|line| line.starts_with("scale-")).count();
            if there == NAMESPACES { Ok(()) } else { Err(format!("{there}")) }
        })?;
        Ok(cluster)
    }

    /// The control plane.
    pub(crate) const fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// Who signs for the webhook.
    pub(crate) const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// As whom the operator comes.
    pub(crate) fn operator(&self) -> &Path {
        self.operator.kubeconfig()
    }

    /// How many ModelDeployments there are.
    pub(crate) const fn models(&self) -> usize {
        self.models
    }

    /// How many pods there are.
    pub(crate) const fn pods(&self) -> usize {
        self.models * self.pods
    }

    /// The flags with which an operator has these credentials for Beamlit.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(crate) fn credentials(&self, (id, secret): (&str, &str), url: &str) -> Result<[String; 2], String> {
        let folder = self.plane.folder().path().join("credentials");
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text);
        std::fs::create_dir_all(&folder)
            .and_then(|()| write("clientId", id))
            .and_then(|()| write("clientSecret", secret))
            .map_err(|error| error.to_string())?;
        Ok([format!("--beamlit-url={url}"), format!("--beamlit-credentials={}", folder.display())])
    }

    /// Has it have so many ModelDeployments, and waits until whatever belongs to them is there.
    ///
    /// # Errors
    /// If something is refused, or never comes.
    pub(crate) fn grow(&mut self, models: usize) -> Result<(), String> {
        let new = self.models..models;
        eprintln!("bench-scale: {} more ModelDeployments …", new.len());
        let each = |make: &dyn Fn(usize) -> (String, Value)| new.clone().map(make).collect::<Vec<_>>();
        let deployment =
            |model| (format!("/apis/apps/v1/namespaces/{}/deployments", namespace(model)), self.workload(model));
        let service = |model| (format!("/api/v1/namespaces/{}/services", namespace(model)), service(model));
        let group = "/apis/deployment.beamlit.com/v1alpha1/namespaces";
        let model_deployment =
            |model| (format!("{group}/{}/modeldeployments", namespace(model)), model_deployment(model));
        self.send("POST", each(&deployment))?;
        if self.of == Pods::Written {
            let pods = || new.clone().flat_map(|model| (0..self.pods).map(move |pod| (model, pod)));
            let path = |model| format!("/api/v1/namespaces/{}/pods", namespace(model));
            self.send("POST", pods().map(|(model, number)| (path(model), pod(model, number))).collect())?;
            let status = |(model, number)| (format!("{}/{}/status", path(model), pod_name(model, number)), ready(true));
            self.send("PATCH", pods().map(status).collect())?;
        }
        self.send("POST", each(&service))?;
        self.models = models;
        self.tell(|_| 500);
        self.wait_for("endpointslices", self.models)?;
        if self.of == Pods::Simulated {
            self.wait_for("pods --field-selector=status.phase=Running", self.pods())?;
            self.wait_for_samples()?;
        }
        self.send("POST", each(&model_deployment))
    }

    /// Waits until there are at least so many in the namespaces of this.
    fn wait_for(&self, what: &str, many: usize) -> Result<(), String> {
        self.wait(what, || {
            let list = self.plane.admin().ok(&format!("get {what} --all-namespaces --no-headers"));
            (list.lines().filter(|line| line.starts_with("scale-")).count(), many)
        })
    }

    fn wait_for_samples(&self) -> Result<(), String> {
        self.wait("samples", || {
            let list = self.plane.admin().run("get --raw /apis/metrics.k8s.io/v1beta1/pods").stdout;
            (list.matches("\"scale-").count(), self.pods())
        })
    }

    fn wait(&self, what: &str, mut look: impl FnMut() -> (usize, usize)) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let (there, wanted) = look();
            if there >= wanted {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("gave up waiting for {what}: {there} of {wanted}"));
            }
            thread::sleep(Duration::from_secs(1));
        }
    }

    /// Has every pod of a model use so many thousandths of a core.
    fn tell(&self, of: impl Fn(usize) -> u32) {
        let Some(metrics) = &self.metrics else { return };
        for model in 0..self.models {
            let value = format!("{}m", of(model));
            for number in 0..self.pods {
                let sample = Sample::container(&pod_name(model, number), &[], "main", "cpu", &value);
                metrics.set(&namespace(model), sample);
            }
        }
    }

    /// Does something while what the pods use rises and falls: each by a fifth of its target, every 15 s.
    ///
    /// # Errors
    /// If the thread that does so ends badly.
    pub(crate) fn while_moving<T>(&self, act: impl FnOnce() -> T) -> Result<T, String> {
        let ends = AtomicBool::new(false);
        thread::scope(|scope| {
            let moves = scope.spawn(|| {
                let mut up = true;
                while !ends.load(Ordering::Relaxed) {
                    self.tell(|model| if (model % 2 == 0) == up { 400 } else { 600 });
                    up = !up;
                    for _ in 0..150 {
                        if !ends.load(Ordering::Relaxed) {
                            thread::sleep(Duration::from_millis(100));
                        }
                    }
                }
            });
            let done = act();
            ends.store(true, Ordering::Relaxed);
            moves.join().map_err(|_| "the load does not move any more".to_owned())?;
            Ok(done)
        })
    }

    /// How long it takes, from the moment in which the pods of a model are being written as not ready, until its Service sends everything
    /// away: the median of some models, one after the other.
    ///
    /// # Errors
    /// If it never does.
    pub(crate) fn fail_over(&self, models: usize) -> Result<Duration, String> {
        let mut times = Vec::new();
        for model in 0..models {
            let path =
                |number| format!("/api/v1/namespaces/{}/pods/{}/status", namespace(model), pod_name(model, number));
            let write = |is| self.send("PATCH", (0..self.pods).map(|number| (path(number), ready(is))).collect());
            let began = Instant::now();
            write(false)?;
            self.wait_for_weight(model, "100")?;
            times.push(began.elapsed());
            write(true)?;
        }
        times.sort();
        times.get(times.len() / 2).copied().ok_or_else(|| "nothing was tried".to_owned())
    }

    fn wait_for_weight(&self, model: usize, weight: &str) -> Result<(), String> {
        let path = format!("/api/v1/namespaces/{}/services/{}", namespace(model), name(model));
        let began = Instant::now();
        loop {
            let request = Request::get(&path).body(Vec::new()).map_err(|error| error.to_string())?;
            let service: Value =
                self.runtime.block_on(self.client.request(request)).map_err(|error| error.to_string())?;
            if service["metadata"]["annotations"]["routing.beamlit.com/remote-weight"] == weight {
                return Ok(());
            }
            if began.elapsed() > Duration::from_secs(60) {
                return Err(format!("the weight of {path} is never {weight}: {}", service["metadata"]));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends all of these, many at once.
    fn send(&self, method: &str, all: Vec<(String, Value)>) -> Result<(), String> {
        let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let send = |(path, body): (String, Value)| async move {
            let request = Request::builder()
                .method(method)
                .uri(&path)
                .header("content-type", content_type)
                .body(body.to_string().into_bytes())
                .map_err(|error| error.to_string())?;
            self.client.request_text(request).await.map(drop).map_err(|error| format!("{path}: {error}"))
        };
        let sent = futures::stream::iter(all.into_iter().map(send)).buffer_unordered(CONCURRENCY);
        self.runtime.block_on(sent.try_collect())
    }

    /// The Deployment of a model.
    fn workload(&self, model: usize) -> Value {
        let replicas = u32::try_from(self.pods).unwrap_or(u32::MAX);
        let mut workload = from_the_beginning(manifest("Deployment", &name(model), replicas), &[("cpu", "500m")]);
        workload["spec"]["template"]["spec"]["nodeName"] = node(model % NODES).into();
        workload
    }
}

async fn client(kubeconfig: &Path) -> Result<Client, String> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).map_err(|error| error.to_string())?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    config
        .map_err(|error| error.to_string())
        .and_then(|config| Client::try_from(config).map_err(|error| error.to_string()))
}

fn namespace(model: usize) -> String {
    format!("scale-{}", model % NAMESPACES)
}

fn node(index: usize) -> String {
    format!("node-{index}")
}

fn name(model: usize) -> String {
    format!("model-{model}")
}

fn pod_name(model: usize, number: usize) -> String {
    format!("{}-{number}", name(model))
}

/// A pod as the Deployment would have it.
fn pod(model: usize, number: usize) -> Value {
    let mut pod = manifest("Deployment", &name(model), 1)["spec"]["template"].take();
    pod["metadata"]["name"] = pod_name(model, number).into();
    pod["spec"]["nodeName"] = node(model % NODES).into();
    pod
}

/// The status of a pod that has run for an hour.
fn ready(is: bool) -> Value {
    let now = Timestamp::now();
    let since = now.checked_sub(Span::new().hours(1)).unwrap_or(now).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let status = if is { "True" } else { "False" };
    let condition = |type_: &str| json!({"type": type_, "status": status, "lastTransitionTime": since});
    json!({"status": {
        "phase": "Running",
        "startTime": since,
        "podIP": "192.0.2.1",
        "podIPs": [{"ip": "192.0.2.1"}],
        "conditions": [condition("Ready"), condition("ContainersReady")],
        "containerStatuses": [{"name": "main", "image": "simulated", "imageID": "", "ready": is, "restartCount": 0,
            "state": {"running": {"startedAt": since}}}],
    }})
}

fn service(model: usize) -> Value {
    json!({"metadata": {"name": name(model)},
        "spec": {"selector": {"app": name(model)}, "ports": [{"port": 80, "targetPort": "http"}]}})
}

fn model_deployment(model: usize) -> Value {
    let cpu = json!({"type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}}});
    json!({
        "apiVersion": "deployment.beamlit.com/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name(model)},
        "spec": {
            "model": name(model),
            "modelSourceRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name(model)},
            "serviceRef": {"name": name(model)},
            "offloadingConfig": {
                "metrics": [cpu],
                "behavior": {"percentage": 50},
                "remoteBackend": {"scheme": "https", "host": format!("{}.example", name(model))},
            },
        },
    })
}
