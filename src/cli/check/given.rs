//! Manifests for commands that do more with them than to judge: judged first, and handed over only if all is well.

use std::io::{self, Write};
use std::path::PathBuf;

use super::report::Event;
use super::{Place, judged, plain};
use crate::cli::Exit;
use crate::engine::manifest::{Compiled, Judge};

/// An object that was admitted, and what it was compiled to.
pub(in crate::cli) struct Given {
    /// What people call the source.
    pub source: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// What it was compiled to.
    pub compiled: Compiled,
}

/// Judges and compiles what paths lead to, as one world. What there is to say of it stderr is told, errors alone if `quiet`; where
/// there are errors, nothing is given.
pub(in crate::cli) fn given(paths: &[PathBuf], place: &Place, quiet: bool) -> Result<Vec<Given>, Exit> {
    let report = judged(paths, place, Judge::compiling);
    let exit = report.exit(false);
    let mut out = anstream::AutoStream::auto(io::stderr().lock());
    // Where not even stderr can be written to, the exit code must do.
    _ = plain::write(&mut out, &report, &plain::Options { quiet, deny_warnings: false }).and_then(|()| out.flush());
    if exit != Exit::Fine {
        return Err(exit);
    }
    Ok(report
        .entries
        .into_iter()
        .filter_map(|entry| match entry.event {
            Event::Judged(judged) => Some(Given {
                source: entry.source,
                namespace: judged.namespace.unwrap_or_default(),
                name: judged.name,
                compiled: judged.compiled?,
            }),
            Event::Unreadable { .. } => None,
        })
        .collect())
}
