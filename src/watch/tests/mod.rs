//! The watches against an API server that fails in all ways that there are.

pub(crate) mod api_server;

use serde_json::json;
use tokio::time::Instant;

use self::api_server::{ApiServer, Mode};
use super::*;
use crate::engine::world::{Lookup, Name, Target, Workload};

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(30);

/// Watches that run, and the API server that they ask.
struct Running {
    server: ApiServer,
    watches: Arc<Watches>,
    metrics: Arc<Metrics>,
}

impl Running {
    /// Starts them. Something is there already, and something is forbidden from the beginning.
    async fn start(silence: Duration, prepare: impl FnOnce(&ApiServer)) -> Self {
        _ = crate::gate::tls::provider().install_default();
        let (server, config) = ApiServer::start().await;
        server.mode("referencegrants", Mode::NotServed);
        prepare(&server);
        let client = patient(config, silence).unwrap();
        let metrics = Arc::new(Metrics::default());
        let watches = Arc::new(Watches::new(Arc::clone(&metrics)));
        for watched in Watched::ALL {
            tokio::spawn(Arc::clone(&watches).keep(watched, client.clone()));
        }
        Self { server, watches, metrics }
    }

    async fn current(prepare: impl FnOnce(&ApiServer)) -> Self {
        let running = Self::start(PATIENCE, prepare).await;
        running.until("everything is current", |report, _| *report == Report::default()).await;
        running
    }

