//! What an owner wants Beamlit to hold, what is to be done for it, and what Beamlit does not hold of it.
//!
//! Only what we own is changed. Whatever else is there stays as it is, and what the server owns is never sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::found::Found;
use super::json::{covers, fingerprint, same_members, without_nulls};
use super::{Change, Error, Key, Origin, Owner};
use crate::engine::compile::beamlit::{Model, ModelMetadata, ModelSpec, Policy, PolicyBody, PolicyMetadata, labels};
use crate::engine::compile::{PodTemplate, REDACTED};

/// What an owner wants Beamlit to hold.
#[derive(Clone)]
pub(super) struct Wish {
    pub(super) key: Key,
    display_name: Option<String>,
    /// Those of the object, and ours but for the ownership.
    labels: BTreeMap<String, String>,
    /// The members that are wanted: whole or, of [`MERGED`], in part. An empty one is to be absent.
    spec: Map<String, Value>,
    /// Values in it that nobody may see.
    pub(super) secrets: Vec<String>,
    hash: u64,
}

/// The members of a spec of which others may set parts.
const MERGED: &str = "runtime";
/// The member of a spec that goes when nobody wants it any more, if it came from here.
const OPTIONAL: &str = "serverlessConfig";
/// The members of a spec that are sets.
const SETS: [&str; 3] = ["policies", "locations", "flavors"];
/// The members that are sent even if they are empty: without them, nobody knows whether they are to be emptied.
const ALWAYS: &str = "policies";
/// The member of a spec that may hold what nobody may see.
const TEMPLATE: &str = "podTemplate";

impl Wish {
    /// A model, with traffic that leaves now or does not.
    ///
    /// # Errors
    /// Never: what is compiled can be written as JSON.
    pub(super) fn of_model(wanted: &Model, offloading: bool) -> Result<Self, Error> {
        let Model { metadata: ModelMetadata { name, environment, labels }, spec } = wanted;
        let ModelSpec { enabled, policies, runtime, serverless_config, pod_template } = spec;
        let mut labels = labels.clone();
        labels.insert(labels::OFFLOADING.to_owned(), offloading.to_string());
        let mut members = Map::new();
        members.insert("enabled".to_owned(), (*enabled).into());
        members.insert("policies".to_owned(), json!(policies));
        if let Some(runtime) = runtime {
            members.insert(MERGED.to_owned(), written(runtime)?);
        }
        if let Some(serverless) = serverless_config {
            members.insert(OPTIONAL.to_owned(), written(serverless)?);
        }
        let mut secrets = Vec::new();
        if let Some(template) = pod_template {
            secrets = hidden(template);
            members.insert(TEMPLATE.to_owned(), template.revealed().clone());
        }
        Ok(Self::new(Key::model(environment, name), None, labels, members, secrets))
    }

    /// A policy.
    ///
    /// # Errors
    /// Never: what is compiled can be written as JSON.
    pub(super) fn of_policy(wanted: &Policy) -> Result<Self, Error> {
        let Policy { metadata: PolicyMetadata { name, display_name, labels }, spec } = wanted;
        let PolicyBody { type_, locations, flavors } = spec;
        let mut members = Map::new();
        members.insert("type".to_owned(), written(type_)?);
        members.insert("locations".to_owned(), written(locations)?);
        members.insert("flavors".to_owned(), written(flavors)?);
        Ok(Self::new(Key::policy(name), Some(display_name.clone()), labels.clone(), members, Vec::new()))
    }

    fn new(
        key: Key,
        display_name: Option<String>,
        labels: BTreeMap<String, String>,
        spec: Map<String, Value>,
        secrets: Vec<String>,
    ) -> Self {
        let spec = without_nulls(spec);
        let hash = fingerprint(&json!({"displayName": display_name, "labels": labels, "spec": spec}));
        Self { key, display_name, labels, spec, secrets, hash }
    }

    /// Tells one wish of one owner from another.
    pub(super) fn print(&self, owner: &Owner) -> u64 {
        fingerprint(&json!([self.hash, owner.uid, owner.to_string(), owner.cluster, owner.adopt]))
    }

