//! What the tests of the rules share: the smallest legal ModelDeployment, changed, and what is found in it.

use serde_json::{Value, json};

use crate::engine::finding::Finding;
use crate::engine::parse::{JsonLimits, from_json};
use crate::engine::subject::{Kind, Reading, Surroundings};

/// The findings in the smallest legal ModelDeployment with one more field in its spec.
pub(super) fn found(field: &str, value: Value) -> Vec<Finding> {
    let mut object = json!({
        "apiVersion": "deployment.beamlit.com/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "my-model", "namespace": "default"},
        "spec": {
            "model": "my-model",
            "modelSourceRef": {"name": "my-model"},
            "serviceRef": {"name": "my-model", "targetPort": 8080},
        },
    });
    object["spec"][field] = value;
    let text = object.to_string();
    let node = from_json(text.as_bytes(), JsonLimits::UniqueKeys).unwrap();
    let surroundings = Surroundings { name: "my-model", ..Surroundings::alone("default") };
    super::validate(Kind::ModelDeployment, &node, &surroundings, Reading::Review).list().to_vec()
}

/// The findings as people read them.
pub(super) fn texts(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}
