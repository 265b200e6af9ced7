//! A small server of the tests, registered as custom.metrics.k8s.io and external.metrics.k8s.io, or as metrics.k8s.io where no
//! metrics-server is: it says what tests tell it to, and nothing or nonsense where they want that.

mod answer;
mod selector;
mod serve;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Kubectl;
use super::api_service::{ApiService, dns_name};
use super::certificates::Authority;

/// What the Service is called that leads here.
const NAME: &str = "metrics-of-tests";

/// The server, registered. All of it is kept by namespaces, so that tests with their own do not disturb each other.
///
/// The fields are dropped in this order: nobody is led to a server that is gone.
pub(crate) struct MetricsApi {
    _registered: Vec<ApiService>,
    state: Arc<Mutex<State>>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct State {
    /// By namespace.
    samples: BTreeMap<String, Vec<Sample>>,
    /// By namespace; values where there is none.
    answers: BTreeMap<String, Answer>,
    /// Namespace, and path with query.
    asked: Vec<(String, String)>,
}

/// How requests are answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// With what was set.
    Values,
    /// With what was set, this much later.
    Late(Duration),
    /// With half of it; then the connection ends.
    Cut,
    /// With this status and body, and headers beside the content type.
    Instead { status: u16, content_type: &'static str, body: String, headers: Vec<(&'static str, String)> },
}

impl Answer {
    /// What API servers say when they refuse, such as 404 `NotFound`.
    pub(crate) fn refusal(status: u16, reason: &str) -> Self {
        let body = answer::refusal(status, reason, "said by a test").to_string();
        Self::Instead { status, content_type: "application/json", body, headers: Vec::new() }
    }

    /// 429 with a `Retry-After`.
    pub(crate) fn too_many_requests(after: Duration) -> Self {
        let body = answer::refusal(429, "TooManyRequests", "said by a test").to_string();
        let headers = vec![("retry-after", after.as_secs().to_string())];
        Self::Instead { status: 429, content_type: "application/json", body, headers }
    }

    /// 200, and a page for people instead of JSON.
    pub(crate) fn html() -> Self {
        let body = "<html><body><h1>Sign in</h1></body></html>".to_owned();
        Self::Instead { status: 200, content_type: "text/html; charset=utf-8", body, headers: Vec::new() }
    }

    /// 200, and this as JSON, whatever it is.
    pub(crate) fn garbage(body: &str) -> Self {
        Self::Instead { status: 200, content_type: "application/json", body: body.into(), headers: Vec::new() }
    }
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Of {
    /// A pod, by its name and labels.
    Pod(String),
    /// Another object, by its resource as it stands in a path (`services`, `deployments.apps`) and its name.
    Object(String, String),
    /// A series of a metric that belongs to no object.
    Series,
    /// A container of a pod, for metrics.k8s.io: the metric is the resource.
    Container(String, String),
}

/// One value of one metric.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    of: Of,
    metric: String,
    /// A quantity, as it is written.
    value: String,
    /// Of the pod or the series.
    labels: Vec<(String, String)>,
    /// By what a metric of a pod or an object is told from others of its name.
    series: Vec<(String, String)>,
    /// RFC 3339; the moment of the request if there is none.
    timestamp: Option<String>,
    window: Option<Duration>,
}

impl Sample {
    /// A metric of a pod.
    pub(crate) fn pod(pod: &str, labels: &[(&str, &str)], metric: &str, value: &str) -> Self {
        Self::new(Of::Pod(pod.into()), labels, metric, value)
    }

    /// A metric of another object, by its resource as it stands in a path (`services`, `deployments.apps`) and its name.
    pub(crate) fn object(resource: &str, name: &str, metric: &str, value: &str) -> Self {
        Self::new(Of::Object(resource.into(), name.into()), &[], metric, value)
    }

    /// A series of an external metric.
    pub(crate) fn external(metric: &str, labels: &[(&str, &str)], value: &str) -> Self {
        Self::new(Of::Series, labels, metric, value)
    }

    /// What a container of a pod uses of a resource, for metrics.k8s.io.
    pub(crate) fn container(pod: &str, labels: &[(&str, &str)], container: &str, resource: &str, value: &str) -> Self {
        Self::new(Of::Container(pod.into(), container.into()), labels, resource, value)
    }

    fn new(of: Of, labels: &[(&str, &str)], metric: &str, value: &str) -> Self {
        let (metric, value, series) = (metric.into(), value.into(), Vec::new());
        Self { of, metric, value, labels: owned(labels), series, timestamp: None, window: None }
    }

    /// One of several metrics of the same name of a pod or an object, which a selector tells apart by these labels.
    pub(crate) fn of_series(mut self, labels: &[(&str, &str)]) -> Self {
        self.series = owned(labels);
        self
    }

    /// Measured at this moment (RFC 3339) instead of whenever it is asked for.
    pub(crate) fn at(mut self, timestamp: &str) -> Self {
        self.timestamp = Some(timestamp.into());
        self
    }

    /// Measured over this long.
    pub(crate) fn over(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }
}

impl MetricsApi {
    /// What adapters serve.
    pub(crate) const CUSTOM_AND_EXTERNAL: [(&'static str, &'static str); 3] = [
        ("custom.metrics.k8s.io", "v1beta2"),
        ("custom.metrics.k8s.io", "v1beta1"),
        ("external.metrics.k8s.io", "v1beta1"),
    ];

    /// What metrics-server serves.
    pub(crate) const RESOURCE: [(&'static str, &'static str); 1] = [("metrics.k8s.io", "v1beta1")];

    /// Starts it, with a certificate of this authority, and registers it for these groups and versions.
    ///
    /// # Errors
    /// If there is no port, or the API server does not reach it.
    pub(crate) fn start(admin: &Kubectl, authority: &Authority, groups: &[(&str, &str)]) -> Result<Self, String> {
        let state = Arc::<Mutex<State>>::default();
        let pair = authority.server(NAME, &[&dns_name(NAME), "localhost"])?;
        let (runtime, port) = serve::start(&pair, Arc::clone(&state))?;
        let registered = groups
            .iter()
            .map(|(group, version)| ApiService::register(admin, authority, NAME, port, group, version))
            .collect::<Result<_, _>>()?;
        Ok(Self { _registered: registered, state, _runtime: runtime })
    }

    /// Says this from now on, instead of what it said of the same before.
    pub(crate) fn set(&self, namespace: &str, sample: Sample) {
        let mut state = self.state();
        let samples = state.samples.entry(namespace.to_owned()).or_default();
        let same = |other: &Sample| {
            let labels = sample.of != Of::Series || other.labels == sample.labels;
            other.of == sample.of && other.metric == sample.metric && other.series == sample.series && labels
        };
        samples.retain(|other| !same(other));
        samples.push(sample);
    }

    /// Says nothing of this namespace any more.
    pub(crate) fn clear(&self, namespace: &str) {
        self.state().samples.remove(namespace);
    }

    /// Answers requests about this namespace so from now on; about all of them at once, if it is empty.
    pub(crate) fn answer(&self, namespace: &str, answer: Answer) {
        self.state().answers.insert(namespace.to_owned(), answer);
    }

    /// What was asked about this namespace so far: paths, with their queries.
    pub(crate) fn asked(&self, namespace: &str) -> Vec<String> {
        let state = self.state();
        state.asked.iter().filter(|(about, _)| about == namespace).map(|(_, path)| path.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

fn owned(labels: &[(&str, &str)]) -> Vec<(String, String)> {
    labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
