//! Each step by itself.

use super::demand::Judged;
use super::history::{History, Ladder};
use super::*;
use crate::api::SelectPolicy;

// Rules.

#[test]
fn rules_are_read_from_what_the_compiler_writes() {
    let rules = rules(50, Strategy::Proportional);
    assert_eq!((rules.most, rules.strategy, rules.recovery), (50, Strategy::Proportional, Duration::from_secs(30)));
    assert_eq!((rules.up.window, rules.up.tolerance), (Duration::ZERO, 0.0));
    assert_eq!((rules.down.window, rules.down.tolerance), (Duration::from_secs(300), 0.1));
    assert_eq!(rules.down.policies, [Pace { points: 25, period: Duration::from_secs(15) }]);
    assert_eq!(rules.probe.idle, 0.25);
}

#[test]
fn values_out_of_their_ranges_are_named() {
    let spec = serde_json::to_value(spec(50, Strategy::Step)).unwrap();
    let cases = [
        ("/maxRemoteWeight", json!(101)),
        ("/maxRemoteWeight", json!(-1)),
        ("/behavior/scaleUp/stabilizationWindowSeconds", json!(3601)),
        ("/behavior/scaleUp/tolerance", json!("-1")),
        ("/behavior/scaleDown/tolerance", json!("a lot")),
        ("/behavior/scaleUp/policies", json!([])),
        ("/behavior/scaleDown/policies", json!([{"type": "Pods", "value": 1, "periodSeconds": 15}])),
        ("/behavior/scaleDown/policies", json!([{"type": "Percent", "value": 0, "periodSeconds": 15}])),
        ("/behavior/scaleDown/policies", json!([{"type": "Percent", "value": 1, "periodSeconds": 1801}])),
        ("/behavior/probe/afterSeconds", json!(0)),
        ("/behavior/probe/maxAfterSeconds", json!(i32::MIN)),
        ("/behavior/probe/idlePercent", json!(101)),
        ("/behavior/failover/recoverySeconds", json!(-1)),
    ];
    for (place, value) in cases {
        let mut spec = spec.clone();
        *spec.pointer_mut(place).unwrap() = value.clone();
        let error = Rules::of(&serde_json::from_value(spec).unwrap()).unwrap_err();
        assert_eq!(error.0, format!("spec{}", place.replace('/', ".")), "{value}");
    }
}

#[test]
fn more_points_than_there_are_are_all_of_them() {
    let mut spec = spec(50, Strategy::Step);
    spec.behavior.scale_up.policies[0].value = i32::MAX;
    spec.behavior.scale_up.tolerance = crate::api::IntOrString::Int(1);
    let rules = Rules::of(&spec).unwrap();
    assert_eq!((rules.up.policies[0].points, rules.up.tolerance), (100, 1.0));
}

// Demand.

/// The demand of the one metric, in percent of the target.
fn percent(decision: &Decision) -> Option<i64> {
    match decision.demands.first() {
        Some(Demand::Known(known)) => Some((known.share * 100.0).round() as i64),
        _ => None,
    }
}

#[test]
fn demand_is_corrected_by_the_mean_weight_of_the_sample() {
    let mut life = Life::at_weight(rules(50, Strategy::Step), 0);
    assert_eq!(percent(&life.read(1.2)), Some(120));
    assert_eq!(life.state.weight, 50);
    // Two thirds of this sample were taken at 0, one third at 50: a mean of a sixth away.
    let decision = life.see(5, seen(4, vec![sample(life.now + 5, 1.0)]));
    assert_eq!(percent(&decision), Some(120));
    // And this one was taken at 50 as a whole.
    life.see(10, seen(4, vec![unavailable()]));
    let decision = life.see(5, seen(4, vec![sample(life.now + 5, 0.6)]));
    assert_eq!(percent(&decision), Some(120));
}

