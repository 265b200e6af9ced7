//! Traces as people have them, and what is wrong with others.

use std::time::Duration;

use super::*;

fn told(bytes: impl AsRef<[u8]>) -> String {
    match read("load", bytes.as_ref()) {
        Ok(trace) => panic!("{trace:?}"),
        Err(faults) => {
            faults.iter().map(|fault| format!("{}: {}", fault.at.line, fault.message)).collect::<Vec<_>>().join("\n")
        }
    }
}

fn rows(text: &str) -> Vec<Row> {
    read("load", text.as_bytes()).unwrap().rows().to_vec()
}

#[test]
fn csv_in_the_forms_that_programs_write() {
    let expected = [
        Row { at: 0, demand: 0.5, replicas: Some(4), ready: None, metrics: true },
        Row { at: 90_000, demand: 2.0, replicas: Some(4), ready: Some(3), metrics: true },
        Row { at: 180_000, demand: 2.0, replicas: None, ready: Some(3), metrics: true },
    ];
    for text in [
        "time,demand,replicas,ready\n0,50,4,\n90,200,4,3\n180,,,\n",
        "\u{feff}Time, Demand ,\"replicas\",ready\r\n\r\n# a remark\r\n0s,50.0,4.0,\r\n1m30s,200%,4,3\r\n3m,200,,3",
        "demand,time,ready,replicas\n50,2026-11-30T06:00:00Z,,4\n200,2026-11-30T07:01:30+01:00,3,4\n200,2026-11-30T06:03:00.000Z,3,\n",
        "time,demand,replicas,ready\n1764482400,50,4,\n1764482490.0,200,4,3\n1764482580,200,,\n",
    ] {
        assert_eq!(rows(text), expected, "{text}");
    }
}

