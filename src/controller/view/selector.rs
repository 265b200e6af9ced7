//! Which pods are a workload's: its label selector, as the API server's `apps/v1` has it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::core::Expression;

/// A label selector that was parsed. Copies share it.
///
/// Its text is what the API server takes for `labelSelector`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector(Arc<[Expression]>);

/// A label selector that says what no API server admits: an operator that there is not, or one with values that it cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the selector has an expression that cannot be read, of the label `{0}`")]
pub struct Unreadable(String);

impl Selector {
    /// The selector that selects nothing.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::default())
    }

    /// Parses a selector.
    ///
    /// # Errors
    /// If one of its expressions has no meaning.
    pub fn of(selector: &LabelSelector) -> Result<Self, Unreadable> {
        let labels = selector.match_labels.iter().flatten();
        let labels = labels.map(|(key, value)| Ok(Expression::Equal(key.clone(), value.clone())));
        let expressions = selector.match_expressions.iter().flatten().map(expression);
        labels.chain(expressions).collect::<Result<_, _>>().map(Self)
    }

    /// Whether it has no requirement at all. Then it selects nothing: `apps/v1` admits no such workload, its controllers pass over those
    /// of before, and an HPA says "selector is required".
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its requirements, all of which a pod meets that is selected.
    pub fn requirements(&self) -> impl Iterator<Item = &Expression> {
        self.0.iter()
    }

    /// Whether it selects what has these labels: of a key, its value.
    #[must_use]
    pub fn selects<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        let meets = |expression: &Expression| match expression {
            Expression::Equal(key, value) => label(key) == Some(value),
            Expression::NotEqual(key, value) => label(key) != Some(value),
            Expression::In(key, values) => label(key).is_some_and(|value| values.contains(value)),
            Expression::NotIn(key, values) => label(key).is_none_or(|value| !values.contains(value)),
            Expression::Exists(key) => label(key).is_some(),
            Expression::DoesNotExist(key) => label(key).is_none(),
        };
        !self.is_empty() && self.requirements().all(meets)
    }
}

fn expression(requirement: &LabelSelectorRequirement) -> Result<Expression, Unreadable> {
    let LabelSelectorRequirement { key, operator, values } = requirement;
    let (key, values) = (key.clone(), values.iter().flatten().cloned().collect::<BTreeSet<_>>());
    match (operator.as_str(), values.is_empty()) {
        ("In", false) => Ok(Expression::In(key, values)),
        ("NotIn", false) => Ok(Expression::NotIn(key, values)),
        ("Exists", true) => Ok(Expression::Exists(key)),
        ("DoesNotExist", true) => Ok(Expression::DoesNotExist(key)),
        _ => Err(Unreadable(key)),
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, expression) in self.requirements().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{expression}")?;
        }
        Ok(())
    }
}
