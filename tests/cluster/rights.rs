//! The operator under exactly the rights that are shipped, as the ServiceAccount that is shipped: it can do all that it must,
//! asks for nothing that it may not, and has no right that it does not use.

use std::collections::BTreeSet;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::beamlit::{flags, of_beamlit, wait_for};
use crate::certificates::CONFIGURATIONS;
use crate::harness::certificates::Authority;
use crate::harness::metrics_api::MetricsApi;
use crate::harness::operator::{NAMESPACE, Operator, SERVICE, change_every_webhook, lead_to, wait_until_asked};
use crate::harness::review::bundle;
use crate::harness::{Kubectl, poll};
use crate::install::{CERT_MANAGER, Installation, built};
use crate::offloading::{cpu, says, wait_for_weight};
use crate::reconciler::serve;
use crate::stand_in::Beamlit;

const MODEL: &str = include_str!("manifests/my-model.yaml");
const POLICY: &str = include_str!("manifests/my-policy.yaml");
const SECRET: &str = "secret beamlit-operator-webhook-tls";

/// One right, or one use of it: (verb, group, resource with its subresource, name). A creation names nothing.
type Right = (String, String, String, String);

/// What the operator is given wherever its certificate comes from.
const WATCH: &str = "clusterrole beamlit-operator-watch";

/// What it is given to manage its certificates itself.
const CERTIFICATES: [&str; 2] = ["role beamlit-operator", "clusterrole beamlit-operator"];

/// What the replica that holds the Lease is given beside.
const RECONCILE: [&str; 2] = ["clusterrole beamlit-operator-reconcile", "role beamlit-operator-reconcile"];

/// The one right that no audit log shows in use: what is applied and not there is a `patch` to the log, and it is the API server that asks
/// beside it whether the account may `create`.
const UNSEEN: (&str, &str, &str) = ("create", "deployment.beamlit.com", "offloadautoscalers");

/// What these roles allow, one by one.
fn allowed(installation: &Installation, roles: &[&str]) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for role in roles {
        for rule in installation.system().get(role)["rules"].as_array().unwrap() {
            let list = |of: &str| -> Vec<String> {
                let items = rule[of].as_array().into_iter().flatten();
                items.map(|item| item.as_str().unwrap().to_owned()).collect()
            };
            let names = list("resourceNames");
            let names = if names.is_empty() { vec![String::new()] } else { names };
            for verb in list("verbs") {
                for group in list("apiGroups") {
                    for resource in list("resources") {
                        rights.extend(
                            names.iter().map(|name| (verb.clone(), group.clone(), resource.clone(), name.clone())),
                        );
                    }
                }
            }
        }
    }
    rights
}

