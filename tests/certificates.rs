//! Certificates from files, as the running operator takes them over: the real binary, real handshakes, and files that change
//! as kubelets, people and accidents change them.
#![cfg(feature = "operator")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use more of it")]
mod server {
    pub(crate) mod client;
    pub(crate) mod process;
}

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use server::process::Process;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const REVIEW: &str = include_str!("admission-reviews/002-CREATE-ModelDeployment.json");

/// How long anything may take that should follow at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the operator looks at its files here.
const EVERY: &str = "--tls-reload-interval=100ms";

/// An authority, and certificates of it.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key in PEM, and what is seen of it in a handshake.
struct Made {
    chain: String,
    key: String,
    der: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn leaf(&self, change: impl FnOnce(&mut CertificateParams)) -> Made {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &self.0).unwrap();
        Made { chain: made.pem(), key: key.serialize_pem(), der: made.der().clone() }
    }

    /// A leaf of an authority that this one signed, and the chain that leads here.
    fn leaf_of_an_intermediate(&self) -> Made {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.distinguished_name.push(DnType::CommonName, "intermediate");
        let between = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.0).unwrap();
        let pem = between.pem();
        let leaf = Self(between).leaf(|_| {});
        Made { chain: leaf.chain + &pem, ..leaf }
    }
}

/// A client that trusts an authority, and shows a certificate if it has one.
struct Client(TlsConnector);

