//! The examples of the catalogue as whole manifests.

use beamlit_operator::engine::finding::rules::{self, Example, Rule};
use beamlit_operator::engine::parse::documents;
use serde_json::Value as Json;

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
    documents(text.as_bytes()).next().unwrap().content.unwrap().json().unwrap()
}
