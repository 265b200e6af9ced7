//! A real Prometheus that scrapes what a test says.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::http::get;
use super::process::{End, Folder, Process};
use super::{free_port, poll, tools};

/// How often a start is tried again with other ports.
const TRIES: usize = 5;

/// Scrapes every second, and keeps what it has seen until it is dropped.
pub(crate) struct Prometheus {
    _process: Process,
    exporter: Exporter,
    /// Where it answers queries.
    pub(crate) port: u16,
}

impl Prometheus {
    /// Starts it under this name, with its files in this folder, and waits until it is ready.
    ///
    /// # Errors
    /// If it cannot be had, or does not become ready.
    pub(crate) fn start(folder: &Folder, name: &str) -> Result<Self, String> {
        let program = tools::prometheus()?;
        let exporter = Exporter::start().map_err(|error| format!("{name}: {error}"))?;
        let configuration = folder.path().join(format!("{name}.yaml"));
        std::fs::write(&configuration, scraping(exporter.port)).map_err(|error| format!("{name}: {error}"))?;
        let mut exporter = Some(exporter);
        let mut last = String::new();
        for attempt in 0..TRIES {
            let port = free_port()?;
            let command = [
                program.display().to_string(),
                format!("--config.file={}", configuration.display()),
                format!("--storage.tsdb.path={}", folder.path().join(format!("{name}-{attempt}")).display()),
                format!("--web.listen-address=127.0.0.1:{port}"),
                "--log.level=warn".into(),
            ];
            let mut process =
                Process::start(folder, name, End::Kill, &command).map_err(|error| format!("{name}: {error}"))?;
            // A process that ended is a reason to try another port at once, not to wait.
            let ready = poll("Prometheus to be ready", || {
                if let Err(why) = process.alive() {
                    return Ok(Err(why));
                }
                match get(port, "/-/ready") {
                    Ok((200, _)) => Ok(Ok(())),
                    seen => Err(format!("{seen:?}\n{}", process.last_words())),
                }
            })?;
            match (ready, exporter.take()) {
                (Ok(()), Some(exporter)) => return Ok(Self { _process: process, exporter, port }),
                (Err(why), kept) => (last, exporter) = (why, kept),
                (Ok(()), None) => {}
            }
        }
        Err(last)
    }

    /// Has these be the samples from the next scrape on: lines such as `requests_total{model="a"} 12`.
    pub(crate) fn expose(&self, samples: &str) {
        *self.exporter.samples.lock().unwrap_or_else(PoisonError::into_inner) = samples.to_owned();
    }

    /// Asks an instant query: what is under `data.result`.
    ///
    /// # Errors
    /// What it says instead.
    pub(crate) fn query(&self, expression: &str) -> Result<Value, String> {
        let expression: String = byte_serialize(expression.as_bytes()).collect();
        let (status, body) = get(self.port, &format!("/api/v1/query?query={expression}"))?;
        let mut answer: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
        if status == 200 { Ok(answer["data"]["result"].take()) } else { Err(answer.to_string()) }
    }
}

fn scraping(port: u16) -> String {
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs:\n\
         - job_name: test\n  \
           static_configs: [{{targets: [\"127.0.0.1:{port}\"]}}]\n"
    )
}

/// Says to whoever connects what the samples are.
struct Exporter {
    port: u16,
    samples: Arc<Mutex<String>>,
    ends: Arc<AtomicBool>,
}

impl Exporter {
    fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let exporter = Self { port: listener.local_addr()?.port(), samples: Arc::default(), ends: Arc::default() };
        let (samples, ends) = (Arc::clone(&exporter.samples), Arc::clone(&exporter.ends));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let samples = samples.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // Who goes away is not told.
                _ = client.and_then(|client| say(client, &samples));
            }
        });
        Ok(exporter)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // It waits for a connection to look.
        _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn say(mut client: TcpStream, samples: &str) -> std::io::Result<()> {
    head(&mut client)?;
    answer(client, "text/plain; version=0.0.4", &format!("{samples}\n"))
}

/// The first lines of a request; what there is of them, if the other side goes away.
pub(super) fn head(client: &mut TcpStream) -> std::io::Result<String> {
    client.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut request = Vec::new();
    let mut some = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match client.read(&mut some)? {
            0 => break,
            read => request.extend(some.iter().take(read)),
        }
    }
    Ok(String::from_utf8_lossy(&request).into_owned())
}

/// Answers it, and hangs up.
pub(super) fn answer(mut client: TcpStream, content_type: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
