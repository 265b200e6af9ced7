//! How long the way from an admitted object to a weight takes, in its three steps: to compile it, to evaluate what its metrics read, to
//! decide. Each over 10,000 objects of which no two are alike, so that no cache holds them all.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Duration;

use beamlit_operator::api::OffloadAutoscalerSpec;
use beamlit_operator::engine::compile::compile;
use beamlit_operator::engine::configuration::Configuration;
use beamlit_operator::engine::finding::Findings;
use beamlit_operator::engine::parse::{JsonLimits, Node, from_json};
use beamlit_operator::engine::world::{Fact, Resource, World};
use beamlit_operator::engine::{Kind, Reading, Surroundings, defaults, judge};
use beamlit_operator::offload::Time;
use beamlit_operator::offload::decide::{Rules, State, decide};
use beamlit_operator::offload::evaluate::{
    self, Container, Milli, Phase, Pod, PodMetrics, Ready, Requests, Role, Samples, Status, Tolerance, Workload,
    evaluate,
};
use beamlit_operator::offload::observation::{Follows, Local, Observation, Observed, Sample};
use criterion::{Criterion, Throughput};
use serde_json::{Value, json};

const START: Time = Time(1_800_000_000_000);
/// From one sample, and one decision, to the next.
const PERIOD: Duration = Duration::from_secs(15);
/// How many decisions each object has behind it: more than its windows remember.
const PAST: u32 = 300;
/// How many pods a workload has.
const PODS: usize = 20;

fn main() {
    let measuring = std::env::args().any(|arg| arg == "--bench");
    // What only shows that all of it works need not be large.
    let count = if measuring { 10_000 } else { 20 };
    let mut criterion = Criterion::default().configure_from_args();
    let specs = compiling(&mut criterion, count);
    evaluating(&mut criterion, &specs);
    deciding(&mut criterion, &specs);
    criterion.final_summary();
}

/// Compiles all of them, and hands them on.
fn compiling(criterion: &mut Criterion, count: usize) -> Vec<OffloadAutoscalerSpec> {
    let bytes: Vec<Vec<u8>> = (0..count).map(|index| model_deployment(index).to_string().into_bytes()).collect();
    let (configuration, world) = (Configuration::default(), world(count));
    let names: Vec<(String, String)> = (0..count).map(|index| (namespace(index), format!("model-{index}"))).collect();
    let judged: Vec<(Node<'_>, Surroundings<'_>, Findings)> = bytes
        .iter()
        .zip(&names)
        .map(|(bytes, (namespace, name))| {
            let mut node = from_json(bytes, JsonLimits::UniqueKeys).unwrap();
            _ = defaults::apply(Kind::ModelDeployment, &mut node);
            let surroundings = Surroundings { namespace, name, configuration: &configuration, world: &world };
            let findings = judge(Kind::ModelDeployment, &node, &surroundings, Reading::Review);
            (node, surroundings, findings)
        })
        .collect();

    let mut group = criterion.benchmark_group("compile");
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(format!("{count} objects"), |bencher| {
        bencher.iter(|| {
            for (node, surroundings, findings) in &judged {
                _ = black_box(compile(black_box(node), surroundings, findings));
            }
        });
    });
    group.finish();
    let plan = |(node, surroundings, findings): &(Node<'_>, Surroundings<'_>, Findings)| {
        compile(node, surroundings, findings).unwrap().autoscaler.unwrap()
    };
    judged.iter().map(plan).collect()
}

/// Evaluates the CPU of twenty pods each, of which one starts and one has no sample.
fn evaluating(criterion: &mut Criterion, specs: &[OffloadAutoscalerSpec]) {
    let workloads: Vec<(Vec<Pod>, evaluate::Reading)> = (0..specs.len()).map(workload).collect();
    let tolerance = Tolerance { up: 0.0, down: 0.1 };
    let evaluate_all = || {
        for (spec, (pods, reading)) in specs.iter().zip(&workloads) {
            let workload = Workload { pods, replicas: 20 };
            let metric = spec.metrics.first().unwrap();
            black_box(evaluate(START, black_box(metric), workload, Ok(reading), tolerance).outcome.unwrap());
        }
    };
    let mut group = criterion.benchmark_group("evaluate");
    group.throughput(Throughput::Elements(specs.len() as u64));
    group.bench_function(format!("{} metrics of {PODS} pods", specs.len()), |bencher| bencher.iter(evaluate_all));
    group.finish();
}

