//! What must hold for any input, as functions from bytes to a panic where it does not: one a target.
//!
//! `fuzz_targets` hands them what libFuzzer makes up, `tests/seeds.rs` the seeds, so that an ordinary `cargo test` runs them
//! as well. Wherever it can be done a target holds the operator to a second opinion: the same in another order, in
//! another form, or judged by other means.

#![forbid(unsafe_code)]

mod defaults;
mod findings;
mod hints;
mod judgement;
pub mod mutate;
mod review;
mod schema;
mod secrets;
mod tree;
mod yaml;

pub use defaults::defaults;
pub use judgement::judgement;
pub use review::review;
pub use yaml::yaml;

use std::sync::LazyLock;

use beamlit_operator::engine::Surroundings;
use beamlit_operator::engine::configuration::{Answer, Configuration, DeclaredBackend, EnvironmentPolicy};
use beamlit_operator::engine::parse::documents;
use beamlit_operator::engine::policy::{Flavor, Site};
use beamlit_operator::engine::units::{CountryCode, HostPattern};
use beamlit_operator::engine::world::{Fact, Resource, World};

/// The namespace of every object.
const NAMESPACE: &str = "team-a";

/// What stands around every object, as files tell it, so that the webhook and `check` have the same to say of it.
const WORLD: &str = concat!(
    include_str!("../../tests/corpus/world.yaml"),
    "\
---
{apiVersion: v1, kind: Service, metadata: {name: my-model}, spec: {ports: [{port: 80, targetPort: 8080}, {port: 443}]}}
---
{apiVersion: deployment.beamlit.com/v1alpha1, kind: ModelDeployment, metadata: {name: other}, spec: {model: other, serviceRef: {name: other}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: team-b}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: models, namespace: team-b}
spec:
  from: [{group: deployment.beamlit.com, kind: ModelDeployment, namespace: team-a}]
  to: [{group: \"\", kind: Service}]
"
);

/// Where every object stands: among others, in a cluster that is configured.
fn surroundings() -> Surroundings<'static> {
    static AROUND: LazyLock<(Configuration, World)> = LazyLock::new(|| (configuration(), world()));
    let (configuration, world) = &*AROUND;
    Surroundings { namespace: NAMESPACE, name: "my-model", configuration, world }
}

fn world() -> World {
    let mut world = World::of_files();
    for node in documents(WORLD.as_bytes()).filter_map(|document| document.content.ok()) {
        let of = |field| node.text_of(field).unwrap_or_default();
        let resource = Resource::of(of("apiVersion"), of("kind"));
        if let Some(fact) = resource.and_then(|resource| Fact::of(resource, &node, NAMESPACE)) {
            world.put(fact);
        }
    }
    world
}

fn configuration() -> Configuration {
    let policy = |name: &str| EnvironmentPolicy::Local { namespace: NAMESPACE.into(), name: name.into() };
    Configuration {
        development: vec![policy("us-only"), policy("t4-only")],
        backends: HostPattern::parse("*.example.com")
            .map(|host| DeclaredBackend {
                host,
                site: Site { country: CountryCode::parse("us"), ..Site::default() },
                flavors: Flavor::of("gpu", "t4").into_iter().collect(),
            })
            .into_iter()
            .collect(),
        // As `check` has it.
        missing_local_policy: Answer::Refuse,
        ..Configuration::default()
    }
}
