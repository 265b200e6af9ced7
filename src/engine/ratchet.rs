//! The ratchet: a fault that the stored object had already is remarked on, and only a new one refuses an update.
//!
//! Otherwise a rule that came later, or a policy that changed, would lock people out of objects they have.

use std::collections::BTreeSet;

use super::finding::rules::{MD003, MD004, RF003, RT014, RT015};
use super::finding::{Finding, Findings, Path, Segment};
use super::parse::{Node, Value};
use super::units::HostPort;

/// Softens every error of `new` that `old` had with an equal value at its path. Items of lists are matched by value, for
/// they move; each fault of the old object excuses one of the new.
pub(super) fn soften(
    findings: &mut Findings,
    new: &Node<'_>,
    old_findings: &Findings,
    old: &Node<'_>,
    namespace: &str,
) {
    let mut excuses: Vec<Option<&Finding>> = old_findings.list().iter().map(Some).collect();
    let same_backend = sends_no_farther(new, old);
    findings.soften(|finding| {
        let excuse = excuses.iter_mut().find(|excuse| {
            excuse.is_some_and(|excuse| {
                excuse.rule == finding.rule
                    && (same_backend || !hides_the_backend(finding))
                    && same(&finding.path, new, &excuse.path, old, namespace)
                    && same_related(finding, new, excuse, old, namespace)
            })
        });
        excuse.and_then(Option::take).is_some()
    });
}

/// Whether the fault stands in the place of a judgement of the backend, which nobody can make as long as it is not known what the
/// policies allow, or is what others brought upon the object: it excuses the backend that was there, and no other.
fn hides_the_backend(finding: &Finding) -> bool {
    let below_spec = match finding.path.0.as_slice() {
        [Segment::Field(spec), Segment::Field(field), ..] if spec.as_ref() == "spec" => field.as_ref(),
        _ => return false,
    };
    matches!(below_spec, "policies" | "environment")
        || [&RF003, &MD003, &MD004, &RT014, &RT015].into_iter().any(|rule| rule.code == finding.rule.code)
}

/// Whether the new object sends traffic to where the old one did, or nowhere.
fn sends_no_farther(new: &Node<'_>, old: &Node<'_>) -> bool {
    fn backend<'n>(object: &'n Node<'_>) -> Option<Option<Option<Result<HostPort, &'n str>>>> {
        let offloading = object.find(&["spec", "offloadingConfig"])?;
        Some(offloading.get("remoteBackend").map(|backend| backend.text_of("host").map(host)))
    }
    match (backend(new), backend(old)) {
        (None, _) => true,
        (Some(new), Some(old)) => new == old,
        (Some(_), None) => false,
    }
}

/// A host in the form in which its spellings are equal; a text that is none as it stands.
fn host(text: &str) -> Result<HostPort, &str> {
    HostPort::parse(text).map_err(|_| text)
}

/// Whether a path leads to the host of the backend.
fn is_host(path: &Path) -> bool {
    matches!(path.0.last(), Some(Segment::Field(name)) if name.as_ref() == "host")
}

fn same_related(finding: &Finding, new: &Node<'_>, excuse: &Finding, old: &Node<'_>, namespace: &str) -> bool {
    finding.related.len() == excuse.related.len()
        && finding.related.iter().zip(&excuse.related).all(|(a, b)| same(a, new, b, old, namespace))
}

/// What the policies of an object are, whatever their order and however their defaults are written.
fn policies<'n>(list: Option<&'n Node<'_>>, namespace: &'n str) -> Option<BTreeSet<(bool, &'n str, &'n str)>> {
    let items = match list.map(|list| &list.value) {
        None => &[],
        Some(Value::List(items)) => items.as_slice(),
        Some(_) => return None,
    };
    let policy = |node: &'n Node<'_>| {
        let local = node.text_of("refType") == Some("localPolicy");
        let namespace = if local { node.text_of("namespace").unwrap_or(namespace) } else { "" };
        (local, namespace, node.text_of("name").unwrap_or_default())
    };
    Some(items.iter().map(policy).collect())
}

/// Whether a path leads to the policies of an object as a whole.
fn is_policies(path: &Path) -> bool {
    match path.0.as_slice() {
        [Segment::Field(spec), Segment::Field(policies)] => spec.as_ref() == "spec" && policies.as_ref() == "policies",
        _ => false,
    }
}