    /// The body that creates it.
    pub(super) fn creation(&self, owner: &Owner) -> Value {
        self.body(owner, None, Origin::Created)
    }

    /// The body that makes of what is there what is wanted, and what that is; none if it is so already.
    ///
    /// # Errors
    /// If the name is another object's.
    pub(super) fn change(&self, owner: &Owner, found: &Found) -> Result<Option<(Value, Change)>, Error> {
        let (origin, change) = match &found.stored.ownership {
            None => (Origin::TakenOver, Change::TakenOver),
            Some(its) if its.uid == owner.uid => (its.origin, Change::Updated),
            Some(its) if owner.adopt => (its.origin, Change::Adopted { from: its.by() }),
            Some(its) => return Err(Error::NameTaken { by: its.by() }),
        };
        let body = self.body(owner, Some(found), origin);
        Ok(if self.unkept(&body, found).is_empty() { None } else { Some((body, change)) })
    }

    /// What is not as it was sent, by the names of fields.
    pub(super) fn unkept(&self, body: &Value, found: &Found) -> Vec<String> {
        let mut unkept = Vec::new();
        if self.display_name.is_some() && self.display_name != found.display_name {
            unkept.push("metadata.displayName".to_owned());
        }
        let sent = body.pointer("/metadata/labels").and_then(Value::as_object);
        for (key, value) in sent.into_iter().flatten() {
            if found.labels.get(key).map(String::as_str) != value.as_str() {
                unkept.push(format!("metadata.labels.{key}"));
            }
        }
        // What was not sent although it is there was to go.
        for key in found.labels.keys() {
            if sent.is_none_or(|sent| !sent.contains_key(key)) {
                unkept.push(format!("metadata.labels.{key}"));
            }
        }
        for (key, wanted) in &self.spec {
            let there = found.spec.get(key);
            let kept = if SETS.contains(&key.as_str()) { same_members(there, wanted) } else { covers(there, wanted) };
            if !kept {
                unkept.push(format!("spec.{key}"));
            }
        }
        let left =
            body.get("spec").is_none_or(|spec| spec.get(OPTIONAL).is_none()) && found.spec.contains_key(OPTIONAL);
        if left && !covers(None, found.spec.get(OPTIONAL).unwrap_or(&Value::Null)) {
            unkept.push(format!("spec.{OPTIONAL}"));
        }
        unkept
    }

    /// The body that makes it so: what is there, without what the server owns, and what is wanted.
    fn body(&self, owner: &Owner, found: Option<&Found>, origin: Origin) -> Value {
        let fields = self.fields(found);
        let mut labels = without_ours(found);
        labels.extend(self.labels.clone());
        let its = found.filter(|found| found.stored.ownership.as_ref().is_some_and(|its| its.uid == owner.uid));
        let cluster = owner.cluster.as_ref().or_else(|| its?.labels.get(labels::CLUSTER));
        let ours = [
            (labels::CLUSTER, cluster.cloned().unwrap_or_default()),
            (labels::OWNER_UID, owner.uid.clone()),
            (labels::OWNER, owner.to_string()),
            (labels::ORIGIN, origin.label().to_owned()),
            (labels::WISH, self.written_hash()),
            (labels::FIELDS, fields.iter().map(String::as_str).collect::<Vec<_>>().join(",")),
        ];
        labels.extend(ours.map(|(key, value)| (key.to_owned(), value)).into_iter().filter(|(_, it)| !it.is_empty()));
        let mut spec = found.map(|found| without_nulls(found.spec.clone())).unwrap_or_default();
        if found.is_some_and(|found| found.fields().any(|field| field == OPTIONAL)) {
            spec.remove(OPTIONAL);
        }
        for (key, wanted) in &self.spec {
            if key == MERGED
                && let (Some(Value::Object(there)), Value::Object(wanted)) = (spec.get_mut(key), wanted)
            {
                there.extend(wanted.clone());
            } else if key != ALWAYS && covers(None, wanted) {
                spec.remove(key);
            } else {
                spec.insert(key.clone(), wanted.clone());
            }
        }
        body(&self.key, self.display_name.as_ref().or(found.and_then(|it| it.display_name.as_ref())), labels, spec)
    }

