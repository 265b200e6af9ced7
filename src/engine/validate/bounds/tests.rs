use serde_json::{Value, json};

use crate::engine::configuration::{Configuration, DeclaredBackend, EnvironmentPolicy};
use crate::engine::policy::{Flavor, Options, Place, Site};
use crate::engine::units::{Continent, CountryCode, HostPattern};
use crate::engine::validate::testing::{cluster, found_among, found_in};
use crate::engine::world::RemotePolicy;

const POLICIES: &str = "\
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: eu}, spec: {type: location, locations: [{type: continent, name: eu}]}}
---
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: fr-us}, spec: {type: location, locations: [{type: country, name: fr}, {type: country, name: us}]}}
---
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: par}, spec: {type: location, locations: [{type: location, name: par-1}]}}
---
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: t4}, spec: {type: flavor, flavors: [{type: gpu, name: t4}]}}
---
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: any}, spec: {type: flavor, flavors: [{type: gpu, name: t4}, {type: cpu, name: x86}]}}
---
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: none}, spec: {type: location, locations: [{type: country, name: uk}]}}
---
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: us, namespace: platform}, spec: {type: location, locations: [{type: country, name: us}]}}
---
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: a100, namespace: platform}, spec: {type: flavor, flavors: [{type: gpu, name: a100}]}}
";

fn local(name: &str) -> EnvironmentPolicy {
    EnvironmentPolicy::Local { namespace: "platform".into(), name: name.into() }
}

/// Backends in Paris on t4, in the United States on x86 and t4, somewhere in Europe, and one of which only the hardware is
/// known.
fn configuration(production: &[EnvironmentPolicy]) -> Configuration {
    let backend = |host: &str, site: Site, flavors: &[(&str, &str)]| DeclaredBackend {
        host: HostPattern::parse(host).unwrap(),
        site,
        flavors: flavors.iter().map(|(kind, name)| Flavor::of(kind, name).unwrap()).collect(),
    };
    let country = |code| Site { country: CountryCode::parse(code), ..Site::default() };
    let mut configuration = Configuration { production: production.to_vec(), ..Configuration::default() };
    configuration.atlas.declare("par-1", CountryCode::parse("fr"), None);
    configuration.backends = [
        backend("paris.example.com", Site { location: Some("par-1".into()), ..Site::default() }, &[("gpu", "t4")]),
        backend("*.us.example.com", country("us"), &[("cpu", "x86"), ("gpu", "t4")]),
        backend("europe.example.com", Site { continent: Some(Continent::Europe), ..Site::default() }, &[]),
        backend("somewhere.example.com", Site::default(), &[("gpu", "t4")]),
    ]
    .into_iter()
    .collect();
    configuration
}

fn said(policies: &[&str], host: Option<&str>, configuration: &Configuration) -> Vec<String> {
    let named = |name: &&str| match name.strip_prefix("remote ") {
        Some(name) => json!({"name": name}),
        None => json!({"refType": "localPolicy", "name": name}),
    };
    let list: Vec<Value> = policies.iter().map(named).collect();
    let offloading = match host {
        Some(host) => json!({"remoteBackend": {"host": host, "scheme": "https"}}),
        None => json!({}),
    };
    found_among(POLICIES, configuration, &json!({"policies": list, "offloadingConfig": offloading}))
}

#[test]
fn a_backend_inside_is_fine() {
    let plain = configuration(&[]);
    for (policies, host) in [
        (&[][..], "nobody.knows.example"),
        (&["eu"], "paris.example.com"),
        (&["eu"], "europe.example.com:8443"),
        (&["par"], "PARIS.example.com."),
        (&["par", "eu"], "europe.example.com"),
        (&["fr-us", "t4"], "paris.example.com"),
        (&["t4"], "somewhere.example.com"),
        (&["any"], "a.us.example.com"),
        // Beamlit judges what is sent to Beamlit.
        (&["par", "t4"], "run.beamlit.com"),
    ] {
        let said = said(policies, Some(host), &plain);
        let said: Vec<_> = said.iter().filter(|text| !text.contains("[PL011]")).collect();
        assert!(said.is_empty(), "{policies:?} {host}: {said:?}");
    }
    assert_eq!(said(&["par", "t4"], None, &plain), [""; 0]);
}

