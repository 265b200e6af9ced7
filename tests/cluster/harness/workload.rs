//! A workload whose pods kwok plays: what they use and whether they are ready is what a test says.

use serde_json::{Value, json};

use super::kwok::NODE;
use super::{Kubectl, poll};

/// Before the names of the annotations that `tests/cluster/simulation/kwok.yaml` reads.
const PREFIX: &str = "simulated.beamlit.com/";

/// A Deployment, ReplicaSet, StatefulSet or DaemonSet of this name, for [`Workload::create`]. Its pods have one container, `main`,
/// with a port `http` and requests of a CPU and a GiB, and are on [`NODE`]; the labels are `app: NAME`.
///
/// There is no scheduler: a DaemonSet, whose pods know where they belong, has one on each of [`super::simulation::NODES`].
pub(crate) fn manifest(kind: &str, name: &str, replicas: u32) -> Value {
    let labels = json!({"app": name});
    let container = json!({
        "name": "main",
        "image": "simulated",
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    });
    let mut manifest = json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": {}},
                "spec": {"nodeName": NODE, "containers": [container]},
            },
        },
    });
    match kind {
        "DaemonSet" => {
            let pod = &mut manifest["spec"]["template"]["spec"];
            pod["nodeName"] = Value::Null;
            let beside = json!([{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": [NODE]}]);
            pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
                json!({"nodeSelectorTerms": [{"matchExpressions": beside}]});
        }
        "StatefulSet" => {
            manifest["spec"]["podManagementPolicy"] = "Parallel".into();
            manifest["spec"]["replicas"] = replicas.into();
        }
        _ => manifest["spec"]["replicas"] = replicas.into(),
    }
    manifest
}

/// Sets what a pod of this workload does from its beginning, such as `cpu` to `250m`; [`Workload::set`] changes it later.
pub(crate) fn from_the_beginning(mut manifest: Value, settings: &[(&str, &str)]) -> Value {
    for (name, value) in settings {
        manifest["spec"]["template"]["metadata"]["annotations"][format!("{PREFIX}{name}")] = (*value).into();
    }
    manifest
}

/// A workload that is there.
pub(crate) struct Workload {
    kubectl: Kubectl,
    kind: String,
    name: String,
}

impl Workload {
    /// Creates it and waits until its pods are: `pods` of them, on a node.
    ///
    /// # Panics
    /// If it is refused, or they do not come.
    #[track_caller]
    pub(crate) fn create(kubectl: &Kubectl, manifest: &Value, pods: usize) -> Self {
        kubectl.apply(&manifest.to_string());
        let text = |field: &Value| field.as_str().expect("a workload has kind and name").to_owned();
        let workload =
            Self { kubectl: kubectl.clone(), kind: text(&manifest["kind"]), name: text(&manifest["metadata"]["name"]) };
        workload.wait_for(pods);
        workload
    }

    /// Waits until it has this many pods, each where it belongs and as far as it is to come.
    ///
    /// # Panics
    /// If it never does.
    #[track_caller]
    pub(crate) fn wait_for(&self, pods: usize) {
        poll("the pods of a workload", || {
            let all = self.pods();
            all.iter().filter(|pod| pod["spec"]["nodeName"].is_null()).try_for_each(|pod| self.bind(pod))?;
            let wanted = |pod: &&Value| match &pod["metadata"]["annotations"][format!("{PREFIX}phase")] {
                Value::String(phase) => pod["status"]["phase"] == **phase,
                _ => pod["status"]["phase"] == "Running",
            };
            let there = all.iter().filter(wanted).count();
            if there == pods && all.len() == pods { Ok(()) } else { Err(format!("{there} of {} pods", all.len())) }
        })
        .unwrap();
    }

    /// Puts a pod of a DaemonSet on the node that it asks for, which is the scheduler's work.
    fn bind(&self, pod: &Value) -> Result<(), String> {
        let required = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        let node = &required["nodeSelectorTerms"][0]["matchFields"][0]["values"][0];
        let pod = pod["metadata"]["name"].as_str().unwrap_or_default();
        let target = json!({"apiVersion": "v1", "kind": "Node", "name": node});
        let binding =
            json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": target}).to_string();
        let path = format!("/api/v1/namespaces/{}/pods/{pod}/binding", self.kubectl.namespace);
        let out = self.kubectl.call(&["create", "--raw", &path, "--filename", "-"], &binding);
        if out.succeeded() { Ok(()) } else { Err(out.to_string()) }
    }

    /// Its pods as they are, by name.
    #[track_caller]
    pub(crate) fn pods(&self) -> Vec<Value> {
        let mut list = self.kubectl.get(&format!("pods --selector app={}", self.name));
        list["items"].as_array_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The names of its pods, in order.
    #[track_caller]
    pub(crate) fn pod_names(&self) -> Vec<String> {
        self.pods().iter().filter_map(|pod| pod["metadata"]["name"].as_str()).map(str::to_owned).collect()
    }

    /// Has all its pods do something, such as `cpu` 250m: see `tests/cluster/simulation/kwok.yaml`.
    #[track_caller]
    pub(crate) fn set(&self, name: &str, value: &str) {
        self.kubectl.ok(&format!("annotate pods --overwrite --selector app={} {PREFIX}{name}={value}", self.name));
    }

    /// Has one of its pods do something.
    #[track_caller]
    pub(crate) fn set_pod(&self, pod: &str, name: &str, value: &str) {
        self.kubectl.ok(&format!("annotate pod {pod} --overwrite {PREFIX}{name}={value}"));
    }

    /// Has one of its pods do several things at once.
    #[track_caller]
    pub(crate) fn set_all_of_pod(&self, pod: &str, settings: &[(&str, String)]) {
        let settings: Vec<String> = settings.iter().map(|(name, value)| format!("{PREFIX}{name}={value}")).collect();
        self.kubectl.ok(&format!("annotate pod {pod} --overwrite {}", settings.join(" ")));
    }

    /// Makes all its pods unready, or ready again.
    #[track_caller]
    pub(crate) fn set_ready(&self, ready: bool) {
        self.set("ready", if ready { "true" } else { "false" });
    }

    /// Has it have another number of pods, and waits for them.
    #[track_caller]
    pub(crate) fn scale(&self, replicas: u32) {
        self.kubectl.ok(&format!("scale {} {} --replicas={replicas}", self.kind, self.name));
        self.wait_for(replicas as usize);
    }

    /// Has it have no pods at all, and waits until those that were are gone.
    #[track_caller]
    pub(crate) fn scale_down_to_nothing(&self) {
        self.kubectl.ok("delete pods --wait=false --field-selector status.phase=Failed");
        self.scale(0);
    }

    /// Makes a Service of the same name that selects its pods: port 80 to `http`.
    #[track_caller]
    pub(crate) fn expose(&self) {
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": self.name},
            "spec": {"selector": {"app": self.name}, "ports": [{"port": 80, "targetPort": "http"}]},
        });
        self.kubectl.apply(&service.to_string());
    }

    /// How many endpoints of its Service are (ready, not), as the EndpointSlices have it.
    #[track_caller]
    pub(crate) fn endpoints(&self) -> (usize, usize) {
        let slices = self.kubectl.get(&format!("endpointslices --selector kubernetes.io/service-name={}", self.name));
        let endpoints = slices["items"].as_array().into_iter().flatten();
        let endpoints = endpoints.flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten());
        let (ready, not): (Vec<_>, Vec<_>) = endpoints.partition(|endpoint| endpoint["conditions"]["ready"] == true);
        (ready.len(), not.len())
    }

    /// Puts a real HorizontalPodAutoscaler of the same name beside it, or changes the one that is there: it has these metrics and leaves
    /// the number of pods alone. A second one would be one too many: neither looks at a metric then (`AmbiguousSelector`).
    #[track_caller]
    pub(crate) fn autoscaler(&self, metrics: &Value) {
        let replicas = self.pods().len();
        let autoscaler = json!({
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": self.name},
            "spec": {
                "minReplicas": replicas,
                "maxReplicas": replicas,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": self.kind, "name": self.name},
                "metrics": metrics,
            },
        });
        self.kubectl.apply(&autoscaler.to_string());
    }
}
