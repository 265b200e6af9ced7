//! Process start: the command line and its exit codes.

use std::process::ExitCode;

use beamlit_operator::cli::{self, Exit, check, compile, crds, rules, schema, simulate};
use clap::{Parser, Subcommand};

/// Judges and compiles ModelDeployments and Policies: at `kubectl apply` as an admission webhook, and in files.
#[derive(Parser)]
#[command(
    version,
    long_about = "Judges ModelDeployments and Policies, the resources that say when traffic to an AI model may leave the cluster, how much of it, and where it may go.\n\n\
In a cluster it is the admission webhook behind `kubectl apply`; on files, `check` gives the same judgement in the same words.",
    after_help = "Start with: beamlit-operator check deploy/samples",
    max_term_width = 120
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judge manifests in files, directories or on stdin
    Check(check::Args),
    /// Show what manifests come to: the OffloadAutoscaler, routing and what Beamlit is sent
    Compile(compile::Args),
    /// Replay traffic against a manifest, and see what would be sent away and what users would feel
    Simulate(Box<simulate::Args>),
    /// List the rules, or explain some of them
    Rules(rules::Args),
    /// Print the CustomResourceDefinitions
    Crds(crds::Args),
    /// Print the JSON Schema of the operator's configuration
    Schema(schema::Args),
    /// Run the admission webhook
    #[cfg(feature = "operator")]
    Serve(Box<beamlit_operator::serve::Args>),
}

fn main() -> ExitCode {
    match CommandLine::try_parse() {
        Ok(CommandLine { command }) => match command {
            Command::Check(args) => cli::run(|| check::run(&args)),
            Command::Compile(args) => cli::run(|| compile::run(&args)),
            Command::Simulate(args) => cli::run(|| simulate::run(&args)),
            Command::Rules(args) => cli::run(|| rules::run(&args)),
            Command::Crds(args) => cli::run(|| crds::run(&args)),
            Command::Schema(args) => cli::run(|| schema::run(&args)),
            #[cfg(feature = "operator")]
            Command::Serve(args) => beamlit_operator::serve::run(*args),
        },
        Err(error) => {
            // --help and --version arrive here too. Nobody is left to tell if they cannot be printed.
            _ = error.print();
            if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS }
        }
    }
}