#[test]
fn a_backend_outside_is_told_where_it_is_and_what_would_be_allowed() {
    let plain = configuration(&[]);
    assert_eq!(
        said(&["eu"], Some("a.us.example.com"), &plain),
        [
            "spec.offloadingConfig.remoteBackend.host: Forbidden: \"a.us.example.com\": is in country us, continent na; allowed would be continent eu: policy \"eu\" allows continent eu [RT014]"
        ]
    );
    // A continent does not prove a country.
    assert_eq!(
        said(&["fr-us"], Some("europe.example.com"), &plain),
        [
            "spec.offloadingConfig.remoteBackend.host: Forbidden: \"europe.example.com\": is in continent eu; allowed would be country fr, country us: policy \"fr-us\" allows country fr, country us [RT014]"
        ]
    );
    // Traffic may land on any of its flavors.
    assert_eq!(
        said(&["t4"], Some("a.us.example.com"), &plain),
        [
            "spec.offloadingConfig.remoteBackend.host: Forbidden: \"a.us.example.com\": runs on cpu x86, gpu t4; allowed would be gpu t4: policy \"t4\" allows gpu t4 [RT014]"
        ]
    );
    // The environment narrows what the object allows, and is named.
    assert_eq!(
        said(&["fr-us"], Some("paris.example.com"), &configuration(&[local("us")])),
        [
            "spec.offloadingConfig.remoteBackend.host: Forbidden: \"paris.example.com\": is in location par-1, country fr, continent eu; allowed would be country us: policy \"platform/us\" of environment \"production\" allows country us; policy \"fr-us\" allows country fr, country us [RT014]"
        ]
    );
    assert_eq!(said(&[], Some("a.us.example.com"), &configuration(&[local("us")])), [""; 0]);
}

#[test]
fn what_is_not_declared_is_refused_where_it_matters() {
    let plain = configuration(&[]);
    assert_eq!(
        said(&["eu"], Some("nobody.knows.example"), &plain),
        [
            "spec.offloadingConfig.remoteBackend.host: Forbidden: \"nobody.knows.example\": nobody has declared its country, continent or location, and policy \"eu\" allows continent eu; the operator's configuration must say its country, continent or location in backends, under host \"nobody.knows.example\" [RT015]"
        ]
    );
    assert_eq!(
        said(&["t4", "par"], Some("nobody.knows.example"), &plain),
        [
            "spec.offloadingConfig.remoteBackend.host: Forbidden: \"nobody.knows.example\": nobody has declared its country, continent or location and its flavors, and policy \"par\" allows location par-1; policy \"t4\" allows gpu t4; the operator's configuration must say its country, continent or location and its flavors in backends, under host \"nobody.knows.example\" [RT015]"
        ]
    );
    assert_eq!(
        said(&["t4"], Some("europe.example.com"), &plain),
        [
            "spec.offloadingConfig.remoteBackend.host: Forbidden: \"europe.example.com\": nobody has declared its flavors, and policy \"t4\" allows gpu t4; the operator's configuration must say its flavors in backends, under host \"europe.example.com\" [RT015]"
        ]
    );
}

#[test]
fn a_configured_default_is_judged_like_the_rest() {
    let backend = |host: &str| serde_json::from_value(json!({"host": host, "scheme": "https"})).unwrap();
    let default = |host| Configuration { default_remote_backend: Some(backend(host)), ..configuration(&[]) };
    assert_eq!(said(&["eu"], None, &default("paris.example.com")), [""; 0]);
    assert_eq!(
        said(&["eu"], None, &default("a.us.example.com")),
        [
            "spec.offloadingConfig.remoteBackend.host: Forbidden: \"a.us.example.com\": the operator's default backend: is in country us, continent na; allowed would be continent eu: policy \"eu\" allows continent eu [RT014]"
        ]
    );
    assert_eq!(said(&["eu"], Some("run.beamlit.com"), &default("a.us.example.com")), [""; 0]);
    // Who does not offload has no backend.
    let own = json!({"policies": [{"refType": "localPolicy", "name": "eu"}]});
    assert_eq!(found_among(POLICIES, &default("a.us.example.com"), &own), [""; 0]);
}

