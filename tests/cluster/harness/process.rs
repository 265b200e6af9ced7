//! Child processes that end with the test run, however it ends, and the folder they work in.
//!
//! Statics are not dropped when a process exits, and nothing is dropped when it is killed. So each child has a small
//! shell as its parent, which reads from a pipe that only the test process holds open: when that pipe closes, by `drop`
//! or by any end of the test process, the shell ends the one child that it started, by its id. The shells have process
//! groups of their own, so that Ctrl-C reaches the test process alone.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// `supervise PIDFILE SIGNAL COMMAND…`: runs the command until it ends or standard input does.
///
/// `wait` reaps the child only after the watcher can no longer send it a signal, or right before the watcher is ended.
const SUPERVISE: &str = r#"
exec 3<&0
pidfile=$1 signal=$2
shift 2
"$@" 3<&- </dev/null &
child=$!
echo "$child" >"$pidfile"
(
  read -r _ <&3
  kill -s "$signal" "$child" 2>/dev/null
  tries=0
  while kill -0 "$child" 2>/dev/null && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  [ "$tries" -lt 100 ] || kill -s KILL "$child" 2>/dev/null
) &
watcher=$!
wait "$child"
status=$?
kill "$watcher" 2>/dev/null
rm -f "$pidfile"
exit "$status"
"#;

/// `tidy FOLDER`: when standard input ends, waits for the processes that work in the folder and removes it.
const TIDY: &str = r#"
read -r _
tries=0
while [ "$tries" -lt 150 ] && ls "$1"/pids/* >/dev/null 2>&1; do sleep 0.1; tries=$((tries + 1)); done
rm -rf -- "$1"
"#;

fn shell(script: &str, name: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, name]).stdin(Stdio::piped()).process_group(0);
    command
}

/// Ends what the shell watches over by closing its standard input, and waits until it is gone.
fn end(shell: &mut Child) {
    drop(shell.stdin.take());
    _ = shell.wait();
}

/// A folder of its own that is removed when it is dropped, or when the test process is gone.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    janitor: Child,
}

impl Folder {
    /// Makes the folder, for this user only: keys lie in it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn new() -> io::Result<Self> {
        let path = tempfile::Builder::new().prefix("beamlit-").tempdir()?.keep();
        fs::create_dir(path.join("pids"))?;
        let janitor = shell(TIDY, "tidy").arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { path, janitor })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        end(&mut self.janitor);
    }
}

/// How a process is asked to end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// It has nothing to lose, and would take its time.
    Kill,
    /// It is expected to end properly by itself, and is killed only after ten seconds.
    Terminate,
}

/// A running child process with its output in a file.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    log: PathBuf,
    /// Holds its pid for as long as it runs.
    pid_file: PathBuf,
    shell: Child,
}

impl Process {
    /// Starts `command` with its output in `folder/NAME.log`.
    ///
    /// # Errors
    /// If there is no shell, or the log cannot be written.
    pub(crate) fn start(folder: &Folder, name: &str, end: End, command: &[String]) -> io::Result<Self> {
        let log = folder.path().join(format!("{name}.log"));
        let out = fs::File::create(&log)?;
        let signal = match end {
            End::Kill => "KILL",
            End::Terminate => "TERM",
        };
        let pid_file = folder.path().join("pids").join(name);
        let shell = shell(SUPERVISE, name)
            .arg(&pid_file)
            .arg(signal)
            .args(command)
            .stderr(out.try_clone()?)
            .stdout(out)
            .spawn()?;
        Ok(Self { name: name.to_owned(), log, pid_file, shell })
    }

    /// Where everything that the process prints goes.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.log.clone()
    }

    /// Everything the process has printed so far.
    pub(crate) fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// An error with the end of the log, if the process ended by itself.
    ///
    /// # Errors
    /// If it ended.
    pub(crate) fn alive(&mut self) -> Result<(), String> {
        match self.shell.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("{} ended ({status}):\n{}", self.name, self.last_words())),
            Err(error) => Err(format!("{}: {error}", self.name)),
        }
    }

    /// Its id.
    ///
    /// # Errors
    /// If it does not run.
    pub(crate) fn pid(&self) -> Result<u32, String> {
        let pid = fs::read_to_string(&self.pid_file).map_err(|error| format!("{}: {error}", self.name))?;
        pid.trim().parse().map_err(|_| format!("{}: {pid:?} is no id", self.name))
    }

    /// Sends it a signal, such as `STOP`.
    ///
    /// # Errors
    /// If it does not run.
    pub(crate) fn signal(&self, signal: &str) -> Result<(), String> {
        let sent = Command::new("/bin/kill").args(["-s", signal, &self.pid()?.to_string()]).status();
        match sent {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("{}: {other:?}", self.name)),
        }
    }

    /// The last lines of the log.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&mut self.shell);
    }
}
