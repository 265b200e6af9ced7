//! References into other namespaces: whether the other namespace grants them.
//!
//! The operator may read and route Services everywhere. If a reference could cross namespaces freely, anyone could send another
//! team's traffic to a host of their own.

use crate::api::{AUTHORIZATION_GROUP, DEPLOYMENT_GROUP};
use crate::engine::configuration::Answer;
use crate::engine::finding::rules::RF003;
use crate::engine::finding::{At, Finding, Findings, Severity, quoted};
use crate::engine::parse::Node;
use crate::engine::subject::{Reading, Surroundings};
use crate::engine::units::names;
use crate::engine::world::{Lookup, Name};

/// Whether a reference reaches its object: it stays in its own namespace, or somebody granted it.
pub(in crate::engine) fn reaches(node: &Node<'_>, kind: &str, surroundings: &Surroundings<'_>) -> bool {
    matches!(look(node, kind, surroundings), Lookup::Found(()))
}

/// The full name of what a sound reference reaches; none if it is at fault, or nobody granted it.
pub(in crate::engine) fn reached(
    node: &Node<'_>,
    kind: &str,
    form: fn(&str) -> Result<(), String>,
    surroundings: &Surroundings<'_>,
) -> Option<Name> {
    let name = node.text_of("name").filter(|name| form(name).is_ok())?;
    let namespace = match node.get("namespace") {
        Some(namespace) => namespace.text().filter(|namespace| names::dns_label(namespace).is_ok())?,
        None => surroundings.namespace,
    };
    reaches(node, kind, surroundings).then(|| Name::new(namespace, name))
}

fn look(node: &Node<'_>, kind: &str, surroundings: &Surroundings<'_>) -> Lookup<()> {
    let Some(namespace) = elsewhere(node, surroundings) else { return Lookup::Found(()) };
    let to = Name::new(namespace, node.text_of("name").unwrap_or_default());
    surroundings.world.granted(surroundings.namespace, group(kind), kind, &to)
}

/// The namespace that is named, if it is another one.
pub(in crate::engine) fn elsewhere<'n>(node: &'n Node<'_>, surroundings: &Surroundings<'_>) -> Option<&'n str> {
    node.text_of("namespace").filter(|text| !text.is_empty() && *text != surroundings.namespace)
}

/// Judges a reference into another namespace; `kind` in words if it is none.
pub(super) fn granted(
    out: &mut Findings,
    at: &At<'_>,
    node: &Node<'_>,
    kind: &str,
    surroundings: &Surroundings<'_>,
    reading: Reading,
) {
    let Some(namespace) = elsewhere(node, surroundings) else { return };
    let found = look(node, kind, surroundings);
    if found == Lookup::Found(()) {
        return;
    }
    let (own, there) = (quoted(surroundings.namespace), quoted(namespace));
    let message = format!("namespace {there} does not grant ModelDeployments of namespace {own} the use of its {kind}");
    let (message, hint) = match found {
        Lookup::Unknown => (format!("{message}: ReferenceGrants cannot be looked up here"), None),
        _ => (message, Some(remedy(namespace, kind, node.text_of("name"), surroundings))),
    };
    let mut finding = Finding::new(&RF003, &at.field("namespace"), message).value(namespace).maybe_hint(hint);
    finding = finding.related(&at.field("name")).related(&at.field("kind"));
    // In files the grant can stand beside the object: there a missing one is a fault.
    if reading != Reading::File && surroundings.configuration.missing_grant == Answer::Warn {
        finding.severity = Severity::Warning;
    }
    out.add(finding);
}

/// The grant that is missing.
fn remedy(namespace: &str, kind: &str, name: Option<&str>, surroundings: &Surroundings<'_>) -> String {
    let name =
        name.filter(|name| !name.is_empty()).map_or_else(String::new, |name| format!(", name: {}", quoted(name)));
    format!(
        "a ReferenceGrant in namespace {} with from: [{{group: {DEPLOYMENT_GROUP}, kind: ModelDeployment, namespace: {}}}] and \
         to: [{{group: {}, kind: {kind}{name}}}] grants it",
        quoted(namespace),
        quoted(surroundings.namespace),
        quoted(group(kind)),
    )
}

