//! Tasks in the background: none dies in silence.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::telemetry::metrics::Metrics;

/// The waits before a task is started again: the first, and the longest.
const RESTART: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// After how long a task counts as one that works.
const STEADY: Duration = Duration::from_secs(300);

/// Runs a task that should never end, and starts it again whenever it does, by a panic or otherwise. It ends with the process.
pub(super) fn supervised<F, T>(task: &'static str, metrics: &Arc<Metrics>, start: F)
where
    F: FnMut() -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    supervised_until(&CancellationToken::new(), task, metrics, start);
}

/// As [`supervised`]; once it is told to end, the task is waited for and not started again.
pub(super) fn supervised_until<F, T>(
    told: &CancellationToken,
    task: &'static str,
    metrics: &Arc<Metrics>,
    mut start: F,
) -> JoinHandle<()>
where
    F: FnMut() -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let (metrics, told) = (Arc::clone(metrics), told.clone());
    metrics.task_started(task);
    tokio::spawn(async move {
        let mut wait = RESTART.0;
        loop {
            let started = Instant::now();
            let ended = tokio::spawn(start()).await;
            if told.is_cancelled() || ended.is_err_and(|error| error.is_cancelled()) {
                return;
            }
            if started.elapsed() > STEADY {
                wait = RESTART.0;
            }
            metrics.task_restarted(task);
            tracing::error!(task, after = ?wait, "a task in the background broke down and is started again");
            sleep(wait).await;
            wait = wait.saturating_mul(2).min(RESTART.1);
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_that_breaks_down_is_started_again_and_counted() {
        let (metrics, starts) = (Arc::new(Metrics::default()), Arc::new(AtomicU32::new(0)));
        let count = Arc::clone(&starts);
        supervised("certificates", &metrics, move || {
            let number = count.fetch_add(1, Ordering::Relaxed);
            async move {
                match number {
                    0 => panic!("on purpose"),
                    1 => {}
                    _ => std::future::pending().await,
                }
            }
        });
        let began = Instant::now();
        while starts.load(Ordering::Relaxed) < 3 {
            assert!(began.elapsed() < Duration::from_secs(60));
            sleep(Duration::from_millis(20)).await;
        }
        assert!(metrics.encode().contains("beamlit_operator_task_restarts_total{task=\"certificates\"} 2\n"));
    }
}
