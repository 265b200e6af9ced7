//! Defaulting: what a user left out and nobody need guess, as a minimal patch on the object as it was written.
//!
//! Additive only: a value that is there, even of a wrong type, stays. Never inside a list item and never from the
//! surroundings: either would make an applied manifest drift from the stored object for ever.

use std::borrow::Cow;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation};
use serde_json::json;

use super::parse::{Mark, Member, Node, Value};
use super::subject::Kind;

/// A field that has a default: the map it belongs to, its name, and its value.
struct Default {
    within: &'static [&'static str],
    field: &'static str,
    value: Constant,
}

/// The values that defaults have.
#[derive(Clone, Copy)]
enum Constant {
    Bool(bool),
    Int(i64),
    Text(&'static str),
    EmptyList,
}

const SPEC: &[&str] = &["spec"];
const MODEL_SOURCE_REF: &[&str] = &["spec", "modelSourceRef"];
const SERVERLESS: &[&str] = &["spec", "serverlessConfig"];
const OFFLOADING: &[&str] = &["spec", "offloadingConfig"];
const BEHAVIOR: &[&str] = &["spec", "offloadingConfig", "behavior"];
const REMOTE_BACKEND: &[&str] = &["spec", "offloadingConfig", "remoteBackend"];

/// Every default of a ModelDeployment, in schema order. A map that the user left out stays out, but for the one parent
/// that [`CREATED`] names.
const MODEL_DEPLOYMENT: &[Default] = &[
    Default { within: SPEC, field: "enabled", value: Constant::Bool(true) },
    Default { within: SPEC, field: "environment", value: Constant::Text("production") },
    Default { within: MODEL_SOURCE_REF, field: "apiVersion", value: Constant::Text("apps/v1") },
    Default { within: MODEL_SOURCE_REF, field: "kind", value: Constant::Text("Deployment") },
    Default { within: SERVERLESS, field: "minNumReplicas", value: Constant::Int(0) },
    Default { within: SERVERLESS, field: "maxNumReplicas", value: Constant::Int(10) },
    Default { within: BEHAVIOR, field: "percentage", value: Constant::Int(100) },
    Default { within: OFFLOADING, field: "metrics", value: Constant::EmptyList },
    Default { within: REMOTE_BACKEND, field: "scheme", value: Constant::Text("http") },
];

/// The one parent that is created for its default, where the map around it is there.
const CREATED: &[&str] = BEHAVIOR;

/// Adds to the object what is absent, and returns what was added as a JSON patch.
///
/// An object that needs nothing gets an empty patch; so does one of a kind without defaults.
pub fn apply(kind: Kind, object: &mut Node<'_>) -> Patch {
    let defaults = match kind {
        Kind::ModelDeployment => MODEL_DEPLOYMENT,
        Kind::OffloadAutoscaler | Kind::Policy => &[],
    };
    let mut patch = Vec::new();
    for default in defaults {
        add(object, default, &mut patch);
    }
    Patch(patch)
}

fn add(object: &mut Node<'_>, default: &Default, patch: &mut Vec<PatchOperation>) {
    let Default { within, field, value } = default;
    if let Some(map) = map_at(object, within) {
        if map.get(field).is_none() {
            insert(map, field, value.node());
            patch.push(operation(within, field, value.json()));
        }
    } else if *within == CREATED
        && let Some((parent, above)) = within.split_last()
        && let Some(map) = map_at(object, above)
        && map.get(parent).is_none()
    {
        let member = Member { key: Cow::Borrowed(field), key_at: Mark::default(), value: value.node() };
        insert(map, parent, Node::new(Value::Map(vec![member])));
        patch.push(operation(above, parent, json!({ *field: value.json() })));
    }
}

fn map_at<'n, 'a>(object: &'n mut Node<'a>, path: &[&str]) -> Option<&'n mut Node<'a>> {
    path.iter().try_fold(object, |node, key| node.get_mut(key)).filter(|node| node.is_map())
}

/// Puts a member into a map that has none of that name, or only null.
fn insert<'a>(map: &mut Node<'a>, key: &'static str, value: Node<'a>) {
    if let Value::Map(members) = &mut map.value {
        members.retain(|member| member.key != key);
        members.push(Member { key: Cow::Borrowed(key), key_at: Mark::default(), value });
    }
}

fn operation(within: &[&str], field: &str, value: serde_json::Value) -> PatchOperation {
    let path = PointerBuf::from_tokens(within.iter().chain([&field]).copied());
    PatchOperation::Add(AddOperation { path, value })
}

