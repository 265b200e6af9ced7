//! How Beamlit is reached.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::{Credentials, Error};

/// Beamlit's own API.
pub const BASE: &str = "https://api.beamlit.com/v0";

/// How Beamlit is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The API, with its version. HTTPS, but on this machine itself.
    pub base: Url,
    /// Who we are.
    pub credentials: Credentials,
    /// The workspace; without one the credentials imply it.
    pub workspace: Option<String>,
    /// A file of certificate authorities (PEM) that are trusted beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long one call may take.
    pub timeout: Duration,
    /// How long a list may take.
    pub list_timeout: Duration,
}

impl Settings {
    /// Beamlit's own API, by these credentials.
    ///
    /// # Errors
    /// Never, for the address is sound.
    pub fn new(credentials: Credentials) -> Result<Self, Error> {
        let base = Url::parse(BASE).map_err(|error| Error::Settings(error.to_string()))?;
        Ok(Self {
            base,
            credentials,
            workspace: None,
            ca_file: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            list_timeout: Duration::from_secs(60),
        })
    }
}
