//! A real HorizontalPodAutoscaler beside ours, on the same pods and the same metrics: both say the same of them, whatever the pods do.

use beamlit_operator::engine::units::Quantity;
use serde_json::{Value, json};

use super::{condition, says};
use crate::harness::metrics_api::Sample;
use crate::harness::workload::{Workload, from_the_beginning, manifest};
use crate::harness::{Kubectl, poll};
use crate::offloading::{cpu, model_deployment};
use crate::reconciled;

const NAMESPACE: &str = "oracle";

/// How many pods there are of each kind: a DaemonSet has one on each node.
const KINDS: [(&str, usize); 4] = [("Deployment", 6), ("StatefulSet", 6), ("ReplicaSet", 6), ("DaemonSet", 2)];

/// What the first container of each pod uses, in milli-CPUs and MiB, so that every set of pods has a sum of its own.
const USES: [(i64, i64); 6] = [(110, 64), (190, 96), (410, 160), (790, 288), (830, 544), (0, 0)];
/// What the second one uses.
const PROXY: (i64, i64) = (50, 32);
/// What the two request.
const REQUESTS: [(i64, i64); 2] = [(1000, 1024), (500, 256)];
/// The value of each pod that an adapter knows.
const QUEUES: [i64; 6] = [3, 5, 11, 23, 47, 95];

/// A workload with both autoscalers.
struct Pair {
    name: String,
    kind: &'static str,
    workload: Workload,
    pods: Vec<String>,
    metrics: Vec<Metric>,
}

/// A metric, and what of.
struct Metric {
    spec: Value,
    of: Of,
}

#[derive(Clone, Copy, PartialEq)]
enum Of {
    /// CPU or memory of whole pods, in percent or on average.
    Cpu(bool),
    Memory(bool),
    /// The same of the first container.
    MainCpu(bool),
    MainMemory(bool),
    Queue,
    /// In whole, or for each replica.
    Object(bool),
    External(bool),
}

fn metrics(name: &str, kind: &str, first: usize) -> Vec<Metric> {
    let percent = |percent: i32| json!({"type": "Utilization", "averageUtilization": percent});
    let average = |quantity: &str| json!({"type": "AverageValue", "averageValue": quantity});
    let value = |quantity: &str| json!({"type": "Value", "value": quantity});
    let resource = |name: &str, target| json!({"type": "Resource", "resource": {"name": name, "target": target}});
    let main = |name: &str, target| json!({"type": "ContainerResource", "containerResource": {"name": name, "container": "main", "target": target}});
    let object = |target| {
        let service = json!({"apiVersion": "v1", "kind": "Service", "name": name});
        json!({"type": "Object", "object": {"describedObject": service, "metric": {"name": "rps"}, "target": target}})
    };
    let external = |target| {
        let selected = json!({"name": "depth", "selector": {"matchLabels": {"model": name}}});
        json!({"type": "External", "external": {"metric": selected, "target": target}})
    };
    let queue = json!({"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": average("100")}});
    let mut all = vec![
        (resource("cpu", percent(90)), Of::Cpu(true)),
        (resource("memory", percent(80)), Of::Memory(true)),
        (resource("cpu", average("2")), Of::Cpu(false)),
        (main("cpu", percent(95)), Of::MainCpu(true)),
        (main("memory", average("2Gi")), Of::MainMemory(false)),
        (queue, Of::Queue),
        (object(value("1k")), Of::Object(true)),
        (external(value("2000")), Of::External(true)),
        (resource("memory", average("3Gi")), Of::Memory(false)),
        (object(average("500")), Of::Object(false)),
        (external(average("600")), Of::External(false)),
    ];
    // Two of them are shown in a table.
    all.rotate_left(first);
    // A DaemonSet has no scale, and so no real autoscaler knows its replicas.
    let has_replicas = |of: Of| kind != "DaemonSet" || !matches!(of, Of::Object(false) | Of::External(false));
    all.into_iter().filter(|(_, of)| has_replicas(*of)).map(|(spec, of)| Metric { spec, of }).collect()
}

