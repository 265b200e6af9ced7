//! The webhook and `check` give the same findings on the same object: letter for letter, in the same order.
#![cfg(feature = "operator")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod corpus;

use std::sync::LazyLock;

use base64::Engine as _;
use beamlit_operator::api::all_crds;
use beamlit_operator::engine::compile::stamp::AUTOSCALER;
use beamlit_operator::engine::configuration::Answer::Refuse;
use beamlit_operator::engine::configuration::Configuration;
use beamlit_operator::engine::finding::rules::Reported;
use beamlit_operator::engine::finding::{Finding, Segment, Severity, escaped};
use beamlit_operator::engine::manifest::{Compiled, Judged};
use beamlit_operator::engine::parse::documents;
use beamlit_operator::engine::world::{Fact, Resource, World};
use beamlit_operator::gate::review::{Endpoint, Settings, Verdict, answer};
use corpus::Manifest;
use serde_json::{Map, Value, json};

/// How many findings a denial shows as causes, and how many characters a warning may have.
const MAX_CAUSES: usize = 10;
const MAX_WARNING: usize = 256;

#[test]
fn the_corpus_is_large_and_holds_good_and_bad() {
    let all = corpus::all();
    assert!(all.len() >= 300, "{} manifests", all.len());
    let good = all.iter().filter(|manifest| manifest.check().is_some_and(|judged| !judged.refused)).count();
    assert!(good >= 100 && all.len() - good >= 100, "{good} of {} are good", all.len());
}

#[test]
fn no_two_manifests_say_that_they_are_the_same() {
    let mut names: Vec<String> = corpus::all().into_iter().map(|manifest| manifest.name).collect();
    // The examples of a rule may be several documents.
    names.retain(|name| !name.contains(" example of "));
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn what_stands_beside_an_object_is_part_of_the_verdict() {
    let codes = |which: &str| -> Vec<&'static str> {
        let manifest = corpus::all().into_iter().find(|manifest| manifest.name.ends_with(which)).unwrap();
        manifest.check().unwrap().findings.iter().map(|placed| placed.finding.rule.code).collect()
    };
    for (which, expected) in [
        (": a port of the pods, to which the Service leads by its name", vec![]),
        (": a port to which no name of the pods leads", vec!["RF008"]),
        (": Step beside an autoscaler without metrics, on the cpu of one container", vec!["MD031"]),
        (": Proportional beside the same autoscaler", vec![]),
    ] {
        assert_eq!(codes(which), expected, "{which}");
    }
}

