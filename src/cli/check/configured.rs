//! The operator's configuration as one more source: read and judged before everything else.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use super::report::Report;
use super::sources::Source;
use crate::engine::configuration::Configuration;
use crate::engine::manifest::configuration;
use crate::engine::parse::Mark;

/// Reports on the configuration in a file, and gives what it comes to if it is sound.
pub(super) fn judge(report: &mut Report, path: &Path, cluster_domain: Option<&str>) -> Option<Configuration> {
    let source = Source::named(path);
    let bytes = match source.read() {
        Ok(bytes) => bytes,
        Err(message) => {
            report.unreadable(source.name, Mark::default(), message);
            return None;
        }
    };
    match panic::catch_unwind(AssertUnwindSafe(|| configuration::read(&bytes, cluster_domain))) {
        Ok(read) => {
            report.add(&source.name, vec![read.outcome]);
            read.configuration
        }
        Err(_) => {
            report.crashed(source.name);
            None
        }
    }
}
