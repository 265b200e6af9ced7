use super::*;
use crate::engine::configuration::EnvironmentPolicy;

/// What became of each document or item: its verdict, then each finding with its place.
fn judged(text: &str, named: Named) -> Vec<String> {
    told(Judge::new("default", Configuration::default()).source(text.as_bytes(), named))
}

fn told(outcomes: Vec<Outcome>) -> Vec<String> {
    let mut out = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Skipped => out.push("skipped".to_owned()),
            Outcome::Unreadable { at, message } => out.push(format!("unreadable {}:{} {message}", at.line, at.column)),
            Outcome::Judged(judged) => {
                out.push(if judged.refused { "refused" } else { "admitted" }.to_owned());
                let line = |Placed { finding, at }: &Placed| format!("{}:{} {finding}", at.line, at.column);
                out.extend(judged.findings.iter().map(line));
            }
        }
    }
    out
}

/// A policy with this text for its metadata.
fn policy(metadata: &str) -> String {
    format!(
        "apiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata: {metadata}\nspec: {{type: location, locations: [{{type: country, name: us}}]}}\n"
    )
}

#[test]
fn type_meta_says_whose_an_object_is() {
    let all = r#"supported values: "deployment.beamlit.com/v1alpha1", "authorization.beamlit.com/v1alpha1", "config.beamlit.com/v1alpha1""#;
    let deployment = r#""deployment.beamlit.com/v1alpha1""#;
    let authorization = r#""authorization.beamlit.com/v1alpha1""#;
    let version = |value: &str, supported: &str, hint: &str| {
        let hint = if hint.is_empty() { String::new() } else { format!("; did you mean {hint}?") };
        format!("1:13 apiVersion: Unsupported value: \"{value}\": {supported}{hint} [OB009]")
    };
    let cases = [
        ("apps/v1", "Deployment", None),
        ("v1", "Service", None),
        ("kyverno.io/v1", "Policy", None),
        ("networking.example.com/v1", "Policy", None),
        (
            "deployment.beamlit.com/v1",
            "ModelDeployment",
            Some(version("deployment.beamlit.com/v1", &format!("supported values: {deployment}"), deployment)),
        ),
        (
            "deployment.beamlit.com/v1alpha1",
            "Policy",
            Some(version("deployment.beamlit.com/v1alpha1", &format!("supported values: {authorization}"), authorization)),
        ),
        (
            "Deployment.Beamlit.com/v1alpha1",
            "ModelDeployment",
            Some(version("Deployment.Beamlit.com/v1alpha1", &format!("supported values: {deployment}"), deployment)),
        ),
        (
            "authorisation.beamlit.com/v1alpha1",
            "Policy",
            Some(version("authorisation.beamlit.com/v1alpha1", &format!("supported values: {authorization}"), authorization)),
        ),
        (
            "authorization.beamlit.dev/v1alpha1",
            "Policy",
            Some(version("authorization.beamlit.dev/v1alpha1", &format!("supported values: {authorization}"), authorization)),
        ),
        ("ai.beamlit.dev/v1", "Agent", Some(version("ai.beamlit.dev/v1", all, ""))),
        (
            "apps/v1",
            "ModelDeployment",
            Some(version("apps/v1", &format!("supported values: {deployment}"), deployment)),
        ),
        (
            "deployment.beamlit.com/v1alpha1",
            "ModelDeploymnet",
            Some(
                "2:7 kind: Unsupported value: \"ModelDeploymnet\": supported values: \"ModelDeployment\", \"OffloadAutoscaler\"; did you mean \"ModelDeployment\"? [OB009]".to_owned(),
            ),
        ),
    ];
    for (api_version, kind, expected) in cases {
        let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: a\nspec: {{}}\n");
        let expected = match expected {
            None => vec!["skipped".to_owned()],
            Some(fault) => vec!["refused".to_owned(), fault],
        };
        assert_eq!(judged(&text, Named::Explicitly), expected, "{text}");
    }
}

