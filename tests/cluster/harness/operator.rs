//! The operator's own binary as a process, and the shipped webhook configurations that lead to it.

use std::path::Path;

use base64::Engine as _;
use serde_json::{Value, json};

use super::certificates::Authority;
use super::http::get;
use super::process::{End, Process};
use super::{ControlPlane, Kubectl, free_port, poll};

/// The Service that the shipped configurations name.
pub(crate) const SERVICE: &str = "beamlit-operator-webhook";
pub(crate) const NAMESPACE: &str = "beamlit-system";

/// The shipped configurations, in `webhook-config/`.
const FILES: [&str; 2] = ["mutating.yaml", "validating.yaml"];

/// How often a start is tried again with other ports.
const TRIES: usize = 5;

/// The name by which the API server calls.
pub(crate) fn dns_name() -> String {
    format!("{SERVICE}.{NAMESPACE}.svc")
}

/// The environment variables by which a process sees another time of day, such as `+700d`. Its timers go as ever.
///
/// # Panics
/// If Debian's package `faketime` is not installed.
#[allow(dead_code, reason = "the demo has no use for it")]
pub(crate) fn clock(offset: &str) -> [String; 3] {
    let library = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"]
        .map(|folder| format!("{folder}/faketime/libfaketime.so.1"))
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("this test needs the package faketime");
    [format!("LD_PRELOAD={library}"), format!("FAKETIME={offset}"), "DONT_FAKE_MONOTONIC=1".to_owned()]
}

/// A running operator.
pub(crate) struct Operator {
    process: Process,
    /// Where it answers reviews.
    pub(crate) port: u16,
    /// Where it answers probes and serves its metrics.
    pub(crate) plain_port: u16,
}

impl Operator {
    /// Starts `beamlit-operator serve` with a certificate of this authority and waits until it is ready.
    ///
    /// # Errors
    /// If it does not become ready.
    pub(crate) fn start(plane: &ControlPlane, authority: &Authority) -> Result<Self, String> {
        // It may watch everything: which rights it needs is tests/cluster/rights.rs's business.
        Self::from_files(plane, "operator", plane.admin().kubeconfig(), authority, &[])
    }

    /// Starts a replica under this name with a certificate of this authority, as whoever this kubeconfig says, and waits until it
    /// is ready.
    ///
    /// # Errors
    /// If it does not become ready.
    pub(crate) fn from_files(
        plane: &ControlPlane,
        name: &str,
        kubeconfig: &Path,
        authority: &Authority,
        flags: &[String],
    ) -> Result<Self, String> {
        Self::from_files_at(plane, name, kubeconfig, authority, flags, &[])
    }

    /// As [`Operator::from_files`], with further environment variables, such as those of [`clock`].
    ///
    /// # Errors
    /// If it does not become ready.
    pub(crate) fn from_files_at(
        plane: &ControlPlane,
        name: &str,
        kubeconfig: &Path,
        authority: &Authority,
        flags: &[String],
        further: &[String],
    ) -> Result<Self, String> {
        let pair = authority.server(name, &[&dns_name(), "localhost", "127.0.0.1"])?;
        let mut environment = vec![format!("KUBECONFIG={}", kubeconfig.display())];
        environment.extend(further.iter().cloned());
        let mut all =
            vec![format!("--tls-cert={}", pair.certificate.display()), format!("--tls-key={}", pair.key.display())];
        all.extend(flags.iter().cloned());
        Self::launch(plane, name, &environment, &all)
    }

    /// Starts a replica under this name that manages its certificates itself, as whoever this kubeconfig says, and waits
    /// until it is ready.
    ///
    /// # Errors
    /// If it does not become ready.
    pub(crate) fn self_managed(
        plane: &ControlPlane,
        name: &str,
        kubeconfig: &Path,
        flags: &[&str],
    ) -> Result<Self, String> {
        let environment = [format!("KUBECONFIG={}", kubeconfig.display())];
        let mut all = vec!["--tls-self-managed".to_owned()];
        all.extend(flags.iter().map(|&flag| flag.to_owned()));
        Self::launch(plane, name, &environment, &all)
    }

