//! As much of an API server as a watch needs, on the loopback address: lists, streams of events, and ways to fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use bytes::Bytes;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use serde_json::{Value, json};

/// How a resource is answered for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Works,
    /// Lists and watches are forbidden.
    Forbidden,
    /// Some proxy answers with a page.
    Page,
    /// There is no such resource.
    NotServed,
    /// Watches are told that their version is too old, in the stream.
    GoneInStream,
    /// Watches are told so before there is a stream.
    Gone,
    /// Watches begin, and tell nothing.
    Silent,
}

#[derive(Default)]
struct Resource {
    mode: Mode,
    /// By namespace and name.
    objects: BTreeMap<String, Value>,
    watches: Vec<UnboundedSender<Result<Bytes, std::io::Error>>>,
    lists: usize,
}

#[derive(Default)]
struct Content {
    version: u64,
    resources: BTreeMap<String, Resource>,
}

/// The API server. Clones are one and the same.
#[derive(Clone, Default)]
pub(crate) struct ApiServer(Arc<Mutex<Content>>);

impl ApiServer {
    /// Starts it, and returns a way to it.
    pub(crate) async fn start() -> (Self, kube::Config) {
        let server = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (server, kube::Config::new(format!("http://{address}").parse().unwrap()))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap()
    }

    pub(crate) fn mode(&self, resource: &str, mode: Mode) {
        self.content().resources.entry(resource.to_owned()).or_default().mode = mode;
    }

    /// How often the resource was listed.
    pub(crate) fn lists(&self, resource: &str) -> usize {
        self.content().resources.get(resource).map_or(0, |resource| resource.lists)
    }

    pub(crate) fn put(&self, resource: &str, namespace: &str, name: &str, spec: &Value) {
        self.put_object(
            resource,
            json!({"metadata": {"namespace": namespace, "name": name}, "spec": spec, "status": {"a": 1}}),
        );
    }

    /// Puts a whole object.
    pub(crate) fn put_object(&self, resource: &str, object: Value) {
        let part = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        self.change(resource, format!("{}/{}", part("namespace"), part("name")), Some(object));
    }

    pub(crate) fn delete(&self, resource: &str, namespace: &str, name: &str) {
        self.change(resource, format!("{namespace}/{name}"), None);
    }

    fn change(&self, resource: &str, key: String, object: Option<Value>) {
        let mut content = self.content();
        content.version += 1;
        let version = content.version.to_string();
        let resource = content.resources.entry(resource.to_owned()).or_default();
        let (kind, mut object) = match object {
            Some(object) => ("ADDED", object),
            None => ("DELETED", resource.objects.remove(&key).unwrap()),
        };
        object["apiVersion"] = "v1".into();
        object["kind"] = "Anything".into();
        object["metadata"]["resourceVersion"] = version.into();
        if kind == "ADDED" {
            resource.objects.insert(key, object.clone());
        }
        if resource.mode == Mode::Works {
            let line = json!({"type": kind, "object": object}).to_string() + "\n";
            resource.watches.retain(|watch| watch.unbounded_send(Ok(line.clone().into())).is_ok());
        }
    }

    /// Cuts the connections of all watches of a resource.
    pub(crate) fn cut(&self, resource: &str) {
        for watch in self.content().resources.entry(resource.to_owned()).or_default().watches.drain(..) {
            _ = watch.unbounded_send(Err(std::io::Error::other("cut")));
        }
    }
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
}

async fn answer(State(server): State<ApiServer>, uri: Uri) -> Response<Body> {
    let query = uri.query().unwrap_or_default();
    let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let respond = |code: u16, value: &Value| {
        Response::builder().status(StatusCode::from_u16(code).unwrap()).body(Body::from(value.to_string())).unwrap()
    };
    let not_found = || respond(404, &status(404, "NotFound", "the server could not find the requested resource"));
    let mut content = server.content();
    let version = content.version;
    // What a version of the group has; there is one that is known here.
    if let ["apis", "gateway.networking.k8s.io", of] = parts[..] {
        let found = content.resources.get("referencegrants");
        return if of == "v1beta1" && found.is_some_and(|found| found.mode != Mode::NotServed) {
            let resource = json!({"name": "referencegrants", "singularName": "", "namespaced": true, "kind": "ReferenceGrant", "verbs": []});
            respond(200, &json!({"groupVersion": "gateway.networking.k8s.io/v1beta1", "resources": [resource]}))
        } else {
            not_found()
        };
    }
    let name = parts.last().unwrap().to_string();
    let resource = content.resources.entry(name.clone()).or_default();
    match resource.mode {
        Mode::Forbidden => {
            let why = format!("{name} is forbidden: User \"u\" cannot list resource \"{name}\"");
            return respond(403, &status(403, "Forbidden", &why));
        }
        Mode::Page => {
            return Response::builder().status(502).body(Body::from("<html><p>\nbad gateway</html>")).unwrap();
        }
        Mode::NotServed => return not_found(),
        Mode::Works | Mode::GoneInStream | Mode::Gone | Mode::Silent => {}
    }
    if !query.contains("watch=true") {
        resource.lists += 1;
        let items: Vec<&Value> = resource.objects.values().collect();
        let metadata = json!({"resourceVersion": (version + 1).to_string()});
        return respond(200, &json!({"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": items}));
    }
    let gone = status(410, "Expired", "too old resource version: 1 (2)");
    if resource.mode == Mode::Gone {
        return respond(410, &gone);
    }
    let (sender, receiver) = unbounded();
    if resource.mode == Mode::GoneInStream {
        let line = json!({"type": "ERROR", "object": gone}).to_string() + "\n";
        sender.unbounded_send(Ok(line.into())).unwrap();
    } else {
        resource.watches.push(sender);
    }
    Response::new(Body::from_stream(receiver))
}
