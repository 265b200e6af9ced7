//! etcd, kube-apiserver and kube-controller-manager on the loopback address, as one thing that starts and ends.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::certificates::{Authority, Pair, service_account_keys};
use super::process::{End, Folder, Process};
use super::{Kubectl, free_port, poll, tools};

/// How often a start is tried again with other ports.
const TRIES: usize = 5;

/// The name in the certificate that the API server shows to webhooks.
pub(crate) const SHOWN: &str = "kube-apiserver-webhooks";

/// The user whose requests are in the audit log.
const AUDITED: &str = "system:serviceaccount:beamlit-system:beamlit-operator";

/// A running control plane with the CRDs of this project installed.
///
/// The fields are dropped in this order: the processes before the folder that they work in.
pub(crate) struct ControlPlane {
    controller_manager: Option<Process>,
    api_server: Option<Process>,
    _etcd: Process,
    /// By which they are started again.
    controller_manager_command: Vec<String>,
    api_server_command: Vec<String>,
    admin: Kubectl,
    alice: Kubectl,
    server: String,
    authority: PathBuf,
    folder: Folder,
}

impl ControlPlane {
    /// Starts everything and waits until the CRDs are served.
    ///
    /// # Errors
    /// If the tools cannot be had, or a process does not come up.
    pub(crate) fn start() -> Result<Self, String> {
        Self::with_controllers(&[])
    }

    /// As [`ControlPlane::start`], with a kube-controller-manager that is given these flags too.
    ///
    /// # Errors
    /// If the tools cannot be had, or a process does not come up.
    pub(crate) fn with_controllers(flags: &[&str]) -> Result<Self, String> {
        let plane = Self::launch(flags)?;
        plane.install_crds()?;
        Ok(plane)
    }

    /// Starts everything and installs nothing.
    ///
    /// # Errors
    /// If the tools cannot be had, or a process does not come up.
    pub(crate) fn bare() -> Result<Self, String> {
        Self::launch(&[])
    }

    fn launch(controller_flags: &[&str]) -> Result<Self, String> {
        let tools = tools::folder()?;
        let folder = Folder::new().map_err(|error| format!("temporary folder: {error}"))?;
        let authority = Authority::new(folder.path(), "cluster-authority")?;

        let etcd = etcd(&tools, &folder)?;
        let (api_server, server, api_server_command) = api_server(&tools, &folder, &authority)?;
        let user = |name: &str, group| {
            let kubeconfig = kubeconfig(&folder, &server, &authority, &authority.client(name, group)?, name)?;
            Ok::<_, String>(Kubectl {
                program: tools.join("kubectl"),
                kubeconfig,
                home: folder.path().to_owned(),
                namespace: "default".into(),
                environment: Vec::new(),
            })
        };
        let admin = user("administrator", Some("system:masters"))?;
        let alice = user("alice", None)?;
        let manager = user("system:kube-controller-manager", None)?;
        let (controller_manager, controller_manager_command) =
            controller_manager(&tools, &folder, &authority, &manager.kubeconfig, controller_flags)?;

        Ok(Self {
            controller_manager: Some(controller_manager),
            api_server: Some(api_server),
            _etcd: etcd,
            controller_manager_command,
            api_server_command,
            admin,
            alice,
            server,
            authority: authority.certificate,
            folder,
        })
    }

    /// kubectl as the administrator.
    pub(crate) fn admin(&self) -> &Kubectl {
        &self.admin
    }

    /// kubectl as somebody who may do nothing by default.
    pub(crate) fn alice(&self) -> &Kubectl {
        &self.alice
    }

    /// Ends the API server, and the controllers with it, which would wait for long before they ask again.
    pub(crate) fn stop_api_server(&mut self) {
        self.controller_manager = None;
        self.api_server = None;
    }

