//! Candidates and their API server, by a clock that goes when nobody has anything to do.

mod api;
mod simulation;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use self::api::{ApiServer, Network, Way};
use super::*;

/// A candidate that runs, and works while it leads.
struct Running {
    way: Way,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    /// Whether it works.
    leads: Arc<AtomicBool>,
    /// How often its work was started.
    starts: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

/// Says that work goes on, for as long as it is held.
struct Working(Arc<AtomicBool>, ApiServer);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
        self.1.stored().log.push("dropped".to_owned());
    }
}

fn candidate(server: &ApiServer, way: &Way, identity: &str) -> Candidate {
    Candidate {
        client: way.client(server),
        namespace: "ns".to_owned(),
        name: "lease".to_owned(),
        identity: identity.to_owned(),
        times: Times::default(),
        metrics: Arc::new(Metrics::default()),
    }
}

impl Running {
    fn start(server: &ApiServer, identity: &str) -> Self {
        Self::working(server, identity, |_| std::future::pending())
    }

    /// With work that knows how often it was started.
    fn working<R: Future<Output = ()> + Send + 'static>(
        server: &ApiServer,
        identity: &str,
        work: impl Fn(u32) -> R + Send + Sync + 'static,
    ) -> Self {
        let (way, shutdown) = (Way::default(), CancellationToken::new());
        let (leads, starts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let candidate = candidate(server, &way, identity);
        let metrics = Arc::clone(&candidate.metrics);
        let work = Arc::new(work);
        let task = {
            let (shutdown, leads, starts, server) =
                (shutdown.clone(), Arc::clone(&leads), Arc::clone(&starts), server.clone());
            tokio::spawn(async move {
                let run = || {
                    let (leads, starts, server) = (Arc::clone(&leads), Arc::clone(&starts), server.clone());
                    let work = Arc::clone(&work);
                    async move {
                        leads.store(true, Ordering::SeqCst);
                        let _working = Working(leads, server);
                        work(starts.fetch_add(1, Ordering::SeqCst)).await;
                    }
                };
                candidate.lead(&shutdown, run).await;
            })
        };
        Self { way, metrics, shutdown, leads, starts, task }
    }

    fn leads(&self) -> bool {
        let leads = self.leads.load(Ordering::SeqCst);
        let told = self.metrics.encode().contains("beamlit_operator_leader 1\n");
        assert_eq!(told, leads);
        leads
    }

    fn starts(&self) -> u32 {
        self.starts.load(Ordering::SeqCst)
    }
}

async fn seconds(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds)).await;
}

/// How many seconds go by until it is so.
async fn until(holds: impl Fn() -> bool) -> f64 {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(3600), "it never comes to it");
        seconds(0.01).await;
    }
    began.elapsed().as_secs_f64()
}

/// A Lease that somebody holds who is not there.
fn held_by_nobody(server: &ApiServer, renewed: &str, duration: u32) {
    server.edit(|lease| {
        lease["spec"] = json!({"holderIdentity": "gone", "leaseDurationSeconds": duration, "leaseTransitions": 7,
            "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": renewed});
    });
}