/// What a part of a reference means where it is left out.
fn default_of<'n>(path: &Path, namespace: &'n str) -> Option<&'n str> {
    let (reference, part) = match path.0.as_slice() {
        [_, Segment::Field(reference), Segment::Field(part)] => (reference.as_ref(), part.as_ref()),
        [_, Segment::Field(list), Segment::Index(_), Segment::Field(part)] => (list.as_ref(), part.as_ref()),
        _ => return None,
    };
    match (reference, part) {
        ("modelSourceRef" | "serviceRef" | "metricServiceRef" | "policies", "namespace") => Some(namespace),
        ("modelSourceRef", "kind") => Some("Deployment"),
        ("serviceRef" | "metricServiceRef", "kind") => Some("Service"),
        ("policies", "kind") => Some("Policy"),
        _ => None,
    }
}

/// Whether two paths lead through the same fields to equal values. Where there is no value (something required is absent)
/// the list item around it must be equal, or else the old object's item would excuse any other.
fn same(path: &Path, new: &Node<'_>, old_path: &Path, old: &Node<'_>, namespace: &str) -> bool {
    let alike = path.0.len() == old_path.0.len()
        && path.0.iter().zip(&old_path.0).all(|(a, b)| match (a, b) {
            (Segment::Index(_), Segment::Index(_)) => true,
            (a, b) => a == b,
        });
    if !alike {
        return false;
    }
    if is_policies(path)
        && let (Some(a), Some(b)) = (policies(at(new, &path.0), namespace), policies(at(old, &old_path.0), namespace))
    {
        return a == b;
    }
    let (found, old_found) = (at(new, &path.0), at(old, &old_path.0));
    if let Some(default) = default_of(path, namespace) {
        let text = |node: Option<&'_ Node<'_>>| {
            node.map_or(Some(default.to_owned()), |node| node.text().map(ToOwned::to_owned))
        };
        if let (Some(a), Some(b)) = (text(found), text(old_found)) {
            return a == b;
        }
    }
    match (found, old_found) {
        (Some(a), Some(b)) if is_host(path) && a.text().is_some() => a.text().map(host) == b.text().map(host),
        (Some(a), Some(b)) => a == b,
        (None, None) => match path.0.iter().rposition(|segment| matches!(segment, Segment::Index(_))) {
            Some(item) => {
                at(new, path.0.get(..=item).unwrap_or_default()) == at(old, old_path.0.get(..=item).unwrap_or_default())
            }
            None => true,
        },
        _ => false,
    }
}

