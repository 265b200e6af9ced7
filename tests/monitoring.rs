//! The metrics and the alerts, held to `promtool`: what Prometheus itself says of them.
//!
//! promtool is a part of Prometheus (Debian's package `prometheus`). `.ci/run` fetches it where it is missing; without it these
//! tests fail.
#![cfg(feature = "operator")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "the helpers of tests are tests, and shared with others"
)]

#[path = "server/client.rs"]
mod client;
#[path = "server/process.rs"]
mod process;
#[path = "monitoring/promtool.rs"]
mod promtool;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use beamlit_operator::offload::decide::Reason;
use beamlit_operator::telemetry::exposition::Format;
use beamlit_operator::telemetry::metrics::Metrics;
use beamlit_operator::telemetry::reconciler::{Answer, Controller, Decided, LeftBehind, Ratio, Reconciled, Source};
use client::Client;
use process::Process;
use promtool::judged;
use regex::Regex;
use rustls::version::TLS13;
use serde_json::Value;

const REVIEW: &str = include_str!("admission-reviews/002-CREATE-ModelDeployment.json");

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The rules as Prometheus reads them, taken out of the PrometheusRule by the command that stands in its comment.
fn rules() -> String {
    let rule = read("deploy/monitoring/prometheus-rule.yaml");
    let command = rule.lines().find_map(|line| line.strip_prefix("#   ")).unwrap();
    let out = Command::new("sh").args(["-c", command]).current_dir(repository()).output().unwrap();
    assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
    let rules = String::from_utf8(out.stdout).unwrap();
    assert_eq!(yaml(&rules), yaml(&rule)["spec"], "{command}");
    rules
}

fn alerts() -> Vec<Value> {
    let rules = yaml(&rules());
    let groups = rules["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// The names of metrics in an expression, as they are registered: without what a histogram adds.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let name = Regex::new(r"beamlit_operator_[a-z_]+").unwrap();
    let series = name.find_iter(expression).map(|found| found.as_str());
    series.map(|name| name.trim_end_matches("_bucket").trim_end_matches("_count").to_owned()).collect()
}

#[test]
fn prometheus_takes_the_rules_and_each_alert_fires_when_it_should_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let rules = rules();
    fs::write(folder.path().join("rules.yaml"), &rules).unwrap();
    fs::write(folder.path().join("alerts.yaml"), read("tests/monitoring/alerts.yaml")).unwrap();
    judged(folder.path(), &["check", "rules", "rules.yaml"], "").unwrap();
    judged(folder.path(), &["test", "rules", "alerts.yaml"], "").unwrap();
    // Every threshold is held by some test: without the alert, or with one that always fires, one of the tests that name it or the first
    // one, in which nothing is wrong, fails.
    let tests = yaml(&read("tests/monitoring/alerts.yaml"));
    for alert in alerts() {
        let (name, expr) = (alert["alert"].as_str().unwrap(), alert["expr"].as_str().unwrap());
        let mut chosen = tests.clone();
        let mut number = 0;
        chosen["tests"].as_array_mut().unwrap().retain(|test| {
            number += 1;
            number == 1 || test.to_string().contains(&format!("\"{name}\\\""))
        });
        fs::write(folder.path().join("alerts.yaml"), chosen.to_string()).unwrap();
        for other in ["vector(0) > 1", "vector(1)"] {
            let mut changed = yaml(&rules);
            for rule in changed["groups"]
                .as_array_mut()
                .unwrap()
                .iter_mut()
                .flat_map(|group| group["rules"].as_array_mut().unwrap())
            {
                if rule["expr"] == expr {
                    rule["expr"] = other.into();
                }
            }
            fs::write(folder.path().join("rules.yaml"), changed.to_string()).unwrap();
            let verdict = judged(folder.path(), &["test", "rules", "alerts.yaml"], "");
            assert!(verdict.is_err(), "no test notices that {name} is {other}");
        }
    }
}

#[test]
fn each_alert_says_how_bad_it_is_what_to_do_and_where_to_read_on() {
    let runbook = read("docs/runbook.md");
    let sections: BTreeSet<String> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        // As a heading becomes an anchor.
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    let mut named = BTreeSet::new();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(name.starts_with("BeamlitOperator"), "{name}");
        assert!(["critical", "warning"].contains(&alert["labels"]["severity"].as_str().unwrap()), "{name}");
        let said = |what: &str| alert["annotations"][what].as_str().unwrap_or_else(|| panic!("{name} has no {what}"));
        assert!(said("summary").len() < 110 && said("description").len() > 80, "{name}");
        let section = said("runbook").strip_prefix("docs/runbook.md#").unwrap_or_else(|| panic!("{name}"));
        assert!(sections.contains(section), "{name}: docs/runbook.md has no section {section}");
        named.insert(section.to_owned());
    }
    assert_eq!(
        named,
        sections.into_iter().filter(|section| section.starts_with("beamlit")).collect(),
        "the runbook's sections"
    );
}

/// Whether the table of the README has a metric.
fn documents(readme: &str, name: &str) -> bool {
    readme
        .lines()
        .filter(|line| line.starts_with("| `"))
        .any(|line| line.contains(&format!("`{name}`")) || line.contains(&format!("`{name}{{")))
}

#[test]
fn alerts_are_made_of_metrics_that_are_documented() {
    let readme = read("README.md");
    for alert in alerts() {
        let metrics = metrics_in(alert["expr"].as_str().unwrap());
        assert!(!metrics.is_empty(), "{alert}");
        for metric in metrics {
            assert!(documents(&readme, metric.trim_start_matches("beamlit_operator_")), "README: no {metric}");
        }
    }
}