impl Pair {
    fn create(kubectl: &Kubectl, kind: &'static str, pods: usize, first: usize) -> Self {
        let name = kind.to_lowercase();
        let mut manifest = from_the_beginning(manifest(kind, &name, pods as u32), &[("phase", "Pending")]);
        let template = &mut manifest["spec"]["template"];
        // One that is deleted stays for as long as the test wants.
        template["metadata"]["finalizers"] = json!(["simulated.beamlit.com/lingers"]);
        let proxy = json!({"name": "proxy", "image": "simulated", "resources": {"requests": {"cpu": "500m", "memory": "256Mi"}}});
        template["spec"]["containers"].as_array_mut().unwrap().push(proxy);
        let workload = Workload::create(kubectl, &manifest, pods);
        workload.expose();
        let metrics = metrics(&name, kind, first);
        let specs: Value = metrics.iter().map(|metric| metric.spec.clone()).collect();
        if kind == "DaemonSet" {
            stand_in(kubectl, &name, pods, &specs);
        } else {
            workload.autoscaler(&specs);
        }
        kubectl.apply(&model_deployment(&name, kind, &specs, &json!({"percentage": 40})).to_string());
        let pods = workload.pod_names();
        Self { name, kind, workload, pods, metrics }
    }

    /// Has all that are there use so many times as much.
    fn use_times(&self, factor: i64) {
        for (pod, (cpu, memory)) in self.pods.iter().zip(USES).filter(|(_, (cpu, _))| *cpu > 0) {
            let settings = [
                ("phase", "Running".to_owned()),
                ("cpu.main", format!("{}m", cpu * factor)),
                ("memory.main", format!("{}Mi", memory * factor)),
                ("cpu.proxy", format!("{}m", PROXY.0)),
                ("memory.proxy", format!("{}Mi", PROXY.1)),
            ];
            self.workload.set_all_of_pod(pod, &settings);
        }
    }

    /// Has one do something, if there is such a one.
    fn set(&self, pod: usize, name: &str, value: &str) {
        if let Some(pod) = self.pods.get(pod) {
            self.workload.set_pod(pod, name, value);
        }
    }

    /// What both are to say of a metric, in percent or thousandths, if these are the pods that count.
    fn expected(&self, of: Of, step: &Step) -> Option<f64> {
        let there = |counted: &[usize]| -> Vec<usize> {
            counted.iter().copied().filter(|pod| *pod < self.pods.len()).collect()
        };
        let (for_cpu, for_memory, for_queue) = (there(step.cpu), there(step.memory), there(step.queue));
        let sum = |pods: &[usize], uses: fn((i64, i64)) -> i64| -> f64 {
            pods.iter().map(|pod| (uses(USES[*pod]) * step.factor) as f64).sum()
        };
        let usage = |pods: &[usize], uses: fn((i64, i64)) -> i64, whole: bool, percent: bool| -> Option<f64> {
            let count = pods.len() as f64;
            let beside = if whole { uses(PROXY) as f64 * count } else { 0.0 };
            let used = sum(pods, uses) + beside;
            let requested = uses(REQUESTS[0]) + if whole { uses(REQUESTS[1]) } else { 0 };
            (count > 0.0).then(|| if percent { used * 100.0 / (requested as f64 * count) } else { used / count })
        };
        let mebi = f64::from(1 << 20) * 1000.0;
        let cpu = |whole, percent| usage(&for_cpu, |(cpu, _)| cpu, whole, percent);
        let memory = |whole, percent| {
            let used = usage(&for_memory, |(_, memory)| memory, whole, percent);
            used.map(|used| if percent { used } else { used * mebi })
        };
        let replicas = self.pods.len() as f64;
        match of {
            Of::Cpu(percent) => cpu(true, percent),
            Of::MainCpu(percent) => cpu(false, percent),
            Of::Memory(percent) => memory(true, percent),
            Of::MainMemory(percent) => memory(false, percent),
            Of::Queue => (!for_queue.is_empty()).then(|| {
                let all: i64 = for_queue.iter().map(|pod| QUEUES[*pod]).sum();
                all as f64 * 1000.0 / for_queue.len() as f64
            }),
            Of::Object(whole) => step.object.map(|value| value * 1000.0 / if whole { 1.0 } else { replicas }),
            Of::External(whole) => step.external.map(|value| value * 1000.0 / if whole { 1.0 } else { replicas }),
        }
    }
}

