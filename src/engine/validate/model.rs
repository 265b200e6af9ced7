//! The name of the model, and what offloading cannot do without.

use crate::engine::finding::rules::{MD001, MD002};
use crate::engine::finding::{At, Finding, Findings, is_unprintable};
use crate::engine::parse::Node;
use crate::engine::units::names;

/// Judges `spec.model`, and that `spec.serviceRef` is there once `spec.offloadingConfig` is.
pub(super) fn model(out: &mut Findings, at: &At<'_>, spec: &Node<'_>) {
    // Too long a name is the schema's to report.
    if let Some(name) = spec.text_of("model").filter(|name| name.chars().count() <= names::MAX_SUBDOMAIN)
        && let Some(fault) = fault(name)
    {
        out.add(Finding::new(&MD001, &at.field("model"), fault).value(name));
    }
    if spec.get("offloadingConfig").is_some_and(Node::is_map) && spec.get("serviceRef").is_none() {
        let finding =
            Finding::new(&MD002, &at.field("serviceRef"), "offloadingConfig needs the Service whose traffic it takes");
        out.add(finding.related(&at.field("offloadingConfig")));
    }
}

/// Why a name cannot become a segment of a URL's path.
pub(super) fn fault(name: &str) -> Option<String> {
    if matches!(name, "." | "..") {
        return Some("must not be . or .., for it becomes a segment of a URL's path".into());
    }
    if name.chars().any(|c| c.is_whitespace() || is_unprintable(c)) {
        return Some("must not contain white space, control, invisible or bidirectional characters".into());
    }
    let c = name.chars().find(|c| matches!(c, '/' | '\\' | '?' | '#' | '%'))?;
    Some(format!("must not contain {c} (nor any other of / \\ ? # %), for it becomes a segment of a URL's path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_segment_of_a_path() {
        for good in ["my-model-on-Beamlit", "m", "a.b", "...", "Ünïcode", "a_b~c", "模型"] {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in [
            "a b",
            "a\tb",
            "a\n",
            "\u{200b}a",
            "a\u{202e}b",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "a%2fb",
            ".",
            "..",
            "\u{a0}",
            "a\u{0}",
        ] {
            assert!(fault(bad).is_some(), "{bad:?}");
        }
    }
}
