//! What is sent, and when nothing is.

use std::sync::Arc;

use beamlit_operator::controller::beamlit::{Change, Key};
use beamlit_operator::engine::compile::PodTemplate;
use beamlit_operator::engine::compile::beamlit::{Runtime, labels};
use serde_json::{Value, json};

use super::common::{SECRET, client, held, lines, model, owner, policy};
use crate::beamlit::Beamlit;

#[tokio::test]
async fn what_is_as_it_should_be_costs_one_look() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    let created = client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    assert_eq!((created.change, created.stored.is_deployed()), (Change::Created, false));
    beamlit.store(|store| store.status("production", "my-model-on-Beamlit", "Deployed"));
    let again = client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    assert_eq!((again.change, again.stored.is_deployed()), (Change::None, true));
    assert_eq!(again.stored.workspace.as_deref(), Some("my-workspace"));
    assert_eq!(again.stored.created_at.as_deref(), Some("2026-01-01T00:00:01Z"));
    assert_eq!(lines(&beamlit), ["GET /models/m 404", "POST /models 200", "GET /models/m 200"]);
    let body = &beamlit.bodies("POST")[0];
    assert_eq!(body["spec"]["podTemplate"]["spec"]["containers"][0]["env"][0]["value"], SECRET);
    assert_eq!(beamlit.violations(), [""; 0]);
}

/// original-defects.md: "Offloading state is written by GET → whole-object PUT, echoing server-owned fields; each spec PUT drops the
/// label."
#[tokio::test]
async fn the_state_of_offloading_is_a_label_that_stays() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    let mut wanted = model();
    for (offloading, target) in [(false, "70"), (true, "70"), (true, "80"), (false, "80")] {
        wanted.spec.serverless_config.as_mut().unwrap().target = Some(target.to_owned());
        client.apply_model(&wanted, &owner("mine"), offloading).await.unwrap();
        let held = held(&beamlit);
        assert_eq!(held["metadata"]["labels"]["offloading"], offloading.to_string());
        assert_eq!(held["metadata"]["labels"]["offloading-enabled"], "true");
        assert_eq!(held["spec"]["serverlessConfig"]["target"], target);
    }
    assert_eq!(beamlit.bodies("PUT").len(), 3);
    for body in beamlit.bodies("PUT") {
        let members: Vec<&String> = body["metadata"].as_object().unwrap().keys().collect();
        assert_eq!(members, ["name", "environment", "labels"]);
        assert_eq!(body.as_object().unwrap().len(), 2);
    }
    assert_eq!(beamlit.violations(), [""; 0]);
}

/// original-defects.md: "Pod template sent with Go field names (mixed casing). A named `targetPort` becomes 0; unset ports are sent
/// as 0."
#[tokio::test]
async fn names_are_those_of_json_and_an_unknown_port_is_absent() {
    let beamlit = Beamlit::start();
    let mut wanted = model();
    wanted.spec.runtime = None;
    client(&beamlit).apply_model(&wanted, &owner("mine"), false).await.unwrap();
    let body = &beamlit.bodies("POST")[0];
    assert_eq!(body["spec"].get("runtime"), None);
    assert_eq!(body["spec"]["podTemplate"]["spec"]["containers"][0]["name"], "c");
    // The schema of the contract refuses any other case, and 0.
    let mut odd = body.clone();
    odd["spec"]["podTemplate"] = json!({"Spec": {"Containers": []}});
    odd["spec"]["runtime"] = json!({"servingPort": 0});
    assert_eq!(crate::beamlit::contract::faults("models", &odd).len(), 3);
    assert_eq!(beamlit.violations(), [""; 0]);
}

#[tokio::test]
async fn what_others_set_stays() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    beamlit.store(|store| {
        store.put_model(
            "production",
            "my-model-on-Beamlit",
            json!({"team": "ml", "app": "theirs"}),
            json!({"enabled": false, "integrationConnections": ["hf"], "flavors": [{"type": "gpu", "name": "t4"}],
                "runtime": {"image": "i", "servingPort": 1, "metricPort": 9090}, "privateClusters": null,
                "serverlessConfig": {"maxNumReplicas": 3, "stableWindow": "60s"}}),
        );
    });
    client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    let after = held(&beamlit);
    assert_eq!(after["spec"]["integrationConnections"], json!(["hf"]));
    assert_eq!(after["spec"]["flavors"], json!([{"type": "gpu", "name": "t4"}]));
    assert_eq!(after["spec"]["runtime"], json!({"image": "i", "servingPort": 8080, "metricPort": 9090}));
    assert_eq!(after["spec"]["serverlessConfig"], json!({"minNumReplicas": 0, "maxNumReplicas": 10, "target": "70"}));
    assert_eq!(after["metadata"]["labels"]["team"], "ml");
    assert_eq!(after["metadata"]["labels"]["app"], "chat");
    assert_eq!(beamlit.violations(), [""; 0]);
}