impl Constant {
    fn node(self) -> Node<'static> {
        Node::new(match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Text(value) => Value::Text(Cow::Borrowed(value)),
            Self::EmptyList => Value::List(Vec::new()),
        })
    }

    fn json(self) -> serde_json::Value {
        match self {
            Self::Bool(value) => json!(value),
            Self::Int(value) => json!(value),
            Self::Text(value) => json!(value),
            Self::EmptyList => json!([]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api;
    use crate::engine::parse::{JsonLimits, from_json};
    use proptest::prelude::*;

    fn patched(object: &serde_json::Value) -> serde_json::Value {
        let bytes = serde_json::to_vec(object).unwrap();
        let mut node = from_json(&bytes, JsonLimits::UniqueKeys).unwrap();
        let patch = apply(Kind::ModelDeployment, &mut node);
        let mut patched = object.clone();
        json_patch::patch(&mut patched, &patch).unwrap();
        // The tree that is judged is the tree that the patch makes.
        let bytes = serde_json::to_vec(&patched).unwrap();
        assert_eq!(from_json(&bytes, JsonLimits::UniqueKeys).unwrap(), node);
        patched
    }

    #[test]
    fn fills_in_what_is_absent_and_nothing_else() {
        let written = json!({"spec": {"model": "m", "modelSourceRef": {"name": "m"}, "offloadingConfig": {"remoteBackend": {"host": "h"}}, "serverlessConfig": {}}});
        insta::assert_json_snapshot!(patched(&written), @r#"
        {
          "spec": {
            "model": "m",
            "modelSourceRef": {
              "name": "m",
              "apiVersion": "apps/v1",
              "kind": "Deployment"
            },
            "offloadingConfig": {
              "remoteBackend": {
                "host": "h",
                "scheme": "http"
              },
              "behavior": {
                "percentage": 100
              },
              "metrics": []
            },
            "serverlessConfig": {
              "minNumReplicas": 0,
              "maxNumReplicas": 10
            },
            "enabled": true,
            "environment": "production"
          }
        }
        "#);
    }

    #[test]
    fn leaves_out_what_the_user_left_out() {
        let written = json!({"spec": {"model": "m"}});
        assert_eq!(patched(&written), json!({"spec": {"model": "m", "enabled": true, "environment": "production"}}));
    }

    #[test]
    fn keeps_zeros_falses_empty_texts_and_wrong_types() {
        let written = json!({"spec": {
            "enabled": false, "environment": "", "modelSourceRef": {"apiVersion": 1, "kind": ""},
            "serverlessConfig": {"minNumReplicas": 0, "maxNumReplicas": 0},
            "offloadingConfig": {"behavior": {"percentage": "50"}, "metrics": {}, "remoteBackend": []},
        }});
        assert_eq!(patched(&written), written);
        for parent in [json!("x"), json!([]), json!(7)] {
            let written = json!({"spec": {"enabled": true, "environment": "production", "offloadingConfig": {"behavior": parent, "metrics": []}}});
            assert_eq!(patched(&written), written);
        }
    }

    #[test]
    fn null_counts_as_absent() {
        let written = json!({"spec": {"enabled": null, "environment": "production", "offloadingConfig": {"behavior": null, "metrics": []}}});
        let expected = json!({"spec": {"enabled": true, "environment": "production", "offloadingConfig": {"behavior": {"percentage": 100}, "metrics": []}}});
        assert_eq!(patched(&written), expected);
    }

    /// A static default of the CRD that the mutator does not know, or the other way round, would be a second opinion.
    #[test]
    fn agrees_with_the_defaults_of_the_crd() {
        fn collect(schema: &serde_json::Value, path: &str, found: &mut Vec<(String, serde_json::Value)>) {
            if let Some(default) = schema.get("default") {
                found.push((path.to_owned(), default.clone()));
            }
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                collect(property, &format!("{path}.{name}"), found);
            }
            assert!(
                schema.get("items").is_none_or(|items| !items.to_string().contains("\"default\":")),
                "a default in a list item at {path}"
            );
        }
        let mut in_crd = Vec::new();
        collect(&api::spec_schema("ModelDeployment").unwrap(), "spec", &mut in_crd);
        let ours: Vec<_> = MODEL_DEPLOYMENT
            .iter()
            .filter(|default| default.within != MODEL_SOURCE_REF)
            .map(|default| (format!("{}.{}", default.within.join("."), default.field), default.value.json()))
            .collect();
        assert_eq!(ours, in_crd);

        let mut in_crd = Vec::new();
        collect(&api::spec_schema("Policy").unwrap(), "spec", &mut in_crd);
        assert_eq!(in_crd, []);
    }

    /// Anything at all where the defaults go: absent, null, a scalar, a list, a map with more of the same.
    fn anything() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|value| json!(value)),
            any::<i32>().prop_map(|value| json!(value)),
            "[a-z]{0,4}".prop_map(|value| json!(value)),
        ];
        let keys = "spec|enabled|environment|modelSourceRef|apiVersion|kind|serverlessConfig|minNumReplicas|maxNumReplicas|offloadingConfig|behavior|percentage|metrics|remoteBackend|scheme|other";
        leaf.prop_recursive(5, 64, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|items| json!(items)),
                prop::collection::btree_map(keys, inner, 0..8).prop_map(|members| json!(members)),
            ]
        })
    }

    /// Whether everything that was written is still there, nulls aside.
    fn kept(written: &serde_json::Value, stored: &serde_json::Value) -> bool {
        match (written, stored) {
            (serde_json::Value::Object(written), serde_json::Value::Object(stored)) => written
                .iter()
                .all(|(key, value)| value.is_null() || stored.get(key).is_some_and(|stored| kept(value, stored))),
            _ => written == stored,
        }
    }

    proptest! {
        #[test]
        fn run_on_its_own_output_it_adds_nothing_and_it_never_changes_what_was_written(spec in anything()) {
            let written = json!({"spec": spec});
            let once = patched(&written);
            prop_assert!(kept(&written, &once), "{written} became {once}");
            let bytes = serde_json::to_vec(&once).unwrap();
            let mut node = from_json(&bytes, JsonLimits::UniqueKeys).unwrap();
            prop_assert_eq!(apply(Kind::ModelDeployment, &mut node), Patch(Vec::new()));
        }
    }
}
