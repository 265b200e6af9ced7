//! `kubectl apply -k deploy/` for real: what is installed, what Pod Security says of it, and who may do what then.

use std::collections::BTreeSet;
use std::sync::MutexGuard;

use serde_json::{Value, json};

use crate::bare;
use crate::harness::kubectl::Output;
use crate::harness::operator::NAMESPACE;
use crate::harness::{ControlPlane, Kubectl, poll};

/// What is ours carries this label.
pub(crate) const OURS: &str = "-l app.kubernetes.io/name=beamlit-operator";

/// What only cert-manager knows.
pub(crate) const CERT_MANAGER: &str = "cert-manager.io/v1";

/// A folder of the repository.
pub(crate) fn folder(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// An empty control plane that is empty again when this is dropped, whatever a test has left there.
pub(crate) struct Installation {
    plane: MutexGuard<'static, ControlPlane>,
    /// How much stood in the audit log before.
    audited: usize,
}

impl Installation {
    /// Nothing is installed.
    pub(crate) fn none() -> Self {
        let plane = bare();
        let audited = plane.audit_log().len();
        let installation = Self { plane, audited };
        assert_eq!(installation.left(), Vec::<String>::new(), "a test before this one left something");
        installation
    }

    /// `kubectl apply -k deploy/`.
    pub(crate) fn shipped() -> Self {
        let installation = Self::none();
        installation.apply("");
        installation
    }

    pub(crate) fn admin(&self) -> &Kubectl {
        self.plane.admin()
    }

    pub(crate) fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// What the operator's account has asked of the API server since this began.
    pub(crate) fn audit_log(&self) -> Vec<Value> {
        self.plane.audit_log().split_off(self.audited)
    }

    /// kubectl as a person calls it who names no namespace.
    pub(crate) fn anywhere(&self) -> Kubectl {
        self.admin().in_no_namespace()
    }

    /// kubectl in the operator's namespace.
    pub(crate) fn system(&self) -> Kubectl {
        self.admin().in_namespace(NAMESPACE)
    }

    /// A namespace of people.
    pub(crate) fn team(&self) -> Kubectl {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team", "labels": {"example.com/team": ""}}});
        self.admin().ok_with("create -f -", &namespace.to_string());
        self.admin().in_namespace("team")
    }

    /// `kubectl apply -k deploy/` with further flags, which must succeed and warn of nothing.
    pub(crate) fn apply(&self, flags: &str) -> String {
        let out = self.anywhere().run(&format!("apply {flags} -k {}", folder("deploy")));
        assert!(out.succeeded() && out.stderr.is_empty(), "{out}");
        out.stdout
    }

    /// Everything that is installed, as it is stored.
    fn stored(&self) -> Vec<Value> {
        self.anywhere().get(&format!("-k {}", folder("deploy")))["items"].as_array().unwrap().clone()
    }

    /// What is there of ours, of whatever kind, as `kind/name`.
    pub(crate) fn left(&self) -> Vec<String> {
        let kinds = "namespaces,customresourcedefinitions,clusterroles,clusterrolebindings,priorityclasses,\
                     mutatingwebhookconfigurations,validatingwebhookconfigurations,\
                     validatingadmissionpolicies,validatingadmissionpolicybindings,roles,rolebindings,serviceaccounts,services,\
                     deployments,replicasets,pods,configmaps,poddisruptionbudgets,networkpolicies";
        let found = self.admin().ok(&format!("get {kinds} -A -o name {OURS}"));
        // What carries no label of ours, because the operator or the cluster made it: the Secret, and what is in the namespace.
        let namespace = self.admin().ok(&format!("get namespace {NAMESPACE} --ignore-not-found -o name"));
        let teams = self.admin().ok("get namespace -l example.com/team -o name");
        let lines = found.lines().chain(namespace.lines()).chain(teams.lines()).map(str::to_owned);
        lines.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let admin = self.plane.admin();
        // Whatever a test left undone; in an order in which nothing can be in the way.
        for what in ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"] {
            admin.run(&format!("delete {what} {OURS}"));
        }
        for kind in ["modeldeployments", "policies.authorization.beamlit.com"] {
            let found = admin.run(&format!(
                "get {kind} -A -o jsonpath={{range.items[*]}}{{.metadata.namespace}}/{{.metadata.name}}{{\"\\n\"}}{{end}}"
            ));
            for (namespace, name) in found.stdout.lines().filter_map(|line| line.split_once('/')) {
                let patch = r#"{"metadata":{"finalizers":null}}"#;
                admin.in_namespace(namespace).run(&format!("patch {kind} {name} --type=merge -p {patch}"));
            }
        }
        admin.run("delete namespace -l example.com/team --wait=false");
        self.anywhere().run(&format!("delete -k {} --ignore-not-found --timeout=60s", folder("deploy")));
        let gone = poll("nothing to be left", || match self.left() {
            left if left.is_empty() => Ok(()),
            left => Err(left.join(" ")),
        });
        if let Err(why) = gone {
            eprintln!("{why}");
        }
        self.plane.remove_reference_grants();
    }
}