#[tokio::test]
async fn what_the_owner_no_longer_wants_goes() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    beamlit.store(|store| {
        store.change_model("production", "my-model-on-Beamlit", |model| {
            model["metadata"]["labels"]["team"] = "ml".into()
        });
    });
    let mut less = model();
    less.metadata.labels.remove("app");
    less.metadata.labels.remove(labels::OFFLOADING_ENABLED);
    less.spec.serverless_config = None;
    less.spec.policies.clear();
    // Nobody says that there are none: only that nobody knows them now.
    less.spec.runtime = None;
    less.spec.pod_template = None;
    let applied = client.apply_model(&less, &owner("mine"), false).await.unwrap();
    assert_eq!((applied.change, applied.unkept), (Change::Updated, Vec::new()));
    let after = held(&beamlit);
    let labels = after["metadata"]["labels"].as_object().unwrap();
    assert!(!labels.contains_key("app") && !labels.contains_key("offloading-enabled"), "{labels:?}");
    assert_eq!(labels["team"], "ml");
    assert_eq!(after["spec"].get("serverlessConfig"), None);
    assert_eq!(after["spec"]["policies"], json!([]));
    assert_eq!(after["spec"]["runtime"], json!({"servingPort": 8080}));
    assert!(after["spec"]["podTemplate"].is_object());
    assert_eq!(client.apply_model(&less, &owner("mine"), false).await.unwrap().change, Change::None);
    assert_eq!(beamlit.violations(), [""; 0]);
}

/// What was somebody else's before is not taken away with our own wish.
#[tokio::test]
async fn what_was_there_before_stays_when_the_owner_wants_it_no_longer() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    let before = json!({"serverlessConfig": {"maxNumReplicas": 3}});
    beamlit.store(|store| store.put_model("production", "my-model-on-Beamlit", json!({"app": "theirs"}), before));
    client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    let mut less = model();
    less.metadata.labels.remove("app");
    less.spec.serverless_config = None;
    client.apply_model(&less, &owner("mine"), false).await.unwrap();
    let after = held(&beamlit);
    assert_eq!(after["metadata"]["labels"]["app"], "chat");
    assert!(after["spec"]["serverlessConfig"].is_object());
    assert_eq!(client.apply_model(&less, &owner("mine"), false).await.unwrap().change, Change::None);
}

#[tokio::test]
async fn a_part_that_goes_from_the_template_is_a_change() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    let template = |spec: Value| Some(PodTemplate::new(Arc::new(json!({"spec": spec}))));
    let mut wanted = model();
    wanted.spec.pod_template = template(json!({"containers": [{"name": "c"}], "nodeSelector": {"gpu": "yes"}}));
    client.apply_model(&wanted, &owner("mine"), false).await.unwrap();
    wanted.spec.pod_template = template(json!({"containers": [{"name": "c"}]}));
    assert_eq!(client.apply_model(&wanted, &owner("mine"), false).await.unwrap().change, Change::Updated);
    assert_eq!(held(&beamlit)["spec"]["podTemplate"], json!({"spec": {"containers": [{"name": "c"}]}}));
}

#[tokio::test]
async fn what_drifts_is_put_right() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    let drifts: [fn(&mut Value); 5] = [
        |model| model["spec"]["enabled"] = false.into(),
        |model| model["spec"]["policies"] = json!(["eu"]),
        |model| model["metadata"]["labels"]["app"] = "other".into(),
        |model| model["spec"]["runtime"]["servingPort"] = 1.into(),
        |model| model["spec"]["podTemplate"]["spec"]["containers"][0]["image"] = "other".into(),
    ];
    for (number, drift) in drifts.into_iter().enumerate() {
        let before = held(&beamlit);
        beamlit.store(|store| store.change_model("production", "my-model-on-Beamlit", drift));
        let applied = client.apply_model(&model(), &owner("mine"), false).await.unwrap();
        assert_eq!(applied.change, Change::Updated, "{number}");
        assert_eq!(held(&beamlit)["spec"], before["spec"], "{number}");
        assert_eq!(client.apply_model(&model(), &owner("mine"), false).await.unwrap().change, Change::None, "{number}");
    }
}

