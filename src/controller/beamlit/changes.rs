//! What has changed on Beamlit, each key once until somebody takes it: nobody may be there to take it for days.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::Key;

/// Where changes are told.
#[derive(Clone, Debug, Default)]
pub(super) struct Told(Arc<Waiting>);

/// What has changed on Beamlit other than by the calls of this process.
#[derive(Debug)]
pub struct Changes(Arc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    keys: Mutex<HashSet<Key>>,
    more: Notify,
}

impl Told {
    pub(super) fn changes(&self) -> Changes {
        Changes(Arc::clone(&self.0))
    }

    pub(super) fn tell(&self, keys: Vec<Key>) {
        if keys.is_empty() {
            return;
        }
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner).extend(keys);
        self.0.more.notify_one();
    }
}

impl Changes {
    /// The next one, in no order. It waits until there is one.
    pub async fn recv(&mut self) -> Option<Key> {
        loop {
            if let Some(key) = self.try_recv() {
                return Some(key);
            }
            self.0.more.notified().await;
        }
    }

    /// The next one, if there is one now.
    pub fn try_recv(&mut self) -> Option<Key> {
        let mut keys = self.0.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let key = keys.iter().next().cloned()?;
        keys.take(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_changes_again_and_again_is_told_once() {
        let told = Told::default();
        let mut changes = told.changes();
        for _ in 0..1000 {
            told.tell(vec![Key::policy("a"), Key::policy("b")]);
        }
        let mut both = [changes.recv().await.unwrap(), changes.recv().await.unwrap()];
        both.sort_unstable();
        assert_eq!(both, [Key::policy("a"), Key::policy("b")]);
        assert_eq!(changes.try_recv(), None);
        let waiting = tokio::spawn(async move { changes.recv().await });
        tokio::task::yield_now().await;
        told.tell(vec![Key::policy("c")]);
        assert_eq!(waiting.await.unwrap(), Some(Key::policy("c")));
    }
}
