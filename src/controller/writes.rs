//! Everything that the reconciler writes into the cluster, in one place: only fields of its own, only to the very object that was looked
//! at, and counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use kube::client::Client;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::stored::{ModelDeployments, OffloadAutoscalers, Ours, Stored, Version};
use crate::api::{DEPLOYMENT_API_VERSION, OffloadAutoscalerSpec, VERSION};
use crate::engine::Kind;
use crate::engine::compile::annotations;
use crate::engine::world::Name;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::reconciler::Answer;

/// The field manager of everything that is written.
pub(super) const MANAGER: &str = "beamlit-operator";

/// The finalizer of an object that leaves something behind.
pub(super) const FINALIZER: &str = "deployment.beamlit.com/offload";

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotWritten {
    /// It is not there, or another one of the same name is.
    #[error("{0} is gone, or another one has taken its place")]
    Gone(String),
    /// It changed since it was looked at.
    #[error("{0} changed meanwhile")]
    Changed(String),
    /// The API server did not do it.
    #[error("cannot write {what}: {why}")]
    Refused {
        /// What was to be written.
        what: String,
        /// Its words.
        why: String,
    },
}

/// Writes into the cluster.
#[derive(Clone)]
pub(super) struct Writer {
    client: Client,
    metrics: Arc<Metrics>,
}

/// An object, as server-side apply takes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Applied<'a> {
    api_version: String,
    kind: &'static str,
    metadata: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<&'a OffloadAutoscalerSpec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Value>,
}

impl Writer {
    /// With a client that does not wait for long.
    #[must_use]
    pub(super) fn new(client: Client, metrics: Arc<Metrics>) -> Self {
        Self { client, metrics }
    }

    /// Applies the OffloadAutoscaler of a ModelDeployment, which owns it.
    ///
    /// # Errors
    /// If it is not written.
    pub(super) async fn autoscaler(
        &self,
        owner: &Stored<ModelDeployments>,
        spec: &OffloadAutoscalerSpec,
    ) -> Result<(), NotWritten> {
        let name = owner.name();
        // It need not hold up a deletion of its owner, which our finalizer does where there is something to wait for: to block one takes
        // a right of its own where OwnerReferencesPermissionEnforcement is on.
        let owned_by = json!([{"apiVersion": DEPLOYMENT_API_VERSION, "kind": Kind::ModelDeployment.name(),
            "name": name.name(), "uid": owner.uid(), "controller": true}]);
        let object = Applied {
            api_version: DEPLOYMENT_API_VERSION.to_owned(),
            kind: Kind::OffloadAutoscaler.name(),
            metadata: json!({"namespace": name.namespace(), "name": name.name(), "ownerReferences": owned_by,
                "labels": {"app.kubernetes.io/managed-by": MANAGER}}),
            spec: Some(spec),
            status: None,
        };
        let api: Api<Stored<OffloadAutoscalers>> = Api::namespaced(self.client.clone(), name.namespace());
        let written = api.patch(name.name(), &apply(), &Patch::Apply(&object)).await;
        self.came_of("apply_autoscaler", format!("OffloadAutoscaler {name}"), written.map(drop))
    }

    /// Deletes an OffloadAutoscaler.
    ///
    /// # Errors
    /// If it is still there.
    pub(super) async fn delete_autoscaler(&self, autoscaler: &Stored<OffloadAutoscalers>) -> Result<(), NotWritten> {
        let name = autoscaler.name();
        let api: Api<Stored<OffloadAutoscalers>> = Api::namespaced(self.client.clone(), name.namespace());
        let only_this = Preconditions { uid: autoscaler.metadata.uid.clone(), resource_version: None };
        let how = DeleteParams { preconditions: Some(only_this), ..DeleteParams::background() };
        let deleted = api.delete(name.name(), &how).await;
        gone_is_fine(self.came_of("delete_autoscaler", format!("OffloadAutoscaler {name}"), deleted.map(drop)))
    }

    /// Applies the status of an object, and tells its version with that.
    ///
    /// # Errors
    /// If it is not written.
    pub(super) async fn status<K: Ours>(
        &self,
        of: &Stored<K>,
        status: &impl Serialize,
    ) -> Result<Option<Version>, NotWritten> {
        let name = of.name();
        let what = format!("the status of {} {name}", K::KIND.name());
        let status = serde_json::to_value(status)
            .map_err(|error| NotWritten::Refused { what: what.clone(), why: error.to_string() })?;
        let object = Applied {
            api_version: format!("{}/{VERSION}", K::KIND.group()),
            kind: K::KIND.name(),
            // With its uid, nothing is made anew that was deleted meanwhile.
            metadata: json!({"namespace": name.namespace(), "name": name.name(), "uid": of.uid()}),
            spec: None,
            status: Some(status),
        };
        let api: Api<Stored<K>> = Api::namespaced(self.client.clone(), name.namespace());
        let written = api.patch_status(name.name(), &apply(), &Patch::Apply(&object)).await;
        self.came_of("apply_status", what, written.map(|written| written.version()))
    }

