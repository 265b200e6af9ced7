//! The examples of the catalogue as whole manifests.

use beamlit_operator::engine::finding::rules::{self, Example, Rule};
use beamlit_operator::engine::parse::{Node, Value, documents};
use serde_json::{Number, Value as Json};

/// The manifest that an example of a rule stands for.
pub(crate) fn whole(rule: &Rule, text: &str) -> String {
    let base = match rule.example {
        Example::Documents | Example::World | Example::Update | Example::Deletion => return text.to_owned(),
        Example::ModelDeployment => rules::MODEL_DEPLOYMENT,
        Example::Policy => rules::POLICY,
    };
    let mut whole = read(base);
    json_patch::merge(&mut whole, &read(text));
    whole.to_string()
}

/// The first document of a text, of equal keys the last.
pub(crate) fn read(text: &str) -> Json {
    json(&documents(text.as_bytes()).next().unwrap().content.unwrap()).unwrap()
}

/// A tree as JSON; none if it holds a number that JSON does not have.
pub(crate) fn json(node: &Node<'_>) -> Option<Json> {
    Some(match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::Float(value) => Json::Number(Number::from_f64(*value)?),
        Value::Text(text) => Json::from(text.as_ref()),
        Value::List(items) => items.iter().map(json).collect::<Option<_>>()?,
        Value::Map(members) => {
            let members = members.iter().map(|member| Some((member.key.clone().into_owned(), json(&member.value)?)));
            Json::Object(members.collect::<Option<_>>()?)
        }
    })
}