    /// Starts a replica under this name, with these environment variables (`NAME=VALUE`) and flags, and waits until it is
    /// ready.
    ///
    /// # Errors
    /// If it does not become ready.
    pub(crate) fn launch(
        plane: &ControlPlane,
        name: &str,
        environment: &[String],
        flags: &[String],
    ) -> Result<Self, String> {
        let mut last = String::new();
        for _ in 0..TRIES {
            let (port, plain_port) = (free_port()?, free_port()?);
            let mut command = vec!["/usr/bin/env".to_owned()];
            command.extend(environment.iter().cloned());
            command.extend([
                env!("CARGO_BIN_EXE_beamlit-operator").to_owned(),
                "serve".into(),
                format!("--listen=127.0.0.1:{port}"),
                format!("--health-listen=127.0.0.1:{plain_port}"),
            ]);
            if !flags.iter().any(|flag| flag.starts_with("--shutdown-delay")) {
                // No load balancer has to notice that it goes.
                command.push("--shutdown-delay=0s".into());
            }
            if !flags.iter().any(|flag| flag.starts_with("--reconcile")) {
                // Tests of the gate look at what is stored, and nobody is to change that.
                command.push("--reconcile=false".into());
            }
            command.extend(flags.iter().cloned());
            let process = Process::start(plane.folder(), name, End::Terminate, &command)
                .map_err(|error| format!("{name}: {error}"))?;
            let mut operator = Self { process, port, plain_port };
            // A process that ended is a reason to try other ports at once, not to wait.
            let ready = poll("the operator to be ready", || {
                if let Err(why) = operator.process.alive() {
                    return Ok(Err(why));
                }
                match operator.ask("/readyz") {
                    Ok((200, _)) => Ok(Ok(())),
                    Ok((status, body)) => Err(format!("/readyz: {status} {body}")),
                    Err(error) => Err(format!("{error}\n{}", operator.process.last_words())),
                }
            })?;
            match ready {
                Ok(()) => return Ok(operator),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    /// The value of a metric without its prefix, labels included, such as `ready`.
    ///
    /// # Errors
    /// If there is none of this name.
    pub(crate) fn metric(&self, name: &str) -> Result<f64, String> {
        let (_, text) = self.ask("/metrics")?;
        let line =
            text.lines().find_map(|line| line.strip_prefix("beamlit_operator_")?.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).ok_or_else(|| format!("there is no {name} in:\n{text}"))
    }

    /// Asks it to end in good order, and waits until it has. Returns whether it says that everything was answered.
    pub(crate) fn end(self) -> bool {
        let log = self.process.log_file();
        drop(self.process);
        std::fs::read_to_string(log).is_ok_and(|log| log.lines().last().is_some_and(|line| line.ends_with(": ended")))
    }

    /// Asks the plain port: (status, body).
    ///
    /// # Errors
    /// If nobody answers.
    pub(crate) fn ask(&self, path: &str) -> Result<(u16, String), String> {
        get(self.plain_port, path)
    }

    /// Has it stand still until it is told to go on.
    ///
    /// # Errors
    /// If it does not run.
    pub(crate) fn stand_still(&self) -> Result<(), String> {
        self.process.signal("STOP")
    }

    /// Kills it: it has no time for anything.
    ///
    /// # Panics
    /// If it does not run.
    pub(crate) fn kill(self) {
        self.process.signal("KILL").expect("the operator runs");
        self.end();
    }

    /// Has it go on.
    ///
    /// # Errors
    /// If it does not run.
    pub(crate) fn go_on(&self) -> Result<(), String> {
        self.process.signal("CONT")
    }

    /// The id of its process.
    ///
    /// # Errors
    /// If it does not run.
    #[allow(dead_code, reason = "a benchmark asks the kernel about it")]
    pub(crate) fn pid(&self) -> Result<u32, String> {
        self.process.pid()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}

/// Asks the plain port of an operator whether it is ready: (status, body).
///
/// # Errors
/// If nobody answers.
pub(crate) fn readiness(plain_port: u16) -> Result<(u16, String), String> {
    get(plain_port, "/readyz")
}

/// An operator that the API server asks: the shipped configurations are installed, until this is dropped.
pub(crate) struct Gate {
    operator: Option<Operator>,
    authority: Authority,
    admin: Kubectl,
}

impl Gate {
    /// Starts the operator, installs the configurations and waits until the API server honours both.
    ///
    /// # Errors
    /// If the operator does not come up or is never asked.
    pub(crate) fn open(plane: &ControlPlane) -> Result<Self, String> {
        Self::open_with(plane, &[])
    }

    /// As [`Gate::open`], with an operator that reads its configuration from this file.
    ///
    /// # Errors
    /// If the operator does not come up or is never asked.
    pub(crate) fn configured(plane: &ControlPlane, configuration: &Path) -> Result<Self, String> {
        Self::open_with(plane, &[format!("--config={}", configuration.display())])
    }

    /// As [`Gate::configured`], with an operator that looks at the file as often as is of use to a test.
    ///
    /// # Errors
    /// If the operator does not come up or is never asked.
    pub(crate) fn reconfigured(plane: &ControlPlane, configuration: &Path) -> Result<Self, String> {
        let flags = [format!("--config={}", configuration.display()), "--config-reload-interval=200ms".to_owned()];
        Self::open_with(plane, &flags)
    }

    /// As [`Gate::open`], with an operator that has these flags.
    ///
    /// # Errors
    /// If the operator does not come up or is never asked.
    fn open_with(plane: &ControlPlane, flags: &[String]) -> Result<Self, String> {
        Self::open_as(plane, plane.admin().kubeconfig(), flags)
    }

    /// As [`Gate::open_with`], with an operator that is whoever this kubeconfig says.
    ///
    /// # Errors
    /// If the operator does not come up or is never asked.
    pub(crate) fn open_as(plane: &ControlPlane, kubeconfig: &Path, flags: &[String]) -> Result<Self, String> {
        let authority = Authority::new(plane.folder().path(), "webhook-authority")?;
        let operator = Operator::from_files(plane, "operator", kubeconfig, &authority, flags)?;
        let port = operator.port;
        let gate = Self { operator: Some(operator), authority, admin: plane.admin().clone() };
        register(&gate.admin, Some(&gate.authority), port)?;
        wait_until_asked(&gate.admin)
            .map_err(|why| format!("{why}; the operator's log:\n{}", gate.operator().process.last_words()))?;
        Ok(gate)
    }

    /// The operator behind the gate.
    pub(crate) fn operator(&self) -> &Operator {
        self.operator.as_ref().expect("the operator was not stopped")
    }

    /// Ends the operator. What is registered stays: the API server asks and gets no answer.
    pub(crate) fn stop_operator(&mut self) {
        self.operator = None;
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Err(why) = unregister(&self.admin) {
            eprintln!("{why}");
        }
    }
}

/// kubectl as the operator, with the shipped rights.
pub(crate) fn account(plane: &ControlPlane) -> Kubectl {
    for file in ["namespace", "service-account", "rbac", "rbac-reconcile", "own-writes"] {
        let path = format!("{}/deploy/base/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
        plane.admin().in_no_namespace().ok(&format!("apply --filename {path}"));
    }
    plane.service_account(NAMESPACE, "beamlit-operator")
}

/// Installs both configurations, with everything that they lead to.
///
/// # Errors
/// If the API server refuses something.
pub(crate) fn register(admin: &Kubectl, authority: Option<&Authority>, port: u16) -> Result<(), String> {
    lead_to(admin, port)?;
    apply(admin, configurations(admin, authority, port)?)
}

/// Installs the Service that the shipped configurations name, in its namespace, so that it leads to this port.
///
/// # Errors
/// If the API server refuses something.
pub(crate) fn lead_to(admin: &Kubectl, port: u16) -> Result<(), String> {
    // Without a cluster network, a Service that is only a name leads to the process beside us.
    let service = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": SERVICE, "namespace": NAMESPACE},
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
        }),
    ];
    apply(admin, service)
}

/// Changes a field of every webhook of a configuration (`KIND NAME`), as somebody does who may.
///
/// # Panics
/// If the API server refuses that.
#[track_caller]
pub(crate) fn change_every_webhook(kubectl: &Kubectl, configuration: &str, field: &str, value: &Value) {
    let webhooks = kubectl.get(configuration)["webhooks"].as_array().map_or(0, Vec::len);
    assert!(webhooks > 0, "{configuration} has no webhook");
    let patch: Vec<Value> = (0..webhooks)
        .map(|webhook| json!({"op": "add", "path": format!("/webhooks/{webhook}/{field}"), "value": value}))
        .collect();
    let (kind, name) = configuration.split_once(' ').expect("KIND NAME");
    let out = kubectl.call(&["patch", kind, name, "--type=json", "--patch", &json!(patch).to_string()], "");
    assert!(out.succeeded(), "{out}");
}

/// Applies objects one after the other.
fn apply(admin: &Kubectl, objects: impl IntoIterator<Item = Value>) -> Result<(), String> {
    let kubectl = admin.in_namespace(NAMESPACE);
    for object in objects {
        let out = kubectl.feed("apply --server-side --force-conflicts -f -", &object.to_string());
        if !out.succeeded() {
            return Err(format!("{}: {out}", object["kind"]));
        }
    }
    Ok(())
}

/// Removes both configurations and waits until the API server asks nobody any more.
///
/// # Errors
/// If it goes on.
pub(crate) fn unregister(admin: &Kubectl) -> Result<(), String> {
    for file in FILES {
        let configuration = shipped(admin, file)?;
        admin.feed("delete --ignore-not-found -f -", &configuration.to_string());
    }
    poll("the API server to ask nobody", || match asked(admin) {
        (false, false) => Ok(()),
        (mutating, validating) => Err(format!("mutating: {mutating}, validating: {validating}")),
    })
}

/// Waits until the API server asks both webhooks, and is answered.
///
/// # Errors
/// If it never is.
pub(crate) fn wait_until_asked(admin: &Kubectl) -> Result<(), String> {
    poll("the API server to ask both webhooks", || match asked(admin) {
        (true, true) => Ok(()),
        (mutating, validating) => Err(format!("mutating: {mutating}, validating: {validating}")),
    })
}

/// Whether the API server asks (the mutating, the validating) webhook and honours what it says.
fn asked(admin: &Kubectl) -> (bool, bool) {
    // The schema has no opinion on the kind that /mutate adds, nor on the space that /validate refuses.
    let good = admin.feed("create --dry-run=server --output json -f -", &probe("probe"));
    let bad = admin.feed("create --dry-run=server -f -", &probe("pro be"));
    (good.stdout.contains("\"Deployment\""), !bad.succeeded())
}

/// The shipped configurations with the port and, if there is one, the authority filled in, and nothing else changed.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn configurations(admin: &Kubectl, authority: Option<&Authority>, port: u16) -> Result<Vec<Value>, String> {
    let authority = authority.map(|authority| base64::engine::general_purpose::STANDARD.encode(authority.pem()));
    FILES
        .into_iter()
        .map(|file| {
            let mut configuration = shipped(admin, file)?;
            for webhook in configuration["webhooks"].as_array_mut().into_iter().flatten() {
                if let Some(authority) = &authority {
                    webhook["clientConfig"]["caBundle"] = authority.clone().into();
                }
                webhook["clientConfig"]["service"]["port"] = port.into();
            }
            Ok(configuration)
        })
        .collect()
}

/// A file of `webhook-config/` as it is, read by kubectl: nothing is added to it.
fn shipped(kubectl: &Kubectl, file: &str) -> Result<Value, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("webhook-config").join(file);
    let path = path.display().to_string();
    let out =
        kubectl.call(&["patch", "--local", "--type=json", "--patch=[]", "--output=json", "--filename", &path], "");
    serde_json::from_str(&out.stdout).map_err(|error| format!("{path}: {error}\n{out}"))
}

fn probe(model: &str) -> String {
    json!({
        "apiVersion": "deployment.beamlit.com/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "probe"},
        "spec": {"model": model, "modelSourceRef": {"name": "probe"}},
    })
    .to_string()
}
