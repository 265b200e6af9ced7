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
    /// How calls follow one another when they fail.
    pub pace: Pace,
}

/// How calls follow one another, above all when they fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often a call that failed is made again.
    pub retries: usize,
    /// How long to wait before the first time. Each further wait is twice as long; up to as much again is added by chance.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// The longest wait that Beamlit may ask for and that a call waits out. A longer one holds all calls back.
    pub patience: Duration,
    /// After how many failures in a row all calls are held back.
    pub failures: u32,
    /// For how long, the first time; then each time twice as long.
    pub first_hold: Duration,
    /// For how long at most, whatever Beamlit asks for.
    pub longest_hold: Duration,
    /// For how long credentials that were refused are not shown again, unless they change.
    pub after_refusal: Duration,
    /// How old what was listed may be where it has to be known what is there: another replica may have changed it just before.
    pub fresh: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retries: 2,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(5),
            patience: Duration::from_secs(10),
            failures: 5,
            first_hold: Duration::from_secs(10),
            longest_hold: Duration::from_secs(300),
            after_refusal: Duration::from_secs(10),
            fresh: Duration::from_secs(5),
        }
    }
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
            pace: Pace::default(),
        })
    }
}