#[tokio::test]
async fn a_server_with_a_hand_of_its_own_is_not_argued_with() {
    let beamlit = Beamlit::start();
    beamlit.store(|store| {
        store.normalise = Some(|object| {
            let spec = object["spec"].as_object_mut().unwrap();
            // In another order, with defaults, numbers as floats, and empty things left out.
            if let Some(policies) = spec.get_mut("policies").and_then(Value::as_array_mut) {
                policies.reverse();
            }
            if let Some(serverless) = spec.get_mut("serverlessConfig").and_then(Value::as_object_mut) {
                serverless.insert("metric".to_owned(), "cpu".into());
                serverless.insert("maxNumReplicas".to_owned(), json!(10.0));
            }
            if let Some(locations) = spec.get_mut("locations").and_then(Value::as_array_mut) {
                locations.reverse();
                locations.iter_mut().for_each(|it| it["name"] = it["name"].as_str().unwrap().to_lowercase().into());
            }
            spec.insert("configurations".to_owned(), Value::Null);
        });
    });
    let client = client(&beamlit);
    let places = policy(&[("country", "US"), ("continent", "EU")]);
    for change in [Change::Created, Change::None, Change::None] {
        let applied = client.apply_model(&model(), &owner("mine"), false).await.unwrap();
        assert_eq!((applied.change, applied.unkept), (change.clone(), Vec::new()));
        let applied = client.apply_policy(&places, &owner("mine")).await.unwrap();
        assert_eq!((applied.change, applied.unkept), (change, Vec::new()));
    }
    assert_eq!(beamlit.bodies("PUT").len(), 0);
}

#[tokio::test]
async fn what_the_server_does_not_keep_is_asked_for_once() {
    let beamlit = Beamlit::start();
    beamlit.store(|store| {
        store.normalise = Some(|object| {
            object["spec"]["serverlessConfig"]["maxNumReplicas"] = 5.into();
            object["metadata"]["labels"].as_object_mut().unwrap().remove("app");
        });
    });
    let client = client(&beamlit);
    let mut wanted = model();
    for change in [Change::Created, Change::None, Change::None] {
        let applied = client.apply_model(&wanted, &owner("mine"), false).await.unwrap();
        assert_eq!(
            (applied.change, applied.unkept),
            (change, vec!["metadata.labels.app".into(), "spec.serverlessConfig".into()])
        );
    }
    assert_eq!(beamlit.bodies("PUT").len(), 0);
    // What is new is sent all the same.
    wanted.spec.runtime = Some(Runtime { serving_port: Some(9000), metric_port: None });
    assert_eq!(client.apply_model(&wanted, &owner("mine"), false).await.unwrap().change, Change::Updated);
    assert_eq!(client.apply_model(&wanted, &owner("mine"), false).await.unwrap().change, Change::None);
    assert_eq!(beamlit.bodies("PUT").len(), 1);
}

/// Not even who owns it is kept by a server that knows no labels.
#[tokio::test]
async fn a_server_without_labels_is_written_to_once() {
    let beamlit = Beamlit::start();
    beamlit.store(|store| store.normalise = Some(|object| object["metadata"]["labels"] = json!({})));
    let client = client(&beamlit);
    for change in [Change::Created, Change::None] {
        assert_eq!(client.apply_model(&model(), &owner("mine"), false).await.unwrap().change, change);
    }
    assert_eq!(beamlit.bodies("PUT").len(), 0);
}

#[tokio::test]
async fn another_type_of_policy_leaves_nothing_of_the_last() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    let mut wanted = policy(&[("continent", "eu")]);
    client.apply_policy(&wanted, &owner("mine")).await.unwrap();
    wanted.spec.type_ = beamlit_operator::api::PolicyType::Flavor;
    wanted.spec.locations.clear();
    wanted.spec.flavors = serde_json::from_value(json!([{"type": "gpu", "name": "t4"}])).unwrap();
    client.apply_policy(&wanted, &owner("mine")).await.unwrap();
    let stored = beamlit.store(|store| store.policy("eu")).unwrap();
    assert_eq!(stored["spec"], json!({"type": "flavor", "flavors": [{"type": "gpu", "name": "t4"}]}));
    assert_eq!(client.get(&Key::policy("eu")).await.unwrap().unwrap().ownership.unwrap().uid, "mine");
    assert_eq!(beamlit.violations(), [""; 0]);
}
