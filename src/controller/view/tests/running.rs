//! The view against an API server, as far as it takes one to see that the watches reach the view.

use tokio::time::Instant;

use super::*;
use crate::watch::client;
use crate::watch::tests::api_server::{ApiServer, Mode};

const PATIENCE: Duration = Duration::from_secs(30);

async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "it never came to it that {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn slice(ready: bool) -> Value {
    json!({"metadata": {"namespace": "ns", "name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}],
        "ports": [{"name": "http", "port": 8080}]})
}

#[tokio::test]
async fn what_there_is_comes_from_the_api_server_and_is_told_on() {
    _ = crate::gate::tls::provider().install_default();
    let (server, config) = ApiServer::start().await;
    server.put_object("services", service("s", &json!({MANAGED_BY: "ns/model"})));
    server.put_object("endpointslices", slice(true));
    server.put_object("statefulsets", deployment(2));
    let labels = json!({"app": "model"});
    server.put_object("pods", json!({"metadata": {"namespace": "ns", "name": "p", "labels": labels}}));
    server.mode("pods", Mode::Forbidden);

    let metrics = Arc::new(Metrics::default());
    let view = View::new(Arc::clone(&metrics));
    let is_current = |resource: &str, expected: u8| {
        let line = format!("beamlit_operator_watch_current{{resource=\"{resource}\"}} {expected}");
        metrics.encode().lines().any(|found| found == line)
    };
    let (kept, client) = (view.clone(), client(config).unwrap());
    let keeping = tokio::spawn(async move { kept.keep(client).await });
    let others = ["endpointslices", "services (reconciler)", "statefulsets (reconciler)", "deployments (reconciler)"];
    until("only the pods are missing", || others.iter().all(|other| is_current(other, 1))).await;
    assert!(!is_current("pods", 1));
    server.mode("pods", Mode::Works);
    tokio::time::timeout(PATIENCE, view.complete()).await.unwrap();
    assert_eq!(view.local(&name("s"), Some(80)), Local::Ready(1));
    assert_eq!(view.routed_by("ns/model"), [name("s")]);
    let Lookup::Found(scaled) = view.workload(Workload::StatefulSet, &name("model")) else { panic!() };
    assert_eq!(view.pods("ns", &scaled.selector).map(|pods| pods.len()), Some(1));
    assert_eq!(view.workload(Workload::Deployment, &name("model")), Lookup::Missing);

    let mut changes = view.changes();
    server.put_object("endpointslices", slice(false));
    assert_eq!(tokio::time::timeout(PATIENCE, changes.next()).await.unwrap(), Some(Change::Endpoints(name("s"))));
    assert_eq!(view.local(&name("s"), Some(80)), Local::Ready(0));

    // What happens while a watch is lost is noticed when it is back.
    server.mode("services", Mode::Page);
    server.cut("services");
    until("the loss is told", || is_current("services (reconciler)", 0)).await;
    server.delete("services", "ns", "s");
    server.mode("services", Mode::Works);
    assert_eq!(tokio::time::timeout(PATIENCE, changes.next()).await.unwrap(), Some(Change::Service(name("s"))));
    until("it is current", || is_current("services (reconciler)", 1)).await;
    assert_eq!(view.service(&name("s")), Lookup::Missing);
    keeping.abort();
}
