//! A HorizontalPodAutoscaler beside the offload: both would act on the same metric, and one of them changes it for the other.

use super::reference::grant;
use crate::engine::finding::rules::MD031;
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::{Node, Value};
use crate::engine::policy::listed;
use crate::engine::subject::Surroundings;
use crate::engine::units::names;
use crate::engine::world::{Metric, Workload};

/// Judges that no autoscaler of the workload scales on a metric by which `Step` sends traffic away; `at` is the place of the spec. The
/// first that does is named.
pub(super) fn autoscalers(out: &mut Findings, at: &At<'_>, spec: &Node<'_>, surroundings: &Surroundings<'_>) {
    let Some(offloading) = spec.get("offloadingConfig").filter(|offloading| steps(spec, offloading)) else { return };
    let own: Vec<Metric> =
        offloading.get("metrics").map(Node::items).unwrap_or_default().iter().filter_map(Metric::of).collect();
    let Some(source) = spec.get("modelSourceRef").filter(|_| !own.is_empty()) else { return };
    let Some(kind) = Workload::of(source.text_of("kind").unwrap_or("Deployment")) else { return };
    // Of what is not granted nothing is told.
    let Some(workload) = grant::reached(source, kind.name(), names::dns_subdomain, surroundings) else { return };
    let elsewhere = workload.namespace() != surroundings.namespace;
    let counts = |metric: &&Metric| own.contains(metric) && !(elsewhere && metric.is_of_its_namespace());
    for (name, autoscaler) in surroundings.world.autoscalers_of(kind, &workload) {
        let shared: Vec<&Metric> = autoscaler.metrics().iter().filter(counts).collect();
        if shared.is_empty() {
            continue;
        }
        let effect = if shared.iter().any(|metric| metric.follows_traffic()) {
            "Step takes away the load that it scales on, so that traffic stays remote and replicas go"
        } else {
            "Step sends all of percentage away before it has scaled"
        };
        let message =
            format!("HorizontalPodAutoscaler {} scales on {} too: {effect}", quoted(name.name()), listed(shared));
        let (at, source_at) = (at.field("offloadingConfig"), at.field("modelSourceRef"));
        let strategy = offloading.find(&["behavior", "strategy"]).and_then(Node::text);
        let finding = Finding::new(&MD031, &at.field("behavior").field("strategy"), message).maybe_value(strategy);
        out.add(finding.hint("write Proportional").related(&at.field("metrics")).related(&source_at.field("name")));
        return;
    }
}

