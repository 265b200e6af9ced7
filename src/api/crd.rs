//! The CRDs as they are installed, and the same schema in the order in which the fields are declared.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use kube::core::schema::StructuralSchemaRewriter;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::{ModelDeployment, ModelDeploymentSpec, OffloadAutoscaler, OffloadAutoscalerSpec, Policy, PolicySpec};

/// Every CRD of this project as JSON, in the order in which they are installed.
///
/// # Errors
/// Only if a type cannot be expressed as JSON, which a test rules out.
pub fn all_crds() -> serde_json::Result<Vec<Value>> {
    [ModelDeployment::crd(), OffloadAutoscaler::crd(), Policy::crd()].into_iter().map(finish).collect()
}

/// The schema of a spec as the CRD carries it, with the properties in the order of the Rust fields.
#[must_use]
pub fn spec_schema(kind: &str) -> Option<Value> {
    match kind {
        "ModelDeployment" => Some(ordered::<ModelDeploymentSpec>()),
        "OffloadAutoscaler" => Some(ordered::<OffloadAutoscalerSpec>()),
        "Policy" => Some(ordered::<PolicySpec>()),
        _ => None,
    }
}

/// The structural form sorts properties by name; the order in which they are declared is taken from the plain form.
pub(super) fn ordered<T: JsonSchema>() -> Value {
    let settings = || {
        SchemaSettings::openapi3().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
    };
    let plain = settings().into_generator().into_root_schema_for::<T>().to_value();
    let mut schema =
        settings().with_transform(StructuralSchemaRewriter).into_generator().into_root_schema_for::<T>().to_value();
    tighten(&mut schema);
    reorder(&mut schema, &plain);
    schema
}

fn reorder(schema: &mut Value, plain: &Value) {
    if let (Some(items), Some(plain)) = (schema.get_mut("items"), member(plain, "items")) {
        reorder(items, plain);
    }
    let (Some(Value::Object(properties)), Some(Value::Object(plain))) =
        (schema.get_mut("properties"), member(plain, "properties"))
    else {
        return;
    };
    let mut sorted = serde_json::Map::new();
    for (name, plain) in plain {
        if let Some(mut property) = properties.remove(name) {
            reorder(&mut property, plain);
            sorted.insert(name.clone(), property);
        }
    }
    *properties = sorted;
}

/// The member of a schema, also where an optional field wrapped it.
fn member<'a>(plain: &'a Value, name: &str) -> Option<&'a Value> {
    plain.get(name).or_else(|| {
        ["anyOf", "allOf", "oneOf"]
            .iter()
            .filter_map(|wrapper| plain.get(wrapper)?.as_array())
            .flatten()
            .find_map(|inner| inner.get(name))
    })
}

fn finish(crd: CustomResourceDefinition) -> serde_json::Result<Value> {
    let mut crd = serde_json::to_value(crd)?;
    if let Some(versions) = crd.pointer_mut("/spec/versions").and_then(Value::as_array_mut) {
        for version in versions {
            if let Some(spec) = version.pointer_mut("/schema/openAPIV3Schema/properties/spec") {
                tighten(spec);
            }
        }
    }
    Ok(crd)
}

/// A null in a spec counts as absent: the API server drops it where the schema does not call the field nullable.
fn tighten(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("nullable");
            map.remove("title");
            map.values_mut().for_each(tighten);
        }
        Value::Array(items) => items.iter_mut().for_each(tighten),
        _ => {}
    }
}

/// `status.conditions` is the one list that is a map: each condition has an owner of its own.
pub(super) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = <Option<Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>>>::json_schema(generator);
    schema.insert("x-kubernetes-list-type".into(), "map".into());
    schema.insert("x-kubernetes-list-map-keys".into(), Value::Array(vec!["type".into()]));
    schema
}

/// `status.currentMetrics`: an atomic list, as in a HorizontalPodAutoscaler.
pub(super) fn metric_statuses(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = <Option<Vec<k8s_openapi::api::autoscaling::v2::MetricStatus>>>::json_schema(generator);
    schema.insert("x-kubernetes-list-type".into(), "atomic".into());
    schema
}

/// An object of which the schema says nothing.
pub(super) fn opaque(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true, "nullable": true })
}
