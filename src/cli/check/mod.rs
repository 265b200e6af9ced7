//! `check`: judges manifests in files, directories and stdin as the webhook would.

mod configured;
mod given;
mod json;
mod plain;
mod report;
mod sources;

use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;

use super::Exit;
use super::output::{self, Format};
use crate::engine::configuration::Configuration;
use crate::engine::manifest::Judge;
use crate::engine::parse::Mark;
use crate::engine::units::names;
pub(super) use given::{Files, Given, given, read_one};
use report::Report;
use sources::{Read, Source};

/// What `check` is told to do.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Judges every ModelDeployment, OffloadAutoscaler and Policy in files, directories and on stdin, as the webhook would at `kubectl apply`, \
and names all that is wrong with them at once: where, what, and what to write instead.\n\n\
Reads YAML as kubectl does (multi-document files and Lists included) and JSON. Objects of other kinds are passed over and counted. \
With --config, the operator's configuration is judged first, and the rest as an operator with it would. \
It talks to no cluster: what an object refers to and no file holds is unknown, and said to be.",
    after_long_help = "\
Examples:
  beamlit-operator check deploy/
  beamlit-operator check --deny-warnings --quiet deploy/ policies/eu.yaml
  beamlit-operator check --config operator-configuration.yaml deploy/
  beamlit-operator check --config operator-configuration.yaml       (the configuration alone)
  kubectl get modeldeployments -A -o yaml | beamlit-operator check -
  beamlit-operator check --output json deploy/ | jq '.results[] | select(.verdict == \"refused\") | .name'
  beamlit-operator rules OB003       (what a code in brackets means)

Exit codes, the higher line wins:
  70  internal error
  64  wrong usage
   2  something could not be read or parsed
   1  an object, or the configuration, is refused (or warned about, with --deny-warnings)
   3  nothing to check
   0  all admitted"
)]
pub struct Args {
    /// Files, directories (*.yaml, *.yml and *.json in them, hidden ones aside), or - for stdin
    #[arg(required_unless_present = "config", value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    place: Place,

    /// End with exit code 1 if there is a warning
    #[arg(long)]
    deny_warnings: bool,

    /// For whom the output is
    #[arg(long, short, value_enum, default_value_t = Format::Plain)]
    output: Format,

    /// Print errors only: no warnings, no notes, no summary
    #[arg(long, short)]
    quiet: bool,
}

/// Where manifests are judged as if they were applied there.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The operator's configuration (an OperatorConfiguration): it is judged too, and where it is not sound nothing else is
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The namespace of objects that name none
    #[arg(long, short, value_name = "NAMESPACE", default_value = "default", value_parser = namespace)]
    namespace: String,

    /// The cluster's DNS domain: remote backends may not be names of other namespaces in it [default: clusterDomain of the
    /// configuration, or else cluster.local]
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    cluster_domain: Option<String>,
}

fn namespace(text: &str) -> Result<String, String> {
    names::dns_label(text).map(|()| text.to_owned())
}

/// In the form that `serve` takes as well: any letter case, with or without the root dot.
fn domain(text: &str) -> Result<String, String> {
    names::dns_domain(text)
}

/// Judges what the arguments name and prints what was found.
pub fn run(args: &Args) -> Exit {
    let report = judged(&args.paths, &args.place, |judge| judge);
    output::print(report.exit(args.deny_warnings), |out| match args.output {
        Format::Json => json::write(out, &report, args.quiet),
        Format::Plain => {
            plain::write(out, &report, &plain::Options { quiet: args.quiet, deny_warnings: args.deny_warnings })
        }
    })
}

/// Judges what paths lead to, as one world, by a judge that is `prepared`.
fn judged(paths: &[PathBuf], place: &Place, prepared: impl FnOnce(Judge) -> Judge) -> Report {
    let mut report = Report::default();
    if let Some(judge) = judge(&mut report, paths, place) {
        judge_all(&mut report, prepared(judge), read(paths, place));
    }
    report
}

/// The judge of a place, and a report on its configuration; none if that is not sound.
fn judge(report: &mut Report, paths: &[PathBuf], place: &Place) -> Option<Judge> {
    let domain = place.cluster_domain.as_deref();
    let configuration = match &place.config {
        None => {
            let default = Configuration::default();
            Configuration { cluster_domain: domain.map_or(default.cluster_domain, str::to_owned), ..default }
        }
        Some(path) => {
            report.beside = usize::from(!paths.is_empty());
            match configured::judge(report, path, domain) {
                Some(configuration) => configuration,
                // Verdicts of another configuration would be untrue.
                None => {
                    report.not_judged = paths.iter().map(|path| sources::name_of(path)).collect();
                    return None;
                }
            }
        }
    };
    Some(Judge::new(&place.namespace, configuration).in_cluster_domain(domain))
}

/// What paths lead to, but for the configuration.
fn read(paths: &[PathBuf], place: &Place) -> Vec<Read> {
    let mut found = sources::find(paths);
    if let Some(path) = &place.config {
        sources::leave_out(&mut found, path);
    }
    sources::read(found, sources::MAX_TOGETHER)
}

/// Has all sources judged as one world.
fn judge_all(report: &mut Report, mut judge: Judge, found: Vec<Read>) {
    for (_, bytes) in found.iter().flatten() {
        // What cannot be taken in breaks down once more when it is judged, and is told then.
        _ = panic::catch_unwind(AssertUnwindSafe(|| judge.learn(bytes)));
    }
    examine(report, found, |source, bytes| judge.source(bytes, source.named));
}

/// Has every source judged. A panic is a fault of this program: it is reported for its source, and the others are still judged.
fn examine(
    report: &mut Report,
    sources: Vec<Read>,
    mut judge: impl FnMut(&Source, &[u8]) -> Vec<crate::engine::manifest::Outcome>,
) {
    for found in sources {
        let (source, bytes) = match found {
            Ok(read) => read,
            Err(fault) => {
                report.unreadable(fault.name, Mark::default(), fault.message);
                continue;
            }
        };
        match panic::catch_unwind(AssertUnwindSafe(|| judge(&source, &bytes))) {
            Ok(outcomes) => report.add(&source.name, outcomes),
            Err(_) => report.crashed(source.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::manifest::Outcome;

    #[test]
    fn a_panic_costs_one_source_and_is_an_internal_error() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a.yaml", "b.yaml"] {
            std::fs::write(directory.path().join(name), name).unwrap();
        }
        let mut judged = Vec::new();
        let mut report = Report::default();
        examine(
            &mut report,
            sources::read(sources::find(&[directory.path().to_owned()]), sources::MAX_TOGETHER),
            |_, bytes| {
                assert_ne!(bytes, b"a.yaml", "clientSecret: hunter2");
                judged.push(bytes.to_vec());
                vec![Outcome::Skipped]
            },
        );
        assert_eq!(judged, [b"b.yaml"]);
        assert_eq!(report.exit(false), Exit::Internal);
        let mut out = Vec::new();
        json::write(&mut out, &report, false).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("internal error") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn names_given_as_arguments_have_their_forms() {
        assert_eq!(domain("Cluster.Local."), Ok("cluster.local".into()));
        for wrong in ["", ".", "a..b", "a b", "-a"] {
            assert!(domain(wrong).is_err(), "{wrong}");
        }
        assert_eq!(namespace("team-a"), Ok("team-a".into()));
        assert!(namespace("Team").is_err());
    }
}