fn at<'n, 'a>(object: &'n Node<'a>, path: &[Segment]) -> Option<&'n Node<'a>> {
    path.iter().try_fold(object, |node, segment| match segment {
        Segment::Field(name) | Segment::Key(name) => node.get(name),
        Segment::Index(index) => node.items().get(*index),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::engine::configuration::{Answer, Configuration, EnvironmentPolicy};
    use crate::engine::finding::Severity;
    use crate::engine::parse::{JsonLimits, from_json};
    use crate::engine::validate::testing::cluster;
    use crate::engine::{Kind, Surroundings, judge_update};

    /// A policy that got narrower, and an object that had the model first. Nothing is granted, and a policy is gone.
    const TODAY: &str = "\
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: eu}, spec: {type: location, locations: [{type: continent, name: eu}]}}
---
{apiVersion: deployment.beamlit.com/v1alpha1, kind: ModelDeployment, metadata: {name: first}, spec: {model: m, modelSourceRef: {name: x}, serviceRef: {name: other}}}
";

    fn spec() -> Value {
        json!({
            "model": "m",
            "modelSourceRef": {"name": "w", "namespace": "b"},
            "serviceRef": {"name": "my-model", "targetPort": 1},
            "policies": [{"refType": "localPolicy", "name": "eu"}, {"refType": "localPolicy", "name": "gone"}],
            "offloadingConfig": {"remoteBackend": {"host": "us.example.com", "scheme": "https"}},
        })
    }

    /// The codes of the errors of an update, and of what is only remarked on.
    fn codes(change: impl Fn(&mut Value)) -> (Vec<&'static str>, Vec<&'static str>) {
        let configuration = Configuration { missing_local_policy: Answer::Refuse, ..Configuration::default() };
        let world = cluster(TODAY);
        let surroundings =
            Surroundings { namespace: "default", name: "second", configuration: &configuration, world: &world };
        let mut new = spec();
        change(&mut new);
        let [new, old] = [new, spec()].map(|spec| json!({"spec": spec}).to_string());
        let read = |text| from_json(str::as_bytes(text), JsonLimits::UniqueKeys).unwrap();
        let (mut new, mut old) = (read(&new), read(&old));
        _ = crate::engine::defaults::apply(Kind::ModelDeployment, &mut new);
        let found = judge_update(Kind::ModelDeployment, &new, &mut old, &surroundings);
        let of = |severity| found.of(severity).map(|finding| finding.rule.code).collect();
        (of(Severity::Error), of(Severity::Warning))
    }

    #[test]
    fn what_others_did_to_an_object_locks_nobody_out_of_it() {
        let all = ["MD003", "RF003", "RF008", "RF006", "RT015"];
        assert_eq!(codes(|spec| spec["serverlessConfig"] = json!({"maxNumReplicas": 3})), (vec![], all.to_vec()));
    }

    #[test]
    fn a_reference_that_changes_is_judged_anew() {
        for (change, refused) in [
            (json!(["model", "m"]), vec![]),
            (json!(["environment", "production"]), vec![]),
            (json!(["modelSourceRef", {"name": "other", "namespace": "b"}]), vec!["RF003"]),
            (json!(["modelSourceRef", {"name": "w", "namespace": "c"}]), vec!["RF003"]),
            (json!(["serviceRef", {"name": "my-model", "targetPort": 2}]), vec!["RF008"]),
            (json!(["policies", [{"refType": "localPolicy", "name": "lost"}]]), vec!["RF006"]),
            // Order does not count, nor how a default is written; and one that was there already may stay.
            (
                json!(["policies", [{"refType": "localPolicy", "name": "gone"}, {"refType": "localPolicy", "name": "eu"}]]),
                vec![],
            ),
            (json!(["policies", [{"refType": "localPolicy", "name": "gone"}]]), vec![]),
            (json!(["policies", [{"refType": "localPolicy", "name": "eu"}]]), vec!["RT015"]),
            // What a default is may be written out.
            (
                json!(["policies", [{"refType": "localPolicy", "name": "gone", "namespace": "default", "kind": "Policy",
                    "apiVersion": "authorization.beamlit.com/v1alpha1"}, {"refType": "localPolicy", "name": "eu"}]]),
                vec![],
            ),
            (
                json!(["modelSourceRef", {"name": "w", "namespace": "b", "kind": "Deployment", "apiVersion": "apps/v1"}]),
                vec![],
            ),
            (
                json!(["serviceRef", {"name": "my-model", "namespace": "default", "kind": "Service", "targetPort": 1}]),
                vec![],
            ),
            // Nothing excuses another backend, and nobody is kept from sending less far.
            (json!(["offloadingConfig", {"remoteBackend": {"host": "US.example.com.", "scheme": "http"}}]), vec![]),
            (json!(["offloadingConfig", null]), vec![]),
            (
                json!(["offloadingConfig", {"remoteBackend": {"host": "other.example.com", "scheme": "https"}}]),
                vec!["MD003", "RF003", "RF006", "RT015"],
            ),
            (json!(["offloadingConfig", {"metrics": []}]), vec!["MD003", "RF003", "RF006"]),
        ] {
            let (errors, _) = codes(|spec| spec[change[0].as_str().unwrap()] = change[1].clone());
            assert_eq!(errors, refused, "{change}");
        }
    }

    #[test]
    fn a_reference_at_fault_that_hides_what_is_allowed_excuses_no_new_backend() {
        let world = cluster(TODAY);
        let configuration = Configuration::default();
        let surroundings =
            Surroundings { namespace: "default", name: "third", configuration: &configuration, world: &world };
        let codes = |host: &str, policy: &Value| -> Vec<&'static str> {
            let object = |host: &str| {
                json!({"spec": {"model": "third", "modelSourceRef": {"name": "my-model"}, "policies": [policy],
                    "serviceRef": {"name": "my-model", "targetPort": 8080},
                    "offloadingConfig": {"remoteBackend": {"host": host, "scheme": "https"}}}})
                .to_string()
            };
            let (new, old) = (object(host), object("us.example.com"));
            let read = |text| from_json(str::as_bytes(text), JsonLimits::UniqueKeys).unwrap();
            let (mut new, mut old) = (read(&new), read(&old));
            _ = crate::engine::defaults::apply(Kind::ModelDeployment, &mut new);
            let found = judge_update(Kind::ModelDeployment, &new, &mut old, &surroundings);
            found.of(Severity::Error).map(|finding| finding.rule.code).collect()
        };
        for (policy, code) in [
            (json!({"refType": "localPolicy", "name": "eu", "kind": "policy"}), "RF004"),
            (json!({"refType": "localPolicy", "name": "E_U"}), "RF001"),
            (json!({"refType": "localPolicy", "name": "eu", "namespace": "B"}), "RF002"),
            (json!({"refType": "local", "name": "eu"}), "OB003"),
        ] {
            assert_eq!(codes("us.example.com", &policy), [""; 0], "{policy}");
            assert_eq!(codes("us2.example.com", &policy), [code], "{policy}");
        }
    }

    #[test]
    fn a_guarded_host_does_not_hide_that_the_policies_forbid_it_too() {
        let world = cluster(&format!("{TODAY}---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: shop}}}}\n"));
        let configuration = Configuration::default();
        let surroundings =
            Surroundings { namespace: "default", name: "third", configuration: &configuration, world: &world };
        let object = |policies: &Value| {
            json!({"spec": {"model": "third", "modelSourceRef": {"name": "my-model"}, "policies": policies,
                "serviceRef": {"name": "my-model", "targetPort": 8080},
                "offloadingConfig": {"remoteBackend": {"host": "models.shop", "scheme": "https"}}}})
            .to_string()
        };
        let eu = json!([{"refType": "localPolicy", "name": "eu"}]);
        let (new, old) = (object(&eu), object(&json!([])));
        let read = |text| from_json(str::as_bytes(text), JsonLimits::UniqueKeys).unwrap();
        let (mut new, mut old) = (read(&new), read(&old));
        _ = crate::engine::defaults::apply(Kind::ModelDeployment, &mut new);
        let codes = |found: &crate::engine::finding::Findings, severity| -> Vec<&'static str> {
            found.of(severity).map(|finding| finding.rule.code).collect()
        };
        let found = judge_update(Kind::ModelDeployment, &new, &mut old, &surroundings);
        assert_eq!((codes(&found, Severity::Error), codes(&found, Severity::Warning)), (vec!["RT015"], vec!["RT002"]));
        // Where the guard refuses it by itself, that is the one fault.
        let found = crate::engine::judge(Kind::ModelDeployment, &new, &surroundings, crate::engine::Reading::Review);
        assert_eq!(codes(&found, Severity::Error), ["RT002"]);
    }

    /// The codes of the errors of a change of the policies, by a configuration under which they contradict each other, or the
    /// default backend lies outside.
    fn codes_of_policies(configuration: &Configuration, old: &Value, new: &Value) -> Vec<&'static str> {
        let platform = "\
---
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: us, namespace: platform}, spec: {type: location, locations: [{type: country, name: us}]}}
---
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: fr}, spec: {type: location, locations: [{type: country, name: fr}]}}
";
        let world = cluster(&format!("{TODAY}{platform}"));
        let surroundings = Surroundings { namespace: "default", name: "third", configuration, world: &world };
        let object = |policies: &Value| {
            json!({"spec": {"model": "third", "modelSourceRef": {"name": "my-model"}, "policies": policies,
                "serviceRef": {"name": "my-model", "targetPort": 8080}, "offloadingConfig": {"metrics": []}}})
            .to_string()
        };
        let (new, old) = (object(new), object(old));
        let read = |text| from_json(str::as_bytes(text), JsonLimits::UniqueKeys).unwrap();
        let (mut new, mut old) = (read(&new), read(&old));
        _ = crate::engine::defaults::apply(Kind::ModelDeployment, &mut new);
        let found = judge_update(Kind::ModelDeployment, &new, &mut old, &surroundings);
        found.of(Severity::Error).map(|finding| finding.rule.code).collect()
    }

    #[test]
    fn policies_that_stay_the_same_stay_excused_in_any_order() {
        let us = EnvironmentPolicy::Local { namespace: "platform".into(), name: "us".into() };
        let contradicting = Configuration { production: vec![us], ..Configuration::default() };
        let backend = serde_json::from_value(json!({"host": "nobody.knows.example", "scheme": "https"})).unwrap();
        let outside = Configuration { default_remote_backend: Some(backend), ..Configuration::default() };
        let local = |name: &str| json!({"refType": "localPolicy", "name": name});
        let (ab, ba) = (
            json!([local("eu"), local("fr"), {"name": "q"}]),
            json!([{"name": "q", "refType": "remotePolicy"}, local("fr"), local("eu")]),
        );
        let known = json!([local("eu"), local("fr")]);
        for (configuration, code) in [(&contradicting, "PL010"), (&outside, "RT015")] {
            assert_eq!(codes_of_policies(configuration, &json!([]), &known), [code]);
            assert_eq!(codes_of_policies(configuration, &known, &json!([local("fr"), local("eu")])), [""; 0], "{code}");
            assert_eq!(codes_of_policies(configuration, &known, &json!([local("eu")])), [code]);
            assert_eq!(codes_of_policies(configuration, &ab, &ba), [""; 0]);
        }
    }
}