/// What `kubectl kustomize` makes of a folder.
pub(crate) fn built(kubectl: &Kubectl, path: &str) -> Vec<Value> {
    let text = kubectl.ok(&format!("kustomize {}", folder(path)));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Where the volume of this name is mounted: as a folder, because a file that is mounted by itself never changes.
#[track_caller]
fn mounted<'p>(pod: &'p Value, volume: &str) -> &'p str {
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let mount = mounts.iter().find(|mount| mount["name"] == volume).unwrap_or_else(|| panic!("{volume}: {pod}"));
    assert_eq!((&mount["subPath"], &mount["readOnly"]), (&Value::Null, &json!(true)));
    mount["mountPath"].as_str().unwrap()
}

/// The one object of this kind and name.
#[track_caller]
fn one<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    let object = found.next().unwrap_or_else(|| panic!("no {kind} {name}"));
    assert!(found.next().is_none(), "{kind} {name} stands there twice");
    object
}

#[test]
fn what_is_shipped_is_taken_at_once_and_a_second_time_changes_nothing() {
    let installation = Installation::none();
    let first = installation.apply("");
    assert!(first.lines().all(|line| line.ends_with(" created")), "{first}");
    let versions = |stored: &[Value]| -> Vec<Value> {
        stored.iter().map(|object| object["metadata"]["resourceVersion"].clone()).collect()
    };
    // The controllers write the status of some of these: what was meant by people does not change.
    let meant = |stored: &[Value]| -> Vec<Value> {
        let mut meant = stored.to_vec();
        for object in &mut meant {
            object["metadata"] = object["metadata"]["uid"].take();
            object["status"].take();
        }
        meant
    };
    let before = meant(&installation.stored());
    let second = installation.apply("");
    for line in second.lines() {
        // The selector of a disruption budget is replaced as a whole, so kubectl always sends it; nothing is written.
        let sent = line.starts_with("poddisruptionbudget");
        assert!(line.ends_with(if sent { " configured" } else { " unchanged" }), "{second}");
    }
    assert_eq!(meant(&installation.stored()), before);

    // The other way, over what is there and again over itself.
    installation.apply("--server-side");
    let settled = poll("the controllers to come to rest", || {
        let now = versions(&installation.stored());
        std::thread::sleep(std::time::Duration::from_secs(2));
        if versions(&installation.stored()) == now { Ok(now) } else { Err("they still write".into()) }
    });
    let settled = settled.unwrap();
    installation.apply("--server-side");
    assert_eq!(versions(&installation.stored()), settled, "nothing was written");
    assert_eq!(meant(&installation.stored()), before);
}

