//! The ratio of metrics of the pods, and when nothing follows from it.

use super::*;
use crate::offload::observation;

/// Pods that request so much each, by name and usage; without usage there is no sample.
fn workload(requests: &[i64], usage: &[Option<i64>]) -> (Vec<Pod>, Vec<PodMetrics>) {
    let name = |index: usize| format!("pod-{index}");
    let pods = requests.iter().enumerate().map(|(index, milli)| pod(&name(index), *milli)).collect();
    let metrics =
        usage.iter().enumerate().filter_map(|(index, milli)| Some(used(&name(index), &[("main", (*milli)?)])));
    (pods, metrics.collect())
}

fn starting(mut pod: Pod) -> Pod {
    pod.ready = None;
    pod
}

/// original-defects.md: "Utilization divides by total requests *and* by replicas."
#[test]
fn utilization_and_average_of_ready_pods() {
    for (rule, metric, requests, usage, expected) in [
        ("all of the request", utilization("cpu", 100), vec![1000], vec![1000], 1.0),
        ("a share of the target", utilization("cpu", 90), vec![1000], vec![950], 95.0 / 90.0),
        (
            "the sums divided, no mean of shares: 1200/4000",
            utilization("cpu", 60),
            vec![1000, 3000],
            vec![900, 300],
            0.5,
        ),
        ("an integer before it is divided: 89.9 %", utilization("cpu", 90), vec![1000], vec![899], 89.0 / 90.0),
        ("an integer, once: 0.99 %", utilization("cpu", 1), vec![1000], vec![9], 0.0),
        ("beyond what is requested", utilization("cpu", 90), vec![100], vec![950], 950.0 / 90.0),
        ("a target beyond 100 %", utilization("cpu", 250), vec![1000, 1000], vec![4000, 1000], 1.0),
        ("the largest target", utilization("cpu", i32::MAX), vec![1000], vec![1000], 100.0 / 2_147_483_647.0),
        ("nothing is used", utilization("memory", 90), vec![1000, 1000], vec![0, 0], 0.0),
        ("a percentage ends at 32 bits", utilization("cpu", 1), vec![1], vec![i64::MAX], 2_147_483_647.0),
        ("one of two requests 0", utilization("cpu", 100), vec![0, 1000], vec![500, 500], 1.0),
        ("an average in thousandths", average("cpu", "500m"), vec![1, 1], vec![400, 500], 0.9),
        ("an average drops the rest: 1001/2", average("cpu", "500m"), vec![1, 1], vec![500, 501], 1.0),
        ("an average asks for no request", average("memory", "1Gi"), vec![], vec![1_073_741_824_000], 1.0),
        ("a target finer than a thousandth is one", average("cpu", "1n"), vec![1], vec![3], 3.0),
        ("a target that is an integer", average("cpu", "2"), vec![1], vec![3000], 1.5),
        (
            "the largest sums do not wrap",
            average("cpu", "1"),
            vec![1, 1],
            vec![i64::MAX, i64::MAX],
            9_223_372_036_854_775.0,
        ),
        ("the largest target of all", average("memory", "8Ei"), vec![1], vec![i64::MAX], 1.0),
    ] {
        let requests = if requests.is_empty() { vec![1; usage.len()] } else { requests };
        let usage: Vec<_> = usage.into_iter().map(Some).collect();
        let (pods, metrics) = workload(&requests, &usage);
        assert_eq!(sampled(&metric, &pods, &resource(&metrics)), Ok((expected, false)), "{rule}");
    }
}

#[test]
fn a_value_of_each_pod() {
    let pods = [pod("a", 1), pod("b", 1)];
    for (rule, target, values, expected) in [
        ("the average", "10", [5000, 10000], 0.75),
        ("the rest is dropped", "10m", [10, 11], 1.0),
        ("one below 0 counts as it is", "1", [-1000, 3000], 1.0),
    ] {
        let [a, b] = values;
        let reading = reading(Samples::Pods(vec![pod_value("a", a), pod_value("b", b)]));
        assert_eq!(sampled(&of_pods(target), &pods, &reading), Ok((expected, false)), "{rule}");
    }
    let below = reading(Samples::Pods(vec![pod_value("a", -3000), pod_value("b", 1000)]));
    assert_eq!(sampled(&of_pods("1"), &pods, &below), Err(Fault::Negative));
}

