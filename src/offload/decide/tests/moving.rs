//! Step by step: windows, rates, and the past that they look at.

use super::history::{History, Ladder};
use super::*;
use crate::api::SelectPolicy;

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