    /// Starts the API server again where it was, and waits until it is ready.
    ///
    /// # Errors
    /// If it does not come up.
    pub(crate) fn start_api_server(&mut self) -> Result<(), String> {
        let process = Process::start(&self.folder, "kube-apiserver", End::Kill, &self.api_server_command)
            .map_err(|error| format!("kube-apiserver: {error}"))?;
        let process = self.api_server.insert(process);
        poll("kube-apiserver to be ready again", || {
            process.alive()?;
            let out = self.admin.run("get --raw /readyz");
            if out.succeeded() { Ok(()) } else { Err(out.to_string()) }
        })?;
        let process =
            Process::start(&self.folder, "kube-controller-manager", End::Kill, &self.controller_manager_command)
                .map_err(|error| format!("kube-controller-manager: {error}"))?;
        self.controller_manager = Some(process);
        Ok(())
    }

    /// A new namespace, and kubectl as the administrator in it. Tests have one each and so run side by side.
    ///
    /// # Panics
    /// If there is one of this name already.
    #[track_caller]
    pub(crate) fn namespace(&self, name: &str) -> Kubectl {
        self.admin.ok(&format!("create namespace {name}"));
        self.admin.in_namespace(name)
    }

    /// The certificate of the authority that signs for everybody in this cluster, as a file.
    pub(crate) fn authority(&self) -> &Path {
        &self.authority
    }

    /// The folder in which everything of this control plane lies.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// kubectl as a ServiceAccount, by a token as its pods have one.
    ///
    /// # Panics
    /// If there is no such account.
    #[track_caller]
    pub(crate) fn service_account(&self, namespace: &str, name: &str) -> Kubectl {
        let token = self.admin.in_namespace(namespace).ok(&format!("create token {name}"));
        let user = json!({"token": token.trim()});
        let path = write_kubeconfig(&self.folder, &self.server, &self.authority, name, &user)
            .expect("the kubeconfig can be written");
        Kubectl { kubeconfig: path, namespace: namespace.into(), ..self.admin.clone() }
    }

    /// What the ServiceAccount of [`AUDITED`] has asked of the API server so far, as its audit log has it.
    pub(crate) fn audit_log(&self) -> Vec<Value> {
        self.audited().filter(|event| event["user"]["username"] == AUDITED).collect()
    }

    /// What the audit log has of creations of ModelDeployments in this namespace, by whomever.
    pub(crate) fn audited_creations(&self, namespace: &str) -> Vec<Value> {
        self.audited()
            .filter(|event| event["verb"] == "create" && event["objectRef"]["resource"] == "modeldeployments")
            .filter(|event| event["objectRef"]["namespace"] == namespace)
            .collect()
    }

    fn audited(&self) -> impl Iterator<Item = Value> {
        // It is made with the first entry, and the last line may be only half there.
        let text = std::fs::read_to_string(self.folder.path().join("audit.log")).unwrap_or_default();
        let events: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        events.into_iter()
    }

    /// Installs the Gateway API's ReferenceGrant, in both versions that are served.
    ///
    /// # Errors
    /// If its CRD cannot be had, or is not taken.
    pub(crate) fn install_reference_grants(&self) -> Result<(), String> {
        let file = tools::reference_grants()?.display().to_string();
        for arguments in [&["apply", "--server-side", "--filename", &file][..], &["get", "--filename", &file]] {
            let out = self.admin.in_no_namespace().call(arguments, "");
            if !out.succeeded() {
                return Err(format!("ReferenceGrant: {out}"));
            }
        }
        for version in ["v1", "v1beta1"] {
            poll("ReferenceGrant to be served", || {
                let path = format!("/apis/gateway.networking.k8s.io/{version}/referencegrants");
                let out = self.admin.run(&format!("get --raw {path}"));
                if out.succeeded() { Ok(()) } else { Err(out.to_string()) }
            })?;
        }
        Ok(())
    }

    /// Takes the Gateway API's ReferenceGrant away again, with every grant.
    pub(crate) fn remove_reference_grants(&self) {
        self.admin.ok("delete crd referencegrants.gateway.networking.k8s.io --ignore-not-found --timeout=60s");
    }