#[test]
fn json_in_the_forms_that_programs_write() {
    let expected = [
        Row { at: 0, demand: 0.5, replicas: Some(4), ready: None, metrics: true },
        Row { at: 15_000, demand: 0.5, replicas: None, ready: Some(0), metrics: false },
    ];
    for text in [
        r#"[{"time": 0, "demand": 50, "replicas": 4}, {"time": 15.0, "ready": 0, "metrics": false}]"#,
        r#"{"rows": [{"time": "0s", "demand": "50", "replicas": 4, "ready": null}, {"time": "15s", "demand": 50.0, "ready": "0", "metrics": "0"}]}"#,
    ] {
        assert_eq!(rows(text), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let csv = |rows: &str| told(format!("time,demand,replicas,ready,metrics\n{rows}"));
    insta::assert_snapshot!(csv("0,50,4,4,1\n15,NaN,4,4,1\n15,-1,4,4,1\n15,1e9,4,4,1\n15,inf,4,4,1\n15,x,4,4,1"), @r#"
    3: demand "NaN" is not a number from 0 to 100000, in percent
    4: demand "-1" is not a number from 0 to 100000, in percent
    5: demand "1e9" is not a number from 0 to 100000, in percent
    6: demand "inf" is not a number from 0 to 100000, in percent
    7: demand "x" is not a number from 0 to 100000, in percent
    "#);
    insta::assert_snapshot!(csv("0,50,-1,4,1\n0,50,4.5,4,1\n0,50,4,99999999999,1\n0,50,4,4,yes"), @r#"
    2: replicas "-1" is not a whole number from 0 to 10000
    3: replicas "4.5" is not a whole number from 0 to 10000
    4: ready "99999999999" is not a whole number from 0 to 10000
    5: metrics "yes" is neither true nor false
    "#);
    insta::assert_snapshot!(csv("30,50,4,4,1\n15,50,4,4,1\n30,50,4,4,1\n,50,4,4,1\nsoon,50,4,4,1\nNaN,50,4,4,1\n1e300,50,4,4,1"), @r#"
    3: goes back in time, behind line 2
    4: has the time of line 2: 0 ms after the first row
    5: has no time
    6: time "soon" is neither seconds, nor a duration such as 1h30m, nor a moment of RFC 3339
    7: time "NaN" is out of range
    8: time "1e300" is out of range
    "#);
    insta::assert_snapshot!(csv("0,50,4,4,1\n9999999,50,4,4,1\n15,50,4\n30,50,4,4,1,1"), @r"
    3: is more than 31 days after the first row
    4: has 3 values, and the header 5 columns
    5: has 6 values, and the header 5 columns
    ");
    insta::assert_snapshot!(csv("0,,4,4,1"), @"2: has no demand, and no row is before it");
}

#[test]
fn a_header_is_needed_and_names_known_columns() {
    insta::assert_snapshot!(told("0,50\n15,50\n"), @r#"1: no column is called "0"; a header names time, demand and, if they are known, replicas, ready, metrics"#);
    insta::assert_snapshot!(told("time,demnd\n"), @r#"1: no column is called "demnd"; did you mean "demand"?"#);
    insta::assert_snapshot!(told("time,replicas\n"), @"1: has no column demand; a header names time, demand and, if they are known, replicas, ready, metrics");
    insta::assert_snapshot!(told("time,demand,time\n"), @r#"1: has the column "time" twice"#);
    for nothing in ["", "\n# nothing\n", "time,demand\n", "[]", "{\"rows\": []}"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(told(nothing), @"0: holds no row; a header names time, demand and, if they are known, replicas, ready, metrics");
        }
    }
}

#[test]
fn json_that_is_none_or_another() {
    for (text, line, needle) in [
        ("[{", 1, ""),
        ("[\n{\"time\": 0, \"demand\": 50},\n3]", 3, "a row must be a map"),
        ("{\"points\": []}", 1, "must be a list of rows"),
        ("[\n{\"time\": 0, \"demand\": 50, \"pods\": 3}]", 2, "no column is called \"pods\""),
        ("[\n{\"time\": 0, \"demand\": [50]}]", 2, "demand must be a number, not"),
        ("[\n{\"time\": 0, \"demand\": 50},\n{\"time\": -15, \"demand\": 50}]", 3, "goes back in time, behind line 2"),
    ] {
        let told = told(text);
        assert!(told.starts_with(&format!("{line}: ")) && told.contains(needle), "{text}: {told}");
    }
}

#[test]
fn what_is_not_text_is_told() {
    assert_eq!(told(b"time,demand\n0,50\n\xff,50\n"), "3: is not UTF-8");
}

#[test]
fn of_many_faults_the_first_are_told() {
    let text = format!("time,demand\n{}", "0,x\n".repeat(1000));
    assert_eq!(told(text).lines().count(), 10);
}

#[test]
fn a_trace_has_at_most_so_many_rows() {
    use std::fmt::Write as _;
    let mut text = String::from("time,demand\n");
    for row in 0..=MAX_ROWS {
        writeln!(text, "{row},1").unwrap();
    }
    assert_eq!(told(text), format!("{}: is one row too many: a trace has at most 1000000", MAX_ROWS + 2));
}

#[test]
fn gaps_are_held_and_told() {
    let text = "time,demand\n0,50\n15,50\n30,50\n45,50\n900,60\n915,60\n2000,60\n";
    let trace = read("load", text.as_bytes()).unwrap();
    assert_eq!(
        trace.notes,
        ["the trace has gaps, over which its last row is held: 14 min after line 5, 18 min after line 7"]
    );
    assert!(read("load", b"time,demand\n0,50\n600,60\n1200,60\n").unwrap().notes.is_empty(), "its usual step is long");
}

#[test]
fn the_last_row_lasts_as_long_as_the_one_before() {
    let trace = read("load", b"time,demand\n0,50\n60,50\n90,50\n").unwrap();
    assert_eq!(trace.length(), Duration::from_secs(120));
    assert_eq!(read("load", b"time,demand\n0,50\n").unwrap().length(), Duration::from_secs(3600));
    assert_eq!(trace.lasting(Some(Duration::from_secs(7))).length(), Duration::from_secs(7));
}

#[test]
fn demand_is_measured_in_pods_that_there_are() {
    let trace = read("load", b"time,demand,replicas\n0,50,0\n60,50,3\n").unwrap();
    assert_eq!((trace.pods(), trace.measure()), (0, 3));
    let trace = read("load", b"time,demand\n0,50\n").unwrap();
    assert_eq!((trace.pods(), trace.measure()), (DEFAULT_PODS, DEFAULT_PODS));
}

#[test]
fn shapes_are_what_their_words_say() {
    let demand = |shape: Shape, minute: u64| {
        let trace = shape.trace();
        trace.rows().iter().find(|row| row.at == minute * 60_000).unwrap().demand
    };
    assert_eq!([9, 10, 19, 20].map(|minute| demand(Shape::Spike, minute)), [0.5, 2.0, 2.0, 0.5]);
    assert_eq!([9, 10, 119].map(|minute| demand(Shape::Step, minute)), [0.5, 1.5, 1.5]);
    for (minute, expected) in [(0, 0.3), (15, 0.9), (30, 1.5), (45, 0.9), (60, 0.3)] {
        assert!((demand(Shape::Sine, minute) - expected).abs() < 1e-9, "{minute}");
    }
    assert_eq!([0, 60, 120].map(|minute| demand(Shape::Ramp, minute)), [0.4, 1.6, 0.4]);
    assert_eq!([0, 15].map(|minute| demand(Shape::Sawtooth, minute)), [0.4, 0.4]);
    for shape in Shape::ALL {
        let trace = shape.trace();
        assert!(trace.rows().len() > 100 && trace.length() <= Duration::from_secs(3 * 3600), "{}", shape.name());
    }
}

proptest::proptest! {
    /// Whatever the bytes: a trace in the order of time and within its limits, or faults.
    #[test]
    fn any_text_is_a_trace_or_faults(
        text in "(time,demand|demand,time,ready|\\[\\{\"time\": |)[\n]?([0-9]{0,20}[-.,eN:hs% \"]?[0-9,\n\\[{}\\]]{0,8}){0,12}",
    ) {
        match read("load", text.as_bytes()) {
            Ok(trace) => {
                proptest::prop_assert!(!trace.rows().is_empty() && trace.length() <= MAX_DURATION);
                for pair in trace.rows().windows(2) {
                    proptest::prop_assert!(pair[0].at < pair[1].at);
                }
                for row in trace.rows() {
                    proptest::prop_assert!((0.0..=MAX_DEMAND / 100.0).contains(&row.demand));
                }
            }
            Err(faults) => proptest::prop_assert!((1..=10).contains(&faults.len())),
        }
    }
}
