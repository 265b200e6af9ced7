//! The report as one JSON document. Its members are a contract (readers ignore members that they do not know).

use std::io::{self, Write};

use serde::Serialize;

use super::report::{Entry, Event, Report};
use crate::cli::output;
use crate::engine::finding::{ErrorType, Severity};
use crate::engine::manifest::{Judged, Placed, Reference};
use crate::engine::parse::Mark;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'r> {
    version: u32,
    results: Vec<ObjectResult<'r>>,
    unreadable: Vec<Unreadable<'r>>,
    skipped: usize,
    /// What was named and not judged, because the configuration is not sound; absent if there is none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    not_judged: &'r [String],
    summary: Summary,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ObjectResult<'r> {
    source: &'r str,
    document: usize,
    item: Option<usize>,
    api_version: &'r str,
    kind: &'r str,
    namespace: Option<&'r str>,
    name: &'r str,
    verdict: &'static str,
    findings: Vec<JsonFinding<'r>>,
    /// How many findings there are beyond those listed.
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
    unknown: &'r [Reference],
}

#[derive(Serialize)]
struct JsonFinding<'r> {
    code: &'static str,
    severity: Severity,
    #[serde(rename = "type")]
    kind: ErrorType,
    path: String,
    message: &'r str,
    hint: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'r str>,
    #[serde(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Unreadable<'r> {
    source: &'r str,
    #[serde(flatten)]
    place: Place,
    message: &'r str,
}

/// Line and column, absent where the reader did not know.
#[derive(Serialize)]
struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

#[derive(Serialize)]
struct Summary {
    objects: usize,
    admitted: usize,
    refused: usize,
    errors: usize,
    warnings: usize,
    unreadable: usize,
    skipped: usize,
}

/// Writes the report; without its warnings if `quiet`.
pub(super) fn write(out: &mut dyn Write, report: &Report, quiet: bool) -> io::Result<()> {
    let sum = report.summary();
    let document = Document {
        version: 1,
        results: report.judged().map(|(source, judged)| result(source, judged, quiet)).collect(),
        unreadable: report.entries.iter().filter_map(unreadable).collect(),
        skipped: report.skipped,
        not_judged: &report.not_judged,
        summary: Summary {
            objects: sum.objects,
            admitted: sum.admitted,
            refused: sum.refused,
            errors: sum.errors,
            warnings: sum.warnings,
            unreadable: sum.unreadable,
            skipped: report.skipped,
        },
    };
    output::json(out, &document)
}

fn result<'r>(source: &'r str, judged: &'r Judged, quiet: bool) -> ObjectResult<'r> {
    let shown = |placed: &&Placed| !quiet || placed.finding.severity == Severity::Error;
    ObjectResult {
        source,
        document: judged.document,
        item: judged.item,
        api_version: &judged.api_version,
        kind: &judged.kind,
        namespace: judged.namespace.as_deref(),
        name: &judged.name,
        verdict: if judged.refused { "refused" } else { "admitted" },
        findings: judged.findings.iter().filter(shown).map(finding).collect(),
        more: judged.more,
        unknown: &judged.unknown,
    }
}

fn finding(placed: &Placed) -> JsonFinding<'_> {
    let finding = &placed.finding;
    JsonFinding {
        code: finding.rule.code,
        severity: finding.severity,
        kind: finding.rule.kind,
        path: finding.path.to_string(),
        message: &finding.message,
        hint: finding.hint.as_deref(),
        value: finding.value.as_deref(),
        place: place(placed.at),
    }
}

fn unreadable(entry: &Entry) -> Option<Unreadable<'_>> {
    match &entry.event {
        Event::Unreadable { at, message } => Some(Unreadable { source: &entry.source, place: place(*at), message }),
        Event::Judged(_) => None,
    }
}

fn place(at: Mark) -> Place {
    let known = |number| Some(number).filter(|&number| number > 0);
    Place { line: known(at.line), column: known(at.column) }
}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::report::tests::{judged, report};
    use super::*;

    fn written(report: &Report, quiet: bool) -> Value {
        let mut out = Vec::new();
        write(&mut out, report, quiet).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn the_document_is_that_of_the_contract() {
        let mut report = report([Judged { more: 7, item: Some(3), document: 2, ..judged("a", 1, 0) }]);
        report.unreadable("no.yaml".into(), Mark::default(), "no such file or directory".into());
        report.unreadable("bad.yaml".into(), Mark { line: 4, column: 2 }, "not UTF-8".into());
        report.skipped = 5;
        assert_eq!(
            written(&report, false),
            json!({
                "version": 1,
                "results": [{
                    "source": "a.yaml", "document": 2, "item": 3,
                    "apiVersion": "deployment.beamlit.com/v1alpha1", "kind": "ModelDeployment",
                    "namespace": "default", "name": "a", "verdict": "refused",
                    "findings": [{
                        "code": "OB003", "severity": "error", "type": "NotSupported", "path": "spec.environment",
                        "message": "not an environment", "hint": "did you mean \"production\"?", "value": "\"prod\"",
                        "line": 1, "column": 3,
                    }],
                    "more": 7,
                    "unknown": [{"kind": "Service", "namespace": "default", "name": "web"}],
                }],
                "unreadable": [
                    {"source": "no.yaml", "message": "no such file or directory"},
                    {"source": "bad.yaml", "line": 4, "column": 2, "message": "not UTF-8"},
                ],
                "skipped": 5,
                "summary": {
                    "objects": 1, "admitted": 0, "refused": 1, "errors": 1, "warnings": 0, "unreadable": 2, "skipped": 5,
                },
            })
        );
    }

    #[test]
    fn quiet_leaves_the_warnings_out_but_counts_them() {
        let document = written(&report([judged("a", 0, 2)]), true);
        assert_eq!(document["results"][0]["findings"], json!([]));
        assert_eq!(document["results"][0]["verdict"], "admitted");
        assert_eq!(document["summary"]["warnings"], 2);
    }

    #[test]
    fn nothing_is_a_document_too() {
        let document = written(&Report::default(), false);
        assert_eq!((&document["results"], &document["unreadable"]), (&json!([]), &json!([])));
    }
}
