//! The policies that apply to a ModelDeployment: those that it names and those of its environment, each found, missing or
//! unknown.

use std::collections::HashSet;

use super::reference::grant;
use crate::api::AUTHORIZATION_API_VERSION;
use crate::engine::configuration::{Answer, EnvironmentPolicy};
use crate::engine::finding::rules::{PL012, RF006, RF010};
use crate::engine::finding::{At, Finding, Findings, Severity, quoted};
use crate::engine::parse::{Node, Value};
use crate::engine::policy::{Applied, Effective, Source};
use crate::engine::subject::{Reading, Surroundings};
use crate::engine::suggest;
use crate::engine::units::names;
use crate::engine::world::{Lookup, Name, RemotePolicy};

/// What stands for a reference that is at fault itself: its content is not known, and nothing more is said of it.
const AT_FAULT: Applied<'static> = Applied { source: Source::Local { namespace: "", name: "" }, options: None };

/// For how many missing policies of an object a hint is looked for, and among how many others at most: it costs more than the
/// verdict.
const MAX_HINTS: usize = 3;
const MAX_CANDIDATES: usize = 100;

/// Resolves every policy that applies to an object with this spec, whose place is `at`, and reports those that are missing.
/// None where the environment, or the list as a whole, is at fault.
pub(super) fn policies<'a>(
    out: &mut Findings,
    at: &At<'_>,
    spec: &'a Node<'_>,
    surroundings: &Surroundings<'a>,
    reading: Reading,
) -> Option<Effective<'a>> {
    let environment = spec.text_of("environment").filter(|name| matches!(*name, "production" | "development"))?;
    let listed: &[Node<'_>] = match spec.get("policies").map(|list| &list.value) {
        None => &[],
        Some(Value::List(items)) => items,
        Some(_) => return None,
    };
    let configured = surroundings.configuration.policies_of(environment);
    let environment_at = at.field("environment");
    let of_environment = configured.iter().map(|policy| {
        let (applied, found) = of_environment(policy, surroundings);
        if found == Lookup::Missing && reading != Reading::File {
            out.add_error(|| {
                let message = format!("this environment always has {}, and there is no such Policy", applied.source);
                let hint = "whoever runs the operator must create it, or take it out of the operator's configuration";
                Finding::new(&PL012, &environment_at, message)
                    .value(environment)
                    .hint(hint)
                    .related(&at.field("policies"))
            });
        }
        applied
    });
    let limits = |applied: &Applied<'_>| limits(applied, surroundings);
    let of_environment = of_environment.filter(limits).collect();
    // What is named twice is judged once: an object can name a large policy a great many times.
    let mut seen = HashSet::new();
    let mut missing = 0;
    let policies_at = at.field("policies");
    let mut of_object = Vec::with_capacity(listed.len());
    for (index, node) in listed.iter().enumerate() {
        let (applied, found) = named(node, surroundings);
        if let Source::Remote(name) = applied.source
            && node.get("refType").is_none()
        {
            undecided(out, &policies_at.index(index), node, name, surroundings);
        }
        if applied.source != AT_FAULT.source && !seen.insert(applied.source) {
            continue;
        }
        if let Some((Lookup::Missing, name)) = &found {
            missing += 1;
            absent(out, &policies_at.index(index), node, name, surroundings, reading, missing <= MAX_HINTS);
        }
        if limits(&applied) {
            of_object.push(applied);
        }
    }
    Some(Effective { environment, of_environment, of_object, atlas: &surroundings.configuration.atlas })
}

fn of_environment<'a>(policy: &'a EnvironmentPolicy, surroundings: &Surroundings<'a>) -> (Applied<'a>, Lookup<()>) {
    match policy {
        EnvironmentPolicy::Remote(name) => (on_beamlit(name, surroundings), Lookup::Unknown),
        EnvironmentPolicy::Local { namespace, name } => {
            looked_up(Source::Local { namespace, name }, &Name::new(namespace, name), surroundings)
        }
    }
}