#[test]
fn what_is_no_manifest_is_refused_where_somebody_asked_for_it() {
    let cases = [
        ("5\n", "1:1 Invalid value: must be a map, not an integer [OB001]"),
        ("- a\n", "1:1 Invalid value: must be a map, not a list [OB001]"),
        ("apiVersion: v1\nmetadata: {}\n", "1:1 kind: Required value [OB002]"),
        ("apiVersion: v1\nkind: 5\n", "2:7 kind: Invalid value: must be a string, not an integer [OB001]"),
    ];
    for (text, fault) in cases {
        assert_eq!(judged(text, Named::Explicitly), ["refused", fault], "{text}");
        assert_eq!(judged(text, Named::Found), ["skipped"], "{text}");
    }
    assert_eq!(judged("replicas: 3\nimage: x\n", Named::Found), ["skipped"], "Helm values");
    assert_eq!(judged("# nothing\n---\n---\n", Named::Explicitly), Vec::<String>::new());
    for text in [
        "kind: ModelDeployment\nmetadata: {name: a}\n",
        "metadata: {name: a}\nspec: {modelSourceRef: {name: a}}\n",
        "spec: {type: location, locations: []}\n",
    ] {
        let told = judged(text, Named::Found);
        assert_eq!(told[0], "refused", "{text}: {told:?}");
        assert!(told[1].contains("apiVersion: Required value"), "{told:?}");
    }
}

#[test]
fn lists_are_unrolled() {
    let item = policy("{name: NAME}").replace('\n', "\n    ");
    let text = format!(
        "apiVersion: v1\nkind: List\nitems:\n  - {}\n  - {{apiVersion: v1, kind: Service}}\n  - 5\n",
        item.replace("NAME", "a b")
    );
    let told_all = judged(&text, Named::Explicitly);
    assert_eq!(told_all[0], "refused");
    assert!(told_all[1].starts_with("6:22 metadata.name: Invalid value: \"a b\""), "{told_all:?}");
    assert_eq!(told_all[2..4], ["skipped", "refused"]);
    let outcomes = Judge::new("default", Configuration::default()).source(text.as_bytes(), Named::Explicitly);
    let items: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Judged(judged) => Some((judged.document, judged.item)),
            _ => None,
        })
        .collect();
    assert_eq!(items, [(0, Some(0)), (0, Some(2))]);

    let typed = "apiVersion: authorization.beamlit.com/v1alpha1\nkind: PolicyList\nitems:\n- metadata: {name: a}\n  spec: {type: location, locations: [{type: country, name: us}]}\n";
    assert_eq!(judged(typed, Named::Explicitly), ["admitted"]);
    assert_eq!(judged("apiVersion: v1\nkind: List\nitems: []\n", Named::Explicitly), Vec::<String>::new());
    let nested =
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: A}]}\n";
    assert_eq!(judged(nested, Named::Explicitly), ["skipped"]);
}

