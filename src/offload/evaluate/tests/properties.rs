//! What holds whatever comes in.

use proptest::prelude::*;

use super::*;

/// Often ordinary, sometimes at the limits.
fn milli() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 0_i64..4000, 1 => any::<i64>(), 1 => Just(i64::MAX), 1 => Just(i64::MIN), 1 => Just(0)]
}

fn time() -> impl Strategy<Value = Time> {
    prop_oneof![
        8 => (-90_000_i64..20_000).prop_map(|offset| Time(NOW.0 + offset)),
        4 => (-700_000_i64..0).prop_map(|offset| Time(NOW.0 + offset)),
        1 => any::<i64>().prop_map(Time),
    ]
}

fn window() -> impl Strategy<Value = Duration> {
    prop_oneof![8 => (0_u64..120).prop_map(Duration::from_secs), 1 => Just(Duration::MAX), 1 => any::<u64>().prop_map(Duration::from_millis)]
}

fn requests() -> impl Strategy<Value = Requests> {
    proptest::option::weighted(0.95, milli()).prop_map(|of| of.map(super::requests).unwrap_or_default())
}

prop_compose! {
    fn container()(
        name in prop_oneof![4 => Just("main"), 1 => Just("proxy")],
        role in prop_oneof![4 => Just(Role::Main), 1 => Just(Role::Init), 1 => Just(Role::Sidecar)],
        requests in requests(),
    ) -> Container {
        Container { name: name.to_owned(), role, requests }
    }
}

prop_compose! {
    fn state()(
        deleting in proptest::bool::weighted(0.1),
        phase in prop_oneof![
            8 => Just(Phase::Running),
            1 => Just(Phase::Pending),
            1 => Just(Phase::Failed),
            1 => Just(Phase::Succeeded),
            1 => Just(Phase::Unknown),
        ],
        ready in proptest::option::weighted(0.9, (prop_oneof![8 => Just(Status::True), 1 => Just(Status::False), 1 => Just(Status::Unknown)], time())),
        started in proptest::option::weighted(0.9, time()),
        containers in prop::collection::vec(container(), 0..3),
        requests in prop_oneof![8 => Just(Requests::new()), 1 => requests()],
        overhead in prop_oneof![8 => Just(Requests::new()), 1 => requests()],
    ) -> Pod {
        let ready = ready.map(|(status, since)| Ready { status, since });
        Pod { name: String::new(), deleting, phase, ready, started, containers, requests, overhead }
    }
}

prop_compose! {
    fn sample()(value in milli(), timestamp in time(), window in proptest::option::weighted(0.9, window())) -> Value {
        Value { milli: Milli(value), timestamp, window }
    }
}

/// Pods with a sample each, but for some.
fn workload() -> impl Strategy<Value = Vec<(Pod, Option<Value>)>> {
    let each = (state(), proptest::option::weighted(0.8, sample()));
    prop::collection::vec(each, 0..6).prop_map(|all| {
        let name =
            |(index, (pod, value)): (usize, (Pod, Option<Value>))| (Pod { name: index.to_string(), ..pod }, value);
        all.into_iter().enumerate().map(name).collect()
    })
}

fn quantity() -> impl Strategy<Value = String> {
    (
        milli(),
        prop::sample::select(vec![
            "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "e-3",
        ]),
    )
        .prop_map(|(number, suffix)| format!("{number}{suffix}"))
}

/// Metrics as they are compiled, and some that are not.
fn any_metric() -> impl Strategy<Value = MetricSpec> {
    let target = (prop::sample::select(vec!["Utilization", "Value", "AverageValue"]), quantity(), any::<i32>()).prop_map(
        |(type_, quantity, percent)| json!({"type": type_, "value": quantity, "averageValue": quantity, "averageUtilization": percent}),
    );
    let name = prop::sample::select(vec!["cpu", "memory"]);
    (0..5, name, target).prop_map(|(kind, name, target)| {
        metric(match kind {
            0 => json!({"type": "Resource", "resource": {"name": name, "target": target}}),
            1 => json!({"type": "ContainerResource", "containerResource": {"name": name, "container": "main", "target": target}}),
            2 => json!({"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": target}}),
            3 => json!({"type": "Object", "object": {"describedObject": {"kind": "Service", "name": "s"}, "metric": {"name": "rps"}, "target": target}}),
            _ => json!({"type": "External", "external": {"metric": {"name": "rps"}, "target": target}}),
        })
    })
}

