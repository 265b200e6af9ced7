//! What is to be looked at again: names of objects, from wherever a change is noticed.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, Stream};
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::stored::{Ours, Stored, reference};
use crate::engine::world::Name;

/// Where to say that an object is to be looked at. However often it is said of one, it is looked at once, and by nobody else at the
/// same time.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    sender: UnboundedSender<Name>,
    /// Who waits for their turn.
    waiting: Arc<Mutex<HashSet<Name>>>,
}

/// Where it comes out.
#[derive(Debug)]
pub(super) struct Queued(UnboundedReceiver<Name>);

impl Queue {
    /// An empty one.
    #[must_use]
    pub(super) fn new() -> (Self, Queued) {
        let (sender, receiver) = unbounded_channel();
        (Self { sender, waiting: Arc::default() }, Queued(receiver))
    }

    /// This object.
    pub(super) fn push(&self, object: Name) {
        self.waiting().insert(object.clone());
        // Nobody listens any more when everything is being dropped.
        _ = self.sender.send(object);
    }

    /// It is the object's turn, or there is no such object.
    pub(super) fn served(&self, object: &Name) {
        self.waiting().remove(object);
    }

    /// How many objects wait for their turn.
    pub(super) fn depth(&self) -> usize {
        self.waiting().len()
    }

    fn waiting(&self) -> MutexGuard<'_, HashSet<Name>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These objects.
    pub(super) fn extend(&self, objects: impl IntoIterator<Item = Name>) {
        objects.into_iter().for_each(|object| self.push(object));
    }
}

impl Queued {
    /// As what kube-runtime asks for.
    pub(super) fn requests<K: Ours>(
        self,
    ) -> impl Stream<Item = Result<ObjectRef<Stored<K>>, std::convert::Infallible>> {
        stream::unfold(self.0, |mut receiver| async {
            let name = receiver.recv().await?;
            Some((Ok(reference(&name)), receiver))
        })
    }
}
