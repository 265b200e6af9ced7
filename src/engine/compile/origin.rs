//! Where every value of a plan comes from: a field that somebody wrote, a default, the operator's configuration, or another object.

use std::fmt;

use serde_json::Value;

use super::{Backend, Plan};
use crate::engine::finding::quoted;
use crate::engine::parse::Node;

/// A value of a plan, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// Where it stands in the plan: `autoscaler.behavior.strategy`.
    pub path: String,
    /// The value: a text, a number, a boolean, or a list or map with nothing in it.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A field of the object.
    Field(String),
    /// The default of a field that nobody wrote.
    Default(String),
    /// It is always so.
    Always,
    /// The operator's configuration, by its field.
    Configuration(&'static str),
    /// It follows from something else, in words.
    From(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => f.write_str(field),
            Self::Default(field) => write!(f, "default of {field}"),
            Self::Always => f.write_str("always so"),
            Self::Configuration(field) => write!(f, "{field} of the operator's configuration"),
            Self::From(what) => f.write_str(what),
        }
    }
}

const SERVICE: &str = "the ports of the Service";
const OWN_NAMESPACE: &str = "the namespace of the object";
const WORKLOAD: &str = "the pod template of the workload";

/// Explains every value of a plan, in order. `written` is the object as its author wrote it, without defaults.
#[must_use]
pub fn explain(plan: &Plan, written: &Node<'_>) -> Vec<Explained> {
    let mut out = Vec::new();
    let object = Written { object: written, backend: plan.backend };
    if let Ok(plan) = serde_json::to_value(plan) {
        walk(&plan, &mut Vec::new(), &mut |path, value| {
            let origin = object.origin(path);
            out.push(Explained { path: shown(path), value: value.clone(), origin });
        });
    }
    out
}

/// Every value of what was compiled, in order, each with where it stands.
#[must_use]
pub fn values(compiled: &impl serde::Serialize) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    if let Ok(compiled) = serde_json::to_value(compiled) {
        walk(&compiled, &mut Vec::new(), &mut |path, value| out.push((shown(path), value.clone())));
    }
    out
}

/// Calls for every value that has no others in it, with its path. What is null is not there.
pub(super) fn walk<'v>(value: &'v Value, path: &mut Vec<Step<'v>>, call: &mut impl FnMut(&[Step<'v>], &'v Value)) {
    let mut below = |step, value, path: &mut Vec<Step<'v>>| {
        path.push(step);
        walk(value, path, call);
        path.pop();
    };
    match value {
        Value::Null => {}
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(key, value)| below(Step::Field(key), value, path));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(index, value)| below(Step::Item(index), value, path));
        }
        _ => call(path, value),
    }
}

/// A step of a path in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'v> {
    /// Into a member of a map.
    Field(&'v str),
    /// Into an item of a list.
    Item(usize),
}

/// `autoscaler.metrics[0].type`; a key that is no plain name stands in brackets.
fn shown(path: &[Step<'_>]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Item(index) => out.push_str(&format!("[{index}]")),
            Step::Field(key) if key.chars().all(|c| c.is_ascii_alphanumeric()) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            Step::Field(key) => out.push_str(&format!("[{}]", quoted(key))),
        }
    }
    out
}

struct Written<'w> {
    object: &'w Node<'w>,
    backend: Option<Backend>,
}

