//! Honest clients that work while somebody else attacks, and the state in which an attack must leave the process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::version::TLS13;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::REVIEW;
use super::client::Client;
use super::process::Process;

/// What an API server grants for a validation.
const GRANTED: Duration = Duration::from_secs(5);

/// The most resident memory in MiB. Some 25 of it are the pages of the program itself, which is built for debugging.
const MOST_MEMORY: usize = 125;

/// How long what an attack has left behind may take to go away.
const PATIENCE: Duration = Duration::from_secs(30);

/// Resident memory in MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) now: usize,
    pub(crate) most: usize,
}

pub(crate) fn memory(process: &Process) -> Memory {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
    };
    Memory { now: value("VmRSS:"), most: value("VmHWM:") }
}

/// The value of a metric without labels.
pub(crate) async fn metric(process: &Process, name: &str) -> u64 {
    let metrics = process.probe("/metrics").await.1;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

/// Runs an attack beside two honest clients, one that keeps its connection and one that makes a new one for each review. Both must
/// be answered in time throughout, and afterwards all must be as it was.
pub(crate) async fn beside<F: Future>(process: &Process, attack: F) -> F::Output {
    let done = Arc::new(Notify::new());
    let mut kept = Client::connect(process, &[&TLS13], false).await;
    review(&mut kept).await;
    let mut answered = 0;
    let mut slowest = Duration::ZERO;
    let honest = async {
        loop {
            let started = Instant::now();
            let both = async {
                review(&mut kept).await;
                review(&mut Client::connect(process, &[&TLS13], false).await).await;
                assert_eq!(process.probe("/healthz").await.0, 200);
            };
            let in_time = timeout(GRANTED, both).await;
            assert!(in_time.is_ok(), "not answered in time after {answered} rounds, {:?}", memory(process));
            answered += 1;
            slowest = slowest.max(started.elapsed());
            if timeout(Duration::from_millis(20), done.notified()).await.is_ok() {
                break;
            }
        }
    };
    let attack = async {
        let output = attack.await;
        done.notify_one();
        output
    };
    let (output, ()) = tokio::join!(attack, honest);
    drop(kept);
    restored(process).await;
    println!("{answered} honest rounds beside it, the slowest {slowest:?}, {:?}", memory(process));
    output
}

/// One review that must be admitted.
pub(crate) async fn review(client: &mut Client) {
    let (status, body) = client.review("/validate?timeout=5s", REVIEW).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
}

/// The process lives, holds no connection but that of the probe, and has kept within its memory.
async fn restored(process: &Process) {
    let started = Instant::now();
    loop {
        let open = metric(process, "beamlit_operator_connections").await;
        let in_flight = metric(process, "beamlit_operator_admission_reviews_in_flight").await;
        if (open, in_flight) == (1, 0) {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{open} connections and {in_flight} reviews are left");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(metric(process, "beamlit_operator_admission_panics_total").await, 0);
    assert!(!process.log().contains("\"panic\""), "{}", process.log());
    let memory = memory(process);
    assert!(memory.most < MOST_MEMORY, "{memory:?}");
}
