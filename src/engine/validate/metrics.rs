//! The metrics that decide when traffic leaves: everything that the API server refuses in the `metrics` of a real HPA
//! (`pkg/apis/autoscaling/validation`), by the same path and type.
//!
//! Where this differs from a real HPA on purpose is listed in `tests/hpa/cases.json`, case by case.

use super::promql;
use super::selector::selector;
use super::target::{Needs, Target, target};
use crate::engine::configuration::Configuration;
use crate::engine::finding::rules::{MD040, MD041, MD042, MD048, MD049, MD050, MD051};
use crate::engine::finding::{At, Finding, Findings, Rule, quoted};
use crate::engine::parse::Node;
use crate::engine::suggest;
use crate::engine::units::names;

/// Judges the list of metrics; `at` is its place.
pub(super) fn metrics(out: &mut Findings, at: &At<'_>, list: &Node<'_>, configuration: &Configuration) {
    for (index, node) in list.items().iter().enumerate() {
        metric(out, &at.index(index), node);
        if configuration.prometheus.is_some() {
            promql::metric(out, &at.index(index), node);
        }
    }
}

/// A kind of source: the `type` that asks for it, the field that holds it, and who judges what is in the field.
struct Source {
    type_: &'static str,
    field: &'static str,
    judge: fn(&mut Findings, &At<'_>, &Node<'_>),
}

/// Every kind, in the order of the schema.
static SOURCES: [Source; 5] = [
    Source { type_: "Resource", field: "resource", judge: resource },
    Source { type_: "ContainerResource", field: "containerResource", judge: container_resource },
    Source { type_: "Pods", field: "pods", judge: pods },
    Source { type_: "Object", field: "object", judge: object },
    Source { type_: "External", field: "external", judge: external },
];

fn metric(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    // Without a type that is known nobody can say which source belongs here.
    let Some(own) = node.text_of("type").and_then(|text| SOURCES.iter().find(|source| source.type_ == text)) else {
        return;
    };
    let present = SOURCES.iter().filter(|source| node.get(source.field).is_some()).count();
    let at_type = at.field("type");
    for source in &SOURCES {
        let at = at.field(source.field);
        match node.get(source.field) {
            None if source.field == own.field => {
                let message = "must populate information for the given metric source";
                let only = SOURCES.iter().find(|source| present == 1 && node.get(source.field).is_some());
                let hint = only.map(|only| format!("{} is set; did you mean type {}?", only.field, quoted(only.type_)));
                out.add(Finding::new(&MD040, &at, message).related(&at_type).maybe_hint(hint));
            }
            None => {}
            // As upstream: a single source of another type is judged, and the fault is that the right one is missing.
            Some(node) if source.field == own.field || present == 1 => (source.judge)(out, &at, node),
            Some(_) => {
                let message = "must populate the given metric source only";
                let hint = format!("type is {}", quoted(own.type_));
                out.add(Finding::new(&MD041, &at, message).related(&at_type).hint(hint));
            }
        }
    }
}

const OF_RESOURCE: Needs = Needs {
    fields: &[Target::AverageUtilization, Target::AverageValue],
    missed: (Target::AverageUtilization, "must set either a target raw value or a target utilization"),
    too_many: Some((Target::AverageValue, "may not set both a target raw value and a target utilization")),
};

fn resource(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    target(out, at, node, &OF_RESOURCE);
}

fn container_resource(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    if let Some(name) = text_of(node, "name")
        && let Err(message) = container_resource_name(name)
    {
        let hint = suggest::did_you_mean(name, CONTAINER_RESOURCES);
        out.add(Finding::new(&MD051, &at.field("name"), message).value(name).maybe_hint(hint));
    }
    if let Some(name) = text_of(node, "container")
        && let Err(message) = names::dns_label(name)
    {
        out.add(Finding::new(&MD050, &at.field("container"), message).value(name));
    }
    target(out, at, node, &OF_RESOURCE);
}

fn pods(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    const OF_PODS: Needs = Needs {
        fields: &[Target::AverageValue],
        missed: (Target::AverageValue, "must specify a positive target averageValue"),
        too_many: None,
    };
    identifier(out, at, node, None);
    target(out, at, node, &OF_PODS);
}

