//! A label selector in its canonical form: the same series are asked for once, however people wrote it down.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use crate::api::{LabelSelector, LabelSelectorOperator};

/// Which series of a metric count; all of them if it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector(BTreeSet<Requirement>);

/// What a label must be like.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Requirement {
    /// One of these values.
    In(String, BTreeSet<String>),
    /// There, and of any value.
    Exists(String),
    /// None of these values; it may be absent.
    NotIn(String, BTreeSet<String>),
    /// Absent.
    DoesNotExist(String),
}

impl Selector {
    /// The selector of a metric, in the one form that all ways to write it have.
    #[must_use]
    pub fn of(selector: Option<&LabelSelector>) -> Self {
        let Some(LabelSelector { match_labels, match_expressions }) = selector else { return Self::default() };
        let labels = match_labels.iter().flatten();
        let labels = labels.map(|(key, value)| Requirement::In(key.clone(), [value.clone()].into()));
        let expressions = match_expressions.iter().flatten().map(|requirement| {
            let key = requirement.key.clone();
            let values = || requirement.values.iter().flatten().cloned().collect();
            match requirement.operator {
                LabelSelectorOperator::In => Requirement::In(key, values()),
                LabelSelectorOperator::NotIn => Requirement::NotIn(key, values()),
                LabelSelectorOperator::Exists => Requirement::Exists(key),
                LabelSelectorOperator::DoesNotExist => Requirement::DoesNotExist(key),
            }
        });
        Self(labels.chain(expressions).collect())
    }

    /// Whether all series count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        self.0.iter()
    }
}

/// As the API server reads it: `a=b,c in (d,e),f,g!=h,i notin (j,k),!l`.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            match requirement {
                Requirement::In(key, values) => choice(f, key, ["=", " in "], values)?,
                Requirement::NotIn(key, values) => choice(f, key, ["!=", " notin "], values)?,
                Requirement::Exists(key) => f.write_str(key)?,
                Requirement::DoesNotExist(key) => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

fn choice(f: &mut fmt::Formatter<'_>, key: &str, [one, many]: [&str; 2], values: &BTreeSet<String>) -> fmt::Result {
    let joined = values.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    // An empty value reads the same without parentheses, but no value at all must not.
    if values.len() == 1 { write!(f, "{key}{one}{joined}") } else { write!(f, "{key}{many}({joined})") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn selector(json: Value) -> Selector {
        Selector::of(Some(&serde_json::from_value(json).unwrap()))
    }

    #[test]
    fn every_operator_as_the_api_server_reads_it() {
        for (json, text) in [
            (json!({}), ""),
            (json!({"matchLabels": {"b": "2", "a": "1"}}), "a=1,b=2"),
            (json!({"matchLabels": {"a": ""}}), "a="),
            (json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["y", "x"]}]}), "a in (x,y)"),
            (json!({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x", "y"]}]}), "a notin (x,y)"),
            (json!({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x"]}]}), "a!=x"),
            (json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]}), "a"),
            (json!({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}), "!a"),
            // The gate refuses it; read, it must not become another selector.
            (json!({"matchExpressions": [{"key": "a", "operator": "In"}]}), "a in ()"),
        ] {
            assert_eq!(selector(json.clone()).to_string(), text, "{json}");
        }
        assert!(Selector::of(None).is_empty());
    }

    #[test]
    fn the_same_selector_in_other_words_is_the_same() {
        let labels = selector(json!({"matchLabels": {"a": "x"}}));
        let expression =
            |values: Value| selector(json!({"matchExpressions": [{"key": "a", "operator": "In", "values": values}]}));
        assert_eq!(labels, expression(json!(["x"])));
        assert_eq!(labels, expression(json!(["x", "x"])));
        assert_eq!(expression(json!(["x", "y"])), expression(json!(["y", "x"])));
        assert_ne!(labels, expression(json!(["y"])));
    }
}
