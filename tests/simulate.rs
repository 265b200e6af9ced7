//! `simulate` as people and scripts meet it: the built binary, its outputs and exit codes, what bad input does to it, and the figures
//! and plots of the documentation, which are all made by it.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "simulate/documents.rs"]
mod documents;

use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const SAMPLE: &str = "deploy/samples/model-deployment.yaml";

const OTHER: &str = "\
---
apiVersion: deployment.beamlit.com/v1alpha1
kind: ModelDeployment
metadata:
  name: other
spec:
  model: other
  modelSourceRef:
    name: other
";

fn operator(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beamlit-operator"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).env_remove("NO_COLOR");
    command.output().unwrap()
}

fn simulate(arguments: &[&str]) -> Output {
    operator(&[&["simulate"], arguments].concat())
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"))
}

/// What a run that went well prints.
fn text(output: &Output) -> String {
    assert!(code(output) == 0 && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a run that went wrong complains of: nothing on stdout, and no panic.
fn complaint(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!text.contains("internal error"), "{text}");
    text
}

fn file(name: &str, content: &str) -> (tempfile::TempDir, String) {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join(name);
    fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (root, path)
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&text(&simulate(&[arguments, &["-o", "json"]].concat()))).unwrap()
}

#[test]
fn a_spike_as_a_table() {
    let output = text(&simulate(&["-f", SAMPLE, "--shape", "spike"]));
    let (table, verdict) = output.split_once("\nStep, at most 50 %\n").unwrap();
    let rows: Vec<&str> = table.lines().skip(3).filter(|line| !line.is_empty()).collect();
    assert!((35..=60).contains(&rows.len()), "{} rows", rows.len());
    for change in ["0:10:30", "0:25:15"] {
        assert!(rows.iter().any(|row| row.trim_start().starts_with(change)), "{change} in {table}");
    }
    for words in
        ["offloads 30 s after", "releases 5 min", "peak local load 120 %", "change of direction", "of 270 000 requests"]
    {
        assert!(verdict.contains(words), "{words} in {verdict}");
    }
    let verbose = text(&simulate(&["-f", SAMPLE, "--shape", "spike", "--verbose"]));
    assert!(verbose.lines().count() > 240, "a decision every 15 s");
}

#[test]
fn every_shape_and_output_is_the_same_each_time() {
    for shape in ["spike", "step", "sine", "ramp", "sawtooth", "metric-loss", "replica-loss", "flapping"] {
        for format in ["table", "verdict", "json", "svg", "html"] {
            let arguments = ["-f", SAMPLE, "--shape", shape, "--noise", "5", "--seed", "7", "-o", format];
            assert_eq!(text(&simulate(&arguments)), text(&simulate(&arguments)), "{shape} {format}");
        }
    }
    let seed = |seed| text(&simulate(&["-f", SAMPLE, "--shape", "sine", "--noise", "5", "--seed", seed, "-o", "json"]));
    assert_ne!(seed("1"), seed("2"));
}

#[test]
fn programs_get_everything() {
    let document = json(&["-f", SAMPLE, "--shape", "spike", "--hpa", "70:2:10", "--compare", "strategy=Proportional"]);
    assert_eq!(document["version"], 1);
    assert_eq!(document["hpa"], serde_json::json!({"target": 70, "min": 2, "max": 10}));
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0]["autoscaler"]["behavior"]["strategy"], "Step");
    assert_eq!(runs[1]["autoscaler"]["behavior"]["strategy"], "Proportional");
    for run in runs {
        let series = run["series"].as_array().unwrap();
        assert!(series.len() > 240);
        assert_eq!(series.last().unwrap()["time"], 3600.0);
        assert_eq!(run["verdict"]["requests"], 270_000.0);
    }
    assert!(!document["difference"].as_array().unwrap().is_empty());
}

#[test]
fn a_trace_of_ones_own() {
    let (_root, trace) =
        file("monday.csv", "time,demand,replicas,ready\n0,50,4,4\n10m,200,4,4\n20m,50,4,4\n60m,50,4,4\n");
    let document = json(&["-f", SAMPLE, "--trace", &trace, "--duration", "1h"]);
    assert_eq!(document["title"], "my-model on monday");
    let shape = json(&["-f", SAMPLE, "--shape", "spike"]);
    assert_eq!(document["runs"][0]["series"], shape["runs"][0]["series"], "the same as the shape");
}

/// A burst between two samples, and a load that probes try again and again: what comes back is counted from where it left, and what is
/// home for a probe is not back.
#[test]
fn what_is_said_of_the_way_back_is_true() {
    for (rows, said, unsaid) in [
        ("0,50\n600,400\n605,50\n1800,50\n", "releases 5 min 30 s after it fits again", "at the latest"),
        ("0,50\n600,200\n1200,78\n43200,78\n", "50 % is still away at the end", "releases"),
    ] {
        let (_folder, path) = file("load.csv", &format!("time,demand\n{rows}"));
        let output = simulate(&["-f", SAMPLE, "--trace", &path, "--duration", "12h", "--output", "verdict"]);
        let said_all = String::from_utf8(output.stdout).unwrap();
        assert!(said_all.contains(said) && !said_all.contains(unsaid), "{said_all}");
    }
}

