//! What comes with Debian's package of Prometheus.

use std::path::{Path, PathBuf};

/// A program of it: on the PATH, or where `.ci/run` puts it.
pub(crate) fn installed(program: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([cache.join("beamlit-operator/tools/bin")])
        .map(|folder| folder.join(program))
        .find(|program| program.is_file())
}
