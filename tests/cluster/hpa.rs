//! Real HorizontalPodAutoscalers: what they say of every metric in `tests/hpa/cases.json` (the file is held to its word), whether they
//! take what the operator compiles, and how `kubectl get` shows the same metrics as ours.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use beamlit_operator::api::{MetricSpec, OffloadAutoscalerSpec};
use beamlit_operator::engine::manifest::Compiled;
use beamlit_operator::engine::units::Quantity;
use beamlit_operator::offload::Time;
use beamlit_operator::offload::evaluate::{Current, Evaluation, Hpa, Milli, Outcome, status, targets};
use beamlit_operator::offload::observation::{Follows, Sample};
use serde_json::{Value, json};

use crate::cluster;
use crate::harness::Kubectl;
use crate::manifests::{Manifest, all};

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
    each(cases, |case| compare(&kubectl, case).map_err(|fault| format!("{}: {fault}", case["name"])));
}

/// Looks at all of them, several at a time.
fn each<T: Sync>(all: &[T], look: impl Fn(&T) -> Result<(), String> + Sync) {
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(fault) = look(one) {
                        faults.lock().unwrap().push(fault);
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} differences\n{}", faults.len(), faults.join("\n"));
}

/// An autoscaler of the workload that the corpus calls by this name, which is not there.
fn autoscaler(name: &str, metrics: &Value) -> Value {
    let workload = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "my-model"});
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {"maxReplicas": 3, "scaleTargetRef": workload, "metrics": metrics},
    })
}

/// Raw: nothing between the file and the API server reads the metric.
fn create(kubectl: &Kubectl, path: &str, autoscaler: &Value) -> crate::harness::kubectl::Output {
    let path = format!("/apis/autoscaling/v2/namespaces/{path}");
    kubectl.call(&["create", "--raw", &path, "--filename", "-"], &autoscaler.to_string())
}

fn compare(kubectl: &Kubectl, case: &Value) -> Result<(), String> {
    let expected = case.get("hpa").unwrap_or(&case["findings"]);
    let autoscaler = autoscaler("one-metric", &json!([case["metric"]]));
    let out = create(kubectl, "autoscalers/horizontalpodautoscalers?dryRun=All", &autoscaler);
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

#[test]
fn what_is_compiled_is_what_a_real_autoscaler_takes_and_keeps() {
    let compiled: Vec<(String, OffloadAutoscalerSpec)> = all()
        .iter()
        .filter_map(|manifest| Some((manifest.name.clone(), autoscaler_of(manifest)?)))
        .filter(|(_, spec)| !spec.metrics.is_empty())
        .collect();
    assert!(compiled.len() >= 80, "{} objects with a metric", compiled.len());
    let numbered: Vec<_> = compiled.iter().enumerate().collect();

    let kubectl = cluster().namespace("compiled");
    each(&numbered, |(index, (name, spec))| {
        let mut autoscaler = autoscaler(&format!("compiled-{index}"), &serde_json::to_value(&spec.metrics).unwrap());
        let target = &spec.scale_target_ref;
        autoscaler["spec"]["scaleTargetRef"] =
            json!({"apiVersion": target.api_version, "kind": target.kind, "name": target.name});
        let out = create(&kubectl, "compiled/horizontalpodautoscalers", &autoscaler);
        if out.succeeded() { Ok(()) } else { Err(format!("{name}: {out}")) }
    });

    let read = kubectl.get("horizontalpodautoscalers");
    let kept: BTreeMap<&str, &Value> = read["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["metadata"]["name"].as_str().unwrap(), &item["spec"]))
        .collect();
    let shown = shown(&kubectl);
    each(&numbered, |(index, (name, spec))| {
        let autoscaler = format!("compiled-{index}");
        let kept = kept.get(autoscaler.as_str()).ok_or("it is gone")?;
        let (own, theirs) = (canonical(serde_json::to_value(&spec.metrics).unwrap()), &kept["metrics"]);
        if own != *theirs {
            return Err(format!("{name}: {own} became {theirs}"));
        }
        // kubectl goes by the average of an object whether or not it is what counts; ours by what counts.
        if spec.metrics.iter().any(has_both_targets) {
            return Ok(());
        }
        let (own, theirs) = (targets(&spec.metrics, &[]), shown.get(&autoscaler));
        if theirs == Some(&own) { Ok(()) } else { Err(format!("{name}: {own} is shown as {theirs:?}")) }
    });
}

/// What a manifest is compiled to; none if it is refused, or is something else than a ModelDeployment that offloads.
fn autoscaler_of(manifest: &Manifest) -> Option<OffloadAutoscalerSpec> {
    match manifest.check()?.compiled? {
        Compiled::ModelDeployment(plan, _) => plan.autoscaler,
        Compiled::Policy(_) => None,
    }
}

fn has_both_targets(metric: &MetricSpec) -> bool {
    let target = metric.object.as_ref().map(|source| &source.target);
    target.is_some_and(|target| target.value.is_some() && target.average_value.is_some())
}

/// The same with quantities as Kubernetes writes them, and without empty lists and an empty apiVersion, which it drops.
fn canonical(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let is_quantity = |key: &str| matches!(key, "value" | "averageValue");
            let member = |(key, value): (String, Value)| match value {
                Value::String(text) if is_quantity(&key) => (key, Quantity::canonical(&text).unwrap().into()),
                value => (key, canonical(value)),
            };
            let dropped = |key: &str, value: &Value| *value == json!([]) || (key == "apiVersion" && *value == "");
            members.into_iter().map(member).filter(|(key, value)| !dropped(key, value)).collect()
        }
        Value::Array(items) => items.into_iter().map(canonical).collect(),
        value => value,
    }
}

