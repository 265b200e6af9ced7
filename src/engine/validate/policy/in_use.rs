//! Policies that somebody relies on: whom it affects when one allows less, or goes.

use crate::engine::finding::rules::{PL013, PL014};
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::Node;
use crate::engine::policy::{Options, Places, listed};
use crate::engine::subject::Surroundings;
use crate::engine::world::Name;

/// Reports that a Policy, of which `old` is what stands, no longer allows all that it did, if somebody relies on it.
pub(in crate::engine) fn narrowed(
    out: &mut Findings,
    object: &Node<'_>,
    old: &Node<'_>,
    surroundings: &Surroundings<'_>,
) {
    let options = |object: &Node<'_>| object.get("spec").and_then(Options::of);
    let (Some(new), Some(old)) = (options(object), options(old)) else { return };
    let Some((list, lost)) = lost(&new, &old, surroundings) else { return };
    let Some(users) = users(surroundings) else { return };
    let root = At::root();
    let spec = root.field("spec");
    out.add(Finding::new(&PL013, &spec.field(list), format!("{users}, and it no longer allows {lost}")));
}

/// Reports that somebody relies on a Policy that goes.
pub(in crate::engine) fn deleted(surroundings: &Surroundings<'_>) -> Findings {
    let mut out = Findings::default();
    if let Some(users) = users(surroundings) {
        let root = At::root();
        let at = root.field("metadata");
        let message = format!("{users}, and without it no traffic is sent away");
        out.add(Finding::new(&PL014, &at.field("name"), message).value(surroundings.name));
    }
    out
}

/// What was allowed and is no more, and the field that says so.
fn lost(new: &Options, old: &Options, surroundings: &Surroundings<'_>) -> Option<(&'static str, String)> {
    let atlas = &surroundings.configuration.atlas;
    match (new, old) {
        (Options::Location(new), Options::Location(old)) => {
            let new = Places::new(new.iter().cloned(), atlas);
            let mut lost = old.iter().filter(|place| !new.contains(&atlas.site(place))).peekable();
            lost.peek().is_some().then(|| ("locations", listed(lost)))
        }
        (Options::Flavor(new), Options::Flavor(old)) => {
            let mut lost = old.iter().filter(|flavor| !new.contains(flavor)).peekable();
            lost.peek().is_some().then(|| ("flavors", listed(lost)))
        }
        // It limits something else from now on, and that was not limited by it before.
        (Options::Location(places), Options::Flavor(_)) => {
            Some(("type", format!("other places than {}", listed(places))))
        }
        (Options::Flavor(flavors), Options::Location(_)) => {
            Some(("type", format!("other hardware than {}", listed(flavors.iter()))))
        }
    }
}

