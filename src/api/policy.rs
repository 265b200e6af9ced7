//! `Policy`: where traffic may go, and on what hardware.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The places or the hardware that a ModelDeployment naming this policy may use.
///
/// A policy lists what is allowed for one type. Several policies of one type widen each other (union); policies of
/// different types narrow each other (intersection). No policy of a type means that every option of that type is allowed.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "authorization.beamlit.com",
    version = "v1alpha1",
    kind = "Policy",
    plural = "policies",
    shortname = "bpol",
    category = "beamlit",
    namespaced,
    status = "PolicyStatus",
    doc = "Policy says where AI traffic may go (countries, continents, locations) or on what hardware it may run (flavors). ModelDeployments name it in spec.policies.",
    printcolumn = r#"{"name":"Type","type":"string","description":"What the policy limits: location or flavor.","jsonPath":".spec.type"}"#,
    printcolumn = r#"{"name":"Display Name","type":"string","description":"The policy's name for people.","jsonPath":".spec.displayName"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct PolicySpec {
    /// A name for people, shown on Beamlit. Free text; default: the object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What the policy limits: `location` (then `locations` lists what is allowed) or `flavor` (then `flavors` does). Required.
    #[serde(rename = "type")]
    pub type_: PolicyType,
    /// The allowed places. At least one when `type` is `location`; absent or empty when it is `flavor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub locations: Option<Vec<PolicyLocation>>,
    /// The allowed hardware. At least one when `type` is `flavor`; absent or empty when it is `location`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub flavors: Option<Vec<PolicyFlavor>>,
}

/// What a policy limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PolicyType {
    #[allow(missing_docs)]
    Location,
    #[allow(missing_docs)]
    Flavor,
}

/// One allowed place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyLocation {
    /// How wide the place is: `location` (one site, by its own name), `country` or `continent`. Required.
    #[serde(rename = "type")]
    pub type_: LocationType,
    /// The place: for a continent one of af, an, as, eu, na, oc, sa; for a country its ISO 3166-1 alpha-2 code (us, fr, …);
    /// for a location its name on Beamlit. Codes are read regardless of letter case. Required.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// How wide a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LocationType {
    #[allow(missing_docs)]
    Location,
    #[allow(missing_docs)]
    Country,
    #[allow(missing_docs)]
    Continent,
}

/// One allowed kind of hardware.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyFlavor {
    /// The family of the hardware: `cpu` or `gpu`. Required.
    #[serde(rename = "type")]
    pub type_: FlavorType,
    /// The hardware's name on Beamlit, such as x86 or t4. Required.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The family of hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FlavorType {
    #[allow(missing_docs)]
    Cpu,
    #[allow(missing_docs)]
    Gpu,
}

/// What the operator observed of a policy. Written by the operator only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// The Beamlit workspace that holds the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// When the policy was created on Beamlit (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at_on_beamlit: Option<String>,
    /// When the policy was last updated on Beamlit (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at_on_beamlit: Option<String>,
    /// The generation of the spec that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What holds of this object now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::crd::conditions")]
    pub conditions: Option<Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>>,
}