    async fn until(&self, what: &str, holds: impl Fn(&Report, &World) -> bool) {
        let began = Instant::now();
        while !holds(&self.watches.report(), &self.watches.world()) {
            assert!(began.elapsed() < PATIENCE, "it never came to it that {what}: {:?}", self.watches.report());
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn until_service(&self, name: &str, there: bool) {
        let name = Name::new("ns", name);
        let is = |world: &World| matches!(world.service(&name), Lookup::Found(_));
        self.until("the service is there, or not", |_, world| is(world) == there).await;
    }

    fn metric(&self, line: &str) -> bool {
        self.watches.measure();
        self.metrics.encode().lines().any(|found| found == format!("beamlit_operator_{line}"))
    }

    fn restarted(&self, resource: &str) -> bool {
        !self.metric(&format!("watch_restarts_total{{resource=\"{resource}\"}} 0"))
    }
}

fn port(port: u16) -> serde_json::Value {
    json!({"ports": [{"port": port}]})
}

#[tokio::test]
async fn what_is_there_and_what_comes_and_goes_is_known() {
    let running = Running::current(|server| {
        server.put("services", "ns", "old", &port(80));
        let container = json!({"name": "app", "ports": [{"name": "http", "containerPort": 8080}]});
        server.put("deployments", "ns", "workload", &json!({"template": {"spec": {"containers": [container]}}}));
        server.put("namespaces", "", "ns", &json!({}));
        let options = json!({"type": "location", "locations": [{"type": "country", "name": "de"}]});
        server.put("policies", "ns", "policy", &options);
    })
    .await;
    let world = running.watches.world().clone();
    assert!(matches!(world.policy(&Name::new("ns", "policy")), Lookup::Found(Some(_))));
    assert!(matches!(world.policy(&Name::new("ns", "other")), Lookup::Missing));
    let Lookup::Found(pods) = world.workload(Workload::Deployment, &Name::new("ns", "workload")) else {
        panic!("{world:?}")
    };
    assert_eq!(pods.ports.get("http"), Some(8080));
    // It may be large, and is of no use here.
    assert_eq!(pods.template, None);
    assert_eq!(world.workload(Workload::DaemonSet, &Name::new("ns", "workload")), Lookup::Missing);
    assert!(world.has_namespace("ns"));

    running.server.put("services", "ns", "new", &port(81));
    running.until_service("new", true).await;
    running.server.put("services", "ns", "old", &port(82));
    running
        .until("the port has changed", |_, world| match world.service(&Name::new("ns", "old")) {
            Lookup::Found([port]) => (port.port, &port.target) == (82, &Target::Number(82)),
            _ => false,
        })
        .await;
    running.server.delete("services", "ns", "old");
    running.until_service("old", false).await;
    running.server.delete("namespaces", "", "ns");
    running.until("the namespace is gone", |_, world| !world.has_namespace("ns")).await;

    // Whoever took a snapshot goes on with it.
    assert!(matches!(world.service(&Name::new("ns", "old")), Lookup::Found(_)) && world.has_namespace("ns"));
    assert_eq!(running.watches.report(), Report::default());
    assert!(running.metric("watch_objects{resource=\"services\"} 1"));
    assert!(running.metric("watch_current{resource=\"services\"} 1"));
    assert!(!running.restarted("services"));
}

#[tokio::test]
async fn nothing_is_judged_before_everything_is_listed_and_the_reason_is_told() {
    let running = Running::start(PATIENCE, |server| {
        server.mode("services", Mode::Forbidden);
        server.mode("policies", Mode::NotServed);
        server.mode("namespaces", Mode::Page);
    })
    .await;
    let expected = "waiting for: policies (the API server does not serve them), services (forbidden: User \"u\" cannot list resource \
                    \"services\"), namespaces (the API server answered with status 502)";
    running.until("the reasons are told", |report, _| report.missing == [expected]).await;
    assert_eq!(running.watches.unusable(), Some("not everything has been listed yet"));
    assert!(running.metric("watch_current{resource=\"services\"} 0"));
    assert!(running.metric("watch_current{resource=\"deployments\"} 1"));
    for resource in ["services", "policies", "namespaces"] {
        running.server.mode(resource, Mode::Works);
    }
    running.until("everything is current", |report, _| *report == Report::default()).await;
    assert_eq!(running.watches.unusable(), None);
}

/// What only makes for a warning must not close the gate, as after an update of the program before that of its rights.
#[tokio::test]
async fn without_the_autoscalers_everything_else_is_judged() {
    let running = Running::start(PATIENCE, |server| server.mode("horizontalpodautoscalers", Mode::Forbidden)).await;
    let told = "the watch of horizontalpodautoscalers has not begun (forbidden: User \"u\" cannot list resource \
                \"horizontalpodautoscalers\")";
    running.until("the reason is told", |report, _| report.missing.is_empty() && report.warnings == [told]).await;
    assert_eq!(running.watches.unusable(), None);
    running.server.mode("horizontalpodautoscalers", Mode::Works);
    running.until("everything is current", |report, _| *report == Report::default()).await;
}

#[tokio::test]
async fn a_watch_that_is_lost_is_told_at_once_and_what_changed_meanwhile_is_noticed() {
    let running = Running::current(|server| {
        server.put("services", "ns", "old", &port(80));
        server.put("services", "ns", "kept", &port(80));
    })
    .await;
    running.server.mode("services", Mode::Page);
    running.server.cut("services");
    running
        .until("the loss is told", |report, _| {
            let [warning] = &report.warnings[..] else { return false };
            warning.starts_with("the watch of services was lost ") && report.missing.is_empty()
        })
        .await;
    assert!(running.metric("watch_current{resource=\"services\"} 0"));
    running.server.delete("services", "ns", "old");
    running.server.put("services", "ns", "new", &port(80));
    // The last state counts meanwhile.
    assert!(matches!(running.watches.world().service(&Name::new("ns", "old")), Lookup::Found(_)));
    running.server.mode("services", Mode::Works);
    running.until_service("new", true).await;
    running.until_service("old", false).await;
    running.until_service("kept", true).await;
    running.until("it is current", |report, _| *report == Report::default()).await;
    assert!(running.restarted("services"));
}

#[tokio::test]
async fn what_is_too_old_to_be_watched_is_listed_again() {
    for mode in [Mode::Gone, Mode::GoneInStream] {
        let running = Running::current(|server| server.put("services", "ns", "old", &port(80))).await;
        running.server.mode("services", mode);
        running.server.delete("services", "ns", "old");
        running.server.cut("services");
        // By one list and another.
        running.until_service("old", false).await;
        running.server.put("services", "ns", "new", &port(80));
        running.until_service("new", true).await;
        assert!(running.watches.report().missing.is_empty());
        running.server.mode("services", Mode::Works);
        running.until("it is current", |report, _| *report == Report::default()).await;
    }
}

#[tokio::test]
async fn a_watch_that_stands_still_is_noticed() {
    let running = Running::start(Duration::from_millis(300), |server| {
        server.mode("services", Mode::Silent);
        server.put("services", "ns", "old", &port(80));
    })
    .await;
    running.until_service("old", true).await;
    running.server.delete("services", "ns", "old");
    running.until_service("old", false).await;
    assert!(running.restarted("services"));
}

#[tokio::test]
async fn a_watch_that_fails_again_and_again_is_tried_less_and_less() {
    let running = Running::current(|_| {}).await;
    running.server.mode("services", Mode::Gone);
    running.server.cut("services");
    let before = running.server.lists("services");
    sleep(Duration::from_secs(2)).await;
    let lists = running.server.lists("services") - before;
    // At 0.1, 0.3, 0.7 and 1.5 s at the earliest.
    assert!(lists <= 5, "{lists}");
}

#[tokio::test]
async fn reference_grants_may_come_and_go_with_their_api() {
    let running = Running::current(|_| {}).await;
    let to = Name::new("ns", "service");
    let granted = |world: &World| world.granted("other", "", "Service", &to);
    assert_eq!(granted(&running.watches.world()), Lookup::Missing);
    let spec = json!({
        "from": [{"group": "deployment.beamlit.com", "kind": "ModelDeployment", "namespace": "other"}],
        "to": [{"group": "", "kind": "Service"}],
    });
    running.server.put("referencegrants", "ns", "grant", &spec);
    running.server.mode("referencegrants", Mode::Works);
    running.until("it is granted", |_, world| granted(world) == Lookup::Found(())).await;
    // An API server that has just started may not serve yet what it will.
    running.server.mode("referencegrants", Mode::NotServed);
    running.server.cut("referencegrants");
    running.until("the loss is told", |report, _| report.warnings.len() == 1).await;
    assert_eq!(granted(&running.watches.world()), Lookup::Found(()));
    running.until("it is no longer granted", |_, world| granted(world) == Lookup::Missing).await;
    running.until("it is current", |report, _| *report == Report::default()).await;
}

/// Whoever reconciles looks at everything with each change that is told.
#[tokio::test]
async fn that_a_resource_is_still_not_served_is_no_change() {
    let running = Running::current(|_| {}).await;
    let absent = *Watched::ALL.iter().find(|watched| watched.name == "referencegrants").unwrap();
    let mut changes = running.watches.changes();
    let health = running.watches.health(absent).unwrap();
    for times in 1..4 {
        running.watches.not_served(absent, health, times);
    }
    assert!(changes.try_recv().is_err());
}

#[tokio::test]
async fn what_is_on_beamlit_stands_beside_what_is_watched() {
    let watches = Watches::new(Arc::default());
    let mut changes = watches.changes();
    assert_eq!(watches.world().remote_policy("a"), Lookup::Unknown);
    watches.remote_policies([(&"a".to_owned(), &RemotePolicy::Unreadable)]);
    assert_eq!(watches.world().remote_policy("a"), Lookup::Found(&RemotePolicy::Unreadable));
    assert_eq!(watches.world().remote_policy("b"), Lookup::Missing);
    assert_eq!(changes.recv().await.unwrap(), Change::All(Resource::Policies));
}