/// Nothing but a Deployment that is paused, and so has no pods of its own, has a scale that selects the pods of a DaemonSet.
fn stand_in(kubectl: &Kubectl, name: &str, replicas: usize, metrics: &Value) {
    let mut deployment = manifest("Deployment", name, replicas as u32);
    deployment["spec"]["paused"] = true.into();
    kubectl.apply(&deployment.to_string());
    let autoscaler = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "minReplicas": replicas,
            "maxReplicas": replicas,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "metrics": metrics,
        },
    });
    kubectl.apply(&autoscaler.to_string());
}

/// Which pods count, and what else there is.
struct Step {
    what: &'static str,
    factor: i64,
    cpu: &'static [usize],
    memory: &'static [usize],
    queue: &'static [usize],
    object: Option<f64>,
    external: Option<f64>,
}

#[test]
fn a_real_autoscaler_says_the_same_of_the_same_pods() {
    let (simulation, _) = reconciled();
    let kubectl = simulation.namespace(NAMESPACE);
    let values = simulation.metrics();
    let unasked = unasked(&kubectl);
    let kinds = KINDS.iter().enumerate();
    let pairs: Vec<Pair> = kinds.map(|(at, (kind, pods))| Pair::create(&kubectl, kind, *pods, at * 2)).collect();
    let custom = |object: &str, external: &str| {
        for pair in &pairs {
            let labels = [("app", pair.name.as_str())];
            for (pod, queue) in pair.pods.iter().zip(QUEUES) {
                values.set(NAMESPACE, Sample::pod(pod, &labels, "queue", &queue.to_string()));
            }
            values.set(NAMESPACE, Sample::object("services", &pair.name, "rps", object));
            let series = |queue: &str, value: &str| {
                values.set(NAMESPACE, Sample::external("depth", &[("model", &pair.name), ("queue", queue)], value));
            };
            series("a", external);
            series("b", "1500m");
        }
    };
    custom("750", "300");
    pairs.iter().for_each(|pair| pair.use_times(1));
    let all: &[usize] = &[0, 1, 2, 3, 4];
    let first = Step {
        what: "all that have started",
        factor: 1,
        cpu: all,
        memory: all,
        queue: all,
        object: Some(750.0),
        external: Some(301.5),
    };
    agree(&kubectl, &pairs, &first);
    nothing_can_be_said(&kubectl, &unasked);

    custom("1.2k", "2500");
    pairs.iter().for_each(|pair| pair.use_times(2));
    let more = Step { what: "a load twice as large", factor: 2, object: Some(1200.0), external: Some(2501.5), ..first };
    agree(&kubectl, &pairs, &more);

    pairs.iter().for_each(|pair| pair.set(1, "ready", "false"));
    let unready = Step { what: "an unready pod", cpu: &[0, 2, 3, 4], ..more };
    agree(&kubectl, &pairs, &unready);

    pairs.iter().for_each(|pair| pair.set(2, "sample", "none"));
    let missing = Step { what: "a pod without a sample", cpu: &[0, 3, 4], memory: &[0, 1, 3, 4], ..unready };
    agree(&kubectl, &pairs, &missing);

    let third: Vec<&str> = pairs.iter().filter_map(|pair| pair.pods.get(3)).map(String::as_str).collect();
    kubectl.ok(&format!("delete pods --wait=false {}", third.join(" ")));
    let terminating =
        Step { what: "a terminating pod", cpu: &[0, 4], memory: &[0, 1, 4], queue: &[0, 1, 2, 4], ..missing };
    agree(&kubectl, &pairs, &terminating);

    pairs.iter().for_each(|pair| pair.set(4, "phase", "Failed"));
    let failed = Step { what: "a failed pod", cpu: &[0], memory: &[0, 1], queue: &[0, 1, 2], ..terminating };
    agree(&kubectl, &pairs, &failed);

    values.clear(NAMESPACE);
    kubectl.ok("annotate pods --all --overwrite simulated.beamlit.com/sample=none");
    let silent = Step {
        what: "no sample of anything",
        cpu: &[],
        memory: &[],
        queue: &[],
        object: None,
        external: None,
        ..failed
    };
    agree(&kubectl, &pairs, &silent);
    pairs.iter().for_each(|pair| nothing_can_be_said(&kubectl, &pair.name));
    let ofa = kubectl.get("ofa deployment");
    says(&ofa, "MetricsAvailable", "False", "MetricsUnavailable", "no pod that counts has a sample").unwrap();
}