fn group(kind: &str) -> &'static str {
    match kind {
        "Service" => "",
        "Policy" => AUTHORIZATION_GROUP,
        _ => "apps",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::engine::configuration::Configuration;
    use crate::engine::finding::Severity;
    use crate::engine::validate::testing::{cluster, found_among};

    use super::*;

    const OTHER: &str = "\
{apiVersion: v1, kind: Service, metadata: {name: s, namespace: b}, spec: {ports: [{port: 80}]}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: w, namespace: b}}
---
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: p, namespace: b}, spec: {type: location, locations: [{type: country, name: us}]}}
";

    const GRANT: &str = "\
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: models, namespace: b}
spec:
  from: [{group: deployment.beamlit.com, kind: ModelDeployment, namespace: default}]
  to:
  - {group: \"\", kind: Service, name: s}
  - {group: apps, kind: StatefulSet}
  - {group: authorization.beamlit.com, kind: Policy}
";

    fn spec() -> Value {
        json!({
            "modelSourceRef": {"kind": "StatefulSet", "name": "w", "namespace": "b"},
            "serviceRef": {"name": "s", "namespace": "b", "targetPort": 80},
            "policies": [{"refType": "localPolicy", "name": "p", "namespace": "b"}],
        })
    }

    #[test]
    fn a_reference_into_another_namespace_needs_its_grant_and_is_told_which() {
        let plain = Configuration::default();
        let told = |kind: &str, group: &str, name: &str| {
            format!(
                "Forbidden: \"b\": namespace \"b\" does not grant ModelDeployments of namespace \"default\" the use of its {kind}; \
                 a ReferenceGrant in namespace \"b\" with from: [{{group: deployment.beamlit.com, kind: ModelDeployment, namespace: \"default\"}}] \
                 and to: [{{group: \"{group}\", kind: {kind}, name: \"{name}\"}}] grants it [RF003]"
            )
        };
        assert_eq!(
            found_among(OTHER, &plain, &spec()),
            [
                format!("spec.modelSourceRef.namespace: {}", told("StatefulSet", "apps", "w")),
                format!("spec.serviceRef.namespace: {}", told("Service", "", "s")),
                format!("spec.policies[0].namespace: {}", told("Policy", "authorization.beamlit.com", "p")),
            ]
        );
        assert_eq!(found_among(&format!("{OTHER}{GRANT}"), &plain, &spec()), [""; 0]);
        // What is granted is looked up like everything else; what is not tells nobody whether it is there.
        let mut spec = spec();
        spec["serviceRef"]["targetPort"] = json!(81);
        let granted = found_among(&format!("{OTHER}{GRANT}"), &plain, &spec);
        assert!(granted.len() == 1 && granted[0].ends_with("[RF008]"), "{granted:?}");
        assert_eq!(found_among(OTHER, &plain, &spec).len(), 3);
        spec["serviceRef"]["name"] = json!("other");
        let other = found_among(&format!("{OTHER}{GRANT}"), &plain, &spec);
        assert!(other.len() == 1 && other[0].contains("name: \"other\""), "{other:?}");
    }

    #[test]
    fn configuration_turns_it_into_a_warning_for_the_webhook_and_not_in_files() {
        let configuration = Configuration { missing_grant: Answer::Warn, ..Configuration::default() };
        let world = cluster(OTHER);
        let surroundings =
            Surroundings { namespace: "default", name: "m", configuration: &configuration, world: &world };
        let bytes = json!({"name": "s", "namespace": "b"}).to_string();
        let node =
            crate::engine::parse::from_json(bytes.as_bytes(), crate::engine::parse::JsonLimits::UniqueKeys).unwrap();
        for (reading, severity) in [(Reading::Review, Severity::Warning), (Reading::File, Severity::Error)] {
            let mut out = Findings::default();
            granted(&mut out, &At::root(), &node, "Service", &surroundings, reading);
            assert_eq!(out.list().iter().map(|finding| finding.severity).collect::<Vec<_>>(), [severity]);
        }
        assert!(!reaches(&node, "Service", &surroundings));
    }
}
