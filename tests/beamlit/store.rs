//! What the stand-in holds, and what it adds by itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What a server may make of what it is sent.
pub type Normalise = fn(&mut Value);

/// What the stand-in holds.
pub struct Store {
    /// The workspace of the credentials.
    pub workspace: String,
    /// Whether models are deployed as soon as they are written.
    pub deploys_at_once: bool,
    /// What becomes of every object that is written.
    pub normalise: Option<Normalise>,
    objects: BTreeMap<(String, String, String), Value>,
    clock: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            workspace: "my-workspace".to_owned(),
            deploys_at_once: false,
            normalise: None,
            objects: BTreeMap::new(),
            clock: 0,
        }
    }
}

impl Store {
    /// A model as it is held.
    pub fn model(&self, environment: &str, name: &str) -> Option<Value> {
        self.objects.get(&key("models", environment, name)).cloned()
    }

    /// A policy as it is held.
    pub fn policy(&self, name: &str) -> Option<Value> {
        self.objects.get(&key("policies", "", name)).cloned()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Somebody else writes a model: its metadata without name and environment, and its spec.
    pub fn put_model(&mut self, environment: &str, name: &str, labels: Value, spec: Value) {
        let body = json!({"metadata": {"name": name, "environment": environment, "labels": labels}, "spec": spec});
        self.write("models", environment, name, &body, "somebody");
    }

    /// Somebody else writes a policy.
    pub fn put_policy(&mut self, name: &str, labels: Value, spec: Value) {
        let body = json!({"metadata": {"name": name, "labels": labels}, "spec": spec});
        self.write("policies", "", name, &body, "somebody");
    }

    /// Somebody else changes a model as it is held.
    pub fn change_model(&mut self, environment: &str, name: &str, change: impl FnOnce(&mut Value)) {
        if let Some(model) = self.objects.get_mut(&key("models", environment, name)) {
            change(model);
        }
    }

    /// The state of a model, such as `DEPLOYED`.
    pub fn status(&mut self, environment: &str, name: &str, status: &str) {
        self.change_model(environment, name, |model| model["status"] = status.into());
    }

    /// Somebody else deletes a model.
    pub fn remove_model(&mut self, environment: &str, name: &str) {
        self.objects.remove(&key("models", environment, name));
    }

    pub(super) fn act(
        &mut self,
        method: &str,
        of: &str,
        name: Option<&str>,
        environment: Option<&str>,
        body: &Value,
    ) -> (u16, Result<Value, String>) {
        let member =
            |name: &str| body.pointer(&format!("/metadata/{name}")).and_then(Value::as_str).unwrap_or_default();
        let refused = |status: u16, said: &str| (status, Err(said.to_owned()));
        let environment = match (of, method) {
            ("models", "POST" | "PUT") => member("environment"),
            ("models", _) if name.is_some() => match environment {
                Some(environment) => environment,
                None => return refused(400, "environment is required"),
            },
            _ => environment.unwrap_or_default(),
        };
        match (method, name) {
            ("GET", None) => {
                let wanted = |(kind, its, _): &(String, String, String)| {
                    kind == of && (environment.is_empty() || its == environment)
                };
                (200, Ok(self.objects.iter().filter(|(key, _)| wanted(key)).map(|(_, it)| it.clone()).collect()))
            }
            ("POST", None) => {
                let name = member("name");
                if self.objects.contains_key(&key(of, environment, name)) {
                    return refused(409, "it exists");
                }
                (200, Ok(self.write(of, environment, name, body, "operator")))
            }
            ("GET", Some(name)) => match self.objects.get(&key(of, environment, name)) {
                Some(object) => (200, Ok(object.clone())),
                None => refused(404, "not found"),
            },
            ("PUT", Some(name)) => {
                if member("name") != name {
                    refused(400, "the name is another")
                } else if self.objects.contains_key(&key(of, environment, name)) {
                    (200, Ok(self.write(of, environment, name, body, "operator")))
                } else {
                    refused(404, "not found")
                }
            }
            ("DELETE", Some(name)) => match self.objects.remove(&key(of, environment, name)) {
                Some(object) => (200, Ok(object)),
                None => refused(404, "not found"),
            },
            _ => refused(405, "method not allowed"),
        }
    }

    fn write(&mut self, of: &str, environment: &str, name: &str, body: &Value, by: &str) -> Value {
        self.clock += 1;
        let now = format!("2026-01-01T{:02}:{:02}:{:02}Z", self.clock / 3600, self.clock / 60 % 60, self.clock % 60);
        let key = key(of, environment, name);
        let before = self.objects.get(&key);
        let first = |member: &str, now: &str| {
            let known = before.and_then(|it| it.pointer(&format!("/metadata/{member}"))).cloned();
            known.unwrap_or_else(|| now.into())
        };
        let mut metadata = body.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        let owned = [
            ("workspace", self.workspace.clone().into()),
            ("createdAt", first("createdAt", &now)),
            ("createdBy", first("createdBy", by)),
            ("updatedAt", now.into()),
            ("updatedBy", by.into()),
        ];
        metadata.extend(owned.map(|(member, value)| (member.to_owned(), value)));
        let mut object = Map::new();
        object.insert("metadata".to_owned(), metadata.into());
        object.insert("spec".to_owned(), body.get("spec").cloned().unwrap_or_default());
        if of == "models" {
            let status = if self.deploys_at_once { "DEPLOYED" } else { "DEPLOYING" };
            object.insert("status".to_owned(), status.into());
            object.insert("events".to_owned(), json!([{"type": "deploy", "message": null}]));
        }
        let mut object = Value::Object(object);
        if let Some(normalise) = self.normalise {
            normalise(&mut object);
        }
        self.objects.insert(key, object.clone());
        object
    }
}

fn key(of: &str, environment: &str, name: &str) -> (String, String, String) {
    (of.to_owned(), environment.to_owned(), name.to_owned())
}
