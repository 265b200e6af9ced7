//! `rules`: the catalogue of rules, and each of them explained.

use std::io::{self, Write};

use serde::Serialize;
use textwrap::Options;

use super::output::{self, ERROR, Format, NOTE, STRONG, WARNING};
use super::{Exit, complain};
use crate::engine::finding::rules::{self, Example, Reported, Rule};
use crate::engine::finding::{ErrorType, Severity, escaped};
use crate::engine::suggest;

/// What `rules` is told to do.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lists the rules that objects are held to, or explains those whose codes are given: what is asked, why, who reports it, \
and an example that breaks the rule and one that keeps it. The code of a rule stands in brackets at the end of every message and never changes its meaning.",
    after_long_help = "\
Examples:
  beamlit-operator rules
  beamlit-operator rules OB003 OB007
  beamlit-operator rules --output json | jq -r '.rules[] | select(.severity == \"warning\") | .code'"
)]
pub struct Args {
    /// The rules to explain; all are listed if none is given
    #[arg(value_name = "CODE")]
    codes: Vec<String>,

    /// For whom the output is
    #[arg(long, short, value_enum, default_value_t = Format::Plain)]
    output: Format,
}

/// The widest that text is set: longer lines are hard to read.
const MAX_WIDTH: usize = 100;

/// Prints the catalogue, or explains the rules of some codes.
pub fn run(args: &Args) -> Exit {
    let mut chosen = Vec::new();
    let mut exit = Exit::Fine;
    for code in &args.codes {
        match rules::find(code.trim()) {
            Some(rule) => chosen.push(rule),
            None => {
                complain(&unknown(code));
                exit = Exit::Usage;
            }
        }
    }
    if exit != Exit::Fine {
        return exit;
    }
    let explain = !chosen.is_empty();
    if !explain {
        chosen.extend(rules::all());
    }
    let width = textwrap::termwidth().min(MAX_WIDTH);
    output::print(exit, |out| match args.output {
        Format::Json => output::json(out, &Catalogue::of(&chosen)),
        Format::Plain if explain => chosen.iter().enumerate().try_for_each(|(index, rule)| {
            if index > 0 {
                writeln!(out)?;
            }
            explanation(out, rule, width)
        }),
        Format::Plain => table(out, &chosen),
    })
}

fn unknown(code: &str) -> String {
    let hint = suggest::did_you_mean(&code.to_uppercase(), rules::all().map(|rule| rule.code))
        .unwrap_or_else(|| "`beamlit-operator rules` lists all".into());
    format!("no rule has the code {}; {hint}", escaped(code))
}

fn table(out: &mut dyn Write, rules: &[&Rule]) -> io::Result<()> {
    writeln!(out, "{STRONG}{:<7}{:<10}RULE{STRONG:#}", "CODE", "SEVERITY")?;
    for rule in rules {
        let (style, word) = severity(rule.severity);
        writeln!(out, "{:<7}{style}{word:<10}{style:#}{}", rule.code, rule.title)?;
    }
    Ok(())
}

fn explanation(out: &mut dyn Write, rule: &Rule, width: usize) -> io::Result<()> {
    let (style, word) = severity(rule.severity);
    writeln!(out, "{STRONG}{}{STRONG:#} {style}{word}{style:#} {STRONG}{}{STRONG:#}", rule.code, rule.title)?;
    writeln!(out)?;
    writeln!(out, "{}", textwrap::fill(rule.why, Options::new(width).initial_indent("  ").subsequent_indent("  ")))?;
    writeln!(out)?;
    writeln!(out, "  reads:    {}: …", rule.kind.words())?;
    writeln!(out, "  reported: {}", reported(rule.reported))?;
    let whole = match rule.example {
        Example::ModelDeployment => " (a part of a ModelDeployment)",
        Example::Policy => " (a part of a Policy)",
        Example::Documents => "",
        Example::World => " (the last of these, where the others are there already)",
        Example::Update => {
            " (the last of these, in the place of the one before it, where the others are there already)"
        }
        Example::Deletion => " (the deletion of the last of these)",
    };
    let (bad, good) = match rule.severity {
        Severity::Error => ("refused", "admitted"),
        Severity::Warning => ("warned about", "fine"),
    };
    example(out, style, bad, whole, rule.bad)?;
    example(out, NOTE, good, whole, rule.good)
}