/// Who relies on the policy: by name only who lives in its own namespace. None if nobody does.
fn users(surroundings: &Surroundings<'_>) -> Option<String> {
    let policy = Name::new(surroundings.namespace, surroundings.name);
    let (mut here, mut elsewhere) = (Vec::new(), false);
    for user in surroundings.world.with_policy(&policy) {
        if user.namespace() == surroundings.namespace { here.push(user.name()) } else { elsewhere = true }
    }
    here.sort_unstable();
    let mut parts = Vec::new();
    match here.as_slice() {
        [] => {}
        [one] => parts.push(format!("ModelDeployment {} names it", quoted(one))),
        several => parts.push(format!("{} ModelDeployments here name it ({})", several.len(), listed(several))),
    }
    if elsewhere {
        parts.push("objects of other namespaces name it".to_owned());
    }
    let environments: Vec<&str> =
        surroundings.configuration.environments_with(surroundings.namespace, surroundings.name).collect();
    if !environments.is_empty() {
        parts.push(format!("every ModelDeployment of environment {} has it", listed(environments)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::engine::configuration::{Configuration, EnvironmentPolicy};
    use crate::engine::parse::{JsonLimits, from_json};
    use crate::engine::validate::testing::cluster;

    fn user(namespace: &str, name: &str) -> String {
        format!(
            "{{apiVersion: deployment.beamlit.com/v1alpha1, kind: ModelDeployment, metadata: {{name: {name}, namespace: {namespace}}}, \
             spec: {{model: {namespace}-{name}, modelSourceRef: {{name: x}}, policies: [{{refType: localPolicy, name: p, namespace: default}}, {{name: p}}]}}}}\n"
        )
    }

    fn said(
        users: &[String],
        configuration: &Configuration,
        call: impl Fn(&Surroundings<'_>) -> Findings,
    ) -> Vec<String> {
        let grant = "\
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: g, namespace: default}
spec:
  from: [{group: deployment.beamlit.com, kind: ModelDeployment, namespace: other}]
  to: [{group: authorization.beamlit.com, kind: Policy, name: p}]
";
        let world = cluster(&format!("{}{grant}", users.join("---\n")));
        let surroundings = Surroundings { namespace: "default", name: "p", configuration, world: &world };
        let found = call(&surroundings);
        assert!(!found.refuse());
        found.list().iter().map(ToString::to_string).collect()
    }

    fn narrowing(users: &[String], old: &Value, new: &Value) -> Vec<String> {
        let [old, new] = [old, new].map(|spec| json!({"spec": spec}).to_string());
        let [old, new] = [&old, &new].map(|text| from_json(text.as_bytes(), JsonLimits::UniqueKeys).unwrap());
        said(users, &Configuration::default(), |surroundings| {
            let mut out = Findings::default();
            narrowed(&mut out, &new, &old, surroundings);
            out
        })
    }

    fn places(places: &[(&str, &str)]) -> Value {
        let places: Vec<Value> = places.iter().map(|(kind, name)| json!({"type": kind, "name": name})).collect();
        json!({"type": "location", "locations": places})
    }

    #[test]
    fn what_is_no_longer_allowed_is_told_with_whom_it_affects() {
        let users = [user("default", "a"), user("default", "b"), user("other", "secret")];
        let eu_us = places(&[("continent", "eu"), ("country", "us")]);
        assert_eq!(
            narrowing(&users, &eu_us, &places(&[("country", "FR"), ("country", "us")])),
            [
                "spec.locations: Invalid value: 2 ModelDeployments here name it (a, b), objects of other namespaces name it, and it no longer allows continent eu [PL013]"
            ]
        );
        assert_eq!(
            narrowing(&users[..1], &eu_us, &places(&[("continent", "eu")])),
            [
                "spec.locations: Invalid value: ModelDeployment \"a\" names it, and it no longer allows country us [PL013]"
            ]
        );
        let flavors = json!({"type": "flavor", "flavors": [{"type": "gpu", "name": "t4"}]});
        assert_eq!(
            narrowing(&users[..1], &eu_us, &flavors),
            [
                "spec.type: Invalid value: ModelDeployment \"a\" names it, and it no longer allows other hardware than gpu t4 [PL013]"
            ]
        );
        // What allows as much or more affects nobody, and what nobody names neither.
        assert_eq!(narrowing(&users, &eu_us, &places(&[("continent", "na"), ("continent", "eu")])), [""; 0]);
        assert_eq!(narrowing(&[], &eu_us, &places(&[("country", "fr")])), [""; 0]);
    }

    #[test]
    fn who_relies_on_a_policy_that_goes_is_told() {
        let local = EnvironmentPolicy::Local { namespace: "default".into(), name: "p".into() };
        let configured = Configuration { production: vec![local], ..Configuration::default() };
        let many: Vec<String> = (0..10).map(|index| user("default", &format!("m{index}"))).collect();
        for (users, configuration, message) in [
            (&many[..1], &Configuration::default(), "ModelDeployment \"m0\" names it"),
            (
                &many[..],
                &Configuration::default(),
                "10 ModelDeployments here name it (m0, m1, m2, m3, m4, m5, m6, m7 and 2 more)",
            ),
            (&[user("other", "secret")][..], &Configuration::default(), "objects of other namespaces name it"),
            (&[user("not-granted", "squatter")], &configured, "every ModelDeployment of environment production has it"),
        ] {
            let expected = format!(
                "metadata.name: Invalid value: \"p\": {message}, and without it no traffic is sent away [PL014]"
            );
            assert_eq!(said(users, configuration, deleted), [expected]);
        }
        assert_eq!(said(&[], &Configuration::default(), deleted), [""; 0]);
    }
}
