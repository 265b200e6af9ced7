//! The answer to a review, as the API server takes it: exactly the fields of admission.k8s.io/v1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// An AdmissionReview that answers one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: &'a Response<'a>,
}

/// What the API server is told.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response<'a> {
    pub(super) uid: &'a str,
    pub(super) allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<Status>,
    /// Goes with `patch_type`, both or neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) audit_annotations: Option<AuditAnnotations>,
}

/// What stands in the audit log beside the event; the API server puts the webhook's name before each key.
#[derive(Debug, Serialize)]
pub(super) struct AuditAnnotations {
    /// The codes of the rules that decided, separated by commas.
    pub(super) codes: String,
    /// The other objects that it was about, separated by commas; the author of the object may not know of them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) about: String,
}

/// A metav1.Status.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) status: &'static str,
    pub(super) message: String,
    pub(super) reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) details: Option<Details>,
    pub(super) code: u16,
}

/// metav1.StatusDetails.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Details {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) name: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) group: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) causes: Vec<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_seconds: Option<u32>,
}

/// metav1.StatusCause.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cause {
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) field: String,
}

impl<'a> Response<'a> {
    pub(super) fn allowed(uid: &'a str) -> Self {
        Self { uid, allowed: true, ..Self::default() }
    }

    pub(super) fn refused(uid: &'a str, status: Status) -> Self {
        Self { uid, status: Some(status), ..Self::default() }
    }

    /// Adds the patch, if it does anything.
    pub(super) fn patch(&mut self, patch: &json_patch::Patch) -> Result<(), serde_json::Error> {
        if !patch.0.is_empty() {
            self.patch = Some(STANDARD.encode(serde_json::to_vec(patch)?));
            self.patch_type = Some("JSONPatch");
        }
        Ok(())
    }

    pub(super) fn patches(&self) -> bool {
        self.patch.is_some()
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Review { api_version: "admission.k8s.io/v1", kind: "AdmissionReview", response: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn decoded(response: &Response<'_>) -> Value {
        serde_json::from_slice(&response.encode().unwrap()).unwrap()
    }

    #[test]
    fn an_admission_has_no_field_that_says_nothing() {
        assert_eq!(
            decoded(&Response::allowed("u")),
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {"uid": "u", "allowed": true}})
        );
    }

    #[test]
    fn a_patch_is_base64_and_names_its_type() {
        let mut response = Response::allowed("u");
        response.patch(&json_patch::Patch(Vec::new())).unwrap();
        assert!(!response.patches());
        let patch = json!([{"op": "add", "path": "/spec/enabled", "value": true}]);
        response.patch(&serde_json::from_value(patch.clone()).unwrap()).unwrap();
        let answer = decoded(&response);
        assert_eq!(answer["response"]["patchType"], "JSONPatch");
        let bytes = STANDARD.decode(answer["response"]["patch"].as_str().unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), patch);
    }

    #[test]
    fn a_refusal_carries_its_status() {
        let details = Details { retry_after_seconds: Some(1), ..Details::default() };
        let status = Status {
            status: "Failure",
            message: "busy".into(),
            reason: "TooManyRequests",
            details: Some(details),
            code: 429,
        };
        assert_eq!(
            decoded(&Response::refused("u", status))["response"],
            json!({"uid": "u", "allowed": false, "status": {"status": "Failure", "message": "busy",
                "reason": "TooManyRequests", "details": {"retryAfterSeconds": 1}, "code": 429}})
        );
    }
}
