//! Certificates from files that somebody else keeps: cert-manager, a mounted Secret, a person. Read again and again, and
//! taken over when they have changed and are sound.

use std::path::PathBuf;
use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use time::OffsetDateTime;

use super::pair::{Pair, PairError, Source};
use super::{Part, Serving, clients, provider};
use crate::files::{self, Contents};

/// Where the certificate comes from.
#[derive(Clone, Debug)]
pub struct Files {
    /// The chain, leaf first, in PEM.
    pub certificate: PathBuf,
    /// The leaf's key, in PEM.
    pub key: PathBuf,
    /// The name that the certificate must have.
    pub name: ServerName<'static>,
}

/// Which clients are answered.
#[derive(Clone, Debug)]
pub struct Clients {
    /// The authorities that sign their certificates, in PEM.
    pub authorities: PathBuf,
    /// The names of which a certificate must have one; empty if any will do.
    pub names: Vec<String>,
}

impl Files {
    fn paths(&self) -> [PathBuf; 2] {
        [self.certificate.clone(), self.key.clone()]
    }

    /// Serves the pair for the first time.
    ///
    /// # Errors
    /// If it is not sound: somebody should look at once, and there is nothing else to serve.
    pub fn load(&self, serving: &Serving) -> Result<(), PairError> {
        self.take(&Contents::read(&self.paths())?, serving)
    }

    /// Keeps what is served current, reading the files in this interval.
    pub async fn keep(self, serving: Arc<Serving>, every: Duration) {
        let place = self.certificate.display().to_string();
        let take = |contents: &Contents| self.take(contents, &serving);
        let check = || serving.valid_at(OffsetDateTime::now_utc(), &place);
        follow(Part::Files, &self.paths(), &serving, every, take, check).await;
    }

    fn take(&self, contents: &Contents, serving: &Serving) -> Result<(), PairError> {
        let (certificate, key) = (source(contents, 0), source(contents, 1));
        let pair = Pair::read(certificate, key, &self.name, OffsetDateTime::now_utc(), &provider())?;
        serving.serve(pair).map_err(|error| setup(&error))
    }
}

impl Clients {
    /// Asks clients for certificates from now on.
    ///
    /// # Errors
    /// If the file is not sound: nobody must be answered that should not be.
    pub fn load(&self, serving: &Serving) -> Result<(), PairError> {
        self.take(&Contents::read(from_ref(&self.authorities))?, serving)
    }

    /// Keeps the authorities current, reading the file in this interval.
    pub async fn keep(self, serving: Arc<Serving>, every: Duration) {
        let take = |contents: &Contents| self.take(contents, &serving);
        follow(Part::Clients, from_ref(&self.authorities), &serving, every, take, || Ok(())).await;
    }

    fn take(&self, contents: &Contents, serving: &Serving) -> Result<(), PairError> {
        let verifier = clients::verifier(source(contents, 0), self.names.clone(), &Arc::new(provider()))?;
        serving.ask_clients(verifier).map_err(|error| setup(&error))
    }
}

fn setup(error: &rustls::Error) -> PairError {
    PairError::Content { place: "TLS".to_owned(), fault: format!("cannot be set up: {error}") }
}

/// Takes the content of files whenever it has changed, and tells of what is at fault.
async fn follow(
    part: Part,
    paths: &[PathBuf],
    serving: &Serving,
    every: Duration,
    take: impl Fn(&Contents) -> Result<(), PairError>,
    check: impl Fn() -> Result<(), PairError>,
) {
    let tell = |outcome: Result<(), PairError>| match outcome {
        Ok(()) => serving.sound(part),
        Err(error) => serving.at_fault(part, error.to_string()),
    };
    files::follow(paths, every, None, take, check, tell).await;
}

/// One of the files, as text in PEM.
fn source(contents: &Contents, index: usize) -> Source<'_> {
    let (place, pem) = contents.file(index);
    Source { place, pem }
}
