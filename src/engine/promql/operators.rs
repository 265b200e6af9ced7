//! What stands between two parts: how series of both sides are matched, and what comes of it.

use super::Fault;
use super::expression::Parser;
use super::types::{Part, Type};

/// What stands beside an operator.
#[derive(Default)]
pub(super) struct Matching {
    bool_: Option<usize>,
    /// Where `on` or `ignoring` stands.
    labels: Option<usize>,
    /// Where `group_left` or `group_right` stands.
    group: Option<usize>,
}

fn is_comparison(operator: &str) -> bool {
    matches!(operator, "==" | "!=" | "<=" | ">=" | "<" | ">")
}

fn is_of_sets(operator: &str) -> bool {
    matches!(operator, "and" | "or" | "unless")
}

impl Parser<'_> {
    /// The words after an operator.
    pub(super) fn matching(&mut self, operator: &str) -> Result<Matching, Fault> {
        let mut matching = Matching::default();
        let at = self.at();
        if self.takes_word("bool") {
            if !is_comparison(operator) {
                return Err(self.fault(at, "bool stands after a comparison"));
            }
            matching.bool_ = Some(at);
        }
        let at = self.at();
        let on = self.takes_word("on");
        if on || self.takes_word("ignoring") {
            matching.labels = Some(at);
            let labels = self.labels()?;
            let at = self.at();
            if self.takes_word("group_left") || self.takes_word("group_right") {
                matching.group = Some(at);
                if is_of_sets(operator) {
                    return Err(self.fault(at, format!("{operator} has no group_left and no group_right")));
                }
                let included = if self.is_sign_after(0, "(") { self.labels()? } else { Vec::new() };
                if let Some(both) = included.iter().find(|label| on && labels.contains(label)) {
                    return Err(self.fault(at, format!("the label '{both}' stands in on and in the group")));
                }
            }
        }
        Ok(matching)
    }

    /// What an operator makes of two parts.
    pub(super) fn combined(
        &self,
        at: usize,
        operator: &str,
        matching: Matching,
        left: Part,
        right: Part,
    ) -> Result<Part, Fault> {
        for side in [left, right] {
            if !matches!(side.type_, Type::Scalar | Type::Vector) {
                let message =
                    format!("{operator} stands between scalars and instant vectors, not beside {}", side.type_);
                return Err(self.fault(side.at, message));
            }
        }
        let vectors = [left, right].iter().filter(|side| side.type_ == Type::Vector).count();
        if vectors < 2 {
            if is_of_sets(operator) {
                return Err(self.fault(at, format!("{operator} stands between instant vectors")));
            }
            if let Some(at) = matching.labels {
                return Err(self.fault(at, "series are matched between instant vectors only"));
            }
        }
        if vectors == 0 && is_comparison(operator) && matching.bool_.is_none() {
            return Err(self.fault(at, format!("two scalars are compared by {operator} bool")));
        }
        let type_ = if vectors == 0 { Type::Scalar } else { Type::Vector };
        Ok(Part::other(type_, left.reach.max(right.reach), left.at))
    }
}
