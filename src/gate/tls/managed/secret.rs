//! The Secret behind the API server: read with the time that the API server has, written only over what was read.
//!
//! The client's own calls log an answer that they cannot decode, and this answer holds keys: so it is decoded here.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Resource as _;
use kube::api::{GetParams, ObjectMeta, PostParams, Request};
use kube::client::{Body, Client};
use time::OffsetDateTime;

use super::stored::{KEYS, Stored};
use super::{Failed, MANAGER, cause};

/// The Secret of this name in this namespace.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// What was found, and when.
pub(super) struct Found {
    pub(super) secret: Option<Secret>,
    /// The time of the API server, to the second: it is the API server that judges certificates by their time, and our own
    /// clock may be wrong.
    pub(super) now: OffsetDateTime,
}

impl Found {
    pub(super) fn content(&self) -> Option<Stored> {
        self.secret.as_ref().map(|secret| Stored::from_data(&secret.data.clone().unwrap_or_default()))
    }
}

/// An answer of the API server: its status, its time and its body.
struct Answer {
    status: u16,
    now: OffsetDateTime,
    body: Vec<u8>,
}

impl Shared {
    pub(super) fn place(&self) -> String {
        format!("Secret {}/{}", self.namespace, self.name)
    }

    fn requests(&self) -> Request {
        Request::new(Secret::url_path(&(), Some(&self.namespace)))
    }

    /// Reads it.
    ///
    /// # Errors
    /// If the API server does not answer, or refuses.
    pub(super) async fn read(&self) -> Result<Found, Failed> {
        let request =
            self.requests().get(&self.name, &GetParams::default()).map_err(|error| self.failed("read", &error))?;
        let answer = self.ask("read", request).await?;
        let secret = match answer.status {
            200 => {
                Some(serde_json::from_slice(&answer.body).map_err(|_| self.said("read", "the answer is no Secret"))?)
            }
            404 => None,
            _ => return Err(self.refused("read", &answer)),
        };
        Ok(Found { secret, now: answer.now })
    }

    /// Writes a content over what was found. False if somebody else was quicker: then what they wrote is to be read.
    ///
    /// # Errors
    /// If the API server does not answer, or refuses.
    pub(super) async fn write(&self, content: &Stored, over: Option<Secret>) -> Result<bool, Failed> {
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let secret = self.secret(content, over);
        let act = if secret.metadata.resource_version.is_some() { "update" } else { "create" };
        let body = serde_json::to_vec(&secret).map_err(|error| self.failed(act, &error))?;
        let request = match act {
            "update" => self.requests().replace(&self.name, &params, body),
            _ => self.requests().create(&params, body),
        };
        let answer = self.ask(act, request.map_err(|error| self.failed(act, &error))?).await?;
        match answer.status {
            200 | 201 => Ok(true),
            // Changed, or made, since it was read.
            409 => Ok(false),
            // Gone since it was read. (To create it, its namespace must be there.)
            404 if act == "update" => Ok(false),
            _ => Err(self.refused(act, &answer)),
        }
    }

    /// The content in its Secret; what others keep there beside it stays.
    fn secret(&self, content: &Stored, over: Option<Secret>) -> Secret {
        let mut secret = over.unwrap_or_else(|| Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(self.namespace.clone()),
                labels: Some([("app.kubernetes.io/name".to_owned(), MANAGER.to_owned())].into()),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/tls".to_owned()),
            ..Secret::default()
        });
        let data = secret.data.get_or_insert_default();
        data.retain(|key, _| !KEYS.contains(&key.as_str()));
        data.extend(content.data());
        secret
    }

    async fn ask(&self, act: &str, request: hyper::Request<Vec<u8>>) -> Result<Answer, Failed> {
        let response = self.client.send(request.map(Body::from)).await.map_err(|error| self.failed(act, &error))?;
        let status = response.status().as_u16();
        let now = response
            .headers()
            .get(hyper::header::DATE)
            .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok())
            .map_or_else(OffsetDateTime::now_utc, OffsetDateTime::from);
        let body = response.into_body().collect_bytes().await.map_err(|error| self.failed(act, &error))?;
        Ok(Answer { status, now, body: body.to_vec() })
    }

    fn failed(&self, act: &str, error: &(dyn std::error::Error + 'static)) -> Failed {
        self.said(act, &cause(error))
    }

    fn refused(&self, act: &str, answer: &Answer) -> Failed {
        let status: Status = serde_json::from_slice(&answer.body).unwrap_or_default();
        let message = status.message.unwrap_or_default();
        let advice = if message.contains("immutable") {
            let Self { namespace, name, .. } = self;
            format!("; delete it, and it is made again: kubectl delete secret {name} --namespace {namespace}")
        } else {
            String::new()
        };
        self.said(act, &format!("{} {message}{advice}", answer.status))
    }

    fn said(&self, act: &str, why: &str) -> Failed {
        Failed(format!("cannot {act} {}: {why}", self.place()))
    }
}