#[test]
fn metadata_is_judged_as_the_api_server_does() {
    let long = "a".repeat(64);
    let good = [
        "{name: a}",
        "{name: a.b-c.0, namespace: team-a, labels: {a: b, example.com/c: \"\", d: null}}",
        "{generateName: my-}",
        "{generateName: my--}",
        "{name: a, annotations: {Example.COM/key: \"any text ü\"}, finalizers: [example.com/x, orphan]}",
        "{name: a, uid: 5, resourceVersion: 7, creationTimestamp: null, managedFields: [{manager: x}], generation: 3}",
        "{name: a, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: b, uid: c, controller: true}]}",
    ];
    for metadata in good {
        assert_eq!(judged(&policy(metadata), Named::Explicitly), ["admitted"], "{metadata}");
    }
    let bad: &[(&str, &[&str])] = &[
        ("", &["3:9 metadata.name: Required value: name or generateName is required [OB002]"]),
        ("{}", &["3:1 metadata.name: Required value: name or generateName is required [OB002]"]),
        ("{name: \"\"}", &["3:18 metadata.name: Required value: name or generateName is required [OB002]"]),
        ("[a]", &["3:1 metadata: Invalid value: must be a map, not a list [OB001]"]),
        (
            "{name: 5}",
            &["3:18 metadata.name: Invalid value: must be a string, not an integer; put it in quotes [OB001]"],
        ),
        ("{name: a, namespace: a.b}", &["[OB011]"]),
        (
            "{name: A, generateName: Bc-}",
            &["metadata.name: Invalid value: \"A\"", "metadata.generateName: Invalid value: \"Bc-\""],
        ),
        ("{name: a, labels: {a: 5}}", &["metadata.labels[a]: Invalid value: must be a string, not an integer"]),
        (
            "{name: a, labels: {a/b/c: x, d: -x}}",
            &["metadata.labels[a/b/c]: Invalid value: \"a/b/c\"", "metadata.labels[d]: Invalid value: \"-x\""],
        ),
        ("{name: a, annotations: {\"a b\": x}}", &["metadata.annotations[a b]: Invalid value: \"a b\""]),
        (
            "{name: a, finalizers: [x y, orphan, foregroundDeletion]}",
            &["metadata.finalizers: Invalid value: orphan and", "metadata.finalizers[0]: Invalid value: \"x y\""],
        ),
        (
            "{name: a, ownerReferences: [{apiVersion: a/b/c, kind: X, name: b}]}",
            &[
                "metadata.ownerReferences[0].apiVersion: Invalid value: \"a/b/c\"",
                "metadata.ownerReferences[0].uid: Required value [OB002]",
            ],
        ),
        (
            "{name: a, ownerReferences: [{apiVersion: v1, kind: X, name: a, uid: b, controller: true}, {apiVersion: v1, kind: X, name: b, uid: c, controller: true}]}",
            &["metadata.ownerReferences[1].controller: Invalid value: only one owner"],
        ),
        (
            "{name: a, label: {}, name: b}",
            &[
                "metadata.name: Duplicate value: the key stands here 2 times",
                "metadata.label: Unknown field; did you mean \"labels\"? [OB007]",
            ],
        ),
    ];
    for (metadata, expected) in bad {
        let told = judged(&policy(metadata), Named::Explicitly);
        assert_eq!(told[0], "refused", "{metadata}");
        assert_eq!(told.len() - 1, expected.len(), "{metadata}: {told:?}");
        for expected in *expected {
            assert!(told.iter().any(|line| line.contains(expected)), "{metadata}: {expected}: {told:?}");
        }
    }
    assert!(
        judged(&policy(&format!("{{name: a, namespace: {long}}}")), Named::Explicitly)[1].contains("no more than 63")
    );
    let large = format!("{{name: a, annotations: {{a: {}}}}}", "x".repeat(256 << 10));
    let told = judged(&policy(&large), Named::Explicitly);
    assert!(told[1].contains("metadata.annotations: Too long: may not be more than 262144 bytes in all"), "{told:?}");
}

#[test]
fn findings_follow_the_schema_and_status_is_not_judged() {
    let text = "kind: Policy\napiVersion: authorization.beamlit.com/v1alpha1\nspecs: {}\nstatus: {nonsense: 5}\nspec:\n  type: place\n  type: place\n  locations: []\nmetadata:\n  labels: {a b: c}\n  name: A\nkind: Policy\n";
    let told = judged(text, Named::Explicitly);
    let paths: Vec<&str> = told[1..].iter().filter_map(|line| line.split([' ', ':']).nth(2)).collect();
    assert_eq!(paths[..4], ["kind", "metadata.name", "metadata.labels[a", "spec.type"], "{told:?}");
    assert_eq!(paths.last(), Some(&"specs"), "{told:?}");
    assert!(told.contains(&"3:1 specs: Unknown field; did you mean \"spec\"? [OB007]".to_owned()), "{told:?}");
}

