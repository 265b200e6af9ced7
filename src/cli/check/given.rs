//! Files for commands that do more with them than to judge: judged first, and handed over only if all is well.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::report::Report;
use super::sources::{self, Source};
use super::{examine, plain};
use crate::cli::Exit;
use crate::engine::configuration::Configuration;
use crate::engine::manifest::Judge;

/// Sources that were judged, and admitted.
pub(in crate::cli) struct Given {
    /// What people call each source, and its bytes.
    pub sources: Vec<(String, Vec<u8>)>,
}

/// Reads and judges what paths lead to, as one world. Of what is wrong with it stderr is told.
pub(in crate::cli) fn given(paths: &[PathBuf], namespace: &str) -> Result<Given, Exit> {
    let mut judge = Judge::new(namespace, Configuration::default());
    let read = sources::read(sources::find(paths), sources::MAX_TOGETHER);
    for (_, bytes) in read.iter().flatten() {
        judge.learn(bytes);
    }
    let sources = read.iter().flatten().map(|(source, bytes)| (source.name.clone(), bytes.clone())).collect();
    let mut report = Report::default();
    examine(&mut report, read, |source, bytes| judge.source(bytes, source.named));
    match report.exit(false) {
        Exit::Fine | Exit::Nothing => Ok(Given { sources }),
        exit => {
            let mut out = anstream::AutoStream::auto(io::stderr().lock());
            // Where not even stderr can be written to, the exit code must do.
            _ = plain::write(&mut out, &report, &plain::Options { quiet: true, deny_warnings: false });
            _ = out.flush();
            Err(exit)
        }
    }
}

/// What people call a source, and its bytes or why there are none; `-` is stdin.
pub(in crate::cli) fn read_one(path: &Path) -> (String, Result<Vec<u8>, String>) {
    match sources::find(&[path.to_owned()]).pop() {
        Some(Ok(source)) => (source.name.clone(), source.read()),
        Some(Err(fault)) => (fault.name, Err(fault.message)),
        // An empty directory.
        None => (Source::named(path).name, Err("is a directory".into())),
    }
}