    fn install_crds(&self) -> Result<(), String> {
        let crds = beamlit_operator::api::all_crds().map_err(|error| format!("CRDs: {error}"))?;
        let list = json!({"apiVersion": "v1", "kind": "List", "items": crds}).to_string();
        for arguments in ["apply --server-side -f -", "wait --for=condition=Established --timeout=60s -f -"] {
            let out = self.admin.feed(arguments, &list);
            if !out.succeeded() {
                return Err(format!("CRDs: kubectl {arguments}\n{out}"));
            }
        }
        // Established is what the API server says; discovery follows a moment later, and what is explained another.
        for resource in ["modeldeployments", "offloadautoscalers", "policies.authorization.beamlit.com"] {
            for verb in ["get", "explain"] {
                poll("the resources to be served", || {
                    let out = self.admin.run(&format!("{verb} {resource}"));
                    if out.succeeded() { Ok(()) } else { Err(out.to_string()) }
                })?;
            }
        }
        Ok(())
    }
}

fn etcd(tools: &Path, folder: &Folder) -> Result<Process, String> {
    // It has no ports that could clash and no door that others could use: only sockets in a folder of ours. What it
    // advertises to other members of its cluster has to look like a URL and is never called.
    let socket = |name: &str| format!("unix://{}", folder.path().join(name).display());
    let command = [
        tools.join("etcd").display().to_string(),
        format!("--data-dir={}", folder.path().join("etcd").display()),
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
        format!("--listen-client-urls={}", socket("etcd.sock")),
        format!("--listen-peer-urls={}", socket("peer.sock")),
        "--advertise-client-urls=http://127.0.0.1:2379".into(),
        "--initial-advertise-peer-urls=http://127.0.0.1:2380".into(),
        "--initial-cluster=default=http://127.0.0.1:2380".into(),
    ];
    let mut etcd = Process::start(folder, "etcd", End::Kill, &command).map_err(|error| format!("etcd: {error}"))?;
    poll("etcd to listen", || {
        etcd.alive()?;
        if folder.path().join("etcd.sock").exists() { Ok(()) } else { Err(etcd.last_words()) }
    })?;
    Ok(etcd)
}

/// Starts it: the process, its address, and by what it was started.
fn api_server(tools: &Path, folder: &Folder, authority: &Authority) -> Result<(Process, String, Vec<String>), String> {
    let serving = authority.server(
        "kube-apiserver",
        &["localhost", "127.0.0.1", "kubernetes.default.svc", "kubernetes.default", "kubernetes", "10.0.0.1"],
    )?;
    let proxy = authority.client("front-proxy", None)?;
    let (signing, checking) = service_account_keys(folder.path())?;
    let shown = shown_to_webhooks(folder, &authority.client(SHOWN, None)?)?;
    let mut last = String::new();
    for _ in 0..TRIES {
        let port = free_port()?;
        let file = |path: &Path| path.display().to_string();
        let ca = file(&authority.certificate);
        let (policy, log) = (folder.path().join("audit-policy.json"), folder.path().join("audit.log"));
        std::fs::write(&policy, audit_policy().to_string()).map_err(|error| format!("audit policy: {error}"))?;
        let command = [
            tools.join("kube-apiserver").display().to_string(),
            format!("--etcd-servers=unix://{}", folder.path().join("etcd.sock").display()),
            "--bind-address=127.0.0.1".into(),
            format!("--admission-control-config-file={}", file(&shown)),
            "--advertise-address=127.0.0.1".into(),
            format!("--secure-port={port}"),
            "--endpoint-reconciler-type=none".into(),
            "--authorization-mode=RBAC".into(),
            // As clusters have it: Pod Security is to refuse, not this.
            "--allow-privileged=true".into(),
            format!("--client-ca-file={ca}"),
            format!("--tls-cert-file={}", file(&serving.certificate)),
            format!("--tls-private-key-file={}", file(&serving.key)),
            "--service-cluster-ip-range=10.0.0.0/16".into(),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            format!("--service-account-key-file={}", file(&checking)),
            format!("--service-account-signing-key-file={}", file(&signing)),
            format!("--requestheader-client-ca-file={ca}"),
            "--requestheader-allowed-names=front-proxy".into(),
            "--requestheader-username-headers=X-Remote-User".into(),
            "--requestheader-group-headers=X-Remote-Group".into(),
            "--requestheader-extra-headers-prefix=X-Remote-Extra-".into(),
            format!("--proxy-client-cert-file={}", file(&proxy.certificate)),
            format!("--proxy-client-key-file={}", file(&proxy.key)),
            format!("--audit-policy-file={}", file(&policy)),
            format!("--audit-log-path={}", file(&log)),
        ];
        let mut process = Process::start(folder, "kube-apiserver", End::Kill, &command)
            .map_err(|error| format!("kube-apiserver: {error}"))?;
        let server = format!("https://127.0.0.1:{port}");
        let probe = Kubectl {
            program: tools.join("kubectl"),
            kubeconfig: kubeconfig(
                folder,
                &server,
                authority,
                &authority.client("probe", Some("system:masters"))?,
                "probe",
            )?,
            home: folder.path().to_owned(),
            namespace: "default".into(),
            environment: Vec::new(),
        };
        // A process that ended is a reason to try another port at once, not to wait.
        let ready = poll("kube-apiserver to be ready", || {
            if let Err(why) = process.alive() {
                return Ok(Err(why));
            }
            let out = probe.run("get --raw /readyz");
            if out.succeeded() { Ok(Ok(())) } else { Err(format!("{out}\n{}", process.last_words())) }
        })?;
        match ready {
            Ok(()) => return Ok((process, server, command.into())),
            Err(why) => last = why,
        }
    }
    Err(last)
}

