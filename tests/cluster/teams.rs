//! Teams with a namespace each, what they have in it, and a platform that bounds what they may do.

use serde_json::{Value, json};

use crate::harness::kubectl::Output;
use crate::harness::{ControlPlane, Gate, Kubectl, poll};

/// What the operator of [`crate::governed`] is configured to: the environment `development` is bounded by a Policy of the platform's,
/// and three backends are known.
pub(crate) const CONFIGURATION: &str = "
apiVersion: config.beamlit.com/v1alpha1
kind: OperatorConfiguration
environments:
  development:
    policies:
      - {refType: localPolicy, namespace: platform, name: north-america}
backends:
  - {host: '*.eu.example.com', continent: eu}
  - {host: de.models.example.com, country: de, flavors: [{type: gpu, name: t4}]}
  - {host: us.models.example.com, country: us, flavors: [{type: cpu, name: x86}]}
";

/// Starts the operator under [`CONFIGURATION`] on this control plane, with the Policy that it names.
///
/// # Errors
/// If the operator does not come up or is never asked.
pub(crate) fn govern(plane: &ControlPlane) -> Result<Gate, String> {
    let platform = Team::new(plane, "platform");
    platform.kubectl.apply(&locations("north-america", &[("continent", "na")]).to_string());
    let file = plane.folder().path().join("operator-configuration.yaml");
    std::fs::write(&file, CONFIGURATION).map_err(|error| format!("{}: {error}", file.display()))?;
    Gate::configured(plane, &file)
}

/// A namespace of this name with what the manifests in `tests/cluster/manifests` refer to, and what an operator that judges there
/// knows of already: nobody is told of anything that is missing. There are Deployments and Services `my-model` and
/// `my-model-with-policies`, and a Service `my-other-model`.
#[track_caller]
pub(crate) fn furnished(plane: &ControlPlane, namespace: &str) -> Kubectl {
    let kubectl = plane.namespace(namespace);
    let names = ["my-model", "my-model-with-policies"];
    let mut around: Vec<Value> = names.iter().flat_map(|name| [workload(name), service(name, &[8080])]).collect();
    around.push(service("my-other-model", &[8080]));
    kubectl.apply(&list(&around.iter().collect::<Vec<_>>()));
    // The last of each kind: who knows of these knows of those before.
    let probe = json!({
        "apiVersion": "deployment.beamlit.com/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "probe"},
        "spec": {
            "model": format!("probe-of-{namespace}"),
            "modelSourceRef": {"name": "my-model-with-policies"},
            "serviceRef": {"name": "my-other-model", "targetPort": 8080},
        },
    });
    poll("the operator to know what is there", || {
        admitted(&kubectl.feed("create --dry-run=server -f -", &probe.to_string()))
    })
    .unwrap();
    kubectl
}

/// A manifest with a model of this namespace's own, because a model is served once in the whole cluster.
pub(crate) fn own(manifest: &str, namespace: &str) -> String {
    let changed = manifest.replacen("\n  model: ", &format!("\n  model: {namespace}-"), 1);
    assert_ne!(changed, manifest, "it names no model");
    changed
}

/// A team: its namespace, with kubectl in it.
pub(crate) struct Team {
    pub(crate) kubectl: Kubectl,
    pub(crate) name: String,
}

impl Team {
    /// A namespace of this name, with a Deployment `app` in it.
    #[track_caller]
    pub(crate) fn new(plane: &ControlPlane, name: &str) -> Self {
        let team = Self { kubectl: plane.namespace(name), name: name.to_owned() };
        team.kubectl.apply(&workload("app").to_string());
        team
    }

    /// A ModelDeployment of this name, which is not stored, and its Service, which is. It hosts `app`, and no other has its model.
    #[track_caller]
    pub(crate) fn model(&self, name: &str) -> Value {
        self.kubectl.apply(&service(name, &[8080]).to_string());
        json!({
            "apiVersion": "deployment.beamlit.com/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": {
                "model": format!("{name}-of-{}", self.name),
                "modelSourceRef": {"name": "app"},
                "serviceRef": {"name": name, "targetPort": 8080},
            },
        })
    }

