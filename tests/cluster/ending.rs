//! The harness ends what it started, also when the test process is not there any more to do it.

use std::path::Path;
use std::process::Command;

use crate::harness::poll;
use crate::harness::process::{End, Folder, Process};

/// Set in the process that is to come to a bad end.
const VICTIM: &str = "BEAMLIT_TEST_ENDS_ABRUPTLY";

fn sleeper(folder: &Folder, end: End, script: &str) -> (Process, u32) {
    let command = ["/bin/sh", "-c", script].map(str::to_owned);
    let process = Process::start(folder, "sleeper", end, &command).unwrap();
    let pidfile = folder.path().join("pids/sleeper");
    let pid = poll("the process to start", || {
        let text = std::fs::read_to_string(&pidfile).map_err(|error| error.to_string())?;
        text.trim().parse().map_err(|_| "no id yet".to_owned())
    });
    (process, pid.unwrap())
}

fn runs(pid: u32) -> bool {
    // A process that has ended and is not yet reaped has no command line.
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

#[test]
fn dropped_a_process_has_ended_and_its_folder_is_gone() {
    let folder = Folder::new().unwrap();
    let path = folder.path().to_owned();
    let (killed, pid) = sleeper(&folder, End::Kill, "trap '' TERM; sleep 600 & wait");
    drop(killed);
    assert!(!runs(pid));
    let (mut terminated, pid) =
        sleeper(&folder, End::Terminate, "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done");
    poll("the trap", || {
        if terminated.log().contains("up") { Ok(()) } else { terminated.alive().and(Err("not yet".into())) }
    })
    .unwrap();
    drop(terminated);
    assert!(!runs(pid));
    assert!(std::fs::read_to_string(path.join("sleeper.log")).unwrap().contains("bye"));
    drop(folder);
    assert!(!path.exists());
}

#[test]
fn a_process_that_ends_by_itself_is_noticed() {
    let folder = Folder::new().unwrap();
    let (mut process, _) = sleeper(&folder, End::Kill, "echo last words; sleep 0.5; exit 3");
    let why = poll("the end", || match process.alive() {
        Ok(()) => Err("it runs".into()),
        Err(why) => Ok(why),
    });
    let why = why.unwrap();
    assert!(why.contains("exit status: 3") && why.contains("last words"), "{why}");
}

#[test]
fn nothing_is_left_of_a_test_process_that_is_killed() {
    if std::env::var_os(VICTIM).is_some() {
        let folder = Folder::new().unwrap();
        let (_process, pid) = sleeper(&folder, End::Kill, "exec sleep 600");
        println!("{pid} {}", folder.path().display());
        // No destructor runs, as with a signal.
        std::process::abort();
    }
    let out = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "ending::nothing_is_left_of_a_test_process_that_is_killed"])
        .env(VICTIM, "1")
        .output()
        .unwrap();
    assert!(!out.status.success());
    let text = String::from_utf8_lossy(&out.stdout);
    let (pid, path) = text
        .lines()
        .find_map(|line| line.rsplit_once(" /").map(|(pid, path)| (pid.to_owned(), format!("/{path}"))))
        .unwrap_or_else(|| panic!("{text}"));
    let pid = pid.rsplit(' ').next().unwrap().parse().unwrap();
    poll("the process and its folder to go", || {
        if runs(pid) || Path::new(&path).exists() { Err(format!("{pid} {path}")) } else { Ok(()) }
    })
    .unwrap();
}