fn object(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    const OF_OBJECT: Needs = Needs {
        fields: &[Target::Value, Target::AverageValue],
        missed: (Target::AverageValue, "must set either a target value or averageValue"),
        // A real HPA takes both, and goes by the type.
        too_many: None,
    };
    if let Some(described) = node.get("describedObject") {
        let at = at.field("describedObject");
        for field in ["kind", "name"] {
            path_segment(out, &at, described, field, &MD048, None);
        }
        if let Some(version) = described.text_of("apiVersion").filter(|version| version.matches('/').count() > 1) {
            let message = "must be a version, or a group and a version with one '/' between them";
            out.add(Finding::new(&MD049, &at.field("apiVersion"), message).value(version));
        }
    }
    identifier(out, at, node, None);
    target(out, at, node, &OF_OBJECT);
}

fn external(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    const OF_EXTERNAL: Needs = Needs {
        fields: &[Target::Value, Target::AverageValue],
        missed: (Target::AverageValue, "must set either a target value for metric or a per-pod target"),
        too_many: Some((Target::Value, "may not set both a target value for metric and a per-pod target")),
    };
    // What a PromQL expression with these characters computes can be had under a name without them.
    identifier(out, at, node, Some("for a PromQL expression, name a recording rule"));
    target(out, at, node, &OF_EXTERNAL);
}

/// Judges the field `metric` of a source.
fn identifier(out: &mut Findings, at: &At<'_>, source: &Node<'_>, hint: Option<&str>) {
    if let Some(node) = source.get("metric") {
        let at = at.field("metric");
        path_segment(out, &at, node, "name", &MD042, hint);
        selector(out, &at, node);
    }
}

/// Judges a name that becomes part of a URL path.
fn path_segment(
    out: &mut Findings,
    at: &At<'_>,
    node: &Node<'_>,
    field: &str,
    rule: &'static Rule,
    hint: Option<&str>,
) {
    if let Some(text) = node.text_of(field)
        && let Err(message) = names::path_segment(text)
    {
        out.add(Finding::new(rule, &at.field(field), message).value(text).maybe_hint(hint));
    }
}

/// The text of a field that may not be empty, which the structure has reported if it is.
fn text_of<'n>(node: &'n Node<'_>, field: &str) -> Option<&'n str> {
    node.text_of(field).filter(|text| !text.is_empty())
}

