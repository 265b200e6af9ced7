//! How long one review takes from the bytes of its body to the bytes of its answer, without the network.
//!
//! criterion gives the mean and how sure it is; p50 and p99, which it does not give, come from calls timed one by one.

#![allow(clippy::indexing_slicing, clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use beamlit_operator::gate::review::{self, Endpoint, Settings, Verdict};
use criterion::{Criterion, Throughput};

/// A ModelDeployment that uses most of the schema, compact as the API server sends it.
const REVIEW: &[u8] = include_bytes!("review-5k.json");

const CALLS: usize = 200_000;

fn main() {
    let settings = Settings::alone();
    review::warm_up(settings);
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("judgement");
    group.throughput(Throughput::Bytes(REVIEW.len() as u64));
    for endpoint in [Endpoint::Mutate, Endpoint::Validate] {
        let verdict = review::answer(endpoint, REVIEW, settings).verdict;
        assert!(matches!(verdict, Verdict::Admitted | Verdict::Patched), "{verdict:?}");
        group.bench_function(endpoint.name(), |bencher| {
            bencher.iter(|| review::answer(endpoint, black_box(REVIEW), settings));
        });
    }
    // The floor that others stand on: the same bytes into a generic tree, and nothing judged.
    group.bench_function("serde_json::Value alone", |bencher| {
        bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(REVIEW)));
    });
    group.finish();
    criterion.final_summary();
    if std::env::args().any(|arg| arg == "--bench") {
        for endpoint in [Endpoint::Mutate, Endpoint::Validate] {
            single_calls(endpoint, settings);
        }
    }
}

fn single_calls(endpoint: Endpoint, settings: Settings<'_>) {
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
        "{} of {} bytes, {CALLS} calls timed one by one: p50 {:?}, p99 {:?}, p99.9 {:?}, max {:?}",
        endpoint.name(),
        REVIEW.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}