#[test]
fn what_does_not_follow_the_traffic_is_not_corrected() {
    let mut life = Life::at_weight(rules(100, Strategy::Step), 100);
    let memory = Observed { follows: Follows::Nothing, ..sample(15, 0.95) };
    let decision = life.see(15, seen(4, vec![memory, sample(15, 0.5)]));
    assert!(matches!(decision.demands[..], [Demand::Known(Known { share: 0.95, .. }), Demand::Unknown]));
    assert_eq!(said(&decision), (100, Reason::DemandUnknown));
}

#[test]
fn at_97_percent_there_is_still_something_to_see() {
    let mut life = Life::at_weight(rules(97, Strategy::Step), 97);
    assert_eq!(percent(&life.read(0.03)), Some(100));
    let mut life = Life::at_weight(rules(98, Strategy::Step), 98);
    assert_eq!(percent(&life.read(0.03)), None);
}

#[test]
fn a_sample_of_a_moment_counts_for_that_moment() {
    let mut life = Life::at_weight(rules(50, Strategy::Step), 50);
    let moment = Sample::whole(0.6, at(14), Duration::ZERO);
    let moment = Observed { follows: Follows::Traffic, sample: Ok(moment) };
    assert_eq!(percent(&life.see(15, seen(4, vec![moment]))), Some(120));
}

#[test]
fn pods_that_die_count_with_the_sample_at_hand() {
    let mut life = Life::new(rules(50, Strategy::Step));
    assert_eq!(percent(&life.read(0.4)), Some(40));
    // The very same sample, judged at once: three of four pods are gone.
    let decision = life.see(1, seen(1, vec![sample(15, 0.4)]));
    assert_eq!((percent(&decision), decision.weight), (Some(160), 50));
    // They come back: so does the demand on each.
    assert_eq!(percent(&life.see(1, seen(4, vec![sample(15, 0.4)]))), Some(40));
}

#[test]
fn ready_counts_from_before_a_pause_of_the_operator_do_not_count() {
    let mut life = Life::new(rules(50, Strategy::Step));
    life.read(0.4);
    // An hour later there are twice as many, nobody knows since when; that is no reason to halve the demand.
    let decision = life.see(3600, seen(8, vec![sample(3615, 0.9)]));
    assert_eq!(percent(&decision), Some(90));
}

#[test]
fn a_metric_that_was_replaced_starts_afresh() {
    let mut life = Life::new(rules(50, Strategy::Step));
    life.read(0.4);
    life.rules.metrics = vec![7];
    assert_eq!(percent(&life.see(1, seen(4, vec![sample(10, 0.8)]))), Some(80));
}

#[test]
fn a_clock_that_went_back_does_not_silence_a_metric() {
    let mut life = Life::new(rules(50, Strategy::Step));
    life.read(0.4);
    life.now -= 3600;
    assert_eq!(percent(&life.read(0.7)), Some(70));
    assert_eq!(percent(&life.read(0.8)), Some(80));
}

// Want.

fn known(share: f64) -> Demand {
    Demand::Known(Known { share, least: share, from: at(0), follows: Follows::Traffic })
}