/// The samples in the shape that the metric asks for.
fn samples(metric: &MetricSpec, workload: &[(Pod, Option<Value>)]) -> Samples {
    let of_pods = workload.iter().filter_map(|(pod, value)| Some((pod.name.clone(), (*value)?)));
    match metric.type_ {
        MetricSourceType::Resource | MetricSourceType::ContainerResource => Samples::Resource(
            of_pods
                .map(|(pod, value)| PodMetrics {
                    containers: vec![("main".into(), super::requests(value.milli.0))],
                    timestamp: value.timestamp,
                    window: value.window.unwrap_or_default(),
                    pod,
                })
                .collect(),
        ),
        MetricSourceType::Pods => Samples::Pods(of_pods.map(|(pod, value)| PodValue { pod, value }).collect()),
        MetricSourceType::Object => {
            let none = Value { milli: Milli(0), timestamp: NOW, window: None };
            Samples::Object(of_pods.map(|(_, value)| value).next().unwrap_or(none))
        }
        MetricSourceType::External => Samples::External(of_pods.map(|(_, value)| value).collect()),
    }
}

fn evaluation(
    metric: &MetricSpec,
    workload: &[(Pod, Option<Value>)],
    replicas: u32,
    resolution: Duration,
) -> Evaluation {
    let pods: Vec<Pod> = workload.iter().map(|(pod, _)| pod.clone()).collect();
    let reading = Reading { samples: samples(metric, workload), resolution };
    evaluate(NOW, metric, Workload { pods: &pods, replicas }, Ok(&reading), TOLERANCE)
}

proptest! {
    #[test]
    fn whatever_comes_in_the_ratio_is_finite_and_of_the_past(
        metric in any_metric(), workload in workload(), replicas: u32, resolution in window(),
    ) {
        let evaluation = evaluation(&metric, &workload, replicas, resolution);
        if let Ok(outcome) = &evaluation.outcome {
            let Sample { ratio, busy, idle, idlest, taken, spans } = &outcome.sample;
            let Hpa { ratio: of_hpa, undecided } = outcome.hpa;
            prop_assert!(*busy >= 0.0);
            for share in [*ratio, *idle, *idlest, of_hpa] {
                prop_assert!(share.is_finite() && share >= 0.0, "{share}");
            }
            prop_assert!(idlest <= idle && idle <= ratio, "{outcome:?}");
            prop_assert!(*taken <= NOW.after(MINUTE));
            prop_assert!((1..=16).contains(&spans.len()) && spans.iter().all(|span| span.from <= span.to && span.of > 0));
            let open = outcome.pods.is_some_and(|pods| pods.missing + pods.unready > 0) || busy.is_infinite();
            prop_assert!(open || !undecided, "{outcome:?}");
        }
        prop_assert!(!targets(std::slice::from_ref(&metric), std::slice::from_ref(&evaluation)).is_empty());
        let status = serde_json::to_value(status(&metric, &evaluation)).unwrap();
        prop_assert_eq!(&status["type"], &serde_json::to_value(metric.type_).unwrap());
    }

    #[test]
    fn the_order_of_pods_does_not_matter(metric in any_metric(), workload in workload(), turn in 0_usize..6) {
        // An object has one value.
        prop_assume!(metric.type_ != MetricSourceType::Object);
        let observed = |workload: &[(Pod, Option<Value>)]| evaluation(&metric, workload, 4, WINDOW).observed();
        let mut other = workload.clone();
        other.rotate_left(turn.min(workload.len()));
        prop_assert_eq!(observed(&workload), observed(&other));
        other.reverse();
        prop_assert_eq!(observed(&workload), observed(&other));
    }

    #[test]
    fn more_usage_is_never_a_smaller_ratio(
        usage in prop::collection::vec(0_i64..5000, 1..6), more in 0_i64..5000, which in 0_usize..6, target in 1_i32..300,
    ) {
        let pods: Vec<Pod> = (0..usage.len()).map(|index| pod(&index.to_string(), 1000)).collect();
        let mut after = usage.clone();
        after[which % usage.len()] += more;
        let kinds = [utilization("cpu", target), average("cpu", &format!("{target}m")), of_pods(&format!("{target}m"))];
        for metric in kinds {
            let ratio = |usage: &[i64]| {
                let pairs = usage.iter().enumerate().map(|(index, milli)| (index.to_string(), *milli));
                let samples = match metric.type_ {
                    MetricSourceType::Pods => Samples::Pods(pairs.map(|(pod, milli)| pod_value(&pod, milli)).collect()),
                    _ => Samples::Resource(pairs.map(|(pod, milli)| used(&pod, &[("main", milli)])).collect()),
                };
                sampled(&metric, &pods, &reading(samples)).unwrap()
            };
            let ((before, open), (after, still_open)) = (ratio(&usage), ratio(&after));
            prop_assert!(before <= after && !open && !still_open, "{before} > {after}");
        }
    }

    #[test]
    fn what_is_undecided_lets_nothing_go_and_what_is_decided_keeps_its_side(
        workload in workload(), target in 1_i32..300,
    ) {
        let metric = utilization("cpu", target);
        if let Ok(outcome) = evaluation(&metric, &workload, 4, WINDOW).outcome {
            // What is shown is of the pods that have a sample; the ratio that counts lies on the same side of the target.
            let shown = outcome.current.utilization.unwrap();
            prop_assert_eq!(shown >= target, outcome.hpa.ratio >= 1.0);
        }
    }
}
