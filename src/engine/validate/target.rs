//! What a metric is compared with: `target`, whose fields depend on the metric's source.

use super::showing;
use crate::engine::finding::rules::{MD043, MD044, MD045, MD046, MD047};
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::Node;
use crate::engine::suggest;
use crate::engine::units::Quantity;

/// A field of a target, and the type that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Value,
    AverageValue,
    AverageUtilization,
}

impl Target {
    /// In the order of the schema.
    const ALL: [Self; 3] = [Self::Value, Self::AverageValue, Self::AverageUtilization];
    /// In the order in which Kubernetes names the types.
    const TYPES: [&'static str; 3] = ["Utilization", "Value", "AverageValue"];

    const fn field(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::AverageValue => "averageValue",
            Self::AverageUtilization => "averageUtilization",
        }
    }

    const fn type_(self) -> &'static str {
        match self {
            Self::Value => "Value",
            Self::AverageValue => "AverageValue",
            Self::AverageUtilization => "Utilization",
        }
    }

    fn of_type(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.type_() == text)
    }

    /// Whether the field is there and right by itself.
    fn is_right(self, target: &Node<'_>) -> bool {
        match self {
            Self::Value | Self::AverageValue => {
                target.get(self.field()).and_then(Quantity::of).is_some_and(Quantity::is_positive)
            }
            Self::AverageUtilization => {
                target.integer_of(self.field()).is_some_and(|percent| (1..=i64::from(i32::MAX)).contains(&percent))
            }
        }
    }

    /// Whether the field is there and can be read, be its value right or not.
    fn is_readable(self, target: &Node<'_>) -> bool {
        match self {
            Self::Value | Self::AverageValue => target.get(self.field()).and_then(Quantity::of).is_some(),
            Self::AverageUtilization => target.integer_of(self.field()).is_some(),
        }
    }
}

/// What one kind of source asks of its target.
#[derive(Debug)]
pub(super) struct Needs {
    /// The fields that the source is compared by, of which it needs one.
    pub(super) fields: &'static [Target],
    /// The field that is missed when none of them is there, and what is said.
    pub(super) missed: (Target, &'static str),
    /// The field that is one too many when all of them are there, and what is said.
    pub(super) too_many: Option<(Target, &'static str)>,
}

/// Judges the field `target` of a metric's source; `at` is the place of the source.
pub(super) fn target(out: &mut Findings, at: &At<'_>, source: &Node<'_>, needs: &Needs) {
    let Some(node) = source.get("target").filter(|node| node.is_map()) else { return };
    let at = at.field("target");
    let has = |field: &Target| node.get(field.field()).is_some();
    let used: Vec<Target> = needs.fields.iter().copied().filter(has).collect();
    let missed = used.is_empty().then_some(needs.missed);
    let too_many = needs.too_many.filter(|_| used.len() == needs.fields.len());

    type_(out, &at, node, &used, missed.is_some() || too_many.is_some());
    for field in [Target::Value, Target::AverageValue] {
        let quantity = node.get(field.field()).and_then(|node| Some((node, Quantity::of(node)?)));
        if let Some((node, quantity)) = quantity.filter(|(_, quantity)| !quantity.is_positive()) {
            let finding = Finding::new(&MD045, &at.field(field.field()), "must be positive");
            out.add(showing(finding, node, quantity));
        }
    }
    if let Some((field, message)) = missed {
        out.add(Finding::new(&MD046, &at.field(field.field()), message));
    }
    if let Some((field, message)) = too_many.filter(|_| used.iter().all(|field| field.is_readable(node))) {
        let mut finding = Finding::new(&MD047, &at.field(field.field()), message);
        for other in used.into_iter().filter(|other| *other != field) {
            finding = finding.related(&at.field(other.field()));
        }
        out.add(finding);
    }
}

/// Judges `type`. `excused` tells that the fields themselves are at fault, from which an absent type would have been derived.
fn type_(out: &mut Findings, at: &At<'_>, node: &Node<'_>, used: &[Target], excused: bool) {
    const ONE_OF: &str = "must be either Utilization, Value, or AverageValue";
    let at_type = at.field("type");
    let Some(given) = node.get("type") else {
        let set: Vec<&str> =
            Target::ALL.into_iter().map(Target::field).filter(|field| node.get(field).is_some()).collect();
        if set.len() > 1 && !excused {
            let mut finding = Finding::new(&MD043, &at_type, ONE_OF)
                .hint(format!("{} are set, so the type says which one counts", set.join(" and ")));
            for field in &set {
                finding = finding.related(&at.field(field));
            }
            out.add(finding);
        }
        return;
    };
    let Some(text) = given.text() else { return };
    let Some(said) = Target::of_type(text) else {
        let hint = suggest::did_you_mean(text, Target::TYPES);
        out.add(Finding::new(&MD043, &at_type, ONE_OF).value(text).maybe_hint(hint));
        return;
    };
    if !used.is_empty() && !used.contains(&said) && used.iter().all(|field| field.is_right(node)) {
        let fields: Vec<&str> = used.iter().map(|field| field.field()).collect();
        let types: Vec<String> = used.iter().map(|field| quoted(field.type_())).collect();
        let mut finding = Finding::new(
            &MD044,
            &at_type,
            format!("contradicts {}, by which the metric is compared", fields.join(" and ")),
        )
        .value(text)
        .hint(format!("did you mean {}?", types.join(" or ")));
        for field in fields {
            finding = finding.related(&at.field(field));
        }
        out.add(finding);
    }
}
