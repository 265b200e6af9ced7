//! Has kube-runtime reconcile what is due: each object by one at a time, and one that fails again, each time later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use kube::runtime::controller::{Action, Config, Error, applier};
use kube::runtime::reflector::Store;
use tokio::time::Instant;

use super::context::Context;
use super::queue::{Queue, Queued};
use super::stored::{Ours, Stored};
use super::unfinished::{Finished, Unfinished};
use crate::engine::world::Name;
use crate::telemetry::reconciler::{Controller, Reconciled};

/// How many objects are reconciled at a time.
const CONCURRENCY: u16 = 64;

/// The shortest and the longest wait after a failure; each is twice the one before.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How often each object has failed in a row.
#[derive(Default)]
struct Failures(Mutex<HashMap<Name, u32>>);

/// Reconciles what is due, for ever.
pub(super) async fn drive<K, F, R>(
    controller: Controller,
    context: &Arc<Context>,
    store: Store<Stored<K>>,
    (queue, queued): (Queue, Queued),
    reconcile: F,
) where
    K: Ours,
    F: Fn(Arc<Stored<K>>, Arc<Context>) -> R,
    R: Future<Output = Result<Finished, Unfinished>> + Send + 'static,
{
    let failures = Arc::new(Failures::default());
    let reconcile = |object: Arc<Stored<K>>, context: Arc<Context>| {
        let (name, failures, began) = (object.name(), Arc::clone(&failures), Instant::now());
        queue.served(&name);
        let metrics = Arc::clone(&context.metrics);
        let reconciled = reconcile(object, context);
        Box::pin(async move {
            let outcome = reconciled.await;
            let result = match &outcome {
                Ok(Finished { changed: true, .. }) => Reconciled::Changed,
                Ok(Finished { changed: false, .. }) => Reconciled::Unchanged,
                Err(_) => Reconciled::Failed,
            };
            metrics.reconciled(controller, result, began.elapsed());
            if outcome.is_ok() {
                failures.mended(&name);
            }
            outcome.map(|finished| finished.next)
        })
    };
    let on_error = |object: Arc<Stored<K>>, error: &Unfinished, _context| {
        let name = object.name();
        let wait = error.wait(|| failures.failed(&name));
        tracing::warn!(
            controller = controller.word(),
            namespace = name.namespace(),
            name = name.name(),
            again_in = ?wait,
            "not finished: {error}"
        );
        Action::requeue(wait)
    };
    let config = Config::default().concurrency(CONCURRENCY);
    let all = applier(reconcile, on_error, Arc::clone(context), store, queued.requests(), config);
    all.for_each(|outcome| {
        // What failed was told of above; what is due and no longer there is no fault.
        if let Err(Error::ObjectNotFound(gone)) = outcome {
            let name = Name::new(gone.namespace.as_deref().unwrap_or_default(), &gone.name);
            queue.served(&name);
            failures.mended(&name);
        }
        std::future::ready(())
    })
    .await;
}

impl Failures {
    /// Counts one, and says how long to wait.
    fn failed(&self, name: &Name) -> Duration {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = all.entry(name.clone()).or_default();
        let wait = RETRY.0.saturating_mul(1 << (*times).min(6)).min(RETRY.1);
        *times = times.saturating_add(1);
        wait
    }

    fn mended(&self, name: &Name) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_again_waits_longer_and_not_for_ever() {
        let failures = Failures::default();
        let name = Name::new("a", "m");
        let waits: Vec<u64> = (0..9).map(|_| failures.failed(&name).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        failures.mended(&name);
        assert_eq!(failures.failed(&name).as_secs(), 1);
    }
}
