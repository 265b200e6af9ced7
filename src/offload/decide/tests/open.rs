//! What unready, missing and lagging pods leave open, with traffic at home and away.

use super::*;
use crate::offload::evaluate::{
    Container, Evaluation, Milli, Phase, Pod, PodMetrics, Reading, Ready, Requests, Role, Samples, Status, Tolerance,
    Workload, evaluate,
};
use crate::offload::observation::Span;

/// A pod: what it uses, in thousandths, and when that was measured; none if it has no sample.
type Of = (Option<(i64, i64)>, bool);

/// What 90 % of a request of 1000 each makes of pods at a moment.
fn evaluated(now: i64, pods: &[Of]) -> Evaluation {
    let metric = spec(50, Strategy::Step).metrics.remove(0);
    let name = |index: usize| format!("pod-{index}");
    let requests = |milli| Requests::from([("cpu".to_owned(), Milli(milli))]);
    let metrics = pods.iter().enumerate().filter_map(|(index, (usage, _))| {
        let (milli, taken) = (*usage)?;
        let (window, containers) = (Duration::from_secs(15), vec![("main".to_owned(), requests(milli))]);
        Some(PodMetrics { pod: name(index), timestamp: at(taken), window, containers })
    });
    let reading = Reading { samples: Samples::Resource(metrics.collect()), resolution: Duration::from_secs(15) };
    let pod = |(index, (_, ready)): (usize, &Of)| Pod {
        name: name(index),
        deleting: false,
        phase: Phase::Running,
        ready: ready.then_some(Ready { status: Status::True, since: at(-9000) }),
        started: Some(at(-9000)),
        containers: vec![Container { name: "main".to_owned(), role: Role::Main, requests: requests(1000) }],
        requests: Requests::new(),
        overhead: Requests::new(),
    };
    let pods: Vec<Pod> = pods.iter().enumerate().map(pod).collect();
    let tolerance = Tolerance { up: 0.0, down: 0.1 };
    evaluate(at(now), &metric, Workload { pods: &pods, replicas: 4 }, Ok(&reading), tolerance)
}

/// The pods as they are seen 15 s later, so many of them ready.
fn look(life: &mut Life, ready: u32, pods: &[Of]) -> Decision {
    let evaluation = evaluated(life.now + 15, pods);
    life.see(15, seen(ready, vec![evaluation.observed()]))
}

/// Pods that use so much, measured now.
fn now(life: &Life, usage: &[Option<i64>]) -> Vec<Of> {
    usage.iter().map(|milli| (milli.map(|milli| (milli, life.now + 15)), true)).collect()
}

/// Three of four pods at 61 % with a quarter of the traffic away: a demand of 90 % of the target, and with the fourth as busy as it can
/// be, 105 %.
#[test]
fn a_missing_pod_is_judged_by_the_demand_and_not_by_the_reading() {
    let mut life = Life::at_weight(rules(50, Strategy::Step), 25);
    (life.rules.probe.after, life.rules.probe.longest) = (Duration::MAX, Duration::MAX);
    let pods = now(&life, &[Some(610), Some(610), Some(610), None]);
    let decision = look(&mut life, 4, &pods);
    assert_eq!((decision.demands.as_slice(), said(&decision)), (&[Demand::Undecided][..], (25, Reason::Undecided)));
    // Far enough below, it lets go even so; far enough above, it is reached.
    let pods = now(&life, &[Some(100), Some(100), Some(100), None]);
    let decision = look(&mut life, 4, &pods);
    assert!(matches!(decision.demands[..], [Demand::Known(known)] if known.share < 0.9), "{decision:?}");
    // The reading is 80 %, below the target; the demand is 119 % of it, and 89 % with the fourth idle; then 133 %, and 100 %.
    let pods = now(&life, &[Some(800), Some(800), Some(800), None]);
    assert_eq!(look(&mut life, 4, &pods).demands, [Demand::Undecided]);
    let pods = now(&life, &[Some(910), Some(910), Some(910), None]);
    assert_eq!(said(&look(&mut life, 4, &pods)), (50, Reason::TargetReached));
}

