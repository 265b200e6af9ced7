//! The two commands that the README has for CI: on the files alone, and against a cluster.

use std::process::Command;

use serde_json::Value;

use crate::governed;
use crate::harness::kubectl::Output;
use crate::harness::{Kubectl, poll};
use crate::install::folder;
use crate::teams::{CONFIGURATION, Team, admitted, list, locations, refused, service, warned, workload};

/// The names that the commands of the README give to what is checked.
const CONFIGURATION_FILE: &str = "operator-configuration.yaml";
const MANIFESTS: &str = "deploy/";

/// The commands of the README, letter for letter: `check …` and `kubectl …`, without what they begin with.
fn commands() -> [String; 2] {
    let readme = std::fs::read_to_string(folder("README.md")).unwrap();
    let section = readme.split("## `check` in CI\n").nth(1).expect("README: check in CI");
    let block =
        section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("README: the commands");
    let mut lines = block.lines().map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
    let check = lines.next().and_then(|line| line.strip_prefix("beamlit-operator ").map(str::to_owned));
    let kubectl = lines.next().and_then(|line| line.strip_prefix("kubectl ").map(str::to_owned));
    let commands = [check.expect("README: check"), kubectl.expect("README: kubectl")];
    for command in &commands {
        assert!(command.contains(MANIFESTS), "{command}");
    }
    assert!(commands[0].contains(CONFIGURATION_FILE), "{}", commands[0]);
    commands
}

/// A repository of manifests, and what the two commands say of it.
struct Pipeline {
    kubectl: Kubectl,
    folder: tempfile::TempDir,
}

impl Pipeline {
    fn check(&self) -> Output {
        let [command, _] = commands();
        let out = Command::new(env!("CARGO_BIN_EXE_beamlit-operator"))
            .args(command.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        Output {
            code: out.status.code(),
            stdout: String::new(),
            // Where it says what it found is no matter here.
            stderr: String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned(),
        }
    }

    fn dry_run(&self) -> Output {
        let [_, command] = commands();
        let manifests = self.folder.path().join(MANIFESTS).display().to_string();
        self.kubectl.run(&command.replace(MANIFESTS, &manifests))
    }

    fn write(&self, file: &str, object: &str) {
        std::fs::write(self.folder.path().join(MANIFESTS).join(file), object).unwrap();
    }
}

#[test]
fn both_commands_of_the_readme_agree() {
    let (plane, _) = governed();
    let team = Team::new(plane, "pipeline");
    let pipeline = Pipeline { kubectl: team.kubectl.clone(), folder: tempfile::tempdir().unwrap() };
    std::fs::create_dir(pipeline.folder.path().join(MANIFESTS)).unwrap();
    std::fs::write(pipeline.folder.path().join(CONFIGURATION_FILE), CONFIGURATION).unwrap();
    let here = |object: Value| {
        let mut object = object;
        object["metadata"]["namespace"] = "pipeline".into();
        object
    };
    let policy = here(locations("eu-only", &[("continent", "eu")]));
    let around = list(&[&policy, &here(service("model", &[8080])), &here(workload("app"))]);
    let model = |host: &str| here(team.bounded("model", &["eu-only"], Some(host))).to_string();
    pipeline.write("around.json", &around);
    pipeline.write("model.json", &model("de.models.example.com"));

    // Nothing is stored yet: the files show what is among them, the cluster what is in it.
    assert!(pipeline.check().succeeded(), "{}", pipeline.check());
    warned("RF006", &["\"eu-only\""])(&pipeline.dry_run()).unwrap();
    // With what they refer to stored, they agree to the letter.
    team.kubectl.ok_with("apply -f -", &around);
    poll("the Policy to be seen", || admitted(&pipeline.dry_run())).unwrap();
    pipeline.write("model.json", &model("us.models.example.com"));
    let outside = refused("RT014", &["country us", "allowed would be continent eu", "policy \"eu-only\""]);
    let (checked, tried) = (pipeline.check(), pipeline.dry_run());
    for out in [&checked, &tried] {
        outside(out).unwrap();
    }
    let message = |out: &Output| {
        let line = out.stderr.lines().find(|line| line.contains("[RT014]")).map(str::to_owned).unwrap_or_default();
        line.find("spec.offloadingConfig").and_then(|at| line.get(at..).map(str::to_owned))
    };
    assert_eq!(message(&checked), message(&tried));
    assert!(message(&checked).is_some(), "{checked}");
    // What is missing is an error in the files, where it would have to be; in the cluster it may still come.
    std::fs::remove_file(pipeline.folder.path().join(MANIFESTS).join("around.json")).unwrap();
    pipeline.write("model.json", &here(team.bounded("model", &["nowhere"], None)).to_string());
    refused("RF006", &["\"nowhere\""])(&pipeline.check()).unwrap();
    warned("RF006", &["\"nowhere\""])(&pipeline.dry_run()).unwrap();
}
