//! `OperatorConfiguration`: what a platform team decides for all ModelDeployments of a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::crd::ordered;
use super::{PolicyFlavor, RemoteBackend};

/// What a platform team decides for all ModelDeployments of a cluster. Every field but apiVersion and kind may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperatorConfiguration {
    /// `config.beamlit.com/v1alpha1`. Required.
    #[schemars(extend("enum" = ["config.beamlit.com/v1alpha1"]))]
    pub api_version: String,
    /// `OperatorConfiguration`. Required.
    #[schemars(extend("enum" = ["OperatorConfiguration"]))]
    pub kind: String,
    /// The Beamlit workspace of the operator. 1 to 253 characters, without white space and without `/ \ ? # %`: it becomes part
    /// of a URL. Default: the one that the operator's credentials belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub workspace: Option<String>,
    /// The cluster's DNS domain: remote backends may not be Services of other namespaces in it. The flag --cluster-domain wins
    /// over it. Default: cluster.local.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub cluster_domain: Option<String>,
    /// Beamlit's own host, which Beamlit judges itself: traffic that goes there is not held to policies here. One host, without
    /// port and wildcard. Default: run.beamlit.com.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub beamlit_host: Option<String>,
    /// The policies that every object of an environment has, beside those that it names itself. They can only narrow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Environments>,
    /// Where the locations lie that policies and backends name. Default: none is known, and a location is in no country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locations: Option<Vec<LocationEntry>>,
    /// The remote backends whose place and hardware are known. Under a policy, a backend that is not declared here is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backends: Option<Vec<BackendEntry>>,
    /// Hosts that may be targets although they look like the cluster's own insides: a host, or `*.` and a domain. A pattern with
    /// a wildcard allows Services of other namespaces only; a loopback, link-local or metadata address must be named exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)))]
    pub allowed_hosts: Option<Vec<String>>,
    /// Where traffic goes if an object names no backend. Default: Beamlit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_remote_backend: Option<RemoteBackend>,
    /// What becomes of an object that names a local policy which does not exist: `warn` (it is admitted with a warning) or
    /// `refuse`. Default: warn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_local_policy: Option<OnMissing>,
    /// What becomes of an object with a reference into another namespace that no ReferenceGrant allows: `refuse`, or `warn` (it
    /// is admitted with a warning, and does nothing until there is a grant). Default: refuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_grant: Option<OnMissing>,
    /// The Prometheus, or whatever answers as one, from which the External metrics of all ModelDeployments come: `metric.name` is then
    /// a metric of it or a PromQL expression. Default: External metrics come from external.metrics.k8s.io.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusEntry>,
    /// What holds every weight: `freeze` (weights stay where they are) or `home` (all traffic stays in the cluster). Default:
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<PauseOfAll>,
}

/// Where a Prometheus is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrometheusEntry {
    /// Its URL, without `/api/v1`: http or https, without credentials, query and fragment. Required.
    #[schemars(length(min = 1))]
    pub url: String,
    /// The file with the certificates that its own is trusted by, in PEM: an absolute path. Default: the roots of the Web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub ca_file: Option<String>,
    /// The file with a bearer token for it, such as that of the service account: an absolute path. It is read again and again.
    /// Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub bearer_token_file: Option<String>,
}

/// The environments of Beamlit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Environments {
    /// What holds in the environment `production`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<EnvironmentEntry>,
    /// What holds in the environment `development`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub development: Option<EnvironmentEntry>,
}

/// What holds in one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentEntry {
    /// The policies of the environment. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<EnvironmentPolicyRef>>,
}

/// A policy, in this cluster or on Beamlit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentPolicyRef {
    /// Where the policy lives: `localPolicy` (a Policy in this cluster) or `remotePolicy` (a policy on Beamlit). Default:
    /// remotePolicy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["remotePolicy", "localPolicy"]))]
    pub ref_type: Option<String>,
    /// The policy's name. 1 to 253 characters. Required.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The namespace of a local policy, which needs no ReferenceGrant. Required for a localPolicy, forbidden for a remotePolicy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

