//! `schema`: the JSON Schema of the operator's configuration, for editors and other programs.

use super::output;
use super::{Exit, crds};
use crate::api;

/// What `schema` is told to do.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Prints the JSON Schema (2020-12) of the operator's configuration, an OperatorConfiguration, made from the types that \
`serve` and `check` read it with. Editors that know YAML complete and check by it, once the configuration begins with\n\
  # yaml-language-server: $schema=operator-configuration.schema.json\n\
It knows less than `check --config`: that alone knows countries, patterns of hosts, and what contradicts what.",
    after_long_help = "\
Examples:
  beamlit-operator schema > operator-configuration.schema.json"
)]
pub struct Args {}

/// Prints the schema.
pub fn run(_: &Args) -> Exit {
    let mut schema = api::configuration_schema();
    crds::whole_numbers(&mut schema);
    output::print(Exit::Fine, |out| output::json(out, &schema))
}
