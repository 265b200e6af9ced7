//! External metrics where they come from Prometheus: the name of a metric, or an expression in its place.

use crate::engine::finding::rules::{MD056, MD057};
use crate::engine::finding::{At, Finding, Findings};
use crate::engine::parse::{Node, Value};
use crate::engine::promql;
use crate::engine::units::names;

/// Judges a metric; `at` is its place. What is wrong with it anywhere was told already.
pub(super) fn metric(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    if node.text_of("type") != Some("External") {
        return;
    }
    let Some(identifier) = node.get("external").and_then(|source| source.get("metric")) else { return };
    let Some(name) = identifier.text_of("name").filter(|name| names::path_segment(name).is_ok()) else { return };
    if name.is_empty() || promql::is_metric_name(name) {
        return;
    }
    let at_source = at.field("external");
    let at = at_source.field("metric");
    let at_name = at.field("name");
    match promql::parse(name) {
        Err(fault) => {
            let message = format!("is no metric of Prometheus, and as an expression {fault}");
            out.add(Finding::new(&MD056, &at_name, message).value(name).maybe_hint(fault.hint));
        }
        Ok(_) if identifier.get("selector").is_some_and(selects) => {
            let message = "may not stand beside an expression, only beside the name of a metric";
            let finding = Finding::new(&MD057, &at.field("selector"), message).related(&at_name);
            out.add(finding.hint("put the labels into the expression, as in queue_length{queue=\"jobs\"}"));
        }
        Ok(_) => {}
    }
}

/// Whether a selector asks for anything.
fn selects(selector: &Node<'_>) -> bool {
    let some = |field: &str| match selector.get(field).map(|node| &node.value) {
        Some(Value::Map(members)) => members.iter().any(|member| !member.value.is_null()),
        Some(Value::List(items)) => !items.is_empty(),
        _ => false,
    };
    some("matchLabels") || some("matchExpressions")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use crate::engine::configuration::{Configuration, Prometheus};
    use crate::engine::validate::testing::found_among;

    fn found(name: &str, selector: Json, prometheus: bool) -> Vec<String> {
        let url = "http://prometheus.monitoring.svc:9090".parse().unwrap();
        let prometheus = prometheus.then_some(Prometheus { url, ca_file: None, bearer_token_file: None });
        let configuration = Configuration { prometheus, ..Configuration::default() };
        let mut metric = json!({"name": name});
        if !selector.is_null() {
            metric["selector"] = selector;
        }
        let metric = json!({"type": "External", "external": {"metric": metric, "target": {"value": 5}}});
        let spec = json!({"offloadingConfig": {"metrics": [metric]}});
        let place = "spec.offloadingConfig.metrics[0].external.metric.";
        found_among("", &configuration, &spec).iter().map(|text| text.replace(place, "")).collect()
    }

    #[test]
    fn names_and_expressions() {
        let none: [&str; 0] = [];
        let labels = json!({"matchLabels": {"queue": "jobs"}});
        for name in ["queue_length", "job:requests:rate5m", "sum"] {
            assert_eq!(found(name, labels.clone(), true), none, "{name}");
        }
        for expression in ["sum(rate(requests_total[5m]))", "{job=\"a\"}", "1", "a - b"] {
            for empty in [json!(null), json!({}), json!({"matchLabels": {}, "matchExpressions": []})] {
                assert_eq!(found(expression, empty.clone(), true), none, "{expression} {empty}");
            }
            assert_eq!(
                found(expression, labels.clone(), true),
                [
                    "selector: Forbidden: may not stand beside an expression, only beside the name of a metric; put the labels into the expression, as in queue_length{queue=\"jobs\"} [MD057]"
                ],
                "{expression}"
            );
        }
        let expressions = json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]});
        assert_eq!(found("a + b", expressions, true).len(), 1);
    }

    #[test]
    fn what_is_no_promql() {
        for (name, text) in [
            (
                "rtae(requests_total[5m])",
                r#"name: Invalid value: "rtae(requests_total[5m])": is no metric of Prometheus, and as an expression there is no function rtae() (at character 1); did you mean rate()? [MD056]"#,
            ),
            (
                "requests_total[5m]",
                r#"name: Invalid value: "requests_total[5m]": is no metric of Prometheus, and as an expression gives a range of values for each series, not one (at character 1); rate(…) or avg_over_time(…) around it makes one of them [MD056]"#,
            ),
            (
                "queue.length",
                r#"name: Invalid value: "queue.length": is no metric of Prometheus, and as an expression has a character that PromQL does not know: "." (at character 6) [MD056]"#,
            ),
            // What is wrong anywhere is told once.
            (
                "a / b",
                r#"name: Invalid value: "a / b": may not contain '/'; for a PromQL expression, name a recording rule [MD042]"#,
            ),
        ] {
            assert_eq!(found(name, json!(null), true), [text]);
        }
        assert_eq!(found("", json!(null), true).len(), 1);
        // Of two faults the selector's is derived.
        assert_eq!(found("a +", json!({"matchLabels": {"a": "b"}}), true).len(), 1);
        // What other sources of External metrics call theirs is their business.
        assert_eq!(found("queue.length(5)", json!({"matchLabels": {"a": "b"}}), false), [""; 0]);
    }
}