#[test]
fn a_null_is_no_field_that_nobody_knows() {
    let text = "apiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\ndata: null\nmetadata: {name: a, label: ~}\nspec: {type: location, replicas: null, locations: [{type: country, name: us, code: null}]}\n";
    assert_eq!(judged(text, Named::Explicitly), ["admitted"]);
}

#[test]
fn a_time_of_deletion_is_one_that_kubectl_reads() {
    let told = |time: &str| judged(&policy(&format!("{{name: a, deletionTimestamp: \"{time}\"}}")), Named::Explicitly);
    for time in ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+01:00"] {
        assert_eq!(told(time), ["admitted"], "{time}");
    }
    for time in [
        "soon",
        "",
        "2026-01-31",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00Z",
        "2026-02-31T12:00:00Z",
    ] {
        assert_eq!(told(time)[0], "refused", "{time}");
    }
    assert_eq!(
        told("soon")[1],
        "3:40 metadata.deletionTimestamp: Invalid value: \"soon\": must be a time such as 2026-01-31T12:00:00Z [OB001]"
    );
}

#[test]
fn the_same_object_twice_is_told_of_the_later() {
    let mut judge = Judge::new("default", Configuration::default());
    let mut source = |text: &str| told(judge.source(text.as_bytes(), Named::Explicitly));
    assert_eq!(source(&policy("{name: a}")), ["admitted"]);
    assert_eq!(
        source(&policy("{name: a, namespace: default}")),
        [
            "refused",
            "3:18 metadata.name: Duplicate value: \"a\": the same object stands on line 3 of an earlier file already [OB017]"
        ]
    );
    assert_eq!(source(&policy("{name: a, namespace: other}")), ["admitted"]);
    assert_eq!(source(&policy("{generateName: a-}")), ["admitted"]);
    assert_eq!(source(&policy("{generateName: a-}")), ["admitted"], "each gets a name of its own");
}

#[test]
fn references_are_unknown_once_unless_they_are_at_fault() {
    let text = "\
apiVersion: deployment.beamlit.com/v1alpha1
kind: ModelDeployment
metadata: {name: a, namespace: team}
spec:
  model: m
  modelSourceRef: {name: w, kind: StatefulSet}
  serviceRef: {name: s}
  metricServiceRef: {name: s, namespace: team}
  policies:
  - {refType: localPolicy, name: p}
  - {refType: remotePolicy, name: q}
  - {refType: localPolicy, name: r, namespace: elsewhere}
";
    let local =
        |namespace: &str, name: &str| EnvironmentPolicy::Local { namespace: namespace.into(), name: name.into() };
    let production = vec![local("platform", "base"), local("team", "p"), EnvironmentPolicy::Remote("q".into())];
    let configuration = Configuration { production, ..Configuration::default() };
    let unknown = |world: &str| {
        let mut judge = Judge::new("default", configuration.clone());
        judge.learn(world.as_bytes());
        let outcomes = judge.source(text.as_bytes(), Named::Explicitly);
        let [Outcome::Judged(judged)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
        assert_eq!(judged.namespace.as_deref(), Some("team"));
        let told = |found: &Reference| format!("{} {}/{}", found.kind, found.namespace, found.name);
        judged.unknown.iter().map(told).collect::<Vec<String>>()
    };
    // A local policy that is in no file is missing, which is a finding, but for those of the environment.
    assert_eq!(
        unknown(""),
        ["StatefulSet team/w", "Service team/s", "remotePolicy /q", "Policy platform/base", "Policy team/p"]
    );
    let world = format!(
        "{}---\n{}---\n{}",
        policy("{name: p, namespace: team}"),
        policy("{name: base, namespace: platform}"),
        "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Service, metadata: {name: s, namespace: team}}]\n"
    );
    assert_eq!(unknown(&world), ["StatefulSet team/w", "remotePolicy /q"]);
}

#[test]
fn what_cannot_be_read_hides_nothing_else() {
    let text = format!("a: [\n---\n{}", policy("{name: a}"));
    assert_eq!(judged(&text, Named::Explicitly), ["unreadable 1:4 unclosed bracket '['", "admitted"]);
}
