//! `crds`: the CustomResourceDefinitions as YAML, to be installed or kept beside the code that they are made from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Number, Value};

use super::output;
use super::{Exit, complain};
use crate::api;
use crate::engine::Kind;

/// What `crds` is told to do.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Prints the CustomResourceDefinitions of ModelDeployment, OffloadAutoscaler and Policy as YAML, for `kubectl apply --server-side -f -`, \
or writes each to a file of its own.",
    after_long_help = "\
Examples:
  beamlit-operator crds | kubectl apply --server-side -f -
  beamlit-operator crds Policy
  beamlit-operator crds --output-dir crds"
)]
pub struct Args {
    /// The kind whose definition is wanted; all are printed if none is given
    #[arg(value_name = "KIND", ignore_case = true, value_parser = Kind::ALL.map(Kind::name))]
    kind: Option<String>,

    /// Write one file per definition into this directory, which is made if it is not there
    #[arg(long, short = 'd', value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

/// What every definition starts with.
const HEADER: &str =
    "# Generated from the types in src/api by `beamlit-operator crds --output-dir crds`: change those, not this.\n";

/// Prints or writes the definitions.
pub fn run(args: &Args) -> Exit {
    let wanted = |crd: &Crd| args.kind.as_ref().is_none_or(|kind| kind.eq_ignore_ascii_case(&crd.kind));
    let crds: Vec<Crd> = match all() {
        Ok(crds) => crds.into_iter().filter(wanted).collect(),
        Err(error) => {
            complain(&format!("cannot write a definition as YAML: {error}"));
            return Exit::Internal;
        }
    };
    match &args.output_dir {
        None => output::print(Exit::Fine, |out| {
            let documents: Vec<&str> = crds.iter().map(|crd| crd.yaml.as_str()).collect();
            out.write_all(documents.join("---\n").as_bytes())
        }),
        Some(directory) => match write(directory, &crds) {
            Ok(paths) => output::print(Exit::Fine, |out| paths.iter().try_for_each(|path| writeln!(out, "{path}"))),
            Err(error) => {
                complain(&error);
                Exit::Internal
            }
        },
    }
}

fn write(directory: &Path, crds: &[Crd]) -> Result<Vec<String>, String> {
    let told = |path: &Path, error: io::Error| format!("cannot write {}: {error}", path.display());
    fs::create_dir_all(directory).map_err(|error| told(directory, error))?;
    crds.iter()
        .map(|crd| {
            let path = directory.join(&crd.file);
            fs::write(&path, &crd.yaml).map_err(|error| told(&path, error))?;
            Ok(path.display().to_string())
        })
        .collect()
}

/// A definition, ready to be written.
struct Crd {
    kind: String,
    /// The name of its file: `<group>_<plural>.yaml`, as controller-gen calls them.
    file: String,
    yaml: String,
}

fn all() -> Result<Vec<Crd>, Box<dyn std::error::Error>> {
    api::all_crds()?.into_iter().map(crd).collect()
}

fn crd(mut definition: Value) -> Result<Crd, Box<dyn std::error::Error>> {
    whole_numbers(&mut definition);
    let text = |pointer| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let file = format!("{}_{}.yaml", text("/spec/group"), text("/spec/names/plural"));
    let kind = text("/spec/names/kind").to_owned();
    // A reader of YAML 1.1, as kubectl is, must not take a text for a boolean or a number: the writer quotes for it.
    let yaml = format!("{HEADER}{}", serde_saphyr::to_string(&definition)?);
    Ok(Crd { kind, file, yaml })
}

/// The limits are floats in the types of the API: `1.0` is `1`, and reads better so.
pub(super) fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            // Beyond 2^53 a float is no longer sure to be the integer that was meant.
            #[allow(clippy::cast_possible_truncation)]
            let whole = number
                .as_f64()
                .filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0)
                .map(|float| Number::from(float as i64));
            if let Some(whole) = whole {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(members) => members.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_files_of_the_repository_are_what_the_types_say() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
        let mut files: Vec<String> =
            fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let mut expected: Vec<String> = all().unwrap().into_iter().map(|crd| crd.file).collect();
        // The one file there that is written by hand: it only lists the others.
        expected.push("kustomization.yaml".to_owned());
        expected.sort();
        assert_eq!(files, expected);
        for crd in all().unwrap() {
            let stored = fs::read_to_string(directory.join(&crd.file)).unwrap();
            assert!(stored == crd.yaml, "{}: run `cargo run -- crds --output-dir crds`", crd.file);
        }
        let listed = fs::read_to_string(directory.join("kustomization.yaml")).unwrap();
        let listed: Value = serde_saphyr::from_str(&listed).unwrap();
        expected.retain(|file| file != "kustomization.yaml");
        assert_eq!(listed["resources"], serde_json::json!(expected), "what is installed");
    }

    #[test]
    fn what_is_written_reads_as_what_was_meant() {
        for (written, mut meant) in all().unwrap().iter().zip(api::all_crds().unwrap()) {
            whole_numbers(&mut meant);
            assert_eq!(serde_saphyr::from_str::<Value>(&written.yaml).unwrap(), meant, "{}", written.file);
            assert!(!written.yaml.contains(".0\n"), "{}: a limit is written as a float", written.file);
        }
    }

    /// What a reader of YAML 1.1 could take for something else, and what breaks lines.
    #[test]
    fn texts_stay_texts() {
        let texts = [
            "yes",
            "no",
            "on",
            "off",
            "y",
            "n",
            "Y",
            "null",
            "~",
            "true",
            "0x10",
            "010",
            "1_000",
            "1e3",
            "12:30",
            ".inf",
            "2026-01-01",
            "=",
            "",
            "a: b",
            "a #b",
            "- a",
            " a",
            "a ",
            "a\nb",
            "a\n\n  b\n",
            "a\tb",
            "'a'",
            "\"a\"",
            "`a` {b} [c]",
            "%a",
            "@a",
            "!a",
            "&a",
            "*a",
            "? a",
            ": a",
            "|",
            ">",
        ];
        let long: Vec<String> =
            texts.iter().map(|text| format!("{} {text}: {}", "word ".repeat(30), "more ".repeat(30))).collect();
        let value = json!({"texts": texts.as_slice(), "long": long, "whole": 1, "half": 0.5, "no": true});
        let yaml = serde_saphyr::to_string(&value).unwrap();
        assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), value);
        for text in [
            "yes",
            "no",
            "on",
            "off",
            "y",
            "n",
            "Y",
            "null",
            "~",
            "true",
            "0x10",
            "010",
            "1_000",
            "1e3",
            "12:30",
            "2026-01-01",
            "=",
        ] {
            assert!(!yaml.contains(&format!("- {text}\n")), "{text} is not quoted in {yaml}");
        }
        assert!(!yaml.contains("\nno:"), "a key is not quoted in {yaml}");
    }

    #[test]
    fn limits_are_whole_numbers() {
        let mut value = json!({"minimum": 1.0, "list": [65535.0, 0.5, -1.0, 1e300], "text": "1.0", "int": 3});
        whole_numbers(&mut value);
        assert_eq!(value, json!({"minimum": 1, "list": [65535, 0.5, -1, 1e300], "text": "1.0", "int": 3}));
    }
}