#[test]
fn values_are_tried_out_as_if_they_were_written() {
    let percentage = |arguments: &[&str]| {
        json(&[&["-f", SAMPLE, "--shape", "step"], arguments].concat())["runs"][0]["autoscaler"].clone()
    };
    assert_eq!(percentage(&["--set", "percentage=30"])["maxRemoteWeight"], 30);
    let both = percentage(&["--set", "target=70,scaleDown.stabilizationWindowSeconds=60"]);
    assert_eq!(both["metrics"][0]["resource"]["target"]["averageUtilization"], 70);
    assert_eq!(both["behavior"]["scaleDown"]["stabilizationWindowSeconds"], 60);
    assert_eq!(both["behavior"]["scaleDown"]["tolerance"], "0.1", "what is not set keeps its default");
    let same = text(&simulate(&["-f", SAMPLE, "--shape", "step", "--compare", SAMPLE, "-o", "verdict"]));
    assert!(same.contains("no difference"), "{same}");
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let good = fs::read_to_string(format!("{}/{SAMPLE}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (_a, refused) = file("a.yaml", &good.replace("percentage: 50", "percentage: 101"));
    let (_b, broken) = file("a.yaml", "apiVersion: [\n");
    let (_c, nothing) = file("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n");
    let (_d, without) = file("a.yaml", OTHER);
    let (_e, several) = file("a.yaml", &format!("{good}{OTHER}"));
    let (_g, metricless) = file("a.yaml", good.split_once("    metrics:").unwrap().0);
    let (_f, trace) = file("a.csv", "time,demand\n0,50\n15,NaN\n");
    let shape = ["--shape", "spike"];
    let table: &[(&[&str], i32, &str)] = &[
        (&["-f", &refused], 1, "a.yaml:21:19: error: spec.offloadingConfig.behavior.percentage"),
        (&["-f", &broken], 2, "error:"),
        (&["-f", "no.yaml"], 2, "no.yaml: error: no such file"),
        (&["-f", &nothing], 3, "there is no ModelDeployment"),
        (&["-f", &without], 3, "ModelDeployment default/other has no offloadingConfig"),
        (&["-f", &several], 64, "my-model, other; choose one with --name"),
        (&["-f", &several, "--name", "no"], 64, "no ModelDeployment is called no; there are: my-model, other"),
        (&["-f", &several, "--name", "other"], 3, "has no offloadingConfig"),
        (&["-f", SAMPLE, "--set", "percentage"], 64, "is not FIELD=VALUE"),
        (&["-f", SAMPLE, "--set", "percentage=101"], 1, "spec.offloadingConfig.behavior.percentage"),
        (&["-f", SAMPLE, "--compare", "strategy=Steps"], 1, "did you mean \"Step\"?"),
        (&["-f", SAMPLE, "--set", "percentage.deeper=1"], 1, "must be an integer, not a map"),
        (
            &["-f", &metricless, "--set", "percentage=30,target=70"],
            64,
            "target=70: there is no first metric with a target",
        ),
        (&["-f", &metricless, "--compare", "target=70"], 64, "target=70: there is no first metric with a target"),
        (&["-f", SAMPLE, "--compare", "strategy=Step,=1"], 64, "is not FIELD=VALUE"),
        (&["-f", SAMPLE, "--compare", "no.yaml"], 2, "no.yaml"),
        (&["-f", SAMPLE, "--idle", "50", "--saturation", "50"], 64, "--saturation must be more than --idle"),
        (&["-f", SAMPLE, "--full", "queue=10"], 64, "no metric with a plain target is called queue"),
        (&["-f", SAMPLE, "--hpa", "70:5:2"], 64, "--hpa"),
        (&["-f", SAMPLE, "--noise", "NaN"], 64, "--noise"),
        (&["-f", SAMPLE, "--duration", "800h"], 64, "is more than 31 days"),
    ];
    for (arguments, exit, words) in table {
        let output = simulate(&[*arguments, &shape[..]].concat());
        assert_eq!(code(&output), *exit, "{arguments:?}: {output:?}");
        let told = complaint(&output);
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
    let output = simulate(&["-f", SAMPLE, "--trace", &trace]);
    assert_eq!(code(&output), 2);
    assert!(
        complaint(&output).ends_with("a.csv:3: error: demand \"NaN\" is not a number from 0 to 100000, in percent\n")
    );
    for usage in [
        &["-f", SAMPLE][..],
        &["-f", SAMPLE, "--shape", "spike", "--trace", &trace],
        &["--shape", "spike"],
        &["-f", "-", "--trace", "-"],
    ] {
        assert_eq!(code(&simulate(usage)), 64, "{usage:?}");
    }
}

#[test]
fn one_of_several_is_chosen_also_out_of_a_list() {
    let good = fs::read_to_string(format!("{}/{SAMPLE}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (_root, several) = file("a.yaml", &format!("{good}{OTHER}"));
    let shape = ["--name", "my-model", "--shape", "spike", "-o", "verdict"];
    assert!(text(&simulate(&[&["-f", &several], &shape[..]].concat())).starts_with("my-model on spike"));
    let list: String = good.lines().map(|line| format!("  {line}\n")).collect();
    let (_root, list) = file("a.yaml", &format!("apiVersion: v1\nkind: List\nitems:\n-\n{list}"));
    assert!(text(&simulate(&[&["-f", &list], &shape[..]].concat())).starts_with("my-model on spike"));
}

#[test]
fn a_model_that_is_disabled_sends_nothing() {
    let good = fs::read_to_string(format!("{}/{SAMPLE}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (_root, disabled) = file("a.yaml", &good.replace("spec:\n", "spec:\n  enabled: false\n"));
    let output = text(&simulate(&["-f", &disabled, "--shape", "spike", "-o", "verdict"]));
    assert!(output.contains("nothing was sent away"), "{output}");
}

#[test]
fn a_month_is_replayed() {
    let output = text(&simulate(&["-f", SAMPLE, "--shape", "sine", "--duration", "744h", "-o", "verdict"]));
    assert!(output.contains("(744 h)"), "{output}");
}
