//! Certificates that manage themselves, on a real API server: replicas that agree, rotation without a failed call, and what
//! people and accidents do to the Secret and to the configurations.

use std::io::Write as _;
use std::sync::MutexGuard;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::apart;
use crate::harness::control_plane::SHOWN;
use crate::harness::operator::{
    NAMESPACE, Operator, change_every_webhook, clock, lead_to, register, unregister, wait_until_asked,
};
use crate::harness::review::{Trust, bundle};
use crate::harness::{ControlPlane, Kubectl, poll};
use crate::teams::own;

const MODEL: &str = include_str!("manifests/my-model.yaml");
const SECRET: &str = "beamlit-operator-webhook-tls";
pub(crate) const CONFIGURATIONS: [&str; 2] =
    ["mutatingwebhookconfiguration zz-beamlit-operator", "validatingwebhookconfiguration beamlit-operator"];

/// A control plane on which the configurations are registered as shipped, trusting nobody yet, until this is dropped.
pub(crate) struct Registered {
    plane: MutexGuard<'static, ControlPlane>,
}

impl Registered {
    /// Whoever is to be asked listens on this port, or will be given by [`lead_to`].
    pub(crate) fn new() -> Self {
        let plane = apart();
        register(plane.admin(), None, 1).unwrap();
        Self { plane }
    }

    pub(crate) fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    pub(crate) fn admin(&self) -> &Kubectl {
        self.plane.admin()
    }

    pub(crate) fn replica(&self, name: &str, flags: &[&str]) -> Operator {
        Operator::self_managed(&self.plane, name, self.admin().kubeconfig(), flags).unwrap()
    }

    /// Lets the API server reach this replica.
    fn lead_to(&self, operator: &Operator) {
        self.lead_to_port(operator.port);
    }

    /// Lets the API server reach whoever listens on this port, which stands in the configurations too.
    pub(crate) fn lead_to_port(&self, port: u16) {
        self.lead_to_port_unasked(port);
        wait_until_asked(self.admin()).unwrap();
    }

    /// As [`Registered::lead_to_port`], without waiting for an answer.
    fn lead_to_port_unasked(&self, port: u16) {
        lead_to(self.admin(), port).unwrap();
        for configuration in CONFIGURATIONS {
            change_every_webhook(self.admin(), configuration, "clientConfig/service/port", &json!(port));
        }
    }

    fn secret(&self) -> Value {
        self.admin().in_namespace(NAMESPACE).get(&format!("secret {SECRET}"))
    }

    /// The decoded value of a key of the Secret.
    fn stored(&self, key: &str) -> String {
        decoded(&self.secret()["data"][key])
    }

    fn wait_for_bundle(&self, pem: &str) {
        for configuration in CONFIGURATIONS {
            poll(&format!("{configuration} to trust what the Secret says"), || {
                let found = bundle(self.admin(), configuration)?;
                if found == pem { Ok(()) } else { Err(found) }
            })
            .unwrap();
        }
    }

    fn patch_secret(&self, patch: &Value) {
        let kubectl = self.admin().in_namespace(NAMESPACE);
        let out = kubectl.call(&["patch", "secret", SECRET, "--type=merge", "--patch", &patch.to_string()], "");
        assert!(out.succeeded(), "{out}");
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.admin().in_namespace(NAMESPACE).run(&format!("delete secret {SECRET} --ignore-not-found"));
        if let Err(why) = unregister(self.admin()) {
            eprintln!("{why}");
        }
    }
}

