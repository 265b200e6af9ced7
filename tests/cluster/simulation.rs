//! Pods that kwok plays, and their metrics: what tests on them may rely on.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::certificates::Authority;
use crate::harness::metrics_api::{Answer, MetricsApi, Sample};
use crate::harness::process::Folder;
use crate::harness::prometheus::Prometheus;
use crate::harness::workload::{Workload, from_the_beginning, manifest};
use crate::harness::{Kubectl, poll};
use crate::{apart, simulated};

/// What `kubectl get` shows under TARGETS of an autoscaler, as soon as it is this.
#[track_caller]
fn shows(kubectl: &Kubectl, autoscaler: &str, targets: &str) {
    poll("an autoscaler to show its targets", || {
        let table = kubectl.ok(&format!("get hpa {autoscaler}"));
        if table.contains(targets) { Ok(()) } else { Err(table) }
    })
    .unwrap_or_else(|why| panic!("{why}\n{}", kubectl.ok(&format!("describe hpa {autoscaler}"))));
}

fn utilization(resource: &str, percent: i32) -> Value {
    json!({"type": "Resource", "resource": {"name": resource, "target": {"type": "Utilization", "averageUtilization": percent}}})
}

/// Of every kind of workload.
#[test]
fn pods_use_what_their_annotations_say() {
    let kubectl = simulated().plane().namespace("usage");
    let kinds =
        [("Deployment", "250m", 2), ("ReplicaSet", "350m", 1), ("StatefulSet", "450m", 2), ("DaemonSet", "550m", 2)];
    for (kind, cpu, replicas) in kinds {
        let name = kind.to_lowercase();
        let manifest = from_the_beginning(manifest(kind, &name, replicas), &[("cpu", cpu), ("memory", "96Mi")]);
        Workload::create(&kubectl, &manifest, replicas as usize);
    }
    poll("metrics-server to know all pods", || {
        let out = kubectl.run("top pods --no-headers");
        let used: Vec<Vec<&str>> = out.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
        let known = |(kind, cpu, replicas): &(&str, &str, u32)| {
            let of_this = used.iter().filter(|columns| columns[0].starts_with(&kind.to_lowercase()));
            // The counter and metrics-server look at their clocks one after the other.
            let within = |columns: &&Vec<&str>| {
                let milli = |text: &str| text.trim_end_matches('m').parse::<i32>().unwrap_or_default();
                (milli(columns[1]) - milli(cpu)).abs() <= milli(cpu) / 10 && columns[2] == "96Mi"
            };
            of_this.filter(within).count() == *replicas as usize
        };
        if kinds.iter().all(known) { Ok(()) } else { Err(out.to_string()) }
    })
    .unwrap();
}

