//! Step by step: what survives a restart.

use super::demand::Judged;
use super::*;

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