#[test]
fn missing_and_unready_pods_may_change_what_follows() {
    // Each pod requests 1000, and the target is 90 % or 900m.
    let cpu = || utilization("cpu", 90);
    let raw = || average("memory", "900m");
    for (rule, metric, tolerance, usage, expected) in [
        // (1600 + 1000) * 100 / 3000 = 86: within the tolerance.
        (
            "missing, below: counts as all it requests",
            cpu(),
            TOLERANCE,
            vec![Some(800), Some(800), None],
            Err(80.0 / 90.0),
        ),
        // (1000 + 1000) * 100 / 3000 = 66.
        ("missing, below: far enough off", cpu(), TOLERANCE, vec![Some(500), Some(500), None], Ok(66.0 / 90.0)),
        // (800 + 1000) / 2 = 90 %: where it would act, on nothing but a guess.
        ("missing, below: at the target is the other side", cpu(), TOLERANCE, vec![Some(800), None], Err(80.0 / 90.0)),
        // 81 % is 0.9, the edge of the tolerance, and (620 + 1000) / 2 = 81 %.
        ("missing, below: the edge of the tolerance lies outside", cpu(), TOLERANCE, vec![Some(620), None], Ok(0.9)),
        ("missing, below: inside by one point", cpu(), TOLERANCE, vec![Some(640), None], Err(64.0 / 90.0)),
        // 2000 / 3 = 66 %.
        (
            "missing, above: counts nothing, and the side changes",
            cpu(),
            TOLERANCE,
            vec![Some(1000), Some(1000), None],
            Err(100.0 / 90.0),
        ),
        // 3000 / 3 = 100 %.
        (
            "missing, above: counts nothing, and the side does not",
            cpu(),
            TOLERANCE,
            vec![Some(1500), Some(1500), None],
            Ok(100.0 / 90.0),
        ),
        // 1800 / 2 = 90 %: reached even so.
        ("missing, above: the target is reached without it", cpu(), TOLERANCE, vec![Some(1800), None], Ok(1.0)),
        (
            "missing, above: within the tolerance",
            cpu(),
            Tolerance { up: 0.1, down: 0.1 },
            vec![Some(1800), None],
            Err(180.0 / 90.0),
        ),
        // The HPA adds nothing at the target itself, and holds there by its tolerance.
        ("missing, at the target", cpu(), TOLERANCE, vec![Some(900), None], Err(90.0 / 90.0)),
        // Plain metrics: (800 + 900) / 2 = 850 of 900.
        ("missing, plain, below: counts as the target", raw(), TOLERANCE, vec![Some(800), None], Err(800.0 / 900.0)),
        // (100 + 900) / 2 = 500.
        ("missing, plain, below: far enough off", raw(), TOLERANCE, vec![Some(100), None], Ok(500.0 / 900.0)),
        ("missing, plain, above: counts nothing", raw(), TOLERANCE, vec![Some(2000), None], Ok(1000.0 / 900.0)),
        ("missing, plain, above: the side changes", raw(), TOLERANCE, vec![Some(1000), None], Err(1000.0 / 900.0)),
    ] {
        let (pods, metrics) = workload(&vec![1000; usage.len()], &usage);
        let workload = Workload { pods: &pods, replicas: 4 };
        let outcome = evaluate(NOW, &metric, workload, Ok(&resource(&metrics)), tolerance).outcome.unwrap();
        let hpa = outcome.hpa;
        // Undecided, the ratio is that of the pods that have a sample: what is shown.
        let expected = expected.map_or_else(|first| (first, true), |recounted| (recounted, false));
        assert_eq!((hpa.ratio, hpa.undecided), expected, "{rule}");
    }
}

#[test]
fn a_target_beyond_what_is_requested_is_what_missing_pods_count_as() {
    // (1000 + 1500) / 2 = 125 % of 150 %; were it only all it requests, (1000 + 1000) / 2 = 100 %.
    let (pods, metrics) = workload(&[1000, 1000], &[Some(1000), None]);
    assert_eq!(sampled(&utilization("cpu", 150), &pods, &resource(&metrics)), Ok((125.0 / 150.0, false)));
}

