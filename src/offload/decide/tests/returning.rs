//! Step by step: probes and the way back from a failover.

use super::*;
use crate::api::SelectPolicy;

#[test]
fn a_probe_finds_out_that_an_idle_load_only_looked_like_demand() {
    let mut life = Life::new(rules(80, Strategy::Step));
    assert_eq!(said(&life.load(0.2, 2.0)), (80, Reason::TargetReached));
    // What is left at home reads 30 %, and looks like a demand of 150 %; all of it would be 70 %.
    let held: Vec<_> = (1..40).map(|_| said(&life.load(0.2, 0.5))).collect();
    assert_eq!(held, [(80, Reason::TargetReached); 39], "for ten minutes");
    let way: Vec<_> = (0..5).map(|_| said(&life.load(0.2, 0.5))).collect();
    let probing = |weight| (weight, Reason::Probing);
    assert_eq!(way, [probing(55), probing(30), probing(5), probing(0), (0, Reason::AtHome)]);
}

#[test]
fn a_probe_turns_back_when_demand_is_there_for_certain_and_waits_longer() {
    let mut life = Life::at_weight(rules(100, Strategy::Step), 100);
    let mut probes = vec![];
    for _ in 0..4 * 60 * 4 {
        let before = life.state.weight;
        let decision = life.load(0.1, 1.5);
        if before == 100 && decision.weight == 75 {
            probes.push(life.now);
        }
        assert!(decision.weight >= 75, "no further than to be certain: {decision:?}");
    }
    let waits: Vec<_> = probes.windows(2).map(|pair| (pair[1] - pair[0]) / 600).collect();
    assert_eq!(waits, [2, 4, 6, 6], "it doubles, to an hour: {probes:?}");
}

#[test]
fn no_probe_while_demand_is_certainly_there() {
    let mut life = Life::at_weight(rules(50, Strategy::Step), 50);
    for _ in 0..500 {
        assert_eq!(said(&life.load(0.0, 1.5)), (50, Reason::TargetReached));
    }
}

#[test]
fn no_probe_on_partial_metrics_nor_where_it_could_not_turn_back() {
    let mut partial = Life::at_weight(rules(100, Strategy::Step), 100);
    let mut disabled = Life::at_weight(rules(100, Strategy::Step), 100);
    disabled.rules.up.select = SelectPolicy::Disabled;
    for _ in 0..300 {
        let fresh = sample(partial.now + 15, 0.0);
        assert_eq!(partial.see(15, seen(4, vec![fresh, unavailable()])).weight, 100);
        assert_eq!(disabled.read(0.0).weight, 100);
    }
}

#[test]
fn a_probe_that_loses_its_metrics_turns_back() {
    let mut life = Life::at_weight(rules(100, Strategy::Step), 100);
    while life.load(0.1, 0.5).reason != Reason::Probing {}
    assert_eq!(life.state.weight, 75);
    let way: Vec<_> = (0..6).map(|_| life.see(15, seen(4, vec![unavailable()])).weight).collect();
    assert_eq!(way, [75, 75, 75, 75, 100, 100]);
}

#[test]
fn a_probe_is_judged_on_what_was_measured_wholly_under_it() {
    let mut life = Life::at_weight(rules(100, Strategy::Step), 100);
    while life.load(0.1, 0.5).reason != Reason::Probing {}
    let begun = life.now;
    // Taken for the most part before it: waits.
    assert_eq!(said(&life.see(5, seen(4, vec![sample(begun + 5, 0.12)]))), (75, Reason::Probing));
    assert_eq!(said(&life.see(9, seen(4, vec![sample(begun + 14, 0.2)]))), (75, Reason::Probing));
    assert_eq!(said(&life.see(1, seen(4, vec![sample(begun + 15, 0.225)]))), (50, Reason::Probing));
}

/// On the way up by ten points in half an hour, and at a demand just above the target, which an idle load could explain.
#[test]
fn no_probe_on_the_way_to_more() {
    let mut life = Life::new(rules(50, Strategy::Step));
    life.rules.up.policies = vec![Pace { points: 10, period: Duration::from_secs(1800) }];
    assert_eq!(said(&life.load(0.0, 1.01)), (10, Reason::RateLimited));
    for _ in 0..100 {
        assert_eq!(said(&life.load(0.0, 1.01)), (10, Reason::RateLimited));
    }
}

