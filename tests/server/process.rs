//! The binary as a process on free ports, ended when the test ends.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How long anything may take that should be there at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// A certificate for `localhost` that is its own CA.
pub(crate) struct Certificate {
    folder: tempfile::TempDir,
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) der: CertificateDer<'static>,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        Self::made(|_| {})
    }

    /// A certificate that is not as it should be.
    pub(crate) fn made(change: impl FnOnce(&mut rcgen::CertificateParams)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        change(&mut params);
        let signing = rcgen::KeyPair::generate().unwrap();
        let made = params.self_signed(&signing).unwrap();
        let (cert, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
        std::fs::write(&cert, made.pem()).unwrap();
        std::fs::write(&key, signing.serialize_pem()).unwrap();
        Self { folder, cert, key, der: made.der().clone() }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A running operator.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) certificate: Arc<Certificate>,
    pub(crate) gate: SocketAddr,
    pub(crate) health: SocketAddr,
    log: PathBuf,
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beamlit-operator"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BEAMLIT_OPERATOR_")) {
        command.env_remove(name);
    }
    // Nothing of the person's own cluster.
    for name in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HOME"] {
        command.env_remove(name);
    }
    // As in the Deployment: otherwise threads, and with them memory, depend on the machine.
    command.env("TOKIO_WORKER_THREADS", "4");
    // Most tests are about one process, and have no cluster for it.
    command.env("BEAMLIT_OPERATOR_STANDALONE", "true");
    command.arg("serve").stdin(Stdio::null());
    command
}

impl Process {
    /// Starts the operator on free ports, and waits until it listens.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_where(&[], flags)
    }

    /// As [`Process::start`], with these environment variables.
    pub(crate) fn start_where(environment: &[(&str, &Path)], flags: &[&str]) -> Self {
        let certificate = Certificate::new();
        let (cert, key) = (certificate.cert.clone(), certificate.key.clone());
        Self::spawn(certificate, &[&tls_flags(&cert, &key).each_ref().map(String::as_str), flags].concat(), environment)
    }

    /// As [`Process::start`], with a certificate of which the caller takes care.
    pub(crate) fn start_with(cert: &Path, key: &Path, flags: &[&str]) -> Self {
        let tls = tls_flags(cert, key);
        Self::spawn(Certificate::new(), &[&tls.each_ref().map(String::as_str), flags].concat(), &[])
    }

    /// As [`Process::start`], without a certificate, and with these environment variables.
    pub(crate) fn start_in(environment: &[(&str, &Path)], flags: &[&str]) -> Self {
        Self::spawn(Certificate::new(), flags, environment)
    }

    fn spawn(certificate: Certificate, flags: &[&str], environment: &[(&str, &Path)]) -> Self {
        let certificate = Arc::new(certificate);
        let log = certificate.folder().join("log");
        let file = std::fs::File::create(&log).unwrap();
        let mut child = command()
            .args(["--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0"])
            .args(if flags.iter().any(|flag| flag.starts_with("--log-format")) {
                &[]
            } else {
                &["--log-format=json"][..]
            })
            .args(flags)
            .envs(environment.iter().copied())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let started = Instant::now();
        let (gate, health) = loop {
            let text = std::fs::read_to_string(&log).unwrap();
            if let Some(found) = text.lines().find_map(listening) {
                break found;
            }
            if let Some(status) = child.try_wait().unwrap() {
                panic!("{status}: {text}");
            }
            assert!(started.elapsed() < PATIENCE, "{text}");
            std::thread::sleep(Duration::from_millis(10));
        };
        Self { child, certificate, gate, health, log }
    }

    /// Runs the operator with these flags alone until it ends by itself.
    pub(crate) fn run(flags: &[&str]) -> (ExitStatus, String) {
        Self::run_in(&[], flags)
    }

    /// As [`Process::run`], with these environment variables.
    pub(crate) fn run_in(environment: &[(&str, &Path)], flags: &[&str]) -> (ExitStatus, String) {
        let mut command = command();
        let mut child = command
            .args(flags)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if started.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("it does not end");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        (status, text)
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.child.id())).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Asks the plain port.
    pub(crate) async fn probe(&self, path: &str) -> (u16, String) {
        let (head, body) = self.probe_with(path, "").await;
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
    }

    /// Asks the plain port with further headers, each of which ends its line; the head of the answer and its body.
    pub(crate) async fn probe_with(&self, path: &str, headers: &str) -> (String, String) {
        let mut stream = tokio::net::TcpStream::connect(self.health).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    pub(crate) async fn wait_for_probe(&self, path: &str, status: u16) {
        let started = Instant::now();
        while self.probe(path).await.0 != status {
            assert!(started.elapsed() < PATIENCE);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn wait_for_metric(&self, line: &str) {
        let started = Instant::now();
        loop {
            let metrics = self.probe("/metrics").await.1;
            if metrics.lines().any(|found| found == line) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{metrics}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn tls_flags(cert: &Path, key: &Path) -> [String; 3] {
    ["--tls-name=localhost".into(), format!("--tls-cert={}", cert.display()), format!("--tls-key={}", key.display())]
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The addresses in the line "listening", in either form of the log.
fn listening(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    if !line.contains("listening") {
        return None;
    }
    match serde_json::from_str::<Value>(line) {
        Ok(event) => Some((event["gate"].as_str()?.parse().ok()?, event["health"].as_str()?.parse().ok()?)),
        Err(_) => {
            let value = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name)?.parse().ok());
            Some((value("gate=")?, value("health=")?))
        }
    }
}
