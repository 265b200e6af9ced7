//! What the judge says: findings, the rules behind them, and the words they are put in.

mod path;
pub mod rules;
mod text;

use std::fmt;

use serde::Serialize;

pub use path::{At, Path, Segment};
pub use rules::Rule;
pub use text::{MAX_VALUE, escaped, is_unprintable, presentable, quoted, without_query, without_secrets};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The object is refused.
    Error,
    /// The object is admitted, and its author is told.
    Warning,
}

/// The field error types of Kubernetes, and `Unknown` for a field that the schema does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub enum ErrorType {
    Required,
    Invalid,
    NotSupported,
    Forbidden,
    Duplicate,
    NotFound,
    TooLong,
    TooMany,
    TypeInvalid,
    Unknown,
}

impl ErrorType {
    /// The words that Kubernetes puts before a message of this type.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::Duplicate => "Duplicate value",
            Self::NotFound => "Not found",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Unknown => "Unknown field",
        }
    }

    /// The `reason` of a status cause, as Kubernetes spells it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid | Self::Unknown => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::Duplicate => "FieldValueDuplicate",
            Self::NotFound => "FieldValueNotFound",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }
}

/// One fault, or one remark.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule that was broken.
    pub rule: &'static Rule,
    /// The rule's own severity, unless something around the object softened it.
    pub severity: Severity,
    /// Where it sits.
    pub path: Path,
    /// The value at fault, quoted and cut; absent where there is none or nobody may see it.
    pub value: Option<String>,
    /// What is wrong, in lower case.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
    /// The other places that the fault depends on.
    pub related: Vec<Path>,
    /// The other object that it is about, for log and audit only: who reads the message may not be allowed to know of it.
    pub about: Option<String>,
    /// Whether the schema of the CRD refuses the object for the same fault.
    pub schema: bool,
}

impl Finding {
    /// A finding at a place, with the severity of its rule.
    #[must_use]
    pub fn new(rule: &'static Rule, at: &At<'_>, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity,
            path: at.path(),
            value: None,
            message: message.into(),
            hint: None,
            related: Vec::new(),
            about: None,
            schema: false,
        }
    }

    /// Quotes the value at fault. Never a secret.
    #[must_use]
    pub fn value(mut self, value: &str) -> Self {
        self.value = Some(quoted(value));
        self
    }

    /// As [`Finding::value`], where there may be none.
    #[must_use]
    pub fn maybe_value(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.value(value),
            None => self,
        }
    }

    /// Shows a number at fault.
    #[must_use]
    pub fn number(mut self, value: impl fmt::Display) -> Self {
        self.value = Some(value.to_string());
        self
    }

    /// Says what to do instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As [`Finding::hint`], where there may be none.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into);
        self
    }

    /// Names another place that the fault depends on.
    #[must_use]
    pub fn related(mut self, at: &At<'_>) -> Self {
        self.related.push(at.path());
        self
    }

    /// Names the other object that it is about, for log and audit only.
    #[must_use]
    pub fn about(mut self, object: String) -> Self {
        self.about = Some(object);
        self
    }

    /// Marks a fault that the CRD's schema refuses as well.
    #[must_use]
    pub fn by_schema(mut self) -> Self {
        self.schema = true;
        self
    }

    /// Everything but the path: `Invalid value: "uk": not a country code; did you mean "gb"? [PL004]`.
    #[must_use]
    pub fn detail(&self) -> String {
        use fmt::Write as _;
        let mut out = String::from(self.rule.kind.words());
        if let Some(value) = &self.value {
            _ = write!(out, ": {value}");
        }
        if !self.message.is_empty() {
            _ = write!(out, ": {}", self.message);
        }
        if let Some(hint) = &self.hint {
            _ = write!(out, "; {hint}");
        }
        shorten(&mut out, MAX_MESSAGE);
        _ = write!(out, " [{}]", self.rule.code);
        out
    }
}

/// The longest message in bytes, its code aside.
const MAX_MESSAGE: usize = 4000;