#[test]
fn an_autoscaler_of_kubernetes_sees_usage_and_requests() {
    let kubectl = simulated().namespace("beside");
    let mut manifest = from_the_beginning(
        manifest("Deployment", "model", 2),
        // Few whole percents, so that a tenth of a second between two clocks decides nothing.
        &[("cpu", "55m"), ("cpu.proxy", "28m"), ("memory", "512Mi"), ("memory.proxy", "128Mi")],
    );
    let proxy =
        json!({"name": "proxy", "image": "simulated", "resources": {"requests": {"cpu": "500m", "memory": "256Mi"}}});
    manifest["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().push(proxy);
    let model = Workload::create(&kubectl, &manifest, 2);
    let target = json!({"type": "Utilization", "averageUtilization": 90});
    let of_main = json!({"name": "cpu", "container": "main", "target": target});
    let of_main = json!({"type": "ContainerResource", "containerResource": of_main});
    model.autoscaler(&json!([of_main, utilization("cpu", 90)]));
    shows(&kubectl, "model", "cpu: 5%/90%, cpu: 5%/90%");
    // One of the containers is changed while it runs, and of one pod nothing is known.
    let pods = model.pod_names();
    model.set("cpu.main", "75m");
    model.set_pod(&pods[0], "sample", "none");
    model.autoscaler(&json!([of_main, utilization("memory", 80)]));
    shows(&kubectl, "model", "cpu: 7%/90%, memory: 50%/80%");
    let path = "get --raw /apis/metrics.k8s.io/v1beta1/namespaces/beside/pods";
    let known = poll("a pod to be forgotten", || {
        let pods: Value = serde_json::from_str(&kubectl.ok(path)).unwrap();
        if pods["items"][1].is_null() { Ok(pods) } else { Err(pods.to_string()) }
    });
    assert_eq!(known.unwrap()["items"][0]["metadata"]["name"], pods[1]);
}

#[test]
fn a_pod_that_is_not_ready_is_no_ready_endpoint() {
    let kubectl = simulated().namespace("endpoints");
    let model = Workload::create(&kubectl, &manifest("Deployment", "model", 3), 3);
    model.expose();
    let are = |wanted: (usize, usize)| {
        poll("endpoints", || {
            let endpoints = model.endpoints();
            if endpoints == wanted { Ok(()) } else { Err(format!("{endpoints:?} instead of {wanted:?}")) }
        })
        .unwrap();
    };
    are((3, 0));
    let pods = model.pod_names();
    model.set_pod(&pods[0], "ready", "false");
    are((2, 1));
    model.set_ready(false);
    are((0, 3));
    model.set_ready(true);
    are((3, 0));
    // Those that fail, are replaced; those that were never ready, never were.
    model.set_pod(&pods[0], "phase", "Failed");
    poll("a failed pod to be replaced", || {
        let pods = model.pods();
        if pods.len() == 4 { Ok(()) } else { Err(format!("{} pods", pods.len())) }
    })
    .unwrap();
    are((3, 0));
    model.scale_down_to_nothing();
    are((0, 0));

    // One that does not go at once when it is deleted.
    let mut lingering = manifest("StatefulSet", "lingering", 1);
    lingering["spec"]["template"]["metadata"]["finalizers"] = json!(["simulated.beamlit.com/lingers"]);
    let lingering = Workload::create(&kubectl, &lingering, 1);
    lingering.expose();
    kubectl.ok("delete pod lingering-0 --wait=false");
    let terminating = json!({"ready": false, "serving": true, "terminating": true});
    poll("a terminating endpoint", || {
        let slices = kubectl.get("endpointslices --selector kubernetes.io/service-name=lingering");
        let conditions = &slices["items"][0]["endpoints"][0]["conditions"];
        if *conditions == terminating { Ok(()) } else { Err(slices.to_string()) }
    })
    .unwrap();
    kubectl.ok("scale statefulset lingering --replicas=0");
    kubectl.ok("patch pod lingering-0 --type=merge --patch {\"metadata\":{\"finalizers\":null}}");
    lingering.wait_for(0);

    let pending = from_the_beginning(manifest("Deployment", "pending", 1), &[("phase", "Pending")]);
    let pending = Workload::create(&kubectl, &pending, 1);
    let starting = from_the_beginning(manifest("Deployment", "starting", 1), &[("ready", "false")]);
    let starting = Workload::create(&kubectl, &starting, 1);
    assert_eq!(pending.pods()[0]["status"]["startTime"], Value::Null);
    let pod = starting.pods().remove(0);
    let conditions = pod["status"]["conditions"].as_array().unwrap();
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready").unwrap();
    assert_eq!((&ready["status"], &ready["lastTransitionTime"]), (&json!("False"), &pod["status"]["startTime"]));
    // Those that wait go on when they may.
    pending.set("phase", "Running");
    pending.wait_for(1);
}

#[test]
fn an_autoscaler_of_kubernetes_sees_the_metrics_of_tests() {
    let simulation = simulated();
    let metrics = simulation.metrics();
    let kubectl = simulation.namespace("metrics");
    let model = Workload::create(&kubectl, &manifest("Deployment", "model", 2), 2);
    let labels = [("app", "model")];
    for (pod, value) in model.pod_names().iter().zip(["10", "30"]) {
        metrics.set("metrics", Sample::pod(pod, &labels, "queue", value));
    }
    // Of another workload.
    metrics.set("metrics", Sample::pod("other", &[("app", "other")], "queue", "1000"));
    metrics.set("metrics", Sample::object("services", "model", "rps", "1500m").over(Duration::from_secs(30)));
    metrics.set("metrics", Sample::external("depth", &[("queue", "a")], "7"));
    metrics.set("metrics", Sample::external("depth", &[("queue", "b")], "100"));
    let average = |value: &str| json!({"type": "AverageValue", "averageValue": value});
    let value = |value: &str| json!({"type": "Value", "value": value});
    let service = json!({"apiVersion": "v1", "kind": "Service", "name": "model"});
    let selected = json!({"name": "depth", "selector": {"matchLabels": {"queue": "a"}}});
    model.autoscaler(&json!([
        {"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": average("30")}},
        {"type": "Object", "object": {"describedObject": service, "metric": {"name": "rps"}, "target": value("2")}},
    ]));
    shows(&kubectl, "model", "20/30, 1500m/2");
    model.autoscaler(&json!([{"type": "External", "external": {"metric": selected, "target": value("10")}}]));
    shows(&kubectl, "model", "7/10");
    assert!(metrics.asked("metrics").iter().any(|path| {
        path == "/apis/custom.metrics.k8s.io/v1beta2/namespaces/metrics/pods/%2A/queue?labelSelector=app%3Dmodel"
    }));

    // In either version, and told apart by a selector.
    metrics.set("metrics", Sample::object("services", "model", "rps", "9").of_series(&[("verb", "GET")]));
    let read = |path: &str| -> Value {
        serde_json::from_str(&kubectl.ok(&format!("get --raw /apis/custom.metrics.k8s.io/{path}"))).unwrap()
    };
    let of = "namespaces/metrics/services/model/rps?metricLabelSelector";
    let items = read(&format!("v1beta1/{of}=!verb"))["items"].take();
    assert_eq!((&items[0]["metricName"], &items[0]["window"], &items[1]), (&json!("rps"), &json!(30), &Value::Null));
    let items = read(&format!("v1beta2/{of}=verb%3DGET"))["items"].take();
    assert_eq!(
        (&items[0]["metric"]["name"], &items[0]["value"], &items[1]),
        (&json!("rps"), &json!("9"), &Value::Null)
    );

    // Whatever else such an API says.
    let path = "get --raw /apis/external.metrics.k8s.io/v1beta1/namespaces/metrics/depth";
    let said = |answer: Answer| {
        metrics.answer("metrics", answer);
        kubectl.run(path)
    };
    assert!(said(Answer::html()).stdout.starts_with("<html>"));
    assert_eq!(said(Answer::garbage("[{}")).stdout, "[{}");
    let refused = said(Answer::refusal(404, "NotFound"));
    assert!(refused.stderr.contains("(NotFound)"), "{refused}");
    // kubectl asks again if it is told when.
    let before = metrics.asked("metrics").len();
    let refused = said(Answer::too_many_requests(Duration::ZERO));
    assert!(!refused.succeeded() && metrics.asked("metrics").len() > before + 2, "{refused}");
    let cut = said(Answer::Cut);
    assert!(cut.stdout.starts_with("{\"kind\"") && !cut.stdout.ends_with('}') && !cut.succeeded(), "{cut}");
    assert!(said(Answer::Late(Duration::from_millis(10))).succeeded());
    assert!(said(Answer::Values).succeeded());
    metrics.set("metrics", Sample::external("depth", &[("queue", "a")], "8").at("2020-01-01T00:00:00Z"));
    let series: Value = serde_json::from_str(&kubectl.ok(path)).unwrap();
    assert_eq!(series["items"][1]["timestamp"], "2020-01-01T00:00:00Z", "{series}");
    metrics.clear("metrics");
    assert_eq!(serde_json::from_str::<Value>(&kubectl.ok(path)).unwrap()["items"], json!([]));
}

