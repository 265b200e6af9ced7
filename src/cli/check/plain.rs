//! The report for people: a line per finding that editors can jump to, what is unknown once, and a summary.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::Style;

use super::report::{Event, Report};
use crate::cli::output::{ERROR, NOTE, STRONG, WARNING, count};
use crate::engine::finding::{Severity, escaped};
use crate::engine::manifest::{Judged, Placed, Reference};
use crate::engine::parse::Mark;

/// What is shown, and what it means.
pub(super) struct Options {
    /// Errors only.
    pub quiet: bool,
    /// Whether a warning makes the run fail.
    pub deny_warnings: bool,
}

/// How many references the note on what is unknown names.
const MAX_UNKNOWN: usize = 10;

/// Writes the report.
pub(super) fn write(out: &mut dyn Write, report: &Report, options: &Options) -> io::Result<()> {
    for entry in &report.entries {
        match &entry.event {
            Event::Judged(judged) => object(out, &entry.source, judged, options)?,
            Event::Unreadable { at, message } => line(out, &entry.source, *at, ERROR, "error", message)?,
        }
    }
    not_judged(out, report)?;
    if options.quiet {
        return Ok(());
    }
    unknown(out, report)?;
    writeln!(out, "{STRONG}{}{STRONG:#}", summary(report, options))
}

fn object(out: &mut dyn Write, source: &str, judged: &Judged, options: &Options) -> io::Result<()> {
    for Placed { finding, at } in &judged.findings {
        let (style, word) = match finding.severity {
            Severity::Error => (ERROR, "error"),
            Severity::Warning if options.quiet => continue,
            Severity::Warning => (WARNING, "warning"),
        };
        line(out, source, *at, style, word, &finding.to_string())?;
    }
    if judged.more > 0 && !options.quiet {
        let message = format!(
            "{} on {} {} not shown",
            count(judged.more, "more finding"),
            escaped(&judged.kind),
            full_name(judged)
        );
        line(out, source, Mark::default(), NOTE, "note", &message)?;
    }
    Ok(())
}

/// `file:line:column: word: message`, as compilers write it.
fn line(out: &mut dyn Write, source: &str, at: Mark, style: Style, word: &str, message: &str) -> io::Result<()> {
    let mut place = escaped(source).to_string();
    for number in [at.line, at.column].into_iter().take_while(|&number| number > 0) {
        // Writing into a String cannot fail.
        _ = write!(place, ":{number}");
    }
    writeln!(out, "{STRONG}{place}:{STRONG:#} {style}{word}:{style:#} {message}")
}

fn full_name(judged: &Judged) -> String {
    match &judged.namespace {
        Some(namespace) => format!("{}/{}", escaped(namespace), escaped(&judged.name)),
        None => escaped(&judged.name).to_string(),
    }
}

