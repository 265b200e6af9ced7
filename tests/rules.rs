//! Every example of the catalogue goes through the engine: the bad one breaks its rule and no other, the good one none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use beamlit_operator::engine::configuration::Configuration;
use beamlit_operator::engine::finding::Severity;
use beamlit_operator::engine::finding::rules::{self, Rule};
use beamlit_operator::engine::manifest::{Judge, Named, Outcome};

#[path = "corpus/example.rs"]
mod example;

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
        for outcome in Judge::new("default", Configuration::default())
            .source(example::whole(rule, text).as_bytes(), Named::Explicitly)
        {
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