#[tokio::test(start_paused = true)]
async fn the_first_leads_and_the_second_waits_until_the_lease_is_given_back() {
    let server = ApiServer::default();
    let first = Running::start(&server, "first");
    until(|| first.leads()).await;
    let second = Running::start(&server, "second");
    seconds(120.0).await;
    assert!(first.leads() && !second.leads());
    let spec = server.spec();
    assert_eq!(
        (&spec["holderIdentity"], &spec["leaseDurationSeconds"], &spec["leaseTransitions"]),
        (&json!("first"), &json!(15), &json!(0))
    );
    // MicroTime has six digits, whatever the moment.
    for time in ["acquireTime", "renewTime"] {
        let time = spec[time].as_str().unwrap();
        assert!(time.len() == "2026-01-01T00:00:00.000000Z".len() && time.ends_with('Z'), "{time}");
    }

    first.shutdown.cancel();
    let took = until(|| second.leads()).await;
    // It looks every 2 to 4.4 s.
    assert!(took < 4.5, "{took}");
    until(|| first.task.is_finished()).await;
    assert!(!first.leads());
    assert_eq!((server.holder(), &server.spec()["leaseTransitions"]), ("second".to_owned(), &json!(1)));
    let log = server.stored().log.clone();
    let given = log.iter().position(|said| said == "PUT by ").unwrap();
    assert_eq!(log[given - 1..=given + 1], ["dropped", "PUT by ", "PUT by second"]);
    assert_eq!((first.starts(), second.starts()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_dies_is_followed_after_the_duration_of_the_lease_and_not_before() {
    let server = ApiServer::default();
    let first = Running::start(&server, "first");
    until(|| first.leads()).await;
    let second = Running::start(&server, "second");
    seconds(60.0).await;
    first.task.abort();
    let took = until(|| second.leads()).await;
    // Renewed up to 2 s ago, first seen so up to 4.4 s later, and looked at up to 4.4 s after it ran out.
    assert!((13.0..24.0).contains(&took), "{took}");
}

/// Clocks are not asked: neither that of the API server's other clients, nor the own one.
#[tokio::test(start_paused = true)]
async fn what_time_others_say_it_is_does_not_matter() {
    for renewed in ["1970-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z", "2199-01-01T00:00:00.000000Z"] {
        let server = ApiServer::default();
        held_by_nobody(&server, renewed, 15);
        let late = Running::start(&server, "late");
        let took = until(|| late.leads()).await;
        assert!((15.0..20.0).contains(&took), "{took}");
        assert_eq!(server.spec()["leaseTransitions"], json!(8));
    }
}

#[tokio::test(start_paused = true)]
async fn who_holds_the_lease_for_longer_is_waited_for_longer() {
    for (said, least) in [(40, 40.0), (1, 15.0)] {
        let server = ApiServer::default();
        held_by_nobody(&server, "2026-01-01T00:00:00.000000Z", said);
        let late = Running::start(&server, "late");
        let took = until(|| late.leads()).await;
        assert!((least..least + 5.0).contains(&took), "{took}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_given_back_or_never_filled_is_taken_at_once() {
    for spec in [json!({"holderIdentity": "", "leaseDurationSeconds": 15}), json!({}), Value::Null] {
        let server = ApiServer::default();
        server.edit(|lease| lease["spec"] = spec);
        let late = Running::start(&server, "late");
        assert!(until(|| late.leads()).await < 0.1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_stops_before_another_may_begin() {
    for network in [Network::Cut, Network::Refused, Network::OneWay] {
        let server = ApiServer::default();
        let first = Running::start(&server, "first");
        until(|| first.leads()).await;
        let second = Running::start(&server, "second");
        seconds(60.0).await;
        first.way.set(network);
        let stopped = until(|| !first.leads()).await;
        assert!((7.9..10.1).contains(&stopped), "{network:?}: {stopped}");
        let gap = until(|| second.leads()).await;
        assert!((5.0..24.0).contains(&gap), "{network:?}: {gap}");
        // It does not come back as a leader.
        first.way.set(Network::Works);
        seconds(60.0).await;
        assert!(second.leads() && !first.leads(), "{network:?}");
        assert_eq!((first.starts(), second.starts()), (1, 1));
    }
}

/// Others count from when the lease was written, which is before the answer comes.
#[tokio::test(start_paused = true)]
async fn a_lease_is_held_from_before_it_was_asked_for() {
    let renewed = |server: &ApiServer| server.stored().log.iter().filter(|said| said.ends_with(" by first")).count();
    // Once when it is renewed, and once when it is taken.
    for slow_from_the_beginning in [false, true] {
        let server = ApiServer::default();
        let first = Running::start(&server, "first");
        let slow = Network::Slow(Duration::ZERO, Duration::from_millis(4500));
        if slow_from_the_beginning {
            first.way.set(slow);
            until(|| renewed(&server) == 1).await;
            first.way.set(Network::Cut);
        } else {
            until(|| first.leads()).await;
            first.way.set(slow);
            until(|| renewed(&server) == 2).await;
            first.way.set(Network::Cut);
        }
        let written = Instant::now();
        until(|| first.leads()).await;
        until(|| !first.leads()).await;
        let held = written.elapsed().as_secs_f64();
        assert!((9.9..10.1).contains(&held), "{held}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_answers_and_short_outages_cost_no_leader_its_lease() {
    let server = ApiServer::default();
    let first = Running::start(&server, "first");
    until(|| first.leads()).await;
    let second = Running::start(&server, "second");
    first.way.set(Network::Slow(Duration::from_secs(2), Duration::from_secs(2)));
    seconds(120.0).await;
    first.way.set(Network::Works);
    for _ in 0..10 {
        seconds(10.0).await;
        server.stored().down = true;
        seconds(6.0).await;
        server.stored().down = false;
    }
    seconds(10.0).await;
    assert!(first.leads() && !second.leads());
    assert_eq!((first.starts(), second.starts()), (1, 0));
}

/// A renewal whose answer was lost has happened, and conflicts with the next.
#[tokio::test(start_paused = true)]
async fn what_changes_beside_the_leader_costs_it_nothing() {
    let server = ApiServer::default();
    let first = Running::start(&server, "first");
    until(|| first.leads()).await;
    for _ in 0..20 {
        first.way.set(Network::OneWay);
        seconds(2.5).await;
        first.way.set(Network::Works);
        server.edit(|lease| lease["metadata"]["labels"] = json!({"a": "b"}));
        seconds(10.0).await;
    }
    assert!(first.leads());
    assert_eq!(first.starts(), 1);
    // What others wrote stays.
    assert_eq!(server.stored().lease.as_ref().unwrap()["metadata"]["labels"], json!({"a": "b"}));
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_says_another_holder_stops_at_once() {
    let server = ApiServer::default();
    let first = Running::start(&server, "first");
    until(|| first.leads()).await;
    held_by_nobody(&server, "2026-01-01T00:00:00.000000Z", 15);
    assert!(until(|| !first.leads()).await < 2.1);
    assert!((15.0..22.0).contains(&until(|| first.leads()).await));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_deleted_is_put_back_and_nobody_takes_it_meanwhile() {
    let server = ApiServer::default();
    let first = Running::start(&server, "first");
    until(|| first.leads()).await;
    let second = Running::start(&server, "second");
    seconds(30.0).await;
    for _ in 0..20 {
        server.stored().lease = None;
        seconds(7.3).await;
        assert_eq!(server.holder(), "first");
    }
    // Also if the leader cannot do so yet.
    first.way.set(Network::Cut);
    server.stored().lease = None;
    let stopped = until(|| !first.leads()).await;
    let gap = until(|| second.leads()).await;
    assert!(stopped < 10.1 && (3.0..24.0).contains(&gap), "{stopped} {gap}");
    assert_eq!((first.starts(), second.starts()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn work_that_breaks_down_gives_the_lease_back_and_takes_part_again_later_and_later() {
    let server = ApiServer::default();
    let weak = Running::working(&server, "weak", |start| async move {
        match start {
            0 => panic!("on purpose"),
            // As what goes well for long, and then ends.
            4 => seconds(400.0).await,
            _ => seconds(1.0).await,
        }
    });
    until(|| weak.starts() == 1).await;
    let mut waits = Vec::new();
    for start in 2..=6 {
        until(|| !weak.leads()).await;
        waits.push(until(|| weak.starts() == start).await.round());
        if start == 5 {
            seconds(390.0).await;
        }
    }
    assert_eq!(waits, [1.0, 2.0, 4.0, 8.0, 1.0]);
    assert!(weak.metrics.encode().contains("beamlit_operator_task_restarts_total{task=\"leader\"} 5\n"));
    let strong = Running::start(&server, "strong");
    until(|| strong.leads()).await;
    seconds(300.0).await;
    assert!(strong.leads() && !weak.leads());
}

#[tokio::test(start_paused = true)]
async fn who_ends_while_it_waits_or_asks_leaves_nothing_behind() {
    // While it waits for its turn.
    let server = ApiServer::default();
    let first = Running::start(&server, "first");
    until(|| first.leads()).await;
    let second = Running::start(&server, "second");
    seconds(10.0).await;
    second.shutdown.cancel();
    assert!(until(|| second.task.is_finished()).await < 0.1);
    assert!(first.leads());

    // While its request to take the lease is on its way.
    let server = ApiServer::default();
    let asking = Running::start(&server, "asking");
    asking.way.set(Network::Slow(Duration::from_millis(50), Duration::from_millis(500)));
    until(|| server.holder() == "asking").await;
    asking.shutdown.cancel();
    until(|| asking.task.is_finished()).await;
    assert_eq!((server.holder().as_str(), asking.starts()), ("", 0));

    // Where nobody answers, it is not waited for.
    let server = ApiServer::default();
    let cut = Running::start(&server, "cut");
    until(|| cut.leads()).await;
    cut.way.set(Network::Cut);
    cut.shutdown.cancel();
    assert!(until(|| cut.task.is_finished()).await < 3.1);
    assert_eq!(server.holder(), "cut");
}

#[tokio::test(start_paused = true)]
async fn a_moment_that_has_passed_is_not_still_to_come() {
    let moment = Instant::now() + Duration::from_secs(1);
    let mut passed = pin!(passed(moment));
    assert!(futures::poll!(&mut passed).is_pending());
    // The process is stopped: no timer has its turn.
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(futures::poll!(&mut passed).is_ready());
}

#[test]
fn no_two_lives_are_called_the_same() {
    let names: std::collections::BTreeSet<String> = (0..100).map(|_| identity("pod-1")).collect();
    assert_eq!(names.len(), 100);
    assert!(names.iter().all(|name| name.starts_with("pod-1_")));
}