    /// As [`Team::model`], with these local policies, and a backend if it is named.
    #[track_caller]
    pub(crate) fn bounded(&self, name: &str, policies: &[&str], host: Option<&str>) -> Value {
        let mut model = self.model(name);
        let policies = policies.iter().map(|name| json!({"refType": "localPolicy", "name": name}));
        model["spec"]["policies"] = policies.collect();
        if let Some(host) = host {
            model["spec"]["offloadingConfig"] = json!({"remoteBackend": {"host": host, "scheme": "https"}});
        }
        model
    }

    /// What would become of an object if it were applied.
    pub(crate) fn tried(&self, object: &Value) -> Output {
        self.kubectl.feed("apply --dry-run=server -f -", &object.to_string())
    }

    /// Applies an object.
    pub(crate) fn apply(&self, object: &Value) -> Output {
        self.kubectl.feed("apply -f -", &object.to_string())
    }

    /// Tries an object again and again until what comes of it holds: the operator hears of a change a moment after kubectl has
    /// made it.
    #[track_caller]
    pub(crate) fn soon(&self, object: &Value, holds: impl Fn(&Output) -> Result<(), String>) {
        poll("the change to be seen", || holds(&self.tried(object))).unwrap();
    }

    /// Changes an object by a merge patch.
    pub(crate) fn merge(&self, what: &str, patch: &Value) -> Output {
        let (kind, name) = what.split_once(' ').expect("KIND NAME");
        self.kubectl.call(&["patch", kind, name, "--type=merge", "--patch", &patch.to_string()], "")
    }
}

/// A Policy that allows these places.
pub(crate) fn locations(name: &str, places: &[(&str, &str)]) -> Value {
    let list: Vec<Value> = places.iter().map(|(kind, name)| json!({"type": kind, "name": name})).collect();
    policy(name, &json!({"type": "location", "locations": list}))
}

/// A Policy that allows this hardware.
pub(crate) fn flavors(name: &str, flavors: &[(&str, &str)]) -> Value {
    let list: Vec<Value> = flavors.iter().map(|(kind, name)| json!({"type": kind, "name": name})).collect();
    policy(name, &json!({"type": "flavor", "flavors": list}))
}

fn policy(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "authorization.beamlit.com/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": spec,
    })
}

/// A Service with these ports.
pub(crate) fn service(name: &str, ports: &[u16]) -> Value {
    let ports: Vec<Value> = ports.iter().map(|port| json!({"name": format!("p{port}"), "port": port})).collect();
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": ports}})
}

/// A Deployment, of which no pod runs.
pub(crate) fn workload(name: &str) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "app.invalid/app"}]},
            },
        },
    })
}

/// Several objects as one document.
pub(crate) fn list(items: &[&Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// Admitted, and nothing said of it.
pub(crate) fn admitted(out: &Output) -> Result<(), String> {
    if out.succeeded() && !out.stderr.contains("Warning:") { Ok(()) } else { Err(out.to_string()) }
}

/// Admitted, with a warning that has this code and these words.
pub(crate) fn warned(code: &str, words: &[&str]) -> impl Fn(&Output) -> Result<(), String> {
    move |out| if out.succeeded() { told(out, "Warning:", code, words) } else { Err(out.to_string()) }
}

/// Refused for a fault that has this code and these words.
pub(crate) fn refused(code: &str, words: &[&str]) -> impl Fn(&Output) -> Result<(), String> {
    move |out| if out.succeeded() { Err(out.to_string()) } else { told(out, "", code, words) }
}

/// Whether one line of what kubectl printed has all of that.
fn told(out: &Output, start: &str, code: &str, words: &[&str]) -> Result<(), String> {
    let code = format!("[{code}]");
    let found = out
        .stderr
        .lines()
        .any(|line| line.starts_with(start) && line.contains(&code) && words.iter().all(|word| line.contains(word)));
    if found { Ok(()) } else { Err(format!("no {code} with {words:?}: {out}")) }
}