/// A Deployment with both autoscalers whose pods request no CPU.
fn unasked(kubectl: &Kubectl) -> String {
    let mut manifest = from_the_beginning(manifest("Deployment", "unasked", 1), &[("cpu", "400m")]);
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"memory": "1Gi"}});
    let workload = Workload::create(kubectl, &manifest, 1);
    workload.expose();
    workload.autoscaler(&json!([cpu(90)]));
    let object = model_deployment("unasked", "Deployment", &json!([cpu(90)]), &json!({"percentage": 40}));
    kubectl.apply(&object.to_string());
    "unasked".to_owned()
}

/// Both say nothing, and that they say nothing.
#[track_caller]
fn nothing_can_be_said(kubectl: &Kubectl, name: &str) {
    let (theirs, ours) = if name == "unasked" { ("missing request for cpu", "requests no cpu") } else { ("", "") };
    poll("both autoscalers to say that they cannot say anything", || {
        let (hpa, ofa) = (kubectl.get(&format!("hpa {name}")), kubectl.get(&format!("ofa {name}")));
        let active = condition(&hpa, "ScalingActive");
        let is_said =
            active["status"] == "False" && active["message"].as_str().is_some_and(|said| said.contains(theirs));
        if !is_said || !silent(&hpa).is_empty() || !silent(&ofa).is_empty() {
            return Err(format!("{} {}", hpa["status"], ofa["status"]));
        }
        says(&ofa, "MetricsAvailable", "False", "MetricsUnavailable", ours)
    })
    .unwrap();
    let shown = targets(&kubectl.ok(&format!("get ofa,hpa {name}")));
    assert!(shown.iter().all(|(_, targets)| targets.contains("<unknown>/")) && shown.len() == 2, "{shown:?}");
}

/// What is there of the current metrics.
fn silent(autoscaler: &Value) -> Vec<Value> {
    currents(autoscaler).into_iter().filter(|current| *current != Value::Null).collect()
}

/// Waits until both autoscalers of each say the same, and what is expected.
#[track_caller]
fn agree(kubectl: &Kubectl, pairs: &[Pair], step: &Step) {
    let mut left: Vec<&Pair> = pairs.iter().collect();
    let mut turn = 0_u32;
    poll(&format!("the autoscalers to agree on {}", step.what), || {
        turn += 1;
        let read = kubectl.get("ofa,hpa");
        let shown = targets(&kubectl.ok("get ofa,hpa"));
        let mut why = String::new();
        left.retain(|pair| match compare(pair, step, &read, &shown) {
            Ok(()) => false,
            Err(difference) => {
                why.push_str(&format!("\n{} {difference}", pair.kind));
                // A status that only moved is written once a minute, and at once with a new generation.
                let patch = json!({"spec": {"offloadingConfig": {"behavior": {"percentage": 40 + turn % 2}}}});
                let patch = patch.to_string();
                let out = kubectl.call(&["patch", "mdep", &pair.name, "--type=merge", "--patch", &patch], "");
                assert!(out.succeeded(), "{out}");
                true
            }
        });
        if left.is_empty() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(1500));
        Err(why)
    })
    .unwrap_or_else(|why| panic!("{why}"));
}

