//! What the tests of the rules share: the smallest legal ModelDeployment, changed, and what is found in it.

use serde_json::{Value, json};

use crate::engine::configuration::Configuration;
use crate::engine::finding::Finding;
use crate::engine::parse::{JsonLimits, documents, from_json};
use crate::engine::subject::{Kind, Reading, Surroundings};
use crate::engine::world::{Fact, Resource, World};

/// The findings in the smallest legal ModelDeployment with one more field in its spec.
pub(super) fn found(field: &str, value: Value) -> Vec<Finding> {
    let mut spec = json!({});
    spec[field] = value;
    judged(&spec, &Surroundings { name: "my-model", ..Surroundings::alone("default") })
}

/// The findings, as people read them, in the smallest legal ModelDeployment of the namespace "default" with these fields in its
/// spec, in a cluster with these objects.
pub(super) fn found_among(objects: &str, configuration: &Configuration, spec: &Value) -> Vec<String> {
    found_in(&cluster(objects), configuration, spec)
}

/// As [`found_among`], in a world.
pub(super) fn found_in(world: &World, configuration: &Configuration, spec: &Value) -> Vec<String> {
    texts(&judged(spec, &Surroundings { namespace: "default", name: "my-model", configuration, world }))
}

/// A cluster with the objects of some YAML documents, and the workload and the Service of the smallest ModelDeployment.
pub(in crate::engine) fn cluster(objects: &str) -> World {
    let mut world = World::of_cluster();
    let own = "\
{apiVersion: apps/v1, kind: Deployment, metadata: {name: my-model}}
---
{apiVersion: v1, kind: Service, metadata: {name: my-model}, spec: {ports: [{port: 8080}]}}
";
    for text in [own, objects] {
        for document in documents(text.as_bytes()) {
            let node = document.content.unwrap();
            let of = |field| node.text_of(field).unwrap();
            let resource = Resource::of(of("apiVersion"), of("kind")).unwrap();
            world.put(Fact::of(resource, &node, "default").unwrap());
        }
    }
    world
}

/// What the reconciler finds in the smallest legal ModelDeployment, created then, in a cluster with these objects.
pub(super) fn found_stored(objects: &str, created: &str) -> Vec<String> {
    let (world, configuration) = (cluster(objects), Configuration::default());
    let surroundings =
        Surroundings { namespace: "default", name: "my-model", configuration: &configuration, world: &world };
    let mut object = smallest();
    object["metadata"]["creationTimestamp"] = created.into();
    texts(&read(&object, &surroundings, Reading::Stored))
}

fn judged(fields: &Value, surroundings: &Surroundings<'_>) -> Vec<Finding> {
    let mut object = smallest();
    for (field, value) in fields.as_object().unwrap() {
        object["spec"][field] = value.clone();
    }
    read(&object, surroundings, Reading::Review)
}

fn smallest() -> Value {
    json!({
        "apiVersion": "deployment.beamlit.com/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "my-model", "namespace": "default"},
        "spec": {
            "model": "my-model",
            "environment": "production",
            "modelSourceRef": {"name": "my-model"},
            "serviceRef": {"name": "my-model", "targetPort": 8080},
        },
    })
}

fn read(object: &Value, surroundings: &Surroundings<'_>, reading: Reading) -> Vec<Finding> {
    let text = object.to_string();
    let node = from_json(text.as_bytes(), JsonLimits::UniqueKeys).unwrap();
    super::validate(Kind::ModelDeployment, &node, surroundings, reading).list().to_vec()
}

/// The findings as people read them.
pub(super) fn texts(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}
