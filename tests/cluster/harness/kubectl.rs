//! The pinned kubectl, run as one user in one namespace.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a kubectl run printed, and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Whether it ended with 0.
    pub(crate) fn succeeded(&self) -> bool {
        self.code == Some(0)
    }
}

/// As a person sees it: exit code, standard output, standard error.
impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit {code}")?,
            None => writeln!(f, "ended by a signal")?,
        }
        f.write_str(&self.stdout)?;
        f.write_str(&self.stderr)
    }
}

/// How kubectl is called: as whom, and where.
#[derive(Clone, Debug)]
pub(crate) struct Kubectl {
    pub(super) program: PathBuf,
    pub(super) kubeconfig: PathBuf,
    pub(super) home: PathBuf,
    pub(crate) namespace: String,
    pub(super) environment: Vec<(OsString, OsString)>,
}

impl Kubectl {
    /// The same user in another namespace.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self.clone() }
    }

    /// The same user, naming no namespace: what is read from manifests has its own.
    pub(crate) fn in_no_namespace(&self) -> Self {
        self.in_namespace("")
    }

    /// With an environment variable set, such as `KUBE_EDITOR`.
    pub(crate) fn with(&self, name: &str, value: impl Into<OsString>) -> Self {
        let mut other = self.clone();
        other.environment.push((name.into(), value.into()));
        other
    }

    /// The kubectl that is run.
    #[allow(dead_code, reason = "the demo shows it")]
    pub(crate) fn program(&self) -> &std::path::Path {
        &self.program
    }

    /// Where the credentials of this user are.
    #[allow(dead_code, reason = "the demo shows it")]
    pub(crate) fn kubeconfig(&self) -> &std::path::Path {
        &self.kubeconfig
    }

    /// Runs `kubectl ARGUMENTS`, split at spaces.
    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.feed(arguments, "")
    }

    /// As [`Kubectl::run`], with something on standard input.
    pub(crate) fn feed(&self, arguments: &str, input: &str) -> Output {
        self.call(&arguments.split_whitespace().collect::<Vec<_>>(), input)
    }

    /// As [`Kubectl::feed`], for arguments that hold spaces.
    pub(crate) fn call(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(&self.program)
            .args(arguments)
            // Nothing of the person's own configuration, and no prompt.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.home.join("cache"))
            .env("KUBERC", "off")
            .env("LC_ALL", "C.UTF-8")
            // It is over before there is anything to collect: a third of its time.
            .env("GOGC", "off")
            .env("GOMEMLIMIT", "256MiB")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .args((!self.namespace.is_empty()).then(|| ["--namespace", &self.namespace]).into_iter().flatten())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        let mut stdin = child.stdin.take().expect("standard input is piped");
        std::thread::scope(|scope| {
            // kubectl may refuse before it has read everything: then the pipe breaks, and that is no fault.
            scope.spawn(move || _ = stdin.write_all(input.as_bytes()));
            let out = child.wait_with_output().expect("kubectl was started");
            Output {
                code: out.status.code(),
                stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
                stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
            }
        })
    }

    /// Runs what must succeed and returns what it printed.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &str) -> String {
        self.ok_with(arguments, "")
    }

    /// As [`Kubectl::ok`], with something on standard input.
    #[track_caller]
    pub(crate) fn ok_with(&self, arguments: &str, input: &str) -> String {
        let out = self.feed(arguments, input);
        assert!(out.succeeded(), "kubectl {arguments}\n{out}");
        out.stdout
    }

    /// Applies a manifest that must be admitted.
    #[track_caller]
    pub(crate) fn apply(&self, manifest: &str) -> String {
        self.ok_with("apply -f -", manifest)
    }

    /// Reads an object back.
    #[track_caller]
    pub(crate) fn get(&self, what: &str) -> Value {
        let text = self.ok(&format!("get {what} --output json"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}\n{text}"))
    }
}