#[tokio::test]
async fn prometheus_finds_nothing_to_object_to_in_the_metrics() {
    let process = Process::start(&[]);
    let mut client = Client::connect(&process, &[&TLS13], false).await;
    for path in ["/validate", "/mutate"] {
        assert_eq!(client.review(path, REVIEW).await.0, 200);
        assert_eq!(client.review(path, "{}").await.0, 400);
    }
    let (head, text) = process.probe_with("/metrics", "").await;
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    judged(Path::new("."), &["check", "metrics"], &text).unwrap();

    judged(Path::new("."), &["check", "metrics"], &reconciling()).unwrap();

    // What is alerted on and shown is there.
    let expressions: Vec<String> = alerts().iter().map(|alert| alert["expr"].as_str().unwrap().to_owned()).collect();
    for metric in expressions.iter().chain(&shown()).flat_map(|expression| metrics_in(expression)) {
        let name = metric.trim_start_matches("beamlit_operator_");
        let there = format!("# TYPE {metric} ");
        assert!(
            NEEDS_A_CLUSTER.contains(&name) || text.contains(&there) || reconciling().contains(&there),
            "{metric} is not in:\n{text}{}",
            reconciling()
        );
    }
    // What is there is documented, and what the reconciler says of itself is shown.
    let (readme, shown) = (read("README.md"), shown().concat());
    let declared = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE beamlit_operator_"));
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    for name in declared(&text).iter().chain(&declared(&reconciling())) {
        assert!(documents(&readme, name), "README: no {name}");
    }
    for name in declared(&reconciling()).iter().filter(|name| !declared(&text).contains(name)) {
        assert!(shown.contains(&format!("beamlit_operator_{name}")), "the dashboard shows no {name}");
    }
}

/// What is known only with certificates of one's own, or with a cluster. It is looked for where there are some:
/// tests/cluster/install.rs, tests/cluster/watches.rs.
const NEEDS_A_CLUSTER: [&str; 4] =
    ["ca_bundle_current", "webhook_configuration_present", "watch_current", "watch_objects"];

/// The metrics of a process that reconciles, as Prometheus is told them.
fn reconciling() -> String {
    let (metrics, took) = (Metrics::default(), Duration::from_millis(3));
    metrics.leader(true);
    for (controller, result) in Controller::ALL.into_iter().zip(Reconciled::ALL) {
        metrics.reconciled(controller, result, took);
        metrics.queue_depth(controller, 1);
    }
    let ratio = Ratio { metric: Some(0.5), demand: Some(1.0) };
    metrics.decided("team", "one", Decided { weight: 50, reason: Reason::TargetReached, ratios: vec![ratio] });
    for source in Source::ALL {
        metrics.source_up(source, true);
        metrics.metric_request(source, Answer::Ok, took);
    }
    for answer in Answer::ALL {
        metrics.kubernetes_request("route", answer);
        metrics.beamlit_request("token", answer, took);
    }
    metrics.beamlit_circuit(false);
    metrics.beamlit_token(true);
    metrics.left_behind(LeftBehind::TimedOut);
    metrics.beamlit_orphans(Some(0));
    metrics.task_started("reconciler");
    Format::Text.render(metrics.encode())
}

fn dashboard() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&read("deploy/monitoring/dashboard.json")).unwrap();
    dashboard["panels"].as_array().unwrap().clone()
}

/// What the dashboard asks Prometheus for, as Grafana does.
fn shown() -> Vec<String> {
    let panels = dashboard();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let exprs = targets.map(|target| target["expr"].as_str().unwrap());
    exprs.map(|expr| expr.replace("$__rate_interval", "2m").replace("$__range", "3h")).collect()
}

#[test]
fn prometheus_can_answer_whatever_the_dashboard_asks() {
    let folder = tempfile::tempdir().unwrap();
    let rules: Vec<Value> = shown()
        .iter()
        .enumerate()
        .map(|(number, expr)| serde_json::json!({"record": format!("panel:{number}"), "expr": expr}))
        .collect();
    assert!(rules.len() > 25, "{rules:?}");
    let rules = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]});
    fs::write(folder.path().join("dashboard.yaml"), rules.to_string()).unwrap();
    judged(folder.path(), &["check", "rules", "dashboard.yaml"], "").unwrap();
    // promtool does find what is wrong in such a file.
    fs::write(folder.path().join("dashboard.yaml"), rules.to_string().replacen("sum(", "sum((", 1)).unwrap();
    judged(folder.path(), &["check", "rules", "dashboard.yaml"], "").unwrap_err();
}

#[test]
fn the_dashboard_is_laid_out_without_gaps_and_says_what_it_shows() {
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    let panels = dashboard();
    for panel in &panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(x < 24 && taken.insert((x, y)), "{title}: {x},{y}");
            }
        }
        if panel["type"] != "row" {
            assert!(panel["description"].as_str().unwrap().ends_with('.'), "{title}");
            // Nothing but variables says where data comes from, and every query is of this operator alone.
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"], panel["datasource"], "{title}");
                let expr = target["expr"].as_str().unwrap();
                let series = expr.matches("beamlit_operator_").count();
                assert_eq!(expr.matches("job=~\"$job\"").count(), series, "{expr}");
            }
        }
    }
    let bottom = taken.iter().map(|(_, y)| y + 1).max().unwrap();
    assert_eq!(taken.len() as u64, 24 * bottom, "a gap");
}

#[tokio::test]
async fn prometheus_itself_is_answered_in_openmetrics() {
    let process = Process::start(&[]);
    let accept =
        "accept: application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n";
    let (head, openmetrics) = process.probe_with("/metrics", accept).await;
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(openmetrics.ends_with("# EOF\n"), "{openmetrics}");
    // Two ways to write the same samples.
    let samples = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(samples(&openmetrics), samples(&process.probe_with("/metrics", "").await.1));
}
