//! The pinned etcd, kube-apiserver, kube-controller-manager and kubectl: found, or built. The pinned Gateway API's CRD, kwok and
//! metrics-server. And Debian's Prometheus.

#[path = "../../monitoring/installed.rs"]
mod installed;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use installed::installed;

const NEEDED: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"];

/// The folder with the tools: `$KUBEBUILDER_ASSETS` where it holds them in the pinned version, else the cache that
/// `tests/cluster/tools/build.sh` fills, whose progress appears on standard error.
///
/// # Errors
/// If they are not there and cannot be built. The tests that need them fail then: they are never skipped.
pub(crate) fn folder() -> Result<PathBuf, String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/tools");
    if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) {
        match unfit(&assets, &pinned(&sources)?) {
            None => return Ok(assets),
            Some(why) => eprintln!("KUBEBUILDER_ASSETS={} is not used: {why}", assets.display()),
        }
    }
    printed_by("build.sh", "the control plane could not be built, so the cluster tests cannot run; see the lines above")
}

/// The CRD of ReferenceGrant as the pinned Gateway API has it, as a file.
///
/// # Errors
/// If it is not there and cannot be fetched.
pub(crate) fn reference_grants() -> Result<PathBuf, String> {
    printed_by("gateway-api.sh", "the CRD of ReferenceGrant could not be fetched; see the lines above")
}

/// The folder with kwok and metrics-server.
///
/// # Errors
/// If they are not there and cannot be built.
pub(crate) fn simulation() -> Result<PathBuf, String> {
    printed_by("simulation.sh", "kwok and metrics-server could not be built; see the lines above")
}

/// Prometheus: on the PATH, or where `.ci/run` puts it.
///
/// # Errors
/// If it is in neither place.
pub(crate) fn prometheus() -> Result<PathBuf, String> {
    installed("prometheus").ok_or_else(|| "prometheus is needed (apt-get install prometheus)".into())
}

/// Runs a script of `tests/cluster/tools`, whose progress appears on standard error: what it prints on its last line.
fn printed_by(script: &str, failed: &str) -> Result<PathBuf, String> {
    let out = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/tools").join(script))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{script} cannot be run: {error}"))?;
    let last = String::from_utf8_lossy(&out.stdout).lines().last().map(PathBuf::from);
    last.filter(|_| out.status.success()).ok_or_else(|| failed.into())
}

/// The version of Kubernetes that go.mod pins, such as `v1.36.3`.
fn pinned(sources: &Path) -> Result<String, String> {
    let path = sources.join("go.mod");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    text.lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
        .and_then(|version| version.split_whitespace().next())
        .map(str::to_owned)
        .ok_or_else(|| format!("{} does not pin k8s.io/kubernetes", path.display()))
}

/// Why the folder is of no use, if it is not.
fn unfit(folder: &Path, version: &str) -> Option<String> {
    for tool in NEEDED {
        if !folder.join(tool).is_file() {
            return Some(format!("it has no {tool}"));
        }
    }
    // `kube-apiserver --version` says "Kubernetes v1.36.3"; kubectl has a subcommand.
    let versions: [(&str, &[&str]); 3] = [
        ("kube-apiserver", &["--version"]),
        ("kube-controller-manager", &["--version"]),
        ("kubectl", &["version", "--client"]),
    ];
    versions.into_iter().find_map(|(tool, arguments)| {
        let out = Command::new(folder.join(tool)).args(arguments).output().ok()?;
        let said = String::from_utf8_lossy(&out.stdout);
        let is = said.split_whitespace().find(|word| word.starts_with("v1.")).unwrap_or("of no known version");
        (is != version).then(|| format!("its {tool} is {is}, and {version} is needed"))
    })
}
