//! An object as Beamlit answered it: what is read of it, and whether it can be what was asked for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::line;
use super::json::fingerprint;
use super::{Error, Key, Ownership, Stored};
use crate::engine::compile::beamlit::labels;
use crate::engine::finding::quoted;

/// An object as Beamlit answered it. It may hold what nobody may see.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) stored: Stored,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) display_name: Option<String>,
    pub(super) spec: Map<String, Value>,
}

/// Which objects are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// The models of an environment.
    Models(String),
    /// The policies.
    Policies,
}

impl Kind {
    pub(super) fn of(key: &Key) -> Self {
        match key {
            Key::Model { environment, .. } => Self::Models(environment.clone()),
            Key::Policy { .. } => Self::Policies,
        }
    }

    pub(super) fn key(&self, name: &str) -> Key {
        match self {
            Self::Models(environment) => Key::model(environment, name),
            Self::Policies => Key::policy(name),
        }
    }

    pub(super) fn environment(&self) -> Option<&str> {
        match self {
            Self::Models(environment) => Some(environment),
            Self::Policies => None,
        }
    }

    /// The segment of the API's paths.
    pub(super) const fn path(&self) -> &'static str {
        match self {
            Self::Models(_) => "models",
            Self::Policies => "policies",
        }
    }
}

impl Found {
    /// An object of a kind.
    ///
    /// # Errors
    /// If it is none, or one of another environment.
    pub(super) fn of(kind: &Kind, answer: Value) -> Result<Self, Error> {
        let Value::Object(mut answer) = answer else { return Err(malformed("it is no object")) };
        let Some(Value::Object(mut metadata)) = answer.remove("metadata") else {
            return Err(malformed("it has no metadata"));
        };
        let mut text = |key: &str| match metadata.remove(key) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        };
        let Some(name) = text("name") else { return Err(malformed("it has no name")) };
        if let (Kind::Models(asked), Some(found)) = (kind, text("environment"))
            && *asked != found
        {
            return Err(Error::Malformed(format!("it is about the environment {}, not {asked}", quoted(&found))));
        }
        let (workspace, display_name) = (text("workspace"), text("displayName"));
        let mut time = |key: &str| text(key).map(|it| line(&it));
        let (created_at, updated_at) = (time("createdAt"), time("updatedAt"));
        let labels = match metadata.remove("labels") {
            Some(Value::Object(labels)) => labels
                .into_iter()
                .filter_map(|(key, value)| if let Value::String(value) = value { Some((key, value)) } else { None })
                .collect(),
            _ => BTreeMap::new(),
        };
        let status = match answer.remove("status") {
            Some(Value::String(status)) => Some(line(&status)).filter(|status| !status.is_empty()),
            _ => None,
        };
        let spec = match answer.remove("spec") {
            Some(Value::Object(spec)) => spec,
            _ => Map::new(),
        };
        let ownership = Ownership::of(&labels);
        let stored = Stored {
            key: kind.key(&name),
            workspace: workspace.map(|it| line(&it)),
            status,
            created_at,
            updated_at,
            ownership,
        };
        Ok(Self { stored, labels, display_name, spec })
    }

    /// What was asked for by its name.
    ///
    /// # Errors
    /// If it is something else.
    pub(super) fn named(key: &Key, answer: Value) -> Result<Self, Error> {
        let found = Self::of(&Kind::of(key), answer)?;
        if found.stored.key == *key {
            Ok(found)
        } else {
            let (found, asked) = (quoted(found.stored.key.name()), quoted(key.name()));
            Err(Error::Malformed(format!("it is about {found}, not {asked}")))
        }
    }

    /// The parts of it that come and go with the owner's wish.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        let fields = self.labels.get(labels::FIELDS).map(String::as_str).unwrap_or_default();
        fields.split(',').filter(|field| !field.is_empty())
    }

    /// Tells one state of it from another, whatever the server adds: of what may be changed by anybody.
    pub(super) fn fingerprint(&self) -> u64 {
        let labels = self.labels.iter().map(|(key, value)| (key.clone(), value.clone().into()));
        let parts = [
            ("labels", Value::Object(labels.collect())),
            ("displayName", self.display_name.clone().map_or(Value::Null, Value::String)),
            ("spec", Value::Object(self.spec.clone())),
        ];
        fingerprint(&Value::Object(parts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
    }
}

fn malformed(fault: &str) -> Error {
    Error::Malformed(fault.to_owned())
}