/// Cuts a text that is longer than so many bytes, and shows that it was cut.
pub(crate) fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        let end = text.floor_char_boundary(most);
        text.truncate(end);
        text.push('…');
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.0.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.detail())
    }
}

/// How many errors and how many warnings of one object are kept; the rest is counted.
pub const MAX_FINDINGS: usize = 1000;

/// The findings of one object.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
    errors: usize,
    warnings: usize,
}

impl Findings {
    /// Adds a finding, or counts it when there are [`MAX_FINDINGS`] of its severity already.
    pub fn add(&mut self, finding: Finding) {
        let count = match finding.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= MAX_FINDINGS {
            self.list.push(finding);
        }
    }

    /// Adds the findings of another judgement, those included that were only counted.
    pub fn append(&mut self, other: Self) {
        let counted = |all: usize, severity: Severity| all - other.of(severity).count();
        let (errors, warnings) = (counted(other.errors, Severity::Error), counted(other.warnings, Severity::Warning));
        other.list.into_iter().for_each(|finding| self.add(finding));
        self.errors += errors;
        self.warnings += warnings;
    }

    /// Takes back the findings that were kept and are not wanted.
    pub fn retain(&mut self, mut wanted: impl FnMut(&Finding) -> bool) {
        let Self { list, errors, warnings } = self;
        list.retain(|finding| {
            let stays = wanted(finding);
            if !stays {
                match finding.severity {
                    Severity::Error => *errors -= 1,
                    Severity::Warning => *warnings -= 1,
                }
            }
            stays
        });
    }

    /// Adds an error that is not made at all when it would only be counted: hints cost more than verdicts.
    pub fn add_error(&mut self, make: impl FnOnce() -> Finding) {
        if self.errors < MAX_FINDINGS { self.add(make()) } else { self.errors += 1 }
    }

    /// The findings that were kept.
    #[must_use]
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// How many findings there were beyond those that were kept.
    #[must_use]
    pub fn more(&self) -> usize {
        self.errors + self.warnings - self.list.len()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The kept findings of one severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.list.iter().filter(move |finding| finding.severity == severity)
    }

    /// How many errors there are, those included that were only counted.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Whether the object is refused.
    #[must_use]
    pub fn refuse(&self) -> bool {
        self.errors > 0
    }

    /// Turns every error for which `old` says so into a warning.
    pub fn soften(&mut self, mut old: impl FnMut(&Finding) -> bool) {
        for finding in self.list.iter_mut().filter(|finding| finding.severity == Severity::Error) {
            if old(finding) {
                finding.severity = Severity::Warning;
                self.errors -= 1;
                self.warnings += 1;
            }
        }
    }

    /// Puts the findings in order. Equal keys keep the order in which they were found.
    pub fn sort_by<F: FnMut(&Finding, &Finding) -> std::cmp::Ordering>(&mut self, order: F) {
        self.list.sort_by(order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(count: usize) -> Findings {
        let mut findings = Findings::default();
        (0..count).for_each(|_| findings.add(Finding::new(&rules::OB001, &At::root(), "")));
        findings
    }

    #[test]
    fn what_is_not_kept_is_counted() {
        let mut findings = many(MAX_FINDINGS + 5);
        assert_eq!((findings.list().len(), findings.errors(), findings.more()), (MAX_FINDINGS, MAX_FINDINGS + 5, 5));
        findings.add_error(|| unreachable!("a finding that is only counted is not made"));
        assert_eq!(findings.more(), 6);
    }

    #[test]
    fn appending_keeps_what_fits_and_counts_the_rest() {
        let mut findings = many(1);
        findings.append(many(MAX_FINDINGS + 5));
        assert_eq!((findings.list().len(), findings.errors(), findings.more()), (MAX_FINDINGS, MAX_FINDINGS + 6, 6));
    }

    #[test]
    fn what_is_taken_back_or_softened_refuses_nothing() {
        let mut findings = many(3);
        findings.retain(|_| false);
        assert!(findings.is_empty() && !findings.refuse());
        let mut findings = many(3);
        findings.soften(|_| true);
        assert_eq!((findings.refuse(), findings.of(Severity::Warning).count()), (false, 3));
    }
}