#[test]
fn what_is_wanted() {
    use Reason::*;
    let invalid = || Demand::Invalid(Invalid::NoSamples);
    let cases = [
        // The target is reached at 1, and let go at 0.9, both included.
        (Strategy::Step, 0, vec![known(1.0)], (50, TargetReached, true)),
        (Strategy::Step, 0, vec![known(0.999)], (0, AtHome, true)),
        (Strategy::Step, 50, vec![known(0.999)], (50, WithinTolerance, true)),
        (Strategy::Step, 50, vec![known(0.27 / 0.3)], (0, Returning, true)),
        (Strategy::Step, 25, vec![known(0.95)], (25, WithinTolerance, true)),
        (Strategy::Step, 0, vec![], (0, AtHome, true)),
        (Strategy::Step, 50, vec![], (0, Returning, true)),
        // The largest decides; what says nothing only holds.
        (Strategy::Step, 0, vec![known(0.1), known(1.1)], (50, TargetReached, true)),
        (Strategy::Step, 50, vec![known(0.1), known(0.95)], (50, WithinTolerance, true)),
        (Strategy::Step, 0, vec![invalid(), known(1.1)], (50, TargetReached, true)),
        (Strategy::Step, 50, vec![known(0.1), invalid()], (50, MetricsUnavailable, false)),
        (Strategy::Step, 50, vec![known(0.1), Demand::Undecided], (50, Undecided, false)),
        (Strategy::Step, 50, vec![Demand::Unknown, known(0.1)], (50, DemandUnknown, false)),
        (Strategy::Step, 0, vec![Demand::Unknown, Demand::Undecided, invalid()], (0, MetricsUnavailable, false)),
        // As much as leaves the target at home, rounded towards the remote backend.
        (Strategy::Proportional, 0, vec![known(1.0)], (0, TargetReached, true)),
        (Strategy::Proportional, 0, vec![known(1.25)], (20, TargetReached, true)),
        (Strategy::Proportional, 0, vec![known(1.5)], (34, TargetReached, true)),
        (Strategy::Proportional, 0, vec![known(4.0)], (50, TargetReached, true)),
        // Held while what stays at home is within the tolerances.
        (Strategy::Proportional, 34, vec![known(1.5)], (34, TargetReached, true)),
        (Strategy::Proportional, 40, vec![known(1.5)], (40, TargetReached, true)),
        (Strategy::Proportional, 41, vec![known(1.5)], (37, Returning, true)),
        (Strategy::Proportional, 41, vec![known(1.5), invalid()], (41, MetricsUnavailable, false)),
        (Strategy::Proportional, 20, vec![known(1.5), invalid()], (34, TargetReached, true)),
        (Strategy::Proportional, 20, vec![known(0.0)], (0, Returning, true)),
        // A point of a large demand is more than the tolerance: it still does not turn round.
        (Strategy::Proportional, 50, vec![known(20.5)], (50, TargetReached, true)),
    ];
    for (strategy, weight, demands, expected) in cases {
        let want = want::want(&rules(50, strategy), &demands, weight);
        assert_eq!((want.weight, want.reason, want.told), expected, "{strategy:?} at {weight}: {demands:?}");
    }
}

#[test]
fn proportional_never_turns_round_by_a_point() {
    let rules = rules(100, Strategy::Proportional);
    for hundredths in 100..5000 {
        let share = f64::from(hundredths) / 100.0;
        let up = want::want(&rules, &[known(share)], 0).weight;
        assert!(share * (1.0 - f64::from(up) / 100.0) <= 1.0 + 1e-6, "{share}: the target at most stays at home");
        let down = want::want(&rules, &[known(share)], 97).weight;
        for at_rest in [up, down] {
            let again = want::want(&rules, &[known(share)], at_rest).weight;
            assert_eq!(want::want(&rules, &[known(share)], again).weight, again, "{share}: {at_rest} {again}");
        }
    }
}

// Windows.

#[test]
fn windows_take_the_least_upwards_and_the_largest_downwards() {
    let mut rules = rules(100, Strategy::Step);
    rules.up.window = Duration::from_secs(60);
    let mut wants = stabilise::Wants::default();
    for (seconds, want) in [(0, 40), (15, 80), (30, 60), (45, 90)] {
        wants.keep(at(seconds), &rules, want, 40);
    }
    assert_eq!(wants.stabilise(at(45), &rules, 40, 90), 40);
    // The window ends where it ends: the want of 60 s ago is over.
    assert_eq!(wants.stabilise(at(60), &rules, 40, 90), 60);
    assert_eq!(wants.stabilise(at(75), &rules, 40, 90), 60);
    assert_eq!(wants.stabilise(at(90), &rules, 40, 90), 90);
    assert_eq!(wants.stabilise(at(100), &rules, 95, 0), 90);
    assert_eq!(wants.stabilise(at(344), &rules, 95, 0), 90);
    assert_eq!(wants.stabilise(at(345), &rules, 95, 0), 0);
}