/// What somebody found on Beamlit: places in Europe, t4, tokens, and something that nobody understands.
fn said_beside_beamlit(policies: &[&str], host: Option<&str>, configuration: &Configuration) -> Vec<String> {
    let europe = Options::Location(Place::of("continent", "eu").into_iter().collect());
    let t4 = Options::Flavor(Flavor::of("gpu", "t4").into_iter().collect());
    let policy = |name: &str, says| (name.to_owned(), says);
    let all = [
        policy("europe", RemotePolicy::Allows(europe)),
        policy("t4-only", RemotePolicy::Allows(t4)),
        policy("tokens", RemotePolicy::LimitsNeither),
        policy("odd", RemotePolicy::Unreadable),
    ];
    let mut world = cluster(POLICIES);
    world.put_remote_policies(all.iter().map(|(name, policy)| (name, policy)));
    let named = |name: &&str| match name.strip_prefix("remote ") {
        Some(name) => json!({"name": name}),
        None => json!({"refType": "localPolicy", "name": name}),
    };
    let list: Vec<Value> = policies.iter().map(named).collect();
    let backend = host.map_or_else(|| json!({}), |host| json!({"remoteBackend": {"host": host, "scheme": "https"}}));
    found_in(&world, configuration, &json!({"policies": list, "offloadingConfig": backend}))
}

#[test]
fn what_a_policy_on_beamlit_says_counts_like_that_of_the_cluster() {
    let plain = configuration(&[]);
    assert_eq!(said_beside_beamlit(&["remote europe"], Some("paris.example.com"), &plain), [""; 0]);
    assert_eq!(
        said_beside_beamlit(&["remote europe"], Some("a.us.example.com"), &plain),
        [
            "spec.offloadingConfig.remoteBackend.host: Forbidden: \"a.us.example.com\": is in country us, continent na; allowed would be continent eu: remote policy \"europe\" allows continent eu [RT014]"
        ]
    );
    // Within a type policies widen each other, and the environment narrows, wherever each of them is kept.
    assert_eq!(said_beside_beamlit(&["remote europe", "fr-us"], Some("a.us.example.com"), &plain), [""; 0]);
    let remote = |name: &str| configuration(&[EnvironmentPolicy::Remote(name.into())]);
    let said = said_beside_beamlit(&["fr-us"], Some("a.us.example.com"), &remote("europe"));
    assert!(said[0].contains("remote policy \"europe\" of environment \"production\" allows continent eu"), "{said:?}");
    let nothing = said_beside_beamlit(&["remote europe"], None, &configuration(&[local("us")]));
    assert!(nothing[0].ends_with("[PL010]"), "{nothing:?}");
    let hardware = said_beside_beamlit(&["remote t4-only"], Some("a.us.example.com"), &plain);
    assert!(hardware[0].ends_with("remote policy \"t4-only\" allows gpu t4 [RT014]"), "{hardware:?}");
    // Beamlit judges its own by itself, and who lists nothing is limited by nothing.
    assert_eq!(said_beside_beamlit(&["remote europe"], Some("run.beamlit.com"), &plain), [""; 0]);
    assert_eq!(said_beside_beamlit(&["remote tokens"], Some("a.us.example.com"), &plain), [""; 0]);
    assert_eq!(said_beside_beamlit(&[], Some("a.us.example.com"), &remote("tokens")), [""; 0]);
}

#[test]
fn why_a_policy_on_beamlit_is_not_known_is_said() {
    let plain = configuration(&[]);
    for (policies, why) in [
        (&["remote gone"] as &[&str], "remote policy \"gone\", not on Beamlit yet"),
        (&["remote odd"], "remote policy \"odd\", of which nobody here can tell what it allows"),
        (&["remote odd", "remote gone"], "remote policies \"gone\", \"odd\", not known yet"),
        (&["remote europe", "remote gone"], "remote policy \"gone\", not on Beamlit yet"),
    ] {
        assert_eq!(
            said_beside_beamlit(policies, Some("a.us.example.com"), &plain),
            [format!(
                "spec.offloadingConfig.remoteBackend.host: Forbidden: \"a.us.example.com\": whether it is allowed depends on {why}; nothing is sent there until then [RT016]"
            )]
        );
        assert_eq!(said_beside_beamlit(policies, Some("run.beamlit.com"), &plain), [""; 0]);
    }
}

