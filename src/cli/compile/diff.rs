//! How what manifests come to differs from what they came to before.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::cli::check::Given;
use crate::cli::output::STRONG;
use crate::engine::compile::origin::values;
use crate::engine::finding::escaped;
use crate::engine::manifest::Compiled;

/// Every difference, object by object.
#[derive(Serialize)]
pub(super) struct Differences {
    version: u8,
    differences: Vec<Object>,
}

/// An object that differs.
#[derive(Serialize)]
struct Object {
    kind: &'static str,
    namespace: String,
    name: String,
    /// Whether it is new, gone, or there as before.
    change: Change,
    values: Vec<Difference>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    Added,
    Removed,
    Changed,
}

/// A value that differs; absent where there is none.
#[derive(Serialize)]
struct Difference {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<Value>,
}

/// By kind, namespace and name, and of several without a name by their order.
type Key<'g> = (&'static str, &'g str, &'g str, usize);
type Values = BTreeMap<String, Value>;

/// What differs between two sets of objects, by kind, namespace and name.
pub(super) fn between(old: &[Given], new: &[Given]) -> Differences {
    let (old, new) = (by_name(old), by_name(new));
    let mut keys: Vec<Key<'_>> = old.keys().chain(new.keys()).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    let nothing = Values::new();
    let differences = keys.into_iter().filter_map(|key| {
        let change = match (old.contains_key(&key), new.contains_key(&key)) {
            (false, _) => Change::Added,
            (_, false) => Change::Removed,
            _ => Change::Changed,
        };
        let values = differing(old.get(&key).unwrap_or(&nothing), new.get(&key).unwrap_or(&nothing));
        let (kind, namespace, name, _) = key;
        let object = Object { kind, namespace: namespace.to_owned(), name: name.to_owned(), change, values };
        (change != Change::Changed || !object.values.is_empty()).then_some(object)
    });
    Differences { version: 1, differences: differences.collect() }
}

fn by_name(given: &[Given]) -> BTreeMap<Key<'_>, Values> {
    let mut out = BTreeMap::new();
    for Given { source: _, namespace, name, compiled } in given {
        let (kind, all) = match compiled {
            Compiled::ModelDeployment(plan, _) => {
                let told = |what: &str, all: Vec<String>| (what.to_owned(), Value::from(all));
                let mut all = values(plan.as_ref());
                all.push(told("blocked", plan.blocked.iter().map(ToString::to_string).collect()));
                all.push(told("open", plan.open.iter().map(ToString::to_string).collect()));
                ("ModelDeployment", all)
            }
            Compiled::Policy(policy) => ("Policy", values(policy)),
        };
        let mut key = (kind, namespace.as_str(), name.as_str(), 0);
        while out.contains_key(&key) {
            key.3 += 1;
        }
        out.insert(key, all.into_iter().collect());
    }
    out
}

fn differing(old: &Values, new: &Values) -> Vec<Difference> {
    let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    let of = |path: &String| {
        let (old, new) = (old.get(path), new.get(path));
        (old != new).then(|| Difference { path: path.clone(), old: old.cloned(), new: new.cloned() })
    };
    paths.into_iter().filter_map(of).collect()
}

impl Differences {
    /// Whether nothing differs.
    pub(super) fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }

    /// Writes them for people, as `diff` does.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for Object { kind, namespace, name, change, values } in &self.differences {
            let word = match change {
                Change::Added => " (added)",
                Change::Removed => " (removed)",
                Change::Changed => "",
            };
            writeln!(out, "{STRONG}{kind} {}/{}{word}{STRONG:#}", escaped(namespace), escaped(name))?;
            for Difference { path, old, new } in values {
                for (sign, value) in [('-', old), ('+', new)] {
                    if let Some(value) = value {
                        writeln!(out, "{sign} {}: {}", escaped(path), escaped(&value.to_string()))?;
                    }
                }
            }
        }
        Ok(())
    }
}
