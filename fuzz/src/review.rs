//! The review decoder: whatever comes, the answer is a whole AdmissionReview under the uid of the request, or a plain status.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beamlit_operator::engine::finding::is_unprintable;
use beamlit_operator::gate::review::{Answer, Endpoint, Settings, Verdict, answer, uid_of};
use serde_json::Value as Json;

use crate::tree;

const ENDPOINTS: [Endpoint; 2] = [Endpoint::Mutate, Endpoint::Validate];

/// What the API server takes of warnings: characters of one, bytes of all.
const MAX_WARNING: usize = 256;
const MAX_WARNINGS: usize = 4096;

/// The longest uid that is taken for one, in bytes.
const MAX_UID: usize = 256;

/// Reads a body and answers it at both endpoints.
pub fn review(data: &[u8]) {
    let generic = serde_json::from_slice::<Json>(data);
    let answers = ENDPOINTS.map(|endpoint| {
        let answer = ask(endpoint, data);
        in_form(endpoint, &answer);
        if answer.status == 200 && answer.verdict != Verdict::Undecodable {
            assert_eq!(uid_of(data), answer.subject.uid, "two readers, two uids");
        }
        answer
    });
    // The decoder does not depend on who is asked.
    assert_eq!(answers[0].verdict == Verdict::Undecodable, answers[1].verdict == Verdict::Undecodable);
    match generic {
        Err(error) if error.is_eof() || error.to_string().starts_with("trailing") => {
            assert!(answers.iter().all(|answer| answer.verdict == Verdict::Undecodable), "half a review is judged");
        }
        Err(_) => {}
        Ok(whole) => {
            uid_is_kept(&whole, &answers[1]);
            in_another_form(&whole);
        }
    }
}

fn ask(endpoint: Endpoint, body: &[u8]) -> Answer {
    answer(endpoint, body, Settings::alone())
}

fn bytes(json: &Json) -> Vec<u8> {
    serde_json::to_vec(json).expect("what was JSON is JSON")
}

/// Holds an answer to the contract of admission.k8s.io/v1.
fn in_form(endpoint: Endpoint, answer: &Answer) {
    match answer.status {
        200 => {}
        400 => {
            assert_eq!(answer.verdict, Verdict::Undecodable);
            let text = std::str::from_utf8(&answer.body).expect("a line is text");
            let line = text.strip_suffix('\n').expect("a line ends");
            assert!(!line.chars().any(is_unprintable), "{line:?}");
            assert_eq!(answer.subject.uid, None, "a uid was read, and a line is answered: {line}");
            return;
        }
        other => panic!("status {other}: {}", String::from_utf8_lossy(&answer.body)),
    }
    let review: Json = serde_json::from_slice(&answer.body).expect("an answer is JSON");
    keys(&review, &["apiVersion", "kind", "response"]);
    assert_eq!((&review["apiVersion"], &review["kind"]), (&"admission.k8s.io/v1".into(), &"AdmissionReview".into()));
    let response = &review["response"];
    keys(response, &["uid", "allowed", "status", "patch", "patchType", "warnings", "auditAnnotations"]);
    let uid = response["uid"].as_str().expect("the uid is a text");
    assert_eq!(Some(uid), answer.subject.uid.as_deref());
    let allowed = response["allowed"].as_bool().expect("it is allowed or not");
    let verdict = answer.verdict;
    match verdict {
        Verdict::Admitted | Verdict::Patched | Verdict::Passed => assert!(allowed, "{verdict:?}, yet not allowed"),
        Verdict::Denied | Verdict::Undecodable => assert!(!allowed, "{verdict:?}, yet allowed"),
        other => panic!("{other:?} out of a pure function"),
    }
    if allowed {
        assert!(response.get("status").is_none(), "allowed, with a status: {response}");
    } else {
        status(&response["status"], verdict);
    }
    warnings(response, endpoint, verdict);
    assert_eq!(response.get("auditAnnotations").is_some(), verdict == Verdict::Denied, "{response}");
    assert_eq!(response.get("patch").is_some(), verdict == Verdict::Patched, "{response}");
    assert_eq!(response.get("patchType").is_some(), verdict == Verdict::Patched, "{response}");
    assert!(endpoint == Endpoint::Mutate || verdict != Verdict::Patched, "a validator never patches");
}

fn keys(map: &Json, known: &[&str]) {
    let map = map.as_object().expect("a map");
    assert!(map.keys().all(|key| known.contains(&key.as_str())), "more than {known:?}: {map:?}");
}

