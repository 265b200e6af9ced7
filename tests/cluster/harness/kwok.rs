//! kwok: it plays the kubelets of nodes that are not there, and tells of what their pods use.
//!
//! What it makes of nodes and pods, and which annotations have pods do what, is said in `tests/cluster/simulation/kwok.yaml`.

use std::path::Path;

use serde_json::{Value, json};

use super::certificates::{Authority, Pair};
use super::http::get;
use super::process::{End, Process};
use super::{ControlPlane, Kubectl, free_port, poll, tools};

/// How often a start is tried again with other ports.
const TRIES: usize = 5;

/// The node that pods are on unless a test says otherwise.
pub(crate) const NODE: &str = "simulated";

/// A running kwok, in charge of every node.
pub(crate) struct Kwok {
    process: Process,
    admin: Kubectl,
    /// Where the kubelets answer.
    port: u16,
}

impl Kwok {
    /// Starts it, with a certificate of this authority, and waits until [`NODE`] is ready.
    ///
    /// # Errors
    /// If it cannot be built, or the node does not become ready.
    pub(crate) fn start(plane: &ControlPlane, authority: &Authority) -> Result<Self, String> {
        let program = tools::simulation()?.join("kwok");
        let pair = authority.server("kubelet", &["localhost", "127.0.0.1"])?;
        let mut last = String::new();
        for _ in 0..TRIES {
            let port = free_port()?;
            let command = command(&program, plane.admin().kubeconfig(), &pair, port);
            let process = Process::start(plane.folder(), "kwok", End::Kill, &command)
                .map_err(|error| format!("kwok: {error}"))?;
            let mut kwok = Self { process, admin: plane.admin().clone(), port };
            // A process that ended is a reason to try another port at once, not to wait.
            match kwok.add_node(NODE)? {
                Ok(()) => {
                    kwok.look_at_pods()?;
                    return Ok(kwok);
                }
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    /// Has it keep the pods that it sees, which it does from the first time on that it is asked for the usage of one. If that were
    /// metrics-server's first question, it would know of no pod for ten seconds more.
    fn look_at_pods(&self) -> Result<(), String> {
        let kubectl = self.admin.in_namespace("default");
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "first"},
            "spec": {"nodeName": NODE, "containers": [{"name": "main", "image": "simulated"}]},
        });
        // The namespace has no account yet, without which there are no pods.
        poll("a first pod", || {
            let out = kubectl.feed("apply -f -", &pod.to_string());
            if out.succeeded() { Ok(()) } else { Err(out.to_string()) }
        })?;
        poll("the usage of a first pod", || match get(self.port, &usage_path(NODE))? {
            (200, usage) if usage.contains("pod=\"first\"") => Ok(()),
            seen => Err(format!("{seen:?}")),
        })?;
        kubectl.run("delete pod first --wait=false");
        Ok(())
    }

    /// Has the kubelet of [`NODE`] add up what its pods have used so far: it takes what they use when it is asked for what they have used
    /// since it was asked last, however often that changed meanwhile.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) fn count_usage(&self) -> Result<(), String> {
        match get(self.port, &usage_path(NODE))? {
            (200, _) => Ok(()),
            seen => Err(format!("{seen:?}")),
        }
    }

    /// Makes nodes with these names, labelled `kubernetes.io/hostname`, and waits until they are ready.
    ///
    /// # Errors
    /// If they do not become ready.
    pub(crate) fn add_nodes(&mut self, names: &[&str]) -> Result<(), String> {
        names.iter().try_for_each(|name| self.add_node(name)?)
    }

    fn add_node(&mut self, name: &str) -> Result<Result<(), String>, String> {
        let out = self.admin.feed("apply -f -", &node(name).to_string());
        if !out.succeeded() {
            return Err(out.to_string());
        }
        poll("a simulated node to be ready", || {
            if let Err(why) = self.process.alive() {
                return Ok(Err(why));
            }
            let out = self.admin.run(&format!("wait --for=condition=Ready --timeout=1s node/{name}"));
            if out.succeeded() { Ok(Ok(())) } else { Err(format!("{out}\n{}", self.process.last_words())) }
        })
    }
}

fn usage_path(node: &str) -> String {
    format!("/metrics/nodes/{node}/metrics/resource")
}

fn command(program: &Path, kubeconfig: &Path, pair: &Pair, port: u16) -> Vec<String> {
    let configuration = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/simulation/kwok.yaml");
    vec![
        program.display().to_string(),
        format!("--config={}", configuration.display()),
        format!("--kubeconfig={}", kubeconfig.display()),
        "--manage-all-nodes".into(),
        // Without it no node would be heard of, and pods would lose their readiness after 40 s.
        "--node-lease-duration-seconds=40".into(),
        "--node-ip=127.0.0.1".into(),
        format!("--node-port={port}"),
        format!("--server-address=127.0.0.1:{port}"),
        format!("--tls-cert-file={}", pair.certificate.display()),
        format!("--tls-private-key-file={}", pair.key.display()),
        // Enough for more pods than any test has. Nobody calls there.
        "--cidr=10.128.0.1/12".into(),
    ]
}

fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name},
            "annotations": {"metrics.k8s.io/resource-metrics-path": usage_path(name)},
        },
    })
}
