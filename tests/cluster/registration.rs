//! The shipped webhook configurations: stored exactly as they stand in the file.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::apart;
use crate::harness::certificates::Authority;
use crate::harness::operator::{configurations, register, unregister};

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
    for (configuration, policy, seconds) in [(&mutating, "Ignore", 2), (&validating, "Fail", 5)] {
        let webhooks = configuration["webhooks"].as_array().unwrap();
        assert_eq!(webhooks.len(), 1, "one entry that can deny");
        let webhook = &webhooks[0];
        assert_eq!(webhook["failurePolicy"], policy);
        assert_eq!(webhook["timeoutSeconds"], seconds);
        assert_eq!(webhook["sideEffects"], "None");
        assert_eq!(webhook["matchPolicy"], "Equivalent");
        assert_eq!(webhook["namespaceSelector"], json!({}));
        assert_eq!(webhook["objectSelector"], json!({}));
        assert_eq!(webhook["admissionReviewVersions"], json!(["v1"]));
        for rule in webhook["rules"].as_array().unwrap() {
            assert_eq!(rule["operations"], json!(["CREATE", "UPDATE"]), "DELETE is never registered under Fail");
            assert_eq!(rule["scope"], "Namespaced");
            assert!(!rule.to_string().contains('*'), "{rule}");
        }
    }
    assert!(mutating["metadata"]["name"].as_str().unwrap().starts_with("zz-"), "after other mutators");
    assert_eq!(mutating["webhooks"][0]["reinvocationPolicy"], "IfNeeded");
    assert_eq!(mutating["webhooks"][0]["rules"], validating["webhooks"][0]["rules"]);
    assert_eq!(mutating["webhooks"][0]["matchConditions"], validating["webhooks"][0]["matchConditions"]);
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
    assert_eq!(read.matches(&authority).count(), 2, "{read}");
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