#[test]
fn a_failover_passes_windows_rates_and_missing_metrics() {
    let mut life = Life::new(rules(10, Strategy::Step));
    life.rules.up.window = Duration::from_secs(3600);
    life.rules.up.policies = vec![Pace { points: 1, period: Duration::from_secs(1800) }];
    assert_eq!(said(&life.see(15, seen(0, vec![unavailable()]))), (100, Reason::Failover));
    // And comes back without them as well, as far as a probe goes.
    let way: Vec<_> = (0..5).map(|_| said(&life.see(15, seen(1, vec![unavailable()])))).collect();
    let back = |weight| (weight, Reason::Recovering);
    assert_eq!(way, [back(100), back(100), back(10), back(0), (0, Reason::MetricsUnavailable)]);
}

#[test]
fn readiness_that_flaps_starts_the_wait_again() {
    let mut life = Life::new(rules(50, Strategy::Step));
    for _ in 0..20 {
        assert_eq!(life.ready(0).weight, 100);
        assert_eq!(life.ready(2).weight, 100);
    }
    assert_eq!((life.ready(2).weight, life.ready(2).weight), (100, 50));
    assert_eq!(life.ready(0).weight, 100, "at once, also on the way back");
}

#[test]
fn selectpolicy_disabled_does_not_bind_the_way_back() {
    let mut life = Life::new(rules(100, Strategy::Step));
    life.rules.down.select = SelectPolicy::Disabled;
    life.rules.metrics.clear();
    life.see(15, seen(0, vec![]));
    let way: Vec<_> = (0..7).map(|_| life.see(15, seen(1, vec![])).weight).collect();
    assert_eq!(way, [100, 100, 75, 50, 25, 0, 0]);
}

#[test]
fn demand_that_is_there_ends_the_way_back() {
    let mut life = Life::at_weight(rules(50, Strategy::Step), 50);
    for _ in 0..4 {
        life.load_of(0, 0.0, 1.6);
    }
    let way: Vec<_> = (0..6).map(|_| said(&life.load(0.0, 1.6))).collect();
    let back = |weight| (weight, Reason::Recovering);
    let reached = (50, Reason::TargetReached);
    assert_eq!(way, [back(100), back(100), back(50), back(25), reached, reached]);
}

#[test]
fn a_pause_holds_and_then_goes_on() {
    let paused = |pause, ready| Observation { pause: Some(pause), ..seen(ready, vec![]) };
    let mut life = Life::new(rules(50, Strategy::Step));
    life.ready(0);
    for _ in 0..4 {
        assert_eq!(said(&life.see(15, paused(Pause::Freeze, 2))), (100, Reason::Paused));
    }
    assert_eq!(said(&life.ready(2)), (50, Reason::Recovering), "endpoints were ready all the time");
    assert_eq!(
        said(&life.see(15, paused(Pause::Home, 0))),
        (0, Reason::Paused),
        "home is home, also with nothing there"
    );
    assert_eq!(said(&life.see(15, paused(Pause::Freeze, 0))), (0, Reason::Paused));
    assert_eq!(said(&life.ready(0)), (100, Reason::Failover));
}

#[test]
fn the_next_step_back_is_foretold() {
    let mut life = Life::new(rules(50, Strategy::Step));
    assert_eq!((life.ready(1).next, life.ready(0).next), (None, None));
    let ready = life.ready(1);
    assert_eq!(ready.next, Some(at(life.now + 30)));
    let at_most = life.see(30, seen(1, vec![]));
    assert_eq!((at_most.weight, at_most.next), (50, Some(at(life.now + 15))));
}

/// Whoever looks again when it is due would look without an end.
#[test]
fn a_step_that_is_due_and_held_is_not_foretold() {
    for held in [
        Observation { pause: Some(Pause::Freeze), ..seen(2, vec![]) },
        Observation { local: Local::Unknown, ..seen(2, vec![]) },
    ] {
        let mut life = Life::new(rules(50, Strategy::Step));
        life.ready(0);
        for _ in 0..4 {
            let decision = life.see(15, held.clone());
            assert!(decision.next.is_none_or(|next| next > at(life.now)), "{:?}", decision.next);
        }
    }
}
