//! What holds of every run, and what a person would say of some.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::api::OffloadAutoscalerSpec;
use crate::offload::simulate::{Shape, read, verdict};

fn spec(behavior: &Value, metrics: &Value) -> OffloadAutoscalerSpec {
    let rules = |window: i32, tolerance: &str, points: i32| {
        json!({"stabilizationWindowSeconds": window, "tolerance": tolerance, "selectPolicy": "Max",
            "policies": [{"type": "Percent", "value": points, "periodSeconds": 15}]})
    };
    serde_json::from_value(json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "default", "name": "a"},
        "minRemoteWeight": 0,
        "maxRemoteWeight": behavior["percentage"],
        "metrics": metrics,
        "behavior": {
            "strategy": behavior["strategy"],
            "scaleUp": rules(0, "0", 100),
            "scaleDown": rules(300, "0.1", 25),
            "probe": {"afterSeconds": 600, "maxAfterSeconds": 3600, "idlePercent": 25},
            "failover": {"recoverySeconds": 30},
        },
        "route": {
            "service": {"namespace": "default", "name": "a"},
            "remote": {"scheme": "http", "host": "a", "pathPrefix": "", "query": "", "headers": []},
        },
    }))
    .unwrap()
}

fn cpu(target: i32) -> Value {
    json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}])
}

fn setup(strategy: &str, percentage: i32, metrics: &Value) -> Setup {
    let spec = spec(&json!({"strategy": strategy, "percentage": percentage}), metrics);
    Setup {
        rules: Rules::of(&spec).unwrap(),
        gauges: Gauges::of(&spec.metrics, &[]).unwrap(),
        knobs: Knobs::default(),
        hpa: None,
        blocked: None,
    }
}

#[test]
fn a_spike_goes_away_and_comes_back() {
    let run = run(&Shape::Spike.trace(), &setup("Step", 50, &cpu(90)));
    let weight = |second: u64| run.steps.iter().rev().find(|step| step.at <= second * 1000).unwrap().weight;
    assert_eq!([595, 645, 1195, 2400].map(weight), [0, 50, 50, 0]);
    // 270 000 requests, and half of those that came while traffic was away.
    assert!((run.totals.requests - 270_000.0).abs() < 1e-3, "{:?}", run.totals);
    assert!(run.totals.away > 55_000.0 && run.totals.away < 75_000.0, "{:?}", run.totals);
    assert!(run.totals.slow > 0.0, "until it is away all wait");
}

#[test]
fn what_is_blocked_or_never_stays_at_home() {
    for shape in Shape::ALL {
        let blocked = Setup { blocked: Some(Blocked::Disabled), ..setup("Step", 50, &cpu(90)) };
        let never = setup("Step", 0, &cpu(90));
        for setup in [blocked, never] {
            let run = run(&shape.trace(), &setup);
            assert!(run.steps.iter().all(|step| step.weight == 0) && run.totals.away == 0.0, "{}", shape.name());
        }
    }
}

#[test]
fn without_a_ready_pod_all_is_away_at_once() {
    let trace = read("load", b"time,demand,replicas,ready\n0,50,4,4\n307,50,4,0\n600,50,4,4\n900,50,4,4\n").unwrap();
    for metrics in [cpu(90), json!([])] {
        let run = run(&trace, &setup("Proportional", 30, &metrics));
        let step = run.steps.iter().find(|step| step.at == 307_000).unwrap();
        assert_eq!((step.weight, step.reason, step.ready), (100, Reason::Failover, 0), "between two decisions, too");
        assert!(run.totals.failed < 1e-6, "{:?}", run.totals);
        assert_eq!(run.steps.last().unwrap().weight, 0);
        let said = verdict(&run);
        assert_eq!((said.all_away, said.none_ready), (323_000, 293_000), "30 s of recovery");
        let line = "sends everything away for 5 min 23 s: no pod was ready for 4 min 53 s, and for 30 s none had been for long enough";
        assert!(said.lines.iter().any(|there| there == line), "{:?}", said.lines);
    }
}

#[test]
fn an_hpa_adds_pods_that_take_their_time() {
    let mut setup = setup("Step", 0, &cpu(90));
    setup.hpa = Some(Hpa { target: 70, min: 2, max: 10 });
    let run = run(&Shape::Step.trace(), &setup);
    let more = run.steps.iter().find(|step| step.replicas > 4).unwrap();
    let ready = run.steps.iter().find(|step| step.ready > 4).unwrap();
    assert_eq!((more.ready, ready.at - more.at), (4, 60_000));
    // 150 % on four pods is the work of 6: 9 pods have 67 % of it each, beside 5 % of their own, and 10 have 60 %.
    assert!((9..=10).contains(&run.steps.last().unwrap().replicas));
    assert!(run.totals.fits);
}

