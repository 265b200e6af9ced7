//! `check --config`: the operator's configuration, judged before everything else and by itself.

use super::*;

/// A model whose traffic goes to a Service of another namespace.
fn to_team_b() -> String {
    with("  serviceRef: {name: a, targetPort: 80}\n  offloadingConfig: {remoteBackend: {host: web.team-b.svc}}\n")
}

#[test]
fn files_are_judged_as_an_operator_with_the_configuration_would() {
    let root = directory(&[("a.yaml", &to_team_b()), ("config/operator.yaml", CONFIGURATION)]);
    let configuration = root.path().join("config/operator.yaml");
    let configuration = configuration.to_str().unwrap();
    let without = json(&run(&["check", path(&root), "--output", "json"]));
    assert_eq!(codes(&without), ["RT002"]);
    let output = run(&["check", "--config", configuration, path(&root), "--output", "json"]);
    assert_eq!(code(&output), 0, "{}", text(&output));
    let document = json(&output);
    // It comes first, and once, although the directory holds it too.
    let kinds: Vec<&Value> = document["results"].as_array().unwrap().iter().map(|result| &result["kind"]).collect();
    assert_eq!(kinds, ["OperatorConfiguration", "ModelDeployment"]);
    let result = &document["results"][0];
    assert_eq!((&result["source"], &result["verdict"]), (&configuration.into(), &"admitted".into()));
    assert_eq!((&result["namespace"], &document["notJudged"]), (&Value::Null, &Value::Null));
}

#[test]
fn where_the_configuration_is_not_sound_nothing_else_is_judged() {
    let table = [
        ("kind: OperatorConfiguration\nworkspace: a\n", 1),
        ("apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\npause: never\n", 1),
        ("", 2),
        (BROKEN, 2),
        ("a: b\n---\nc: d\n", 2),
        (FOREIGN, 1),
    ];
    for (configuration, exit) in table {
        let root = directory(&[("a.yaml", &bad()), ("c/config", configuration)]);
        let file = root.path().join("c/config");
        let arguments = ["check", path(&root), "--config", file.to_str().unwrap()];
        for more in [&[][..], &["--quiet"], &["--output", "json"]] {
            let output = run(&[&arguments[..], more].concat());
            assert_eq!(code(&output), exit, "{configuration:?}: {}", text(&output));
        }
        let plain = text(&run(&[&arguments[..], &["--quiet"]].concat()));
        assert!(
            plain.contains(&format!("not judged, as the configuration must be sound first: {}\n", path(&root))),
            "{plain}"
        );
        assert!(plain.starts_with(&format!("{}:", file.display())), "{plain}");
        assert!(!plain.contains("a.yaml"), "{plain}");
        let document = json(&run(&[&arguments[..], &["--output", "json"]].concat()));
        assert_eq!(document["notJudged"], serde_json::json!([path(&root)]));
    }
    let missing = run(&["check", "--config", "/no/such/file"]);
    assert_eq!((code(&missing), text(&missing).contains("no such file or directory")), (2, true));
}

#[test]
fn a_configuration_can_be_checked_alone() {
    let root = directory(&[
        ("good", CONFIGURATION),
        ("warned", &CONFIGURATION.replace("web.team-b.svc", "127.0.0.1")),
        ("bad", &CONFIGURATION.replace("web.team-b.svc", "'*'")),
        ("empty/README.md", ""),
    ]);
    let file = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    for (name, more, exit) in [
        ("good", &[][..], 0),
        ("warned", &[], 0),
        ("warned", &["--deny-warnings"], 1),
        ("bad", &[], 1),
        // There was something to judge, and nothing of it was found.
        ("good", &[&file("empty")], 3),
    ] {
        let output = run(&[&["check", "--config", &file(name)][..], more].concat());
        assert_eq!(code(&output), exit, "{name} {more:?}: {}", text(&output));
    }
    let told = text(&run(&["check", "--config", &file("bad")]));
    let start = format!("{}:3:16: error: allowedHosts[0]: Invalid value: \"*\": would match every host;", file("bad"));
    assert!(told.starts_with(&start), "{told}");
}

#[test]
fn the_flag_wins_over_the_domain_of_the_configuration() {
    let manifest = with(
        "  serviceRef: {name: a, targetPort: 80}\n  offloadingConfig: {remoteBackend: {host: web.team-b.svc.corp.example}}\n",
    );
    let head = "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\n";
    let root =
        directory(&[("a.yaml", &manifest), ("own", &format!("{head}clusterDomain: corp.example\n")), ("none", head)]);
    let file = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    for (name, more, expected) in [
        ("own", &[][..], 1),
        ("own", &["--cluster-domain", "cluster.local"], 0),
        ("none", &[], 0),
        ("none", &["--cluster-domain", "Corp.Example."], 1),
    ] {
        let output = run(&[&["check", path(&root), "--config", &file(name)][..], more].concat());
        assert_eq!(code(&output), expected, "{name} {more:?}: {}", text(&output));
    }
}

#[test]
fn the_published_configuration_is_sound_and_its_schema_is_that_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/configuration");
    let example = folder.join("operator-configuration.yaml");
    let output = run(&["check", "--deny-warnings", "--config", example.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", text(&output));
    let (written, schema) = (fs::read_to_string(&example).unwrap(), "operator-configuration.schema.json");
    assert!(written.starts_with(&format!("# yaml-language-server: $schema={schema}\n")), "{written:.80}");
    let stored = fs::read_to_string(folder.join(schema)).unwrap();
    assert!(stored == text(&run(&["schema"])), "{schema}: run `make schema`");
    for page in ["README.md", "docs/configuration.md"] {
        let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
        let blocks = page.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next());
        let mut whole = blocks.filter(|block| block.contains("kind: OperatorConfiguration\n")).peekable();
        assert!(whole.peek().is_some());
        for block in whole {
            let root = directory(&[("config", block)]);
            let output = run(&["check", "--deny-warnings", "--config", root.path().join("config").to_str().unwrap()]);
            assert_eq!(code(&output), 0, "{block}: {}", text(&output));
        }
    }
    // It shows every field that there is.
    let schema: Value = serde_json::from_str(&stored).unwrap();
    for field in schema["properties"].as_object().unwrap().keys() {
        assert!(written.contains(&format!("\n{field}:")) || written.contains(&format!("\n# {field}:")), "{field}");
    }
}

#[test]
fn the_cluster_domain_counts_for_a_configuration_among_the_files_too() {
    let host = "models.other.svc.k8s.example";
    let configuration = format!(
        "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\ndefaultRemoteBackend: {{host: {host}, scheme: https}}\n"
    );
    let root = directory(&[("operator.yaml", &configuration)]);
    let file = format!("{}/operator.yaml", path(&root));
    for arguments in [vec![path(&root)], vec!["--config", &file]] {
        let domain = ["--cluster-domain", "k8s.example", "--output", "json"];
        let output = run(&[&["check"], domain.as_slice(), arguments.as_slice()].concat());
        assert_eq!((code(&output), codes(&json(&output))), (1, vec!["RT002"]), "{arguments:?}");
        let output = run(&[&["check", "--output", "json"], arguments.as_slice()].concat());
        assert!(codes(&json(&output)).is_empty(), "{arguments:?}");
    }
}