/// What `kubectl get` shows under TARGETS, by the names of the autoscalers.
fn shown(kubectl: &Kubectl) -> BTreeMap<String, String> {
    let table = kubectl.ok("get horizontalpodautoscalers");
    let mut lines = table.lines();
    let header = lines.next().unwrap();
    let (targets, after) = (header.find("TARGETS").unwrap(), header.find("MINPODS").unwrap());
    // Every column is as wide as its widest cell, in characters, and all of them are ASCII here.
    lines
        .map(|line| (line.split_whitespace().next().unwrap().to_owned(), line[targets..after].trim().to_owned()))
        .collect()
}

#[test]
fn metrics_are_shown_as_those_of_a_real_autoscaler() {
    let value = |quantity: &str| json!({"type": "Value", "value": quantity});
    let average = |quantity: &str| json!({"type": "AverageValue", "averageValue": quantity});
    let percent = |percent: i32| json!({"type": "Utilization", "averageUtilization": percent});
    let resource =
        |name: &str, target: Value| json!({"type": "Resource", "resource": {"name": name, "target": target}});
    let container = |target: Value| json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "main", "target": target}});
    let pods = |target: Value| json!({"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": target}});
    let object = |target: Value| {
        let described = json!({"apiVersion": "v1", "kind": "Service", "name": "model"});
        json!({"type": "Object", "object": {"describedObject": described, "metric": {"name": "rps"}, "target": target}})
    };
    let external =
        |target: Value| json!({"type": "External", "external": {"metric": {"name": "rps"}, "target": target}});

    let whole = |milli: i64| Current { value: Some(Milli(milli)), ..Current::default() };
    let mean = |milli: i64| Current { average: Some(Milli(milli)), ..Current::default() };
    let used =
        |percent: i32, milli: i64| Current { utilization: Some(percent), average: Some(Milli(milli)), value: None };
    let mib = 1_048_576_000;
    let mut cases: Vec<Vec<(Value, Current)>> = vec![
        vec![(resource("cpu", percent(90)), used(95, 950))],
        vec![(resource("cpu", percent(90)), used(i32::MAX, i64::MAX))],
        vec![(resource("cpu", average("0.5")), mean(250))],
        vec![(resource("memory", percent(80)), used(0, 0))],
        vec![(resource("memory", average("1024Mi")), mean(512 * mib))],
        vec![(resource("memory", average("1Gi")), mean(512 * mib + 500))],
        vec![(resource("memory", average("1Gi")), mean(1_023_000))],
        vec![(container(percent(70)), used(7, 70))],
        vec![(container(average("1")), mean(1500))],
        vec![(pods(average("30")), mean(1_000_000))],
        vec![(object(value("2k")), whole(1_500_000))],
        vec![(object(average("30")), mean(12_345))],
        vec![(external(value("2000")), whole(0))],
        vec![(external(average("30")), mean(29_000))],
        vec![(external(value("8Ei")), whole(i64::MAX))],
        vec![(resource("cpu", percent(90)), used(95, 950)), (pods(average("30")), mean(1))],
        vec![
            (resource("cpu", percent(90)), used(95, 950)),
            (resource("memory", average("1Gi")), mean(mib)),
            (pods(average("30")), mean(1)),
            (external(value("1")), whole(1)),
        ],
    ];
    // However a target is written.
    cases.extend(
        [
            "5",
            "100",
            "1000",
            ".5",
            "1.5",
            "1000m",
            "1500m",
            "100u",
            "1n",
            "1.5k",
            "1000k",
            "512Mi",
            "1.5Gi",
            "0.5Gi",
            "1000Ki",
            "1025Ki",
            "0.5Ki",
            "1.0001Ki",
            "1e3",
            "1E3",
            "1e4",
            "1e0",
            "1000e3",
            "1000e-3",
            "5e-4",
            "12.345",
            "1.500",
            "0.500",
            "1.000",
            "10.00",
            "0.100",
            "007",
            "+5",
            "+0.5",
            "1234567890123456.000",
            "1234567890123456789",
            "100E",
            "1.Gi",
            "+8Mi",
            "+9Mi",
            "007Ki",
            "123456Gi",
            "+123456Gi",
            "+99Ti",
            "+999Ti",
            "1234567890.123456789",
            "20Pi",
        ]
        .into_iter()
        .map(|quantity| vec![(external(value(quantity)), whole(1000))]),
    );
    let cases: Vec<_> = cases.into_iter().enumerate().collect();

    let kubectl = cluster().namespace("shown");
    let ours: Mutex<BTreeMap<String, String>> = Mutex::default();
    each(&cases, |(index, case)| {
        let name = format!("shown-{index}");
        let metrics: Vec<MetricSpec> =
            case.iter().map(|(metric, _)| serde_json::from_value(metric.clone()).unwrap()).collect();
        let evaluations: Vec<Evaluation> = case.iter().map(|(_, current)| evaluation(*current)).collect();
        let statuses: Vec<_> =
            metrics.iter().zip(&evaluations).map(|(metric, evaluation)| status(metric, evaluation)).collect();
        let created = create(&kubectl, "shown/horizontalpodautoscalers", &autoscaler(&name, &json!(metrics)));
        if !created.succeeded() {
            return Err(format!("{name}: {created}"));
        }
        // What the workload is read for: nothing, for it is not there, and so the controller leaves the metrics alone.
        let patch = json!({"status": {"currentMetrics": statuses, "desiredReplicas": 1}}).to_string();
        let patched = kubectl.call(
            &[
                "patch",
                "horizontalpodautoscaler",
                &name,
                "--subresource",
                "status",
                "--type",
                "merge",
                "--patch",
                &patch,
            ],
            "",
        );
        if !patched.succeeded() {
            return Err(format!("{name}: {patched}"));
        }
        ours.lock().unwrap().insert(name, targets(&metrics, &evaluations));
        Ok(())
    });
    assert_eq!(shown(&kubectl), ours.into_inner().unwrap());
}

fn evaluation(current: Current) -> Evaluation {
    let sample = Sample::whole(1.0, Time(0), Duration::from_secs(15));
    Evaluation {
        follows: Follows::Traffic,
        outcome: Ok(Outcome { sample, hpa: Hpa { ratio: 1.0, undecided: false }, current, pods: None }),
    }
}
