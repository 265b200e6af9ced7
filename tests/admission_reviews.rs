//! The 22 reviews that a real API server sent: each gets a well-formed, right answer from both sides of the gate.
#![cfg(feature = "operator")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::path::Path;

use base64::Engine as _;
use beamlit_operator::gate::review::{Endpoint, Settings, Verdict, answer};
use serde_json::{Value, json};

/// Whether the review is judged, and how it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    /// Legal, and admitted after a look.
    Judged,
    /// Admitted without a look.
    Passed,
}
use Ends::{Judged, Passed};

const REVIEWS: [(&str, Ends); 22] = [
    ("001-CREATE-ModelDeployment-dryrun", Judged),
    ("002-CREATE-ModelDeployment", Judged),
    // A label: the spec is unchanged.
    ("003-UPDATE-ModelDeployment", Passed),
    ("004-UPDATE-ModelDeployment", Judged),
    ("005-UPDATE-ModelDeployment-status", Passed),
    ("006-UPDATE-ModelDeployment", Judged),
    ("007-CREATE-ModelDeployment", Judged),
    ("008-UPDATE-ModelDeployment-dryrun", Passed),
    ("009-CREATE-ModelDeployment", Judged),
    ("010-UPDATE-ModelDeployment", Passed),
    ("011-UPDATE-ModelDeployment", Passed),
    ("012-CREATE-ModelDeployment", Judged),
    ("013-CREATE-ModelDeployment", Judged),
    ("014-DELETE-ModelDeployment-dryrun", Passed),
    // A finalizer is added.
    ("015-UPDATE-ModelDeployment", Passed),
    ("016-DELETE-ModelDeployment", Passed),
    // The finalizer is removed while the object is going.
    ("017-UPDATE-ModelDeployment", Passed),
    ("018-DELETE-ModelDeployment", Passed),
    ("019-DELETE-ModelDeployment", Passed),
    // A namespace is deleted: no name.
    ("020-DELETE-ModelDeployment", Passed),
    ("021-DELETE-ModelDeployment", Passed),
    // Another mutator has added a field that nobody knows.
    ("022-CREATE-ModelDeployment", Judged),
];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/admission-reviews"))
}

fn settings() -> Settings<'static> {
    Settings::alone()
}

fn read(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder().join(name).with_extension("json")).unwrap()).unwrap()
}

fn ask(endpoint: Endpoint, review: &Value) -> (Verdict, Value) {
    let answer = answer(endpoint, &serde_json::to_vec(review).unwrap(), settings());
    assert_eq!(answer.status, 200);
    (answer.verdict, serde_json::from_slice(&answer.body).unwrap())
}

/// The review as the other side of the gate sees it: with the patch applied, which must add and never change.
fn patched(review: &Value, response: &Value) -> Value {
    let Some(patch) = response.get("patch") else {
        assert!(response.get("patchType").is_none());
        return review.clone();
    };
    assert_eq!(response["patchType"], "JSONPatch");
    let patch = base64::engine::general_purpose::STANDARD.decode(patch.as_str().unwrap()).unwrap();
    let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
    assert!(patch.iter().all(|step| matches!(step, json_patch::PatchOperation::Add(_))), "{patch:?}");
    let mut review = review.clone();
    json_patch::patch(&mut review["request"]["object"], &patch).unwrap();
    review
}

#[test]
fn every_captured_review_is_listed() {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    assert_eq!(files, REVIEWS.map(|(name, _)| name));
}

#[test]
fn every_captured_review_is_admitted_in_due_form() {
    for (name, ends) in REVIEWS {
        let review = read(name);
        let uid = &review["request"]["uid"];

        let (verdict, mutated) = ask(Endpoint::Mutate, &review);
        assert_eq!(
            (&mutated["apiVersion"], &mutated["kind"]),
            (&json!("admission.k8s.io/v1"), &json!("AdmissionReview"))
        );
        let response = &mutated["response"];
        assert_eq!((&response["uid"], &response["allowed"]), (uid, &json!(true)), "{name}: {response}");
        assert!(response.get("warnings").is_none(), "{name}: {response}");
        match ends {
            Judged => assert!(matches!(verdict, Verdict::Admitted | Verdict::Patched), "{name}: {verdict:?}"),
            Passed => {
                assert_eq!((verdict, response), (Verdict::Passed, &json!({"uid": uid, "allowed": true})), "{name}")
            }
        }

        // Run on its own output, the mutating side has nothing to add.
        let review = patched(&review, response);
        let (verdict, again) = ask(Endpoint::Mutate, &review);
        assert_eq!(again["response"], json!({"uid": uid, "allowed": true}), "{name}");
        assert_ne!(verdict, Verdict::Patched);

        let (verdict, validated) = ask(Endpoint::Validate, &review);
        let response = &validated["response"];
        assert_eq!((&response["uid"], &response["allowed"]), (uid, &json!(true)), "{name}: {response}");
        assert!(response.get("patch").is_none(), "a validator never patches");
        assert_eq!(verdict, if ends == Judged { Verdict::Admitted } else { Verdict::Passed }, "{name}");
    }
}

#[test]
fn what_is_passed_stays_passed_when_the_object_is_invalid() {
    for (name, ends) in REVIEWS {
        let mut review = read(name);
        for side in ["object", "oldObject"] {
            if let Some(spec) = review["request"][side].get_mut("spec") {
                spec["offloadingConfig"]["behavior"]["percentage"] = json!(if side == "object" { 150 } else { 151 });
                if ends == Passed && review["request"]["operation"] == "UPDATE" {
                    // Spec unchanged, or nobody's business: alike on both sides.
                    review["request"][side]["spec"]["offloadingConfig"]["behavior"]["percentage"] = json!(150);
                }
            }
        }
        for endpoint in [Endpoint::Mutate, Endpoint::Validate] {
            let (verdict, body) = ask(endpoint, &review);
            match ends {
                Passed => {
                    assert_eq!((verdict, &body["response"]["allowed"]), (Verdict::Passed, &json!(true)), "{name}")
                }
                Judged => {
                    assert_eq!((verdict, &body["response"]["allowed"]), (Verdict::Denied, &json!(false)), "{name}");
                    let status = &body["response"]["status"];
                    assert_eq!((&status["code"], &status["reason"]), (&json!(422), &json!("Invalid")));
                    assert_eq!(status["details"]["causes"][0]["field"], "spec.offloadingConfig.behavior.percentage");
                    assert_eq!(status["details"]["name"], review["request"]["name"]);
                }
            }
        }
    }
}

#[test]
fn a_generated_name_is_not_known_to_the_mutating_side() {
    let mut review = read("009-CREATE-ModelDeployment");
    review["request"].as_object_mut().unwrap().remove("name");
    let metadata = review["request"]["object"]["metadata"].as_object_mut().unwrap();
    assert!(metadata.contains_key("generateName"));
    for gone in ["name", "uid", "creationTimestamp"] {
        metadata.remove(gone);
    }
    let (_, body) = ask(Endpoint::Mutate, &review);
    assert_eq!(body["response"]["allowed"], true);
}