#[test]
fn a_window_is_passed_by_looking_and_not_by_waiting() {
    let rules = rules(100, Strategy::Step);
    let mut wants = stabilise::Wants::default();
    wants.keep(at(0), &rules, 0, 50);
    assert_eq!(wants.stabilise(at(0), &rules, 50, 0), 50, "nobody knows what was before");
    wants.keep(at(3600), &rules, 0, 50);
    assert_eq!(wants.stabilise(at(3600), &rules, 50, 0), 50, "nor what was in that hour");
    for seconds in 1..20 {
        wants.keep(at(3600 + seconds * 15), &rules, 0, 50);
        assert_eq!(wants.stabilise(at(3600 + seconds * 15), &rules, 50, 0), 50);
    }
    wants.keep(at(3900), &rules, 0, 50);
    assert_eq!(wants.stabilise(at(3900), &rules, 50, 0), 0);
}

#[test]
fn a_window_passes_however_rarely_it_is_looked() {
    for (every, looks) in [(15, 20), (60, 5), (61, 5), (120, 3), (299, 2), (300, 2), (600, 2)] {
        let mut life = Life::at_weight(rules(50, Strategy::Step), 50);
        life.see(15, seen(4, vec![sample(life.now + 15, 1.0)]));
        // What was wanted is over when the window is, and where no two looks are within one, with the third.
        let held =
            (0..100).take_while(|_| life.see(every, seen(4, vec![sample(life.now + every, 0.1)])).weight == 50).count();
        assert!((looks - 1..=looks).contains(&held), "every {every} s: {held}");
    }
}

#[test]
fn wants_of_a_failover_are_not_kept() {
    let mut life = Life::new(rules(50, Strategy::Step));
    life.load(0.0, 0.3);
    for _ in 0..40 {
        life.load_of(0, 0.0, 0.3);
    }
    let way: Vec<_> = (0..6).map(|_| life.load(0.0, 0.3).weight).collect();
    assert_eq!(way, [100, 100, 50, 25, 0, 0], "no window holds what no metric asked for");
}

// Rates.

#[test]
fn rates_count_what_was_within_their_periods() {
    let pace = |points, seconds| Pace { points, period: Duration::from_secs(seconds) };
    let mut rules = rules(100, Strategy::Step);
    rules.up.policies = vec![pace(10, 15), pace(30, 60)];
    let mut weights = History::default();
    weights.push(at(0), 20);
    weights.push(at(100), 30);
    weights.push(at(115), 40);
    let limit = |rules: &Rules, seconds, wanted| rate_limit::limit(at(seconds), rules, &weights, 40, wanted);
    // Max: 30 points over the least of a minute, which was 20, are 50; Min: no more than 10 over the least of 15 s.
    assert_eq!(limit(&rules, 116, 100), 50);
    rules.up.select = SelectPolicy::Min;
    assert_eq!(limit(&rules, 116, 100), 40);
    assert_eq!(limit(&rules, 130, 100), 50);
    assert_eq!(limit(&rules, 130, 45), 45);
    rules.up.select = SelectPolicy::Disabled;
    assert_eq!(limit(&rules, 1000, 100), 40);
    // Downwards: 25 in 15 s, from the largest of them.
    assert_eq!(limit(&rules, 130, 0), 15);
    rules.down.select = SelectPolicy::Disabled;
    assert_eq!(limit(&rules, 130, 0), 40);
}

