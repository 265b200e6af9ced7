//! Which group a pod falls into, seen from outside: by what it does to the ratio.

use super::*;

/// What becomes of the second of two pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Falls {
    Ready,
    Unready,
    Missing,
    Ignored,
}

impl Falls {
    /// Each requests 1; the first uses 1 and the second a half. Against 40 % the first alone is above its target, against 200 % below.
    const fn percent(self) -> (i32, i32) {
        match self {
            // (1 + 0.5) / 2
            Self::Ready => (75, 75),
            // Above, nothing of 1: (1 + 0) / 2. Below, left out: 1 / 1.
            Self::Unready => (50, 100),
            // Above, nothing of 1. Below, twice what it requests: (1 + 2) / 2.
            Self::Missing => (50, 150),
            // 1 / 1.
            Self::Ignored => (100, 100),
        }
    }
}

struct Second {
    pod: Pod,
    metrics: Option<PodMetrics>,
}

impl Second {
    fn started(&mut self, ago: Duration) -> &mut Self {
        self.pod.started = Some(NOW.before(ago));
        self
    }

    fn ready(&mut self, status: Status, ago: Duration) -> &mut Self {
        self.pod.ready = Some(Ready { status, since: NOW.before(ago) });
        self
    }

    fn measured(&mut self, ago: Duration) -> &mut Self {
        self.metrics.as_mut().unwrap().timestamp = NOW.before(ago);
        self
    }
}