impl Client {
    fn new(trusted: &Authority, shows: Option<&Made>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.0.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match shows {
            Some(made) => {
                let key = PrivateKeyDer::try_from(KeyPair::from_pem(&made.key).unwrap().serialize_der()).unwrap();
                builder.with_client_auth_cert(vec![made.der.clone()], key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        Self(TlsConnector::from(Arc::new(config)))
    }

    /// The certificate that the operator shows, if its chain is trusted and a review is answered over it.
    async fn sees(&self, process: &Process) -> Result<CertificateDer<'static>, String> {
        let text = |error: std::io::Error| error.to_string();
        let stream = TcpStream::connect(process.gate).await.map_err(text)?;
        let mut stream = self.0.connect("localhost".try_into().unwrap(), stream).await.map_err(text)?;
        let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
        let head =
            "POST /validate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n";
        let request = format!("{head}content-length: {}\r\n\r\n{REVIEW}", REVIEW.len());
        stream.write_all(request.as_bytes()).await.map_err(text)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.map_err(text)?;
        if String::from_utf8_lossy(&answer).contains("\"allowed\":true") { Ok(shown) } else { Err("no answer".into()) }
    }

    async fn waits_for(&self, process: &Process, made: &Made) {
        let began = Instant::now();
        loop {
            let seen = self.sees(process).await;
            if seen.as_ref() == Ok(&made.der) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{seen:?}: {}", process.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

/// A folder as a kubelet mounts a Secret: the files are links into `..data`, which is a link to a folder of one moment.
struct Mounted(tempfile::TempDir, std::cell::Cell<u32>);

impl Mounted {
    fn new(made: &Made) -> Self {
        let mounted = Self(tempfile::tempdir().unwrap(), 0.into());
        mounted.swap(&made.chain, &made.key);
        for name in ["tls.crt", "tls.key"] {
            symlink(format!("..data/{name}"), mounted.path(name)).unwrap();
        }
        mounted
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts another content in place at one stroke.
    fn swap(&self, chain: &str, key: &str) {
        self.1.set(self.1.get() + 1);
        let moment = format!("..moment-{}", self.1.get());
        fs::create_dir(self.path(&moment)).unwrap();
        fs::write(self.path(&moment).join("tls.crt"), chain).unwrap();
        fs::write(self.path(&moment).join("tls.key"), key).unwrap();
        symlink(moment, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
    }

    fn start(&self, flags: &[&str]) -> Process {
        let (cert, key) = (self.path("tls.crt"), self.path("tls.key"));
        Process::start_with(&cert, &key, &[flags, &[EVERY]].concat())
    }
}

#[tokio::test]
async fn what_a_kubelet_swaps_is_taken_over_without_a_restart() {
    let authority = Authority::new();
    let client = Client::new(&authority, None);
    let first = authority.leaf(|_| {});
    let mounted = Mounted::new(&first);
    let process = mounted.start(&[]);
    assert_eq!(client.sees(&process).await.as_ref(), Ok(&first.der));
    for made in [authority.leaf(|_| {}), authority.leaf_of_an_intermediate()] {
        mounted.swap(&made.chain, &made.key);
        client.waits_for(&process, &made).await;
    }
    process.wait_for_metric("beamlit_operator_certificate_reloads_total 2").await;
    process
        .wait_for_metric(
            "beamlit_operator_certificate_not_after_timestamp_seconds{certificate=\"serving\"} 67090118400",
        )
        .await;
    assert_eq!(process.probe("/readyz").await, (200, "ok\n".into()));
}

#[tokio::test]
async fn a_pair_at_fault_is_told_and_the_last_good_one_kept_until_it_is_mended() {
    let authority = Authority::new();
    let client = Client::new(&authority, None);
    let good = authority.leaf(|_| {});
    let mounted = Mounted::new(&good);
    let process = mounted.start(&[]);
    let other = authority.leaf(|_| {});
    let over = authority.leaf(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let early = authority.leaf(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1));
    let elsewhere = authority.leaf(|params| params.subject_alt_names.clear());
    let client_only = authority.leaf(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let half = |text: &str| text[..text.len() / 2].to_owned();
    let (path, secret) = (mounted.path(""), good.key.lines().nth(1).unwrap().to_owned());
    let mut faults = 0;
    for (chain, key, fault) in [
        (over.chain, over.key, "tls.crt: the certificate expired at 2020-01-01T00:00:00Z"),
        (early.chain, early.key, "tls.crt: the certificate is not valid before 4000-01-01T00:00:00Z"),
        (
            elsewhere.chain,
            elsewhere.key,
            "tls.crt: the certificate is not for localhost, by which the API server calls, but for no DNS name",
        ),
        (client_only.chain, client_only.key, "tls.crt: the certificate is not for servers"),
        (other.chain.clone(), good.key.clone(), "tls.key: the key does not belong to the certificate in"),
        (String::new(), good.key.clone(), "tls.crt: is empty, and should hold a certificate"),
        (good.chain.clone(), String::new(), "tls.key: is empty, and should hold a private key"),
        (half(&good.chain), good.key.clone(), "tls.crt: is not well-formed PEM"),
        (good.chain.clone(), half(&good.key), "tls.key: is not well-formed PEM"),
    ] {
        mounted.swap(&chain, &key);
        faults += 1;
        process
            .wait_for_metric(&format!("beamlit_operator_certificate_faults_total{{source=\"files\"}} {faults}"))
            .await;
        process.wait_for_metric("beamlit_operator_certificate_fault{source=\"files\"} 1").await;
        let (status, told) = process.probe("/readyz").await;
        let told = told.replace(&format!("{}", path.display()), "");
        assert_eq!(status, 200, "{told}");
        assert!(told.starts_with(&format!("ok\nwarning: {fault}")), "{told}");
        assert_eq!(client.sees(&process).await.as_ref(), Ok(&good.der), "{fault}");
    }
    let log = process.log();
    assert_eq!(log.matches("still serving the last good one, valid until 4096-01-01T00:00:00Z").count(), faults);
    assert!(!log.contains(&secret), "a key is in the log");

    mounted.swap(&other.chain, &other.key);
    client.waits_for(&process, &other).await;
    process.wait_for_metric("beamlit_operator_certificate_fault{source=\"files\"} 0").await;
    assert_eq!(process.probe("/readyz").await, (200, "ok\n".into()));
}

#[tokio::test]
async fn files_that_are_taken_away_or_cannot_be_read_are_told_and_taken_when_they_are_back() {
    let authority = Authority::new();
    let client = Client::new(&authority, None);
    let (first, second) = (authority.leaf(|_| {}), authority.leaf(|_| {}));
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("both.pem"), folder.path().join("both.pem"));
    fs::write(&cert, format!("{}{}", first.chain, first.key)).unwrap();
    let process = Process::start_with(&cert, &key, &[EVERY]);
    fs::remove_file(&cert).unwrap();
    process.wait_for_metric("beamlit_operator_certificate_fault{source=\"files\"} 1").await;
    assert!(process.probe("/readyz").await.1.contains("both.pem: cannot be read: No such file or directory"));
    fs::create_dir(&cert).unwrap();
    process.wait_for_metric("beamlit_operator_certificate_faults_total{source=\"files\"} 2").await;
    assert!(process.probe("/readyz").await.1.contains("both.pem: cannot be read: it is no regular file"));
    fs::remove_dir(&cert).unwrap();
    // A pipe that nobody writes to is not waited for.
    assert!(std::process::Command::new("mkfifo").arg(&cert).status().unwrap().success());
    tokio::time::sleep(Duration::from_millis(500)).await;
    fs::remove_file(&cert).unwrap();
    let began = Instant::now();
    while !process.probe("/readyz").await.1.contains("No such file") {
        assert!(began.elapsed() < PATIENCE, "{}", process.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(client.sees(&process).await.as_ref(), Ok(&first.der));

    // Written in pieces, as a copy over a slow line is: no piece is ever served, and none is in the way of the whole.
    let whole = format!("{}{}", second.chain, second.key);
    for end in (0..=whole.len()).step_by(whole.len() / 6).chain([whole.len()]) {
        fs::write(&cert, &whole[..end]).unwrap();
        fs::set_permissions(&cert, fs::Permissions::from_mode(0o600)).unwrap();
        tokio::time::sleep(Duration::from_millis(70)).await;
    }
    client.waits_for(&process, &second).await;
    process.wait_for_metric("beamlit_operator_certificate_fault{source=\"files\"} 0").await;
}

#[tokio::test]
async fn a_certificate_that_runs_out_while_it_is_served_is_told() {
    let authority = Authority::new();
    let mounted = Mounted::new(&authority.leaf(|_| {}));
    let process = mounted.start(&[]);
    let end = time::OffsetDateTime::now_utc() + time::Duration::seconds(5);
    let brief = authority.leaf(|params| params.not_after = end);
    mounted.swap(&brief.chain, &brief.key);
    process.wait_for_metric("beamlit_operator_certificate_reloads_total 1").await;
    process.wait_for_metric("beamlit_operator_certificate_fault{source=\"files\"} 1").await;
    let (status, told) = process.probe("/readyz").await;
    assert_eq!(status, 200, "the API server's own error names the cause better than no answer would");
    assert!(told.contains("tls.crt: the certificate expired at "), "{told}");
}

#[tokio::test]
async fn with_a_client_ca_only_the_named_clients_of_it_are_answered_and_the_probes_stay_open() {
    let authority = Authority::new();
    let (ours, theirs) = (Authority::new(), Authority::new());
    let named = |authority: &Authority, name: &str| {
        authority.leaf(|params| {
            params.subject_alt_names.clear();
            params.distinguished_name.push(DnType::CommonName, name);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    };
    let mounted = Mounted::new(&authority.leaf(|_| {}));
    let file = mounted.path("client-ca.crt");
    fs::write(&file, ours.0.pem()).unwrap();
    let process = mounted.start(&[&flag("client-ca", &file), "--client-name=kube-apiserver,other"]);
    let (right, node, forged) =
        (named(&ours, "kube-apiserver"), named(&ours, "system:node:one"), named(&theirs, "kube-apiserver"));
    for (shows, answered) in [(Some(&right), true), (Some(&node), false), (Some(&forged), false), (None, false)] {
        let seen = Client::new(&authority, shows).sees(&process).await;
        assert_eq!(seen.is_ok(), answered, "{seen:?}");
    }
    assert_eq!(process.probe("/readyz").await, (200, "ok\n".into()));
    assert_eq!(process.probe("/metrics").await.0, 200);

    // Another authority is taken over; one at fault is not, and shuts nobody out.
    fs::write(&file, theirs.0.pem()).unwrap();
    let client = Client::new(&authority, Some(&forged));
    let began = Instant::now();
    while client.sees(&process).await.is_err() {
        assert!(began.elapsed() < PATIENCE, "{}", process.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(Client::new(&authority, Some(&right)).sees(&process).await.is_err());
    fs::write(&file, "").unwrap();
    process.wait_for_metric("beamlit_operator_certificate_fault{source=\"client_ca\"} 1").await;
    assert!(client.sees(&process).await.is_ok());
}

#[tokio::test]
async fn without_a_way_to_the_api_server_self_managed_says_so_and_with_a_silent_one_it_waits() {
    // Neither a kubeconfig nor a Pod.
    let (status, said) = Process::run(&["--tls-self-managed", "--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0"]);
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("self-managed certificates need access to the Kubernetes API, by a kubeconfig that $KUBECONFIG names or from within a Pod: "), "{said}");
    for (flags, why) in [
        (["--tls-self-managed", "--tls-name=localhost"], "--tls-name: \"localhost\" is not SERVICE.NAMESPACE.svc"),
        (
            ["--tls-self-managed", "--tls-ca-lifetime=1000h"],
            "--tls-ca-lifetime must be at least three times --tls-lifetime",
        ),
        (["--tls-self-managed", "--tls-lifetime=1s"], "--tls-lifetime must be at least 10 s"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = silent(folder.path());
        let mut flags = flags.to_vec();
        flags.extend(["--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0"]);
        let (status, said) = Process::run_in(&[("KUBECONFIG", &kubeconfig)], &flags);
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(why), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = silent(folder.path());
    let process = Process::start_in(&[("KUBECONFIG", &kubeconfig)], &["--tls-self-managed"]);
    process.wait_for_metric("beamlit_operator_certificate_fault{source=\"secret\"} 1").await;
    assert_eq!(process.probe("/healthz").await.0, 200, "a restart would help nobody");
    // It is told once, however often it is tried.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(process.log().lines().count(), 2, "{}", process.log());
    let (status, told) = process.probe("/readyz").await;
    assert_eq!(status, 503);
    let known =
        "there is no certificate yet\nwarning: cannot read Secret beamlit-system/beamlit-operator-webhook-tls: ";
    assert!(told.starts_with(known) && told.contains("Connection refused"), "{told}");
    process.wait_for_metric("beamlit_operator_ready 0").await;
}

/// A kubeconfig that leads to a port where nobody listens.
fn silent(folder: &Path) -> PathBuf {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("https://127.0.0.1:{port}")}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    });
    let path = folder.join("kubeconfig");
    fs::write(&path, config.to_string()).unwrap();
    path
}