    /// What comes from the owner and was not there before.
    fn fields(&self, found: Option<&Found>) -> BTreeSet<String> {
        let known: BTreeSet<&str> = found.map(|found| found.fields().collect()).unwrap_or_default();
        let names = self.labels.keys().filter(|key| !labels::ALL.contains(&key.as_str()));
        let mut fields: BTreeSet<String> = names
            .map(|key| (format!("{LABELS}{key}"), found.is_some_and(|found| found.labels.contains_key(key))))
            .filter(|(field, there)| !there || known.contains(field.as_str()))
            .map(|(field, _)| field)
            .collect();
        let there = found.is_some_and(|found| found.spec.get(OPTIONAL).is_some_and(|it| !it.is_null()));
        if self.spec.contains_key(OPTIONAL) && (!there || known.contains(OPTIONAL)) {
            fields.insert(OPTIONAL.to_owned());
        }
        fields
    }

    fn written_hash(&self) -> String {
        format!("{:016x}", self.hash)
    }
}

/// What begins the name of a label among the fields.
const LABELS: &str = "labels.";

/// The body that leaves something without anything of ours in its labels.
pub(super) fn let_go(found: &Found) -> Value {
    body(&found.stored.key, found.display_name.as_ref(), without_ours(Some(found)), without_nulls(found.spec.clone()))
}

/// The labels of others.
fn without_ours(found: Option<&Found>) -> BTreeMap<String, String> {
    let Some(found) = found else { return BTreeMap::new() };
    let mut labels = found.labels.clone();
    labels.retain(|key, _| !labels::ALL.contains(&key.as_str()));
    for field in found.fields().filter_map(|field| field.strip_prefix(LABELS)) {
        labels.remove(field);
    }
    labels
}

fn body(key: &Key, display_name: Option<&String>, labels: BTreeMap<String, String>, spec: Map<String, Value>) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), key.name().into());
    if let Key::Model { environment, .. } = key {
        metadata.insert("environment".to_owned(), environment.as_str().into());
    }
    if let Some(display_name) = display_name {
        metadata.insert("displayName".to_owned(), display_name.as_str().into());
    }
    metadata.insert("labels".to_owned(), json!(labels));
    json!({"metadata": metadata, "spec": spec})
}

fn written(value: &impl serde::Serialize) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|error| Error::Settings(error.to_string()))
}

/// The values of somebody's template that nobody may see.
pub(super) fn secrets_of(found: &Found) -> Vec<String> {
    let template = found.spec.get(TEMPLATE).cloned().map(Arc::new).map(PodTemplate::new);
    template.as_ref().map(hidden).unwrap_or_default()
}

/// The texts that are left out where a template is shown.
fn hidden(template: &PodTemplate) -> Vec<String> {
    let mut texts = Vec::new();
    compare(template.revealed(), &template.redacted(), &mut texts);
    texts
}

fn compare(revealed: &Value, redacted: &Value, out: &mut Vec<String>) {
    match (revealed, redacted) {
        (Value::Object(revealed), Value::Object(redacted)) => {
            for (key, value) in revealed {
                compare(value, redacted.get(key).unwrap_or(&Value::Null), out);
            }
        }
        (Value::Array(revealed), Value::Array(redacted)) => {
            revealed.iter().zip(redacted).for_each(|(revealed, redacted)| compare(revealed, redacted, out));
        }
        (_, Value::String(shown)) if shown == REDACTED => texts(revealed, out),
        _ => {}
    }
}

fn texts(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|it| texts(it, out)),
        Value::Array(items) => items.iter().for_each(|it| texts(it, out)),
        Value::String(text) => out.push(text.clone()),
        Value::Number(number) => out.push(number.to_string()),
        Value::Bool(_) | Value::Null => {}
    }
}