#[test]
fn deciding_more_often_is_no_way_round_a_rate() {
    let mut life = Life::at_weight(rules(100, Strategy::Proportional), 60);
    life.rules.down.window = Duration::ZERO;
    let weights: Vec<_> = (1..=31).map(|second| life.see(1, seen(4, vec![sample(second, 0.0)])).weight).collect();
    assert_eq!(weights[..15], [35; 15]);
    assert_eq!(weights[15..30], [10; 15]);
    assert_eq!(weights[30], 0);
    // Nor is an hour in which nobody decided.
    let mut life = Life::at_weight(rules(100, Strategy::Proportional), 60);
    life.rules.down.window = Duration::ZERO;
    assert_eq!(life.see(3600, seen(4, vec![sample(life.now + 3600, 0.0)])).weight, 35);
    assert_eq!(life.read(0.0).weight, 10);
}

#[test]
fn a_lowered_percentage_binds_at_once() {
    let mut life = Life::at_weight(rules(90, Strategy::Step), 90);
    life.rules.most = 10;
    life.rules.down.select = SelectPolicy::Disabled;
    assert_eq!(life.load(0.0, 2.0).weight, 10);
}

#[test]
fn a_disabled_direction_is_said() {
    let mut life = Life::at_weight(rules(50, Strategy::Step), 50);
    life.rules.down.select = SelectPolicy::Disabled;
    for _ in 0..100 {
        assert_eq!(said(&life.load(0.0, 0.1)), (50, Reason::Disabled));
    }
    let mut life = Life::new(rules(50, Strategy::Step));
    life.rules.up.select = SelectPolicy::Disabled;
    assert_eq!(said(&life.load(0.0, 2.0)), (0, Reason::Disabled));
    assert_eq!(said(&life.ready(0)), (100, Reason::Failover), "a failover is not what metrics ask for");
}

// History.

#[test]
fn a_history_knows_what_was_in_force() {
    let mut history = History::default();
    for (seconds, weight) in [(0, 10), (10, 20), (20, 20), (30, 40)] {
        history.push(at(seconds), weight);
    }
    let mean = |from, to| history.mean(at(from), at(to), |weight: u8| Some(f64::from(weight))).unwrap();
    assert_eq!(mean(-100, 0), 10.0);
    assert_eq!(mean(0, 20), 15.0);
    assert_eq!(mean(0, 40), 22.5);
    assert_eq!(mean(35, 1000), 40.0);
    assert_eq!((mean(29, 29), mean(30, 30)), (20.0, 40.0));
}

#[test]
fn a_history_that_is_too_long_keeps_the_extremes_of_every_period() {
    let mut noise = 7_u64;
    let (mut history, mut all) = (History::default(), vec![]);
    for second in 0..3000 {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let weight = u8::try_from((noise >> 33) % 101).unwrap();
        history.push(at(second), weight);
        all.push(weight);
        let stored = serde_json::to_value(&history).unwrap();
        assert!(stored.as_array().unwrap().len() <= 320);
    }
    for period in [1_i64, 15, 60, 600, 1800] {
        let from = 2999 - period;
        let exact = &all[usize::try_from(from).unwrap()..];
        let kept: Vec<_> = history.over(at(from), at(2999)).map(|(_, weight)| weight).collect();
        let (least, most) = (kept.iter().min().unwrap(), kept.iter().max().unwrap());
        assert!(least <= exact.iter().min().unwrap() && most >= exact.iter().max().unwrap(), "never laxer: {period}");
    }
}

#[test]
fn ladders_answer_for_every_window() {
    let mut ladder = Ladder::<true>::default();
    for (seconds, want) in [(0, 90), (10, 50), (20, 70), (30, 20)] {
        ladder.put(at(seconds), want);
    }
    let most = |window| ladder.within(at(30), Duration::from_secs(window));
    assert_eq!((most(0), most(1), most(11), most(30), most(31)), (None, Some(20), Some(70), Some(70), Some(90)));
}

// Probes.

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

// Failover.

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

// State.

