//! What the earlier controller got wrong, line by line: each test names the fault that must not come back.

use super::*;

/// "Offloads once per generation: after one offload ends, its state key is deleted and later metric events return early."
#[test]
fn it_offloads_again_and_again() {
    let mut life = Life::new(rules(50, Strategy::Step));
    for _ in 0..3 {
        assert_eq!(said(&life.load(0.0, 1.5)), (50, Reason::TargetReached));
        let back = (0..40).map(|_| life.load(0.0, 0.3)).last().unwrap();
        assert_eq!(said(&back), (0, Reason::AtHome));
    }
}

/// "At `percentage: 100` (the default) recovery from failover returns early: stuck at 100 % remote."
#[test]
fn a_failover_ends_at_percentage_100() {
    for strategy in [Strategy::Step, Strategy::Proportional] {
        let mut life = Life::new(rules(100, strategy));
        life.ready(4);
        assert_eq!(said(&life.ready(0)), (100, Reason::Failover));
        let way: Vec<_> = (0..7).map(|_| said(&life.ready(4))).collect();
        let back = |weight| (weight, Reason::Recovering);
        assert_eq!(way[..3], [back(100), back(100), back(75)]);
        assert_eq!(way[3..], [back(50), back(25), back(0), (0, Reason::AtHome)]);
    }
}

/// "The first healthy event after weight 0 routes `percentage` although no metric was reached."
#[test]
fn a_failover_ends_at_home_where_no_metric_asks_for_more() {
    let mut life = Life::new(rules(50, Strategy::Step));
    life.ready(0);
    let way: Vec<_> = (0..6).map(|_| said(&life.load_of(4, 0.05, 0.4))).collect();
    let back = |weight| (weight, Reason::Recovering);
    assert_eq!(way, [back(100), back(100), back(50), back(25), back(0), (0, Reason::AtHome)]);
}

/// "A controller restart resets the weight to 0 in the middle of an incident."
#[test]
fn a_restart_carries_on() {
    let mut life = Life::new(rules(80, Strategy::Step));
    let decision = life.load(0.0, 2.0);
    assert!(decision.persist, "what a restart must know is stored before it takes effect");
    let stored = serde_json::to_value(&life.state).unwrap();
    for _ in 0..10 {
        assert!(!life.load(0.0, 2.0).persist, "an incident that goes on is not written again and again");
    }

    life.state = State::read(&stored).unwrap();
    assert_eq!(said(&life.see(15, seen(4, vec![unavailable()]))), (80, Reason::MetricsUnavailable));
    // What was wanted is not forgotten either: the window passes again before traffic comes home.
    assert_eq!(said(&life.load(0.0, 0.5)), (80, Reason::Stabilizing));
}

/// "`enabled: false`, `percentage: 0` … are dropped."
#[test]
fn percentage_0_is_never_and_disabled_is_disabled() {
    let mut life = Life::new(rules(0, Strategy::Step));
    assert_eq!(said(&life.load(0.0, 2.0)), (0, Reason::Never));
    assert_eq!(said(&life.ready(0)), (0, Reason::Never));

    let mut life = Life::at_weight(rules(50, Strategy::Step), 50);
    life.rules.most = 0;
    assert_eq!(said(&life.load(0.0, 2.0)), (0, Reason::Never));

    let mut life = Life::new(rules(50, Strategy::Step));
    let disabled = Observation { blocked: Some(Blocked::Disabled), ..seen(0, vec![]) };
    let decision = life.see(15, disabled);
    assert_eq!((said(&decision), decision.blocked), ((0, Reason::Blocked), Some(Blocked::Disabled)));
}

/// "One failing metric aborts all."
#[test]
fn one_failing_metric_aborts_nothing() {
    let mut life = Life::new(rules(50, Strategy::Step));
    let decision = life.see(15, seen(4, vec![unavailable(), sample(15, 1.1)]));
    assert_eq!((said(&decision), decision.by), ((50, Reason::TargetReached), Some(1)));
    // But nothing is let go on half of the metrics.
    for step in 2..60 {
        let decision = life.see(15, seen(4, vec![unavailable(), sample(step * 15, 0.1)]));
        assert_eq!((said(&decision), decision.by), ((50, Reason::MetricsUnavailable), Some(0)));
    }
}

