//! Tests of whole answers: bytes in, bytes out.

use base64::Engine as _;
use serde_json::{Value, json};

use super::*;
use crate::engine::finding::At;
use crate::engine::finding::rules::{OB003, OB004};
use crate::engine::parse::{JsonLimits, from_json};
use crate::engine::world::{Fact, Resource};

const ENDPOINTS: [Endpoint; 2] = [Endpoint::Mutate, Endpoint::Validate];

fn settings() -> Settings<'static> {
    Settings::alone()
}

fn ask(endpoint: Endpoint, review: &Value) -> (Answer, Value) {
    let answer = answer(endpoint, &serde_json::to_vec(review).unwrap(), settings());
    let body = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer, body)
}

fn policy(country: &Value) -> Value {
    json!({"apiVersion": "authorization.beamlit.com/v1alpha1", "kind": "Policy", "metadata": {"name": "p", "namespace": "n"},
        "spec": {"type": "location", "locations": [{"type": "country", "name": country}]}})
}

fn review(operation: &str, object: &Value, old: &Value) -> Value {
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u-1",
        "kind": {"group": "authorization.beamlit.com", "version": "v1alpha1", "kind": "Policy"},
        "name": "p", "namespace": "n", "operation": operation, "object": object, "oldObject": old, "dryRun": false}})
}

#[test]
fn a_fault_of_the_schema_is_denied_by_both_with_everything() {
    let object = policy(&json!(7));
    for endpoint in ENDPOINTS {
        let (answer, body) = ask(endpoint, &review("CREATE", &object, &Value::Null));
        assert_eq!((answer.status, answer.verdict), (200, Verdict::Denied));
        let response = &body["response"];
        assert_eq!((&response["uid"], &response["allowed"]), (&json!("u-1"), &json!(false)));
        assert_eq!(response["status"]["code"], 422);
        assert_eq!(response["status"]["reason"], "Invalid");
        let causes = response["status"]["details"]["causes"].as_array().unwrap();
        assert_eq!(causes[0]["field"], "spec.locations[0].name");
        assert_eq!(causes[0]["reason"], "FieldValueTypeInvalid");
        assert!(response.get("patch").is_none() && response.get("patchType").is_none());
        assert_eq!(response["auditAnnotations"]["codes"], "OB001");
        assert_eq!(answer.subject.codes, ["OB001"]);
    }
}

#[test]
fn what_must_not_be_judged_is_admitted_without_a_patch() {
    let bad = policy(&json!(7));
    let worse = policy(&json!(8));
    let mut going = bad.clone();
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let mut part = review("UPDATE", &bad, &worse);
    part["request"]["subResource"] = json!("status");
    let mut other = review("CREATE", &bad, &Value::Null);
    other["request"]["kind"]["version"] = json!("v1");
    let mut labelled = bad.clone();
    labelled["metadata"]["labels"] = json!({"a": "b"});
    let mut nameless = review("DELETE", &Value::Null, &bad);
    nameless["request"].as_object_mut().unwrap().remove("name");
    for (what, review) in [
        ("deletion", review("DELETE", &Value::Null, &bad)),
        ("deletion of a namespace", nameless),
        ("connect", review("CONNECT", &bad, &Value::Null)),
        ("an object that is going", review("UPDATE", &going, &worse)),
        ("a subresource", part),
        ("an unknown version", other),
        ("an unchanged spec", review("UPDATE", &labelled, &bad)),
    ] {
        for endpoint in ENDPOINTS {
            let (answer, body) = ask(endpoint, &review);
            assert_eq!(body["response"], json!({"uid": "u-1", "allowed": true}), "{what}");
            assert_eq!(answer.verdict, Verdict::Passed, "{what}");
        }
    }
}

#[test]
fn a_create_is_judged_whatever_is_said_of_an_old_object() {
    let bad = policy(&json!(7));
    let (answer, _) = ask(Endpoint::Validate, &review("CREATE", &bad, &bad));
    assert_eq!(answer.verdict, Verdict::Denied);
}

