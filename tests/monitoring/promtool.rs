//! promtool, which is a part of Prometheus.

#[path = "installed.rs"]
mod installed;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use installed::installed;

fn promtool() -> Command {
    installed("promtool")
        .map(Command::new)
        .expect("promtool is needed: it is a part of Prometheus (apt-get install prometheus)")
}

/// What promtool has to say of standard input, or of files named in the arguments, if it finds anything wrong.
pub(crate) fn judged(folder: &Path, arguments: &[&str], input: &str) -> Result<(), String> {
    let (good, said) = said(folder, arguments, input);
    if good { Ok(()) } else { Err(format!("promtool {}: {said}", arguments.join(" "))) }
}

/// Whether promtool finds nothing wrong, and all that it says.
pub(crate) fn said(folder: &Path, arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = promtool()
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (out.status.success(), said)
}