#[test]
fn the_namespace_admits_the_operators_pods_and_nobody_that_asks_for_more() {
    let installation = Installation::shipped();
    let system = installation.system();
    let labels = system.get(&format!("namespace {NAMESPACE}"))["metadata"]["labels"].clone();
    for mode in ["enforce", "audit", "warn"] {
        assert_eq!(labels[format!("pod-security.kubernetes.io/{mode}")], "restricted");
    }
    // That they are made is the proof: nothing runs them here.
    let pods = poll("both pods to be made", || {
        let pods = system.get("pods");
        match pods["items"].as_array() {
            Some(items) if items.len() == 2 => Ok(pods),
            _ => Err(system.run("describe replicasets").to_string()),
        }
    });
    for pod in pods.unwrap()["items"].as_array().unwrap() {
        assert_eq!(pod["spec"]["priority"], 1_000_000, "{pod}");
    }

    let template = system.get("deployment beamlit-operator")["spec"]["template"].clone();
    let pod = |change: &dyn Fn(&mut Value)| -> Output {
        let mut spec = template["spec"].clone();
        change(&mut spec);
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": spec});
        system.feed("create --dry-run=server -f -", &pod.to_string())
    };
    let unchanged = pod(&|_| {});
    assert!(unchanged.succeeded() && unchanged.stderr.is_empty(), "{unchanged}");
    type Change = fn(&mut Value);
    let more: [(&str, Change); 8] = [
        ("privileged", |spec| {
            spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
            spec["containers"][0]["securityContext"]["privileged"] = json!(true);
        }),
        ("allowPrivilegeEscalation", |spec| {
            spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        }),
        ("unrestricted capabilities", |spec| spec["containers"][0]["securityContext"]["capabilities"] = json!({})),
        ("runAsNonRoot", |spec| {
            spec["containers"][0]["securityContext"]["runAsNonRoot"] = json!(false);
        }),
        ("runAsUser=0", |spec| spec["containers"][0]["securityContext"]["runAsUser"] = json!(0)),
        ("seccompProfile", |spec| {
            spec["containers"][0]["securityContext"]["seccompProfile"] = json!({"type": "Unconfined"});
        }),
        ("host namespaces", |spec| spec["hostNetwork"] = json!(true)),
        ("hostPath", |spec| spec["volumes"][0] = json!({"name": "configuration", "hostPath": {"path": "/"}})),
    ];
    for (what, change) in more {
        let out = pod(&change);
        assert!(
            !out.succeeded() && out.stderr.contains("violates PodSecurity") && out.stderr.contains(what),
            "{what}: {out}"
        );
    }
}