#[test]
fn a_review_that_cannot_be_read_is_refused_under_its_uid() {
    let object = policy(&json!("us"));
    let mut wrong = review("CREATE", &object, &Value::Null);
    wrong["apiVersion"] = json!("admission.k8s.io/v1beta1");
    for (review, why) in [
        (review("CREATE", &Value::Null, &Value::Null), "request.object is missing"),
        (review("UPDATE", &policy(&json!("fr")), &Value::Null), "request.oldObject is missing"),
        (wrong, "apiVersion must be admission.k8s.io/v1"),
    ] {
        for endpoint in ENDPOINTS {
            let (answer, body) = ask(endpoint, &review);
            assert_eq!((answer.status, answer.verdict), (200, Verdict::Undecodable));
            assert_eq!(body["response"]["uid"], "u-1");
            assert_eq!(body["response"]["allowed"], false);
            assert_eq!(body["response"]["status"]["code"], 400);
            let message = body["response"]["status"]["message"].as_str().unwrap();
            assert!(message.contains(why), "{message}");
        }
    }
}

#[test]
fn a_review_that_is_cut_anywhere_is_answered() {
    let whole = serde_json::to_vec(&review("CREATE", &policy(&json!("us")), &Value::Null)).unwrap();
    for end in 0..whole.len() {
        for endpoint in ENDPOINTS {
            let answer = answer(endpoint, &whole[..end], settings());
            assert_eq!(answer.verdict, Verdict::Undecodable, "{end}");
            match answer.subject.uid {
                Some(uid) => assert_eq!((answer.status, uid.as_str()), (200, "u-1")),
                None => assert_eq!(answer.status, 400),
            }
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_under_the_uid() {
    let mut body = serde_json::to_vec(&review("CREATE", &policy(&json!("us")), &Value::Null)).unwrap();
    let place = body.windows(4).position(|four| four == b"\"us\"").unwrap();
    body[place + 1] = 0xff;
    let answer = answer(Endpoint::Validate, &body, settings());
    assert_eq!((answer.status, answer.subject.uid.as_deref()), (200, Some("u-1")));
    assert!(String::from_utf8(answer.body).unwrap().contains("not UTF-8 at byte"));
}

#[test]
fn a_name_that_is_yet_to_be_generated_is_called_by_its_beginning() {
    let mut object = policy(&json!(7));
    object["metadata"] = json!({"generateName": "my-"});
    let mut review = review("CREATE", &object, &Value::Null);
    review["request"].as_object_mut().unwrap().remove("name");
    let (answer, body) = ask(Endpoint::Mutate, &review);
    assert_eq!(body["response"]["status"]["details"]["name"], "my-");
    let message = body["response"]["status"]["message"].as_str().unwrap();
    assert!(message.starts_with("Policy.authorization.beamlit.com \"my-\" is invalid:\n* spec."), "{message}");
    assert_eq!(answer.subject.name, "my-");
}

fn found(schema: bool) -> Findings {
    let mut findings = Findings::default();
    let root = At::root();
    let at = root.field("spec");
    let mut error = Finding::new(&OB003, &at, "wrong");
    error.schema = schema;
    findings.add(error);
    let mut warning = Finding::new(&OB004, &at, "odd");
    warning.severity = Severity::Warning;
    findings.add(warning);
    findings
}

fn concluded(endpoint: Endpoint, findings: &Findings, patch: &Value) -> (Answer, Value) {
    let patch = serde_json::from_value(patch.clone()).unwrap();
    let answer = conclude(endpoint, Kind::Policy, "u", Subject::default(), &patch, findings);
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    (answer, body["response"].clone())
}

fn deployment(spec: &Value) -> Value {
    let mut object = json!({"metadata": {"name": "m", "namespace": "n"},
        "spec": {"model": "m", "modelSourceRef": {"name": "m"}, "serviceRef": {"name": "m", "targetPort": 80}}});
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    object
}

fn deployment_review(operation: &str, object: &Value, old: &Value) -> Value {
    let mut review = review(operation, object, old);
    review["request"]["kind"] =
        json!({"group": "deployment.beamlit.com", "version": "v1alpha1", "kind": "ModelDeployment"});
    review
}

fn patched(object: &Value, response: &Value) -> Value {
    let mut object = object.clone();
    if let Some(patch) = response["response"]["patch"].as_str() {
        let bytes = base64::engine::general_purpose::STANDARD.decode(patch).unwrap();
        json_patch::patch(&mut object, &serde_json::from_slice::<json_patch::Patch>(&bytes).unwrap()).unwrap();
    }
    object
}

#[test]
fn mutate_leaves_to_validate_what_the_schema_would_not_refuse() {
    let object = deployment(&json!({"model": "a/b", "offloadingConfig": {}}));
    let review = deployment_review("CREATE", &object, &Value::Null);
    let (answer, response) = ask(Endpoint::Mutate, &review);
    assert_eq!(answer.verdict, Verdict::Patched);
    // Completed, and not stamped: it will be refused. Its author hears of it once, from /validate.
    let completed = patched(&object, &response);
    assert_eq!(completed["spec"]["environment"], "production");
    assert!(completed["metadata"].get("annotations").is_none());
    let response = &response["response"];
    assert!(response.get("warnings").is_none() && response.get("auditAnnotations").is_none());

    let (answer, response) = ask(Endpoint::Validate, &review);
    assert_eq!(answer.verdict, Verdict::Denied);
    assert!(response["response"].get("patch").is_none(), "a validator never patches");
    assert_eq!(response["response"]["auditAnnotations"], json!({"codes": "MD001"}));
    let (_, response) = concluded(Endpoint::Validate, &found(false), &json!([]));
    assert_eq!(response["warnings"], json!(["spec: Invalid value: odd [OB004]"]));
}

#[test]
fn mutate_stamps_what_an_object_was_compiled_to_and_says_what_it_stamped_over() {
    let bare = deployment(&json!({"offloadingConfig": {"behavior": {"percentage": 50}}}));
    let (answer, response) = ask(Endpoint::Mutate, &deployment_review("CREATE", &bare, &Value::Null));
    assert_eq!((answer.verdict, response["response"].get("warnings")), (Verdict::Patched, None));
    let stored = patched(&bare, &response);
    let stamps = stored["metadata"]["annotations"].clone();
    assert_eq!(stamps["routing.beamlit.com/weights"], "local=100,remote=0");

    // Applied again without its stamps, and with others: each ends as what is stored, though the spec is the same.
    for (annotations, warnings) in [(json!(null), 0), (stamps, 0), (json!({"routing.beamlit.com/weights": "x"}), 1)] {
        let mut again = stored.clone();
        again["metadata"]["annotations"] = annotations;
        let (answer, response) = ask(Endpoint::Mutate, &deployment_review("UPDATE", &again, &stored));
        assert_eq!(patched(&again, &response), stored);
        assert_eq!(response["response"]["warnings"].as_array().map_or(0, Vec::len), warnings);
        assert_eq!(answer.subject.codes.len(), warnings);
        let (answer, _) = ask(Endpoint::Validate, &deployment_review("UPDATE", &again, &stored));
        assert_eq!(answer.verdict, Verdict::Passed);
    }
}

#[test]
fn an_unchanged_spec_that_nobody_would_admit_any_more_is_neither_judged_nor_completed() {
    let bad = deployment(&json!({"environment": "prod", "offloadingConfig": {}}));
    let mut stamped = bad.clone();
    stamped["metadata"]["annotations"] = json!({"routing.beamlit.com/weights": "x"});
    let (answer, response) = ask(Endpoint::Mutate, &deployment_review("UPDATE", &stamped, &bad));
    assert_eq!((answer.verdict, &response["response"]["allowed"]), (Verdict::Patched, &json!(true)));
    let mut without = bad.clone();
    without["metadata"]["annotations"] = json!({});
    assert_eq!(patched(&stamped, &response), without);
}

#[test]
fn a_denial_of_mutate_carries_the_warnings_because_validate_is_not_asked_any_more() {
    let (answer, response) = concluded(Endpoint::Mutate, &found(true), &json!([]));
    assert_eq!(answer.verdict, Verdict::Denied);
    assert_eq!(response["warnings"], json!(["spec: Invalid value: odd [OB004]"]));
}

#[test]
fn an_error_that_was_softened_warns_and_denies_nothing() {
    let mut findings = found(true);
    findings.soften(|_| true);
    let (answer, response) = concluded(Endpoint::Validate, &findings, &json!([]));
    assert_eq!((answer.verdict, &response["allowed"]), (Verdict::Admitted, &json!(true)));
    assert_eq!(response["warnings"].as_array().unwrap().len(), 2);
    assert!(response.get("status").is_none());
}

#[test]
fn a_review_that_is_not_judged_is_refused_by_validate_and_failed_by_mutate_and_advise() {
    for (failure, code, http) in [
        (Failure::Full, 429, 503),
        (Failure::Late, 504, 504),
        (Failure::Unready("nobody looked"), 503, 503),
        (Failure::Panicked, 500, 500),
    ] {
        let answer = Answer::failed(Endpoint::Validate, Some("u".into()), failure);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &body["response"]["allowed"]), (200, &json!(false)));
        assert_eq!(body["response"]["status"]["code"], code);
        let retry = &body["response"]["status"]["details"]["retryAfterSeconds"];
        assert_eq!(retry.as_u64(), matches!(failure, Failure::Full | Failure::Unready(_)).then_some(1));
        assert_eq!(Answer::failed(Endpoint::Validate, None, failure).status, http);
        for endpoint in [Endpoint::Mutate, Endpoint::Advise] {
            assert_eq!(Answer::failed(endpoint, Some("u".into()), failure).status, http);
        }
    }
    // What cannot be read is a failed call too where nothing may be refused.
    assert_eq!(answer(Endpoint::Advise, b"{", settings()).status, 400);
    let creation = review("CREATE", &policy(&json!(7)), &Value::Null);
    let (answer, body) = ask(Endpoint::Advise, &creation);
    assert_eq!((answer.verdict, &body["response"]["allowed"]), (Verdict::Passed, &json!(true)));
}

/// A cluster in which `user` of the namespace `n` names the policy `p`, and a ModelDeployment of another namespace serves `taken`.
fn neighbours() -> World {
    let mut world = World::of_cluster();
    for (namespace, name, spec) in [
        ("n", "user", json!({"model": "m", "policies": [{"refType": "localPolicy", "name": "p"}]})),
        ("elsewhere", "secret", json!({"model": "taken"})),
    ] {
        let object = json!({"metadata": {"name": name, "namespace": namespace}, "spec": spec}).to_string();
        let node = from_json(object.as_bytes(), JsonLimits::UniqueKeys).unwrap();
        world.put(Fact::of(Resource::ModelDeployments, &node, "").unwrap());
    }
    world
}

fn ask_among(endpoint: Endpoint, review: &Value) -> (Answer, Value) {
    let (configuration, world) = (Configuration::default(), neighbours());
    let settings = Settings { configuration: &configuration, world: &world, unready: None };
    let answer = answer(endpoint, &serde_json::to_vec(review).unwrap(), settings);
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    (answer, body["response"].clone())
}

#[test]
fn a_deletion_is_never_refused_and_its_author_is_told_whom_it_affects() {
    let old = policy(&json!("us"));
    for endpoint in [Endpoint::Advise, Endpoint::Validate] {
        let (answer, response) = ask_among(endpoint, &review("DELETE", &Value::Null, &old));
        assert_eq!((answer.verdict, answer.subject.codes.as_slice()), (Verdict::Passed, ["PL014"].as_slice()));
        assert_eq!(
            response,
            json!({"uid": "u-1", "allowed": true, "warnings": [
                "metadata.name: Invalid value: \"p\": ModelDeployment \"user\" names it, and without it no traffic is sent away [PL014]"
            ]})
        );
    }
    // A whole namespace goes: there is no name.
    let mut of_namespace = review("DELETE", &Value::Null, &old);
    of_namespace["request"]["name"] = json!("");
    assert_eq!(ask_among(Endpoint::Advise, &of_namespace).1, json!({"uid": "u-1", "allowed": true}));
}

/// A review of an OffloadAutoscaler with this spec.
fn of_autoscaler(operation: &str, spec: &Value, old: &Value) -> Value {
    let object = |spec: &Value| {
        json!({"apiVersion": "deployment.beamlit.com/v1alpha1", "kind": "OffloadAutoscaler",
            "metadata": {"name": "a", "namespace": "n"}, "spec": spec})
    };
    let old = if old.is_null() { Value::Null } else { object(old) };
    let mut review = review(operation, &object(spec), &old);
    review["request"]["kind"] =
        json!({"group": "deployment.beamlit.com", "version": "v1alpha1", "kind": "OffloadAutoscaler"});
    review
}

#[test]
fn whoever_writes_an_autoscaler_is_advised_and_never_refused() {
    // Whatever stands in it, and whether or not anybody knows what else there is.
    let (configuration, world) = (Configuration::default(), World::of_cluster());
    for unready in [None, Some("nobody looked")] {
        let settings = Settings { configuration: &configuration, world: &world, unready };
        for (review, told) in [
            (of_autoscaler("CREATE", &json!({"maxRemoteWeight": "much"}), &Value::Null), true),
            (of_autoscaler("UPDATE", &json!({"maxRemoteWeight": 7}), &json!({"maxRemoteWeight": 8})), true),
            (of_autoscaler("UPDATE", &json!({"maxRemoteWeight": 7}), &json!({"maxRemoteWeight": 7})), false),
            (of_autoscaler("DELETE", &Value::Null, &json!({})), false),
        ] {
            let answer = answer(Endpoint::Advise, &serde_json::to_vec(&review).unwrap(), settings);
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            let response = &body["response"];
            assert_eq!((answer.status, &response["allowed"]), (200, &json!(true)), "{review}");
            assert!(response.get("patch").is_none() && response.get("status").is_none(), "{response}");
            assert_eq!(response["warnings"].to_string().contains("[OB018]"), told, "{review}: {response}");
            assert_eq!(answer.verdict, if told { Verdict::Admitted } else { Verdict::Passed }, "{review}");
        }
    }
}

#[test]
fn a_policy_that_allows_less_is_admitted_with_a_warning_to_whom_it_matters() {
    let (answer, response) =
        ask_among(Endpoint::Validate, &review("UPDATE", &policy(&json!("fr")), &policy(&json!("us"))));
    assert_eq!(answer.verdict, Verdict::Admitted);
    assert_eq!(
        response["warnings"],
        json!([
            "spec.locations: Invalid value: ModelDeployment \"user\" names it, and it no longer allows country us [PL013]"
        ])
    );
}

#[test]
fn who_has_the_model_already_is_told_to_log_and_audit_alone() {
    let object = json!({"apiVersion": "deployment.beamlit.com/v1alpha1", "kind": "ModelDeployment",
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"model": "taken", "environment": "production", "modelSourceRef": {"name": "w"}, "serviceRef": {"name": "s"}}});
    let mut review = review("CREATE", &object, &Value::Null);
    review["request"]["kind"] =
        json!({"group": "deployment.beamlit.com", "version": "v1alpha1", "kind": "ModelDeployment"});
    let (answer, response) = ask_among(Endpoint::Validate, &review);
    assert_eq!(answer.verdict, Verdict::Denied);
    assert_eq!(response["auditAnnotations"], json!({"codes": "MD003", "about": "elsewhere/secret"}));
    assert_eq!(answer.subject.about, ["elsewhere/secret"]);
    assert!(!response["status"].to_string().contains("secret"), "{response}");
}
