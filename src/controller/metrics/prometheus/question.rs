//! What Prometheus is asked for a metric: its name with the labels of a selector, or an expression as it stands.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::controller::metrics::Selector;
use crate::controller::metrics::selector::Requirement;
use crate::controller::metrics::words::line;
use crate::engine::promql;
use crate::offload::evaluate::Fault;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) promql: String,
    /// Over how long the answer was measured; none if it is the last sample of each series.
    pub(super) window: Option<Duration>,
}

impl Question {
    /// The question for a metric. What the gate refuses is refused here too: it may not have been there.
    pub(super) fn of(metric: &str, selector: &Selector) -> Result<Self, Fault> {
        if promql::is_metric_name(metric) {
            let promql = selected(metric, selector)
                .ok_or_else(|| Fault::Refused("a selector asks for none of no values".to_owned()))?;
            return Ok(Self { promql, window: None });
        }
        if !selector.is_empty() {
            return Err(Fault::Refused(
                "a selector stands beside a metric's name, not beside an expression".to_owned(),
            ));
        }
        let expression =
            promql::parse(metric).map_err(|fault| Fault::Refused(line(&format!("the expression {fault}"))))?;
        let window = Some(expression.reach).filter(|reach| !reach.is_zero());
        Ok(Self { promql: metric.to_owned(), window })
    }
}

/// The series of a metric that have these labels; none if a requirement has no values.
///
/// As in Kubernetes, a label that is absent is none of some values, and Prometheus holds an absent label and an empty one for the same.
/// A name of a label that not every Prometheus takes is put in quotes, which those that do take it read.
fn selected(metric: &str, selector: &Selector) -> Option<String> {
    let mut matchers = vec![format!("__name__={}", quoted(metric))];
    for requirement in selector.requirements() {
        matchers.push(match requirement {
            Requirement::In(key, values) => choice(key, ["=", "=~"], values)?,
            Requirement::NotIn(key, values) => choice(key, ["!=", "!~"], values)?,
            Requirement::Exists(key) => format!("{}!=\"\"", label(key)),
            Requirement::DoesNotExist(key) => format!("{}=\"\"", label(key)),
        });
    }
    Some(format!("{{{}}}", matchers.join(",")))
}

fn choice(key: &str, [one, many]: [&str; 2], values: &BTreeSet<String>) -> Option<String> {
    let mut all = values.iter();
    let (first, more) = (all.next()?, all.next().is_some());
    if !more {
        return Some(format!("{}{one}{}", label(key), quoted(first)));
    }
    // Prometheus compares the whole value with a regular expression.
    let any = values.iter().map(|value| literal(value)).collect::<Vec<_>>().join("|");
    Some(format!("{}{many}{}", label(key), quoted(&any)))
}

fn label(key: &str) -> String {
    if promql::is_metric_name(key) && !key.contains(':') { key.to_owned() } else { quoted(key) }
}