fn compare(pair: &Pair, step: &Step, read: &Value, shown: &[(String, String)]) -> Result<(), String> {
    let of = |kind: &str| {
        let mut items = read["items"].as_array().into_iter().flatten();
        items.find(|item| item["kind"] == kind && item["metadata"]["name"] == *pair.name).cloned().unwrap_or_default()
    };
    let (ofa, hpa) = (of("OffloadAutoscaler"), of("HorizontalPodAutoscaler"));
    let (ours, theirs) = (&ofa["status"]["currentMetrics"], &hpa["status"]["currentMetrics"]);
    let of_them = currents(&hpa);
    if of_them.len() != pair.metrics.len() {
        return Err(format!("the real one says {theirs}"));
    }
    for (current, metric) in of_them.iter().zip(&pair.metrics) {
        let expected = pair.expected(metric.of, step);
        let number = number(current);
        let near = match (number, expected) {
            (None, None) => true,
            // The counter and metrics-server look at their clocks one after the other; and percents are whole.
            (Some(number), Some(expected)) => (number - expected).abs() <= expected * 0.04 + 1.0,
            _ => false,
        };
        if !near {
            return Err(format!("of {} the real one says {number:?} instead of {expected:?}: {theirs}", metric.spec));
        }
    }
    // Of what it cannot tell anything of, the real one has no word, not even which it is.
    let same = ours.as_array().into_iter().flatten().zip(theirs.as_array().into_iter().flatten());
    let same = same.filter(|(ours, theirs)| ours == theirs || theirs["type"] == "" && current(ours) == Value::Null);
    if same.count() != of_them.len() || ours.as_array().map(Vec::len) != Some(of_them.len()) {
        return Err(format!("ours says {ours}, the real one {theirs}"));
    }
    let shown: Vec<&str> =
        shown.iter().filter(|(name, _)| *name == pair.name).map(|(_, targets)| targets.as_str()).collect();
    match shown[..] {
        [ours, theirs] if ours == theirs => Ok(()),
        _ => Err(format!("the tables show {shown:?}")),
    }
}

/// The current value of each metric; null if there is none.
fn currents(autoscaler: &Value) -> Vec<Value> {
    autoscaler["status"]["currentMetrics"].as_array().into_iter().flatten().map(current).collect()
}

fn current(status: &Value) -> Value {
    let sources = ["resource", "containerResource", "pods", "object", "external"];
    let current = sources.iter().map(|source| &status[source]["current"]).find(|current| !current.is_null());
    current.filter(|current| **current != json!({})).cloned().unwrap_or_default()
}

/// In percent, or thousandths.
fn number(current: &Value) -> Option<f64> {
    let quantity = |field: &str| Some(Quantity::parse(current[field].as_str()?)?.milli() as f64);
    let percent = current["averageUtilization"].as_f64();
    percent.or_else(|| quantity("value")).or_else(|| quantity("averageValue"))
}

/// (name, TARGETS) of each line of the tables.
fn targets(tables: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let (mut from, mut to) = (0, 0);
    for line in tables.lines().filter(|line| !line.is_empty()) {
        if line.starts_with("NAME") {
            from = line.find("TARGETS").unwrap();
            to = line.find(" MAX ").or_else(|| line.find(" MINPODS ")).unwrap();
            continue;
        }
        let name = line.split_whitespace().next().unwrap();
        let name = name.split_once('/').map_or(name, |(_, name)| name);
        all.push((name.to_owned(), line.get(from..to).unwrap_or_default().trim().to_owned()));
    }
    all
}
