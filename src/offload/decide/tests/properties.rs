//! What holds whatever happens: over random rules, observations, clocks and restarts.

use proptest::prelude::{
    Just, ProptestConfig, TestCaseError, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::strategy::Strategy as _;

use super::*;
use crate::api::SelectPolicy;

/// One thing after the other.
#[derive(Clone, Debug)]
struct Event {
    /// Seconds since the last decision; a clock may go back.
    later: i64,
    local: Local,
    /// Of each metric: how old the sample is, and what it says; none if it is invalid.
    metrics: Vec<Option<(i64, f64, bool)>>,
    blocked: bool,
    pause: Option<Pause>,
    /// The percentage from now on.
    percentage: Option<u8>,
}

fn local() -> impl proptest::strategy::Strategy<Value = Local> {
    prop_oneof![
        8 => (1_u32..6).prop_map(Local::Ready),
        3 => Just(Local::Ready(0)),
        1 => Just(Local::Unknown),
    ]
}

fn metric() -> impl proptest::strategy::Strategy<Value = Option<(i64, f64, bool)>> {
    let ratio = prop_oneof![
        10 => 0.0..2.0_f64,
        2 => Just(0.9),
        2 => Just(1.0),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::MAX),
        1 => Just(-1.0),
    ];
    prop_oneof![
        9 => (prop_oneof![5 => Just(0_i64), 1 => -100_i64..400], ratio, prop::bool::weighted(0.05)).prop_map(Some),
        1 => Just(None),
    ]
}

/// Events as they come: mostly every 15 s and of the same kind, so that states are lived in.
fn events(longest: usize) -> impl proptest::strategy::Strategy<Value = Vec<Event>> {
    let later = prop_oneof![12 => Just(15_i64), 3 => 0_i64..40, 1 => 60_i64..4000, 1 => -4000_i64..0];
    let pause = prop_oneof![20 => Just(None), 1 => Just(Some(Pause::Freeze)), 1 => Just(Some(Pause::Home))];
    let percentage = prop_oneof![30 => Just(None), 1 => (0_u8..=100).prop_map(Some)];
    let event = (
        later,
        local(),
        prop::collection::vec(metric(), 2),
        prop::bool::weighted(0.05),
        pause,
        percentage,
        1_usize..12,
    )
        .prop_map(|(later, local, metrics, blocked, pause, percentage, times)| {
            let event = Event { later, local, metrics, blocked, pause, percentage };
            let again = Event { later: 15, percentage: None, ..event.clone() };
            std::iter::once(event).chain(std::iter::repeat_n(again, times - 1)).collect::<Vec<_>>()
        });
    prop::collection::vec(event, 1..longest).prop_map(|events| events.concat())
}

/// Rules as they can be compiled, with short waits, so that they pass.
fn any_rules() -> impl proptest::strategy::Strategy<Value = Rules> {
    let direction = || {
        let select =
            prop_oneof![6 => Just(SelectPolicy::Max), 3 => Just(SelectPolicy::Min), 1 => Just(SelectPolicy::Disabled)];
        let pace = (1_u8..=100, prop_oneof![Just(15_u64), 1_u64..1800])
            .prop_map(|(points, seconds)| Pace { points, period: Duration::from_secs(seconds) });
        let window = prop_oneof![Just(0_u64), Just(300), 0_u64..3600];
        (window, 0.0..0.5_f64, select, prop::collection::vec(pace, 1..3)).prop_map(
            |(window, tolerance, select, policies)| Direction {
                window: Duration::from_secs(window),
                tolerance,
                select,
                policies,
            },
        )
    };
    let percentage = prop_oneof![3 => Just(100_u8), 3 => Just(50), 1 => Just(0), 3 => 1_u8..100];
    let strategy = prop_oneof![Just(Strategy::Step), Just(Strategy::Proportional)];
    (percentage, strategy, direction(), direction(), 15_u64..900, 0_u64..120).prop_map(
        |(most, strategy, up, down, after, recovery)| Rules {
            most,
            strategy,
            up,
            down,
            probe: ProbeRules {
                after: Duration::from_secs(after),
                longest: Duration::from_secs(after * 6),
                idle: 0.25,
            },
            recovery: Duration::from_secs(recovery),
            metrics: vec![1, 2],
        },
    )
}

