//! The reader of PromQL, held to Prometheus' own: `promtool` takes what ours takes, and refuses what ours refuses.
//!
//! promtool is a part of Prometheus (Debian's package `prometheus`). `.ci/run` fetches it where it is missing; without it this test
//! fails.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

#[path = "monitoring/promtool.rs"]
mod promtool;

use beamlit_operator::engine::promql;
use serde_json::{Value, json};

fn expressions() -> Value {
    serde_json::from_str(include_str!("promql/expressions.json")).unwrap()
}

fn of(list: &str) -> Vec<String> {
    serde_json::from_value(expressions()[list].clone()).unwrap()
}

/// What promtool has to say of expressions, if it finds anything wrong with one of them.
fn judged(expressions: &[String]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let rule = |(index, expression): (usize, &String)| json!({"record": format!("r{index}"), "expr": expression});
    let rules: Vec<Value> = expressions.iter().enumerate().map(rule).collect();
    let file = json!({"groups": [{"name": "all", "rules": rules}]}).to_string();
    std::fs::write(folder.path().join("rules.yaml"), file).unwrap();
    promtool::judged(folder.path(), &["check", "rules", "rules.yaml"], "")
}

#[test]
fn what_is_taken_and_refused_is_so_by_prometheus() {
    let taken = of("taken");
    assert_eq!(judged(&taken), Ok(()));
    for expression in taken.iter().chain(&of("newer")) {
        assert!(promql::parse(expression).is_ok(), "{expression}: {}", promql::parse(expression).unwrap_err());
    }
    for expression in of("refused") {
        assert!(judged(&[expression.clone()]).is_err(), "promtool takes {expression}");
        assert!(promql::parse(&expression).is_err(), "{expression}");
    }
    assert_eq!(judged(&of("useless")), Ok(()), "it is PromQL all the same");
    for expression in of("useless") {
        assert!(promql::parse(&expression).is_err(), "{expression}");
    }
}
