//! An aggregated API that a process beside us serves: what leads the API server there.

use base64::Engine as _;
use serde_json::json;

use super::certificates::Authority;
use super::{Kubectl, poll};

/// A version of a group that the API server has somebody else answer, by a Service that is only a name. It is no longer there when
/// this is dropped: a group whose server is gone keeps namespaces from being deleted.
pub(crate) struct ApiService {
    name: String,
    admin: Kubectl,
}

/// The namespace of the Services.
const NAMESPACE: &str = "kube-system";

/// The name by which the API server calls whoever serves this.
pub(crate) fn dns_name(service: &str) -> String {
    format!("{service}.{NAMESPACE}.svc")
}

impl ApiService {
    /// Has the API server ask this port of ours, by this Service's name, for `GROUP/VERSION`, and waits until it does.
    ///
    /// # Errors
    /// If it refuses, or never gets an answer.
    pub(crate) fn register(
        admin: &Kubectl,
        authority: &Authority,
        service: &str,
        port: u16,
        group: &str,
        version: &str,
    ) -> Result<Self, String> {
        let name = format!("{version}.{group}");
        let objects = [
            json!({
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": service, "namespace": NAMESPACE},
                "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
            }),
            json!({
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": name},
                "spec": {
                    "group": group,
                    "version": version,
                    "service": {"name": service, "namespace": NAMESPACE, "port": port},
                    "caBundle": base64::engine::general_purpose::STANDARD.encode(authority.pem()),
                    "groupPriorityMinimum": 100,
                    // Of two versions of a group the later is preferred.
                    "versionPriority": if version.ends_with('1') { 100 } else { 200 },
                },
            }),
        ];
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        let out = admin.in_no_namespace().feed("apply --server-side --force-conflicts -f -", &list.to_string());
        if !out.succeeded() {
            return Err(format!("{name}: {out}"));
        }
        let registered = Self { name, admin: admin.clone() };
        poll("the API server to reach an aggregated API", || {
            let out = registered.admin.run(&format!("get --raw /apis/{group}/{version}"));
            if out.succeeded() { Ok(()) } else { Err(format!("{}: {out}", registered.name)) }
        })?;
        Ok(registered)
    }
}

impl Drop for ApiService {
    fn drop(&mut self) {
        self.admin.run(&format!("delete apiservice {} --ignore-not-found", self.name));
    }
}