#[test]
fn webhook_and_check_say_the_same() {
    let mut judged = 0;
    let mut faults = Vec::new();
    for manifest in corpus::all() {
        match differences(&manifest) {
            None => continue,
            Some(found) => faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", manifest.name))),
        }
        judged += 1;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(judged >= 200, "{judged} manifests were compared");
}

/// The autoscaler that `compile` makes of it, as it is stamped.
fn compiled(check: &Judged) -> Option<String> {
    let Some(Compiled::ModelDeployment(plan, _)) = &check.compiled else { return None };
    plan.autoscaler.as_ref().map(|spec| serde_json::to_string(spec).unwrap())
}

/// Where the two differ; none if the API server would not let the webhook see such an object.
fn differences(manifest: &Manifest) -> Option<Vec<String>> {
    let check = manifest.check()?;
    let namespace = check.namespace.clone()?;
    let object = manifest.json()?;
    let ours: Vec<&Finding> = check.findings.iter().map(|placed| &placed.finding).filter(|f| is_shared(f)).collect();
    let (errors, warnings): (Vec<&Finding>, Vec<&Finding>) =
        ours.iter().partition(|finding| finding.severity == Severity::Error);

    let mut faults = Vec::new();
    let review = review(&object, &namespace);
    let (verdict, denial) = ask(Endpoint::Validate, &review);
    compare(&mut faults, "/validate", &denial, &errors, &warnings);

    let (mutated, answer) = ask(Endpoint::Mutate, &review);
    if errors.iter().any(|finding| finding.schema) {
        compare(&mut faults, "/mutate", &answer, &errors, &warnings);
    } else if mutated == Verdict::Denied {
        faults.push("/mutate denies what the schema does not refuse".to_owned());
    } else {
        // What /validate sees in the end: the object with its defaults and its stamps.
        let review = patched(review, &answer);
        let stamp = review["request"]["object"]["metadata"]["annotations"].get(AUTOSCALER).and_then(Value::as_str);
        let compiled = compiled(&check);
        // What only `check` refuses, such as an unknown field, it does not compile either.
        let comparable = !check.refused || !errors.is_empty();
        if comparable && stamp != compiled.as_deref() {
            faults.push(format!("stamped {stamp:?}, and compiled to {compiled:?}"));
        }
        let (_, after) = ask(Endpoint::Validate, &review);
        compare(&mut faults, "/validate after /mutate", &after, &errors, &warnings);
    }
    if (verdict == Verdict::Denied) == errors.is_empty() {
        faults.push(format!("{verdict:?} with {} errors", errors.len()));
    }
    Some(faults)
}

/// Whether the webhook could report it too: type meta, metadata and what the schema does not have are the API server's own.
fn is_shared(finding: &Finding) -> bool {
    let of_spec = matches!(finding.path.0.first(), Some(Segment::Field(name)) if name.as_ref() == "spec");
    of_spec && finding.rule.reported == Reported::Everywhere
}

fn compare(faults: &mut Vec<String>, what: &str, response: &Value, errors: &[&Finding], warnings: &[&Finding]) {
    let mut differ = |part: &str, left: Vec<String>, right: Vec<String>| {
        if left != right {
            faults.push(format!("{what}: {part}\n  webhook {left:#?}\n  check {right:#?}"));
        }
    };
    let status = &response["status"];
    let lines = status["message"].as_str().unwrap_or_default().split("\n* ").skip(1).map(str::to_owned).collect();
    differ("message", lines, errors.iter().map(|finding| escaped(&finding.to_string()).to_string()).collect());

    let causes = status["details"]["causes"].as_array().cloned().unwrap_or_default();
    let shown: Vec<String> =
        causes.iter().map(|cause| format!("{}: {}", text(cause, "field"), text(cause, "message"))).collect();
    let mut wanted: Vec<String> = errors.iter().map(|f| format!("{}: {}", f.path, escaped(&f.detail()))).collect();
    let more = wanted.len().saturating_sub(MAX_CAUSES);
    if more > 0 {
        wanted.truncate(MAX_CAUSES);
        let plural = if more == 1 { "" } else { "s" };
        wanted.push(format!("spec: {more} more fault{plural}; `beamlit-operator check` lists every one"));
    }
    differ("causes", shown, wanted);

    let told = response["warnings"].as_array().cloned().unwrap_or_default();
    let told = told.iter().map(|warning| warning.as_str().unwrap().to_owned()).collect();
    differ("warnings", told, warnings.iter().map(|finding| cut(finding)).collect());
}

/// A warning as the webhook has room for it.
fn cut(finding: &Finding) -> String {
    let whole = escaped(&finding.to_string()).to_string();
    if whole.chars().count() <= MAX_WARNING {
        return whole;
    }
    let end = format!("… [{}]", finding.rule.code);
    whole.chars().take(MAX_WARNING - end.chars().count()).collect::<String>() + &end
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn ask(endpoint: Endpoint, review: &Value) -> (Verdict, Value) {
    // `check` minds what is missing: so does this configuration.
    let configuration = Configuration { missing_local_policy: Refuse, ..Configuration::default() };
    let settings = Settings { configuration: &configuration, world: &world(), unready: None };
    let answer = answer(endpoint, &serde_json::to_vec(review).unwrap(), settings);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    (answer.verdict, body["response"].clone())
}

/// What the corpus has around it, as files tell it.
fn world() -> World {
    let mut world = World::of_files();
    for document in documents(corpus::WORLD.as_bytes()) {
        let node = document.content.unwrap();
        let resource = Resource::of(node.text_of("apiVersion").unwrap(), node.text_of("kind").unwrap()).unwrap();
        world.put(Fact::of(resource, &node, corpus::NAMESPACE).unwrap());
    }
    world
}

fn patched(mut review: Value, response: &Value) -> Value {
    if let Some(patch) = response["patch"].as_str() {
        let patch = base64::engine::general_purpose::STANDARD.decode(patch).unwrap();
        let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
        json_patch::patch(&mut review["request"]["object"], &patch).unwrap();
    }
    review
}

/// The review of a creation as the API server sends it: unknown fields and nulls dropped, the CRD's defaults applied, keys
/// in their order, and what it writes into `metadata` itself.
fn review(object: &Value, namespace: &str) -> Value {
    let kind = text(object, "kind");
    let mut object = object.clone();
    arrives(&mut object["spec"], &schema(kind));
    if object["spec"].is_null() {
        object.as_object_mut().unwrap().remove("spec");
    }
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    let name = object["metadata"]["name"].as_str().unwrap_or("generated-x7k2p").to_owned();
    object["metadata"]["namespace"] = json!(namespace);
    object["metadata"]["name"] = json!(name);
    object["metadata"]["uid"] = json!("3b7a9d3e-4a0e-4d35-9d9c-0f6a6b1f8c11");
    object["metadata"]["generation"] = json!(1);
    object["metadata"]["creationTimestamp"] = json!("2026-11-24T02:00:00Z");
    object["metadata"]["managedFields"] = json!([{"apiVersion": object["apiVersion"], "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {}}, "manager": "kubectl-client-side-apply", "operation": "Update"}]);
    let (group, version) = text(&object, "apiVersion").split_once('/').unwrap();
    let of = json!({"group": group, "version": version, "kind": kind});
    let resource = match kind {
        "Policy" => "policies",
        "OffloadAutoscaler" => "offloadautoscalers",
        _ => "modeldeployments",
    };
    let resource = json!({"group": group, "version": version, "resource": resource});
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": of, "resource": resource, "requestKind": of,
        "requestResource": resource, "name": name, "namespace": namespace, "operation": "CREATE",
        "userInfo": {"username": "alice", "groups": ["system:authenticated"]}, "object": sorted(&object),
        "oldObject": null, "dryRun": true, "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"}}})
}

/// The schema of a kind's spec.
fn schema(kind: &str) -> Value {
    static CRDS: LazyLock<Vec<Value>> = LazyLock::new(|| all_crds().unwrap());
    let crd = CRDS.iter().find(|crd| crd["spec"]["names"]["kind"] == kind);
    crd.unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// Prunes and defaults as the API server does with a structural schema; what has another type is left for the schema to refuse.
fn arrives(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(members) => {
            let others = &schema["additionalProperties"];
            let properties = schema["properties"].as_object();
            members.retain(|key, value| {
                let known = properties.is_some_and(|properties| properties.contains_key(key)) || !others.is_null();
                known && !value.is_null()
            });
            for (key, property) in properties.into_iter().flatten() {
                if let (None, Some(default)) = (members.get(key), property.get("default")) {
                    members.insert(key.clone(), default.clone());
                }
            }
            for (key, value) in members {
                arrives(value, properties.and_then(|properties| properties.get(key)).unwrap_or(others));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| arrives(item, &schema["items"])),
        _ => {}
    }
}

/// The maps of the API server's language have no order: it writes their keys sorted.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            Value::Object(members.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
