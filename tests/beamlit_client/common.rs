//! A client of the stand-in, in a hurry, and what it is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use beamlit_operator::api::{PolicyLocation, PolicyType};
use beamlit_operator::controller::beamlit::{Client, Credentials, Key, Owner, Pace, Settings};
use beamlit_operator::engine::compile::PodTemplate;
use beamlit_operator::engine::compile::beamlit::{
    Model, ModelMetadata, ModelSpec, Policy, PolicyBody, PolicyMetadata, Runtime, labels,
};
use beamlit_operator::telemetry::metrics::Metrics;
use serde_json::{Value, json};

use crate::beamlit::{Beamlit, CREDENTIALS};

/// What must be shown nowhere.
pub const SECRET: &str = "hunter2-of-the-pods";

/// Waits of milliseconds in the place of seconds, and patience for a loaded machine.
pub fn settings(beamlit: &Beamlit) -> Settings {
    let mut settings = Settings::new(Credentials::of(CREDENTIALS.0, CREDENTIALS.1).unwrap()).unwrap();
    settings.base = beamlit.base().parse().unwrap();
    settings.timeout = Duration::from_secs(20);
    settings.pace = Pace {
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(20),
        patience: Duration::from_secs(2),
        failures: 1000,
        after_refusal: Duration::ZERO,
        ..Pace::default()
    };
    settings
}

pub fn client(beamlit: &Beamlit) -> Client {
    client_of(settings(beamlit)).0
}

pub fn client_of(settings: Settings) -> (Client, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::default());
    (Client::new(settings, Arc::clone(&metrics)).unwrap(), metrics)
}

pub fn owner(uid: &str) -> Owner {
    Owner {
        uid: uid.to_owned(),
        namespace: "team-a".to_owned(),
        name: "my-model".to_owned(),
        cluster: Some("here".to_owned()),
        adopt: false,
    }
}

pub fn key() -> Key {
    Key::model("production", "my-model-on-Beamlit")
}

/// A model as it is compiled.
pub fn model() -> Model {
    let labels =
        [("app", "chat"), labels::MANAGED_BY, (labels::OFFLOADING_ENABLED, "true"), (labels::OFFLOADING, "false")];
    let template = json!({
        "metadata": {"creationTimestamp": null, "labels": {"app": "chat"}},
        "spec": {"containers": [{"name": "c", "image": "i", "env": [{"name": "TOKEN", "value": SECRET}]}]},
    });
    Model {
        metadata: ModelMetadata {
            name: "my-model-on-Beamlit".to_owned(),
            environment: "production",
            labels: owned(&labels),
        },
        spec: ModelSpec {
            enabled: true,
            policies: vec!["eu".to_owned(), "gpu".to_owned()],
            runtime: Some(Runtime { serving_port: Some(8080), metric_port: None }),
            serverless_config: Some(serde_json::from_value(json!({"minNumReplicas": 0, "target": "70"})).unwrap()),
            pod_template: Some(PodTemplate::new(Arc::new(template))),
        },
    }
}

/// A policy as it is compiled.
pub fn policy(places: &[(&str, &str)]) -> Policy {
    let places = places.iter().map(|(type_, name)| json!({"type": type_, "name": name}));
    let locations: Vec<PolicyLocation> = places.map(|place| serde_json::from_value(place).unwrap()).collect();
    Policy {
        metadata: PolicyMetadata {
            name: "eu".to_owned(),
            display_name: "Europe".to_owned(),
            labels: owned(&[labels::MANAGED_BY]),
        },
        spec: PolicyBody { type_: PolicyType::Location, locations, flavors: Vec::new() },
    }
}

pub fn owned(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The model as the stand-in holds it.
pub fn held(beamlit: &Beamlit) -> Value {
    beamlit.store(|store| store.model("production", "my-model-on-Beamlit")).expect("it is not there")
}

/// The calls in short, without what they have in common.
pub fn lines(beamlit: &Beamlit) -> Vec<String> {
    beamlit
        .lines()
        .iter()
        .map(|line| line.replace("/my-model-on-Beamlit", "/m").replace("?environment=production", ""))
        .collect()
}
