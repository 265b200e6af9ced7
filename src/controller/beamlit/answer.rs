//! What came back from a call: read within bounds, and what it means.

use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::Error;
use super::error::line;
use crate::controller::outbound;

/// The most of an answer that explains a failure.
const MOST_EXPLANATION: usize = 64 * 1024;

/// An answer as it was read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Reads an answer to its end, and no more than so many bytes of it.
    ///
    /// # Errors
    /// If it is larger, or breaks off.
    pub(super) async fn read(mut response: Response, most: usize, timeout: Duration) -> Result<Self, Error> {
        let (status, headers) = (response.status(), response.headers().clone());
        let most = if status.is_success() { most } else { most.min(MOST_EXPLANATION) };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(error, timeout))? {
            if body.len().saturating_add(chunk.len()) > most {
                // Of a failure, its beginning explains enough.
                if status.is_success() {
                    return Err(Error::Malformed(format!("it is larger than {most} bytes")));
                }
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self { status, headers, body })
    }

    /// The answer's body, if the call succeeded; what went wrong otherwise. What anybody said in it is shown in one line, if none of
    /// the `secrets` is in it.
    ///
    /// # Errors
    /// If Beamlit refused, failed, or answered with a page.
    pub(super) fn success(self, secrets: &[&str]) -> Result<Vec<u8>, Error> {
        let status = self.status.as_u16();
        if self.status.is_success() {
            return if self.is_page() {
                Err(Error::Malformed("it is a page, not JSON".to_owned()))
            } else {
                Ok(self.body)
            };
        }
        let said = || self.said(secrets);
        Err(match status {
            300..=399 => Error::Redirected { status },
            408 => Error::Failed { status, said: said(), after: self.retry_after() },
            429 => Error::Throttled { after: self.retry_after() },
            401 => Error::CredentialsRefused(said()),
            400..=499 => Error::Refused { status, said: said() },
            _ => Error::Failed { status, said: said(), after: self.retry_after() },
        })
    }

    /// When Beamlit wants to be asked again.
    fn retry_after(&self) -> Option<Duration> {
        outbound::retry_after(self.headers.get(RETRY_AFTER)?.to_str().ok(), SystemTime::now())
    }

    fn is_page(&self) -> bool {
        let html = |kind: &str| kind.to_ascii_lowercase().contains("html");
        self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(html)
            || self.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
    }

    fn said(&self, secrets: &[&str]) -> String {
        if self.is_page() {
            return "with a page".to_owned();
        }
        let said = match serde_json::from_slice::<Value>(&self.body) {
            Ok(answer) => explanation(&answer),
            Err(_) => std::str::from_utf8(&self.body).ok().map(ToOwned::to_owned),
        };
        without_secrets(said.as_deref().map(str::trim).filter(|said| !said.is_empty()).unwrap_or("no reason"), secrets)
    }
}

/// What somebody else said, in one line, unless there is a secret in it.
pub(super) fn without_secrets(said: &str, secrets: &[&str]) -> String {
    // Shorter ones are in every other word.
    if secrets.iter().any(|secret| secret.len() >= 4 && said.contains(secret)) {
        "(left out, for it repeats what nobody may see)".to_owned()
    } else {
        line(said)
    }
}

/// The message of an error body, of either era: `{error, code}` or `{code, error, message}`; of the token's endpoint `{error,
/// error_description}`.
fn explanation(answer: &Value) -> Option<String> {
    let text = |key: &str| {
        answer.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(ToOwned::to_owned)
    };
    let nested = || answer.get("error").filter(|error| error.is_object()).and_then(explanation);
    match (text("error"), text("message").or_else(|| text("error_description"))) {
        (Some(error), Some(message)) => Some(format!("{error}: {message}")),
        (None, None) => nested(),
        (one, other) => one.or(other),
    }
}

/// An error that came under a status of success; none if the answer is what it says.
pub(super) fn disguised(answer: &Value, secrets: &[&str]) -> Option<Error> {
    let members = answer.as_object()?;
    let error = members.get("error").is_some_and(|error| !error.is_null() && *error != Value::Bool(false));
    if !error || members.contains_key("metadata") {
        return None;
    }
    let said = without_secrets(&explanation(answer).unwrap_or_else(|| "no reason".to_owned()), secrets);
    Some(Error::Malformed(format!("an error under a status of success: {said}")))
}

/// Why there is no answer, without the address, in which the proxy's password may be.
pub(super) fn unreachable(error: reqwest::Error, timeout: Duration) -> Error {
    if error.is_timeout() && !error.is_connect() {
        return Error::TimedOut(timeout);
    }
    Error::Unreachable(line(&outbound::innermost(&error.without_url())))
}

/// A token as RFC 6749 answers it.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: String,
    #[serde(default)]
    pub(super) token_type: Option<String>,
    #[serde(default)]
    pub(super) expires_in: Option<Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer { status: StatusCode::from_u16(status).unwrap(), headers: map, body: body.into() }
    }

    #[test]
    fn what_went_wrong_is_one_line() {
        let page = format!("<html>{}</html>", "<p>bad</p>\n".repeat(1000));
        for (status, body, said) in [
            (400, r#"{"error":"bad name","code":400,"stack":["a","b"]}"#, "Beamlit refused with status 400: bad name"),
            (
                409,
                r#"{"code":409,"error":"CONFLICT","message":"it exists"}"#,
                "Beamlit refused with status 409: CONFLICT: it exists",
            ),
            (403, r#"{"error":{"message":"not yours"}}"#, "Beamlit refused with status 403: not yours"),
            (404, "", "Beamlit refused with status 404: no reason"),
            (404, "{}", "Beamlit refused with status 404: no reason"),
            (500, "one\ntwo\u{202e}", "Beamlit failed with status 500: one\\u{a}two\\u{202e}"),
            (502, page.as_str(), "Beamlit failed with status 502: with a page"),
            (503, "https://me:pass@example.com", "Beamlit failed with status 503: https://…@example.com"),
            (408, "", "Beamlit failed with status 408: no reason"),
            (302, "", "Beamlit's answer leads elsewhere (status 302), which is not followed"),
            (200, page.as_str(), "Beamlit's answer cannot be used: it is a page, not JSON"),
            (401, r#"{"error":"expired"}"#, "Beamlit does not take the credentials: expired"),
            (
                400,
                r#"{"error":"env TOKEN is hunter2"}"#,
                "Beamlit refused with status 400: (left out, for it repeats what nobody may see)",
            ),
        ] {
            assert_eq!(answer(status, &[], body).success(&["hunter2", "a"]).unwrap_err().to_string(), said);
        }
        let long = answer(500, &[], &"ä".repeat(5000)).success(&[]).unwrap_err().to_string();
        assert!(long.ends_with("ä…") && long.chars().count() < 250, "{long}");
    }

    #[test]
    fn an_error_in_disguise_is_found() {
        let found = |answer: Value| disguised(&answer, &["hunter2"]).map(|error| error.to_string());
        assert_eq!(
            found(json!({"error": "no such model", "code": 404})).unwrap(),
            "Beamlit's answer cannot be used: an error under a status of success: no such model"
        );
        assert!(found(json!({"error": "it is hunter2"})).unwrap().ends_with("repeats what nobody may see)"));
        assert!(found(json!({"code": 500, "error": {"message": "x"}})).unwrap().ends_with(": x"));
        for fine in [json!({}), json!([]), json!({"error": null}), json!({"metadata": {}, "error": "of the model"})] {
            assert_eq!(found(fine.clone()), None, "{fine}");
        }
    }
}
