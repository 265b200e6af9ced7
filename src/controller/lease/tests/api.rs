//! As much of an API server as there is to one Lease, and the ways to it, each with a network of its own.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use kube::client::{Body, Client};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::sleep;

/// What the API server keeps.
#[derive(Default)]
pub(super) struct Stored {
    version: u64,
    pub(super) lease: Option<Value>,
    /// Nobody listens.
    pub(super) down: bool,
    /// How often it was started. A request to an earlier life is answered by nobody.
    pub(super) life: u32,
    /// What it did, in order.
    pub(super) log: Vec<String>,
}

/// The API server. Clones are one and the same.
#[derive(Clone, Default)]
pub(super) struct ApiServer(Arc<Mutex<Stored>>);

/// How a request fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Network {
    #[default]
    Works,
    /// It is slow, there and back.
    Slow(Duration, Duration),
    /// What is sent gets nowhere.
    Cut,
    /// What is sent arrives, and is done, and no answer comes back.
    OneWay,
    /// Whoever calls is told at once that nobody is there.
    Refused,
}

/// The way of one candidate to the API server. Clones are one and the same.
#[derive(Clone, Default)]
pub(super) struct Way(Arc<Mutex<Network>>);

impl ApiServer {
    pub(super) fn stored(&self) -> MutexGuard<'_, Stored> {
        self.0.lock().unwrap()
    }

    pub(super) fn spec(&self) -> Value {
        self.stored().lease.as_ref().map(|lease| lease["spec"].clone()).unwrap_or_default()
    }

    pub(super) fn holder(&self) -> String {
        self.spec()["holderIdentity"].as_str().unwrap_or_default().to_owned()
    }

    /// Somebody else writes.
    pub(super) fn edit(&self, edit: impl FnOnce(&mut Value)) {
        let mut stored = self.stored();
        stored.version += 1;
        let version = stored.version.to_string();
        let lease = stored.lease.get_or_insert_with(|| json!({"metadata": {"name": "lease", "namespace": "ns"}}));
        edit(lease);
        lease["metadata"]["resourceVersion"] = version.into();
    }

    fn answer(&self, method: &Method, body: Value) -> (u16, Value) {
        let status = |code: u16, reason: &str| {
            (code, json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": reason}))
        };
        let mut stored = self.stored();
        let seen = |lease: &Value| lease["metadata"]["resourceVersion"].clone();
        match (method.as_str(), &stored.lease) {
            ("GET", None) | ("PUT", None) => return status(404, "NotFound"),
            ("GET", Some(lease)) => return (200, lease.clone()),
            ("POST", Some(_)) => return status(409, "AlreadyExists"),
            ("PUT", Some(lease)) if seen(lease) != seen(&body) => return status(409, "Conflict"),
            ("POST", None) | ("PUT", Some(_)) => {}
            _ => panic!("{method}"),
        }
        let said = format!("{} by {}", method, body["spec"]["holderIdentity"].as_str().unwrap());
        stored.log.push(said);
        stored.version += 1;
        let mut lease = body;
        lease["metadata"]["resourceVersion"] = stored.version.to_string().into();
        stored.lease = Some(lease.clone());
        (200, lease)
    }
}

impl Way {
    pub(super) fn set(&self, network: Network) {
        *self.0.lock().unwrap() = network;
    }

    pub(super) fn client(&self, server: &ApiServer) -> Client {
        let (way, server) = (self.clone(), server.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let (network, server) = (*way.0.lock().unwrap(), server.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
                let (sender, receiver) = oneshot::channel();
                // What is sent goes on without whoever waits for the answer.
                tokio::spawn(async move {
                    let (there, back) = match network {
                        Network::Slow(there, back) => (there, back),
                        Network::Works | Network::OneWay => (Duration::from_millis(2), Duration::from_millis(2)),
                        Network::Refused => return drop(sender.send(None)),
                        Network::Cut => return hold(sender).await,
                    };
                    let life = server.stored().life;
                    sleep(there).await;
                    if server.stored().down || server.stored().life != life {
                        return drop(sender.send(None));
                    }
                    let (code, answer) = server.answer(&parts.method, body);
                    if network == Network::OneWay {
                        return hold(sender).await;
                    }
                    sleep(back).await;
                    let lives = server.stored().life == life;
                    _ = sender.send(lives.then_some((code, answer)));
                });
                match receiver.await {
                    Ok(Some((code, answer))) => {
                        Ok(Response::builder().status(code).body(Body::from(answer.to_string().into_bytes())).unwrap())
                    }
                    _ => Err(std::io::Error::other("connection refused")),
                }
            }
        });
        Client::new(service, "ns")
    }
}

/// Nobody hears anything, for longer than anybody waits.
async fn hold<T>(sender: oneshot::Sender<T>) {
    sleep(Duration::from_secs(3600)).await;
    drop(sender);
}
