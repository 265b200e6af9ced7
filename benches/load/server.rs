//! A server as a process of its own, pinned to one core, and what the kernel says of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::kernel;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// The certificate and the key of all servers.
pub(crate) struct Certificate {
    folder: tempfile::TempDir,
}

impl Certificate {
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        // A key of P-256, as cert-manager and the operator itself make them.
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        std::fs::write(folder.path().join("tls.crt"), made.cert.pem())?;
        std::fs::write(folder.path().join("tls.key"), made.signing_key.serialize_pem())?;
        Ok(Self { folder })
    }

    /// A folder that is gone when this is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A running server. It is ended when this is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    probes: SocketAddr,
    lines: Arc<AtomicU64>,
}

impl Server {
    /// Starts the operator as deploy/ does, its log going into a pipe that somebody reads.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) fn operator(
        binary: &Path,
        core: usize,
        certificate: &Certificate,
        flags: &[String],
    ) -> Result<Self, String> {
        let probes = free_address().map_err(|error| error.to_string())?;
        let mut command = pinned(core, binary);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BEAMLIT_OPERATOR_")) {
            command.env_remove(name);
        }
        command
            .args([
                "serve",
                "--standalone",
                "--listen=127.0.0.1:0",
                &format!("--health-listen={probes}"),
                "--tls-name=localhost",
                "--tls-cert",
            ])
            .arg(certificate.folder().join("tls.crt"))
            .arg("--tls-key")
            .arg(certificate.folder().join("tls.key"))
            .args((!flags.iter().any(|flag| flag.starts_with("--log-format"))).then_some("--log-format=json"))
            .args(flags);
        Self::start(command, probes)
    }

    /// Starts a floor: this same program, told to be one.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) fn floor(name: &str, core: usize, certificate: &Certificate, review: &Path) -> Result<Self, String> {
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = pinned(core, &this);
        command.arg("--be-floor").arg(name).arg("--certificate").arg(certificate.folder()).arg("--review").arg(review);
        Self::start(command, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    fn start(mut command: Command, probes: SocketAddr) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        let log = child.stderr.take().ok_or("there is no pipe for the log")?;
        let lines = Arc::new(AtomicU64::new(0));
        let (found, address) = mpsc::channel();
        let counter = Arc::clone(&lines);
        thread::spawn(move || {
            let mut log = BufReader::with_capacity(1 << 20, log);
            let mut said = String::new();
            let mut line = String::new();
            while log.read_line(&mut line).is_ok_and(|length| length > 0) {
                if let Some(address) = listening(&line) {
                    _ = found.send(Ok(address));
                    break;
                }
                said.push_str(&line);
                line.clear();
            }
            _ = found.send(Err(said));
            let mut bytes = vec![0; 1 << 16];
            while let Ok(length @ 1..) = log.read(&mut bytes) {
                let ends = bytes.iter().take(length).filter(|byte| **byte == b'\n').count();
                counter.fetch_add(ends as u64, Ordering::Relaxed);
            }
        });
        match address.recv_timeout(PATIENCE) {
            Ok(Ok(address)) => Ok(Self { child, address, probes, lines }),
            silent => {
                _ = child.kill();
                _ = child.wait();
                Err(format!("{command:?} does not listen: {silent:?}"))
            }
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// How many lines it has logged since it began to listen.
    pub(crate) fn logged(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    /// The processor time of all its threads.
    ///
    /// # Errors
    /// If it is gone.
    pub(crate) fn cpu_time(&self) -> Result<Duration, String> {
        kernel::cpu_time(self.child.id())
    }

    /// Resident memory in bytes, and the most that it was.
    ///
    /// # Errors
    /// If it is gone.
    pub(crate) fn memory(&self) -> Result<(u64, u64), String> {
        kernel::memory(self.child.id())
    }

    /// How many reviews the operator has answered by its own count: those that were admitted, and all.
    ///
    /// # Errors
    /// If it does not say.
    pub(crate) fn answered(&self) -> Result<(u64, u64), String> {
        let metrics = get(self.probes, "/metrics").map_err(|error| error.to_string())?;
        let (mut admitted, mut all) = (0, 0);
        for line in metrics.lines().filter(|line| line.starts_with("beamlit_operator_admission_reviews_total{")) {
            let count: u64 = line.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or_default();
            all += count;
            if line.contains("verdict=\"admitted\"") || line.contains("verdict=\"patched\"") {
                admitted += count;
            }
        }
        Ok((admitted, all))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// How long the operator takes from its start until it says that it is ready.
///
/// # Errors
/// If it does not start.
pub(crate) fn start_to_ready(
    binary: &Path,
    core: usize,
    certificate: &Certificate,
    flags: &[String],
) -> Result<Duration, String> {
    let started = Instant::now();
    let server = Server::operator(binary, core, certificate, flags)?;
    while started.elapsed() < PATIENCE {
        if get(server.probes, "/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            return Ok(started.elapsed());
        }
        thread::sleep(Duration::from_micros(500));
    }
    Err("the operator does not become ready".to_owned())
}

/// How many connections this machine has accepted since it started.
///
/// # Errors
/// If the kernel does not say.
pub(crate) fn accepted_connections() -> Result<u64, String> {
    let snmp = std::fs::read_to_string("/proc/net/snmp").map_err(|error| error.to_string())?;
    let mut tcp = snmp.lines().filter_map(|line| line.strip_prefix("Tcp: ")).map(str::split_whitespace);
    let (names, values) = tcp.next().zip(tcp.next()).ok_or("/proc/net/snmp has no TCP")?;
    names
        .zip(values)
        .find_map(|(name, value)| (name == "PassiveOpens").then(|| value.parse().ok())?)
        .ok_or_else(|| "/proc/net/snmp does not count connections".to_owned())
}

fn pinned(core: usize, binary: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &core.to_string()]).arg(binary);
    command
}

/// An address that was free a moment ago.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// The address in the line "listening", in either form of the log.
fn listening(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.contains("listening").then(|| line.split_once("gate"))??;
    rest.trim_start_matches(['=', '"', ':']).split(['"', ' ', '\n']).next()?.parse().ok()
}
