//! `check` as people and scripts meet it: the built binary, its exit codes, its two outputs, and what bad input does to it.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "check/configuration.rs"]
mod configuration;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const GOOD: &str = "\
apiVersion: deployment.beamlit.com/v1alpha1
kind: ModelDeployment
metadata:
  name: my-model
spec:
  model: my-model
  modelSourceRef:
    name: my-model
";

const POLICY: &str = "\
apiVersion: authorization.beamlit.com/v1alpha1
kind: Policy
metadata:
  name: my-policy
spec:
  type: location
  locations:
  - type: country
    name: us
";

const FOREIGN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

const BROKEN: &str = "apiVersion: [\n";

/// A good object with lines added below `spec`.
fn with(spec: &str) -> String {
    format!("{GOOD}{spec}")
}

fn bad() -> String {
    with("  environment: prod\n")
}

fn operator(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beamlit-operator"));
    command.args(arguments).stdin(Stdio::null()).env_remove("NO_COLOR");
    command
}

fn run(arguments: &[&str]) -> Output {
    operator(arguments).output().unwrap()
}

/// Runs `check` on stdin.
fn check(arguments: &[&str], stdin: impl AsRef<[u8]>) -> Output {
    let mut child = operator(&[&["check", "-"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let bytes = stdin.as_ref().to_vec();
    let writer = std::thread::spawn(move || pipe.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    // A program that has read enough closes the pipe: that is no fault of the test.
    _ = writer.join().unwrap();
    output
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"))
}

fn text(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&text(output)).unwrap()
}

/// The codes of the findings of all objects.
fn codes(document: &Value) -> Vec<&str> {
    let results = document["results"].as_array().unwrap();
    results
        .iter()
        .flat_map(|result| result["findings"].as_array().unwrap())
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

fn path(root: &tempfile::TempDir) -> &str {
    root.path().to_str().unwrap()
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let bad = bad();
    type Files<'a> = &'a [(&'a str, &'a str)];
    let table: &[(&str, Files<'_>, i32)] = &[
        ("all admitted", &[("a.yaml", GOOD), ("b.yaml", POLICY), ("c.yaml", FOREIGN)], 0),
        ("one refused", &[("a.yaml", GOOD), ("b.yaml", &bad)], 1),
        ("one unreadable", &[("a.yaml", GOOD), ("b.yaml", BROKEN)], 2),
        ("unreadable weighs more than refused", &[("a.yaml", &bad), ("b.yaml", BROKEN)], 2),
        ("unreadable weighs more than nothing", &[("a.yaml", FOREIGN), ("b.yaml", BROKEN)], 2),
        ("refused weighs more than nothing", &[("a.yaml", FOREIGN), ("b.yaml", &bad)], 1),
        ("nothing of ours", &[("a.yaml", FOREIGN)], 3),
        ("no manifests", &[("README.md", "# read me")], 3),
        ("empty documents", &[("a.yaml", "---\n---\n# nothing\n")], 3),
    ];
    for (what, files, exit) in table {
        let root = directory(files);
        for arguments in [
            &["check", path(&root)][..],
            &["check", path(&root), "--output", "json"],
            &["check", path(&root), "--quiet"],
        ] {
            let output = run(arguments);
            assert_eq!(code(&output), *exit, "{what}: {}", text(&output));
        }
    }
}

#[test]
fn a_path_that_is_not_there_is_unreadable() {
    let root = directory(&[("a.yaml", GOOD)]);
    let missing = root.path().join("no.yaml");
    let output = run(&["check", path(&root), missing.to_str().unwrap(), "--output", "json"]);
    assert_eq!(code(&output), 2);
    let document = json(&output);
    assert_eq!(document["unreadable"][0]["source"], missing.to_str().unwrap());
    assert_eq!(document["unreadable"][0]["message"], "no such file or directory");
    assert_eq!(document["results"].as_array().unwrap().len(), 1);
}

#[test]
fn wrong_usage_is_64_and_help_is_not() {
    let wrong: &[&[&str]] = &[
        &[],
        &["chek"],
        &["check"],
        &["check", "-", "--no-such-flag"],
        &["check", "-", "--output", "xml"],
        &["check", "-", "--namespace", "Not A Label"],
        &["check", "-", "--cluster-domain", "a..b"],
        &["rules", "OB999"],
        &["crds", "Polcy"],
    ];
    for arguments in wrong {
        let output = run(arguments);
        assert_eq!(code(&output), 64, "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["help", "check"],
        &["check", "--help"],
        &["rules", "-h"],
        &["crds", "--help"],
        &["schema", "--help"],
    ] {
        let output = run(arguments);
        assert_eq!((code(&output), output.stdout.is_empty()), (0, false), "{arguments:?}");
    }
}

#[test]
fn help_tells_the_exit_codes_and_shows_examples() {
    let help = text(&run(&["check", "--help"]));
    for told in ["Exit codes", "  64  ", "  70  ", "Examples:", "--deny-warnings", "--cluster-domain", "--config"] {
        assert!(help.contains(told), "{told} in {help}");
    }
}

#[test]
fn warnings_can_be_denied() {
    let warned = POLICY
        .replace("  - type: country\n    name: us\n", "  - {type: country, name: us}\n  - {type: country, name: US}\n");
    assert_eq!(code(&check(&[], &warned)), 0);
    assert_eq!(code(&check(&["--deny-warnings"], &warned)), 1);
    assert_eq!(text(&check(&["--quiet"], &warned)), "");
    let document = json(&check(&["--deny-warnings", "--output", "json"], &warned));
    assert_eq!(document["results"][0]["verdict"], "admitted");
    assert_eq!(document["summary"]["warnings"], 1);
}

#[test]
fn json_has_every_member_of_the_contract() {
    let output = check(&["--output", "json"], format!("---\n---\n{}---\n{FOREIGN}", bad()));
    assert_eq!(code(&output), 1);
    let document = json(&output);
    assert_eq!((&document["version"], &document["skipped"]), (&1.into(), &1.into()));
    let result = &document["results"][0];
    assert_eq!(result["source"], "<stdin>");
    assert_eq!(result["item"], Value::Null);
    assert!(result["document"].is_u64());
    assert_eq!(result["apiVersion"], "deployment.beamlit.com/v1alpha1");
    assert_eq!((&result["kind"], &result["name"]), (&"ModelDeployment".into(), &"my-model".into()));
    assert_eq!((&result["namespace"], &result["verdict"]), (&"default".into(), &"refused".into()));
    let finding = &result["findings"][0];
    assert_eq!((&finding["code"], &finding["severity"]), (&"OB003".into(), &"error".into()));
    assert_eq!((&finding["type"], &finding["path"]), (&"NotSupported".into(), &"spec.environment".into()));
    assert_eq!((&finding["value"], &finding["line"]), (&"\"prod\"".into(), &11.into()));
    assert!(finding["message"].is_string() && finding["hint"].is_string() && finding["column"].is_u64(), "{finding}");
    for unknown in result["unknown"].as_array().unwrap() {
        assert!(["kind", "namespace", "name"].iter().all(|member| unknown[member].is_string()), "{unknown}");
    }
    assert_eq!(document["summary"]["refused"], 1);
}

#[test]
fn plain_lines_lead_to_the_place() {
    let root = directory(&[("a.yaml", &bad())]);
    let output = run(&["check", path(&root)]);
    let text = text(&output);
    let start = format!("{}/a.yaml:9:16: error: spec.environment: Unsupported value: \"prod\"", path(&root));
    assert!(text.starts_with(&start) && text.contains("did you mean \"production\"? [OB003]\n"), "{text}");
    assert!(text.ends_with("1 object: 1 refused\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours without a terminal: {text:?}");
}

#[test]
fn the_same_object_in_json_gets_the_same_findings() {
    let manifest = r#"{"apiVersion":"deployment.beamlit.com/v1alpha1","kind":"ModelDeployment","metadata":{"name":"my-model"},"spec":{"model":"my-model","modelSourceRef":{"name":"my-model"},"environment":"prod"}}"#;
    let findings = |manifest: &str| {
        let mut document = json(&check(&["--output", "json"], manifest));
        let mut findings = document["results"][0]["findings"].take();
        for finding in findings.as_array_mut().unwrap() {
            finding.as_object_mut().unwrap().retain(|member, _| member != "line" && member != "column");
        }
        findings
    };
    assert_eq!(findings(manifest), findings(&bad()));
}

#[test]
fn the_default_namespace_can_be_chosen() {
    for (arguments, namespace) in [(&[][..], "default"), (&["--namespace", "team-a"], "team-a")] {
        let document = json(&check(&[arguments, &["--output", "json"]].concat(), GOOD));
        assert_eq!(document["results"][0]["namespace"], namespace);
    }
}

#[test]
fn lists_are_unrolled() {
    let list = r#"{"apiVersion":"v1","kind":"List","items":[
        {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}},
        {"apiVersion":"authorization.beamlit.com/v1alpha1","kind":"Policy","metadata":{"name":"p"},"spec":{"type":"location","locations":[{"type":"country","name":"us"}]}},
        {"apiVersion":"authorization.beamlit.com/v1alpha1","kind":"Policy","metadata":{"name":"q"},"spec":{"type":"place"}}]}"#;
    let output = check(&["--output", "json"], list);
    assert_eq!(code(&output), 1);
    let document = json(&output);
    assert_eq!(document["skipped"], 1);
    assert_eq!(document["results"][0]["item"], 1);
    assert_eq!(document["results"][1]["item"], 2);
    assert_eq!(document["results"][1]["findings"][0]["path"], "spec.type");
}

#[test]
fn what_the_api_server_prints_can_be_checked() {
    let stored = "  creationTimestamp: null\n  managedFields: [{manager: kubectl, 'f:x': {}}]\n  resourceVersion: \"1\"\n  uid: abc\n";
    let manifest = GOOD.replace(
        "  name: my-model\nspec:",
        &format!("  name: my-model\n{stored}status: {{offloadingStatus: null, x: 1}}\nspec:"),
    );
    let output = check(&[], &manifest);
    assert_eq!(code(&output), 0, "{}", text(&output));
}

#[test]
fn a_document_that_is_no_manifest_counts_where_it_was_named() {
    let root = directory(&[("values.yaml", "replicas: 3\n"), ("a.yaml", GOOD)]);
    let document = json(&run(&["check", path(&root), "--output", "json"]));
    assert_eq!((&document["skipped"], &document["summary"]["admitted"]), (&1.into(), &1.into()));
    let named = root.path().join("values.yaml");
    assert_eq!(code(&run(&["check", path(&root), named.to_str().unwrap()])), 1);
}

#[test]
fn duplicate_keys_are_refused() {
    let output = check(&["--output", "json"], with("  enabled: true\n  enabled: false\n"));
    assert_eq!(code(&output), 1);
    let document = json(&output);
    assert_eq!(codes(&document), ["OB008"]);
    assert_eq!(document["results"][0]["findings"][0]["line"], 10);
}

#[test]
fn the_same_object_twice_is_told_across_files_but_a_file_twice_is_not() {
    let root = directory(&[("a.yaml", GOOD), ("b.yaml", GOOD)]);
    let output = run(&["check", path(&root), "--output", "json"]);
    assert_eq!(code(&output), 1);
    let document = json(&output);
    let finding = &document["results"][1]["findings"][0];
    assert_eq!((&finding["path"], &finding["type"]), (&"metadata.name".into(), &"Duplicate".into()));
    assert_eq!(document["results"][0]["findings"], serde_json::json!([]));
    let file = root.path().join("a.yaml");
    let file = file.to_str().unwrap();
    assert_eq!(code(&run(&["check", file, file])), 0);
}

#[test]
fn an_unknown_field_is_refused() {
    let document = json(&check(&["--output", "json"], with("  enviroment: production\n")));
    assert_eq!(codes(&document), ["OB007"]);
}

/// The type of a scalar is that of YAML 1.1, as kubectl reads it.
#[test]
fn scalars_are_read_as_kubectl_reads_them() {
    let percentage = |value: &str| {
        with(&format!(
            "  serviceRef: {{name: a, targetPort: 80}}\n  offloadingConfig: {{behavior: {{percentage: {value}}}}}\n"
        ))
    };
    for good in ["50", "50.0", "5e1", "0x10", "0"] {
        let output = check(&[], percentage(good));
        assert_eq!(code(&output), 0, "{good}: {}", text(&output));
    }
    for bad in
        ["50.5", ".nan", ".inf", "-.inf", "1e400", "9223372036854775808", "-1", "101", "\"50\"", "yes", "[]", "{}"]
    {
        let output = check(&["--output", "json"], percentage(bad));
        assert_eq!(code(&output), 1, "{bad}: {}", text(&output));
        assert_eq!(codes(&json(&output)).len(), 1, "{bad}: one fault, one finding");
    }
    for (enabled, exit) in [("yes", 0), ("off", 0), ("true", 0), ("\"yes\"", 1), ("1", 1)] {
        assert_eq!(code(&check(&[], with(&format!("  enabled: {enabled}\n")))), exit, "{enabled}");
    }
}

#[test]
fn input_that_means_harm_is_answered() {
    let bomb: String = (1..30)
        .map(|level| {
            format!("a{level}: &a{level} [*a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}]\n", level - 1)
        })
        .collect();
    let inputs: Vec<(&str, Vec<u8>)> = vec![
        ("alias bomb", format!("a0: &a0 [x, x, x, x, x, x, x, x, x]\n{bomb}").into_bytes()),
        ("deep lists in YAML", format!("a: {}", "[".repeat(10_000)).into_bytes()),
        (
            "deep maps in YAML",
            (0..10_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>().into_bytes(),
        ),
        ("deep JSON", format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes()),
        ("not UTF-8", b"apiVersion: \xff\xfe\n".to_vec()),
        ("cut off", br#"{"apiVersion": "v1", "kind": "#.to_vec()),
        ("unknown alias", b"a: *nobody\n".to_vec()),
        ("a tab", b"a:\n\tb: c\n".to_vec()),
        ("NUL", b"a: \0\n".to_vec()),
    ];
    for (what, bytes) in inputs {
        let output = check(&["--output", "json"], &bytes);
        assert_eq!(code(&output), 2, "{what}: {}", text(&output));
        let document = json(&output);
        let unreadable = &document["unreadable"][0];
        assert!(unreadable["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}: {document}");
        assert!(text(&output).len() < 10_000, "{what}: the answer is as large as the question");
    }
}

#[test]
fn a_million_policies_are_refused_in_few_words() {
    let mut manifest = with("  policies:\n");
    for index in 0..1_000_000 {
        manifest.push_str(&format!("  - {{name: p-{index}}}\n"));
    }
    let output = check(&[], manifest);
    assert!([1, 2].contains(&code(&output)), "{output:?}");
    assert!(output.stdout.len() < 1_000_000, "{} bytes", output.stdout.len());
}

/// Nothing that turns text around, or hides in it, reaches a terminal or a log.
#[test]
fn bidi_and_invisible_characters_are_shown() {
    let manifest = with("  environment: \"prod\\u202euction\"\n  \"ena\\u200bbled\": true\n");
    let root = directory(&[("a\u{202e}b.yaml", &manifest)]);
    let plain = text(&run(&["check", path(&root)]));
    for shown in [r"prod\u{202e}uction", r"ena\u{200b}bled", r"a\u{202e}b.yaml"] {
        assert!(plain.contains(shown), "{shown} in {plain}");
    }
    let output = run(&["check", path(&root), "--output", "json"]);
    assert_eq!(code(&output), 1);
    for text in [plain, text(&output)] {
        assert!(!text.contains(['\u{202e}', '\u{200b}']), "{text:?}");
    }
    assert!(
        json(&output)["results"][0]["source"].as_str().unwrap().contains('\u{202e}'),
        "a program gets the name as it is"
    );
}

const SECRET: &str = "hunter2-is-no-secret";

/// Manifests with a secret in each place that may hold one, whatever its type, sound or not.
fn secrets() -> Vec<String> {
    let backend = |lines: &str| {
        with(&format!(
            "  serviceRef: {{name: a, targetPort: 80}}\n  offloadingConfig:\n    remoteBackend:\n      scheme: https\n{lines}"
        ))
    };
    let oauth = |lines: &str| {
        backend(&format!(
            "      host: example.com\n      authConfig:\n        type: oauth\n        oauthConfig:\n          clientId: me\n{lines}"
        ))
    };
    let url = "          tokenUrl: https://example.com/token\n";
    vec![
        oauth(&format!("{url}          clientSecret: {SECRET}\n")),
        oauth(&format!(
            "{url}          clientSecret: \"{SECRET}\\u202e\"\n          clientSecretRef: {{name: a, key: b}}\n"
        )),
        oauth(&format!("{url}          clientSecret: [{SECRET}]\n")),
        oauth(&format!("{url}          clientSecret: {{{SECRET}: {SECRET}}}\n")),
        oauth(&format!("{url}          clientSecret: {SECRET}\n          clientSecret: {SECRET}-2\n")),
        oauth(&format!("          clientSecret: a\n          tokenUrl: https://me:{SECRET}@example.com/token\n")),
        oauth(&format!("          clientSecret: a\n          tokenUrl: http://{SECRET}@127.0.0.1/token\n")),
        oauth(&format!("          clientSecret: a\n          tokenUrl: 'me:{SECRET}@example.com'\n")),
        backend(&format!("      host: me:{SECRET}@example.com\n")),
        backend(&format!("      host: https://{SECRET}@example.com/path\n")),
        backend(&format!("      host: example.com\n      headersToAdd: {{Authorization: Bearer {SECRET}}}\n")),
        backend(&format!("      host: example.com\n      headersToAdd: {{X-Key: \"{SECRET}\\n\"}}\n")),
        backend(&format!("      host: example.com\n      headersToAdd: {{X-Key: [{SECRET}]}}\n")),
        backend(&format!("      host: example.com\n      headersToAdd: [{SECRET}]\n")),
        backend(&format!("      host: example.com\n      headersToAdd: {SECRET}\n")),
        // Not to be read at all: a parser that shows the line would show the secret.
        oauth(&format!("          clientSecret: \"{SECRET}\n")),
        oauth(&format!("          clientSecret: {SECRET}: {SECRET}\n")),
        oauth(&format!("          clientSecret: *{SECRET}\n")),
        oauth(&format!("          clientSecret: !{SECRET} [\n")),
        oauth(&format!("          clientSecret: @{SECRET}\n")),
        oauth(&format!("          clientSecret: \"\\q{SECRET}\"\n")),
        format!("{{\"clientSecret\": \"{SECRET}\\q\"}}"),
        format!("{{\"clientSecret\": {SECRET}}}"),
    ]
}

#[test]
fn secrets_are_printed_nowhere() {
    for manifest in secrets() {
        for arguments in [&[][..], &["--output", "json"], &["--quiet"], &["--deny-warnings"]] {
            let output = check(arguments, &manifest);
            assert_ne!(code(&output), 70, "{manifest}");
            for stream in [&output.stdout, &output.stderr] {
                let text = String::from_utf8_lossy(stream);
                assert!(!text.contains("hunter2"), "{arguments:?} on\n{manifest}\nprinted\n{text}");
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_leaves_changes_nothing_and_a_full_disk_does() {
    let many: String = (0..2000)
        .map(|index| format!("---\n{}", bad().replace("name: my-model\nspec", &format!("name: m-{index}\nspec"))))
        .collect();
    let root = directory(&[("a.yaml", &many)]);
    for arguments in [&["check", path(&root)][..], &["check", path(&root), "--output", "json"]] {
        let mut child = operator(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((code(&output), String::from_utf8_lossy(&output.stderr).as_ref()), (1, ""), "{arguments:?}");
    }
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = operator(&["check", path(&root)]).stdout(full).output().unwrap();
    assert_eq!(code(&output), 70);
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: cannot write the output: "), "{output:?}");
}

#[test]
fn the_samples_are_green() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/samples");
    let output = run(&["check", samples.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", text(&output));
    assert!(text(&output).contains("3 objects: 3 admitted"), "{}", text(&output));
}

const CONFIGURATION: &str =
    "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nallowedHosts: [web.team-b.svc]\n";

#[test]
fn rules_are_listed_and_explained() {
    let table = text(&run(&["rules"]));
    assert!(table.lines().any(|line| line.starts_with("OB003  error")), "{table}");
    let explained = text(&run(&["rules", "ob003", "OB008"]));
    assert!(explained.contains("environment: prod\n") && explained.contains("OB008"), "{explained}");
    let catalogue: Value = serde_json::from_str(&text(&run(&["rules", "--output", "json"]))).unwrap();
    assert_eq!(catalogue["rules"].as_array().unwrap().len(), table.lines().count() - 1);
    let unknown = run(&["rules", "0B003"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).starts_with("error: no rule has the code 0B003; "), "{unknown:?}");
}

#[test]
fn the_crds_printed_are_those_of_the_repository() {
    let stored =
        |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("crds").join(name)).unwrap();
    let deployment = stored("deployment.beamlit.com_modeldeployments.yaml");
    let autoscaler = stored("deployment.beamlit.com_offloadautoscalers.yaml");
    let policy = stored("authorization.beamlit.com_policies.yaml");
    assert_eq!(text(&run(&["crds"])), format!("{deployment}---\n{autoscaler}---\n{policy}"));
    assert_eq!(text(&run(&["crds", "OffloadAutoscaler"])), autoscaler);
    assert_eq!(text(&run(&["crds", "policy"])), policy);
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("new/crds");
    let output = run(&["crds", "--output-dir", target.to_str().unwrap()]);
    assert_eq!((code(&output), text(&output).lines().count()), (0, 3));
    assert_eq!(fs::read_to_string(target.join("authorization.beamlit.com_policies.yaml")).unwrap(), policy);
}