#[test]
fn an_unready_pod_lowers_no_demand_and_tells_only_whether_it_holds_even_so() {
    let mut life = Life::at_weight(rules(50, Strategy::Step), 50);
    let starting = |life: &Life, usage: i64| {
        let mut pods = now(life, &[Some(usage), Some(usage), Some(usage), Some(0)]);
        pods[3].1 = false;
        pods
    };
    // 133 % of the target with half of it away; 100 % with the fourth.
    let pods = starting(&life, 600);
    let decision = look(&mut life, 4, &pods);
    assert!(matches!(decision.demands[..], [Demand::Known(known)] if (known.share - 120.0 / 90.0).abs() < 1e-6));
    let pods = starting(&life, 590);
    assert_eq!(look(&mut life, 4, &pods).demands, [Demand::Undecided]);
}

/// They are as busy as they can be; what they cannot show must not be taken for what the new ones will have.
#[test]
fn new_pods_are_not_discounted_before_they_are_measured() {
    let mut life = Life::new(rules(25, Strategy::Step));
    life.rules.down.window = Duration::ZERO;
    let busy = [Some(1200); 4];
    let mut weights = Vec::new();
    for step in 0..8 {
        let mut pods = now(&life, &busy);
        if step >= 2 {
            pods.extend(now(&life, &[if step < 6 { None } else { Some(1200) }; 4]));
            pods.iter_mut().skip(4).for_each(|(_, ready)| *ready = step >= 5);
        }
        weights.push(look(&mut life, if step >= 4 { 8 } else { 4 }, &pods).weight);
    }
    assert_eq!(weights, [25; 8]);
}

/// Nine pods were measured just now, and one a minute ago, before any traffic was away.
#[test]
fn a_pod_that_lags_does_not_stretch_the_time_of_all() {
    let mut life = Life::new(rules(50, Strategy::Step));
    let (mut weights, mut lag) = (vec![], 0);
    for step in 0..40 {
        let of = |life: &Life| if life.state.weight == 50 && step > 0 { 500 } else { 1000 };
        let usage = of(&life);
        lag = if step % 5 == 0 { life.now + 15 } else { lag };
        let mut pods = now(&life, &[Some(usage); 10]);
        pods[9].0 = Some((1000, lag));
        weights.push(look(&mut life, 10, &pods).weight);
    }
    assert_eq!(weights, [50; 40]);
    // Half of one pod's time was at another weight: a twentieth of the mean.
    let mut life = Life::new(rules(50, Strategy::Step));
    life.read(1.2);
    life.read(0.6);
    let span = |from, to, of| Span { from: at(from), to: at(to), of };
    let sample = Sample {
        taken: at(45),
        spans: vec![span(30, 45, 9), span(0, 30, 1)],
        ..Sample::whole(0.6, at(45), Duration::ZERO)
    };
    let decision = life.see(15, seen(4, vec![Observed { follows: Follows::Traffic, sample: Ok(sample) }]));
    assert!(
        matches!(decision.demands[..], [Demand::Known(known)] if (known.share - 0.6 / 0.525).abs() < 1e-9),
        "{decision:?}"
    );
}

#[test]
fn a_source_whose_clock_is_ahead_has_each_sample_judged_once() {
    let mut life = Life::new(rules(50, Strategy::Step));
    // Taken at a weight of 0, and stamped a while from now.
    let pods = [(Some((1000, 25)), true)];
    assert_eq!(look(&mut life, 1, &pods).weight, 50);
    let first = life.state.judged.clone();
    let decision = life.see(5, seen(1, vec![evaluated(20, &pods).observed()]));
    assert_eq!((life.state.judged, decision.weight), (first, 50));
}

/// With all traffic at home it is the HPA's rule.
#[test]
fn at_home_the_outcome_is_that_of_the_hpa() {
    for usage in (0..2000).step_by(10) {
        for (missing, unready) in [(0, 0), (1, 0), (0, 1), (2, 1), (1, 3)] {
            let mut life = Life::new(rules(50, Strategy::Step));
            let mut pods =
                now(&life, &[&[Some(usage); 3][..], &vec![None; missing], &vec![Some(usage); unready]].concat());
            pods.iter_mut().skip(3 + missing).for_each(|(_, ready)| *ready = false);
            let hpa = evaluated(15, &pods).outcome.unwrap().hpa;
            let decision = look(&mut life, 4, &pods);
            let acts = match decision.demands[..] {
                [Demand::Undecided] => None,
                [Demand::Known(known)] => Some(known.share >= 1.0),
                _ => panic!("{decision:?}"),
            };
            assert_eq!(acts, (!hpa.undecided).then_some(hpa.ratio >= 1.0), "{usage} {missing} {unready} {hpa:?}");
        }
    }
}
