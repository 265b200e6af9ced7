//! Step by step: what the rules are read from, and what demand and want make of a sample.

use super::*;

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