/// A text of PromQL.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A regular expression that matches a text and nothing else.
fn literal(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn question(metric: &str, selector: Value) -> Result<Question, Fault> {
        Question::of(metric, &Selector::of(Some(&serde_json::from_value(selector).unwrap())))
    }

    fn asked(metric: &str, selector: Value) -> String {
        let promql = question(metric, selector).unwrap().promql;
        promql::parse(&promql).unwrap_or_else(|fault| panic!("{promql}: {fault}"));
        promql
    }

    #[test]
    fn a_name_with_every_operator() {
        let expression = |operator: &str, values: Value| json!({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]});
        for (selector, promql) in [
            (json!({}), r#"{__name__="queue"}"#),
            (json!({"matchLabels": {"a": "1"}}), r#"{__name__="queue",a="1"}"#),
            // Two labels were once put together into something that was no PromQL.
            (json!({"matchLabels": {"b": "2", "a": "1"}}), r#"{__name__="queue",a="1",b="2"}"#),
            (expression("In", json!(["x"])), r#"{__name__="queue",a="x"}"#),
            (expression("In", json!(["x", "y.z"])), r#"{__name__="queue",a=~"x|y\\.z"}"#),
            (expression("In", json!(["", "y"])), r#"{__name__="queue",a=~"|y"}"#),
            (expression("NotIn", json!(["x"])), r#"{__name__="queue",a!="x"}"#),
            (expression("NotIn", json!(["x", "y"])), r#"{__name__="queue",a!~"x|y"}"#),
            (expression("Exists", json!(null)), r#"{__name__="queue",a!=""}"#),
            (expression("DoesNotExist", json!(null)), r#"{__name__="queue",a=""}"#),
            (
                json!({"matchLabels": {"app.kubernetes.io/name": "x"}}),
                r#"{__name__="queue","app.kubernetes.io/name"="x"}"#,
            ),
        ] {
            assert_eq!(asked("queue", selector.clone()), promql, "{selector}");
        }
        for words in ["sum", "on", "inf", "nan", "a:b"] {
            assert_eq!(asked(words, json!({})), format!("{{__name__=\"{words}\"}}"), "names that are words as well");
        }
        assert_eq!(question("queue", json!({})).unwrap().window, None);
        for operator in ["In", "NotIn"] {
            assert!(question("queue", expression(operator, json!([]))).is_err(), "{operator}");
        }
    }

    /// Values were once not escaped at all.
    ///
    /// original-defects.md: "Prometheus: two labels give invalid PromQL, values unescaped."
    #[test]
    fn no_value_gets_out_of_its_quotes() {
        for (value, text) in [
            (r#"x"} or vector(1) #"#, r#""x\"} or vector(1) #""#),
            (r"x\", r#""x\\""#),
            ("x\ny", r#""x\ny""#),
            ("ä'`", "\"ä'`\""),
        ] {
            assert_eq!(asked("q", json!({"matchLabels": {"a": value}})), format!("{{__name__=\"q\",a={text}}}"));
            let many = json!({"matchExpressions": [{"key": "a", "operator": "In", "values": [value, ".*"]}]});
            let many = asked("q", many);
            assert!(many.contains(r"\\.\\*"), "{many}");
        }
        assert_eq!(asked("q", json!({"matchLabels": {"a\"} or b{c": "x"}})), r#"{__name__="q","a\"} or b{c"="x"}"#);
    }

    #[test]
    fn an_expression_as_it_stands_and_its_window() {
        let expression = "sum(rate(requests_total[5m] offset 1m))";
        let question = |metric| Question::of(metric, &Selector::default());
        let window = Some(Duration::from_secs(360));
        assert_eq!(question(expression), Ok(Question { promql: expression.to_owned(), window }));
        assert_eq!(question("sum(queue)"), Ok(Question { promql: "sum(queue)".to_owned(), window: None }));
        let refused = |why: &str| Err(Fault::Refused(why.to_owned()));
        assert_eq!(question("rtae(a[5m])"), refused("the expression there is no function rtae() (at character 1)"));
        let selector = Selector::of(serde_json::from_value(json!({"matchLabels": {"a": "b"}})).ok().as_ref());
        let beside = "a selector stands beside a metric's name, not beside an expression";
        assert_eq!(Question::of("sum(queue)", &selector), refused(beside));
    }

    proptest! {
        #[test]
        fn whatever_is_in_a_selector_stays_in_its_quotes(key in ".{1,9}", values in prop::collection::vec("(.|\n){0,9}", 1..4)) {
            for operator in ["In", "NotIn"] {
                let selector = json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
                let promql = question("queue", selector).unwrap().promql;
                // An expression that is one selector is no longer one if anything gets out.
                prop_assert!(promql::parse(&promql).is_ok() && promql::parse(&format!("rate({promql}[5m])")).is_ok(), "{promql}");
            }
        }
    }
}