/// "An empty result counts as recovered."
#[test]
fn no_samples_are_not_a_recovery() {
    let mut life = Life::at_weight(rules(50, Strategy::Step), 50);
    let nothing = || Observed { follows: Follows::Nothing, sample: Err(Invalid::NoSamples) };
    for _ in 0..100 {
        assert_eq!(said(&life.see(15, seen(4, vec![nothing()]))), (50, Reason::MetricsUnavailable));
    }
}

/// "Samples older than the 5 s scrape interval are dropped, though metrics-server refreshes every 15 s."
#[test]
fn a_sample_counts_until_the_next_one() {
    let mut life = Life::new(rules(50, Strategy::Step));
    for later in [15, 5, 5, 5, 20] {
        assert_eq!(said(&life.see(later, seen(4, vec![sample(15, 1.2)]))), (50, Reason::TargetReached));
    }
}

/// "Entry is delayed 5 s, exit is instant, no tolerance: it flaps. Offloading lowers the very metric that triggered it, so it
/// releases and oscillates."
#[test]
fn what_offloading_does_to_its_own_metric_does_not_release_it() {
    for strategy in [Strategy::Step, Strategy::Proportional] {
        let mut life = Life::new(rules(50, strategy));
        assert!(life.load(0.0, 1.3).weight > 0, "entry is at once");
        // The first reading ended at 120 %.
        let away = life.load(0.0, 1.3).weight;
        for _ in 0..240 {
            assert_eq!(life.load(0.0, 1.3).weight, away);
        }
        // There is a tolerance, and below it traffic comes home, but not at once.
        if strategy == Strategy::Step {
            for _ in 0..30 {
                assert_eq!(life.load(0.0, 0.95).weight, away);
            }
        }
        let exit: Vec<_> = (0..40).map(|_| life.load(0.0, 0.85).weight).collect();
        assert_eq!(exit[..19], [away; 19]);
        assert_eq!(exit.last(), Some(&0));
    }
}

/// "Utilization … zero requests divides by zero", and whatever else a source makes up.
#[test]
fn nonsense_moves_nothing() {
    for ratio in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5] {
        let mut life = Life::at_weight(rules(50, Strategy::Step), 50);
        let decision = life.read(ratio);
        assert_eq!(said(&decision), (50, Reason::MetricsUnavailable));
        assert_eq!(decision.demands, [Demand::Invalid(Invalid::Nonsense)]);
    }
    // Of the future.
    let mut life = Life::at_weight(rules(50, Strategy::Step), 50);
    assert_eq!(said(&life.see(15, seen(4, vec![sample(10_000, 0.1)]))), (50, Reason::MetricsUnavailable));
    // Huge, but a number.
    let mut life = Life::new(rules(50, Strategy::Proportional));
    assert_eq!(said(&life.read(f64::MAX)), (50, Reason::TargetReached));
}

/// "The failed backend is never excluded: local down at weight 0 gave 503 for every request." — and a mistyped name must not send
/// everything away.
#[test]
fn nothing_ready_is_a_failover_and_a_mistyped_name_is_not() {
    let unknown = || Observation { local: Local::Unknown, ..seen(0, vec![]) };
    let mut life = Life::new(rules(50, Strategy::Step));
    for _ in 0..10 {
        assert_eq!(said(&life.see(15, unknown())), (0, Reason::LocalUnknown));
    }
    assert_eq!(said(&life.ready(0)), (100, Reason::Failover));
    // Nobody can look: it is held, for as long as that takes, and the wait begins when somebody can again.
    for _ in 0..10 {
        assert_eq!(said(&life.see(15, unknown())), (100, Reason::LocalUnknown));
    }
    assert_eq!(said(&life.ready(1)), (100, Reason::Recovering));
    assert_eq!(said(&life.ready(1)), (100, Reason::Recovering));
    assert_eq!(said(&life.ready(1)), (50, Reason::Recovering));
}