/// What was asked for: (what was allowed, what was not), by the API server's audit log.
fn asked_for(installation: &Installation) -> (BTreeSet<Right>, BTreeSet<Right>) {
    let (mut allowed, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for event in installation.audit_log() {
        // What the API server serves, and in which versions, everyone may ask.
        let Some(object) = event.get("objectRef") else { continue };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let verb = text(&event["verb"]);
        let name = if verb == "create" { String::new() } else { text(&object["name"]) };
        let resource = match object["subresource"].as_str() {
            Some(subresource) => format!("{}/{subresource}", text(&object["resource"])),
            None => text(&object["resource"]),
        };
        let right = (verb, text(&object["apiGroup"]), resource, name);
        match event["annotations"]["authorization.k8s.io/decision"].as_str() {
            Some("allow") => allowed.insert(right),
            _ => refused.insert(right),
        };
    }
    (allowed, refused)
}

/// `caBundle` of both configurations.
fn bundles(kubectl: &Kubectl) -> Result<Vec<String>, String> {
    CONFIGURATIONS.into_iter().map(|configuration| bundle(kubectl, configuration)).collect()
}

pub(crate) fn wait_for_both_to_trust(installation: &Installation) -> String {
    poll("both configurations to trust what the Secret says", || {
        let secret = installation.system().get(SECRET)["data"]["ca.crt"].clone();
        let secret = secret.as_str().and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
        let secret = String::from_utf8(secret.unwrap_or_default()).unwrap();
        let found = bundles(installation.admin())?;
        if !secret.is_empty() && found.iter().all(|bundle| *bundle == secret) {
            Ok(secret)
        } else {
            Err(format!("{secret}{found:?}"))
        }
    })
    .unwrap()
}

/// Has the API server ask this operator. Pods cannot run here: the Service leads to the process beside us, by another kind of Service
/// and its own port.
pub(crate) fn have_it_asked(installation: &Installation, operator: &Operator) {
    let admin = installation.admin();
    installation.system().ok(&format!("delete service {SERVICE}"));
    lead_to(admin, operator.port).unwrap();
    for configuration in CONFIGURATIONS {
        change_every_webhook(admin, configuration, "clientConfig/service/port", &json!(operator.port));
    }
    wait_until_asked(admin).unwrap();
}

/// Changes what is stored, as somebody does who may.
fn patched(kubectl: &Kubectl, what: &str, kind: &str, patch: &Value) {
    let (resource, name) = what.split_once(' ').unwrap();
    let out = kubectl.call(&["patch", resource, name, kind, "--patch", &patch.to_string()], "");
    assert!(out.succeeded(), "{out}");
}

#[test]
fn with_the_shipped_rights_and_no_other_the_operator_does_all_that_it_must() {
    let installation = Installation::shipped();
    installation.plane().install_reference_grants().unwrap();
    let (admin, system) = (installation.admin(), installation.system());
    let account = installation.plane().service_account(NAMESPACE, "beamlit-operator");
    let start = |name: &str| {
        Operator::self_managed(installation.plane(), name, account.kubeconfig(), &["--shutdown-delay=0s"]).unwrap()
    };

    // The Secret is made, and both configurations are filled in.
    let operator = start("operator");
    let authority = wait_for_both_to_trust(&installation);
    // Whoever applies the manifests again, in either way, takes nothing of that back.
    for flags in ["", "--server-side"] {
        installation.apply(flags);
        assert_eq!(bundles(admin).unwrap(), [authority.clone(), authority.clone()], "{flags}");
    }

    have_it_asked(&installation, &operator);

    // It judges what people with a role in their own namespace apply.
    let team = installation.team();
    team.ok("create rolebinding edit --clusterrole=edit --user=erin");
    poll("the roles to be added up", || {
        let out = team.run("auth can-i create modeldeployments.deployment.beamlit.com --as=erin");
        if out.succeeded() { Ok(()) } else { Err(out.to_string()) }
    })
    .unwrap();
    team.ok_with("apply --as=erin -f -", &format!("{MODEL}\n---\n{POLICY}"));
    let refused = team.feed("apply --as=erin -f -", &MODEL.replace("model: my-model", "model: my model"));
    assert!(!refused.succeeded() && refused.stderr.contains("[MD001]"), "{refused}");

    // What others overwrite, empty or delete, it puts right.
    for configuration in CONFIGURATIONS {
        change_every_webhook(admin, configuration, "clientConfig/caBundle", &Value::Null);
    }
    assert_eq!(wait_for_both_to_trust(&installation), authority);
    patched(&system, SECRET, "--type=merge", &json!({"data": {"tls.crt": "", "tls.key": ""}}));
    poll("the Secret to be whole", || {
        let found = system.get(SECRET)["data"]["tls.crt"].clone();
        if found.as_str().is_some_and(|text| !text.is_empty()) { Ok(()) } else { Err(found.to_string()) }
    })
    .unwrap();
    // A second replica comes to what the first one made.
    let second = start("second");
    assert_eq!(wait_for_both_to_trust(&installation), authority);
    for replica in [&operator, &second] {
        for metric in ["ca_bundle_current", "webhook_configuration_present"] {
            for configuration in ["mutating", "validating"] {
                poll("the metric", || {
                    match replica.metric(&format!("{metric}{{configuration=\"{configuration}\"}}")) {
                        Ok(value) if value > 0.0 => Ok(()),
                        other => Err(format!("{other:?}")),
                    }
                })
                .unwrap();
            }
        }
    }

    let [role, cluster_role] = CERTIFICATES;
    every_right_is_used_and_no_other(&installation, &[WATCH, role, cluster_role]);
}

/// Whether this right allows this use.
fn covers(right: &Right, used: &Right) -> bool {
    let name = right.3.is_empty() || right.3 == used.3;
    right.0 == used.0 && right.1 == used.1 && (right.2 == "*" || right.2 == used.2) && name
}

/// What these roles allow is what the operator has asked for, no more and no less.
#[track_caller]
fn every_right_is_used_and_no_other(installation: &Installation, roles: &[&str]) {
    let (unseen, allowed): (Vec<Right>, Vec<Right>) = allowed(installation, roles)
        .into_iter()
        .partition(|(verb, group, resource, _)| (verb.as_str(), group.as_str(), resource.as_str()) == UNSEEN);
    let used = poll("every right to be used", || {
        let (used, refused) = asked_for(installation);
        assert_eq!(refused, BTreeSet::new(), "a rule is missing");
        let unused: Vec<&Right> = allowed.iter().filter(|right| !used.iter().any(|used| covers(right, used))).collect();
        if unused.is_empty() { Ok(used) } else { Err(format!("superfluous: {unused:?}")) }
    })
    .unwrap();
    let others: Vec<&Right> = used.iter().filter(|used| !allowed.iter().any(|right| covers(right, used))).collect();
    assert_eq!(others, Vec::<&Right>::new(), "{unseen:?} is beside the log, and no role allows these");
}

/// A replica that reconciles, under the rights as they are now.
fn reconciling(installation: &Installation, flags: &[String]) -> Operator {
    let plane = installation.plane();
    let account = plane.service_account(NAMESPACE, "beamlit-operator");
    let authority = Authority::new(plane.folder().path(), "webhook-authority").unwrap();
    let mut all = vec!["--reconcile=true".to_owned(), "--decision-interval=1s".to_owned()];
    all.extend_from_slice(flags);
    Operator::from_files(plane, "operator", account.kubeconfig(), &authority, &all).unwrap()
}

/// A workload of no pods.
fn workload(kind: &str, name: &str) -> Value {
    let labels = json!({"app": name});
    let mut object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": "none"}]}}}});
    if kind != "DaemonSet" {
        object["spec"]["replicas"] = 0.into();
    }
    object
}

/// The replica that reconciles: with metrics of every kind, workloads of every kind, and Beamlit.
///
/// original-defects.md: "RBAC lacks statefulsets, daemonsets, replicasets, external and custom metrics, events."
#[test]
fn with_the_shipped_rights_and_no_other_it_reconciles() {
    let installation = Installation::shipped();
    let (admin, plane) = (installation.admin(), installation.plane());
    plane.install_reference_grants().unwrap();
    // Certificates and reviews are the business of the test above.
    for configuration in CONFIGURATIONS {
        admin.ok(&format!("delete {configuration}"));
    }
    let authority = Authority::new(plane.folder().path(), "metrics-authority").unwrap();
    let groups = [&MetricsApi::RESOURCE[..], &MetricsApi::CUSTOM_AND_EXTERNAL].concat();
    let _metrics = MetricsApi::start(admin, &authority, &groups).unwrap();
    let beamlit = Beamlit::start();
    beamlit.store(|store| store.deploys_at_once = true);
    let team = installation.team();
    poll("the CRDs to be served", || {
        let out = team.feed("apply -f -", POLICY);
        if out.succeeded() { Ok(()) } else { Err(out.to_string()) }
    })
    .unwrap();
    serve(&team, "model");
    let others = ["StatefulSet", "DaemonSet", "ReplicaSet"];
    for kind in others {
        team.apply(&workload(kind, &kind.to_lowercase()).to_string());
    }
    let _operator = reconciling(&installation, &flags(plane, &beamlit));

    let mut model = of_beamlit("model");
    model["spec"]["offloadingConfig"]["metrics"] = json!([
        cpu(90),
        {"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "10"}}},
        {"type": "Object", "object": {"describedObject": {"apiVersion": "v1", "kind": "Service", "name": "model"},
            "metric": {"name": "requests"}, "target": {"type": "Value", "value": "10"}}},
        {"type": "External", "external": {"metric": {"name": "lag"}, "target": {"type": "Value", "value": "10"}}},
    ]);
    team.apply(&model.to_string());
    // A Service that is routed, of an object that offloads no more: the four annotations and the OffloadAutoscaler go.
    poll("the Service to be routed", || {
        let says = says(&team, "model");
        if says[2].as_deref() == Some("0") { Ok(()) } else { Err(format!("{says:?}")) }
    })
    .unwrap();
    for metric in ["pods/queue", "services/requests", "lag"] {
        poll("the metric to be asked for", || {
            let (used, _) = asked_for(&installation);
            if used.iter().any(|right| right.2 == metric) { Ok(()) } else { Err(format!("{metric}: {used:?}")) }
        })
        .unwrap();
    }
    // What happens again is counted up.
    wait_for(&team, "mdep model", "Ready", "MetricsUnavailable");
    team.ok("annotate mdep model offloading.beamlit.com/paused=freeze");
    wait_for(&team, "mdep model", "Ready", "Paused");
    team.ok("annotate mdep model offloading.beamlit.com/paused-");
    poll("an event to be told twice", || {
        let (used, _) = asked_for(&installation);
        let again = |right: &Right| right.0 == "patch" && right.2 == "events";
        if used.iter().any(again) { Ok(()) } else { Err(team.ok("get events")) }
    })
    .unwrap();
    model["spec"].as_object_mut().unwrap().remove("offloadingConfig");
    team.apply(&model.to_string());
    team.ok("wait --for=delete ofa/model --timeout=60s");
    for kind in others {
        let name = kind.to_lowercase();
        let mut object = of_beamlit(&name);
        object["spec"]["modelSourceRef"]["kind"] = kind.into();
        object["spec"].as_object_mut().unwrap().remove("offloadingConfig");
        team.apply(&object.to_string());
        wait_for(&team, &format!("mdep {name}"), "Synced", "Synced");
    }
    wait_for(&team, "policy.authorization.beamlit.com my-policy", "Synced", "Synced");
    team.ok("delete mdep,policies.authorization.beamlit.com --all --timeout=100s");

    every_right_is_used_and_no_other(&installation, &[WATCH, RECONCILE[0], RECONCILE[1]]);
}

/// What [`UNSEEN`] says of the one right: without it nothing that is applied comes into being.
#[test]
fn without_the_right_to_create_them_no_autoscaler_is_applied() {
    let installation = Installation::shipped();
    for configuration in CONFIGURATIONS {
        installation.admin().ok(&format!("delete {configuration}"));
    }
    let (verb, group, resource) = UNSEEN;
    let rules = installation.admin().get(RECONCILE[0])["rules"].clone();
    let rule = rules.as_array().unwrap().iter().position(|rule| rule["resources"] == json!([resource])).unwrap();
    let verbs: Vec<&Value> = rules[rule]["verbs"].as_array().unwrap().iter().filter(|other| **other != verb).collect();
    let patch = json!([{"op": "replace", "path": format!("/rules/{rule}/verbs"), "value": verbs}]);
    patched(installation.admin(), RECONCILE[0], "--type=json", &patch);
    let team = installation.team();
    serve(&team, "model");
    let _operator = reconciling(&installation, &[]);
    poll("the right to be gone", || {
        let asked =
            format!("auth can-i {verb} {resource}.{group} --as=system:serviceaccount:{NAMESPACE}:beamlit-operator");
        let out = team.run(&asked);
        if out.stdout.trim() == "no" { Ok(()) } else { Err(out.to_string()) }
    })
    .unwrap();
    let mut model = of_beamlit("model");
    model["spec"]["offloadingConfig"]["remoteBackend"] = json!({"host": "models.example.com", "scheme": "https"});
    team.apply(&model.to_string());
    let message = wait_for(&team, "mdep model", "Ready", "WriteFailed");
    assert!(message.contains(&format!("cannot {verb} resource \"{resource}\" in API group \"{group}\"")), "{message}");
    patched(
        installation.admin(),
        RECONCILE[0],
        "--type=json",
        &json!([{"op": "replace", "path": format!("/rules/{rule}/verbs"), "value": rules[rule]["verbs"]}]),
    );
    wait_for_weight(&team, "model", 0, "AtHome");
}

/// The other install: certificates come from files, and the rights to watch are all that there is.
#[test]
fn with_certificates_from_cert_manager_the_rights_to_watch_are_all_it_needs() {
    let installation = Installation::none();
    installation.plane().install_reference_grants().unwrap();
    let admin = installation.admin();
    // All but what only cert-manager knows; what it would do, the certificate and `caBundle`, is done here.
    let objects = built(&installation.anywhere(), "deploy/cert-manager");
    let known: Vec<&Value> = objects.iter().filter(|object| object["apiVersion"] != CERT_MANAGER).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": known});
    installation.anywhere().ok_with("apply -f -", &list.to_string());
    let account = installation.plane().service_account(NAMESPACE, "beamlit-operator");
    let authority = Authority::new(installation.plane().folder().path(), "cert-manager").unwrap();
    let operator =
        Operator::from_files(installation.plane(), "operator", account.kubeconfig(), &authority, &[]).unwrap();
    installation.system().ok(&format!("delete service {SERVICE}"));
    lead_to(admin, operator.port).unwrap();
    let bundle = base64::engine::general_purpose::STANDARD.encode(authority.pem());
    for configuration in CONFIGURATIONS {
        change_every_webhook(admin, configuration, "clientConfig/caBundle", &json!(bundle));
        change_every_webhook(admin, configuration, "clientConfig/service/port", &json!(operator.port));
    }
    wait_until_asked(admin).unwrap();

    // It judges by what it watches: the policy that the model names is not there, and then it is.
    let team = installation.team();
    let named = MODEL.replace("spec:\n", "spec:\n  policies: [{refType: localPolicy, name: my-policy}]\n");
    let out = team.feed("create --dry-run=server -f -", &named);
    assert!(out.succeeded() && out.stderr.contains("[RF006]"), "{out}");
    team.apply(POLICY);
    poll("the Policy to be seen", || {
        let out = team.feed("create --dry-run=server -f -", &named);
        if out.stderr.contains("[RF006]") { Err(out.to_string()) } else { Ok(()) }
    })
    .unwrap();
    every_right_is_used_and_no_other(&installation, &[WATCH]);
}

/// The other half of the proof: what is not allowed is refused, and seen in the log that the test above reads.
#[test]
fn the_account_can_do_nothing_else() {
    let installation = Installation::shipped();
    let system = installation.system();
    system.ok("create secret generic other --from-literal=key=value");
    let account = installation.plane().service_account(NAMESPACE, "beamlit-operator");
    for (command, verb, resource, name) in [
        ("get secret other", "get", "secrets", "other"),
        ("get secrets", "list", "secrets", ""),
        ("delete secret beamlit-operator-webhook-tls", "delete", "secrets", "beamlit-operator-webhook-tls"),
        ("get nodes", "list", "nodes", ""),
        // What it may list and watch, it may not read one by one, nor make or take away; and of what people have, no more than that.
        ("get service other", "get", "services", "other"),
        ("delete service other", "delete", "services", "other"),
        ("delete pod other", "delete", "pods", "other"),
        ("delete mdep other", "delete", "modeldeployments", "other"),
        ("get configmaps", "list", "configmaps", ""),
        (
            "delete validatingwebhookconfiguration beamlit-operator",
            "delete",
            "validatingwebhookconfigurations",
            "beamlit-operator",
        ),
        ("get validatingwebhookconfigurations", "list", "validatingwebhookconfigurations", ""),
    ] {
        let out = account.run(command);
        assert!(!out.succeeded() && out.stderr.contains("forbidden"), "{command}: {out}");
        let group = match resource {
            "modeldeployments" => "deployment.beamlit.com",
            _ if resource.starts_with("validating") => "admissionregistration.k8s.io",
            _ => "",
        };
        let (_, refused) = asked_for(&installation);
        let seen = (verb.to_owned(), group.to_owned(), resource.to_owned(), name.to_owned());
        assert!(refused.contains(&seen), "{seen:?} is not in {refused:?}");
    }
}

/// RBAC lets it patch these objects as a whole; what is shipped beside lets it write its own fields and no others.
#[test]
fn the_account_writes_its_own_fields_of_other_peoples_objects_and_no_more() {
    let installation = Installation::shipped();
    let admin = installation.admin();
    // Nobody answers here, and what is judged by the gate is another matter.
    for configuration in CONFIGURATIONS {
        admin.ok(&format!("delete {configuration}"));
    }
    let team = installation.team();
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": {"team": "web"},
        "annotations": {"example.com/owner": "web"}},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    team.apply(&service.to_string());
    poll("the CRDs to be served", || {
        let out = team.feed("apply -f -", &format!("{MODEL}\n---\n{POLICY}"));
        if out.succeeded() { Ok(()) } else { Err(out.to_string()) }
    })
    .unwrap();
    // kubectl looks before it patches, which the operator does not.
    team.ok("create role look --verb=get --resource=services,modeldeployments.deployment.beamlit.com,policies.authorization.beamlit.com");
    team.ok(&format!("create rolebinding look --role=look --serviceaccount={NAMESPACE}:beamlit-operator"));
    let account = installation.plane().service_account(NAMESPACE, "beamlit-operator").in_namespace("team");
    let patched = |what: &str, patch: &Value| {
        let (kind, name) = what.split_once(' ').unwrap();
        account.call(&["patch", kind, name, "--type=merge", "--patch", &patch.to_string(), "-o", "name"], "")
    };
    // A policy takes effect a moment after it is made.
    let spec = json!({"spec": {"selector": {"app": "other"}}});
    poll("the policy to be in force", || {
        let out = patched("service web", &json!({"spec": {"externalName": "example.com"}}));
        if out.stderr.contains("the operator changes no spec") { Ok(()) } else { Err(out.to_string()) }
    })
    .unwrap();
    let ours = "deployment.beamlit.com/offload";
    let annotation = |key: &str| json!({"metadata": {"annotations": {key: "1"}}});
    for (what, patch, why) in [
        ("service web", spec, "no spec"),
        ("service web", json!({"spec": {"externalIPs": ["192.0.2.1"]}}), "no spec"),
        ("service web", json!({"metadata": {"labels": {"team": null}}}), "no labels"),
        ("service web", annotation("example.com/owner"), "no annotation"),
        ("service web", annotation("service.beta.kubernetes.io/load-balancer"), "no annotation"),
        ("service web", json!({"metadata": {"annotations": {"example.com/owner": null}}}), "no annotation"),
        ("service web", json!({"metadata": {"finalizers": [ours, "example.com/hold"]}}), "no finalizer"),
        ("mdep my-model", json!({"spec": {"model": "other"}}), "no spec"),
        ("mdep my-model", annotation("deployment.beamlit.com/orphan"), "no annotation"),
        ("mdep my-model", annotation("routing.beamlit.com/local-weight"), "no annotation"),
        ("bpol my-policy", json!({"spec": {"locations": []}}), "no spec"),
    ] {
        let out = patched(what, &patch);
        assert!(!out.succeeded() && out.stderr.contains(&format!("the operator changes {why}")), "{patch}: {out}");
    }
    for (what, patch) in [
        ("service web", annotation("routing.beamlit.com/local-weight")),
        ("service web", json!({"metadata": {"annotations": {"routing.beamlit.com/local-weight": null}}})),
        ("mdep my-model", json!({"metadata": {"finalizers": [ours]}})),
        ("mdep my-model", json!({"metadata": {"finalizers": null}})),
        ("bpol my-policy", json!({"metadata": {"finalizers": [ours]}})),
        ("bpol my-policy", json!({"metadata": {"finalizers": []}})),
    ] {
        let out = patched(what, &patch);
        assert!(out.succeeded(), "{patch}: {out}");
    }
    // To server-side apply, what is not there is to be made; RBAC refuses that first.
    let other = service.to_string().replace("\"web\"", "\"other\"");
    let out = account.feed("apply --server-side -f -", &other);
    assert!(!out.succeeded(), "{out}");
    // Nobody else is held to any of it.
    team.ok(r#"patch service web --type=merge -p {"metadata":{"labels":{"team":"other"}}}"#);
    team.ok("delete service web");
}

#[test]
fn a_right_that_is_missing_is_told_and_used_soon_after_it_is_given() {
    let installation = Installation::shipped();
    let admin = installation.admin();
    let account = installation.plane().service_account(NAMESPACE, "beamlit-operator");
    let operator = Operator::self_managed(installation.plane(), "operator", account.kubeconfig(), &[]).unwrap();
    let authority = wait_for_both_to_trust(&installation);
    let verbs = |verbs: &[&str]| {
        let patch: Vec<Value> = (0..2)
            .map(|rule| json!({"op": "replace", "path": format!("/rules/{rule}/verbs"), "value": verbs}))
            .collect();
        patched(admin, "clusterrole beamlit-operator", "--type=json", &json!(patch));
    };
    verbs(&["get", "list", "watch"]);
    poll("the missing right to be told", || {
        // The API server may still go by the old rule for a moment, and the operator then fills it in.
        change_every_webhook(admin, CONFIGURATIONS[1], "clientConfig/caBundle", &Value::Null);
        let (status, told) = operator.ask("/readyz")?;
        let expected = "warning: cannot fill in caBundle of ValidatingWebhookConfiguration beamlit-operator: ";
        if status == 200 && told.contains(expected) && told.contains("forbidden") { Ok(()) } else { Err(told) }
    })
    .unwrap();
    assert_eq!(operator.metric("ca_bundle_current{configuration=\"validating\"}"), Ok(0.0));
    verbs(&["get", "list", "watch", "patch"]);
    // Within a minute, which no regular look would have come in.
    assert_eq!(wait_for_both_to_trust(&installation), authority);
    poll("the fault to be taken back", || match operator.ask("/readyz")? {
        (200, body) if body == "ok\n" => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
}
