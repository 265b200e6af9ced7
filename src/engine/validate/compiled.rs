//! An OffloadAutoscaler that somebody wrote: it is what a ModelDeployment is compiled to, and not for people to write.

use crate::api::DEPLOYMENT_GROUP;
use crate::engine::finding::rules::OB018;
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::Node;

/// Says what to write instead; `at` is the place of the spec.
pub(super) fn by_hand(out: &mut Findings, at: &At<'_>, object: &Node<'_>) {
    let owner = owner(object).map(|name| format!("ModelDeployment {}", quoted(name)));
    let (from, hint) = match &owner {
        Some(owner) => (owner.as_str(), "change that instead"),
        None => ("a ModelDeployment", "write a ModelDeployment instead"),
    };
    let message =
        format!("an OffloadAutoscaler is compiled from {from} by the operator, which overwrites what others write");
    out.add(Finding::new(&OB018, at, message).hint(hint));
}

/// The ModelDeployment that owns the object.
fn owner<'n>(object: &'n Node<'_>) -> Option<&'n str> {
    let owners = object.find(&["metadata", "ownerReferences"]).map(Node::items).unwrap_or_default();
    let ours = |owner: &&Node<'_>| {
        let group = owner.text_of("apiVersion").and_then(|version| version.split_once('/')).map(|(group, _)| group);
        group == Some(DEPLOYMENT_GROUP) && owner.text_of("kind") == Some("ModelDeployment")
    };
    owners.iter().find(ours)?.text_of("name").filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::engine::finding::Severity;
    use crate::engine::parse::{JsonLimits, from_json};
    use crate::engine::validate::testing::texts;
    use crate::engine::{Kind, Reading, Surroundings, judge, judge_deletion, judge_update};

    /// What the operator would write.
    fn compiled() -> Value {
        let rules = json!({"stabilizationWindowSeconds": 0, "tolerance": "0", "selectPolicy": "Max",
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]});
        json!({
            "apiVersion": "deployment.beamlit.com/v1alpha1",
            "kind": "OffloadAutoscaler",
            "metadata": {"name": "my-model", "namespace": "default"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "default", "name": "my-model"},
                "minRemoteWeight": 0,
                "maxRemoteWeight": 50,
                "metrics": [],
                "behavior": {
                    "strategy": "Step", "scaleUp": rules, "scaleDown": rules,
                    "probe": {"afterSeconds": 600, "maxAfterSeconds": 3600, "idlePercent": 25},
                    "failover": {"recoverySeconds": 30},
                },
                "route": {
                    "service": {"namespace": "default", "name": "my-model", "port": 80},
                    "remote": {"scheme": "https", "host": "run.beamlit.com", "pathPrefix": "/w/models/m", "query": "environment=production", "headers": []},
                },
            },
        })
    }

    fn said(object: &Value) -> Vec<String> {
        let text = object.to_string();
        let node = from_json(text.as_bytes(), JsonLimits::UniqueKeys).unwrap();
        let found = judge(Kind::OffloadAutoscaler, &node, &Surroundings::alone("default"), Reading::Review);
        texts(found.list())
    }

    const WARNING: &str = "spec: Forbidden: an OffloadAutoscaler is compiled from a ModelDeployment by the operator, which overwrites \
                           what others write; write a ModelDeployment instead [OB018]";

    #[test]
    fn whoever_writes_one_is_told_what_to_write_instead() {
        assert_eq!(said(&compiled()), [WARNING]);
        let owned = |owners: &Value| {
            let mut object = compiled();
            object["metadata"]["ownerReferences"] = owners.clone();
            said(&object)
        };
        let of = |version: &str, kind: &str, name: &str| json!({"apiVersion": version, "kind": kind, "name": name, "uid": "u"});
        let model = of("deployment.beamlit.com/v1alpha1", "ModelDeployment", "theirs");
        assert_eq!(
            owned(&json!([of("apps/v1", "Deployment", "other"), model])),
            [
                "spec: Forbidden: an OffloadAutoscaler is compiled from ModelDeployment \"theirs\" by the operator, which overwrites what others write; change that instead [OB018]"
            ]
        );
        for nobody in [json!([]), json!(null), json!(7), json!([7]), json!([of("apps/v1", "ModelDeployment", "x")])] {
            assert_eq!(owned(&nobody), [WARNING], "{nobody}");
        }
    }

    #[test]
    fn its_structure_is_judged_as_the_schema_says() {
        let mut object = compiled();
        object["spec"]["minRemoteWeight"] = json!(1);
        object["spec"]["maxRemoteWeight"] = json!("50");
        object["spec"]["behavior"]["scaleUp"]["policies"] = json!([]);
        object["spec"]["behavior"]["strategy"] = json!("step");
        object["spec"]["route"]["remote"].as_object_mut().unwrap().remove("query");
        object["spec"]["metrics"] =
            json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 0}}}]);
        assert_eq!(
            said(&object),
            [
                WARNING,
                "spec.minRemoteWeight: Invalid value: 1: must be 0 [OB004]",
                "spec.maxRemoteWeight: Invalid value: must be an integer, not a string; write it without quotes [OB001]",
                "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be 1 or more, and no more than 2147483647 [OB004]",
                "spec.behavior.strategy: Unsupported value: \"step\": supported values: \"Step\", \"Proportional\"; did you mean \"Step\"? [OB003]",
                "spec.behavior.scaleUp.policies: Required value: must have at least 1 item [OB002]",
                "spec.route.remote.query: Required value [OB002]",
            ]
        );
        object.as_object_mut().unwrap().remove("spec");
        assert_eq!(said(&object), [WARNING, "spec: Required value [OB002]"]);
    }

    #[test]
    fn an_old_fault_is_softened_and_a_deletion_says_nothing() {
        let mut old = compiled();
        old["spec"]["maxRemoteWeight"] = json!(200);
        let mut new = old.clone();
        new["spec"]["behavior"]["probe"]["idlePercent"] = json!(20);
        let (new, old) = (new.to_string(), old.to_string());
        let read = |text| from_json(str::as_bytes(text), JsonLimits::UniqueKeys).unwrap();
        let (new, mut old) = (read(&new), read(&old));
        let surroundings = Surroundings::alone("default");
        let found = judge_update(Kind::OffloadAutoscaler, &new, &mut old, &surroundings);
        let told: Vec<_> = found.list().iter().map(|finding| (finding.rule.code, finding.severity)).collect();
        assert_eq!(told, [("OB018", Severity::Warning), ("OB004", Severity::Warning)]);
        assert!(judge_deletion(Kind::OffloadAutoscaler, &surroundings).is_empty());
    }
}
