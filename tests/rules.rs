//! Every example of the catalogue goes through the engine: the bad one breaks its rule and no other, the good one none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use beamlit_operator::engine::finding::Severity;
use beamlit_operator::engine::finding::rules::{self, Example, Rule};
use beamlit_operator::engine::manifest::{Judge, Named, Outcome};
use beamlit_operator::engine::parse::{Node, Value, documents};
use serde_json::{Map, Value as Json};

#[test]
fn codes_are_unique_and_in_order_within_their_group() {
    let codes: Vec<&str> = rules::all().map(|rule| rule.code).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), codes.len());
    for pair in codes.windows(2).filter(|pair| pair[0][..2] == pair[1][..2]) {
        assert!(pair[0] < pair[1], "{pair:?}");
    }
}

#[test]
fn every_example_shows_its_rule() {
    let faults: Vec<String> = rules::all().flat_map(faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn faults(rule: &'static Rule) -> Vec<String> {
    let told = |text: &str| {
        let mut told = Vec::new();
        for outcome in Judge::new("default", "cluster.local").source(whole(rule, text).as_bytes(), Named::Explicitly) {
            match outcome {
                Outcome::Judged(judged) => told.extend(judged.findings.into_iter().map(|placed| placed.finding)),
                other => panic!("{}: {other:?}", rule.code),
            }
        }
        told
    };
    let mut faults = Vec::new();
    let bad = told(rule.bad);
    if !bad.iter().any(|finding| finding.rule == rule && finding.severity == rule.severity) {
        faults.push(format!("{}: the bad example does not break the rule", rule.code));
    }
    for finding in bad.iter().filter(|finding| finding.rule != rule) {
        faults.push(format!("{}: the bad example breaks another rule: {finding}", rule.code));
    }
    for finding in told(rule.good) {
        if finding.rule == rule || finding.severity == Severity::Error {
            faults.push(format!("{}: the good example breaks a rule: {finding}", rule.code));
        }
    }
    faults
}

/// The manifest that an example stands for.
fn whole(rule: &Rule, text: &str) -> String {
    let base = match rule.example {
        Example::Documents => return text.to_owned(),
        Example::ModelDeployment => rules::MODEL_DEPLOYMENT,
        Example::Policy => rules::POLICY,
    };
    let mut whole = read(base);
    lay_over(&mut whole, read(text));
    whole.to_string()
}

/// Maps are merged, a null removes, anything else replaces: a JSON merge patch (RFC 7396).
fn lay_over(base: &mut Json, over: Json) {
    let Json::Object(over) = over else {
        *base = over;
        return;
    };
    if !base.is_object() {
        *base = Json::Object(Map::new());
    }
    let base = base.as_object_mut().unwrap();
    for (key, value) in over {
        if value.is_null() {
            base.remove(&key);
        } else {
            lay_over(base.entry(key).or_insert(Json::Null), value);
        }
    }
}

fn read(text: &str) -> Json {
    json(&documents(text.as_bytes()).next().unwrap().content.unwrap())
}

fn json(node: &Node<'_>) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::Float(value) => Json::from(*value),
        Value::Text(text) => Json::from(text.as_ref()),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(members) => {
            Json::Object(members.iter().map(|member| (member.key.clone().into_owned(), json(&member.value))).collect())
        }
    }
}
