//! `compile`: shows what manifests come to, without a cluster.

mod diff;
mod explain;
mod objects;

use std::path::PathBuf;

use clap::ValueEnum;

use super::check::{self, Place};
use super::output;
use super::{Exit, name_stdin_twice, usage};

/// What `compile` is told to do.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Compiles every ModelDeployment in files, directories and on stdin to its OffloadAutoscaler, with everything that is defaulted or \
resolved written out, as the operator does.\n\n\
What it prints can be applied, and is what the annotation offloading.beamlit.com/autoscaler shows in a server-side dry run. With --plan it prints all that \
the operator makes true: the autoscaler, the annotations of the Service, and what Beamlit is sent (values of environment variables redacted). \
Manifests are judged first, as by `check`; if one is refused, nothing is printed.",
    after_long_help = "\
Examples:
  beamlit-operator compile deploy/samples
  beamlit-operator compile --explain model.yaml            (which field or default each value came from)
  beamlit-operator compile --plan --output json model.yaml service.yaml deployment.yaml
  beamlit-operator compile --diff main/deploy deploy --exit-code
  kubectl get modeldeployments -A -o yaml | beamlit-operator compile -

Exit codes, the higher line wins:
  70  internal error
  64  wrong usage
   2  something could not be read or parsed
   1  an object, or the configuration, is refused; or there is a difference, with --exit-code
   3  nothing to compile
   0  all compiled"
)]
pub struct Args {
    /// Files, directories (*.yaml, *.yml and *.json in them, hidden ones aside), or - for stdin
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    place: Place,

    /// Print everything that the operator makes true, not only what can be applied
    #[arg(long, conflicts_with_all = ["explain", "diff"])]
    plan: bool,

    /// Say for every value which field or default it came from
    #[arg(long, conflicts_with = "diff")]
    explain: bool,

    /// Print how what PATH comes to differs from what OLD, a file or directory, comes to
    #[arg(long, value_name = "OLD")]
    diff: Option<PathBuf>,

    /// End with exit code 1 if there is a difference
    #[arg(long, requires = "diff")]
    exit_code: bool,

    /// The form of the output
    #[arg(long, short, value_enum, default_value_t = Format::Yaml)]
    output: Format,

    /// Tell of errors only: no warnings, no notes
    #[arg(long, short)]
    quiet: bool,
}

/// In what form the output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// YAML; lines of text with --explain and --diff
    Yaml,
    /// One JSON document
    Json,
}

/// Compiles what the arguments name, and prints it.
pub fn run(args: &Args) -> Exit {
    if name_stdin_twice(args.paths.iter().chain(&args.diff)) {
        return usage("stdin (-) can be read only once");
    }
    let given = match check::given(&args.paths, &args.place, args.quiet) {
        Ok(given) => given,
        // All of it is gone.
        Err(Exit::Nothing) if args.diff.is_some() => Vec::new(),
        Err(exit) => return exit,
    };
    let json = args.output == Format::Json;
    if let Some(old) = &args.diff {
        let old = match check::given(std::slice::from_ref(old), &args.place, true) {
            Ok(old) => old,
            // There was nothing before.
            Err(Exit::Nothing) => Vec::new(),
            Err(exit) => return exit,
        };
        let differences = diff::between(&old, &given);
        let exit = if args.exit_code && !differences.is_empty() { Exit::Refused } else { Exit::Fine };
        return output::print(exit, |out| if json { output::json(out, &differences) } else { differences.write(out) });
    }
    match (args.explain, args.plan, json) {
        (true, _, json) => output::print(Exit::Fine, |out| explain::write(out, &given, json)),
        (false, true, json) => output::print(Exit::Fine, |out| objects::plans(out, &given, json)),
        (false, false, json) => output::print(Exit::Fine, |out| objects::objects(out, &given, json)),
    }
}
