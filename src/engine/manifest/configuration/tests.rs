use super::*;

fn said(document: &str) -> Vec<String> {
    let read = read(document.as_bytes(), None);
    [read.lines(Severity::Error), read.lines(Severity::Warning)].concat()
}

#[test]
fn the_smallest_configuration_is_the_default() {
    let (configuration, warnings) =
        load(b"apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\n", None).unwrap();
    assert_eq!(format!("{configuration:?}"), format!("{:?}", Configuration::default()));
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn what_is_no_configuration_is_told_what_is() {
    let all = |text: &str| said(text).join("\n");
    insta::assert_snapshot!(all("workspace: a"), @r#"
    1:1: apiVersion: Required value; write apiVersion: config.beamlit.com/v1alpha1 [OB002]
    1:1: kind: Required value; write kind: OperatorConfiguration [OB002]
    "#);
    insta::assert_snapshot!(all("apiVersion: v1\nkind: ConfigMap\ndata: {a: b}"), @"");
    insta::assert_snapshot!(all("apiVersion: config.beamlit.com/v1\nkind: OperatorConfig"), @"");
    insta::assert_snapshot!(all("apiVersion: v1\nkind: List\nitems: []"), @"");
    insta::assert_snapshot!(all("- a"), @"");
    insta::assert_snapshot!(all("# nothing\n---\n"), @"");
    insta::assert_snapshot!(all("a: b\n---\na: c\n"), @"");
    insta::assert_snapshot!(all("a: *a"), @"");
    insta::assert_snapshot!(all(&" ".repeat(MAX_BYTES + 1)), @"");
}
