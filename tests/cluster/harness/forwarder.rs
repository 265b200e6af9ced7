//! What a Service is in a cluster: a port that leads to the replicas that are ready, and learns late of those that are not.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::operator::readiness;

/// How often a replica is asked whether it is ready, as a kubelet does (more seldom).
const PROBED: Duration = Duration::from_millis(200);

/// How late a change of readiness takes effect: it travels through kubelet, API server, controller and every node.
const DELAY: Duration = Duration::from_secs(1);

/// Leads connections to replicas by turns. A connection that is made stays, as it does behind a Service.
pub(crate) struct Forwarder {
    pub(crate) port: u16,
    replicas: Arc<Mutex<Vec<Replica>>>,
    ends: Arc<AtomicBool>,
}

struct Replica {
    port: u16,
    plain_port: u16,
    /// Whether connections are led there.
    leads: bool,
    /// Since when the replica says otherwise.
    differs: Option<Instant>,
}

impl Forwarder {
    /// Leads nowhere yet.
    ///
    /// # Errors
    /// If there is no port.
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let forwarder = Self { port, replicas: Arc::default(), ends: Arc::default() };
        let (replicas, ends) = (Arc::clone(&forwarder.replicas), Arc::clone(&forwarder.ends));
        thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                probe(&replicas);
                thread::sleep(PROBED);
            }
        });
        let (replicas, ends) = (Arc::clone(&forwarder.replicas), Arc::clone(&forwarder.ends));
        thread::spawn(move || {
            let turn = AtomicUsize::new(0);
            for client in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let leading: Vec<u16> =
                    locked(&replicas).iter().filter(|replica| replica.leads).map(|replica| replica.port).collect();
                let next = turn.fetch_add(1, Ordering::Relaxed) % leading.len().max(1);
                // Nowhere to go: the client sees the connection closed, as it would.
                if let (Ok(client), Some(&port)) = (client, leading.get(next)) {
                    lead(client, port);
                }
            }
        });
        Ok(forwarder)
    }

    /// Leads to this replica too, as soon as it is known to be ready.
    pub(crate) fn add(&self, port: u16, plain_port: u16) {
        locked(&self.replicas).push(Replica { port, plain_port, leads: false, differs: None });
    }

    /// Whether connections are led to this replica.
    pub(crate) fn leads_to(&self, port: u16) -> bool {
        locked(&self.replicas).iter().any(|replica| replica.port == port && replica.leads)
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // It waits for a connection to look.
        _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn locked(replicas: &Mutex<Vec<Replica>>) -> std::sync::MutexGuard<'_, Vec<Replica>> {
    replicas.lock().unwrap_or_else(PoisonError::into_inner)
}

fn probe(replicas: &Mutex<Vec<Replica>>) {
    let ports: Vec<u16> = locked(replicas).iter().map(|replica| replica.plain_port).collect();
    for plain_port in ports {
        let ready = readiness(plain_port).is_ok_and(|(status, _)| status == 200);
        for replica in locked(replicas).iter_mut().filter(|replica| replica.plain_port == plain_port) {
            if replica.leads == ready {
                replica.differs = None;
            } else if replica.differs.get_or_insert_with(Instant::now).elapsed() >= DELAY {
                replica.leads = ready;
                replica.differs = None;
            }
        }
    }
}

/// Passes bytes on in both directions until both have ended.
fn lead(client: TcpStream, port: u16) {
    thread::spawn(move || {
        let Ok(replica) = TcpStream::connect(("127.0.0.1", port)) else { return };
        let (Ok(from_client), Ok(from_replica)) = (client.try_clone(), replica.try_clone()) else { return };
        let there = thread::spawn(move || pass(from_client, replica));
        pass(from_replica, client);
        _ = there.join();
    });
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    _ = io::copy(&mut from, &mut to);
    _ = to.shutdown(Shutdown::Write);
}
