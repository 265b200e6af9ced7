//! The ratio of metrics that are not of the pods: Object and External.

use super::*;

fn object(milli: i64) -> Reading {
    reading(Samples::Object(value(milli)))
}

fn series(all: &[i64]) -> Reading {
    reading(Samples::External(all.iter().copied().map(value).collect()))
}

fn whole(quantity: &str) -> Json {
    json!({"type": "Value", "value": quantity})
}

fn each(quantity: &str) -> Json {
    json!({"type": "AverageValue", "averageValue": quantity})
}

/// original-defects.md: "Comparison inverted and base units compared with milli units for AverageValue/Value."
#[test]
fn values_and_averages() {
    let (i64_max, far) = (i64::MAX, 9_223_372_036_854_775_807.0);
    for (rule, metric, reading, replicas, expected) in [
        ("usage / target", of_object(&whole("100")), object(95_000), 4, 0.95),
        ("replicas do not matter to a value", of_object(&whole("100")), object(95_000), 0, 0.95),
        ("usage / (target * replicas)", of_object(&each("100")), object(380_000), 4, 0.95),
        ("not a truncated average: 10 / (3 * 3)", of_object(&each("3m")), object(10), 3, 10.0 / 9.0),
        ("no replicas: what the first would have", of_object(&each("100")), object(380_000), 0, 3.8),
        ("nothing, and no replicas", of_object(&each("100")), object(0), 0, 0.0),
        ("so many replicas", of_object(&each("1")), object(i64_max), u32::MAX, far / (1000.0 * 4_294_967_295.0)),
        ("one series", external(&whole("2")), series(&[3000]), 4, 1.5),
        ("the sum of all series", external(&whole("2")), series(&[1000, 2000, 1000]), 4, 2.0),
        ("the sum for each replica", external(&each("2")), series(&[1000, 2000, 1000]), 4, 0.5),
        ("no replicas", external(&each("2")), series(&[1000, 2000, 1000]), 0, 2.0),
        ("a series below 0 counts as it is", external(&whole("2")), series(&[3000, -1000]), 4, 1.0),
        ("a sum beyond 64 bits ends there", external(&whole("1m")), series(&[i64_max, i64_max]), 4, far),
        ("in whatever order", external(&whole("1m")), series(&[i64_max, i64_max, i64::MIN]), 4, far - 1.0),
        ("a target beyond 64 bits ends there", external(&whole("1e30")), series(&[i64_max]), 4, 1.0),
        ("nothing of the largest", external(&whole("8Ei")), series(&[0]), 4, 0.0),
        ("the least of the largest", external(&whole("1e1000")), series(&[1]), 4, 1.0 / far),
        (
            "of an object with both targets, that of its type",
            of_object(&json!({"type": "AverageValue", "value": "1", "averageValue": "10"})),
            object(20_000),
            4,
            0.5,
        ),
    ] {
        let evaluation = evaluate(NOW, &metric, Workload { pods: &[], replicas }, Ok(&reading), TOLERANCE);
        let outcome = evaluation.outcome.unwrap_or_else(|fault| panic!("{rule}: {fault}"));
        assert_eq!((outcome.hpa.ratio, outcome.hpa.undecided, outcome.pods), (expected, false, None), "{rule}");
        let Sample { ratio, busy, idle, idlest, .. } = outcome.sample;
        assert_eq!([ratio, busy, idle, idlest], [expected; 4], "{rule}: nothing is missing");
    }
}

#[test]
fn what_is_shown_of_an_average_is_rounded_up() {
    for (milli, replicas, shown) in [(10, 3, 4), (9, 3, 3), (10, 0, 10), (0, 4, 0), (i64::MAX, 2, i64::MAX / 2 + 1)] {
        for (metric, reading) in [(of_object(&each("1")), object(milli)), (external(&each("1")), series(&[milli]))] {
            let evaluation = evaluate(NOW, &metric, Workload { pods: &[], replicas }, Ok(&reading), TOLERANCE);
            let current = evaluation.outcome.unwrap().current;
            assert_eq!(current, Current { average: Some(Milli(shown)), ..Current::default() }, "{milli} / {replicas}");
        }
    }
}

#[test]
fn what_says_nothing() {
    let at = |timestamp: Time| Value { timestamp, ..value(1000) };
    let external_of = |all: Vec<Value>| reading(Samples::External(all));
    let stale = Fault::Stale { age: SECOND * 80, limit: SECOND * 75 };
    for (rule, metric, reading, fault) in [
        ("no series", external(&whole("1")), external_of(vec![]), Fault::NoSeries),
        ("a sum below 0", external(&whole("1")), series(&[1, -2]), Fault::Negative),
        ("a value below 0", of_object(&whole("1")), object(-1), Fault::Negative),
        ("an average below 0", of_object(&each("1")), object(i64::MIN), Fault::Negative),
        ("stale", of_object(&whole("1")), reading(Samples::Object(at(NOW.before(SECOND * 80)))), stale.clone()),
        (
            "all series are stale",
            external(&whole("1")),
            external_of(vec![at(NOW.before(SECOND * 90)), at(NOW.before(SECOND * 80))]),
            stale.clone(),
        ),
        (
            "a stale series below 0: without it the sum would be more",
            external(&whole("1")),
            external_of(vec![at(NOW), Value { timestamp: NOW.before(SECOND * 80), ..value(-1) }]),
            stale,
        ),
        (
            "of the future",
            external(&whole("1")),
            external_of(vec![at(NOW), at(NOW.after(MINUTE))]),
            Fault::Future { ahead: MINUTE },
        ),
    ] {
        assert_eq!(sampled(&metric, &[], &reading), Err(fault), "{rule}");
    }
}

#[test]
fn a_sum_without_its_stale_series_counts_upwards_only() {
    let stale = Value { timestamp: NOW.before(SECOND * 80), ..value(5000) };
    let reading = reading(Samples::External(vec![value(1000), stale, value(2000)]));
    for (target, ratio, undecided) in [("2", 1.5, false), ("3", 1.0, false), ("6", 0.5, true)] {
        let outcome = evaluated(&external(&whole(target)), &[], &reading).outcome.unwrap();
        let Sample { ratio: least, busy, idle, idlest, .. } = outcome.sample;
        assert_eq!(([least, idle, idlest], busy), ([ratio; 3], f64::INFINITY), "{target}");
        assert_eq!(outcome.hpa, Hpa { ratio, undecided }, "{target}");
    }
}

#[test]
fn a_value_without_a_window_has_that_of_its_source() {
    let value = Value { window: None, ..value(1000) };
    let reading = Reading { samples: Samples::Object(value), resolution: Reading::RESOLUTION };
    let sample = evaluated(&of_object(&whole("1")), &[], &reading).outcome.unwrap().sample;
    assert_eq!((sample.taken, sample.spans[0].from), (TAKEN, TAKEN.before(MINUTE)));
}
