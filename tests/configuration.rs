//! `serve --config`: the file as the running operator takes it over, or does not.
#![cfg(feature = "operator")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use more of it")]
mod server {
    pub(crate) mod client;
    pub(crate) mod process;
}

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustls::version::TLS13;
use serde_json::{Value, json};
use server::client::Client;
use server::process::{Certificate, Process};

/// A remote backend in the cluster's own insides, which nobody may use unless configuration says so.
const GUARDED: &str = "models.other.svc.k8s.example";

fn document(rest: &str) -> String {
    format!("apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\n{rest}")
}

fn allowing(host: &str) -> String {
    document(&format!("clusterDomain: k8s.example\nallowedHosts: [\"{host}\"]\n"))
}

/// Whether a ModelDeployment with this backend is admitted.
async fn admitted(process: &Process, host: &str) -> bool {
    let spec = json!({
        "enabled": true, "environment": "production", "model": "m",
        "modelSourceRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "m"},
        "serviceRef": {"name": "m", "targetPort": 80},
        "offloadingConfig": {"metrics": [], "behavior": {"percentage": 50}, "remoteBackend": {"host": host, "scheme": "https"}},
    });
    let object = json!({
        "apiVersion": "deployment.beamlit.com/v1alpha1", "kind": "ModelDeployment",
        "metadata": {"name": "m", "namespace": "ns"}, "spec": spec,
    });
    let kind = json!({"group": "deployment.beamlit.com", "version": "v1alpha1", "kind": "ModelDeployment"});
    let resource = json!({"group": "deployment.beamlit.com", "version": "v1alpha1", "resource": "modeldeployments"});
    let request = json!({
        "uid": "1", "kind": kind, "resource": resource, "name": "m", "namespace": "ns", "operation": "CREATE",
        "userInfo": {}, "object": object, "oldObject": null, "dryRun": false,
    });
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    let mut client = Client::connect(process, &[&TLS13], false).await;
    let (status, answer) = client.review("/validate", &review.to_string()).await;
    assert_eq!(status, 200, "{answer:?}");
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    // Whatever else is wrong would be told too.
    let said = answer["response"]["status"]["message"].as_str().unwrap_or_default();
    assert!(said.is_empty() || said.contains("remoteBackend.host"), "{said}");
    answer["response"]["allowed"].as_bool().unwrap()
}

fn start(file: &Path, flags: &[&str]) -> Process {
    let config = format!("--config={}", file.display());
    Process::start(&[&[config.as_str(), "--config-reload-interval=50ms"], flags].concat())
}

#[tokio::test]
async fn a_configuration_that_changes_is_taken_over_and_a_bad_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    // As a kubelet mounts a ConfigMap.
    let path = |name: &str| folder.path().join(name);
    let mount = |version: &str, content: &str| {
        fs::create_dir(path(version)).unwrap();
        fs::write(path(version).join("config.yaml"), content).unwrap();
        symlink(version, path("..new")).unwrap();
        fs::rename(path("..new"), path("..data")).unwrap();
    };
    mount("1", &allowing("another.example"));
    symlink("..data/config.yaml", path("config.yaml")).unwrap();
    let process = start(&path("config.yaml"), &[]);
    assert!(!admitted(&process, GUARDED).await);
    assert_eq!(process.probe("/readyz").await, (200, "ok\n".to_owned()));

    mount("2", &allowing(GUARDED));
    process.wait_for_metric("beamlit_operator_configuration_reloads_total 1").await;
    assert!(admitted(&process, GUARDED).await);

    mount("3", &document("clusterDomian: k8s.example\nallowedHosts: [\"*\"]\n"));
    process.wait_for_metric("beamlit_operator_configuration_fault 1").await;
    let (status, told) = process.probe("/readyz").await;
    assert_eq!(status, 200, "the last good one counts: {told}");
    let warnings: Vec<&str> = told.lines().filter(|line| line.starts_with("warning: configuration: ")).collect();
    for (line, what) in [(3, "clusterDomain"), (4, "would match every host")] {
        let place = format!("{}:{line}:", path("config.yaml").display());
        assert!(warnings.iter().any(|warning| warning.contains(&place) && warning.contains(what)), "{told}");
    }
    assert!(warnings.iter().all(|line| line.ends_with("; the last good one still counts")), "{told}");
    assert!(admitted(&process, GUARDED).await);

    // Gone altogether, and back: as it was, so that nothing is taken over.
    fs::remove_file(path("..data")).unwrap();
    process.wait_for_metric("beamlit_operator_configuration_fault 1").await;
    mount("4", &allowing(GUARDED));
    process.wait_for_metric("beamlit_operator_configuration_fault 0").await;
    assert_eq!(process.probe("/readyz").await, (200, "ok\n".to_owned()));
    process.wait_for_metric("beamlit_operator_configuration_reloads_total 1").await;
    let log = process.log();
    assert_eq!(log.matches("took over the changed configuration").count(), 1, "{log}");
    assert_eq!(log.matches("clusterDomian").count(), 1, "told once: {log}");
}

#[tokio::test]
async fn the_flag_counts_more_than_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    fs::write(&file, document("clusterDomain: k8s.example\n")).unwrap();
    assert!(!admitted(&start(&file, &[]), GUARDED).await);
    // Elsewhere this is a name like any other.
    assert!(admitted(&start(&file, &["--cluster-domain=elsewhere.example"]), GUARDED).await);
}

#[test]
fn a_bad_configuration_at_the_start_is_an_error_that_names_every_fault() {
    let certificate = Certificate::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    let said = |content: &str| {
        fs::write(&file, content).unwrap();
        let (status, said) = Process::run(&[
            "--tls-name=localhost",
            &format!("--tls-cert={}", certificate.cert.display()),
            &format!("--tls-key={}", certificate.key.display()),
            &format!("--config={}", file.display()),
            "--listen=127.0.0.1:0",
            "--health-listen=127.0.0.1:0",
        ]);
        assert_eq!(status.code(), Some(1), "{said}");
        said
    };
    let several = said(&document("clusterDomian: k8s.example\nallowedHosts: [\"*\"]\n"));
    for line in [3, 4] {
        assert!(several.contains(&format!("{}:{line}:", file.display())), "{several}");
    }
    assert!(said("").contains("config.yaml: there is nothing in it"));
}

#[test]
fn without_a_cluster_somebody_must_say_that_there_is_none() {
    let certificate = Certificate::new();
    let (status, said) = Process::run_in(
        &[("BEAMLIT_OPERATOR_STANDALONE", Path::new("false"))],
        &[
            "--tls-name=localhost",
            &format!("--tls-cert={}", certificate.cert.display()),
            &format!("--tls-key={}", certificate.key.display()),
            "--listen=127.0.0.1:0",
            "--health-listen=127.0.0.1:0",
        ],
    );
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("(unless --standalone is given), which needs access to it, by a kubeconfig that"), "{said}");
}