/// A metav1.Status of a refusal, as kubectl prints it.
fn status(status: &Json, verdict: Verdict) {
    keys(status, &["status", "message", "reason", "details", "code"]);
    assert_eq!(status["status"], "Failure");
    let (code, reason) = if verdict == Verdict::Denied { (422, "Invalid") } else { (400, "BadRequest") };
    assert_eq!((&status["code"], &status["reason"]), (&code.into(), &reason.into()));
    let message = status["message"].as_str().expect("a message is text");
    let mut lines = message.split('\n');
    assert!(lines.next().is_some_and(|line| !line.is_empty() && !line.chars().any(is_unprintable)), "{message:?}");
    assert_eq!(lines.clone().next().is_some(), verdict == Verdict::Denied, "{message:?}");
    assert!(
        lines.all(|line| line.starts_with("* ") && !line.chars().any(is_unprintable)),
        "a forged line in {message:?}"
    );
    if verdict == Verdict::Undecodable {
        return;
    }
    let details = &status["details"];
    keys(details, &["name", "group", "kind", "causes"]);
    let causes = details["causes"].as_array().expect("a denial has causes");
    assert!((1..=11).contains(&causes.len()), "{} causes", causes.len());
    for cause in causes {
        keys(cause, &["reason", "message", "field"]);
        for key in ["reason", "message", "field"] {
            let text = cause[key].as_str().expect("each part is a text");
            assert!(!text.is_empty() && !text.chars().any(is_unprintable), "{key} of {cause}");
        }
    }
}

fn warnings(response: &Json, endpoint: Endpoint, verdict: Verdict) {
    let Some(warnings) = response.get("warnings") else { return };
    let warnings: Vec<&str> = warnings.as_array().expect("a list").iter().filter_map(Json::as_str).collect();
    assert!(
        !warnings.is_empty() && matches!(verdict, Verdict::Admitted | Verdict::Denied),
        "{verdict:?}: {warnings:?}"
    );
    assert!(endpoint == Endpoint::Validate || verdict == Verdict::Denied, "the author is told twice: {warnings:?}");
    for warning in &warnings {
        assert!(!warning.is_empty() && warning.chars().count() <= MAX_WARNING, "{warning}");
        assert!(!warning.chars().any(is_unprintable), "{warning:?}");
    }
    let size: usize = warnings.iter().map(|warning| warning.len()).sum();
    assert!(size <= MAX_WARNINGS, "{size} bytes of warnings");
}

/// A uid that can be read is answered under. Of two the first counts for us and the last for the generic reader, so that only
/// their being there is compared.
fn uid_is_kept(review: &Json, answer: &Answer) {
    let uid = review["request"]["uid"].as_str().filter(|uid| (1..=MAX_UID).contains(&uid.len()));
    if uid.is_some() && answer.subject.uid.is_none() {
        let again = ask(Endpoint::Validate, &bytes(review));
        assert_eq!(again.subject.uid.as_deref(), uid, "the uid of {review} is lost");
    }
}

/// The order of members changes nothing; neither does a dry run, nor what is nobody's; and what the patch of `/mutate` makes
/// of the object needs no second patch, and is judged by `/validate` as the object was.
fn in_another_form(review: &Json) {
    let plain = bytes(review);
    let reversed = bytes(&tree::reversed(review));
    for endpoint in ENDPOINTS {
        let (one, other) = (ask(endpoint, &plain), ask(endpoint, &reversed));
        assert_eq!(one.verdict, other.verdict, "the order of members counts in {review}");
        if one.verdict != Verdict::Undecodable {
            assert_eq!(text(&one), text(&other), "the order of members counts in {review}");
            let mut other = review.clone();
            other["request"]["dryRun"] = (!one.subject.dry_run).into();
            other["request"]["userInfo"] = serde_json::json!({"uid": "x", "groups": [null]});
            assert_eq!(text(&one), text(&ask(endpoint, &bytes(&other))), "a dry run counts in {review}");
        }
    }
    let mutated = ask(Endpoint::Mutate, &plain);
    if mutated.verdict != Verdict::Patched {
        return;
    }
    let response: Json = serde_json::from_slice(&mutated.body).expect("an answer is JSON");
    let patch = STANDARD.decode(response["response"]["patch"].as_str().expect("a text")).expect("a patch is base64");
    let patch: json_patch::Patch = serde_json::from_slice(&patch).expect("a patch is a JSON patch");
    let mut patched = review.clone();
    json_patch::patch(&mut patched["request"]["object"], &patch).expect("the patch applies to the object");
    let patched = bytes(&patched);
    let after = ask(Endpoint::Validate, &patched);
    // With its defaults the spec may be that of the old object, and then nobody judges it.
    if after.verdict == Verdict::Passed {
        assert_eq!(ask(Endpoint::Mutate, &patched).verdict, Verdict::Passed);
        return;
    }
    assert_eq!(text(&ask(Endpoint::Validate, &plain)), text(&after), "the patch changes what is found in {review}");
    assert_eq!(ask(Endpoint::Mutate, &patched).verdict, Verdict::Admitted, "a second patch for {review}");
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}