#[test]
fn unready_pods_count_nothing_above_the_target_only() {
    for (rule, usage, expected) in [
        // Left out below, whatever they use.
        ("below", [Some(500), Some(4000)], Ok((50.0 / 90.0, false))),
        // 1000 / 2 = 50 %.
        ("above: the side changes", [Some(1000), Some(4000)], Ok((100.0 / 90.0, true))),
        // 2000 / 2 = 100 %.
        ("above: the side does not", [Some(2000), Some(4000)], Ok((100.0 / 90.0, false))),
        // The HPA holds at the target by its tolerance.
        ("at the target", [Some(900), Some(4000)], Ok((1.0, true))),
        ("alone", [None, Some(4000)], Err(Fault::NoSamples)),
    ] {
        let (pods, metrics) = workload(&[1000, 1000], &usage);
        let [first, second] = <[Pod; 2]>::try_from(pods).unwrap();
        let pods = [first, starting(second)];
        assert_eq!(sampled(&utilization("cpu", 90), &pods, &resource(&metrics)), expected, "{rule}");
    }
}

#[test]
fn missing_and_unready_pods_together() {
    // Below: one counts as all it requests, the other not at all: (500 + 1000) / 2 = 75 %.
    // Above: both count nothing: 3000 / 3 = 100 %, and 2000 / 3 = 66 %.
    for (first, expected) in [(500, (75.0 / 90.0, false)), (3000, (100.0 / 90.0, false)), (2000, (200.0 / 90.0, true))]
    {
        let (pods, metrics) = workload(&[1000, 1000, 1000], &[Some(first), None, Some(700)]);
        let [a, b, c] = <[Pod; 3]>::try_from(pods).unwrap();
        let sampled = sampled(&utilization("cpu", 90), &[a, b, starting(c)], &resource(&metrics));
        assert_eq!(sampled, Ok(expected), "{first}");
    }
}

/// original-defects.md: "ContainerResource uses the container's name as the resource's name."
#[test]
fn one_container_of_the_pods() {
    let target = json!({"type": "Utilization", "averageUtilization": 50});
    let two = |name: &str| {
        let mut pod = pod(name, 1000);
        pod.containers.push(container("proxy", 100));
        pod
    };
    let pods = [two("a"), two("b")];
    let both = used("a", &[("main", 900), ("proxy", 80)]);
    for (rule, second, expected) in [
        // (80 + 20) / 200 = 50 %.
        ("only the container counts", used("b", &[("main", 900), ("proxy", 20)]), Ok((1.0, false))),
        // 80 % above 50 %: b counts nothing, 80 / 200 = 40 %.
        ("a pod without its sample is missing, and fails nothing", used("b", &[("main", 900)]), Ok((1.6, true))),
    ] {
        let sampled = sampled(&of_container("proxy", &target), &pods, &resource(&[both.clone(), second]));
        assert_eq!(sampled, expected, "{rule}");
    }
    let average = json!({"type": "AverageValue", "averageValue": "100m"});
    let reading = resource(&[both, used("b", &[("main", 900), ("proxy", 21)])]);
    assert_eq!(sampled(&of_container("proxy", &average), &pods, &reading), Ok((0.5, false)), "101 / 2, dropped");
    // Its own resource alone is asked for.
    let mut metrics = used("a", &[("proxy", 50)]);
    metrics.containers.insert(0, ("main".into(), Requests::new()));
    let (a, reading) = (two("a"), resource(&[metrics]));
    assert_eq!(sampled(&of_container("proxy", &target), &[a], &reading), Ok((1.0, false)));
}