/// Where a location lies: its country, or at least its continent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocationEntry {
    /// The location, by its name on Beamlit. Names are compared letter by letter. 1 to 253 characters. Required.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The country: an ISO 3166-1 alpha-2 code (us, fr, …), regardless of letter case. It tells the continent as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub country: Option<String>,
    /// The continent: one of af, an, as, eu, na, oc, sa, regardless of letter case. Required without country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub continent: Option<String>,
}

/// Where a backend is, and on what it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendEntry {
    /// The hosts that are meant: a DNS name, an IPv4 address, an IPv6 address in brackets, or `*.` and a domain for every host
    /// below it. Without port: a host is meant on every port. Of several that match, the narrowest counts. Required.
    #[schemars(length(min = 1))]
    pub host: String,
    /// The country: an ISO 3166-1 alpha-2 code (us, fr, …), regardless of letter case. It tells the continent as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub country: Option<String>,
    /// The continent: one of af, an, as, eu, na, oc, sa, regardless of letter case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub continent: Option<String>,
    /// The location, by its name on Beamlit. 1 to 253 characters. Where it lies, `locations` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub location: Option<String>,
    /// The hardware. Without it the backend is refused while a flavor policy applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flavors: Option<Vec<PolicyFlavor>>,
}

/// What becomes of an object when something that it names is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnMissing {
    #[allow(missing_docs)]
    Warn,
    #[allow(missing_docs)]
    Refuse,
}

/// What holds every weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PauseOfAll {
    #[allow(missing_docs)]
    Freeze,
    #[allow(missing_docs)]
    Home,
}

/// The schema of an `OperatorConfiguration` document (JSON Schema 2020-12): fields in the order in which they are declared, and
/// none beside them.
#[must_use]
pub fn configuration_schema() -> Value {
    let mut schema = ordered::<OperatorConfiguration>();
    close(&mut schema);
    // The type is that of a ModelDeployment's backend, whose Secret is in its own namespace.
    let secret =
        "/properties/defaultRemoteBackend/properties/authConfig/properties/oauthConfig/properties/clientSecretRef";
    if let Some(Value::Object(reference)) = schema.pointer_mut(secret) {
        let description =
            "The key of a Secret in the operator's namespace that holds the client's secret. Recommended.";
        reference.insert("description".into(), description.into());
    }
    if let Value::Object(members) = &mut schema {
        let mut headed = serde_json::Map::new();
        headed.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        headed.insert("title".into(), "OperatorConfiguration".into());
        headed.append(members);
        *members = headed;
    }
    schema
}

/// Closes every object to fields that it does not have, and takes out what only a CRD means.
fn close(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    members.retain(|keyword, _| !keyword.starts_with("x-kubernetes-"));
    // The lines of a comment are no lines of a text.
    if let Some(Value::String(description)) = members.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    if let Some(Value::Array(values)) = members.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Object(properties)) = members.get_mut("properties") {
        properties.values_mut().for_each(close);
        members.insert("additionalProperties".into(), Value::Bool(false));
    }
    members.get_mut("items").into_iter().for_each(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_of_the_schema_is_closed_and_every_field_described() {
        fn visit(path: &str, schema: &Value) {
            assert!(schema["description"].is_string() || path.ends_with("[]"), "{path} is not described");
            if let Some(properties) = schema["properties"].as_object() {
                assert_eq!(schema["additionalProperties"], Value::Bool(false), "{path}");
                properties.iter().for_each(|(name, schema)| visit(&format!("{path}.{name}"), schema));
            }
            if schema["items"].is_object() {
                visit(&format!("{path}[]"), &schema["items"]);
            }
        }
        visit("", &configuration_schema());
    }

    #[test]
    fn debug_shows_no_secret() {
        let backend: RemoteBackend = serde_json::from_value(serde_json::json!({
            "host": "a.example",
            "headersToAdd": {"X-Api-Key": "hunter2"},
            "authConfig": {"type": "oauth", "oauthConfig": {
                "clientId": "me", "clientSecret": "hunter2", "tokenUrl": "https://a.example/?hunter2",
            }},
        }))
        .unwrap();
        let shown = format!("{backend:?}");
        assert!(shown.contains("X-Api-Key") && !shown.contains("hunter2"), "{shown}");
    }
}