#[test]
fn metrics_that_do_not_fall_with_the_traffic_are_read_as_they_are() {
    let external =
        |target: Value| json!([{"type": "External", "external": {"metric": {"name": "queue"}, "target": target}}]);
    let of = |metrics: &Value, pods: u32| {
        let setup = Setup {
            gauges: Gauges::of(&spec(&json!({"strategy": "Step", "percentage": 50}), metrics).metrics, &[]).unwrap(),
            ..setup("Step", 50, metrics)
        };
        let trace = read("load", format!("time,demand,replicas\n0,135,{pods}\n60,135,{pods}\n").as_bytes()).unwrap();
        let steps = run(&trace, &setup).steps;
        steps.last().unwrap().reading.unwrap()
    };
    assert!((of(&external(json!({"type": "Value", "value": "10"})), 4) - 1.5).abs() < 1e-9);
    assert!((of(&external(json!({"type": "AverageValue", "averageValue": "10"})), 2) - 1.5).abs() < 1e-9);
    let memory = json!([{"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}}]);
    assert!((of(&memory, 4) - 0.5).abs() < 1e-9);
}

#[test]
fn samples_are_stale_when_they_are_in_a_cluster() {
    use crate::offload::evaluate::{Milli, Reading, Samples, Tolerance, Value, Workload, evaluate};

    let metric =
        json!({"type": "External", "external": {"metric": {"name": "a"}, "target": {"type": "Value", "value": "1"}}});
    let metric = serde_json::from_value(metric).unwrap();
    let window = Duration::from_secs(15);
    let limit = window * STALE_AFTER;
    for (age, counts) in [(limit, true), (limit + Duration::from_millis(1), false)] {
        let value = Value { milli: Milli(1000), timestamp: START.before(age), window: Some(window) };
        let reading = Reading { samples: Samples::External(vec![value]), resolution: window };
        let (workload, exact) = (Workload { pods: &[], replicas: 0 }, Tolerance { up: 0.0, down: 0.0 });
        let outcome = evaluate(START, &metric, workload, Ok(&reading), exact).outcome;
        assert_eq!(outcome.is_ok(), counts, "{age:?}");
    }
}

#[test]
fn what_the_pods_cannot_serve_does_not_fit_whatever_the_target() {
    let trace = read("load", b"time,demand\n0,130\n60,130\n").unwrap();
    let fits = |metrics: &Value| run(&trace, &setup("Step", 50, metrics)).totals.fits;
    assert!(!fits(&cpu(150)) && !fits(&json!([])));
    let trace = read("load", b"time,demand\n0,110\n60,110\n").unwrap();
    let fits = |metrics: &Value| run(&trace, &setup("Step", 50, metrics)).totals.fits;
    assert!(fits(&cpu(150)) && fits(&json!([])) && !fits(&cpu(110)));
}

#[test]
fn what_people_know_of_a_metric_counts() {
    let metrics = json!([{"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "20"}}}]);
    let spec = spec(&json!({"strategy": "Step", "percentage": 50}), &metrics);
    let full = crate::engine::units::Quantity::parse("25").unwrap();
    let assumed = |name: &str| [super::super::Assumed { name: name.into(), full }];
    let gauges = Gauges::of(&spec.metrics, &assumed("rps")).unwrap();
    assert_eq!(gauges.level(0.0), Some(0.8));
    assert!(gauges.notes.is_empty());
    assert_eq!(Gauges::of(&spec.metrics, &[]).unwrap().notes.len(), 1, "an assumption is told");
    assert!(Gauges::of(&spec.metrics, &assumed("other")).is_err());
}

fn row() -> impl Strategy<Value = (u64, f64, Option<u32>, Option<u32>, bool)> {
    (
        1_u64..400,
        prop_oneof![4 => 0.0..300.0, 1 => Just(0.0), 1 => Just(100_000.0)],
        prop::option::of(0_u32..12),
        prop::option::of(0_u32..12),
        any::<bool>(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens: weights within their bounds, shares that are shares, sums that add up, and the same again.
    #[test]
    fn a_run_is_sound(
        rows in prop::collection::vec(row(), 1..20),
        step in any::<bool>(),
        percentage in 0_i32..=100,
        target in 1_i32..200,
        hpa in prop::option::of((1_u32..200, 1_u32..5, 5_u32..12)),
        (idle, saturation) in (0.0..0.5, 0.6..2.0),
        (resolution, every, lag) in (1_u64..90, 1_u64..60, 0_u64..90),
        noise in 0.0..0.3,
    ) {
        let mut text = String::from("time,demand,replicas,ready,metrics\n");
        let mut at = 0;
        for (span, demand, replicas, ready, metrics) in rows {
            let number = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
            text.push_str(&format!("{at},{demand},{},{},{metrics}\n", number(replicas), number(ready)));
            at += span;
        }
        let trace = read("load", text.as_bytes()).unwrap();
        let mut setup = setup(if step { "Step" } else { "Proportional" }, percentage, &cpu(target));
        setup.hpa = hpa.map(|(target, min, max)| Hpa { target, min, max });
        setup.knobs = Knobs {
            idle,
            saturation,
            noise,
            resolution: Duration::from_secs(resolution),
            every: Duration::from_secs(every),
            lag: Duration::from_secs(lag),
            ..Knobs::default()
        };
        let once = run(&trace, &setup);
        prop_assert_eq!(&once, &run(&trace, &setup));
        for step in &once.steps {
            prop_assert!(step.weight <= 100);
            prop_assert!(i32::from(step.weight) <= percentage || matches!(step.reason, Reason::Failover | Reason::Recovering));
            prop_assert!((0.0..=1.0).contains(&step.slow) && (0.0..=1.0).contains(&step.failed), "{:?}", step);
            prop_assert!(step.load.is_none_or(|load| (0.0..=saturation + 1e-9).contains(&load)), "{:?}", step);
            prop_assert!(step.in_flight.is_finite() && step.in_flight >= 0.0);
        }
        let Totals { requests, away, needless, slow, failed, .. } = once.totals;
        let bound = requests * (1.0 + 1e-9) + 1e-6;
        prop_assert!(away <= bound && needless <= away + 1e-6 && slow <= bound && failed <= bound, "{:?}", once.totals);
        let said = verdict(&once);
        prop_assert!(!said.headline.contains("NaN") && said.lines.iter().all(|line| !line.contains("NaN")), "{:?}", said);
    }
}