#[test]
fn nothing_to_compute_from() {
    let cpu = || utilization("cpu", 90);
    let old = |pod: &str, age: u32| PodMetrics { timestamp: NOW.before(SECOND * age), ..used(pod, &[("main", 1)]) };
    let deleting = Pod { deleting: true, ..pod("a", 1) };
    for (rule, metric, pods, metrics, fault) in [
        ("no pods", cpu(), vec![], vec![used("a", &[("main", 1)])], Fault::NoPods),
        ("no samples", cpu(), vec![pod("a", 1)], vec![], Fault::NoSamples),
        ("all of them go", cpu(), vec![deleting], vec![used("a", &[("main", 1)])], Fault::NoSamples),
        ("all of them start", cpu(), vec![starting(pod("a", 1))], vec![used("a", &[("main", 1)])], Fault::NoSamples),
        ("only samples of others", cpu(), vec![pod("a", 1)], vec![used("z", &[("main", 1)])], Fault::NoSamples),
        (
            "all are stale: the newest is told",
            cpu(),
            vec![pod("a", 1), pod("b", 1)],
            vec![old("a", 900), old("b", 90)],
            Fault::Stale { age: SECOND * 90, limit: SECOND * 75 },
        ),
        (
            "the requests are 0",
            cpu(),
            vec![pod("a", 0)],
            vec![used("a", &[("main", 1)])],
            Fault::ZeroRequests("cpu".into()),
        ),
        (
            "requests below 0",
            cpu(),
            vec![pod("a", -5)],
            vec![used("a", &[("main", 1)])],
            Fault::ZeroRequests("cpu".into()),
        ),
        ("usage below 0", average("cpu", "1"), vec![pod("a", 1)], vec![used("a", &[("main", -1)])], Fault::Negative),
    ] {
        assert_eq!(sampled(&metric, &pods, &resource(&metrics)), Err(fault), "{rule}");
    }
}

#[test]
fn samples_of_pods_that_nobody_knows() {
    let reading = resource(&[used("a", &[("main", 500)]), used("gone", &[("main", 1500)])]);
    let pods = [pod("a", 1000)];
    // The HPA counts them where there is no request to find: (500 + 1500) / 2.
    assert_eq!(sampled(&average("cpu", "500m"), &pods, &reading), Ok((2.0, false)));
    assert_eq!(sampled(&utilization("cpu", 50), &pods, &reading), Ok((1.0, false)));
}

#[test]
fn what_is_missing_is_counted_in_each_way_that_can_matter() {
    // Of 90 %: one pod at 50 %, one without a sample, one that starts.
    let (pods, metrics) = workload(&[1000, 1000, 1000], &[Some(500), None, Some(700)]);
    let [a, b, c] = <[Pod; 3]>::try_from(pods).unwrap();
    let sample = evaluated(&utilization("cpu", 90), &[a, b, starting(c)], &resource(&metrics)).outcome.unwrap().sample;
    let shares = [sample.ratio, sample.busy, sample.idle, sample.idlest];
    assert_eq!(shares, [50.0 / 90.0, 75.0 / 90.0, 25.0 / 90.0, 16.0 / 90.0]);
    // Nothing is.
    let (pods, metrics) = workload(&[1000], &[Some(500)]);
    let sample = evaluated(&average("memory", "1"), &pods, &resource(&metrics)).outcome.unwrap().sample;
    assert_eq!([sample.ratio, sample.busy, sample.idle, sample.idlest], [0.5; 4]);
}

#[test]
fn a_sample_lasts_as_long_as_each_of_its_measurements() {
    let taken = |pod: &str, ago: u32, window: u32| PodMetrics {
        timestamp: NOW.before(SECOND * ago),
        window: SECOND * window,
        ..used(pod, &[("main", 1)])
    };
    let span =
        |from: u32, to: u32| observation::Span { from: NOW.before(SECOND * from), to: NOW.before(SECOND * to), of: 1 };
    let pods = [pod("a", 1000), pod("b", 1000), starting(pod("c", 1000)), Pod { deleting: true, ..pod("d", 1000) }];
    let metrics = [taken("a", 20, 15), taken("b", 5, 10), taken("c", 0, 60), taken("d", 0, 60)];
    let sample = evaluated(&utilization("cpu", 90), &pods, &resource(&metrics)).outcome.unwrap().sample;
    let expected = (NOW.before(SECOND * 5), vec![span(35, 20), span(15, 5)]);
    assert_eq!((sample.taken, sample.spans), expected, "of those that count");
    // A window of no length is none.
    let sample = evaluated(&average("cpu", "1"), &pods[..1], &resource(&[taken("a", 20, 0)])).outcome.unwrap().sample;
    assert_eq!((sample.taken, sample.spans), (NOW.before(SECOND * 20), vec![span(35, 20)]));
}
