//! Expressions, what is found in them, and how far back they look.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// The same file is held against promtool by `tests/promql.rs`.
fn expressions(list: &str) -> Vec<String> {
    let file: Value = serde_json::from_str(include_str!("../../../../tests/promql/expressions.json")).unwrap();
    serde_json::from_value(file[list].clone()).unwrap()
}

#[test]
fn expressions_that_are_taken() {
    for expression in expressions("taken").iter().chain(&expressions("newer")) {
        assert!(parse(expression).is_ok(), "{expression}: {}", parse(expression).unwrap_err());
    }
}

#[test]
fn expressions_that_are_refused() {
    for expression in expressions("refused").iter().chain(&expressions("useless")) {
        assert!(parse(expression).is_err(), "{expression}");
    }
}

/// Each row: an expression, and what people read about it.
#[test]
fn words() {
    for (expression, text) in [
        ("", "it ends where a metric, a number or a function belongs (at character 1)"),
        ("sum(a", "it ends where ')' belongs (at character 6)"),
        ("sum(a))", "there is \")\" where an operator or the end belongs (at character 7)"),
        ("a b", "there is \"b\" where an operator or the end belongs (at character 3)"),
        ("rtae(a[5m])", "there is no function rtae() (at character 1); did you mean rate()?"),
        (
            "Sum_over_time(a[5m])",
            "there is no function Sum_over_time() (at character 1); did you mean sum_over_time()?",
        ),
        (
            "rate(a)",
            "rate() takes a range vector here, not an instant vector (at character 6); a range such as [5m] after the selector",
        ),
        (
            "rate(sum(a))",
            "rate() takes a range vector here, not an instant vector (at character 6); a subquery such as [30m:1m] after it",
        ),
        (
            "sum(a[5m])",
            "sum() takes an instant vector here, not a range vector (at character 5); rate(…) or avg_over_time(…) around it",
        ),
        ("abs()", "abs() takes 1 argument, and has 0 (at character 1)"),
        ("round(a, 1, 2)", "round() takes 1 to 2 arguments, and has 3 (at character 1)"),
        ("label_join(a)", "label_join() takes 3 or more arguments, and has 1 (at character 1)"),
        ("topk(3)", "topk() takes 2 arguments, and has 1 (at character 1)"),
        (
            "rate((a)[5m])",
            "a range is of a selector (at character 9); for anything else it takes a subquery, such as [30m:1m]",
        ),
        ("rate(a[5min])", "\"5min\" is no number and no duration such as 5m or 1h30m (at character 8)"),
        ("sum(a) offset 5m", "offset stands after a selector, its range, or a subquery (at character 8)"),
        ("a offset 1m offset 1m", "offset stands twice (at character 13)"),
        ("rate(a offset 1m[5m])", "the range stands before offset and @ (at character 17)"),
        ("{}", "a selector has nothing that a series without labels would not match (at character 1); name the metric"),
        ("a{b=c}", "there is \"c}\" where a text in quotes belongs (at character 5)"),
        ("a{b}", "a label is compared by =, !=, =~ or !~, and 'b' is not (at character 4)"),
        ("1 > 2", "two scalars are compared by > bool (at character 3)"),
        ("a and 1", "and stands between instant vectors (at character 3)"),
        ("a + \"b\"", "+ stands between scalars and instant vectors, not beside a text (at character 5)"),
        (
            "a[5m]",
            "gives a range of values for each series, not one (at character 1); rate(…) or avg_over_time(…) around it makes one of them",
        ),
        ("'a'", "gives a text, not a number (at character 1)"),
        ("ä", "has a character that PromQL does not know: \"ä\" (at character 1)"),
        ("a{b=\"ä\"} ü", "has a character that PromQL does not know: \"ü\" (at character 10)"),
        ("a\u{202e}", "has a character that PromQL does not know: \"\\u{202e}\" (at character 2)"),
    ] {
        let fault = parse(expression).unwrap_err();
        let hint = fault.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
        assert_eq!(format!("{fault}{hint}"), text, "{expression}");
    }
}

#[test]
fn how_far_back_an_expression_looks() {
    for (expression, seconds) in [
        ("a", 0),
        ("1", 0),
        ("rate(a[5m])", 300),
        ("rate(a[1h30m])", 5400),
        ("rate(a[5m]) / rate(b[10m])", 600),
        ("rate(a[5m] offset 1h)", 3900),
        ("a offset 1h", 3600),
        ("a offset -1h", 0),
        ("rate(a[2h] offset -1h)", 3600),
        ("max_over_time(rate(a[5m])[1h:1m])", 3900),
        ("max_over_time(rate(a[5m] offset 10m)[1h:] offset 1d)", 86_400 + 3600 + 900),
        ("max_over_time(sum(a)[10m:])", 600),
        ("sum(rate(a[5m])) + 1", 300),
        ("clamp_max(avg_over_time(a[15m]), scalar(avg_over_time(b[20m])))", 1200),
        ("-(rate(a[5m]))", 300),
        ("topk(3, rate(a[5m]))", 300),
        ("max_over_time(max_over_time(a[292y] offset 292y)[292y:] offset 292y)", 4 * 292 * 31_536_000),
    ] {
        assert_eq!(parse(expression).unwrap().reach, Duration::from_secs(seconds), "{expression}");
    }
}

#[test]
fn names_of_metrics() {
    for name in ["a", "_a", ":a", "job:http_requests:rate5m", "A1", "sum", "on"] {
        assert!(is_metric_name(name), "{name}");
    }
    for none in ["", "1a", "a-b", "a b", "a.b", "ä", "a{}", "sum(a)", "a\n"] {
        assert!(!is_metric_name(none), "{none:?}");
    }
}

#[test]
fn what_is_deep_or_long_is_refused_and_does_no_harm() {
    for (open, close) in [("-", ""), ("abs(", ")"), ("2^", ""), ("(", ")"), ("a+(", ")")] {
        let nested = |depth: usize| format!("{}a{}", open.repeat(depth), close.repeat(depth));
        assert!(parse(&nested(30)).is_ok(), "{open}");
        let fault = parse(&nested(200)).unwrap_err();
        assert_eq!(fault.message, "is nested more than 64 deep", "{open}");
    }
    let chain = "a+".repeat(2000) + "a";
    assert!(parse(&chain).is_ok());
    let fault = parse(&"a+".repeat(100_000)).unwrap_err();
    assert_eq!(fault.to_string(), "is longer than 4096 bytes (at character 1)");
}

fn mangled() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "sum",
        "by",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "5m",
        "1",
        ":",
        "=",
        "=~",
        "!=",
        "\"x\"",
        "'",
        "offset",
        "@",
        "-",
        "+",
        "^",
        "rate",
        "on",
        "bool",
        ",",
        " ",
        "#",
        "\n",
        "\\",
        "ä",
        "end",
        "0x",
        "1e",
        "_",
        ".",
        "or",
        ">",
        "group_left",
        "topk",
        "\"",
    ]);
    prop::collection::vec(pieces, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_does_harm(text in prop_oneof![mangled(), ".*"]) {
        match parse(&text) {
            Ok(expression) => prop_assert!(expression.reach < Duration::MAX),
            Err(fault) => {
                prop_assert!(fault.column <= text.chars().count() + 1);
                prop_assert!(fault.to_string().len() < 1000, "{fault}");
            }
        }
    }
}
