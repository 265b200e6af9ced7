//! Whatever the server holds, what it owns is never sent back to it.

use beamlit_operator::controller::beamlit::{Key, Owner};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::common::{client, model, owner};
use crate::beamlit::{Answer, Beamlit, contract};

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(member(), inner, 0..4).prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// Names that are known to somebody, and others.
fn member() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "name",
        "environment",
        "displayName",
        "labels",
        "createdAt",
        "updatedAt",
        "createdBy",
        "updatedBy",
        "workspace",
        "status",
        "events",
        "spec",
        "metadata",
        "enabled",
        "policies",
        "runtime",
        "serverlessConfig",
        "podTemplate",
        "servingPort",
        "managed-by-uid",
        "managed-by-fields",
        "managed-by-origin",
    ]);
    prop_oneof![4 => known.prop_map(ToOwned::to_owned), 1 => "[a-z]{1,6}"]
}

fn members() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map(member(), json(), 0..10).prop_map(|it| it.into_iter().collect())
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_server_owns_is_never_sent(top in members(), metadata in members(), labels in members(), spec in members()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let beamlit = Beamlit::start();
        let mut held = top;
        let mut metadata = metadata;
        metadata.insert("name".to_owned(), "my-model-on-Beamlit".into());
        metadata.insert("environment".to_owned(), "production".into());
        metadata.remove("workspace");
        metadata.insert("labels".to_owned(), labels.into());
        held.insert("metadata".to_owned(), metadata.into());
        held.insert("spec".to_owned(), spec.into());
        let held = Answer::json(200, &Value::Object(held));
        runtime.block_on(async {
            let client = client(&beamlit);
            let adopting = Owner { adopt: true, ..owner("mine") };
            beamlit.script("GET", "/models", [held.clone(), held]);
            // The stand-in has no such model, so that a change ends in 404 and is looked at again: only what was sent counts.
            _ = client.apply_model(&model(), &adopting, true).await;
            _ = client.release(&Key::model("production", "my-model-on-Beamlit"), &owner("mine")).await;
        });
        let bodies = beamlit.bodies("PUT");
        prop_assert!(!bodies.is_empty());
        for body in bodies {
            let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            prop_assert_eq!(names(&body), ["metadata", "spec"]);
            for name in names(&body["metadata"]) {
                prop_assert!(["name", "environment", "displayName", "labels"].contains(&name.as_str()), "{}", name);
            }
            prop_assert!(!has_null(&body), "{}", body);
            prop_assert!(body["metadata"]["labels"].as_object().unwrap().values().all(Value::is_string));
            // Whatever else the contract objects to was there before.
            let ours = contract::faults("models", &body).into_iter().filter(|fault| fault.starts_with("/metadata"));
            prop_assert_eq!(ours.collect::<Vec<_>>(), Vec::<String>::new());
        }
    }
}
