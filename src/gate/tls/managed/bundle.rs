//! `caBundle` in the webhook configurations: whom the API server trusts when it calls the gate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::client::Client;
use serde_json::{Value, json};

use super::{Failed, MANAGER, cause};

/// One of the two webhook configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Configuration {
    /// What leads to `/mutate`.
    Mutating,
    /// What leads to `/validate`.
    Validating,
}

impl Configuration {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Mutating, Self::Validating];

    /// The name, for metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Mutating => "mutating",
            Self::Validating => "validating",
        }
    }

    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Mutating => "MutatingWebhookConfiguration",
            Self::Validating => "ValidatingWebhookConfiguration",
        }
    }

    /// The name under which it is shipped, in `webhook-config/`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Mutating => "zz-beamlit-operator",
            Self::Validating => "beamlit-operator",
        }
    }

    pub(super) fn resource(self) -> ApiResource {
        ApiResource::from_gvk(&GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", self.kind()))
    }

    fn consequence(self) -> &'static str {
        match self {
            Self::Mutating => "defaults are no longer filled in",
            Self::Validating => "nothing is judged any more",
        }
    }
}

/// How a configuration was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// It trusts the bundle already.
    Already,
    /// It was made to.
    Now,
    /// It is not there, so nobody calls because of it.
    Absent,
}

/// The Service by which the API server reaches the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// Makes every webhook of a configuration that leads to the Service trust this bundle, and touches no other.
///
/// # Errors
/// If the API server does not answer or refuses, or if no webhook leads to the Service.
pub(super) async fn fill(
    client: &Client,
    configuration: Configuration,
    service: &Service,
    bundle: &str,
) -> Result<Filled, Failed> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &configuration.resource());
    let (kind, name) = (configuration.kind(), configuration.name());
    let failed = |act: &str, error: &kube::Error| Failed(format!("cannot {act} {kind} {name}: {}", cause(error)));
    let wanted = STANDARD.encode(bundle);
    // Whoever else writes at the same time is read again.
    loop {
        let Some(found) = api.get_opt(name).await.map_err(|error| failed("read", &error))? else {
            return Ok(Filled::Absent);
        };
        let patches = match patches(&found.data, service, &wanted) {
            None => {
                let Service { namespace, name: service } = service;
                return Err(Failed(format!(
                    "no webhook of {kind} {name} leads to the Service {namespace}/{service}, so nobody asks through it; apply it again (kubectl apply -k deploy/)"
                )));
            }
            Some(patches) if patches.is_empty() => return Ok(Filled::Already),
            Some(patches) => patches,
        };
        let patch = json!({"metadata": {"resourceVersion": found.metadata.resource_version}, "webhooks": patches});
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        match api.patch(name, &params, &Patch::Strategic(patch)).await {
            Ok(_) => return Ok(Filled::Now),
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(failed("fill in caBundle of", &error)),
        }
    }
}

/// What is to change, by the webhooks' names; nothing if no webhook leads to the Service.
fn patches(configuration: &Value, service: &Service, wanted: &str) -> Option<Vec<Value>> {
    let ours: Vec<&Value> = configuration
        .get("webhooks")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|webhook| {
            let is = |field: &str, value: &str| {
                webhook.pointer(&format!("/clientConfig/service/{field}")).and_then(Value::as_str) == Some(value)
            };
            is("namespace", &service.namespace) && is("name", &service.name)
        })
        .collect();
    let trusts = |webhook: &Value| webhook.pointer("/clientConfig/caBundle").and_then(Value::as_str) == Some(wanted);
    let patch = |webhook: &&Value| json!({"name": webhook.get("name"), "clientConfig": {"caBundle": wanted}});
    (!ours.is_empty()).then(|| ours.iter().filter(|webhook| !trusts(webhook)).map(patch).collect())
}

/// What people are told when a configuration is not there.
pub(super) fn absence(configuration: Configuration) -> String {
    format!(
        "{} {} is not there, so {}; apply it again (kubectl apply -k deploy/)",
        configuration.kind(),
        configuration.name(),
        configuration.consequence()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_webhooks_that_lead_to_the_service_and_do_not_trust_the_bundle_are_changed() {
        let ours = Service { namespace: "ns".into(), name: "hook".into() };
        let webhook = |name: &str, namespace: &str, service: &str, bundle: &str| json!({"name": name, "clientConfig": {"service": {"namespace": namespace, "name": service}, "caBundle": bundle}});
        let bare = json!({"name": "bare", "clientConfig": {"service": {"namespace": "ns", "name": "hook"}}});
        let by_url = json!({"name": "url", "clientConfig": {"url": "https://example.com"}});
        let found = json!({"webhooks": [
            webhook("good", "ns", "hook", "wanted"), webhook("old", "ns", "hook", "old"), bare, by_url,
            webhook("other-service", "ns", "other", "old"), webhook("other-namespace", "other", "hook", "old"),
        ]});
        let names: Vec<Value> =
            patches(&found, &ours, "wanted").unwrap().iter().map(|patch| patch["name"].clone()).collect();
        assert_eq!(names, ["old", "bare"]);
        let found = json!({"webhooks": [webhook("good", "ns", "hook", "wanted")]});
        assert_eq!(patches(&found, &ours, "wanted"), Some(Vec::new()));
        for nobody in [json!({}), json!({"webhooks": [webhook("other", "ns", "other", "")]})] {
            assert_eq!(patches(&nobody, &ours, "wanted"), None);
        }
    }

    #[test]
    fn whoever_misses_a_configuration_is_told_what_to_do() {
        assert_eq!(
            absence(Configuration::Validating),
            "ValidatingWebhookConfiguration beamlit-operator is not there, so nothing is judged any more; apply it again (kubectl apply -k deploy/)"
        );
    }
}