fn decoded(value: &Value) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap_or_default()).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn ten_replicas_that_start_at_once_agree_on_one_certificate() {
    let registered = Registered::new();
    let replicas: Vec<Operator> = thread::scope(|scope| {
        let starting: Vec<_> = (0..10)
            .map(|number| {
                let registered = &registered;
                let kubeconfig = registered.admin().kubeconfig();
                let plane: &ControlPlane = &registered.plane;
                scope.spawn(move || {
                    Operator::self_managed(plane, &format!("replica-{number}"), kubeconfig, &[]).unwrap()
                })
            })
            .collect();
        starting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let secret = registered.secret();
    let keys: Vec<&str> = secret["data"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((keys, &secret["type"]), (vec!["ca.crt", "ca.key", "tls.crt", "tls.key"], &json!("kubernetes.io/tls")));
    let authority = registered.stored("ca.crt");
    registered.wait_for_bundle(&authority);
    let trust = Trust::in_bundle(&authority).unwrap();
    let shown: Vec<_> = replicas.iter().map(|replica| trust.review(replica.port).unwrap()).collect();
    assert!(shown.windows(2).all(|pair| pair[0] == pair[1]), "one certificate, ten times");
    let made: usize = replicas.iter().map(|replica| replica.log().matches("there is no Secret yet").count()).sum();
    assert_eq!(made, 1, "one of ten made it, and nine took it over");
    for replica in &replicas {
        assert!(!replica.log().contains(registered.stored("ca.key").lines().nth(1).unwrap()), "a key is in the log");
        for configuration in ["mutating", "validating"] {
            let name = format!("ca_bundle_current{{configuration=\"{configuration}\"}}");
            poll("the metric", || match replica.metric(&name)? {
                1.0 => Ok(()),
                other => Err(other.to_string()),
            })
            .unwrap();
        }
    }
    registered.lead_to(&replicas[3]);
    let kubectl = registered.plane.namespace("ten");
    kubectl.apply(&own(MODEL, "ten"));
}

#[test]
fn authority_and_certificate_rotate_without_a_failed_call() {
    let registered = Registered::new();
    let flags = ["--tls-lifetime=20s", "--tls-ca-lifetime=60s", "--tls-ca-announcement=3s"];
    let replicas = [registered.replica("one", &flags), registered.replica("two", &flags)];
    registered.lead_to(&replicas[0]);
    let (began, first) = (Instant::now(), registered.stored("ca.key"));
    let (mut reviews, mut leaves, mut most) = (0, Vec::new(), 0);
    // Until the next authority signs, and a while longer.
    let mut until = None;
    while until.is_none_or(|until| Instant::now() < until) {
        assert!(began.elapsed() < Duration::from_secs(120), "the authority is not replaced");
        // Whoever trusts what the configuration says now must trust whatever a replica shows now.
        let trust = Trust::registered(registered.admin()).unwrap();
        for replica in &replicas {
            let shown = trust.review(replica.port).unwrap_or_else(|why| panic!("{why}\n{}", replica.log()));
            reviews += 1;
            if !leaves.contains(&shown) {
                leaves.push(shown);
            }
        }
        registered.admin().ok_with("create --dry-run=server -f -", MODEL);
        let now = registered.stored("ca.crt");
        most = most.max(now.matches("BEGIN CERTIFICATE").count());
        if until.is_none() && registered.stored("ca.key") != first {
            until = Some(Instant::now() + Duration::from_secs(4));
        }
    }
    let line = format!(
        "rotation: {reviews} reviews over new connections, 0 failed; {} certificates seen, {most} authorities trusted at most",
        leaves.len()
    );
    writeln!(std::io::stderr(), "{line}").unwrap();
    assert!(leaves.len() >= 3, "{}", leaves.len());
    assert_eq!(most, 2, "old and new authority are trusted together");
    for replica in &replicas {
        let log = replica.log();
        assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    }
}

#[test]
fn what_somebody_does_to_the_secret_is_mended_and_nobody_notices() {
    let registered = Registered::new();
    let replica = registered.replica("mending", &[]);
    registered.lead_to(&replica);
    let (authority, key) = (registered.stored("ca.crt"), registered.stored("ca.key"));
    let empty = |keys: &[&str]| {
        let data: serde_json::Map<_, _> = keys.iter().map(|&key| (key.to_owned(), json!(""))).collect();
        json!({ "data": data })
    };
    let garbage = base64::engine::general_purpose::STANDARD.encode("garbage");
    for damage in [
        empty(&["tls.crt", "tls.key", "ca.crt", "ca.key"]),
        empty(&["ca.key"]),
        empty(&["tls.key"]),
        json!({"data": {"ca.crt": garbage}}),
        json!({"data": {"tls.crt": garbage, "mine": garbage}}),
    ] {
        registered.patch_secret(&damage);
        poll("the Secret to be whole again", || {
            let whole =
                registered.stored("tls.crt").contains("BEGIN CERTIFICATE") && !registered.stored("tls.key").is_empty();
            if whole && registered.stored("ca.key") == key && registered.stored("ca.crt") == authority {
                Ok(())
            } else {
                Err(replica.log())
            }
        })
        .unwrap();
        registered.admin().ok_with("create --dry-run=server -f -", MODEL);
        Trust::in_bundle(&authority).unwrap().review(replica.port).unwrap();
    }
    assert_eq!(decoded(&registered.secret()["data"]["mine"]), "garbage", "what others keep there stays");
    registered.admin().in_namespace(NAMESPACE).ok(&format!("delete secret {SECRET}"));
    poll("the Secret to be back", || {
        let out = registered.admin().in_namespace(NAMESPACE).run(&format!("get secret {SECRET}"));
        if out.succeeded() { Ok(()) } else { Err(out.to_string()) }
    })
    .unwrap();
    assert_eq!(registered.stored("ca.key"), key);
    // A Secret that was deleted while nobody ran is made anew, and everything follows.
    replica.end();
    registered.admin().in_namespace(NAMESPACE).ok(&format!("delete secret {SECRET}"));
    let replica = registered.replica("after", &[]);
    assert_ne!(registered.stored("ca.key"), key);
    registered.lead_to(&replica);
    registered.wait_for_bundle(&registered.stored("ca.crt"));
}

#[test]
fn what_somebody_does_to_the_configurations_is_mended_or_told() {
    let registered = Registered::new();
    let replica = registered.replica("watching", &[]);
    registered.lead_to(&replica);
    let authority = registered.stored("ca.crt");
    for configuration in CONFIGURATIONS {
        let (kind, name) = configuration.split_once(' ').unwrap();
        // Overwritten, with an authority that signed nothing of ours, and with none.
        for value in [base64::engine::general_purpose::STANDARD.encode(other_authority()), String::new()] {
            change_every_webhook(registered.admin(), configuration, "clientConfig/caBundle", &json!(value));
            registered.wait_for_bundle(&authority);
        }
        // Taken away: nobody can mend that, but everybody is told what to do.
        let manifest = registered.admin().ok(&format!("get {configuration} --output json"));
        registered.admin().ok(&format!("delete {configuration}"));
        let label = if kind.starts_with("mutating") { "mutating" } else { "validating" };
        let told = poll("the absence to be told", || {
            let (status, body) = replica.ask("/readyz")?;
            if body.contains("is not there") && status == 200 { Ok(body) } else { Err(body) }
        })
        .unwrap();
        assert!(
            told.contains(&format!("{name} is not there, so ")) && told.contains("kubectl apply -k deploy/"),
            "{told}"
        );
        assert_eq!(replica.metric(&format!("webhook_configuration_present{{configuration=\"{label}\"}}")), Ok(0.0));
        assert!(replica.log().contains(&format!("{name} is not there, so ")), "{}", replica.log());
        // Back, as it is shipped.
        let mut manifest: Value = serde_json::from_str(&manifest).unwrap();
        for webhook in manifest["webhooks"].as_array_mut().unwrap() {
            webhook["clientConfig"].as_object_mut().unwrap().remove("caBundle");
        }
        manifest["metadata"] = json!({"name": name});
        registered.admin().ok_with("create -f -", &manifest.to_string());
        registered.wait_for_bundle(&authority);
        poll("the absence to be forgotten", || match replica.ask("/readyz")? {
            (200, body) if body == "ok\n" => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .unwrap();
    }
    wait_until_asked(registered.admin()).unwrap();
}

#[test]
fn a_replica_whose_clock_is_years_ahead_disturbs_nobody() {
    let registered = Registered::new();
    let replica = registered.replica("right", &[]);
    registered.lead_to(&replica);
    let secret = registered.secret()["data"].clone();
    for offset in ["+700d", "-700d"] {
        let mut environment = vec![format!("KUBECONFIG={}", registered.admin().kubeconfig().display())];
        environment.extend(clock(offset));
        let wrong =
            Operator::launch(&registered.plane, "wrong", &environment, &["--tls-self-managed".to_owned()]).unwrap();
        let log = wrong.log();
        let this_year = time::OffsetDateTime::now_utc().year().to_string();
        assert!(log.lines().all(|line| !line.starts_with(&this_year)), "its clock is right: {log}");
        // It is the API server's clock that counts: nothing is renewed, and the same certificate is shown.
        let trust = Trust::registered(registered.admin()).unwrap();
        assert_eq!(trust.review(wrong.port).unwrap(), trust.review(replica.port).unwrap());
        assert_eq!(registered.secret()["data"], secret);
    }
}

#[test]
fn with_a_client_ca_nobody_but_the_api_server_is_answered() {
    let registered = Registered::new();
    let authority = format!("--client-ca={}", registered.plane.authority().display());
    let replica = registered.replica("closed", &[&authority, &format!("--client-name={SHOWN}")]);
    registered.lead_to(&replica);
    registered.plane.namespace("closed").apply(&own(MODEL, "closed"));
    // Nobody without a certificate, and nobody else whom the cluster's authority knows.
    let trust = Trust::registered(registered.admin()).unwrap();
    assert!(trust.review(replica.port).is_err());
    let other = registered.replica("for-another", &[&authority, "--client-name=somebody-else"]);
    registered.lead_to_port_unasked(other.port);
    poll("the API server to be turned away", || {
        let out = registered.admin().feed("create --dry-run=server -f -", MODEL);
        if out.stderr.contains("failed calling webhook") { Ok(()) } else { Err(out.to_string()) }
    })
    .unwrap();
}

/// An authority that nobody has seen before, in PEM.
fn other_authority() -> String {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
}
