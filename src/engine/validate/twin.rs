//! What only one ModelDeployment can have: a model of an environment on Beamlit, and a Service, whose weights there are only
//! once.

use super::reference::grant;
use crate::engine::finding::rules::{MD003, MD004};
use crate::engine::finding::{At, Finding, Findings, Rule, quoted};
use crate::engine::parse::Node;
use crate::engine::subject::Surroundings;
use crate::engine::world::{Name, Others};

/// Judges that none of these others has the model or the Service of this spec; `at` is its place.
pub(super) fn twins(out: &mut Findings, at: &At<'_>, spec: &Node<'_>, surroundings: &Surroundings<'_>, others: Others) {
    let own = Name::new(surroundings.namespace, surroundings.name);
    let world = surroundings.world;
    let (model, environment) = (spec.text_of("model"), spec.text_of("environment"));
    if let (Some(model), Some(environment)) = (model, environment)
        && let Some(twin) = world.with_model(environment, model, &own, others)
    {
        let finding = already(
            twin,
            surroundings,
            &MD003,
            &at.field("model"),
            &format!("serves it in environment {}", quoted(environment)),
        );
        out.add(finding.value(model).related(&at.field("environment")));
    }
    let Some(service) = spec.get("serviceRef") else { return };
    // Of what is not granted nothing is told, not even that somebody has it.
    let Some(name) = service.text_of("name").filter(|_| grant::reaches(service, "Service", surroundings)) else {
        return;
    };
    let full = Name::new(service.text_of("namespace").unwrap_or(surroundings.namespace), name);
    if let Some(twin) = world.with_service(&full, &own, others) {
        let at = at.field("serviceRef");
        let finding = already(twin, surroundings, &MD004, &at.field("name"), "routes this Service");
        out.add(finding.value(name).related(&at.field("namespace")));
    }
}

/// Says that another object, which was there first, has something.
fn already(twin: &Name, surroundings: &Surroundings<'_>, rule: &'static Rule, at: &At<'_>, does: &str) -> Finding {
    let who = if twin.namespace() == surroundings.namespace {
        format!("ModelDeployment {}", quoted(twin.name()))
    } else {
        "an object in another namespace".to_owned()
    };
    // Who may write here may not read there: the whole name is for those who run the operator.
    Finding::new(rule, at, format!("{who} {does} already")).about(twin.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    /// By which an object of the namespace b may refer to a Service of this one.
    const GRANT: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: g, namespace: default}
spec:
  from: [{group: deployment.beamlit.com, kind: ModelDeployment, namespace: b}]
  to: [{group: \"\", kind: Service}]
";

    use crate::engine::configuration::Configuration;
    use crate::engine::validate::testing::{found_among, found_stored};

    fn other(namespace: &str, name: &str, model: &str, service: &str) -> String {
        format!(
            "{{apiVersion: deployment.beamlit.com/v1alpha1, kind: ModelDeployment, metadata: {{name: {name}, namespace: {namespace}}}, \
             spec: {{model: {model}, enabled: false, modelSourceRef: {{name: x}}, serviceRef: {service}}}}}\n"
        )
    }

    fn said(objects: &[String]) -> Vec<String> {
        found_among(&objects.join("---\n"), &Configuration::default(), &json!({}))
    }

    #[test]
    fn a_model_and_a_service_have_one_object() {
        let twin = other("default", "first", "my-model", "{name: my-model}");
        assert_eq!(
            said(&[twin]),
            [
                "spec.model: Duplicate value: \"my-model\": ModelDeployment \"first\" serves it in environment \"production\" already [MD003]",
                "spec.serviceRef.name: Duplicate value: \"my-model\": ModelDeployment \"first\" routes this Service already [MD004]",
            ]
        );
        for fine in [
            other("default", "first", "My-Model", "{name: other}"),
            other("b", "first", "other", "{name: my-model}"),
            // Itself, as it is stored.
            other("default", "my-model", "my-model", "{name: my-model}"),
        ] {
            assert_eq!(said(std::slice::from_ref(&fine)), [""; 0], "{fine}");
        }
        let elsewhere = json!({"environment": "development", "serviceRef": {"name": "my-model", "targetPort": 8080}});
        let twin = other("default", "first", "my-model", "{name: other}");
        assert_eq!(found_among(&twin, &Configuration::default(), &elsewhere), [""; 0]);
    }

    /// A running object keeps what it has, whoever claims the same later.
    #[test]
    fn to_the_reconciler_only_those_count_that_were_there_first() {
        let twin = |namespace: &str, name: &str, created: &str| {
            let twin = other(namespace, name, "my-model", "{name: my-model, namespace: default}");
            twin.replacen("metadata: {", &format!("metadata: {{creationTimestamp: \"{created}\", "), 1)
        };
        // The object is called my-model, and is of noon.
        for (namespace, name, created, rules) in [
            ("default", "first", "2026-01-01T11:59:59Z", vec!["[MD003]", "[MD004]"]),
            ("default", "later", "2026-01-01T12:00:01Z", vec![]),
            ("default", "a", "2026-01-01T12:00:00Z", vec!["[MD003]", "[MD004]"]),
            ("default", "z", "2026-01-01T12:00:00Z", vec![]),
            ("b", "secret", "2025-01-01T00:00:00Z", vec!["[MD003]", "[MD004]"]),
            ("b", "secret", "2027-01-01T00:00:00Z", vec![]),
        ] {
            let objects = [twin(namespace, name, created), GRANT.to_owned()].join("---\n");
            let said = found_stored(&objects, "2026-01-01T12:00:00Z");
            let found: Vec<&str> = said.iter().map(|text| &text[text.rfind('[').unwrap()..]).collect();
            assert_eq!(found, rules, "{namespace}/{name} of {created}: {said:?}");
            assert!(said.iter().all(|text| !text.contains("secret")), "{said:?}");
        }
        // Of several, one that may be named.
        let objects = [twin("b", "secret", "2025-01-01T00:00:00Z"), twin("default", "older", "2026-01-01T11:00:00Z")];
        let said = found_stored(&[objects.join("---\n"), GRANT.to_owned()].join("---\n"), "2026-01-01T12:00:00Z");
        assert!(said[0].contains("ModelDeployment \"older\""), "{said:?}");
    }

    #[test]
    fn an_object_of_another_namespace_is_not_named() {
        let twin = other("b", "secret", "my-model", "{name: my-model, namespace: default}");
        assert_eq!(
            said(&[twin.clone(), GRANT.into()]),
            [
                "spec.model: Duplicate value: \"my-model\": an object in another namespace serves it in environment \"production\" already [MD003]",
                "spec.serviceRef.name: Duplicate value: \"my-model\": an object in another namespace routes this Service already [MD004]",
            ]
        );
        // Nobody keeps a Service from its own team who was not granted it,
        let squatter = said(std::slice::from_ref(&twin));
        assert!(squatter.len() == 1 && squatter[0].ends_with("[MD003]"), "{squatter:?}");
        // and of what is not granted nothing is told.
        let theirs = other("b", "theirs", "theirs", "{name: s}");
        let reference = json!({"serviceRef": {"name": "s", "namespace": "b", "targetPort": 80}});
        let told = found_among(&theirs, &Configuration::default(), &reference);
        assert!(told.len() == 1 && told[0].ends_with("[RF003]"), "{told:?}");
        // Who has several twins is told of the one that may be named.
        let own = other("default", "z", "my-model", "{name: other}");
        assert!(said(&[twin, own])[0].contains("ModelDeployment \"z\""));
    }
}
