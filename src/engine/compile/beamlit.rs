//! What is to be stored on Beamlit: the bodies of its API, in its own field names.
//!
//! Of what the API calls optional, only what somebody asked for is in them: an absent port is absent, and never 0.

use std::collections::BTreeMap;

use serde::Serialize;

use super::PodTemplate;
use crate::api::{Environment, PolicyFlavor, PolicyLocation, PolicyRef, PolicySpec, PolicyType, ServerlessConfig};

/// Labels of ours on Beamlit. Labels of the same name on the object do not count.
pub mod labels {
    /// That this operator keeps the model or policy in step.
    pub const MANAGED_BY: (&str, &str) = ("managed-by", "beamlit-operator");
    /// Whether offloading is configured and enabled.
    pub const OFFLOADING_ENABLED: &str = "offloading-enabled";
    /// Whether traffic leaves now.
    pub const OFFLOADING: &str = "offloading";
    /// The uid of the object that owns it. What carries another object's is never touched.
    pub const OWNER_UID: &str = "managed-by-uid";
    /// `<namespace>/<name>` of the object that owns it, for people.
    pub const OWNER: &str = "managed-by-object";
    /// Which cluster the object that owns it is of: the uid of its namespace `kube-system`.
    pub const CLUSTER: &str = "managed-by-cluster";
    /// [`CREATED`] or [`TAKEN_OVER`]: only what was created here is deleted here.
    pub const ORIGIN: &str = "managed-by-origin";
    /// What the origin of something is that this operator created.
    pub const CREATED: &str = "created";
    /// What the origin of something is that was there before, and that nobody owned.
    pub const TAKEN_OVER: &str = "taken-over";
    /// Tells one wish of the owner from another.
    pub const WISH: &str = "managed-by-wish";
    /// What of it comes from the owner and goes with the owner's wish: `serverlessConfig`, and `labels.` with the name of a label.
    pub const FIELDS: &str = "managed-by-fields";

    /// Those that say whose something is, and what the owner asked for.
    pub const OWNERSHIP: [&str; 6] = [OWNER_UID, OWNER, CLUSTER, ORIGIN, WISH, FIELDS];

    /// Every label of ours.
    pub const ALL: [&str; 9] =
        [MANAGED_BY.0, OFFLOADING_ENABLED, OFFLOADING, OWNER_UID, OWNER, CLUSTER, ORIGIN, WISH, FIELDS];
}

/// A model: `POST /models`, `PUT /models/{name}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// What it is called, where it is, and its labels.
    pub metadata: ModelMetadata,
    /// What it is.
    pub spec: ModelSpec,
}

/// What a model is called, where it is, and its labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelMetadata {
    /// Its name.
    pub name: String,
    /// Its environment: `production` or `development`.
    pub environment: &'static str,
    /// Its labels: those of the object, and ours, with traffic at rest.
    pub labels: BTreeMap<String, String>,
}

/// What a model is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelSpec {
    /// Whether it is served.
    pub enabled: bool,
    /// Its policies by name, those of this cluster and those of Beamlit, each once, in the order of the object.
    pub policies: Vec<String>,
    /// On which ports it listens; absent while neither is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
    /// How it scales.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serverless_config: Option<ServerlessConfig>,
    /// Its pods; absent while the workload is not known. Shown without the values of environment variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
}

/// On which ports a model listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Runtime {
    /// Where it is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serving_port: Option<u16>,
    /// Where its metrics are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_port: Option<u16>,
}

/// What a model is made of.
pub(super) struct Parts<'p> {
    pub(super) name: String,
    pub(super) environment: &'static str,
    /// Those of the object.
    pub(super) labels: BTreeMap<String, String>,
    pub(super) enabled: bool,
    /// Whether offloading is configured and enabled.
    pub(super) offloads: bool,
    pub(super) policies: &'p [PolicyRef],
    pub(super) serverless: Option<ServerlessConfig>,
    pub(super) serving_port: Option<u16>,
    pub(super) metric_port: Option<u16>,
    pub(super) pod_template: Option<PodTemplate>,
}

impl Model {
    pub(super) fn of(parts: Parts<'_>) -> Self {
        let Parts {
            name,
            environment,
            labels,
            enabled,
            offloads,
            policies,
            serverless: serverless_config,
            serving_port,
            metric_port,
            pod_template,
        } = parts;
        let mut labels = with_ours(labels);
        if offloads {
            labels.insert(labels::OFFLOADING_ENABLED.to_owned(), "true".to_owned());
        }
        labels.insert(labels::OFFLOADING.to_owned(), "false".to_owned());
        let runtime = Runtime { serving_port, metric_port };
        Self {
            metadata: ModelMetadata { name, environment, labels },
            spec: ModelSpec {
                enabled,
                policies: names(policies),
                runtime: (serving_port.is_some() || metric_port.is_some()).then_some(runtime),
                serverless_config,
                pod_template,
            },
        }
    }
}

fn with_ours(mut labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels.retain(|key, _| !labels::ALL.contains(&key.as_str()));
    let (key, value) = labels::MANAGED_BY;
    labels.insert(key.to_owned(), value.to_owned());
    labels
}

/// The name of an environment on Beamlit.
pub(super) const fn environment(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => "production",
        Environment::Development => "development",
    }
}

/// Beamlit has one flat space of names: a policy of this cluster is stored there under its own.
fn names(policies: &[PolicyRef]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    policies.iter().map(|policy| &policy.name).filter(|name| seen.insert(*name)).cloned().collect()
}

/// A policy: `POST /policies`, `PUT /policies/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// What it is called, and its labels.
    pub metadata: PolicyMetadata,
    /// What it allows.
    pub spec: PolicyBody,
}

/// What a policy is called, and its labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyMetadata {
    /// Its name.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// Its labels: those of the object, and ours.
    pub labels: BTreeMap<String, String>,
}

/// What a policy allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyBody {
    /// Of what it speaks.
    #[serde(rename = "type")]
    pub type_: PolicyType,
    /// The places that it allows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<PolicyLocation>,
    /// The hardware that it allows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flavors: Vec<PolicyFlavor>,
}

impl Policy {
    pub(super) fn of(name: &str, labels: BTreeMap<String, String>, spec: PolicySpec) -> Self {
        let PolicySpec { display_name, type_, locations, flavors } = spec;
        Self {
            metadata: PolicyMetadata {
                name: name.to_owned(),
                display_name: display_name.unwrap_or_else(|| name.to_owned()),
                labels: with_ours(labels),
            },
            spec: PolicyBody { type_, locations: locations.unwrap_or_default(), flavors: flavors.unwrap_or_default() },
        }
    }
}
