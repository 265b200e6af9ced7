//! The bodies of Beamlit's API, as its public description has them: what may be written, and nothing beside it.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// What a model may be written as: no field that is unknown, none that the server owns.
static MODEL: LazyLock<Validator> = LazyLock::new(|| validator(&model()));

/// What a policy may be written as.
static POLICY: LazyLock<Validator> = LazyLock::new(|| validator(&policy()));

/// Every fault of a body that is to be written.
pub fn faults(of: &str, body: &Value) -> Vec<String> {
    let schema = if of == "models" { &MODEL } else { &POLICY };
    let mut faults: Vec<String> =
        schema.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    nulls("", body, &mut faults);
    faults
}

fn validator(schema: &Value) -> Validator {
    jsonschema::validator_for(schema).expect("the contract is a schema")
}

fn nulls(path: &str, value: &Value, faults: &mut Vec<String>) {
    match value {
        Value::Null => faults.push(format!("{path}: null")),
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| nulls(&format!("{path}/{key}"), value, faults))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| nulls(&format!("{path}/{at}"), value, faults));
        }
        _ => {}
    }
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn name() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn labels() -> Value {
    json!({"type": "object", "additionalProperties": {"type": "string"}})
}

fn named(types: &[&str]) -> Value {
    list(object(&["type", "name"], json!({"type": {"enum": types}, "name": name()})))
}

fn port() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 65535})
}

fn model() -> Value {
    let metadata = object(
        &["name", "environment"],
        json!({"name": name(), "displayName": text(), "environment": {"enum": ["production", "development"]},
            "labels": labels()}),
    );
    let runtime = object(
        &[],
        json!({"type": text(), "model": text(), "image": text(), "endpointName": text(), "organization": text(),
            "args": list(json!({})), "command": list(json!({})), "envs": list(json!({})),
            "readinessProbe": {"type": "object"}, "resources": {"type": "object"},
            "servingPort": port(), "metricPort": port()}),
    );
    let serverless = object(
        &[],
        json!({"minNumReplicas": {"type": "integer", "minimum": 0}, "maxNumReplicas": {"type": "integer", "minimum": 0},
            "scaleUpMinimum": {"type": "integer", "minimum": 2},
            "metric": {"enum": ["cpu", "memory", "rps", "concurrency"]},
            "target": text(), "scaleDownDelay": text(), "stableWindow": text(), "lastPodRetentionPeriod": text()}),
    );
    // A PodTemplateSpec in the names of its JSON.
    let pod_template = object(
        &["spec"],
        json!({"metadata": {"type": "object", "propertyNames": {"pattern": "^[a-z]"}},
            "spec": {"type": "object", "required": ["containers"], "propertyNames": {"pattern": "^[a-z]"},
                "properties": {"containers": list(json!({"type": "object", "required": ["name"],
                    "propertyNames": {"pattern": "^[a-z]"}}))}}}),
    );
    let spec = object(
        &[],
        json!({"enabled": {"type": "boolean"}, "runtime": runtime, "serverlessConfig": serverless, "policies": list(name()),
            "flavors": named(&["cpu", "gpu"]), "integrationConnections": list(text()), "podTemplate": pod_template,
            "privateClusters": {}, "configurations": {}}),
    );
    object(&["metadata", "spec"], json!({"metadata": metadata, "spec": spec}))
}

fn policy() -> Value {
    let metadata = object(&["name"], json!({"name": name(), "displayName": text(), "labels": labels()}));
    let tokens = object(
        &[],
        json!({"granularity": text(), "input": {"type": "integer"}, "output": {"type": "integer"},
            "total": {"type": "integer"}, "step": {"type": "integer"}, "ratioInputOverOutput": {"type": "number"}}),
    );
    let spec = object(
        &["type"],
        json!({"type": {"enum": ["location", "flavor", "maxToken"]}, "locations": named(&["location", "country", "continent"]),
            "flavors": named(&["cpu", "gpu"]), "resourceTypes": list(text()), "maxTokens": tokens}),
    );
    object(&["metadata", "spec"], json!({"metadata": metadata, "spec": spec}))
}