/// Decides for all of them every 15 s, an hour after they were created.
fn deciding(criterion: &mut Criterion, specs: &[OffloadAutoscalerSpec]) {
    let rules: Vec<Rules> = specs.iter().map(|spec| Rules::of(spec).unwrap()).collect();
    let mut states: Vec<State> = rules.iter().map(|_| State::default()).collect();
    let mut observations: Vec<Observation> = specs.iter().map(observation).collect();
    let (mut now, mut round) = (START, 0_u32);
    let mut decide_all = || {
        (now, round) = (now.after(PERIOD), round.wrapping_add(1));
        let mut sum = 0_u64;
        for (index, ((rules, state), observation)) in rules.iter().zip(&mut states).zip(&mut observations).enumerate() {
            // A load that swings about the target within a few minutes, each at a moment of its own.
            let phase = (round as usize + index) % 40;
            for sample in observation.metrics.iter_mut().filter_map(|metric| metric.sample.as_mut().ok()) {
                *sample = Sample::whole(0.6 + phase as f64 / 40.0, now.before(Duration::from_secs(5)), PERIOD);
            }
            let (next, decision) = decide(now, rules, observation, std::mem::take(state));
            *state = next;
            sum += u64::from(black_box(decision).weight);
        }
        sum
    };
    // How much was sent away, summed up: a load that never left would measure nothing.
    let sent: u64 = (0..PAST).map(|_| decide_all()).sum();
    assert!(sent > 0, "nothing was ever sent away");

    let mut group = criterion.benchmark_group("decide");
    group.throughput(Throughput::Elements(specs.len() as u64));
    group.bench_function(format!("{} objects", specs.len()), |bencher| bencher.iter(&mut decide_all));
    group.finish();
}

fn namespace(index: usize) -> String {
    format!("team-{}", index % 100)
}

fn model_deployment(index: usize) -> Value {
    let name = format!("model-{index}");
    let resource =
        |name: &str, target: Value| json!({"type": "Resource", "resource": {"name": name, "target": target}});
    let strategy = if index.is_multiple_of(2) { "Step" } else { "Proportional" };
    json!({
        "apiVersion": "deployment.beamlit.com/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": namespace(index), "labels": {"app": name}},
        "spec": {
            "model": name,
            "environment": if index.is_multiple_of(3) { "development" } else { "production" },
            "modelSourceRef": {"name": name},
            "serviceRef": {"name": name, "targetPort": 8080},
            "offloadingConfig": {
                "behavior": {"percentage": 1 + index % 100, "strategy": strategy},
                "metrics": [
                    resource("cpu", json!({"type": "Utilization", "averageUtilization": 50 + index % 50})),
                    resource("memory", json!({"averageValue": format!("{}Mi", 512 + index % 512)})),
                ],
                "remoteBackend": {"host": format!("{name}.example.com"), "scheme": "https", "pathPrefix": "/v1"},
            },
        },
    })
}

/// What they refer to.
fn world(count: usize) -> World {
    let mut world = World::of_cluster();
    for index in 0..count {
        let (name, namespace) = (format!("model-{index}"), namespace(index));
        let container = json!({"name": "main", "image": "registry.example.com/model:1", "ports": [{"name": "http", "containerPort": 8080}]});
        let template = json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}});
        let metadata = json!({"name": name, "namespace": namespace});
        for (resource, object) in [
            (("apps/v1", "Deployment"), json!({"metadata": metadata, "spec": {"template": template}})),
            (
                ("v1", "Service"),
                json!({"metadata": metadata, "spec": {"ports": [{"port": 8080, "targetPort": "http"}]}}),
            ),
        ] {
            let bytes = object.to_string();
            let node = from_json(bytes.as_bytes(), JsonLimits::UniqueKeys).unwrap();
            let resource = Resource::of(resource.0, resource.1).unwrap();
            world.put(Fact::of_file(resource, &node, "default").unwrap());
        }
    }
    world
}

fn workload(index: usize) -> (Vec<Pod>, evaluate::Reading) {
    let requests = |milli| Requests::from([("cpu".to_owned(), Milli(milli)), ("memory".to_owned(), Milli(1 << 40))]);
    let name = |pod: usize| format!("model-{index}-5d8f7c9b6-{pod:05}");
    let hour = Duration::from_hours(1);
    let pods = (0..PODS).map(|pod| {
        let started = if pod == 0 { START.before(PERIOD) } else { START.before(hour) };
        Pod {
            name: name(pod),
            deleting: false,
            phase: Phase::Running,
            ready: Some(Ready { status: Status::True, since: started }),
            started: Some(started),
            containers: ["main", "proxy"]
                .map(|name| Container { name: name.to_owned(), role: Role::Main, requests: requests(1000) })
                .into(),
            requests: Requests::new(),
            overhead: Requests::new(),
        }
    });
    let metrics = (0..PODS - 1).map(|pod| PodMetrics {
        pod: name(pod),
        timestamp: START.before(Duration::from_secs(10)),
        window: PERIOD,
        containers: [("main".to_owned(), requests(700)), ("proxy".to_owned(), requests(30))].into(),
    });
    (pods.collect(), evaluate::Reading { samples: Samples::Resource(metrics.collect()), resolution: PERIOD })
}

fn observation(spec: &OffloadAutoscalerSpec) -> Observation {
    let observed = |follows| {
        let sample = Sample::whole(0.5, START, PERIOD);
        Observed { follows, sample: Ok(sample) }
    };
    // CPU and memory.
    let metrics = [Follows::Traffic, Follows::Nothing].into_iter().map(observed).take(spec.metrics.len());
    Observation { metrics: metrics.collect(), local: Local::Ready(20), blocked: None, pause: None }
}
