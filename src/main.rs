//! Process start: the command line and its exit codes.

use std::process::ExitCode;

use clap::Parser;

/// Admission webhook and command-line judge for ModelDeployments and Policies.
#[derive(Parser)]
#[command(version)]
enum Command {
    #[cfg(feature = "operator")]
    Serve(beamlit_operator::serve::Args),
}

fn main() -> ExitCode {
    match Command::try_parse() {
        #[cfg(feature = "operator")]
        Ok(Command::Serve(args)) => beamlit_operator::serve::run(args),
        Err(error) => {
            let wrong = error.use_stderr();
            _ = error.print();
            if wrong { ExitCode::from(64) } else { ExitCode::SUCCESS }
        }
    }
}
