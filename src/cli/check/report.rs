//! What `check` found, and the verdict over all of it.

use crate::cli::Exit;
use crate::engine::finding::Severity;
use crate::engine::manifest::{Judged, Outcome};
use crate::engine::parse::Mark;

/// The outcome of a whole run, in the order of the sources.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// What happened, but for what was passed over.
    pub entries: Vec<Entry>,
    /// How many documents and items were passed over.
    pub skipped: usize,
    /// How many of the entries are judged beside what was asked for: the configuration.
    pub beside: usize,
    /// What was asked for and not judged, because the configuration is not sound.
    pub not_judged: Vec<String>,
    crashed: bool,
}

/// One event of a run.
#[derive(Debug)]
pub(super) struct Entry {
    /// What people call the source.
    pub source: String,
    /// What became of it, or of one object in it.
    pub event: Event,
}

/// What became of a source, or of one object in it.
#[derive(Debug)]
pub(super) enum Event {
    /// An object was judged.
    Judged(Box<Judged>),
    /// Something could not be read.
    Unreadable {
        /// Where reading stopped; not known for a source that could not be opened.
        at: Mark,
        /// Why.
        message: String,
    },
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// Objects that were judged.
    pub objects: usize,
    /// Objects without an error.
    pub admitted: usize,
    /// Objects with one.
    pub refused: usize,
    /// Admitted objects with a warning.
    pub warned: usize,
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Sources, or documents, that could not be read.
    pub unreadable: usize,
}

impl Report {
    /// Adds what became of one source.
    pub(super) fn add(&mut self, source: &str, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            match outcome {
                Outcome::Judged(judged) => self.entry(source.to_owned(), Event::Judged(judged)),
                Outcome::Unreadable { at, message } => self.unreadable(source.to_owned(), at, message),
                Outcome::Skipped => self.skipped += 1,
            }
        }
    }

    /// Adds a source, or a part of one, that could not be read.
    pub(super) fn unreadable(&mut self, source: String, at: Mark, message: String) {
        self.entry(source, Event::Unreadable { at, message });
    }

    /// Adds a source that the judge failed on.
    pub(super) fn crashed(&mut self, source: String) {
        self.crashed = true;
        self.unreadable(
            source,
            Mark::default(),
            "internal error while judging it; the objects in it were not judged".into(),
        );
    }

    fn entry(&mut self, source: String, event: Event) {
        self.entries.push(Entry { source, event });
    }

    /// The objects that were judged, each with its source.
    pub(super) fn judged(&self) -> impl Iterator<Item = (&str, &Judged)> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            Event::Judged(judged) => Some((entry.source.as_str(), judged.as_ref())),
            Event::Unreadable { .. } => None,
        })
    }

    /// The count of everything.
    pub(super) fn summary(&self) -> Summary {
        let mut sum = Summary::default();
        for entry in &self.entries {
            let Event::Judged(judged) = &entry.event else {
                sum.unreadable += 1;
                continue;
            };
            let of = |severity| judged.findings.iter().filter(|placed| placed.finding.severity == severity).count();
            let warnings = of(Severity::Warning);
            sum.objects += 1;
            sum.errors += of(Severity::Error);
            sum.warnings += warnings;
            if judged.refused {
                sum.refused += 1;
            } else {
                sum.admitted += 1;
                sum.warned += usize::from(warnings > 0);
            }
        }
        sum
    }

    /// The exit code: what could not be read weighs more than what was refused, and that more than having nothing to do.
    pub(super) fn exit(&self, deny_warnings: bool) -> Exit {
        let sum = self.summary();
        if self.crashed {
            Exit::Internal
        } else if sum.unreadable > 0 {
            Exit::Unreadable
        } else if sum.refused > 0 || (deny_warnings && sum.warnings > 0) {
            Exit::Refused
        } else if sum.objects <= self.beside {
            Exit::Nothing
        } else {
            Exit::Fine
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::engine::finding::{At, Finding, rules};
    use crate::engine::manifest::{Placed, Reference};

    /// An object with so many errors and warnings.
    pub(in crate::cli::check) fn judged(name: &str, errors: usize, warnings: usize) -> Judged {
        let root = At::root();
        let spec = root.field("spec");
        let at = spec.field("environment");
        let finding = |severity| Finding {
            severity,
            ..Finding::new(&rules::OB003, &at, "not an environment").value("prod").hint("did you mean \"production\"?")
        };
        let findings = std::iter::repeat_n(Severity::Error, errors)
            .chain(std::iter::repeat_n(Severity::Warning, warnings))
            .zip(1..)
            .map(|(severity, line)| Placed { finding: finding(severity), at: Mark { line, column: 3 } })
            .collect();
        Judged {
            document: 0,
            item: None,
            api_version: "deployment.beamlit.com/v1alpha1".into(),
            kind: "ModelDeployment".into(),
            namespace: Some("default".into()),
            name: name.into(),
            findings,
            more: 0,
            refused: errors > 0,
            unknown: vec![Reference { kind: "Service".into(), namespace: "default".into(), name: "web".into() }],
            compiled: None,
        }
    }

    /// A report on objects of `a.yaml`.
    pub(in crate::cli::check) fn report(objects: impl IntoIterator<Item = Judged>) -> Report {
        let mut report = Report::default();
        report.add("a.yaml", objects.into_iter().map(|judged| Outcome::Judged(Box::new(judged))).collect());
        report
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst() {
        let unreadable = || Outcome::Unreadable { at: Mark::default(), message: "no".into() };
        let object = |errors, warnings| Outcome::Judged(Box::new(judged("a", errors, warnings)));
        let table: Vec<(Vec<Outcome>, Exit, Exit)> = vec![
            (vec![], Exit::Nothing, Exit::Nothing),
            (vec![Outcome::Skipped], Exit::Nothing, Exit::Nothing),
            (vec![object(0, 0), Outcome::Skipped], Exit::Fine, Exit::Fine),
            (vec![object(0, 1)], Exit::Fine, Exit::Refused),
            (vec![object(1, 0), object(0, 0)], Exit::Refused, Exit::Refused),
            (vec![unreadable(), Outcome::Skipped], Exit::Unreadable, Exit::Unreadable),
            (vec![object(1, 1), unreadable()], Exit::Unreadable, Exit::Unreadable),
        ];
        for (outcomes, exit, strict) in table {
            let told = format!("{outcomes:?}");
            let mut report = Report::default();
            report.add("a.yaml", outcomes);
            assert_eq!((report.exit(false), report.exit(true)), (exit, strict), "{told}");
        }
    }

    #[test]
    fn the_summary_counts_objects_and_findings() {
        let sum = report([judged("a", 2, 1), judged("b", 0, 2), judged("c", 0, 0)]).summary();
        let expected =
            Summary { objects: 3, admitted: 2, refused: 1, warned: 1, errors: 2, warnings: 3, unreadable: 0 };
        assert_eq!(sum, expected);
    }
}
