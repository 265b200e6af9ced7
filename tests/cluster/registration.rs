//! The shipped webhook configurations: stored exactly as they stand in the file.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::apart;
use crate::harness::certificates::Authority;
use crate::harness::operator::{NAMESPACE, configurations, register, unregister};

#[test]
fn the_api_server_adds_nothing_to_the_shipped_configurations() {
    let plane = apart();
    let kubectl = plane.admin();
    let authority = Authority::new(plane.folder().path(), "unused-authority").unwrap();
    // Nobody needs to answer: what is read back is what would be asked.
    register(kubectl, Some(&authority), 1).unwrap();
    for shipped in configurations(kubectl, Some(&authority), 1).unwrap() {
        let kind = shipped["kind"].as_str().unwrap().to_lowercase();
        let stored = kubectl.get(&format!("{kind} {}", shipped["metadata"]["name"].as_str().unwrap()));
        assert_eq!(stored["webhooks"], shipped["webhooks"], "{kind}");
        assert_eq!(stored["metadata"]["labels"], shipped["metadata"]["labels"], "{kind}");
        assert_eq!(unknown_members(&shipped), Vec::<&str>::new(), "{kind}");
    }
    unregister(kubectl).unwrap();
}

/// What the rest of the project relies on; a change here is a change of what is promised.
#[test]
fn the_shipped_configurations_keep_their_promises() {
    let plane = apart();
    let authority = Authority::new(plane.folder().path(), "unused-authority").unwrap();
    let [mutating, validating]: [Value; 2] =
        configurations(plane.admin(), Some(&authority), 443).unwrap().try_into().unwrap();
    let of = |configuration: &Value| configuration["webhooks"].as_array().unwrap().clone();
    let [mutate] = &of(&mutating)[..] else { panic!("one entry: {mutating}") };
    let [validate, delete, write] = &of(&validating)[..] else {
        panic!("one entry that can deny, and two that advise: {validating}")
    };
    let written = json!(["CREATE", "UPDATE"]);
    for (webhook, name, policy, seconds, operations) in [
        (mutate, "mutate.beamlit.com", "Ignore", 2, &written),
        (validate, "validate.beamlit.com", "Fail", 5, &written),
        (delete, "delete.policy.beamlit.com", "Ignore", 2, &json!(["DELETE"])),
        (write, "write.offloadautoscaler.beamlit.com", "Ignore", 2, &written),
    ] {
        assert_eq!(webhook["name"], name);
        assert_eq!(webhook["failurePolicy"], policy);
        assert_eq!(webhook["timeoutSeconds"], seconds);
        assert_eq!(webhook["sideEffects"], "None");
        assert_eq!(webhook["matchPolicy"], "Equivalent");
        assert_eq!(webhook["namespaceSelector"], json!({}));
        assert_eq!(webhook["objectSelector"], json!({}));
        assert_eq!(webhook["admissionReviewVersions"], json!(["v1"]));
        for rule in webhook["rules"].as_array().unwrap() {
            assert_eq!(&rule["operations"], operations, "DELETE is never registered under Fail");
            assert_eq!(rule["scope"], "Namespaced");
            assert!(!rule.to_string().contains('*'), "{rule}");
        }
    }
    assert!(mutating["metadata"]["name"].as_str().unwrap().starts_with("zz-"), "after other mutators");
    assert_eq!(mutate["reinvocationPolicy"], "IfNeeded");
    assert_eq!(mutate["rules"], validate["rules"]);
    // Both let pass the same, but for the stamps, which one of them writes.
    let conditions = |webhook: &Value| -> Vec<(String, String)> {
        let text = |condition: &Value, key: &str| condition[key].as_str().unwrap().to_owned();
        let all = webhook["matchConditions"].as_array().unwrap().iter();
        all.map(|condition| (text(condition, "name"), text(condition, "expression"))).collect()
    };
    let [going, spec, status] = &conditions(validate)[..] else { panic!("three: {validate}") };
    let [mutate_going, stamp, mutate_status] = &conditions(mutate)[..] else { panic!("three: {mutate}") };
    assert_eq!(status, mutate_status);
    // On CREATE, the mark is still there when the mutating side is called.
    assert_eq!(*mutate_going, (going.0.clone(), format!("oldObject == null || {}", going.1)));
    let rest = stamp.1.strip_prefix(&spec.1).unwrap();
    for key in ["offloading.beamlit.com/autoscaler", "routing.beamlit.com/weights"] {
        let of = |object: &str| format!("{object}.metadata.?annotations[?'{key}']");
        assert!(rest.contains(&format!("|| {} != {}", of("object"), of("oldObject"))), "{rest}");
    }
    let [operator, others @ ..] = &conditions(write)[..] else { panic!("four: {write}") };
    assert_eq!(others, [going.clone(), spec.clone(), status.clone()]);
    let account = format!("'system:serviceaccount:{NAMESPACE}:beamlit-operator'");
    assert_eq!(operator.1, format!("request.userInfo.username != {account}"));
    // Of deletions, those of Policies alone: nothing depends on a ModelDeployment.
    let [rule] = &delete["rules"].as_array().unwrap()[..] else { panic!("one rule: {delete}") };
    assert_eq!((&rule["apiGroups"], &rule["resources"]), (&json!(["authorization.beamlit.com"]), &json!(["policies"])));
    let [rule] = &write["rules"].as_array().unwrap()[..] else { panic!("one rule: {write}") };
    assert_eq!(rule["resources"], json!(["offloadautoscalers"]));
    for advice in [delete, write] {
        assert_eq!(advice["clientConfig"]["service"]["path"], "/advise", "where even a failure refuses nothing");
    }
}

#[test]
fn the_development_script_fills_in_an_authority_that_the_api_server_takes() {
    let plane = apart();
    let folder = plane.folder().path().join("development");
    let out = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/certs/dev-certificate.sh"))
        .args(["--print", "--dir"])
        .arg(&folder)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let printed = String::from_utf8(out.stdout).unwrap();
    let read = plane.admin().ok_with("create --dry-run=server --output=json -f -", &printed);
    let authority = std::fs::read(folder.join("ca.pem")).unwrap();
    let authority = base64::engine::general_purpose::STANDARD.encode(authority);
    assert_eq!(read.matches(&authority).count(), 4, "in every webhook: {read}");
    let key = std::fs::metadata(folder.join("tls.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o77, 0, "the key is for nobody else");
}

/// Top-level members that are neither type meta nor what is compared.
fn unknown_members(configuration: &Value) -> Vec<&str> {
    configuration
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .filter(|key| !["apiVersion", "kind", "metadata", "webhooks"].contains(key))
        .collect()
}