/// A policy on Beamlit with what it allows, if anybody could read that.
fn on_beamlit<'a>(name: &'a str, surroundings: &Surroundings<'a>) -> Applied<'a> {
    let options = match surroundings.world.remote_policy(name) {
        Lookup::Found(RemotePolicy::Allows(options)) => Some(options),
        Lookup::Found(RemotePolicy::LimitsNeither | RemotePolicy::Unreadable) | Lookup::Missing | Lookup::Unknown => {
            None
        }
    };
    Applied { source: Source::Remote(name), options }
}

/// Whether a policy may limit places or hardware.
fn limits(applied: &Applied<'_>, surroundings: &Surroundings<'_>) -> bool {
    let Source::Remote(name) = applied.source else { return true };
    surroundings.world.remote_policy(name) != Lookup::Found(&RemotePolicy::LimitsNeither)
}

/// A local policy with what it allows, if it is there.
fn looked_up<'a>(source: Source<'a>, name: &Name, surroundings: &Surroundings<'a>) -> (Applied<'a>, Lookup<()>) {
    let (options, found) = match surroundings.world.policy(name) {
        Lookup::Found(options) => (options, Lookup::Found(())),
        Lookup::Missing => (None, Lookup::Missing),
        Lookup::Unknown => (None, Lookup::Unknown),
    };
    (Applied { source, options }, found)
}

/// A policy that the object names, and what came of looking for it; the latter only for a local one that is named soundly.
fn named<'a>(node: &'a Node<'_>, surroundings: &Surroundings<'a>) -> (Applied<'a>, Option<(Lookup<()>, Name)>) {
    let Some(name) = node.text_of("name").filter(|name| names::dns_subdomain(name).is_ok()) else {
        return (AT_FAULT, None);
    };
    match node.get("refType").map(Node::text) {
        None | Some(Some("remotePolicy")) => return (on_beamlit(name, surroundings), None),
        Some(Some("localPolicy")) => {}
        Some(_) => return (AT_FAULT, None),
    }
    let is = |field: &str, wanted: &str| node.get(field).is_none_or(|node| node.text() == Some(wanted));
    let is_policy = is("apiVersion", AUTHORIZATION_API_VERSION) && is("kind", "Policy");
    let Some(full) = grant::reached(node, "Policy", names::dns_subdomain, surroundings).filter(|_| is_policy) else {
        return (AT_FAULT, None);
    };
    let source = Source::Local { namespace: grant::elsewhere(node, surroundings).unwrap_or_default(), name };
    let (applied, found) = looked_up(source, &full, surroundings);
    (applied, Some((found, full)))
}

/// Reports a reference without a type that looks as if a Policy of this cluster was meant: it would limit nothing, unseen.
fn undecided(out: &mut Findings, at: &At<'_>, node: &Node<'_>, name: &str, surroundings: &Surroundings<'_>) {
    let beside = ["namespace", "kind", "apiVersion"].into_iter().find(|field| node.get(field).is_some());
    let full = Name::new(surroundings.namespace, name);
    let why = match beside {
        Some(field) => format!("where {field} means nothing"),
        None if matches!(surroundings.world.policy(&full), Lookup::Found(_)) => {
            format!("and there is a Policy {} in this namespace", quoted(name))
        }
        None => return,
    };
    let message = format!("without it a policy on Beamlit is named, {why}");
    let finding = Finding::new(&RF010, &at.field("refType"), message);
    out.add(finding.hint("write localPolicy if the Policy of this cluster is meant, and remotePolicy if not"));
}