type Row = (&'static str, fn(&mut Second), Falls);

fn check(resource_name: &str, rows: &[Row]) {
    for (rule, change, falls) in rows {
        let mut second = Second { pod: pod("b", 1000), metrics: Some(used("b", &[("main", 500)])) };
        change(&mut second);
        let pods = [pod("a", 1000), second.pod];
        let metrics: Vec<PodMetrics> =
            [Some(used("a", &[("main", 1000)])), second.metrics].into_iter().flatten().collect();
        let (above, below) = falls.percent();
        for (target, percent) in [(40, above), (200, below)] {
            let sampled = sampled(&utilization(resource_name, target), &pods, &resource(&metrics));
            let expected = f64::from(percent) / f64::from(target);
            assert_eq!(sampled, Ok((expected, false)), "{rule} ({resource_name}, {target} %, {falls:?})");
        }
    }
}

/// Before any rule about samples.
const OF_ANY_METRIC: [Row; 9] = [
    ("a pod that is ready counts", |_| {}, Falls::Ready),
    ("deleting: ignored", |it| it.pod.deleting = true, Falls::Ignored),
    ("failed: ignored", |it| it.pod.phase = Phase::Failed, Falls::Ignored),
    (
        "deleting goes before pending",
        |it| {
            it.pod.deleting = true;
            it.pod.phase = Phase::Pending;
        },
        Falls::Ignored,
    ),
    (
        "deleting goes before a missing sample",
        |it| {
            it.pod.deleting = true;
            it.metrics = None;
        },
        Falls::Ignored,
    ),
    ("pending: unready, be there a sample", |it| it.pod.phase = Phase::Pending, Falls::Unready),
    (
        "pending goes before a missing sample",
        |it| {
            it.pod.phase = Phase::Pending;
            it.metrics = None;
        },
        Falls::Unready,
    ),
    ("no sample: missing", |it| it.metrics = None, Falls::Missing),
    (
        "a pod that has ended is missing, not ignored",
        |it| {
            it.pod.phase = Phase::Succeeded;
            it.metrics = None;
        },
        Falls::Missing,
    ),
];

/// What has a sample that does not count, or only part of one.
const OF_SAMPLES: [Row; 6] = [
    (
        "a stale sample is none",
        |it| {
            it.measured(SECOND * 76);
        },
        Falls::Missing,
    ),
    (
        "a sample of five windows ago is not stale",
        |it| {
            it.measured(SECOND * 75);
        },
        Falls::Ready,
    ),
    (
        "a sample of the future is none",
        |it| it.metrics.as_mut().unwrap().timestamp = NOW.after(SECOND * 16),
        Falls::Missing,
    ),
    (
        "usage below 0 is none",
        |it| *it.metrics.as_mut().unwrap() = used("b", &[("main", 500), ("other", -1)]),
        Falls::Missing,
    ),
    ("no container in the sample", |it| it.metrics.as_mut().unwrap().containers.clear(), Falls::Missing),
    (
        "one container without the resource spoils the sample of the pod",
        |it| it.metrics.as_mut().unwrap().containers.push(("other".into(), Requests::new())),
        Falls::Missing,
    ),
];

#[test]
fn pods_fall_into_groups_in_order() {
    for name in ["cpu", "memory"] {
        check(name, &OF_ANY_METRIC);
        check(name, &OF_SAMPLES);
    }
}

#[test]
fn cpu_of_a_pod_that_starts_does_not_count() {
    check(
        "cpu",
        &[
            ("no condition Ready", |it| it.pod.ready = None, Falls::Unready),
            ("no start time", |it| it.pod.started = None, Falls::Unready),
            (
                "within 5 min: not ready",
                |it| {
                    it.started(MINUTE * 4).ready(Status::False, MINUTE * 4);
                },
                Falls::Unready,
            ),
            (
                "within 5 min: not ready any more",
                |it| {
                    it.started(MINUTE * 4).ready(Status::False, SECOND * 30);
                },
                Falls::Unready,
            ),
            (
                "within 5 min: nobody knows whether it is ready, which is not the same",
                |it| {
                    it.started(MINUTE * 4).ready(Status::Unknown, MINUTE * 3);
                },
                Falls::Ready,
            ),
            (
                "within 5 min: the sample began before it was ready",
                |it| {
                    it.started(MINUTE * 4).ready(Status::True, SECOND * 25).measured(SECOND * 11);
                },
                Falls::Unready,
            ),
            (
                "within 5 min: the sample began when it was ready",
                |it| {
                    it.started(MINUTE * 4).ready(Status::True, SECOND * 25).measured(SECOND * 10);
                },
                Falls::Ready,
            ),
            (
                "one moment before 5 min are over",
                |it| {
                    it.started(MINUTE * 5 - Duration::from_millis(1)).ready(Status::False, MINUTE);
                },
                Falls::Unready,
            ),
            (
                "after 5 min: not ready, but it was once",
                |it| {
                    it.started(MINUTE * 5).ready(Status::False, MINUTE);
                },
                Falls::Ready,
            ),
            (
                "after 5 min: the sample may have begun before it was ready",
                |it| {
                    it.started(MINUTE * 5).ready(Status::True, SECOND * 11);
                },
                Falls::Ready,
            ),
            (
                "after 5 min: not ready since less than 30 s after its start, so it never was",
                |it| {
                    it.started(MINUTE * 10).ready(Status::False, MINUTE * 10 - SECOND * 29);
                },
                Falls::Unready,
            ),
            (
                "after 5 min: not ready since 30 s after its start",
                |it| {
                    it.started(MINUTE * 10).ready(Status::False, MINUTE * 10 - SECOND * 30);
                },
                Falls::Ready,
            ),
            (
                "the order of rules: one that starts and has no sample is missing",
                |it| {
                    it.started(MINUTE).ready(Status::False, MINUTE);
                    it.metrics = None;
                },
                Falls::Missing,
            ),
        ],
    );
}

#[test]
fn memory_of_a_pod_that_is_not_ready_counts_fully() {
    check(
        "memory",
        &[
            ("no condition Ready", |it| it.pod.ready = None, Falls::Ready),
            ("no start time", |it| it.pod.started = None, Falls::Ready),
            (
                "not ready",
                |it| {
                    it.started(MINUTE).ready(Status::False, MINUTE);
                },
                Falls::Ready,
            ),
        ],
    );
}

#[test]
fn a_metric_of_pods_knows_no_start_either() {
    let mut starting = pod("b", 1000);
    starting.ready = None;
    let reading = reading(Samples::Pods(vec![pod_value("a", 1000), pod_value("b", 500)]));
    assert_eq!(sampled(&of_pods("1"), &[pod("a", 1000), starting], &reading), Ok((0.75, false)));
}

#[test]
fn pods_are_counted_by_group() {
    let change = |name: &str, change: fn(&mut Pod)| {
        let mut pod = pod(name, 1000);
        change(&mut pod);
        pod
    };
    let pods = [
        pod("a", 1000),
        pod("b", 1000),
        pod("c", 1000),
        change("d", |pod| pod.phase = Phase::Pending),
        change("e", |pod| pod.ready = None),
        change("f", |pod| pod.deleting = true),
    ];
    let metrics = ["a", "b", "e", "f"].map(|name| used(name, &[("main", 900)]));
    let outcome = evaluated(&utilization("cpu", 90), &pods, &resource(&metrics)).outcome.unwrap();
    assert_eq!(outcome.pods, Some(Counts { ready: 2, unready: 2, missing: 1, ignored: 1 }));
}
