//! `compile` as people and scripts meet it: the built binary, its exit codes, what it prints, and what it keeps to itself.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const OBJECT: &str = "\
apiVersion: deployment.beamlit.com/v1alpha1
kind: ModelDeployment
metadata:
  name: my-model
spec:
  model: my-model
  modelSourceRef:
    name: my-model
  serviceRef:
    name: my-model
  offloadingConfig:
    behavior:
      percentage: 50
    remoteBackend:
      host: models.example.com
      headersToAdd:
        X-Key: hunter2
";

const OTHERS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: my-model
spec:
  template:
    spec:
      containers:
      - name: server
        env:
        - name: TOKEN
          value: hunter2
        ports:
        - name: http
          containerPort: 8080
---
apiVersion: v1
kind: Service
metadata:
  name: my-model
spec:
  ports:
  - port: 80
    targetPort: http
---
apiVersion: authorization.beamlit.com/v1alpha1
kind: Policy
metadata:
  name: us
spec:
  type: location
  locations:
  - type: country
    name: US
";

fn operator(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beamlit-operator"));
    command.args(arguments).stdin(Stdio::null()).env_remove("NO_COLOR");
    command.output().unwrap()
}

/// Runs it on files of these contents, in a directory of their own, and gives the exit code, stdout and stderr.
fn compile(arguments: &[&str], files: &[(&str, &str)]) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(directory.path().join(name), content).unwrap();
    }
    let in_directory = |argument: &&str| match argument.strip_prefix("./") {
        Some(name) => directory.path().join(name).to_str().unwrap().to_owned(),
        None => (*argument).to_owned(),
    };
    let arguments: Vec<String> = arguments.iter().map(in_directory).collect();
    let arguments: Vec<&str> = std::iter::once("compile").chain(arguments.iter().map(String::as_str)).collect();
    let output = operator(&arguments);
    let text =
        |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&format!("{}/", directory.path().display()), "");
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_sample_comes_to_what_it_came_to() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut samples = 0;
    for entry in fs::read_dir(root.join("deploy/samples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let sample = format!("deploy/samples/{name}");
        // A policy that a sample names is part of what it says.
        let policy = "deploy/samples/policy.yaml";
        let mut arguments = vec!["compile", "--plan", "--quiet", &sample];
        if sample != policy {
            arguments.push(policy);
        }
        let output = Command::new(env!("CARGO_BIN_EXE_beamlit-operator"))
            .args(&arguments)
            .current_dir(root)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let stored = fs::read_to_string(root.join("tests/compiled").join(name)).unwrap_or_default();
        let is = String::from_utf8(output.stdout).unwrap();
        assert!(is == stored, "{name}: `{} > tests/compiled/{name}` writes\n{is}", arguments.join(" "));
        samples += 1;
    }
    assert_eq!(fs::read_dir(root.join("tests/compiled")).unwrap().count(), samples);
}

#[test]
fn what_is_printed_is_an_object_to_apply_and_says_what_is_open() {
    let (code, out, err) = compile(&["--quiet", "./m.yaml"], &[("m.yaml", OBJECT)]);
    assert_eq!((code, err.as_str()), (0, ""));
    let comments: Vec<&str> = out.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(
        comments,
        [
            "# default/my-model of m.yaml",
            "# open: Deployment default/my-model was not looked up",
            "# open: Service default/my-model was not looked up",
        ]
    );
    let object: Value = serde_saphyr::from_str(&out).unwrap();
    assert_eq!((&object["kind"], &object["metadata"]["name"]), (&json!("OffloadAutoscaler"), &json!("my-model")));
    assert_eq!(object["spec"]["maxRemoteWeight"], 50);
    let (_, list, _) = compile(&["--quiet", "--output", "json", "./m.yaml"], &[("m.yaml", OBJECT)]);
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!((&list["kind"], &list["items"]), (&json!("List"), &json!([object])));
}