fn example(out: &mut dyn Write, style: anstyle::Style, verdict: &str, whole: &str, yaml: &str) -> io::Result<()> {
    write!(out, "\n  {style}{verdict}{style:#}{whole}:\n\n{}", textwrap::indent(yaml, "      "))?;
    // The last line of an example may lack its end.
    if yaml.ends_with('\n') { Ok(()) } else { writeln!(out) }
}

fn severity(severity: Severity) -> (anstyle::Style, &'static str) {
    match severity {
        Severity::Error => (ERROR, "error"),
        Severity::Warning => (WARNING, "warning"),
    }
}

fn reported(reported: Reported) -> &'static str {
    match reported {
        Reported::Everywhere => "by the webhook and by check",
        Reported::InFiles => "by check alone, as the API server sees to it by itself",
        Reported::Configuration => "by serve and by check, of the operator's configuration",
        Reported::InCluster => "by the webhook alone, as files do not show what is in the cluster",
    }
}

#[derive(Serialize)]
struct Catalogue {
    version: u32,
    rules: Vec<JsonRule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonRule {
    code: &'static str,
    severity: Severity,
    #[serde(rename = "type")]
    kind: ErrorType,
    title: &'static str,
    why: &'static str,
    /// Which of `webhook`, `serve` and `check` report it.
    reported: &'static [&'static str],
    /// What the examples are a part of; null if they are whole documents.
    part_of: Option<&'static str>,
    bad: &'static str,
    good: &'static str,
}

impl Catalogue {
    fn of(rules: &[&Rule]) -> Self {
        Self { version: 1, rules: rules.iter().map(|rule| JsonRule::of(rule)).collect() }
    }
}

impl JsonRule {
    fn of(rule: &Rule) -> Self {
        Self {
            code: rule.code,
            severity: rule.severity,
            kind: rule.kind,
            title: rule.title,
            why: rule.why,
            reported: match rule.reported {
                Reported::Everywhere => &["webhook", "check"],
                Reported::InFiles => &["check"],
                Reported::Configuration => &["serve", "check"],
                Reported::InCluster => &["webhook"],
            },
            part_of: part_of(rule.example),
            bad: rule.bad,
            good: rule.good,
        }
    }
}

fn part_of(example: Example) -> Option<&'static str> {
    match example {
        Example::ModelDeployment => Some("ModelDeployment"),
        Example::Policy => Some("Policy"),
        Example::Documents | Example::World | Example::Update | Example::Deletion => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        write(&mut out).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    #[test]
    fn a_rule_is_explained_on_a_page() {
        let rule = rules::find("ob008").unwrap();
        insta::assert_snapshot!(plain(|out| explanation(out, rule, 80)), @r"
        OB008 error a key stands only once in its map

          kubectl takes the last of several equal keys and says nothing about the
          others.

          reads:    Duplicate value: …
          reported: by check alone, as the API server sees to it by itself

          refused:

              apiVersion: authorization.beamlit.com/v1alpha1
              kind: Policy
              metadata:
                name: my-policy
              spec:
                type: location
                locations:
                - type: country
                  name: us
                  name: fr

          admitted:

              apiVersion: authorization.beamlit.com/v1alpha1
              kind: Policy
              metadata:
                name: my-policy
              spec:
                type: location
                locations:
                - type: country
                  name: us
                - type: country
                  name: fr
        ");
    }

    #[test]
    fn the_table_has_a_line_for_every_rule() {
        let all: Vec<&Rule> = rules::all().collect();
        let text = plain(|out| table(out, &all));
        assert_eq!(text.lines().count(), all.len() + 1);
        for rule in all {
            assert!(
                text.lines().any(|line| line.starts_with(rule.code) && line.ends_with(rule.title)),
                "{}",
                rule.code
            );
        }
    }

    #[test]
    fn programs_get_every_member() {
        let catalogue = serde_json::to_value(Catalogue::of(&[rules::find("OB008").unwrap()])).unwrap();
        let rule = &catalogue["rules"][0];
        assert_eq!(catalogue["version"], 1);
        assert_eq!(
            (&rule["code"], &rule["severity"], &rule["type"], &rule["reported"], &rule["partOf"]),
            (&json!("OB008"), &json!("error"), &json!("Duplicate"), &json!(["check"]), &json!(null))
        );
        for text in ["title", "why", "bad", "good"] {
            assert!(rule[text].as_str().is_some_and(|text| !text.is_empty()), "{text}");
        }
    }

    #[test]
    fn an_unknown_code_is_answered_with_a_way_on() {
        insta::assert_snapshot!(unknown("x\u{202e}"), @r"no rule has the code x\u{202e}; `beamlit-operator rules` lists all");
    }
}
