//! One source asked once around: so many calls at a time, none after the end of the sweep, and none of a source that is not there or
//! wants to be left alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::{Instant, timeout_at};

use super::Query;
use super::answer::Answer;
use super::failed::{Failed, Then};

/// A call, and the queries that it answers.
pub(super) struct Call<'c> {
    pub(super) queries: Vec<Query>,
    /// The call itself, which does nothing until it is its turn.
    pub(super) ask: BoxFuture<'c, Asked>,
}

/// The answers to the queries of a call, in their order.
pub(super) type Asked = Result<Vec<Arc<Answer>>, Failed>;

/// What came of a call.
pub(super) struct Done {
    pub(super) queries: Vec<Query>,
    pub(super) asked: Asked,
    /// How long it took; none if its turn did not come.
    pub(super) took: Option<Duration>,
}

/// What a source wants for longer than a sweep.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<Option<(Instant, Failed)>>);

impl Gate {
    /// Why the source is not to be asked now; none if it may be.
    fn closed(&self) -> Option<Failed> {
        let closed = self.lock();
        closed.as_ref().filter(|(until, _)| Instant::now() < *until).map(|(_, why)| why.clone())
    }

    fn close(&self, wait: Duration, why: Failed) {
        *self.lock() = Some((Instant::now() + wait, why));
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, Failed)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the calls, in their order.
pub(super) async fn sweep(calls: Vec<Call<'_>>, concurrency: usize, end: Instant, gate: &Gate) -> Vec<Done> {
    let unreachable = Mutex::new(None);
    // Boxed, or else the compiler cannot tell that the whole may move between threads.
    let made: Vec<BoxFuture<'_, Done>> =
        calls.into_iter().map(|call| make(call, end, gate, &unreachable).boxed()).collect();
    futures::stream::iter(made).buffer_unordered(concurrency.max(1)).collect().await
}

async fn make(call: Call<'_>, end: Instant, gate: &Gate, unreachable: &Mutex<Option<Failed>>) -> Done {
    let Call { queries, ask } = call;
    let unreachable = || unreachable.lock().unwrap_or_else(PoisonError::into_inner);
    let late = || {
        let why = || Failed::unavailable("not everything could be asked in the time of a sweep");
        (Instant::now() >= end).then(why)
    };
    if let Some(why) = gate.closed().or_else(|| unreachable().clone()).or_else(late) {
        return Done { queries, asked: Err(why), took: None };
    }
    let began = Instant::now();
    let out_of_time = |_| Err(Failed::unavailable("no answer within the time of a sweep"));
    let asked = timeout_at(end, ask).await.unwrap_or_else(out_of_time);
    if let Err(failed) = &asked {
        match failed.then() {
            Then::Nothing => {}
            Then::Unreachable => *unreachable() = Some(failed.clone()),
            Then::Wait(wait) => gate.close(wait, failed.clone()),
        }
    }
    Done { queries, asked, took: Some(began.elapsed()) }
}