    /// Puts our finalizer on an object, and tells its version with that, if it was not there before.
    ///
    /// # Errors
    /// If it is not on it.
    pub(super) async fn add_finalizer<K: Ours>(&self, to: &Stored<K>) -> Result<Option<Version>, NotWritten> {
        if to.has_finalizer(FINALIZER) {
            return Ok(None);
        }
        let mut finalizers = to.metadata.finalizers.clone().unwrap_or_default();
        finalizers.push(FINALIZER.to_owned());
        self.finalizers("add_finalizer", to, &finalizers).await
    }

    /// Takes our finalizer off an object, and tells its version without it, if it is still there.
    ///
    /// # Errors
    /// If it is still on it.
    pub(super) async fn remove_finalizer<K: Ours>(&self, from: &Stored<K>) -> Result<Option<Version>, NotWritten> {
        if !from.has_finalizer(FINALIZER) {
            return Ok(None);
        }
        let mut finalizers = from.metadata.finalizers.clone().unwrap_or_default();
        finalizers.retain(|own| own != FINALIZER);
        gone_is_fine(self.finalizers("remove_finalizer", from, &finalizers).await)
    }

    /// Everybody's finalizers are one list: it is written only as long as nobody else has.
    async fn finalizers<K: Ours>(
        &self,
        operation: &'static str,
        of: &Stored<K>,
        finalizers: &[String],
    ) -> Result<Option<Version>, NotWritten> {
        let name = of.name();
        let patch = json!({"metadata": {"uid": of.uid(), "resourceVersion": of.metadata.resource_version,
            "finalizers": finalizers}});
        let api: Api<Stored<K>> = Api::namespaced(self.client.clone(), name.namespace());
        let written = api.patch(name.name(), &merge(), &Patch::Merge(&patch)).await;
        let written = written.map(|written| written.version());
        self.came_of(operation, format!("the finalizers of {} {name}", K::KIND.name()), written)
    }

    /// Has a Service say where its traffic goes, and tells its version with that. Only the Service with this uid.
    ///
    /// # Errors
    /// If it does not say so.
    pub(super) async fn route(
        &self,
        service: &Name,
        uid: &str,
        says: &BTreeMap<&'static str, String>,
    ) -> Result<Option<Version>, NotWritten> {
        let object = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": service.namespace(),
            "name": service.name(), "uid": uid, "annotations": says}});
        let api: Api<Service> = Api::namespaced(self.client.clone(), service.namespace());
        let written = api.patch_metadata(service.name(), &apply(), &Patch::Apply(&object)).await;
        let version = |metadata: Option<String>| metadata.as_deref().and_then(Version::read);
        let written = written.map(|written| version(written.metadata.resource_version));
        self.came_of("route", format!("the annotations of Service {service}"), written)
    }

    /// Has a Service say nothing any more, whoever wrote what it says; only as long as nobody writes to it meanwhile.
    ///
    /// # Errors
    /// If it still says something.
    pub(super) async fn unroute(&self, service: &Name, uid: &str, resource_version: &str) -> Result<(), NotWritten> {
        let nothing: Map<String, Value> =
            annotations::ALL.map(|key| (key.to_owned(), Value::Null)).into_iter().collect();
        let patch = json!({"metadata": {"uid": uid, "resourceVersion": resource_version, "annotations": nothing}});
        let api: Api<Service> = Api::namespaced(self.client.clone(), service.namespace());
        let written = api.patch_metadata(service.name(), &merge(), &Patch::Merge(&patch)).await;
        gone_is_fine(self.came_of("unroute", format!("the annotations of Service {service}"), written.map(drop)))
    }

    fn came_of<T>(&self, operation: &'static str, what: String, of: Result<T, kube::Error>) -> Result<T, NotWritten> {
        let (answer, outcome) = match of {
            Ok(written) => (Answer::Ok, Ok(written)),
            Err(kube::Error::Api(status)) => {
                let outcome = match status.code {
                    404 => NotWritten::Gone(what),
                    // To server-side apply, an object that was deleted meanwhile is a conflict of uids.
                    409 if ["uid mismatch", "UID in precondition"]
                        .iter()
                        .any(|words| status.message.contains(words)) =>
                    {
                        NotWritten::Gone(what)
                    }
                    409 => NotWritten::Changed(what),
                    _ => NotWritten::Refused { what, why: status.message.clone() },
                };
                (Answer::of(status.code), Err(outcome))
            }
            Err(error) => (Answer::of_error(&error), Err(NotWritten::Refused { what, why: error.to_string() })),
        };
        self.metrics.kubernetes_request(operation, answer);
        outcome
    }
}

fn apply() -> PatchParams {
    PatchParams::apply(MANAGER).force()
}

fn merge() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

fn gone_is_fine<T: Default>(of: Result<T, NotWritten>) -> Result<T, NotWritten> {
    match of {
        Err(NotWritten::Gone(_)) => Ok(T::default()),
        other => other,
    }
}