fn observation(now: i64, event: &Event) -> Observation {
    let follows = [Follows::Traffic, Follows::Nothing];
    let metrics = event.metrics.iter().zip(follows).map(|(metric, follows)| Observed {
        follows,
        sample: metric.ok_or(Invalid::Unavailable).map(|(age, ratio, open)| {
            let sample = Sample::whole(ratio, at(now - age), Duration::from_secs(15));
            let missing = Sample { busy: f64::INFINITY, idle: 0.0, idlest: 0.0, ..sample.clone() };
            if open { missing } else { sample }
        }),
    });
    Observation {
        metrics: metrics.collect(),
        local: event.local,
        blocked: event.blocked.then_some(Blocked::PoliciesUnresolved),
        pause: event.pause,
    }
}

/// What the state becomes when it is stored and read again.
fn restarted(state: &State) -> State {
    let text = serde_json::to_string(state).unwrap();
    assert!(text.len() <= State::LARGEST, "{}", text.len());
    State::read(&serde_json::from_str(&text).unwrap()).unwrap()
}

/// A decision, with what it was made on.
struct Step<'a> {
    event: &'a Event,
    rules: &'a Rules,
    now: i64,
    before: &'a State,
    after: &'a State,
    decision: &'a Decision,
}

/// Lives through events, and shows each step.
fn live(
    rules: &Rules,
    events: &[Event],
    restart: bool,
    mut look: impl FnMut(&Step<'_>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut rules = rules.clone();
    let (mut state, mut now) = (State::default(), 0);
    for event in events {
        now += event.later;
        rules.most = event.percentage.unwrap_or(rules.most);
        let before = if restart { restarted(&state) } else { state.clone() };
        prop_assert_eq!(&before, &state);
        let (after, decision) = decide(at(now), &rules, &observation(now, event), before.clone());
        look(&Step { event, rules: &rules, now, before: &before, after: &after, decision: &decision })?;
        state = after;
    }
    Ok(())
}

/// Whether a failover, or its recovery, may hold more than metrics may send away.
fn away(reason: Reason) -> bool {
    matches!(reason, Reason::Failover | Reason::Recovering)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Weights are within 0 and the percentage, which binds at once when it is lowered, past windows and rates; but for a failover and
    /// its recovery, also while they are held.
    #[test]
    fn weights_stay_within_the_percentage(rules in any_rules(), events in events(30)) {
        let mut failed_over = false;
        live(&rules, &events, true, |Step { rules, decision, .. }| {
            failed_over = away(decision.reason)
                || failed_over && decision.weight == 100 && matches!(decision.reason, Reason::Paused | Reason::LocalUnknown);
            prop_assert!(decision.weight <= 100);
            prop_assert!(decision.desired <= rules.most || decision.reason == Reason::Failover);
            prop_assert!(decision.weight <= rules.most || failed_over, "{decision:?}");
            prop_assert!(rules.most > 0 || decision.weight == 0, "never means never: {decision:?}");
            Ok(())
        })?;
    }

    /// Blocked is always 0, and so is a pause at home; a frozen weight stays, unless the percentage is lowered below it.
    #[test]
    fn what_blocks_comes_first(rules in any_rules(), events in events(30)) {
        live(&rules, &events, false, |Step { event, rules, before, decision, .. }| {
            if event.blocked {
                prop_assert_eq!((decision.weight, decision.reason), (0, Reason::Blocked));
            } else if event.pause == Some(Pause::Home) {
                prop_assert_eq!((decision.weight, decision.reason), (0, Reason::Paused));
            } else if event.pause == Some(Pause::Freeze) {
                prop_assert_eq!(decision.reason, Reason::Paused);
                prop_assert!(decision.weight == before.weight || decision.weight == rules.most);
            }
            Ok(())
        })?;
    }

    /// Everything is away while no endpoint is ready, unless something comes first; and what is unknown moves nothing.
    #[test]
    fn failover_is_total(rules in any_rules(), events in events(30)) {
        live(&rules, &events, true, |Step { event, rules, before, decision, .. }| {
            if !event.blocked && event.pause.is_none() && rules.most > 0 {
                match event.local {
                    Local::Ready(0) => prop_assert_eq!((decision.weight, decision.reason), (100, Reason::Failover)),
                    Local::Unknown => {
                        prop_assert_eq!(decision.reason, Reason::LocalUnknown);
                        prop_assert!(decision.weight == before.weight || decision.weight == rules.most);
                    }
                    Local::Ready(_) => prop_assert!(decision.reason != Reason::Failover),
                }
            }
            Ok(())
        })?;
    }

    /// A failover is left never before endpoints were seen ready for its window, and at the latest with the second decision after.
    #[test]
    fn recovery_takes_its_window_and_no_longer(rules in any_rules(), events in events(40)) {
        let (mut failed_over, mut ready, mut late) = (false, None::<i64>, 0);
        live(&rules, &events, true, |Step { event, rules, before, decision, .. }| {
            let passed = |ready: Option<i64>| ready.is_some_and(|ready| Duration::from_secs(ready.unsigned_abs()) >= rules.recovery);
            ready = match event.local {
                // What a clock that went back hides did not pass.
                Local::Ready(1..) => Some(ready.map_or(0, |ready| ready + event.later.max(0))),
                _ => None,
            };
            let ordered = event.blocked || event.pause == Some(Pause::Home) || rules.most == 0;
            if failed_over && before.weight == 100 && !ordered {
                if decision.weight < 100 {
                    prop_assert!(passed(ready), "too early: {ready:?} {decision:?}");
                } else if passed(ready) && event.pause.is_none() {
                    late += 1;
                    prop_assert!(late < 2, "too late: {ready:?} {decision:?}");
                }
            }
            if decision.weight < 100 || !passed(ready) {
                late = 0;
            }
            failed_over = decision.reason == Reason::Failover || failed_over && decision.weight == 100;
            Ok(())
        })?;
    }

    /// Metrics of which one says nothing never bring traffic home.
    #[test]
    fn partial_metrics_never_let_go(rules in any_rules(), events in events(40)) {
        let mut recovering = false;
        live(&rules, &events, false, |Step { event, rules, before, decision, .. }| {
            let silent = decision.demands.iter().any(|demand| matches!(demand, Demand::Invalid(_) | Demand::Undecided));
            let ordered = event.blocked || event.pause == Some(Pause::Home);
            recovering = away(decision.reason) || recovering && decision.reason == Reason::Paused;
            if silent && !ordered && !recovering {
                prop_assert!(decision.weight >= before.weight.min(rules.most), "{} {decision:?}", before.weight);
            }
            Ok(())
        })?;
    }

    /// No policy is ever broken by what metrics and probes do, however often and irregularly it is decided.
    #[test]
    fn rates_are_kept(rules in any_rules(), events in events(40)) {
        // At a clock that goes back, nobody can say what a period is.
        let events: Vec<_> = events.into_iter().map(|event| Event { later: event.later.abs(), ..event }).collect();
        let mut past: Vec<(i64, u8)> = vec![(i64::MIN, 0)];
        live(&rules, &events, true, |Step { rules, now, before, decision, .. }| {
            let within = |pace: &Pace| {
                let start = now - i64::try_from(pace.period.as_secs()).unwrap();
                let first = past.iter().rposition(|(at, _)| *at <= start).unwrap();
                past[first..].iter().map(|(_, weight)| *weight).chain([before.weight]).collect::<Vec<_>>()
            };
            let by_order = away(decision.reason)
                || matches!(decision.reason, Reason::Blocked | Reason::Paused | Reason::Never | Reason::LocalUnknown);
            if !by_order && decision.weight > before.weight {
                let kept = |pace: &Pace| decision.weight - within(pace).into_iter().min().unwrap() <= pace.points;
                let kept: Vec<_> = rules.up.policies.iter().map(kept).collect();
                prop_assert!(followed(rules.up.select, &kept), "{decision:?} {past:?}");
            }
            // A lowered percentage binds past rates.
            if !by_order && decision.weight < before.weight.min(rules.most) {
                let kept = |pace: &Pace| within(pace).into_iter().max().unwrap() - decision.weight <= pace.points;
                let kept: Vec<_> = rules.down.policies.iter().map(kept).collect();
                prop_assert!(followed(rules.down.select, &kept), "{decision:?} {past:?}");
            }
            // What another decision of the same moment took the place of was in force for no time at all.
            past.pop_if(|(at, _)| at == now);
            past.push((*now, decision.weight));
            Ok(())
        })?;
    }

    /// What was stored is what is in force: a restart at any moment loses memories of metrics, never the weight, its reason or a failover.
    #[test]
    fn restarts_carry_on(rules in any_rules(), events in events(40), losses in any::<u64>()) {
        let mut stored = State::default();
        live(&rules, &events, false, |Step { event, rules, now, before, after, decision }| {
            prop_assert_eq!((stored.weight, stored.reason, stored.phase), (before.weight, before.reason, before.phase));
            if losses >> (now.unsigned_abs() % 64) & 1 == 1 {
                let (_, redecided) = decide(at(*now), rules, &observation(*now, event), restarted(&stored));
                // A probe may begin earlier, for when demand was last certain is not stored each time; otherwise only metrics that say so
                // bring home what would have stayed away.
                let held = before.weight.min(rules.most);
                if redecided.weight < held && decision.weight >= held && redecided.reason != Reason::Probing {
                    let told = redecided.demands.iter().all(|demand| matches!(demand, Demand::Known(_)));
                    // The way back from a failover goes on at what leaves it open.
                    let asked = redecided.desired < held || redecided.reason == Reason::Recovering;
                    prop_assert!(told && asked, "{redecided:?} {decision:?}");
                }
                // And a failover, with the wait for its end, is never forgotten.
                prop_assert!(!(away(decision.reason) && decision.weight == 100) || redecided.weight == 100, "{redecided:?} {decision:?}");
            }
            if decision.persist {
                stored = restarted(after);
            }
            Ok(())
        })?;
    }

    /// A sample is judged once: one that is no newer than what was judged changes nothing, whatever it says.
    #[test]
    fn older_samples_change_nothing(rules in any_rules(), events in events(20), age in 0_i64..1000, ratio in 0.0..3.0_f64) {
        live(&rules, &events, false, |Step { event, rules, now, after, .. }| {
            let valid = event.metrics.iter().all(|metric| matches!(metric, Some((_, ratio, _)) if ratio.is_finite() && *ratio >= 0.0));
            // One of the future says nothing, and none was judged.
            if valid && after.judged.iter().all(Option::is_some) {
                let newest = after.judged.iter().flatten().map(demand::Judged::taken).collect::<Vec<_>>();
                let (mut same, mut older) = (observation(*now, event), observation(*now, event));
                for ((same, older), taken) in same.metrics.iter_mut().zip(&mut older.metrics).zip(newest) {
                    let window = Duration::from_secs(15);
                    same.sample = Ok(Sample::whole(0.5, taken, window));
                    older.sample = Ok(Sample::whole(ratio, taken.before(Duration::from_secs(age.unsigned_abs())), window));
                }
                let later = at(now + 15);
                prop_assert_eq!(decide(later, rules, &same, (*after).clone()), decide(later, rules, &older, (*after).clone()));
            }
            Ok(())
        })?;
    }

    /// Whatever the numbers, nothing breaks.
    #[test]
    fn extremes_are_survived(
        rules in any_rules(),
        times in prop::collection::vec((any::<i64>(), any::<i64>(), any::<u64>(), any::<f64>(), any::<u32>()), 1..40),
    ) {
        let mut state = State::default();
        for (now, taken, window, ratio, ready) in times {
            let sample = Sample::whole(ratio, Time(taken), Duration::from_secs(window));
            let metrics = vec![Observed { follows: Follows::Traffic, sample: Ok(sample) }];
            let decision;
            (state, decision) = decide(Time(now), &rules, &seen(ready, metrics), restarted(&state));
            prop_assert!(decision.weight <= 100);
        }
    }

    /// Whatever is stored, reading it has a result, and a weight that can be read is kept.
    #[test]
    fn any_stored_state_has_a_result(weight in any::<u8>(), version in prop_oneof![Just(1), any::<u8>()], which in any::<usize>(), events in events(6)) {
        let mut last = State::default();
        live(&rules(50, Strategy::Step), &events, false, |step| { last = step.after.clone(); Ok(()) })?;
        let mut stored = serde_json::to_value(&last).unwrap();
        stored["version"] = version.into();
        stored["weight"] = weight.into();
        match State::read(&stored) {
            Ok(state) => prop_assert!(version == 1 && state.weight == weight),
            Err(Unreadable { state, .. }) => prop_assert_eq!(state.map(|state| state.weight), (weight <= 100).then_some(weight)),
        }
        let members: Vec<_> = stored.as_object().unwrap().keys().cloned().collect();
        let member = &members[which % members.len()];
        stored[member] = json!("broken");
        let kept = (weight <= 100 && member != "weight").then_some(weight);
        match State::read(&stored) {
            Ok(state) => prop_assert!(false, "{member}: {state:?}"),
            Err(Unreadable { state, .. }) => prop_assert_eq!(state.map(|state| state.weight), kept, "{}", member),
        }
    }
}

fn followed(select: SelectPolicy, kept: &[bool]) -> bool {
    match select {
        SelectPolicy::Max => kept.contains(&true),
        SelectPolicy::Min => !kept.contains(&false),
        SelectPolicy::Disabled => false,
    }
}
