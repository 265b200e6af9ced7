//! The reconciler: what was compiled is made true of the cluster and of Beamlit, and the weight is decided again and again.
//!
//! All that it writes it writes while it holds the lease.
//!
//! Inside: `outbound` ← `beamlit` (the client), `metrics` (the readers), `view` (what is watched), `allowance`, `stored`, `conditions`, `queue`, `unfinished` ← `judged`, `terms`,
//! `writes`, `events` ← `memory` ← `context` ← `cluster`, `remote` ← {`model_deployment`, `autoscaler`, `policy`} ← `keep`, `triggers`, `strays` ← `sweep` ← this.

mod allowance;
mod autoscaler;
pub mod beamlit;
mod cluster;
mod conditions;
mod context;
mod drive;
mod events;
mod judged;
mod keep;
pub mod lease;
mod memory;
pub mod metrics;
mod model_deployment;
mod outbound;
mod policy;
mod queue;
mod remote;
mod stored;
mod strays;
mod sweep;
mod terms;
#[cfg(test)]
mod tests;
mod triggers;
mod unfinished;
pub mod view;
mod writes;

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use kube::client::Client;
use kube::runtime::reflector;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use self::beamlit::{Changes, Mirror};
pub use self::context::Configured;
use self::context::{Context, FIRST_ANSWERS};
use self::drive::drive;
use self::events::Events;
use self::memory::Memory;
use self::metrics::Sources;
use self::queue::Queue;
use self::view::View;
use self::writes::Writer;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::reconciler::Controller;
use crate::watch::Watches;

/// What Beamlit holds, and where it tells of changes to whoever reconciles.
pub type Beamlit = (Arc<Mirror>, Arc<Mutex<Changes>>);

/// What the reconciler works with.
pub struct Parts {
    /// The way to the API server for what may take long: it waits for as long as a watch is silent.
    pub watching: Client,
    /// The way to the API server for everything else.
    pub asking: Client,
    /// What the gate judges by.
    pub watches: Arc<Watches>,
    /// The operator's configuration.
    pub configuration: Arc<Configured>,
    /// What Beamlit holds; none without credentials.
    pub beamlit: Option<Beamlit>,
    /// How often weights are decided.
    pub interval: Duration,
    /// For how long an object stays that Beamlit cannot be told to let go of.
    pub patience: Duration,
    /// How this process is called in events.
    pub instance: String,
    /// The metrics of the process.
    pub metrics: Arc<Metrics>,
}

/// Reconciles until something breaks down, or until it is dropped: then everything that it started ends.
pub async fn run(parts: Arc<Parts>) {
    let (model_deployments, written_model_deployments) = reflector::store();
    let (autoscalers, written_autoscalers) = reflector::store();
    let (policies, written_policies) = reflector::store();
    let (model_deployments_due, queued_model_deployments) = Queue::new();
    let (autoscalers_due, queued_autoscalers) = Queue::new();
    let (policies_due, queued_policies) = Queue::new();
    let Parts { watching, asking, watches, configuration, beamlit, interval, patience, instance, metrics } = &*parts;
    let context = Arc::new(Context {
        watches: Arc::clone(watches),
        configuration: Arc::clone(configuration),
        view: View::new(Arc::clone(metrics)),
        memory: Memory::default(),
        readings: ArcSwapOption::empty(),
        beamlit: beamlit.as_ref().map(|(mirror, _)| Arc::clone(mirror)),
        client: asking.clone(),
        writer: Writer::new(asking.clone(), Arc::clone(metrics)),
        events: Events::new(asking.clone(), instance, Arc::clone(metrics)),
        metrics: Arc::clone(metrics),
        model_deployments,
        autoscalers,
        policies,
        model_deployments_due,
        autoscalers_due,
        policies_due,
        patience: *patience,
        first_answers_by: Instant::now() + FIRST_ANSWERS,
        cluster: OnceLock::new(),
    });
    // They end with the set, and the set ends with this.
    let mut tasks = JoinSet::new();
    let (view, client) = (context.view.clone(), watching.clone());
    tasks.spawn(async move { view.keep(client).await });
    tasks.spawn(keep::keep(Arc::clone(&context), watching.clone(), written_model_deployments));
    tasks.spawn(keep::keep(Arc::clone(&context), watching.clone(), written_autoscalers));
    tasks.spawn(keep::keep(Arc::clone(&context), watching.clone(), written_policies));
    tasks.spawn(triggers::by_world(Arc::clone(&context)));
    tasks.spawn(triggers::by_view(Arc::clone(&context)));
    if let Some((_, changes)) = beamlit {
        tasks.spawn(triggers::by_beamlit(Arc::clone(&context), Arc::clone(changes)));
    }
    let sources = Sources::new(asking.clone(), metrics::Limits::every(*interval), Arc::clone(metrics));
    let interval = *interval;
    {
        let context = Arc::clone(&context);
        tasks.spawn(async move {
            // Nothing is decided, and nobody's words are taken off a Service, before everything was listed once.
            context.listed().await;
            let mut learns = pin!(cluster::learn(&context));
            let is_known = timeout(cluster::WAIT, learns.as_mut()).await.is_ok();
            tokio::join!(
                async {
                    if !is_known {
                        learns.await;
                    }
                },
                sweep::sweep(&context, sources, interval),
                drive(
                    Controller::ModelDeployment,
                    &context,
                    context.model_deployments.clone(),
                    (context.model_deployments_due.clone(), queued_model_deployments),
                    model_deployment::reconcile,
                ),
                drive(
                    Controller::OffloadAutoscaler,
                    &context,
                    context.autoscalers.clone(),
                    (context.autoscalers_due.clone(), queued_autoscalers),
                    autoscaler::reconcile,
                ),
                drive(
                    Controller::Policy,
                    &context,
                    context.policies.clone(),
                    (context.policies_due.clone(), queued_policies),
                    policy::reconcile
                ),
            );
        });
    }
    // None of them ends by itself.
    if let Some(Err(error)) = tasks.join_next().await
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}
