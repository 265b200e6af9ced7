//! What a real HorizontalPodAutoscaler says of every metric in `tests/hpa/cases.json`: the file is held to its word.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::cluster;
use crate::harness::Kubectl;

/// How many kubectl run at a time.
const THREADS: usize = 3;

/// What the API server's words for a field error are called in the file.
const TYPES: [(&str, &str); 8] = [
    ("Required value", "Required"),
    ("Invalid value", "Invalid"),
    ("Unsupported value", "NotSupported"),
    ("Forbidden", "Forbidden"),
    ("Duplicate value", "Duplicate"),
    ("Not found", "NotFound"),
    ("Too long", "TooLong"),
    ("Too many", "TooMany"),
];

#[test]
fn a_real_autoscaler_answers_as_the_cases_say() {
    let file: Value = serde_json::from_str(include_str!("../hpa/cases.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 150, "{} cases", cases.len());
    let kubectl = cluster().namespace("autoscalers");
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(fault) = compare(&kubectl, case) {
                        faults.lock().unwrap().push(format!("{}: {fault}", case["name"]));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} differences\n{}", faults.len(), faults.join("\n"));
}

fn compare(kubectl: &Kubectl, case: &Value) -> Result<(), String> {
    let expected = case.get("hpa").unwrap_or(&case["findings"]);
    let autoscaler = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "one-metric"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "my-model"},
            "metrics": [case["metric"]],
        },
    });
    // Raw: nothing between the file and the API server reads the metric.
    let path = "/apis/autoscaling/v2/namespaces/autoscalers/horizontalpodautoscalers?dryRun=All";
    let out = kubectl.call(&["create", "--raw", path, "--filename", "-"], &autoscaler.to_string());
    if expected == "unreadable" {
        let unreadable = !out.succeeded() && out.stderr.contains("(BadRequest)");
        return if unreadable { Ok(()) } else { Err(format!("it can be read: {out}")) };
    }
    let answer =
        if out.succeeded() { BTreeSet::new() } else { causes(&out.stderr).map_err(|why| format!("{why}: {out}"))? };
    let expected: BTreeSet<String> =
        expected.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if answer == expected { Ok(()) } else { Err(format!("expected {expected:?}, not {answer:?}")) }
}

/// The causes that kubectl prints, as `path type` below the metric: one after `is invalid: `, several each after a `* `.
fn causes(stderr: &str) -> Result<BTreeSet<String>, String> {
    let (_, text) = stderr.split_once(" is invalid: ").ok_or("not refused as invalid")?;
    let lines: Vec<&str> = if text.trim_start().starts_with("* ") {
        text.lines().filter_map(|line| line.strip_prefix("* ")).collect()
    } else {
        vec![text]
    };
    lines.into_iter().map(cause).collect()
}

fn cause(line: &str) -> Result<String, String> {
    let (path, rest) = line.split_once(": ").ok_or_else(|| format!("no path in {line:?}"))?;
    let below = path.strip_prefix("spec.metrics[0].").ok_or_else(|| format!("{path} is not of the metric"))?;
    let kind = TYPES.iter().find(|(words, _)| rest.starts_with(words));
    let (_, kind) = kind.ok_or_else(|| format!("no type in {rest:?}"))?;
    Ok(format!("{below} {kind}"))
}