/// The resources without a prefix that a container can request, huge pages of any size aside.
const CONTAINER_RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// A resource that a container can request: one of Kubernetes' own, or an extended one with a prefix.
fn container_resource_name(name: &str) -> Result<(), String> {
    names::qualified(name)?;
    if !name.contains('/') {
        return if CONTAINER_RESOURCES.contains(&name) || name.starts_with("hugepages-") {
            Ok(())
        } else {
            Err("must be a standard resource for containers".into())
        };
    }
    // Quotas put `requests.` before the name, so that it must be a name with it as well, and may not have it already.
    let extended = !name.starts_with("requests.") && names::qualified(&format!("requests.{name}")).is_ok();
    if name.contains("kubernetes.io/") || extended {
        Ok(())
    } else {
        Err("doesn't follow extended resource name standard".into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use crate::engine::validate::testing::{found, texts};

    fn found_in(metric: &Value) -> Vec<crate::engine::finding::Finding> {
        found("offloadingConfig", json!({"metrics": [metric]}))
    }

    /// The same file is held against a real API server by the cluster tests.
    #[test]
    fn every_case_that_a_real_hpa_is_asked_about() {
        let file: Value = serde_json::from_str(include_str!("../../../tests/hpa/cases.json")).unwrap();
        let cases = file["cases"].as_array().unwrap();
        let mut codes = BTreeSet::new();
        for case in cases {
            let findings = found_in(&case["metric"]);
            let mut actual: Vec<String> = findings
                .iter()
                .map(|finding| {
                    let path = finding.path.to_string();
                    let path = path.strip_prefix("spec.offloadingConfig.metrics[0].").unwrap_or(&path);
                    format!("{path} {:?}", finding.rule.kind)
                })
                .collect();
            let mut expected: Vec<String> = serde_json::from_value(case["findings"].clone()).unwrap();
            actual.sort();
            expected.sort();
            assert_eq!(actual, expected, "{}: {:#?}", case["name"], texts(&findings));
            codes.extend(findings.iter().map(|finding| finding.rule.code).filter(|code| code.starts_with("MD")));
        }
        let all: Vec<&str> = codes.into_iter().collect();
        assert_eq!(
            all.join(" "),
            "MD040 MD041 MD042 MD043 MD044 MD045 MD046 MD047 MD048 MD049 MD050 MD051 MD052 MD053 MD054 MD055",
            "every rule of metrics has a case"
        );
    }

    /// Each row: a metric, and what people read about it.
    #[test]
    fn words() {
        let resource = |target: Value| json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
        let external = |name: &str, selector: Value| json!({"type": "External", "external": {"metric": {"name": name, "selector": selector}, "target": {"value": 5}}});
        let container = |name: &str, container: &str| {
            let target = json!({"averageUtilization": 90});
            json!({"type": "ContainerResource", "containerResource": {"name": name, "container": container, "target": target}})
        };
        let object = |kind: &str, version: &str| {
            let described = json!({"kind": kind, "name": "main", "apiVersion": version});
            json!({"type": "Object", "object": {"describedObject": described, "metric": {"name": "a"}, "target": {"value": 5}}})
        };
        let pods = json!({"metric": {"name": "queue_length"}, "target": {"averageValue": 10}});
        for (metric, text) in [
            (
                json!({"type": "Resource", "pods": pods}),
                r#".resource: Required value: must populate information for the given metric source; pods is set; did you mean type "Pods"? [MD040]"#,
            ),
            (
                json!({"type": "Resource"}),
                ".resource: Required value: must populate information for the given metric source [MD040]",
            ),
            (
                json!({"type": "Pods", "pods": pods, "object": {"describedObject": {"kind": "A", "name": "a"}, "metric": {"name": "a"}, "target": {"value": 1}}}),
                r#".object: Forbidden: must populate the given metric source only; type is "Pods" [MD041]"#,
            ),
            (
                external("a/b", json!({})),
                r#".external.metric.name: Invalid value: "a/b": may not contain '/'; for a PromQL expression, name a recording rule [MD042]"#,
            ),
            (
                resource(json!({"type": "utilization", "averageUtilization": 90})),
                r#".resource.target.type: Invalid value: "utilization": must be either Utilization, Value, or AverageValue; did you mean "Utilization"? [MD043]"#,
            ),
            (
                resource(json!({"averageUtilization": 90, "value": 5})),
                ".resource.target.type: Invalid value: must be either Utilization, Value, or AverageValue; value and averageUtilization are set, so the type says which one counts [MD043]",
            ),
            (
                resource(json!({"type": "Value", "averageUtilization": 90})),
                r#".resource.target.type: Invalid value: "Value": contradicts averageUtilization, by which the metric is compared; did you mean "Utilization"? [MD044]"#,
            ),
            (
                resource(json!({"averageValue": "-5m"})),
                r#".resource.target.averageValue: Invalid value: "-5m": must be positive [MD045]"#,
            ),
            (
                resource(json!({"averageValue": -5})),
                ".resource.target.averageValue: Invalid value: -5: must be positive [MD045]",
            ),
            (
                resource(json!({"value": 5})),
                ".resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization [MD046]",
            ),
            (
                resource(json!({"averageValue": 5, "averageUtilization": 90})),
                ".resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization [MD047]",
            ),
            (object("..", "v1"), r#".object.describedObject.kind: Invalid value: "..": may not be '..' [MD048]"#),
            (
                object("Service", "a/b/c"),
                r#".object.describedObject.apiVersion: Invalid value: "a/b/c": must be a version, or a group and a version with one '/' between them [MD049]"#,
            ),
            (
                container("cpu", "a.b"),
                r#".containerResource.container: Invalid value: "a.b": must not contain dots [MD050]"#,
            ),
            (
                container("CPU", "a"),
                r#".containerResource.name: Invalid value: "CPU": must be a standard resource for containers; did you mean "cpu"? [MD051]"#,
            ),
            (
                container("requests.a.com/b", "a"),
                r#".containerResource.name: Invalid value: "requests.a.com/b": doesn't follow extended resource name standard [MD051]"#,
            ),
            (
                external("a", json!({"matchLabels": {"-": "a"}})),
                r#".external.metric.selector.matchLabels[-]: Invalid value: "-": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character [MD052]"#,
            ),
            (
                external("a", json!({"matchLabels": {"a": "-"}})),
                r#".external.metric.selector.matchLabels[a]: Invalid value: "-": must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character [MD053]"#,
            ),
            (
                external("a", json!({"matchExpressions": [{"key": "a", "operator": "In"}]})),
                ".external.metric.selector.matchExpressions[0].values: Required value: must be specified when operator is In or NotIn [MD054]",
            ),
            (
                external("a", json!({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["-"]}]})),
                ".external.metric.selector.matchExpressions[0].values: Forbidden: may not be specified when operator is Exists or DoesNotExist [MD055]",
            ),
        ] {
            assert_eq!(texts(&found_in(&metric)), [format!("spec.offloadingConfig.metrics[0]{text}")], "{metric}");
        }
    }

    /// Each row: a metric with a value of a wrong type, which is one finding and nothing derived from it.
    #[test]
    fn wrong_types_are_found_once() {
        for (metric, path) in [
            (json!("cpu"), ""),
            (json!({"type": 5, "resource": {"name": "cpu", "target": {"averageUtilization": 90}}}), ".type"),
            (json!({"type": "Resource", "resource": "cpu"}), ".resource"),
            (
                json!({"type": "Resource", "resource": {"name": 5, "target": {"averageUtilization": 90}}}),
                ".resource.name",
            ),
            (json!({"type": "Resource", "resource": {"name": "cpu", "target": 90}}), ".resource.target"),
            (
                json!({"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": "90"}}}),
                ".resource.target.averageUtilization",
            ),
            (
                json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Value", "averageUtilization": "90"}}}),
                ".resource.target.averageUtilization",
            ),
            (
                json!({"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 90, "averageValue": true}}}),
                ".resource.target.averageValue",
            ),
            (
                json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": 1, "averageUtilization": 90}}}),
                ".resource.target.type",
            ),
            (json!({"type": "External", "external": {"metric": "a", "target": {"value": 5}}}), ".external.metric"),
            (
                json!({"type": "External", "external": {"metric": {"name": "a", "selector": "b=c"}, "target": {"value": 5}}}),
                ".external.metric.selector",
            ),
            (
                json!({"type": "External", "external": {"metric": {"name": "a", "selector": {"matchLabels": ["b"]}}, "target": {"value": 5}}}),
                ".external.metric.selector.matchLabels",
            ),
            (
                json!({"type": "External", "external": {"metric": {"name": "a", "selector": {"matchLabels": {"b": 5}}}, "target": {"value": 5}}}),
                ".external.metric.selector.matchLabels[b]",
            ),
            (
                json!({"type": "External", "external": {"metric": {"name": "a", "selector": {"matchExpressions": [{"key": "b", "operator": "In", "values": "c"}]}}, "target": {"value": 5}}}),
                ".external.metric.selector.matchExpressions[0].values",
            ),
            (
                json!({"type": "External", "external": {"metric": {"name": "a", "selector": {"matchExpressions": [{"key": "b", "operator": "In", "values": [5]}]}}, "target": {"value": 5}}}),
                ".external.metric.selector.matchExpressions[0].values[0]",
            ),
        ] {
            let findings = found_in(&metric);
            let actual: Vec<(&str, String)> =
                findings.iter().map(|finding| (finding.rule.code, finding.path.to_string())).collect();
            assert_eq!(actual, [("OB001", format!("spec.offloadingConfig.metrics[0]{path}"))], "{metric}");
        }
    }

    #[test]
    fn an_exponent_with_a_fraction_passes_the_schema_and_nothing_else() {
        for (text, by_schema) in [("1e1.5", false), ("1ki", true)] {
            let findings =
                found_in(&json!({"type": "Pods", "pods": {"metric": {"name": "a"}, "target": {"averageValue": text}}}));
            let schema: Vec<bool> = findings.iter().map(|finding| finding.schema).collect();
            assert_eq!(schema, [by_schema], "{text}");
        }
    }

    #[test]
    fn findings_carry_the_places_that_they_depend_on() {
        let both = json!({"type": "Value", "averageUtilization": 90, "averageValue": 5});
        let findings = found_in(&json!({"type": "Resource", "resource": {"name": "cpu", "target": both}}));
        let related: Vec<(&str, String)> = findings
            .iter()
            .map(|finding| {
                let related: Vec<String> = finding.related.iter().map(ToString::to_string).collect();
                (finding.rule.code, related.join(" ").replace("spec.offloadingConfig.metrics[0].resource.target.", ""))
            })
            .collect();
        assert_eq!(
            related,
            [("MD044", "averageUtilization averageValue".to_owned()), ("MD047", "averageUtilization".to_owned())]
        );
    }
}