/// Whether the object sends traffic away, and all of it at once.
fn steps(spec: &Node<'_>, offloading: &Node<'_>) -> bool {
    let enabled = !matches!(spec.get("enabled"), Some(Node { value: Value::Bool(false), .. }));
    let ever = offloading.find(&["behavior", "percentage"]).and_then(Node::integer) != Some(0);
    let strategy = offloading.find(&["behavior", "strategy"]);
    enabled && ever && strategy.is_none_or(|strategy| strategy.text() == Some("Step"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::engine::configuration::Configuration;
    use crate::engine::validate::testing::found_among;

    /// An autoscaler of the workload on this metric, which stands in the namespace "default" unless it names one.
    fn autoscaler(metadata: &str, metrics: &Value) -> String {
        let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "my-model"});
        let spec = json!({"scaleTargetRef": target, "maxReplicas": 9, "metrics": metrics});
        format!(
            "---\n{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {metadata}, spec: {spec}}}\n"
        )
    }

    fn cpu(target: u32) -> Value {
        json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}})
    }

    fn external(queue: &str) -> Value {
        json!({"type": "External", "external": {"metric": {"name": "queue", "selector": {"matchLabels": {"queue": queue}}},
            "target": {"type": "Value", "value": 10}}})
    }

    fn said(objects: &str, offloading: &Value) -> Vec<String> {
        found_among(objects, &Configuration::default(), &json!({"offloadingConfig": offloading}))
    }

    #[test]
    fn step_beside_an_autoscaler_on_the_same_metric_is_warned_about() {
        let beside = autoscaler("{name: hpa}", &json!([cpu(70)]));
        let warning = "HorizontalPodAutoscaler \"hpa\" scales on cpu too: Step takes away the load that it scales on, so that traffic \
                       stays remote and replicas go; write Proportional [MD031]";
        let at = "spec.offloadingConfig.behavior.strategy: Invalid value";
        assert_eq!(said(&beside, &json!({"metrics": [cpu(90)]})), [format!("{at}: {warning}")]);
        let step = json!({"metrics": [cpu(90)], "behavior": {"percentage": 50, "strategy": "Step"}});
        assert_eq!(said(&beside, &step), [format!("{at}: \"Step\": {warning}")]);
        // An autoscaler without metrics scales on cpu, and a container's cpu is the pods'.
        let container = json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "app",
            "target": {"type": "Utilization", "averageUtilization": 90}}});
        let unsaid = autoscaler("{name: hpa}", &json!([]));
        assert_eq!(said(&unsaid, &json!({"metrics": [container]})), [format!("{at}: {warning}")]);
        // The whole of it stays within what a warning can have (256 characters).
        assert!(format!("{at}: \"Step\": {warning}").chars().count() <= 256);
    }

    #[test]
    fn what_offloading_does_not_change_is_warned_about_in_other_words() {
        let beside = autoscaler("{name: hpa}", &json!([external("one"), cpu(70)]));
        assert_eq!(
            said(&beside, &json!({"metrics": [external("one")]})),
            [
                "spec.offloadingConfig.behavior.strategy: Invalid value: HorizontalPodAutoscaler \"hpa\" scales on external \"queue\" too: Step sends all of percentage away before it has scaled; write Proportional [MD031]"
            ]
        );
        let both = said(&beside, &json!({"metrics": [external("one"), cpu(90)]}));
        assert!(both[0].contains("scales on external \"queue\", cpu too: Step takes away the load"), "{both:?}");
    }

    #[test]
    fn nothing_is_said_where_nothing_is_wrong() {
        let beside = autoscaler("{name: hpa}", &json!([cpu(70), external("one")]));
        for offloading in [
            json!({"metrics": [cpu(90)], "behavior": {"percentage": 50, "strategy": "Proportional"}}),
            json!({"metrics": [cpu(90)], "behavior": {"percentage": 0}}),
            json!({"metrics": []}),
            json!({"metrics": [external("two")]}),
        ] {
            assert_eq!(said(&beside, &offloading), [""; 0], "{offloading}");
        }
        assert_eq!(found_among(&beside, &Configuration::default(), &json!({})), [""; 0]);
        let disabled = json!({"enabled": false, "offloadingConfig": {"metrics": [cpu(90)]}});
        assert_eq!(found_among(&beside, &Configuration::default(), &disabled), [""; 0]);
        // Another workload, and one of that name in another namespace.
        let other = autoscaler("{name: hpa}", &json!([cpu(70)])).replace("my-model", "other");
        let elsewhere = autoscaler("{name: hpa, namespace: b}", &json!([cpu(70)]));
        assert_eq!(said(&format!("{other}{elsewhere}"), &json!({"metrics": [cpu(90)]})), [""; 0]);
        // A strategy that is none is a fault of its own.
        let odd = said(&beside, &json!({"metrics": [cpu(90)], "behavior": {"percentage": 50, "strategy": "step"}}));
        assert!(odd.len() == 1 && odd[0].contains("OB003"), "{odd:?}");
    }

    #[test]
    fn an_autoscaler_of_another_namespace_is_told_of_by_grant_alone() {
        let beside = autoscaler("{name: secret, namespace: b}", &json!([cpu(70), external("one")]));
        let workload = "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: my-model, namespace: b}}\n";
        let grant = "\
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: g, namespace: b}
spec:
  from: [{group: deployment.beamlit.com, kind: ModelDeployment, namespace: default}]
  to: [{group: apps, kind: Deployment}]
";
        let said = |objects: &str, metric: Value| {
            let spec = json!({"modelSourceRef": {"name": "my-model", "namespace": "b"}, "offloadingConfig": {"metrics": [metric]}});
            found_among(objects, &Configuration::default(), &spec)
        };
        let told = said(&format!("{beside}{workload}"), cpu(90));
        assert!(told.len() == 1 && told[0].ends_with("[RF003]") && !told[0].contains("secret"), "{told:?}");
        let granted = format!("{beside}{workload}{grant}");
        let told = said(&granted, cpu(90));
        assert!(told.len() == 1 && told[0].contains("\"secret\"") && told[0].ends_with("[MD031]"), "{told:?}");
        // Such a metric is read in the namespace of who names it: it is another one.
        assert_eq!(said(&granted, external("one")), [""; 0]);
    }
}
