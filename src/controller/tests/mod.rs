//! The reconcilers on a cluster that is told what there is, with an API server that notes what is written and does as it is told.

mod binding;
mod going;
mod shown;
mod twins;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{Request, Response, StatusCode};
use kube::client::{Body, Client};
use kube::runtime::reflector;
use kube::runtime::reflector::store::Writer as StoreWriter;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::context::Context;
use super::context::tests::context_of;
use super::keep::Kept as _;
use super::stored::{ModelDeployments, OffloadAutoscalers, Stored};
use super::unfinished::{Finished, Unfinished};
use super::{autoscaler, model_deployment};
use crate::api::OffloadAutoscalerStatus;
use crate::engine::compile::annotations;
use crate::engine::parse::Node;
use crate::engine::world::{Fact, Name, Resource, Workload};

/// What the API server was asked to do.
#[derive(Clone, Debug, PartialEq)]
struct Call {
    method: String,
    path: String,
    body: Value,
}

/// As much of an API server as writes need.
#[derive(Clone, Default)]
struct ApiServer(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    calls: Vec<Call>,
    /// How many versions were made.
    versions: usize,
    /// By a part of the path, or of the body: with what status such calls are refused.
    refused: Vec<(&'static str, u16)>,
    /// By a part of the path: calls that have arrived, and that wait for leave.
    held: Option<(&'static str, Arc<Semaphore>, Arc<Semaphore>)>,
}

impl ApiServer {
    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        Client::new(service, "default")
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let (method, path) = (parts.method.to_string(), parts.uri.path().to_owned());
        let (held, refused, version) = {
            let mut content = self.0.lock().unwrap();
            content.versions += 1;
            content.calls.push(Call { method: method.clone(), path: path.clone(), body: body.clone() });
            let held = content.held.clone().filter(|(part, ..)| path.contains(part));
            let text = format!("{path} {body}");
            let refused = content.refused.iter().find(|(part, _)| text.contains(part)).map(|(_, status)| *status);
            (held, refused, (100 + content.versions).to_string())
        };
        if let Some((_, arrived, leave)) = held {
            arrived.add_permits(1);
            leave.acquire().await.unwrap().forget();
        }
        let refused = refused.or((method == "GET").then_some(404));
        let answer = match refused {
            Some(status) => {
                json!({"kind": "Status", "status": "Failure", "reason": "x", "message": "no", "code": status})
            }
            None if method == "POST" => body,
            None if method == "DELETE" => json!({"kind": "Status", "status": "Success"}),
            None => json!({"metadata": {"name": "n", "namespace": "a", "resourceVersion": version}}),
        };
        let status = StatusCode::from_u16(refused.unwrap_or(200)).unwrap();
        Response::builder().status(status).body(Body::from(answer.to_string().into_bytes())).unwrap()
    }
}

/// A cluster, and the reconcilers on it.
struct Cluster {
    context: Arc<Context>,
    api: ApiServer,
    model_deployments: StoreWriter<Stored<ModelDeployments>>,
    autoscalers: StoreWriter<Stored<OffloadAutoscalers>>,
    facts: Vec<Fact>,
}

impl Cluster {
    /// With a workload `w` and the Services `s` and `t`, of which one endpoint is ready, in the namespace `a`.
    fn new() -> Self {
        Self::with_beamlit(None)
    }

    fn with_beamlit(beamlit: Option<Arc<super::beamlit::Mirror>>) -> Self {
        let api = ApiServer::default();
        let (model_deployments, written_model_deployments) = reflector::store();
        let (autoscalers, written_autoscalers) = reflector::store();
        let context = Context {
            model_deployments,
            autoscalers,
            first_answers_by: Instant::now(),
            patience: Duration::from_secs(3600),
            ..context_of(api.client(), beamlit)
        };
        let mut cluster = Self {
            context: Arc::new(context),
            api,
            model_deployments: written_model_deployments,
            autoscalers: written_autoscalers,
            facts: Vec::new(),
        };
        cluster.context.view.list_nothing();
        let workload = json!({"metadata": {"namespace": "a", "name": "w", "uid": "u"}, "spec":
            {"selector": {"matchLabels": {"app": "w"}}, "template": {"spec": {"containers": []}}}, "status": {"replicas": 1}});
        cluster.context.view.put("Deployment", &workload);
        cluster.fact(Resource::Workloads(Workload::Deployment), &workload);
        for service in ["s", "t"] {
            cluster.service(service, None);
            cluster.endpoints(service, true);
        }
        cluster
    }

    fn fact(&mut self, resource: Resource, object: &Value) {
        self.facts.extend(Fact::of(resource, &Node::from(object), ""));
        self.context.watches.list(&self.facts);
    }

    /// A Service says that somebody routes it, at a weight.
    fn service(&mut self, name: &str, says: Option<(&str, u8)>) {
        let annotations = says.map(|(owner, weight)| {
            json!({annotations::MANAGED_BY: owner, annotations::LOCAL_WEIGHT: (100 - weight).to_string(),
                annotations::REMOTE_WEIGHT: weight.to_string(), annotations::REMOTE_BACKEND: "http://h.example.com"})
        });
        let object = json!({"metadata": {"namespace": "a", "name": name, "uid": format!("uid-{name}"),
            "resourceVersion": "7", "annotations": annotations}, "spec": {"ports": [{"port": 80}]}});
        self.context.view.put("Service", &object);
        self.fact(Resource::Services, &object);
    }

    fn endpoints(&self, service: &str, ready: bool) {
        self.context.view.put(
            "EndpointSlice",
            &json!({"metadata": {"namespace": "a", "name": format!("{service}-1"), "labels": {"kubernetes.io/service-name": service}},
                "addressType": "IPv4", "ports": [{"name": ""}],
                "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}]}),
        );
    }

    /// A ModelDeployment with this spec, and its OffloadAutoscaler, which show this status.
    fn object(&mut self, name: &str, created: &str, spec: &Value) -> Name {
        let uid = format!("uid-{name}");
        let object = json!({"metadata": {"namespace": "a", "name": name, "uid": uid, "generation": 1,
            "creationTimestamp": created, "finalizers": ["deployment.beamlit.com/offload"]}, "spec": spec});
        self.fact(Resource::ModelDeployments, &object);
        self.model_deployments.apply_watcher_event(&Event::Apply(serde_json::from_value(object).unwrap()));
        let own = json!({"metadata": {"namespace": "a", "name": name, "uid": format!("ofa-{name}"), "ownerReferences": [
            {"apiVersion": "deployment.beamlit.com/v1alpha1", "kind": "ModelDeployment", "name": name, "uid": uid, "controller": true}]}});
        self.autoscalers.apply_watcher_event(&Event::Apply(serde_json::from_value(own).unwrap()));
        Name::new("a", name)
    }

    /// Its watch tells of this version, with or without our finalizer.
    fn tells(&mut self, name: &Name, version: &str, finalizer: bool) {
        let mut object = Stored::clone(&self.context.model_deployment(name).unwrap());
        object.metadata.resource_version = Some(version.to_owned());
        object.metadata.finalizers = finalizer.then(|| vec!["deployment.beamlit.com/offload".to_owned()]);
        self.model_deployments.apply_watcher_event(&Event::Apply(object));
    }

    /// It goes, whatever its finalizers say.
    fn goes(&mut self, name: &Name) {
        let gone = self.context.model_deployment(name).unwrap();
        self.model_deployments.apply_watcher_event(&Event::Delete(Stored::clone(&gone)));
        ModelDeployments::is_gone(name, &self.context);
    }

    async fn reconcile(&self, name: &Name) -> Result<Finished, Unfinished> {
        let object = self.context.model_deployment(name).unwrap();
        model_deployment::reconcile(object, Arc::clone(&self.context)).await
    }

    async fn decide(&self, name: &Name) -> Result<Finished, Unfinished> {
        let autoscaler = self.context.autoscaler(name).unwrap();
        autoscaler::reconcile(autoscaler, Arc::clone(&self.context)).await
    }

    /// What was written since this was asked last.
    fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.api.0.lock().unwrap().calls)
    }

    fn refuse(&self, what: &'static str, status: u16) {
        self.api.0.lock().unwrap().refused.push((what, status));
    }

    /// From now on calls with this in their path wait: for one to have arrived, and to give leave to one.
    fn hold(&self, what: &'static str) -> (Arc<Semaphore>, Arc<Semaphore>) {
        let (arrived, leave) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        self.api.0.lock().unwrap().held = Some((what, Arc::clone(&arrived), Arc::clone(&leave)));
        (arrived, leave)
    }
}

/// The smallest spec with a backend of its own, which routes this Service.
fn spec(service: &str) -> Value {
    json!({"model": "m", "modelSourceRef": {"name": "w"}, "serviceRef": {"name": service, "targetPort": 80},
        "offloadingConfig": {"metrics": [], "remoteBackend": {"host": "h.example.com"}}})
}

/// What was written on Services: the name, and who routes it at what weight, or that nobody does.
fn on_services(calls: &[Call]) -> Vec<(String, String)> {
    let on = |call: &Call| {
        let service = call.path.split_once("/services/")?.1.to_owned();
        let annotations = call.body.pointer("/metadata/annotations")?;
        let text = |key: &str| annotations[key].as_str().map(ToOwned::to_owned);
        let says = text(annotations::MANAGED_BY).zip(text(annotations::REMOTE_WEIGHT));
        Some((service, says.map_or_else(|| "nobody".to_owned(), |(owner, weight)| format!("{owner} at {weight}"))))
    };
    calls.iter().filter_map(on).collect()
}

/// A condition in the last status of a ModelDeployment or an OffloadAutoscaler that was written: status, reason and message.
fn condition(calls: &[Call], plural: &str, of: &str) -> Option<(String, String, String)> {
    let mut written = calls.iter().rev().filter(|call| call.path.contains(plural) && call.path.ends_with("/status"));
    let conditions = written.next()?.body.pointer("/status/conditions")?.as_array()?.clone();
    let condition = conditions.into_iter().find(|condition| condition["type"] == of)?;
    let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    Some((text("status"), text("reason"), text("message")))
}

/// The last status of an OffloadAutoscaler that was written.
fn shown(calls: &[Call]) -> Option<OffloadAutoscalerStatus> {
    let mut written = calls.iter().rev().filter(|call| call.path.contains("offloadautoscalers"));
    let status = written.find(|call| call.path.ends_with("/status"))?.body.get("status")?.clone();
    serde_json::from_value(status).ok()
}
