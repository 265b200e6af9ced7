//! A rollout under load: replicas are replaced one after the other, and nobody notices.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::certificates::Registered;
use crate::harness::forwarder::Forwarder;
use crate::harness::operator::Operator;
use crate::harness::review::{KeptAlive, Side, Trust};
use crate::harness::{Kubectl, poll};

/// How many objects one `kubectl apply` writes.
const OBJECTS: u32 = 20;

/// How many calls there must have been at least, for their success to mean something.
const CALLS: u32 = 1000;

/// How many replicas are replaced.
const RESTARTS: u32 = 4;

/// Longer than endpoints need to follow, as in the Deployment that is shipped (which grants more).
const FLAGS: [&str; 1] = ["--shutdown-delay=3s"];

/// What was called, and how often.
#[derive(Default)]
struct Calls {
    by_kubectl: AtomicU32,
    over_new_connections: AtomicU32,
    over_kept_connections: AtomicU32,
    over: AtomicBool,
}

impl Calls {
    /// Calls again and again until it is over. The first failure is the end of the test.
    fn again(&self, counted: &AtomicU32, mut call: impl FnMut(u32) -> u32) {
        let mut round = 0;
        while !self.over.load(Ordering::Relaxed) {
            counted.fetch_add(call(round), Ordering::Relaxed);
            round += 1;
        }
    }

    fn total(&self) -> u32 {
        let Self { by_kubectl, over_new_connections, over_kept_connections, over: _ } = self;
        [by_kubectl, over_new_connections, over_kept_connections]
            .map(|calls| calls.load(Ordering::Relaxed))
            .iter()
            .sum()
    }
}

/// Ends the callers also when something fails beside them.
struct Over<'c>(&'c Calls);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// A list of objects whose specs change with every round, so that each is judged every time.
fn manifest(round: u32) -> String {
    let object = |number: u32| {
        json!({
            "apiVersion": "deployment.beamlit.com/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": format!("model-{number}")},
            "spec": {
                "model": format!("model-{number}"),
                "modelSourceRef": {"name": "my-model"},
                "serverlessConfig": {"maxNumReplicas": 2 + round % 7},
            },
        })
    };
    json!({"apiVersion": "v1", "kind": "List", "items": (0..OBJECTS).map(object).collect::<Vec<_>>()}).to_string()
}

fn apply(kubectl: &Kubectl, round: u32) -> u32 {
    let out = kubectl.feed("apply -f -", &manifest(round));
    assert!(out.succeeded(), "kubectl apply, round {round}: {out}");
    OBJECTS
}

/// How many calls the API server has passed over because they failed under `Ignore`: kubectl says nothing of them.
fn failed_open(admin: &Kubectl) -> f64 {
    let metrics = admin.ok("get --raw /metrics");
    let of_ours = |line: &&str| {
        line.starts_with("apiserver_admission_webhook_fail_open_count{") && line.contains("mutate.beamlit.com")
    };
    metrics.lines().filter(of_ours).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[test]
fn replicas_are_replaced_one_after_the_other_and_no_call_fails() {
    let registered = Registered::new();
    let forwarder = Forwarder::start().unwrap();
    let start = |number: u32| {
        let replica = registered.replica(&format!("rollout-{number}"), &FLAGS);
        forwarder.add(replica.port, replica.plain_port);
        poll("the endpoints to follow", || if forwarder.leads_to(replica.port) { Ok(()) } else { Err(replica.log()) })
            .unwrap();
        replica
    };
    let mut replicas: Vec<Operator> = (0..2).map(start).collect();
    registered.lead_to_port(forwarder.port);
    let kubectl = registered.plane().namespace("rollout");
    let trust = Trust::registered(registered.admin()).unwrap();
    let calls = Calls::default();
    let open_before = failed_open(registered.admin());
    thread::scope(|scope| {
        let _over = Over(&calls);
        scope.spawn(|| calls.again(&calls.by_kubectl, |round| apply(&kubectl, round)));
        for _ in 0..2 {
            scope.spawn(|| {
                calls.again(&calls.over_new_connections, |round| {
                    trust
                        .review(forwarder.port)
                        .unwrap_or_else(|why| panic!("over a new connection, call {round}: {why}"));
                    1
                });
            });
        }
        // As an API server does: a connection is kept until the other side says that it closes.
        scope.spawn(|| {
            let mut kept = KeptAlive::new(&trust, forwarder.port);
            calls.again(&calls.over_kept_connections, |round| {
                kept.review(Side::of_round(round))
                    .unwrap_or_else(|why| panic!("over a kept connection, call {round}: {why}"));
                thread::sleep(Duration::from_millis(5));
                1
            });
        });
        for number in 0..RESTARTS {
            // As a rolling update does with maxSurge 1 and maxUnavailable 0.
            let new = start(2 + number);
            let old = replicas.remove(0);
            assert!(old.end(), "it ends by itself, with everything answered");
            replicas.push(new);
        }
        poll("enough calls", || match calls.total() {
            total if total >= CALLS => Ok(()),
            total => Err(total.to_string()),
        })
        .unwrap();
    });
    assert_eq!(failed_open(registered.admin()), open_before, "a call to /mutate failed, and was passed over");
    // Past the harness, which keeps what a test prints to itself: this is a measurement.
    let line = format!(
        "rollout of {RESTARTS} replicas: {} calls, 0 failed ({} objects applied by kubectl, {} reviews over new connections, {} over kept ones)",
        calls.total(),
        calls.by_kubectl.load(Ordering::Relaxed),
        calls.over_new_connections.load(Ordering::Relaxed),
        calls.over_kept_connections.load(Ordering::Relaxed),
    );
    writeln!(std::io::stderr(), "{line}").unwrap();
    assert!(calls.total() >= CALLS);
}
