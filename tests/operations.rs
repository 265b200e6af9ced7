//! The pages for those who run the operator, held to the code: nothing that it says to them is missing there.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of tests are tests"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code of a file, without its tests.
fn code(name: &str) -> String {
    read(name).split("#[cfg(test)]").next().unwrap().to_owned()
}

/// Words in capitals and small letters that stand alone in quotes: conditions and reasons are written so, and hardly anything else.
fn words(code: &str) -> BTreeSet<String> {
    let word = Regex::new(r#""([A-Z][a-z]+(?:[A-Z][a-z]+)*)""#).unwrap();
    word.captures_iter(code).map(|found| found[1].to_owned()).collect()
}

/// What stands in the tables of a page, in code.
fn in_tables(page: &str) -> BTreeSet<String> {
    let code = Regex::new("`([A-Za-z]+)`").unwrap();
    let rows = page.lines().filter(|line| line.starts_with('|'));
    rows.flat_map(|row| code.captures_iter(row).map(|found| found[1].to_owned()).collect::<Vec<_>>()).collect()
}

/// Where conditions and events are made.
const TELLERS: [&str; 7] = [
    "src/controller/conditions.rs",
    "src/controller/remote.rs",
    "src/controller/policy/mod.rs",
    "src/controller/model_deployment/status.rs",
    "src/controller/model_deployment/deletion.rs",
    "src/controller/autoscaler/mod.rs",
    "src/controller/autoscaler/status.rs",
];

#[test]
fn every_condition_reason_and_event_is_explained() {
    let page = in_tables(&read("docs/operations.md"));
    let told: BTreeSet<String> = TELLERS.iter().flat_map(|file| words(&code(file))).collect();
    for known in ["Accepted", "BeamlitRefused", "WeightChanged", "MetricsUnavailable", "Frozen"] {
        assert!(told.contains(known), "{known} is not in {told:?}");
    }
    // What a condition's status is, is said above the tables.
    let statuses = ["True", "False", "Unknown"].map(str::to_owned).into();
    let missing: Vec<&String> = told.difference(&page).filter(|word| !BTreeSet::contains(&statuses, *word)).collect();
    assert_eq!(missing, Vec::<&String>::new(), "docs/operations.md");
}

#[test]
fn no_reason_is_explained_that_nothing_is_ever_given_for() {
    let page = read("docs/operations.md");
    let conditions = page.split("\n## ").find(|section| section.starts_with("Conditions\n")).unwrap();
    let told: BTreeSet<String> = TELLERS.iter().flat_map(|file| words(&code(file))).collect();
    let mut count = 0;
    for row in conditions.lines().filter(|line| line.starts_with('|')) {
        let reason = row.split('|').nth(3).unwrap().trim();
        if let Some(reason) = reason.strip_prefix('`').and_then(|reason| reason.strip_suffix('`')) {
            assert!(told.contains(reason), "{reason}");
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}

#[test]
fn every_reason_of_a_weight_is_explained() {
    let page = in_tables(&read("docs/offloading.md"));
    let reasons = words(&code("src/offload/decide/reason.rs"));
    assert_eq!(reasons.len(), 17, "{reasons:?}");
    assert_eq!(reasons.difference(&page).collect::<Vec<_>>(), Vec::<&String>::new(), "docs/offloading.md");
}

#[test]
fn every_alert_is_listed_with_its_severity() {
    let (page, rules) = (read("docs/operations.md"), read("deploy/monitoring/prometheus-rule.yaml"));
    let rule = Regex::new(r"- alert: (\w+)(?s:.*?)severity: (\w+)").unwrap();
    let rules: Vec<(String, String)> =
        rule.captures_iter(&rules).map(|found| (found[1].to_owned(), found[2].to_owned())).collect();
    assert!(rules.len() > 25, "{rules:?}");
    for (alert, severity) in &rules {
        let row = page.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{alert}`")));
        let row = row.unwrap_or_else(|| panic!("docs/operations.md: no {alert}"));
        assert!(row.split('|').nth(2).unwrap().contains(severity), "{row}");
    }
    let listed = in_tables(&page).into_iter().filter(|word| word.starts_with("BeamlitOperator"));
    let known: BTreeSet<String> = rules.into_iter().map(|(alert, _)| alert).collect();
    assert_eq!(listed.filter(|word| !known.contains(word)).collect::<Vec<_>>(), Vec::<String>::new());
}

/// Which headings a page has, as they are linked to.
fn anchors(page: &str) -> BTreeSet<String> {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let mut code = false;
    let mut anchors = BTreeSet::new();
    for line in page.lines() {
        if line.starts_with("```") {
            code = !code;
        } else if line.starts_with('#') && !code {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            anchors.insert(heading.chars().filter(kept).collect::<String>().replace(' ', "-"));
        }
    }
    anchors
}

/// A link that leads nowhere is found by nobody until it is needed.
#[test]
fn every_link_between_pages_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)").unwrap();
    let mut pages = vec!["README.md".to_owned()];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            pages.push(format!("docs/{name}"));
        }
    }
    let mut count = 0;
    for page in &pages {
        for found in link.captures_iter(&read(page)) {
            let target = &found[1];
            if target.contains("://") {
                continue;
            }
            let path = match target {
                "" => page.clone(),
                _ => Path::new(page).parent().unwrap().join(target).to_str().unwrap().to_owned(),
            };
            let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
            assert!(full.exists(), "{page}: {target} is not there");
            if let Some(anchor) = found.get(2) {
                assert!(
                    anchors(&read(&path)).contains(anchor.as_str()),
                    "{page}: {target} has no #{}",
                    anchor.as_str()
                );
            }
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}