#[test]
fn a_plan_has_everything_but_what_nobody_may_see() {
    let files = [("m.yaml", OBJECT), ("o.yaml", OTHERS)];
    let (code, out, _) = compile(&["--plan", "--output", "json", "./m.yaml", "./o.yaml"], &files);
    let plans: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &plans["version"]), (0, &json!(1)));
    let [model, policy] = plans["plans"].as_array().unwrap().as_slice() else { panic!("{out}") };
    assert_eq!(
        model["autoscaler"]["route"]["service"],
        json!({"namespace": "default", "name": "my-model", "port": 80})
    );
    assert_eq!(model["beamlit"]["spec"]["runtime"], json!({"servingPort": 8080, "metricPort": 8080}));
    let container = &model["beamlit"]["spec"]["podTemplate"]["spec"]["containers"][0];
    assert_eq!(container["env"], json!([{"name": "TOKEN", "value": "(redacted)"}]));
    assert_eq!(model["open"], json!([]));
    assert_eq!(
        policy["beamlit"],
        json!({"metadata": {"name": "us", "displayName": "us", "labels": {"managed-by": "beamlit-operator"}},
            "spec": {"type": "location", "locations": [{"type": "country", "name": "US"}]}})
    );
    for arguments in [vec![], vec!["--plan"], vec!["--explain"], vec!["--output", "json", "--explain"]] {
        let (code, out, err) = compile(&[&arguments[..], &["./m.yaml", "./o.yaml"]].concat(), &files);
        assert_eq!(code, 0);
        assert!(!out.contains("hunter2") && !err.contains("hunter2"), "{out}{err}");
    }
}

#[test]
fn an_explanation_names_the_field_or_the_default() {
    let (code, out, _) = compile(&["--explain", "--quiet", "./m.yaml"], &[("m.yaml", OBJECT)]);
    assert_eq!(code, 0);
    let line = |path: &str| {
        let line = out.lines().find(|line| line.trim_start().starts_with(&format!("{path}: "))).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        line("autoscaler.maxRemoteWeight"),
        "autoscaler.maxRemoteWeight: 50 # spec.offloadingConfig.behavior.percentage"
    );
    assert_eq!(
        line("autoscaler.behavior.strategy"),
        "autoscaler.behavior.strategy: \"Step\" # default of spec.offloadingConfig.behavior.strategy"
    );
    // The object had this default before it was compiled, and still nobody wrote it.
    assert_eq!(line("beamlit.spec.enabled"), "beamlit.spec.enabled: true # default of spec.enabled");
}

