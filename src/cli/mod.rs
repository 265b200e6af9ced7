//! The command line: the judge and the compiler on files, the catalogue of rules, the CRDs and the configuration's schema, without a cluster and without a network.

pub mod check;
pub mod compile;
pub mod crds;
mod output;
pub mod rules;
pub mod schema;
pub mod simulate;

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::path::PathBuf;
use std::process::ExitCode;

/// How a command ended. The numbers are a contract that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Fine = 0,
    /// An object was refused, or warned about where warnings are denied.
    Refused = 1,
    /// A source could not be read.
    Unreadable = 2,
    /// There was nothing to judge.
    Nothing = 3,
    /// The command was used wrongly (`EX_USAGE` of sysexits).
    Usage = 64,
    /// A fault of this program, or of the place that it writes to (`EX_SOFTWARE`).
    Internal = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Runs a command, and answers a panic in it with [`Exit::Internal`].
///
/// The hook stays for the rest of the process: a panic's own message may quote what was judged, so only its place is told.
pub fn run(command: impl FnOnce() -> Exit) -> ExitCode {
    panic::set_hook(Box::new(|panic| complain(&place_of(panic))));
    panic::catch_unwind(AssertUnwindSafe(command)).unwrap_or(Exit::Internal).into()
}

fn place_of(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
    format!("internal error{place}: please report it")
}

/// Tells on stderr what kept a command from its work.
fn complain(message: &str) {
    // Where not even stderr can be written to, the exit code must do.
    _ = writeln!(io::stderr().lock(), "error: {message}");
}

/// Tells what was wrong with the arguments.
fn usage(message: &str) -> Exit {
    complain(message);
    Exit::Usage
}

/// Whether stdin is named more than once, where it can be read only once.
fn name_stdin_twice<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> bool {
    paths.into_iter().filter(|path| path.as_os_str() == "-").count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_error() {
        let before = panic::take_hook();
        let code = run(|| panic!("clientSecret: hunter2"));
        panic::set_hook(before);
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(70)));
    }

    #[test]
    fn the_exit_codes_are_those_of_the_contract() {
        let codes = [Exit::Fine, Exit::Refused, Exit::Unreadable, Exit::Nothing, Exit::Usage, Exit::Internal];
        assert_eq!(codes.map(|exit| exit as u8), [0, 1, 2, 3, 64, 70]);
    }
}
