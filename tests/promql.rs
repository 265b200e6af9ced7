//! The reader of PromQL, held to Prometheus' own: `promtool` takes what ours takes, and refuses what ours refuses.
//!
//! promtool is a part of Prometheus (Debian's package `prometheus`). `.ci/run` fetches it where it is missing; without it this test
//! fails.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    reason = "a test, with helpers of others"
)]

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

/// Those of these expressions that promtool takes.
fn taken(expressions: &[String]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<String> = (0..expressions.len()).map(|index| format!("{index}.yaml")).collect();
    for (file, expression) in files.iter().zip(expressions) {
        let rules = json!({"groups": [{"name": "a", "rules": [{"record": "a", "expr": expression}]}]});
        std::fs::write(folder.path().join(file), rules.to_string()).unwrap();
    }
    let arguments: Vec<&str> = ["check", "rules"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let said = promtool::said(folder.path(), &arguments, "").1;
    let is_taken = |file: &str| said.contains(&format!("Checking {file}\n  SUCCESS"));
    assert!(files.iter().all(|file| said.contains(&format!("Checking {file}\n"))), "{said}");
    let of = files.iter().zip(expressions).filter(|(file, _)| is_taken(file));
    of.map(|(_, expression)| expression.clone()).collect()
}

#[test]
fn what_is_taken_and_refused_is_so_by_prometheus() {
    let (good, newer, bad, useless) = (of("taken"), of("newer"), of("refused"), of("useless"));
    assert_eq!(taken(&good), good);
    assert_eq!(taken(&bad), [""; 0]);
    assert_eq!(taken(&useless), useless, "it is PromQL all the same");
    for expression in good.iter().chain(&newer) {
        assert!(promql::parse(expression).is_ok(), "{expression}: {}", promql::parse(expression).unwrap_err());
    }
    for expression in bad.iter().chain(&useless) {
        assert!(promql::parse(expression).is_err(), "{expression}");
    }
}
