//! Manifests for commands that do more with them than to judge: judged first, and handed over only if all is well.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::report::{Event, Report};
use super::sources::{self, Read};
use super::{Place, judge, judge_all, judged, plain};
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
    told(judged(paths, place, Judge::compiling), quiet)
}

/// Files that are judged more than once: as they are, and with values that are tried out.
pub(in crate::cli) struct Files<'p> {
    paths: &'p [PathBuf],
    place: &'p Place,
    found: Vec<Read>,
}

impl<'p> Files<'p> {
    /// Reads what paths lead to.
    pub(in crate::cli) fn read(paths: &'p [PathBuf], place: &'p Place) -> Self {
        Self { paths, place, found: super::read(paths, place) }
    }

    /// As [`given`], of errors only, by a judge that is `prepared`.
    pub(in crate::cli) fn given(&self, prepared: impl FnOnce(Judge) -> Judge) -> Result<Vec<Given>, Exit> {
        let mut report = Report::default();
        if let Some(judge) = judge(&mut report, self.paths, self.place) {
            judge_all(&mut report, prepared(judge).compiling(), self.found.clone());
        }
        told(report, true)
    }
}

fn told(report: Report, quiet: bool) -> Result<Vec<Given>, Exit> {
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

/// What people call a source, and its bytes or why there are none; `-` is stdin.
pub(in crate::cli) fn read_one(path: &Path) -> (String, Result<Vec<u8>, String>) {
    match sources::find(&[path.to_owned()]).pop() {
        Some(Ok(source)) => (source.name.clone(), source.read()),
        Some(Err(fault)) => (fault.name, Err(fault.message)),
        // An empty directory.
        None => (sources::name_of(path), Err("is a directory".into())),
    }
}