impl Written<'_> {
    fn has(&self, field: &str) -> bool {
        let mut node = Some(self.object);
        for step in field.split('.') {
            let (name, index) = match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
                Some((name, index)) => (name, index.parse::<usize>().ok()),
                None => (step, None),
            };
            node = node.and_then(|node| node.get(name));
            if let Some(index) = index {
                node = node.and_then(|node| node.items().get(index));
            }
        }
        node.is_some()
    }

    fn field_or_default(&self, field: impl Into<String>) -> Origin {
        let field = field.into();
        if self.has(&field) { Origin::Field(field) } else { Origin::Default(field) }
    }

    fn field_or(&self, field: &str, otherwise: &'static str) -> Origin {
        if self.has(field) { Origin::Field(field.to_owned()) } else { Origin::From(otherwise) }
    }

    fn origin(&self, path: &[Step<'_>]) -> Origin {
        match path {
            [Step::Field("autoscaler"), rest @ ..] => self.autoscaler(rest),
            [Step::Field("routing"), rest @ ..] => self.routing(rest),
            [Step::Field("beamlit"), rest @ ..] => self.beamlit(rest),
            _ => UNEXPLAINED,
        }
    }

    fn autoscaler(&self, path: &[Step<'_>]) -> Origin {
        use Step::{Field, Item};
        match path {
            [Field("scaleTargetRef"), Field("namespace")] => {
                self.field_or("spec.modelSourceRef.namespace", OWN_NAMESPACE)
            }
            [Field("scaleTargetRef"), Field(field)] => self.field_or_default(format!("spec.modelSourceRef.{field}")),
            [Field("minRemoteWeight")] => Origin::Always,
            [Field("maxRemoteWeight")] => self.field_or_default("spec.offloadingConfig.behavior.percentage"),
            [Field("metrics")] => self.field_or_default("spec.offloadingConfig.metrics"),
            [Field("metrics"), Item(index), rest @ ..] => {
                let field = format!("spec.offloadingConfig.metrics[{index}].{}", shown(rest));
                match rest {
                    [.., Field("target"), Field("type")] if !self.has(&field) => {
                        Origin::From("the field of the target that is set")
                    }
                    _ => Origin::Field(field),
                }
            }
            [Field("behavior"), Field("probe" | "failover"), Field(_)] => Origin::Always,
            [Field("behavior"), Field("strategy")] => self.field_or_default("spec.offloadingConfig.behavior.strategy"),
            [Field("behavior"), Field(direction @ ("scaleUp" | "scaleDown")), Field("policies"), rest @ ..] => {
                let list = format!("spec.offloadingConfig.behavior.{direction}.policies");
                // The default of the list is a list: nothing in it stands by itself.
                if self.has(&list) { Origin::Field(format!("{list}{}", shown(rest))) } else { Origin::Default(list) }
            }
            [Field("behavior"), Field(direction @ ("scaleUp" | "scaleDown")), Field(field)] => {
                self.field_or_default(format!("spec.offloadingConfig.behavior.{direction}.{field}"))
            }
            [Field("route"), Field("service"), rest @ ..] => self.service(rest),
            [Field("route"), Field("remote"), rest @ ..] => self.remote(rest),
            _ => UNEXPLAINED,
        }
    }

    fn service(&self, path: &[Step<'_>]) -> Origin {
        use Step::Field;
        match path {
            [Field("namespace")] => self.field_or("spec.serviceRef.namespace", OWN_NAMESPACE),
            [Field("name")] => Origin::Field("spec.serviceRef.name".to_owned()),
            [Field("port")] => Origin::From(SERVICE),
            _ => UNEXPLAINED,
        }
    }

    fn remote(&self, path: &[Step<'_>]) -> Origin {
        use Step::{Field, Item};
        let Some(backend) = self.backend else { return UNEXPLAINED };
        let (field, list) = match path {
            [Field("query")] => return Origin::From("spec.environment, for Beamlit's own host alone"),
            [Field("scheme")] => ("scheme", false),
            [Field("host")] => ("host", false),
            [Field("pathPrefix")] => ("pathPrefix", false),
            [Field("headers")] | [Field("headers"), Item(_)] => ("headersToAdd", true),
            _ => return UNEXPLAINED,
        };
        match backend {
            Backend::Own if list => Origin::From("spec.offloadingConfig.remoteBackend, headersToAdd and authConfig"),
            Backend::Own => self.field_or_default(format!("spec.offloadingConfig.remoteBackend.{field}")),
            Backend::Configured => Origin::Configuration("defaultRemoteBackend"),
            Backend::Beamlit if field == "host" => Origin::From("Beamlit's own host"),
            Backend::Beamlit => Origin::From("the model's own endpoint on Beamlit"),
        }
    }

    fn routing(&self, path: &[Step<'_>]) -> Origin {
        use Step::Field;
        match path {
            [Field("annotations"), Field(super::annotations::MANAGED_BY)] => Origin::From("the name of the object"),
            [Field("annotations"), Field(super::annotations::LOCAL_WEIGHT | super::annotations::REMOTE_WEIGHT)] => {
                Origin::From("where traffic is at rest")
            }
            [Field("annotations"), Field(super::annotations::REMOTE_BACKEND)] => {
                Origin::From("autoscaler.route.remote")
            }
            [Field("namespace" | "name")] => self.service(path),
            _ => UNEXPLAINED,
        }
    }

    fn beamlit(&self, path: &[Step<'_>]) -> Origin {
        use Step::{Field, Item};
        match path {
            [Field("metadata"), Field("name")] => Origin::Field("spec.model".to_owned()),
            [Field("metadata"), Field("environment")] => self.field_or_default("spec.environment"),
            [Field("metadata"), Field("labels"), Field("managed-by")] => Origin::Always,
            [Field("metadata"), Field("labels"), Field("offloading-enabled")] => {
                Origin::From("spec.offloadingConfig and spec.enabled")
            }
            [Field("metadata"), Field("labels"), Field("offloading")] => Origin::From("where traffic is at rest"),
            [Field("metadata"), Field("labels"), Field(key)] => {
                Origin::Field(format!("metadata.labels[{}]", quoted(key)))
            }
            [Field("spec"), Field("enabled")] => self.field_or_default("spec.enabled"),
            [Field("spec"), Field("policies")] => self.field_or_default("spec.policies"),
            [Field("spec"), Field("policies"), Item(_)] => Origin::Field("spec.policies".to_owned()),
            [Field("spec"), Field("runtime"), Field("servingPort" | "metricPort")] => Origin::From(SERVICE),
            [Field("spec"), Field("serverlessConfig"), Field(field)] => {
                self.field_or_default(format!("spec.serverlessConfig.{field}"))
            }
            [Field("spec"), Field("podTemplate"), ..] => Origin::From(WORKLOAD),
            _ => UNEXPLAINED,
        }
    }
}

/// What no rule explains; a test sees to it that there is no such value.
const UNEXPLAINED: Origin = Origin::From("unexplained");