fn controller_manager(
    tools: &Path,
    folder: &Folder,
    authority: &Authority,
    kubeconfig: &Path,
    flags: &[&str],
) -> Result<(Process, Vec<String>), String> {
    let kubeconfig = kubeconfig.display();
    let mut command = vec![
        tools.join("kube-controller-manager").display().to_string(),
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        // Nobody asks it anything.
        "--secure-port=0".into(),
        "--leader-elect=false".into(),
        "--use-service-account-credentials=true".into(),
        format!("--service-account-private-key-file={}", folder.path().join("service-accounts.key").display()),
        format!("--root-ca-file={}", authority.certificate.display()),
    ];
    command.extend(flags.iter().map(|&flag| flag.to_owned()));
    let process = Process::start(folder, "kube-controller-manager", End::Kill, &command)
        .map_err(|error| format!("kube-controller-manager: {error}"))?;
    Ok((process, command))
}

/// Writes the files by which the API server shows a certificate to every webhook that asks for one.
fn shown_to_webhooks(folder: &Folder, client: &Pair) -> Result<PathBuf, String> {
    let (config, kubeconfig) = (folder.path().join("admission.json"), folder.path().join("webhooks.kubeconfig"));
    let user = json!({"client-certificate": client.certificate, "client-key": client.key});
    let users = json!({"apiVersion": "v1", "kind": "Config", "users": [{"name": "*", "user": user}]});
    let plugin = |name: &str| {
        let configuration = json!({
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "WebhookAdmissionConfiguration", "kubeConfigFile": kubeconfig,
        });
        json!({"name": name, "configuration": configuration})
    };
    let plugins = [plugin("ValidatingAdmissionWebhook"), plugin("MutatingAdmissionWebhook")];
    let all = json!({"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration", "plugins": plugins});
    std::fs::write(&kubeconfig, users.to_string())
        .and_then(|()| std::fs::write(&config, all.to_string()))
        .map_err(|error| format!("admission configuration: {error}"))?;
    Ok(config)
}

/// What is logged, when it is answered: every request of the operator's own account, and of everybody the creation of
/// ModelDeployments.
fn audit_policy() -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "Metadata", "users": [AUDITED]},
            {"level": "Metadata", "verbs": ["create"], "resources": [{"group": "deployment.beamlit.com", "resources": ["modeldeployments"]}]},
            {"level": "None"},
        ],
    })
}

/// Writes the file by which kubectl finds the API server and says who it is.
fn kubeconfig(
    folder: &Folder,
    server: &str,
    authority: &Authority,
    client: &Pair,
    user: &str,
) -> Result<PathBuf, String> {
    let credentials = json!({"client-certificate": client.certificate, "client-key": client.key});
    write_kubeconfig(folder, server, &authority.certificate, user, &credentials)
}

fn write_kubeconfig(
    folder: &Folder,
    server: &str,
    authority: &Path,
    user: &str,
    credentials: &Value,
) -> Result<PathBuf, String> {
    let path = folder.path().join(format!("{}.kubeconfig", user.replace(':', "-")));
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": authority}}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        "current-context": "test",
    });
    std::fs::write(&path, config.to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}