#[test]
fn a_metrics_server_can_be_stood_in_for() {
    let plane = apart();
    let authority = Authority::new(plane.folder().path(), "metrics-authority").unwrap();
    let metrics = MetricsApi::start(plane.admin(), &authority, &MetricsApi::RESOURCE).unwrap();
    let used = |resource, value| Sample::container("model-0", &[("app", "model")], "main", resource, value);
    metrics.set("default", used("cpu", "250m"));
    metrics.set("default", used("memory", "64Mi"));
    let top = plane.admin().ok("top pods --no-headers --selector app=model");
    assert_eq!(top.split_whitespace().collect::<Vec<_>>(), ["model-0", "250m", "64Mi"]);
    metrics.answer("default", Answer::refusal(503, "ServiceUnavailable"));
    let out = plane.admin().run("top pods");
    assert!(!out.succeeded(), "{out}");
}

#[test]
fn prometheus_answers_what_was_exposed() {
    let folder = Folder::new().unwrap();
    let prometheus = Prometheus::start(&folder, "prometheus").unwrap();
    prometheus.expose("queue{model=\"a\"} 12\nqueue{model=\"b\"} 30");
    let result = poll("the samples to be scraped", || {
        let result = prometheus.query("sum(queue)")?;
        if result == json!([]) { Err("nothing yet".into()) } else { Ok(result) }
    });
    assert_eq!(result.unwrap()[0]["value"][1], "42");
    assert!(prometheus.query("sum(").unwrap_err().contains("parse error"));
}