#[test]
fn state_is_small_and_bounded() {
    let mut rules = rules(100, Strategy::Proportional);
    rules.down.window = Duration::from_secs(3600);
    let mut life = Life::new(rules);
    // An hour of calm, with a change now and then.
    for step in 0..240 {
        life.load(0.1, if step % 60 == 0 { 1.3 } else { 1.0 });
    }
    let calm = serde_json::to_string(&life.state).unwrap().len();
    println!("state after an hour of calm: {calm} bytes");
    assert!(calm < 700, "{calm}");

    // The worst: everything moves all the time, and there are more metrics than are remembered.
    life.rules.metrics = (0..40).map(|metric| u32::MAX - metric).collect();
    life.rules.down.window = Duration::ZERO;
    life.rules.down.policies = vec![Pace { points: 100, period: Duration::from_secs(1) }];
    let mut largest = 0;
    for step in 0_u32..2000 {
        let ratio = f64::from(step * 7919 % 997) / 300.1;
        let metrics = (0..40).map(|_| sample(life.now + 3, ratio)).collect();
        life.see(3, seen(u32::MAX - step * 31 % 17, metrics));
        largest = largest.max(serde_json::to_string(&life.state).unwrap().len());
    }
    println!("state at its worst: {largest} bytes");
    assert!(largest < State::LARGEST, "{largest}");
}

#[test]
fn state_of_other_versions_keeps_its_weight_and_says_so() {
    let mut life = Life::at_weight(rules(50, Strategy::Step), 50);
    life.load(0.0, 1.5);
    let stored = serde_json::to_value(&life.state).unwrap();
    assert_eq!((&stored["version"], &stored["weight"]), (&json!(1), &json!(50)));

    let held = Some(Box::new(State::holding(50)));
    for (version, message) in [
        (json!(0), "the state has version 0, and this build reads version 1"),
        (json!(2), "the state has version 2, and this build reads version 1"),
        (json!("1"), "the state has version \"1\", and this build reads version 1"),
    ] {
        let mut other = stored.clone();
        other["version"] = version;
        let error = State::read(&other).unwrap_err();
        assert_eq!((error.to_string().as_str(), &error.state), (message, &held));
    }
    for garbage in [json!(null), json!([]), json!("x"), json!({}), json!({"version": 1, "weight": 101})] {
        let error = State::read(&garbage).unwrap_err();
        assert_eq!(error.state, None, "{garbage}");
        assert!(error.to_string().starts_with("the state cannot be read: "), "{error}");
    }
    let mut broken = stored.clone();
    broken["weights"] = json!([0, 20]);
    assert_eq!(State::read(&broken).unwrap_err().state, held, "what contradicts itself is not believed");
    broken = stored.clone();
    broken["judged"][0][3] = json!(-1.0);
    assert_eq!(State::read(&broken).unwrap_err().state, held);
    assert!(State::read(&stored).is_ok());
}

#[test]
fn a_weight_without_a_past_is_carried_on_with() {
    let mut life = Life::new(rules(50, Strategy::Step));
    life.state = State::holding(40);
    let way: Vec<_> = (0..20).map(|_| life.load(0.0, 0.1).weight).collect();
    assert_eq!(way, [40; 20], "the window passes first");
    assert_eq!(life.load(0.0, 0.1).weight, 15);
    // All of it away was a failover, as far as anybody knows.
    life.state = State::holding(100);
    let way: Vec<_> = (0..4).map(|_| life.load(0.0, 0.1).weight).collect();
    assert_eq!(way, [100, 100, 50, 25]);
}

#[test]
fn judged_samples_are_stored_compactly() {
    let mut life = Life::new(rules(50, Strategy::Step));
    life.read(0.5);
    let stored = serde_json::to_value(&life.state.judged).unwrap();
    let back: Vec<Option<Judged>> = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(back, life.state.judged);
    assert_eq!(
        stored[0].as_array().unwrap()[1..],
        [&[json!(at(15).0), json!(15000)][..], &vec![json!(0.5); 4], &[json!(0.0), json!(4.0)]].concat()
    );
}