fn absent(
    out: &mut Findings,
    at: &At<'_>,
    node: &Node<'_>,
    name: &Name,
    surroundings: &Surroundings<'_>,
    reading: Reading,
    hinted: bool,
) {
    let refused = reading == Reading::File || surroundings.configuration.missing_local_policy == Answer::Refuse;
    let (yet, until) = if refused { ("", "") } else { (" yet", "; no traffic is sent away until there is") };
    let message = format!("there is no Policy of this name in namespace {}{yet}{until}", quoted(name.namespace()));
    let mut finding = Finding::new(&RF006, &at.field("name"), message)
        .value(name.name())
        .related(&at.field("namespace"))
        .related(&at.field("refType"));
    if refused {
        finding.severity = Severity::Error;
    }
    // What others call their policies is told to nobody.
    if hinted && node.get("namespace").is_none() {
        let candidates: Vec<&Name> =
            surroundings.world.policies_in(surroundings.namespace).take(MAX_CANDIDATES + 1).collect();
        if candidates.len() <= MAX_CANDIDATES {
            let names = candidates.iter().map(|name| name.name());
            finding = finding.maybe_hint(suggest::did_you_mean(name.name(), names));
        }
    }
    out.add(finding);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::engine::Kind;
    use crate::engine::configuration::Configuration;
    use crate::engine::parse::{JsonLimits, from_json};
    use crate::engine::policy::Options;
    use crate::engine::validate::testing::found_among;
    use crate::engine::world::{Fact, World};

    use super::*;

    const POLICIES: &str = "\
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: eu-only}, spec: {type: location, locations: [{type: continent, name: eu}]}}
---
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: secret-plans, namespace: b}, spec: {type: location, locations: [{type: continent, name: eu}]}}
";

    fn said(configuration: &Configuration, policies: &Value) -> Vec<String> {
        found_among(POLICIES, configuration, &json!({"policies": policies}))
    }

    #[test]
    fn a_missing_policy_is_told_on_its_name_with_what_was_most_likely_meant() {
        let missing = |name: &str| json!([{"refType": "localPolicy", "name": name}]);
        let plain = Configuration::default();
        assert_eq!(
            said(&plain, &missing("eu-olny")),
            [
                "spec.policies[0].name: Not found: \"eu-olny\": there is no Policy of this name in namespace \"default\" yet; no traffic is sent away until there is; did you mean \"eu-only\"? [RF006]"
            ]
        );
        // What others call their policies is told to nobody.
        assert!(!said(&plain, &missing("secret-plan"))[0].contains("did you mean"));
        let strict = Configuration { missing_local_policy: Answer::Refuse, ..Configuration::default() };
        assert_eq!(
            said(&strict, &missing("other")),
            [
                "spec.policies[0].name: Not found: \"other\": there is no Policy of this name in namespace \"default\" [RF006]"
            ]
        );
        assert_eq!(said(&plain, &json!([{"name": "other"}, {"refType": "localPolicy", "name": "eu-only"}])), [""; 0]);
    }

    #[test]
    fn a_policy_of_the_environment_that_nobody_holds_refuses_everything_there() {
        let local = EnvironmentPolicy::Local { namespace: "platform".into(), name: "base".into() };
        let configuration = Configuration { production: vec![local], ..Configuration::default() };
        assert_eq!(
            said(&configuration, &json!([])),
            [
                "spec.environment: Not found: \"production\": this environment always has policy \"platform/base\", and there is no such Policy; whoever runs the operator must create it, or take it out of the operator's configuration [PL012]"
            ]
        );
        let elsewhere = json!({"environment": "development"});
        assert_eq!(found_among(POLICIES, &configuration, &elsewhere), [""; 0]);
    }

    #[test]
    fn a_reference_without_a_type_that_looks_local_is_remarked_on() {
        let plain = Configuration::default();
        let said_of = |policy: Value| said(&plain, &json!([policy]));
        assert_eq!(
            said_of(json!({"name": "eu-only"})),
            [
                "spec.policies[0].refType: Required value: without it a policy on Beamlit is named, and there is a Policy \"eu-only\" in this namespace; write localPolicy if the Policy of this cluster is meant, and remotePolicy if not [RF010]"
            ]
        );
        assert_eq!(said_of(json!({"name": "other", "namespace": "b"})).len(), 1);
        // What others have in their namespaces is told to nobody.
        assert_eq!(said_of(json!({"name": "secret-plans"})), [""; 0]);
        assert_eq!(said_of(json!({"name": "eu-only", "refType": "remotePolicy"})), [""; 0]);
    }

    #[test]
    fn where_nobody_can_look_nothing_is_said_and_the_environment_still_counts() {
        let spec = json!({"spec": {"environment": "production", "model": "m", "modelSourceRef": {"name": "w"},
            "serviceRef": {"name": "s", "targetPort": 80}, "policies": [{"refType": "localPolicy", "name": "anywhere"}],
            "offloadingConfig": {"remoteBackend": {"host": "fr.example.com", "scheme": "https"}}}})
        .to_string();
        let node = from_json(spec.as_bytes(), JsonLimits::UniqueKeys).unwrap();
        let local = EnvironmentPolicy::Local { namespace: "platform".into(), name: "us".into() };
        let mut world = World::unknown();
        let codes = |world: &World, production: Vec<EnvironmentPolicy>| -> Vec<&'static str> {
            let configuration = Configuration { production, ..Configuration::default() };
            let surroundings = Surroundings { namespace: "default", name: "m", configuration: &configuration, world };
            let found = crate::engine::judge(Kind::ModelDeployment, &node, &surroundings, Reading::Review);
            found.list().iter().map(|finding| finding.rule.code).collect()
        };
        assert_eq!(codes(&world, vec![]), [""; 0]);
        assert_eq!(codes(&world, vec![local.clone()]), [""; 0]);
        let us = crate::engine::policy::Place::of("country", "us").into_iter().collect();
        world.put(Fact::Policy(Name::new("platform", "us"), Some(Options::Location(us))));
        assert_eq!(codes(&world, vec![local]), ["RT015"]);
    }

    #[test]
    fn large_policies_that_are_named_many_times_are_judged_as_once() {
        let start = std::time::Instant::now();
        let entries: Vec<String> = (0..10_000).map(|index| format!("{{type: location, name: l{index}}}")).collect();
        let large = |kind: &str, list: &str, entries: &str| {
            format!(
                "{{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {{name: {kind}}}, spec: {{type: {kind}, {list}: [{entries}]}}}}\n"
            )
        };
        let flavors: Vec<String> = (0..10_000).map(|index| format!("{{type: gpu, name: f{index}}}")).collect();
        let objects =
            [large("location", "locations", &entries.join(", ")), large("flavor", "flavors", &flavors.join(", "))]
                .join("---\n");
        let many: Vec<Value> = (0..900)
            .map(|index| json!({"refType": "localPolicy", "name": if index % 2 == 0 { "location" } else { "flavor" }}))
            .collect();
        let backend = json!({"remoteBackend": {"host": "nobody.knows.example", "scheme": "https"}});
        let spec = json!({"policies": many, "offloadingConfig": backend});
        let found = found_among(&objects, &Configuration::default(), &spec);
        let outside: Vec<&String> = found.iter().filter(|text| text.ends_with("[RT015]")).collect();
        assert_eq!(outside.len(), 1);
        assert!(outside[0].len() < 2000, "{}", outside[0]);
        assert!(start.elapsed() < std::time::Duration::from_secs(30), "{:?}", start.elapsed());
    }

    #[test]
    fn ten_thousand_policies_on_one_object_are_judged_in_bounded_time() {
        let start = std::time::Instant::now();
        let many: Vec<Value> =
            (0..10_000).map(|index| json!({"refType": "localPolicy", "name": format!("p{index}")})).collect();
        let found = said(&Configuration::default(), &json!(many));
        assert_eq!(found.len(), crate::engine::finding::MAX_FINDINGS);
        assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
    }
}