#[test]
fn the_deployment_keeps_its_promises() {
    let installation = Installation::shipped();
    let system = installation.system();
    let deployment = system.get("deployment beamlit-operator");
    let pod = &deployment["spec"]["template"]["spec"];
    let [container] = &pod["containers"].as_array().unwrap()[..] else { panic!("not one container: {pod}") };

    // Everything that ends one after the other fits into the time until the kubelet kills it; the flags' defaults are those of
    // `serve --help`.
    let stop = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
    let help =
        std::process::Command::new(env!("CARGO_BIN_EXE_beamlit-operator")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let default = |flag: &str| -> u64 {
        let text = help.split(flag).nth(1).unwrap().split("[default: ").nth(1).unwrap();
        text.split("s]").next().unwrap().parse().unwrap()
    };
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    let needed = stop + default("--shutdown-delay <") + default("--shutdown-timeout <");
    assert!(grace > needed, "{grace} s, and {needed} s are needed");

    // What the probes and the Services name is there, and the ports are those that it listens on.
    let ports: Vec<(&str, u64)> = container["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| (port["name"].as_str().unwrap(), port["containerPort"].as_u64().unwrap()))
        .collect();
    assert_eq!(ports, [("webhook", 9443), ("probes", 8081)]);
    for (probe, path) in [("startupProbe", "/healthz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")] {
        assert_eq!(container[probe]["httpGet"]["path"], path);
        assert_eq!(container[probe]["httpGet"]["port"], "probes");
    }
    let strategy = &deployment["spec"]["strategy"]["rollingUpdate"];
    assert_eq!(strategy, &json!({"maxSurge": 1, "maxUnavailable": 0}));

    // One set of labels leads everything to the same pods.
    let labels = deployment["spec"]["template"]["metadata"]["labels"].as_object().unwrap();
    let selectors = [
        deployment["spec"]["selector"]["matchLabels"].clone(),
        system.get("service beamlit-operator-webhook")["spec"]["selector"].clone(),
        system.get("service beamlit-operator-metrics")["spec"]["selector"].clone(),
        system.get("poddisruptionbudget beamlit-operator")["spec"]["selector"]["matchLabels"].clone(),
        system.get("networkpolicy beamlit-operator")["spec"]["podSelector"]["matchLabels"].clone(),
        pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"].clone(),
        pod["topologySpreadConstraints"][1]["labelSelector"]["matchLabels"].clone(),
    ];
    for selector in selectors {
        let selector = selector.as_object().unwrap();
        assert!(
            !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value)),
            "{selector:?}"
        );
    }

    // What it reads is what is mounted, and is sound. The ConfigMap has the name that people edit.
    let [volume, credentials] = &pod["volumes"].as_array().unwrap()[..] else { panic!("{pod}") };
    assert_eq!(volume["configMap"]["name"], "beamlit-operator");
    // Who it is on Beamlit may be told later, or never.
    assert_eq!(credentials["secret"]["secretName"], "beamlit-credentials");
    assert_eq!(credentials["secret"]["optional"], true);
    let folder = mounted(pod, credentials["name"].as_str().unwrap());
    assert!(container["args"].as_array().unwrap().contains(&json!(format!("--beamlit-credentials={folder}"))));
    // The flags are some that it knows.
    for flag in container["args"].as_array().unwrap().iter().skip(1) {
        let name = flag.as_str().unwrap().split('=').next().unwrap();
        assert!(help.contains(&format!("{name} <")) || help.contains(&format!("{name}\n")), "{name}");
    }
    let file = format!("{}/operator-configuration.yaml", mounted(pod, volume["name"].as_str().unwrap()));
    assert!(
        container["args"].as_array().unwrap().contains(&json!(format!("--config={file}"))),
        "{}",
        container["args"]
    );
    let shipped = system.get("configmap beamlit-operator")["data"]["operator-configuration.yaml"].clone();
    let shipped = shipped.as_str().unwrap();
    // So is what it shows in comments: examples stand right behind their #, or indented, and sentences after one space.
    let example = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') || rest.starts_with("  ") => rest.to_owned(),
        _ => line.to_owned(),
    };
    let (_, fields) = shipped.split_once("kind: OperatorConfiguration\n").unwrap();
    let fields: Vec<String> = fields.lines().map(example).collect();
    assert!(fields.iter().filter(|line| !line.starts_with('#') && !line.is_empty()).count() > 20, "{fields:?}");
    let uncommented =
        format!("apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\n{}\n", fields.join("\n"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("operator-configuration.yaml");
    for content in [shipped, &uncommented] {
        std::fs::write(&file, content).unwrap();
        let checked = std::process::Command::new(env!("CARGO_BIN_EXE_beamlit-operator"))
            .args(["check", "--config"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(checked.status.success(), "{checked:?}\n{content}");
    }

    // Nobody else's image, and nothing that one cannot go back to.
    assert_eq!(container["image"], concat!("beamlit-operator:", env!("CARGO_PKG_VERSION")));
    // Least privilege in words: not one wildcard in any rule, but where every metric is a resource of its own.
    for kind in ["role", "clusterrole"] {
        let roles = system.get(&format!("{kind} {OURS}"))["items"].clone();
        for rule in roles.as_array().unwrap().iter().flat_map(|role| role["rules"].as_array().unwrap()) {
            let metrics = ["custom.metrics.k8s.io", "external.metrics.k8s.io"]
                .iter()
                .any(|group| rule["apiGroups"] == json!([group]) && rule["resources"] == json!(["*"]));
            assert!(metrics || !rule.to_string().contains("\"*\""), "{rule}");
        }
    }
}

/// Who may do what with which resource.
const RIGHTS: [(&str, &[&str], &[&str]); 4] = [
    ("nobody", &[], &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]),
    ("view", &["get", "list", "watch"], &["create", "update", "patch", "delete", "deletecollection"]),
    ("edit", &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"], &["escalate"]),
    ("admin", &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"], &["escalate"]),
];

#[test]
fn view_edit_and_admin_reach_what_people_write_and_nobody_writes_what_the_operator_does() {
    let installation = Installation::shipped();
    let admin = installation.admin();
    let team = installation.team();
    for role in ["view", "edit", "admin"] {
        team.ok(&format!("create rolebinding {role} --clusterrole={role} --user={role}"));
    }
    let may = |kubectl: &Kubectl, user: &str, verb: &str, resource: &str| -> bool {
        let out = kubectl.run(&format!("auth can-i {verb} {resource} --as={user}"));
        match out.stdout.trim() {
            "yes" => true,
            "no" => false,
            _ => panic!("{out}"),
        }
    };
    // The controller that adds up the roles takes a moment.
    poll("the roles to be added up", || {
        if may(&team, "admin", "create", "modeldeployments.deployment.beamlit.com") {
            Ok(())
        } else {
            Err("not yet".into())
        }
    })
    .unwrap();
    let written = ["modeldeployments.deployment.beamlit.com", "policies.authorization.beamlit.com"];
    let (compiled, reads) = ("offloadautoscalers.deployment.beamlit.com", ["get", "list", "watch"]);
    let of_compiled = RIGHTS.map(|(user, can, cannot)| {
        let writes = can.iter().chain(cannot).copied().filter(|verb| !reads.contains(verb));
        (user, can.iter().copied().filter(|verb| reads.contains(verb)).collect(), writes.collect())
    });
    let of_written = RIGHTS.map(|(user, can, cannot)| (user, can.to_vec(), cannot.to_vec()));
    let all = written.into_iter().map(|resource| (resource, &of_written)).chain([(compiled, &of_compiled)]);
    for (resource, rights) in all {
        let rights: &[(&str, Vec<&str>, Vec<&str>); 4] = rights;
        for (user, can, cannot) in rights {
            for verb in can {
                assert!(may(&team, user, verb, resource), "{user} may not {verb} {resource}");
                assert!(!may(&admin.in_namespace("default"), user, verb, resource), "{user} may {verb} elsewhere");
            }
            for verb in cannot {
                assert!(!may(&team, user, verb, resource), "{user} may {verb} {resource}");
            }
            for verb in ["update", "patch"] {
                assert!(
                    !may(&team, user, verb, &format!("{resource} --subresource=status")),
                    "{user}: status of {resource}"
                );
            }
            let reads = may(&team, user, "get", &format!("{resource} --subresource=status"));
            assert_eq!(reads, *user != "nobody", "{user}: status of {resource}");
        }
    }
    // Nor do they get anything of the operator's own with it.
    for user in ["view", "edit", "admin"] {
        assert!(!may(&installation.system(), user, "get", "secrets"), "{user}");
    }
}

#[test]
fn the_overlay_for_cert_manager_fits_together() {
    let installation = Installation::none();
    let admin = &installation.anywhere();
    let objects = built(admin, "deploy/cert-manager");

    // The API server takes all but what only cert-manager knows. (Those in a namespace need it to be there.)
    let known = |object: &&Value| object["apiVersion"] != CERT_MANAGER;
    admin.ok_with("apply -f -", &one(&objects, "Namespace", NAMESPACE).to_string());
    for object in objects.iter().filter(known) {
        let out = admin.feed("apply --dry-run=server -f -", &object.to_string());
        assert!(out.succeeded() && out.stderr.is_empty(), "{} {}: {out}", object["kind"], object["metadata"]["name"]);
    }
    assert_eq!(objects.iter().filter(|object| !known(object)).count(), 4);

    // It may read what reviews are judged against, and reconcile: no Secret is within its reach, and no webhook configuration.
    assert!(!objects.iter().any(|object| object["kind"] == "Secret"));
    for (kind, expected) in [
        ("ClusterRoleBinding", &["beamlit-operator-reconcile", "beamlit-operator-watch"][..]),
        ("RoleBinding", &["beamlit-operator-reconcile"]),
    ] {
        let bound = objects.iter().filter(|object| object["kind"] == kind);
        assert_eq!(bound.map(|binding| &binding["roleRef"]["name"]).collect::<Vec<_>>(), expected, "{kind}");
    }
    for rule in one(&objects, "ClusterRole", "beamlit-operator-watch")["rules"].as_array().unwrap() {
        assert_eq!(rule["verbs"], json!(["list", "watch"]));
    }
    let roles = objects.iter().filter(|object| ["Role", "ClusterRole"].contains(&object["kind"].as_str().unwrap()));
    for rule in roles.flat_map(|role| role["rules"].as_array().unwrap()) {
        for out_of_reach in
            ["secrets", "configmaps", "mutatingwebhookconfigurations", "validatingwebhookconfigurations"]
        {
            assert!(!rule["resources"].as_array().unwrap().contains(&json!(out_of_reach)), "{rule}");
        }
    }
    let pod = &one(&objects, "Deployment", "beamlit-operator")["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], true);
    assert_eq!(one(&objects, "ServiceAccount", "beamlit-operator")["automountServiceAccountToken"], false);

    // The certificate has the name that both configurations call, and they trust who signs it.
    let certificate = one(&objects, "Certificate", "beamlit-operator-webhook");
    for (kind, name) in [
        ("MutatingWebhookConfiguration", "zz-beamlit-operator"),
        ("ValidatingWebhookConfiguration", "beamlit-operator"),
    ] {
        let configuration = one(&objects, kind, name);
        assert_eq!(
            configuration["metadata"]["annotations"]["cert-manager.io/inject-ca-from"],
            format!("{NAMESPACE}/beamlit-operator-webhook")
        );
        for webhook in configuration["webhooks"].as_array().unwrap() {
            let service = &webhook["clientConfig"]["service"];
            let called =
                format!("{}.{}.svc", service["name"].as_str().unwrap(), service["namespace"].as_str().unwrap());
            assert!(certificate["spec"]["dnsNames"].as_array().unwrap().contains(&json!(called)), "{certificate}");
            assert!(one(&objects, "Service", service["name"].as_str().unwrap())["spec"]["ports"][0]["port"] == 443);
        }
    }
    let authority = one(&objects, "Certificate", "beamlit-operator-ca");
    let signer = one(&objects, "Issuer", certificate["spec"]["issuerRef"]["name"].as_str().unwrap());
    assert_eq!(signer["spec"]["ca"]["secretName"], authority["spec"]["secretName"]);
    let own = one(&objects, "Issuer", authority["spec"]["issuerRef"]["name"].as_str().unwrap());
    assert_eq!(own["spec"], json!({"selfSigned": {}}));
    assert_eq!(authority["spec"]["isCA"], true);
    let hours =
        |of: &Value, what: &str| -> u64 { of["spec"][what].as_str().unwrap().trim_end_matches('h').parse().unwrap() };
    // No authority that is still trusted runs out before what it signed.
    assert!(hours(authority, "renewBefore") > hours(certificate, "duration"));
    assert_eq!(authority["spec"]["privateKey"]["rotationPolicy"], "Never");
    assert_eq!(certificate["spec"]["privateKey"]["rotationPolicy"], "Always");
    assert!(hours(certificate, "duration") >= 7 * 24);
    assert_eq!(hours(certificate, "renewBefore") * 3, hours(certificate, "duration"), "renewed at two thirds");

    // What it writes is mounted where the operator reads it, as a folder.
    let [.., volume] = &pod["volumes"].as_array().unwrap()[..] else { panic!("{pod}") };
    assert_eq!(volume["secret"]["secretName"], certificate["spec"]["secretName"]);
    let mounted = mounted(pod, volume["name"].as_str().unwrap());
    let arguments = &pod["containers"][0]["args"];
    for argument in [format!("--tls-cert={mounted}/tls.crt"), format!("--tls-key={mounted}/tls.key")] {
        assert!(arguments.as_array().unwrap().contains(&argument.clone().into()), "{argument} is not in {arguments}");
    }
    assert!(!arguments.to_string().contains("self-managed"), "{arguments}");
}

#[test]
fn prometheus_is_led_to_the_metrics() {
    let installation = Installation::none();
    let (base, monitoring) = (built(installation.admin(), "deploy"), built(installation.admin(), "deploy/monitoring"));
    let kinds: Vec<&str> = monitoring.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ConfigMap", "PrometheusRule", "ServiceMonitor"]);
    // Grafana finds the dashboard by its label, and takes each key for a file.
    let dashboard = one(&monitoring, "ConfigMap", "beamlit-operator-dashboard");
    assert_eq!(dashboard["metadata"]["labels"]["grafana_dashboard"], "1");
    let json = dashboard["data"]["beamlit-operator.json"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(json).unwrap()["uid"], "beamlit-operator");
    let spec = &one(&monitoring, "ServiceMonitor", "beamlit-operator")["spec"];
    let service = one(&base, "Service", "beamlit-operator-metrics");
    let wanted = spec["selector"]["matchLabels"].as_object().unwrap();
    let chosen = base
        .iter()
        .filter(|object| object["kind"] == "Service")
        .filter(|object| wanted.iter().all(|(key, value)| &object["metadata"]["labels"][key] == value));
    assert_eq!(chosen.collect::<Vec<_>>(), [service], "one Service, or each replica is scraped twice");
    assert_eq!(spec["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
    let label = spec["jobLabel"].as_str().unwrap();
    assert_eq!(service["metadata"]["labels"][label], "beamlit-operator");
}
