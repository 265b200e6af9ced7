//! The operator's configuration: one document, read and judged the same way by the server and by `check`.

mod compile;

use super::type_meta;
use super::{Judged, Outcome, Placed};
use crate::api::OperatorConfiguration;
use crate::engine::configuration::Configuration;
use crate::engine::finding::rules::OB001;
use crate::engine::finding::{At, Finding, Findings, Severity};
use crate::engine::parse::{Document, Mark, Node, documents};
use crate::engine::validate::configuration as rules;

/// The largest configuration in bytes; a ConfigMap holds no more.
pub const MAX_BYTES: usize = 1 << 20;

/// What became of a configuration.
#[derive(Debug)]
pub struct Read {
    /// What was found, or why nothing could be read; never [`Outcome::Skipped`].
    pub outcome: Outcome,
    /// What it comes to, if it has no fault.
    pub configuration: Option<Configuration>,
}

/// Reads a configuration. A cluster domain that is given takes the place of the document's own.
#[must_use]
pub fn read(bytes: &[u8], cluster_domain: Option<&str>) -> Read {
    let document = match only_document(bytes) {
        Ok(document) => document,
        Err((at, message)) => return Read { outcome: Outcome::Unreadable { at, message }, configuration: None },
    };
    let Document { index, content: Ok(node) } = document else {
        return Read { outcome: unreadable(document), configuration: None };
    };
    let mut findings = type_meta::configuration(&node);
    let mut configuration = None;
    if findings.is_empty() {
        (findings, configuration) = judge(&node, cluster_domain);
    }
    let text = |field| node.text_of(field).unwrap_or_default().to_owned();
    let judged = Judged { document: index, api_version: text("apiVersion"), kind: text("kind"), ..Judged::default() };
    let outcome = Outcome::Judged(Box::new(judged.with(&node, &findings)));
    Read { outcome, configuration: configuration.filter(|_| !findings.refuse()) }
}

impl Read {
    /// The errors, or the warnings, a line each: `line:column: message`.
    #[must_use]
    pub fn lines(&self, severity: Severity) -> Vec<String> {
        let place = |at: Mark| if at.line > 0 { format!("{}:{}: ", at.line, at.column) } else { String::new() };
        match &self.outcome {
            Outcome::Skipped => Vec::new(),
            Outcome::Unreadable { .. } if severity == Severity::Warning => Vec::new(),
            Outcome::Unreadable { at, message } => vec![format!("{}{message}", place(*at))],
            Outcome::Judged(judged) => {
                let of_severity = judged.findings.iter().filter(|placed| placed.finding.severity == severity);
                of_severity.map(|Placed { finding, at }| format!("{}{finding}", place(*at))).collect()
            }
        }
    }
}

/// Reads a configuration for a program that has no use for its places: what it comes to and its warnings, or its faults, a line
/// each.
///
/// # Errors
/// The faults, `line:column: message`.
pub fn load(bytes: &[u8], cluster_domain: Option<&str>) -> Result<(Configuration, Vec<String>), Vec<String>> {
    let read = read(bytes, cluster_domain);
    let warnings = read.lines(Severity::Warning);
    match read.configuration {
        Some(configuration) => Ok((configuration, warnings)),
        None => Err(read.lines(Severity::Error)),
    }
}

/// What is found in a document whose apiVersion and kind are those of a configuration.
pub(super) fn findings(document: &Node<'_>, cluster_domain: Option<&str>) -> Findings {
    judge(document, cluster_domain).0
}

fn judge(document: &Node<'_>, cluster_domain: Option<&str>) -> (Findings, Option<Configuration>) {
    let mut findings = rules::judge(document, cluster_domain);
    if findings.refuse() {
        return (findings, None);
    }
    // What the schema lets through reads as the types that it is made from, which a test runs through.
    match serde_json::from_value::<OperatorConfiguration>(rules::json(document)) {
        Ok(written) => (findings, Some(compile::configuration(&written, cluster_domain))),
        Err(_) => {
            findings.add(Finding::new(&OB001, &At::root(), "does not read as an OperatorConfiguration"));
            (findings, None)
        }
    }
}

fn only_document(bytes: &[u8]) -> Result<Document<'_>, (Mark, String)> {
    if bytes.len() > MAX_BYTES {
        return Err((Mark::default(), format!("larger than {} MiB", MAX_BYTES >> 20)));
    }
    let mut all = documents(bytes);
    let Some(first) = all.next() else {
        return Err((Mark::default(), "there is nothing in it: an OperatorConfiguration is one document".into()));
    };
    match all.next().filter(|_| first.content.is_ok()) {
        None => Ok(first),
        Some(second) => {
            let at = match second.content {
                Ok(node) => node.at,
                Err(error) => error.at,
            };
            Err((at, "a second document begins here: an operator has one configuration, in one document".into()))
        }
    }
}

fn unreadable(document: Document<'_>) -> Outcome {
    match document.content {
        Ok(_) => Outcome::Skipped,
        Err(error) => Outcome::Unreadable { at: error.at, message: error.message },
    }
}

#[cfg(test)]
mod tests;