#[test]
fn a_difference_is_told_value_by_value() {
    let newer = OBJECT.replace("percentage: 50", "percentage: 80\n      strategy: Proportional");
    let files = [("old.yaml", OBJECT), ("new.yaml", newer.as_str()), ("o.yaml", OTHERS)];
    let (code, out, _) = compile(&["--quiet", "--diff", "./old.yaml", "./new.yaml"], &files);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        "ModelDeployment default/my-model\n\
         - autoscaler.behavior.strategy: \"Step\"\n\
         + autoscaler.behavior.strategy: \"Proportional\"\n\
         - autoscaler.maxRemoteWeight: 50\n\
         + autoscaler.maxRemoteWeight: 80\n"
    );
    let (code, _, _) = compile(&["--quiet", "--exit-code", "--diff", "./old.yaml", "./new.yaml"], &files);
    assert_eq!(code, 1);
    // What keeps traffic at home, and what is open, are differences as well.
    let disabled = OBJECT.replace("  model: my-model\n", "  model: my-model\n  enabled: false\n");
    let (_, out, _) =
        compile(&["--quiet", "--diff", "./old.yaml", "./new.yaml"], &[("old.yaml", OBJECT), ("new.yaml", &disabled)]);
    assert!(out.contains("- blocked: []\n+ blocked: [\"the object is disabled (spec.enabled)\"]\n"), "{out}");
    // Objects without a name are told apart by their order, and what is gone is told.
    let unnamed =
        OBJECT.replace("name: my-model\nspec", "generateName: a-\nspec").replace("  model: my-model", "  model: m1");
    let two = |percentage: &str| {
        format!(
            "{}---\n{}",
            unnamed.replace("percentage: 50", percentage),
            unnamed.replace("m1", "m2").replace("serviceRef:\n    name: my-model", "serviceRef:\n    name: other")
        )
    };
    let (old, new) = (two("percentage: 10"), two("percentage: 77"));
    let (code, out, _) = compile(
        &["--quiet", "--exit-code", "--diff", "./old.yaml", "./new.yaml"],
        &[("old.yaml", &old), ("new.yaml", &new)],
    );
    assert!(code == 1 && out.contains("+ autoscaler.maxRemoteWeight: 77\n"), "{code} {out}");
    let (code, out, _) = compile(
        &["--quiet", "--exit-code", "--diff", "./old.yaml", "./new.yaml"],
        &[("old.yaml", OBJECT), ("new.yaml", "")],
    );
    assert!(code == 1 && out.starts_with("ModelDeployment default/my-model (removed)\n"), "{code} {out}");
    // What only says the defaults makes no difference.
    let spelt_out = OBJECT.replace("spec:\n", "spec:\n  enabled: true\n  environment: production\n");
    let files = [("old.yaml", OBJECT), ("new.yaml", spelt_out.as_str())];
    let (code, out, _) = compile(&["--quiet", "--exit-code", "--diff", "./old.yaml", "./new.yaml"], &files);
    assert_eq!((code, out.as_str()), (0, ""));
    let files = [("old.yaml", OBJECT), ("new.yaml", OTHERS)];
    let (_, out, _) = compile(&["--quiet", "--output", "json", "--diff", "./old.yaml", "./new.yaml"], &files);
    let changes: Value = serde_json::from_str(&out).unwrap();
    let change =
        |index: usize| (changes["differences"][index]["kind"].clone(), changes["differences"][index]["change"].clone());
    assert_eq!(change(0), (json!("ModelDeployment"), json!("removed")));
    assert_eq!(change(1), (json!("Policy"), json!("added")));
}

#[test]
fn where_something_is_refused_or_cannot_be_read_nothing_is_printed() {
    let bad = OBJECT.replace("percentage: 50", "percentage: 101");
    for (files, code, told) in [
        (
            vec![("a.yaml", bad.as_str()), ("b.yaml", OTHERS)],
            1,
            "a.yaml:13:19: error: spec.offloadingConfig.behavior.percentage",
        ),
        (vec![("a.yaml", "a: ["), ("b.yaml", OBJECT)], 2, "a.yaml:"),
        (vec![("a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n")], 3, "nothing"),
    ] {
        let names: Vec<String> = files.iter().map(|(name, _)| format!("./{name}")).collect();
        let arguments: Vec<&str> = names.iter().map(String::as_str).collect();
        let (exit, out, err) = compile(&arguments, &files);
        assert_eq!((exit, out.as_str()), (code, ""), "{err}");
        assert!(err.contains(told), "{err}");
    }
    for wrong in [
        vec![],
        vec!["--plan", "--explain", "./m.yaml"],
        vec!["--exit-code", "./m.yaml"],
        vec!["--diff", "-", "-"],
        vec!["-", "-"],
    ] {
        assert_eq!(compile(&wrong, &[("m.yaml", OBJECT)]).0, 64, "{wrong:?}");
    }
}

#[test]
fn what_keeps_traffic_at_home_stands_above_the_object() {
    let disabled = OBJECT.replace("  model: my-model\n", "  model: my-model\n  enabled: false\n");
    let (_, out, _) = compile(&["--quiet", "./m.yaml"], &[("m.yaml", &disabled)]);
    assert!(out.contains("# nothing leaves: the object is disabled (spec.enabled)\n"), "{out}");
}