/// Said also to those who want errors only: otherwise they would take silence for a verdict.
fn not_judged(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let names: Vec<String> = report.not_judged.iter().map(|name| escaped(name).to_string()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let names = names.join(", ");
    writeln!(out, "{NOTE}note:{NOTE:#} not judged, as the configuration must be sound first: {names}")
}

/// What could not be looked up is no fault of anybody's: one line for all of it.
fn unknown(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let all: BTreeSet<String> = report
        .judged()
        .flat_map(|(_, judged)| &judged.unknown)
        .map(|Reference { kind, namespace, name }| {
            let slash = if namespace.is_empty() { "" } else { "/" };
            format!("{} {}{slash}{}", escaped(kind), escaped(namespace), escaped(name))
        })
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    let shown: Vec<&str> = all.iter().take(MAX_UNKNOWN).map(String::as_str).collect();
    let rest = match all.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    writeln!(out, "{NOTE}note:{NOTE:#} unknown (not looked up): {}{rest}", shown.join(", "))
}

/// `3 objects: 2 admitted, 1 refused; 1 skipped`.
fn summary(report: &Report, options: &Options) -> String {
    let sum = report.summary();
    let mut parts = Vec::new();
    if sum.objects == 0 {
        parts.push("nothing to check".to_owned());
    } else {
        let mut verdicts = Vec::new();
        match (sum.admitted, sum.warned) {
            (0, _) => {}
            (admitted, 0) => verdicts.push(format!("{admitted} admitted")),
            (admitted, warned) => verdicts.push(format!("{admitted} admitted ({warned} with warnings)")),
        }
        if sum.refused > 0 {
            verdicts.push(format!("{} refused", sum.refused));
        }
        parts.push(format!("{}: {}", count(sum.objects, "object"), verdicts.join(", ")));
    }
    if sum.unreadable > 0 {
        parts.push(format!("{} unreadable", sum.unreadable));
    }
    if report.skipped > 0 {
        parts.push(format!("{} skipped", report.skipped));
    }
    if options.deny_warnings && sum.warnings > 0 {
        parts.push("warnings are denied".to_owned());
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::{judged, report};
    use super::*;

    fn written(report: &Report, options: &Options) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        write(&mut out, report, options).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    const ALL: Options = Options { quiet: false, deny_warnings: false };
    const QUIET: Options = Options { quiet: true, deny_warnings: false };

    #[test]
    fn people_read_place_fault_and_remedy() {
        let mut report = report([judged("a", 1, 1), Judged { more: 1, ..judged("b", 0, 1) }]);
        report.unreadable("c\u{202e}\n.yaml".into(), Mark { line: 2, column: 0 }, "not UTF-8".into());
        report.unreadable("no.yaml".into(), Mark::default(), "no such file or directory".into());
        report.skipped = 2;
        insta::assert_snapshot!(written(&report, &ALL), @r#"
        a.yaml:1:3: error: spec.environment: Unsupported value: "prod": not an environment; did you mean "production"? [OB003]
        a.yaml:2:3: warning: spec.environment: Unsupported value: "prod": not an environment; did you mean "production"? [OB003]
        a.yaml:1:3: warning: spec.environment: Unsupported value: "prod": not an environment; did you mean "production"? [OB003]
        a.yaml: note: 1 more finding on ModelDeployment default/b not shown
        c\u{202e}\u{a}.yaml:2: error: not UTF-8
        no.yaml: error: no such file or directory
        note: unknown (not looked up): Service default/web
        2 objects: 1 admitted (1 with warnings), 1 refused; 2 unreadable; 2 skipped
        "#);
        insta::assert_snapshot!(written(&report, &QUIET), @r#"
        a.yaml:1:3: error: spec.environment: Unsupported value: "prod": not an environment; did you mean "production"? [OB003]
        c\u{202e}\u{a}.yaml:2: error: not UTF-8
        no.yaml: error: no such file or directory
        "#);
    }

    #[test]
    fn what_is_unknown_is_said_once() {
        let web = |n| Reference { kind: "Service".into(), namespace: "default".into(), name: format!("web-{n:02}") };
        let object = |name| Judged { unknown: (0..12).map(web).collect(), ..judged(name, 0, 0) };
        let text = written(&report([object("a"), object("b")]), &ALL);
        assert_eq!(text.matches("Service default/web-00").count(), 1, "{text}");
        assert!(text.contains("Service default/web-09 and 2 more\n"), "{text}");
    }

    #[test]
    fn the_summary_fits_on_a_line() {
        let strict = Options { quiet: false, deny_warnings: true };
        let mut none = Report::default();
        assert_eq!(summary(&none, &ALL), "nothing to check");
        none.skipped = 3;
        assert_eq!(summary(&none, &ALL), "nothing to check; 3 skipped");
        assert_eq!(summary(&report([judged("a", 0, 0)]), &strict), "1 object: 1 admitted");
        assert_eq!(
            summary(&report([judged("a", 0, 1), judged("b", 1, 0)]), &strict),
            "2 objects: 1 admitted (1 with warnings), 1 refused; warnings are denied"
        );
    }
}