#[test]
fn unknown_policies_may_allow_more_but_never_more_than_the_environment() {
    let plain = configuration(&[]);
    let unknown = "spec.offloadingConfig.remoteBackend.host: Forbidden: \"a.us.example.com\": whether it is allowed depends on remote policy \"q\", not known yet; nothing is sent there until then [RT016]";
    assert_eq!(said(&["remote q"], Some("a.us.example.com"), &plain), [unknown]);
    assert_eq!(said(&["remote q", "eu"], Some("a.us.example.com"), &plain), [unknown]);
    // What is inside already needs no more; but the hardware is still open.
    assert_eq!(said(&["remote q", "fr-us", "any"], Some("a.us.example.com"), &plain).len(), 0);
    assert_eq!(said(&["remote q"], Some("run.beamlit.com"), &plain), [""; 0]);
    assert_eq!(said(&["remote q"], None, &plain), [""; 0]);
    let said_by_environment = said(&["remote q"], Some("paris.example.com"), &configuration(&[local("us")]));
    assert_eq!(said_by_environment.len(), 1);
    assert!(
        said_by_environment[0]
            .ends_with("policy \"platform/us\" of environment \"production\" allows country us [RT014]")
    );
    let remote = [EnvironmentPolicy::Remote("q".into())];
    assert_eq!(said(&[], Some("a.us.example.com"), &configuration(&remote)), [unknown]);
    // A policy is of one type: one cannot make up for both.
    let both = said(&["remote q", "eu", "t4"], Some("a.us.example.com"), &plain);
    assert_eq!(
        both,
        [
            "spec.offloadingConfig.remoteBackend.host: Forbidden: \"a.us.example.com\": neither its place nor its hardware is allowed, and one policy whose content is not known cannot allow both: policy \"eu\" allows continent eu; policy \"t4\" allows gpu t4 [RT014]"
        ]
    );
    // Nor where the environment names the same one.
    let mut environment = configuration(&[local("us"), EnvironmentPolicy::Remote("q".into())]);
    environment.production.remove(0);
    environment.production.push(local("a100"));
    let across = said(&["remote q", "eu"], Some("a.us.example.com"), &environment);
    assert!(across.len() == 1 && across[0].ends_with("[RT014]"), "{across:?}");
    let two = said(&["remote q", "remote r", "eu", "t4"], Some("a.us.example.com"), &plain);
    assert!(two.len() == 1 && two[0].contains("depends on remote policies \"q\", \"r\", not known yet"), "{two:?}");
    // What was declared nowhere is in no policy.
    let undeclared = said(&["remote q", "eu"], Some("nobody.knows.example"), &plain);
    assert!(undeclared.len() == 1 && undeclared[0].ends_with("[RT015]"), "{undeclared:?}");
    // A local policy that is missing is told by itself, once.
    let missing = said(&["gone"], Some("a.us.example.com"), &plain);
    assert_eq!(missing.len(), 1);
    assert!(missing[0].ends_with("[RF006]"), "{missing:?}");
}

#[test]
fn policies_that_leave_nothing_are_refused_with_each_of_them() {
    assert_eq!(
        said(&["eu", "par", "t4"], None, &configuration(&[local("us"), local("a100")])),
        [
            "spec.policies: Invalid value: the policies leave nothing of where traffic may go: policy \"platform/us\" of environment \"production\" allows country us; policy \"eu\" allows continent eu; policy \"par\" allows location par-1 [PL010]",
            "spec.policies: Invalid value: the policies leave nothing of the hardware: policy \"platform/a100\" of environment \"production\" allows gpu a100; policy \"t4\" allows gpu t4 [PL010]",
        ]
    );
    // What is outside of nothing is not told of besides.
    let backend = said(&["eu", "t4"], Some("nobody.knows.example"), &configuration(&[local("us"), local("a100")]));
    assert!(backend.len() == 2 && backend.iter().all(|text| text.ends_with("[PL010]")), "{backend:?}");
    // One is enough if it lists nothing that there is.
    assert_eq!(
        said(&["none"], None, &configuration(&[])),
        [
            "spec.policies: Invalid value: the policies leave nothing of where traffic may go: policy \"none\" allows nothing [PL010]"
        ]
    );
    // Where a location lies that nobody declared, nobody knows.
    let undeclared = Configuration { atlas: crate::engine::policy::Atlas::default(), ..configuration(&[local("us")]) };
    let undeclared = said(&["par"], None, &undeclared);
    assert!(undeclared[0].ends_with("; where location \"par-1\" lies is not known; the operator's configuration can declare it in locations [PL010]"), "{undeclared:?}");
}

#[test]
fn hardware_of_both_families_is_a_warning() {
    assert_eq!(
        said(&["any"], None, &configuration(&[])),
        [
            "spec.policies: Invalid value: the policies leave processors and accelerators (cpu x86, gpu t4), and a model runs on either; Beamlit picks a side; name policies that leave cpu or gpu alone to choose it yourself [PL011]"
        ]
    );
    assert_eq!(said(&["any", "eu"], None, &configuration(&[local("a100")])).len(), 1);
}
