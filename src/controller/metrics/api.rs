//! Questions to the API server, and its answers as they are.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::time::{Duration, SystemTime};

use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use hyper::header::{ACCEPT, RETRY_AFTER};
use hyper::{HeaderMap, Request, StatusCode};
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;
use url::form_urlencoded::Serializer;

use super::failed::Failed;
use super::words::innermost;
use crate::controller::outbound;

/// The largest answer that is read. One item of metrics.k8s.io has about 400 bytes: that is enough for 150,000 pods, of which a cluster
/// is said to hold no more.
const LARGEST: usize = 64 << 20;

/// The largest answer that is read for the words in it.
const LARGEST_REFUSAL: usize = 64 << 10;

/// The API server.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    /// How long a call may take.
    most: Duration,
}

#[derive(Deserialize)]
struct Status {
    message: String,
}

impl Api {
    pub(super) fn new(client: Client, most: Duration) -> Self {
        Self { client, most }
    }

    /// The body of the answer to a GET.
    pub(super) async fn get(&self, path: &Path) -> Result<Vec<u8>, Failed> {
        timeout(self.most, self.ask(path)).await.unwrap_or_else(|_| Err(Failed::too_slow(self.most)))
    }

    async fn ask(&self, path: &Path) -> Result<Vec<u8>, Failed> {
        let request = Request::get(path.uri()).header(ACCEPT, "application/json").body(Body::empty());
        let request = request.map_err(|error| Failed::unavailable(innermost(&error)))?;
        let response = self.client.send(request).await.map_err(|error| unsent(&error))?;
        let (parts, body) = response.into_parts();
        if parts.status.is_success() {
            return bytes(body, LARGEST).await;
        }
        // A page of some proxy is no word of the API server's.
        let body = bytes(body, LARGEST_REFUSAL).await.unwrap_or_default();
        let mut said = serde_json::from_slice::<Status>(&body).ok().map(|status| status.message);
        if said.is_none() && parts.status == StatusCode::SERVICE_UNAVAILABLE {
            // The aggregator's own words for it are no Status.
            said = Some("what its APIService names is not available".to_owned());
        }
        Err(Failed::status(parts.status.as_u16(), said.as_deref(), wait(&parts.headers)))
    }
}

/// Why a request came to nothing. A connection that broke down is one of many; where there is none, there is none for others.
fn unsent(error: &(dyn Error + 'static)) -> Failed {
    let nobody = |error: &(dyn Error + 'static)| {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(kind, Some(ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable))
    };
    let mut cause = Some(error);
    while let Some(error) = cause {
        if nobody(error) {
            return Failed::unreachable(innermost(error));
        }
        cause = error.source();
    }
    Failed::unavailable(innermost(error))
}

/// For how long whoever answered wants to be left alone.
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    outbound::retry_after(headers.get(RETRY_AFTER)?.to_str().ok(), SystemTime::now())
}

async fn bytes(mut body: Body, most: usize) -> Result<Vec<u8>, Failed> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if expected > most {
        return Err(Failed::too_large(most));
    }
    let mut bytes = Vec::with_capacity(expected);
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Failed::unavailable(format!("the answer broke off: {}", innermost(&error))))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len().saturating_add(data.len()) > most {
            return Err(Failed::too_large(most));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// A path with a query. Whatever is put into it stays inside its segment.
#[derive(Clone, Debug)]
pub(super) struct Path {
    path: String,
    query: String,
}

impl Path {
    /// A path of these segments, none of which may be empty, `.` or `..`, or have control characters.
    pub(super) fn of(segments: &[&str]) -> Result<Self, Failed> {
        // Tabs and line breaks would be dropped in silence.
        let segment = |segment: &&str| !matches!(*segment, "" | "." | "..") && !segment.contains(char::is_control);
        let mut url = Url::parse("http://localhost/").ok().filter(|_| segments.iter().all(segment));
        let path = url.as_mut().and_then(|url| {
            url.path_segments_mut().ok()?.clear().extend(segments);
            Some(url.path().to_owned())
        });
        let path = path.ok_or_else(|| Failed::unavailable("a name in it cannot be a part of a path"))?;
        Ok(Self { path, query: String::new() })
    }

    /// With a parameter, unless that is empty.
    pub(super) fn with(mut self, parameter: &str, value: &impl Display) -> Self {
        let value = value.to_string();
        if !value.is_empty() {
            self.query = Serializer::new(self.query).append_pair(parameter, &value).finish();
        }
        self
    }

    fn uri(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_a_name_stays_in_its_segment() {
        let path = |segments: &[&str]| Path::of(segments).unwrap().uri();
        assert_eq!(path(&["apis", "a.b", "v1"]), "/apis/a.b/v1");
        assert_eq!(path(&["a/b", "c?d#e", "f g", "%2e", "*", "ü"]), "/a%2Fb/c%3Fd%23e/f%20g/%252e/*/%C3%BC");
        let with = Path::of(&["a"]).unwrap().with("labelSelector", &"a=b,c in (d)&x").with("none", &"");
        assert_eq!(with.uri(), "/a?labelSelector=a%3Db%2Cc+in+%28d%29%26x");
        for bad in ["", ".", "..", "a\tb"] {
            assert!(Path::of(&["apis", bad]).is_err(), "{bad:?}");
        }
    }
}
