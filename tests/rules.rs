//! Every example of the catalogue goes through the engine: the bad one breaks its rule and no other, the good one none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use beamlit_operator::engine::compile::stamp;
use beamlit_operator::engine::configuration::Configuration;
use beamlit_operator::engine::finding::rules::{self, Example, Rule};
use beamlit_operator::engine::finding::{Finding, Severity};
use beamlit_operator::engine::manifest::{Judge, Named, Outcome, configuration};
use beamlit_operator::engine::parse::documents;
use beamlit_operator::engine::world::{Fact, Resource, World};
use beamlit_operator::engine::{Kind, Reading, Surroundings, defaults, judge, judge_deletion, judge_update};

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

/// What the webhook says of the last document, where the others are there already.
fn in_cluster(example: Example, text: &str) -> Vec<Finding> {
    let mut world = World::of_cluster();
    let mut configuration = Configuration::default();
    let mut objects = Vec::new();
    for text in text.split("---\n") {
        let node = documents(text.as_bytes()).next().unwrap().content.unwrap();
        if node.text_of("kind") == Some("OperatorConfiguration") {
            configuration = configured(text);
        } else {
            objects.push(node);
        }
    }
    let mut judged = objects.pop().unwrap();
    for object in &objects {
        let resource = Resource::of(object.text_of("apiVersion").unwrap(), object.text_of("kind").unwrap()).unwrap();
        world.put(Fact::of(resource, object, "default").unwrap());
    }
    let (group, version) = judged.text_of("apiVersion").unwrap().split_once('/').unwrap();
    let kind = Kind::of(group, version, judged.text_of("kind").unwrap()).unwrap();
    let name = judged.find(&["metadata", "name"]).unwrap().text().unwrap().to_owned();
    let surroundings = Surroundings { namespace: "default", name: &name, configuration: &configuration, world: &world };
    _ = defaults::apply(kind, &mut judged);
    let findings = match example {
        Example::Update => judge_update(kind, &judged, objects.last_mut().unwrap(), &surroundings),
        Example::Deletion => judge_deletion(kind, &surroundings),
        _ => judge(kind, &judged, &surroundings, Reading::Review),
    };
    let stamped = stamp::stamp(kind, &judged, None, &surroundings, &findings);
    findings.list().iter().chain(stamped.findings.list()).cloned().collect()
}

fn configured(text: &str) -> Configuration {
    let loaded = configuration::load(text.as_bytes(), None);
    loaded.unwrap_or_else(|faults| panic!("{text}: {}", faults.join("\n"))).0
}

fn faults(rule: &'static Rule) -> Vec<String> {
    let told = |text: &str| {
        if matches!(rule.example, Example::World | Example::Update | Example::Deletion) {
            return in_cluster(rule.example, text);
        }
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
