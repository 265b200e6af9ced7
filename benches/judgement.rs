//! How long one review takes from the bytes of its body to the bytes of its answer, without the network, alone and among many
//! other objects, and how much memory these take.
//!
//! criterion gives the mean and how sure it is; p50 and p99, which it does not give, come from calls timed one by one.

#![allow(clippy::indexing_slicing, clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use beamlit_operator::engine::configuration::{Configuration, DeclaredBackend, EnvironmentPolicy};
use beamlit_operator::engine::parse::{JsonLimits, from_json};
use beamlit_operator::engine::policy::{Flavor, Site};
use beamlit_operator::engine::units::{CountryCode, HostPattern};
use beamlit_operator::engine::world::{Fact, Resource, Workload, World};
use beamlit_operator::gate::review::{self, Endpoint, Settings, Verdict};
use criterion::{Criterion, Throughput};
use serde_json::{Value, json};

/// A ModelDeployment that uses most of the schema, compact as the API server sends it.
const REVIEW: &[u8] = include_bytes!("review-5k.json");

const CALLS: usize = 200_000;

/// How many policies and how many ModelDeployments there are beside it.
const CROWDS: [usize; 2] = [100, 10_000];

fn main() {
    let measuring = std::env::args().any(|arg| arg == "--bench");
    // First, while the allocator has nothing to hand out again.
    let crowds = CROWDS.map(|count| crowd(count, measuring));
    let configuration = configuration();
    let alone = ("alone".to_owned(), Settings::alone());
    let among = CROWDS.iter().zip(&crowds).map(|(count, world)| {
        (
            format!("among {count} policies and {count} ModelDeployments"),
            Settings { configuration: &configuration, world, unready: None },
        )
    });
    let all: Vec<(String, Settings<'_>)> = std::iter::once(alone).chain(among).collect();
    review::warm_up(Settings::alone());

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("judgement");
    group.throughput(Throughput::Bytes(REVIEW.len() as u64));
    for (where_it_stands, settings) in &all {
        for endpoint in [Endpoint::Mutate, Endpoint::Validate] {
            let answer = review::answer(endpoint, REVIEW, *settings);
            let fine = matches!(answer.verdict, Verdict::Admitted | Verdict::Patched);
            assert!(fine, "{where_it_stands}: {}", String::from_utf8_lossy(&answer.body));
            group.bench_function(format!("{} {where_it_stands}", endpoint.name()), |bencher| {
                bencher.iter(|| review::answer(endpoint, black_box(REVIEW), *settings));
            });
        }
    }
    // The floor that others stand on: the same bytes into a generic tree, and nothing judged.
    group.bench_function("serde_json::Value alone", |bencher| {
        bencher.iter(|| serde_json::from_slice::<Value>(black_box(REVIEW)));
    });
    group.finish();
    criterion.final_summary();
    if measuring {
        for (where_it_stands, settings) in &all {
            for endpoint in [Endpoint::Mutate, Endpoint::Validate] {
                single_calls(endpoint, where_it_stands, *settings);
            }
        }
    }
}

/// What the review refers to, and so many policies and ModelDeployments beside it.
fn crowd(count: usize, measuring: bool) -> World {
    let mut world = World::of_cluster();
    let countries = |codes: &[&str]| -> Value {
        codes.iter().map(|code| json!({"type": "country", "name": code})).collect::<Vec<_>>().into()
    };
    for (resource, object) in [
        (Resource::Workloads(Workload::Deployment), json!({"metadata": {"name": "my-model"}})),
        (Resource::Services, json!({"metadata": {"name": "my-model"}, "spec": {"ports": [{"port": 8080}]}})),
        (Resource::Services, json!({"metadata": {"name": "my-model-metrics"}, "spec": {"ports": [{"port": 9090}]}})),
        (
            Resource::Policies,
            json!({"metadata": {"name": "my-locations"}, "spec": {"type": "location", "locations": countries(&["fr", "de", "us"])}}),
        ),
        (
            Resource::Policies,
            json!({"metadata": {"name": "my-flavors"}, "spec": {"type": "flavor", "flavors": [{"type": "gpu", "name": "t4"}]}}),
        ),
        (
            Resource::Policies,
            json!({"metadata": {"name": "base", "namespace": "platform"},
                "spec": {"type": "location", "locations": [{"type": "continent", "name": "eu"}, {"type": "country", "name": "us"}]}}),
        ),
    ] {
        world.put(fact(resource, &object));
    }
    let policies = |index: usize| {
        json!({"metadata": {"name": format!("policy-{index}"), "namespace": format!("team-{}", index % 100)},
            "spec": {"type": "location", "locations": countries(&["fr", "de", "us", "ca", "jp"])}})
    };
    let deployments = |index: usize| {
        json!({"metadata": {"name": format!("model-{index}"), "namespace": format!("team-{}", index % 100)},
            "spec": {"model": format!("model-{index}"), "serviceRef": {"name": format!("service-{index}")},
                "policies": [{"refType": "localPolicy", "name": format!("policy-{index}")}]}})
    };
    put(&mut world, Resource::Policies, count, measuring, policies);
    put(&mut world, Resource::ModelDeployments, count, measuring, deployments);
    world
}

fn put(world: &mut World, resource: Resource, count: usize, measuring: bool, object: impl Fn(usize) -> Value) {
    let before = resident();
    for index in 0..count {
        world.put(fact(resource, &object(index)));
    }
    if measuring {
        let each = resident().saturating_sub(before) / count;
        println!("{count} {resource:?}: {each} bytes of memory each");
    }
}

fn fact(resource: Resource, object: &Value) -> Fact {
    let bytes = object.to_string();
    Fact::of(resource, &from_json(bytes.as_bytes(), JsonLimits::UniqueKeys).unwrap(), "default").unwrap()
}

/// The memory of this process in bytes, by the kernel's account.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap_or_default() * 1024
}

/// An environment with a policy, and a hundred declared backends.
fn configuration() -> Configuration {
    let backend = |host: String| DeclaredBackend {
        host: HostPattern::parse(&host).unwrap(),
        site: Site { country: CountryCode::parse("fr"), ..Site::default() },
        flavors: vec![Flavor::of("gpu", "t4").unwrap()],
    };
    let hosts = (0..100).map(|index| format!("*.backend-{index}.example.net"));
    Configuration {
        production: vec![EnvironmentPolicy::Local { namespace: "platform".into(), name: "base".into() }],
        backends: hosts.chain(["*.example.com".to_owned()]).map(backend).collect(),
        ..Configuration::default()
    }
}

fn single_calls(endpoint: Endpoint, where_it_stands: &str, settings: Settings<'_>) {
    let mut times: Vec<Duration> = (0..CALLS)
        .map(|_| {
            let started = Instant::now();
            black_box(review::answer(endpoint, black_box(REVIEW), settings));
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |share: f64| times[(share * (CALLS - 1) as f64) as usize];
    println!(
        "{} {where_it_stands}, {} bytes, {CALLS} calls timed one by one: p50 {:?}, p99 {:?}, p99.9 {:?}, max {:?}",
        endpoint.name(),
        REVIEW.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}
