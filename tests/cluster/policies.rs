//! Policies that bite: what kubectl says of ModelDeployments that come before their policy, leave it, or rely on one that changes.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::governed;
use crate::harness::poll;
use crate::teams::{Team, admitted, flavors, list, locations, refused, warned};

/// Within what time the next review has to know of a change.
const SEEN_WITHIN: Duration = Duration::from_secs(1);

#[test]
fn a_model_may_come_before_its_policy() {
    let (plane, _) = governed();
    let team = Team::new(plane, "in-order");
    let model = team.bounded("first", &["later"], None);
    let policy = locations("later", &[("continent", "eu")]);
    // In one call, in this order.
    let out = team.kubectl.feed("apply -f -", &list(&[&model, &policy]));
    warned("RF006", &["spec.policies[0].name", "\"later\"", "in-order"])(&out).unwrap();
    assert!(out.stdout.contains("modeldeployment.deployment.beamlit.com/first created"), "{out}");
    assert!(out.stdout.contains("policy.authorization.beamlit.com/later created"), "{out}");
    // Another one that names it has nothing to be warned of.
    team.soon(&team.bounded("second", &["later"], None), admitted);
}

#[test]
fn a_backend_goes_where_the_policies_of_its_object_allow_it_and_nowhere_else() {
    let (plane, _) = governed();
    let team = Team::new(plane, "within");
    team.apply(&locations("eu-only", &[("continent", "eu")]));
    team.apply(&flavors("t4-only", &[("gpu", "t4")]));
    let host = |host: &str| team.bounded("model", &["eu-only"], Some(host));
    // Inside: by its continent, by the continent of its country; and what Beamlit judges itself.
    for inside in ["models.eu.example.com", "de.models.example.com", "run.beamlit.com"] {
        team.soon(&host(inside), admitted);
    }
    // Outside: the message says which policy, where the backend is, and where it might be.
    let outside = refused(
        "RT014",
        &[
            "spec.offloadingConfig.remoteBackend.host",
            "country us",
            "allowed would be continent eu",
            "policy \"eu-only\"",
        ],
    );
    outside(&team.tried(&host("us.models.example.com"))).unwrap();
    // Nobody said where it is: the message says who has to say what.
    let undeclared =
        refused("RT015", &["nobody has declared", "the operator's configuration", "\"models.other.example\""]);
    undeclared(&team.tried(&host("models.other.example"))).unwrap();
    // A continent proves no country.
    team.apply(&locations("de-only", &[("country", "de")]));
    let model = team.bounded("model", &["de-only"], Some("models.eu.example.com"));
    team.soon(&model, refused("RT014", &["is in continent eu", "country de"]));

    // Of another type, both have to allow it.
    let both = |host: &str| team.bounded("model", &["eu-only", "t4-only"], Some(host));
    team.soon(&both("de.models.example.com"), admitted);
    refused("RT015", &["its flavors", "gpu t4"])(&team.tried(&both("models.eu.example.com"))).unwrap();
    // Of one type, either may.
    team.apply(&locations("us-only", &[("country", "us")]));
    let either = team.bounded("model", &["eu-only", "us-only"], Some("us.models.example.com"));
    team.soon(&either, admitted);
    // No policy, no limit.
    admitted(&team.tried(&team.bounded("model", &[], Some("models.other.example")))).unwrap();
}

#[test]
fn the_policies_of_an_environment_bound_what_an_object_names_itself() {
    let (plane, _) = governed();
    let team = Team::new(plane, "bounded");
    team.apply(&locations("eu-only", &[("continent", "eu")]));
    team.apply(&locations("us-and-eu", &[("country", "us"), ("continent", "eu")]));
    let model = |environment: &str, policies: &[&str], host: &str| {
        let mut model = team.bounded("model", policies, Some(host));
        model["spec"]["environment"] = environment.into();
        model
    };
    // By the environment alone.
    let outside =
        refused("RT014", &["allowed would be continent na", "platform/north-america", "environment \"development\""]);
    outside(&team.tried(&model("development", &[], "de.models.example.com"))).unwrap();
    admitted(&team.tried(&model("development", &[], "us.models.example.com"))).unwrap();
    // What the object names narrows that further, and widens nothing.
    let wide = |host: &str| model("development", &["us-and-eu"], host);
    team.soon(&wide("us.models.example.com"), admitted);
    refused("RT014", &["allowed would be country us"])(&team.tried(&wide("de.models.example.com"))).unwrap();
    admitted(&team.tried(&model("production", &["us-and-eu"], "de.models.example.com"))).unwrap();
    // Nothing is left: each policy is told with what it allows.
    let mut nothing = team.bounded("model", &["eu-only"], None);
    nothing["spec"]["environment"] = "development".into();
    let contradiction = refused(
        "PL010",
        &["spec.policies", "platform/north-america", "allows continent na", "policy \"eu-only\" allows continent eu"],
    );
    team.soon(&nothing, contradiction);
}

#[test]
fn what_becomes_of_a_policy_counts_in_the_next_review() {
    let (plane, _) = governed();
    let team = Team::new(plane, "at-once");
    team.apply(&locations("places", &[("continent", "eu")]));
    let model = team.bounded("model", &["places"], Some("us.models.example.com"));
    team.soon(&model, refused("RT014", &["country us"]));
    // Made wider, narrower, gone, and back: each is seen by a review that begins a second later, and usually by the first.
    type Holds = Box<dyn Fn(&crate::harness::kubectl::Output) -> Result<(), String>>;
    let changes: [(&str, &dyn Fn(), Holds); 4] = [
        ("wider", &|| drop(team.apply(&locations("places", &[("country", "us")]))), Box::new(admitted)),
        (
            "narrower",
            &|| drop(team.apply(&locations("places", &[("country", "de")]))),
            Box::new(refused("RT014", &["allowed would be country de"])),
        ),
        ("gone", &|| drop(team.kubectl.ok("delete bpol places")), Box::new(warned("RF006", &["\"places\""]))),
        ("back", &|| drop(team.apply(&locations("places", &[("continent", "na")]))), Box::new(admitted)),
    ];
    for (what, change, holds) in changes {
        change();
        let changed = Instant::now();
        loop {
            let asked = changed.elapsed();
            let Err(seen) = holds(&team.tried(&model)) else { break };
            assert!(asked <= SEEN_WITHIN, "{what}: {} ms later it is: {seen}", asked.as_millis());
        }
    }
}

#[test]
fn whoever_changes_or_deletes_a_policy_is_told_whom_that_affects_in_their_own_namespace() {
    let (plane, _) = governed();
    let (team, other) = (Team::new(plane, "affected"), Team::new(plane, "unaffected"));
    let wide = locations("places", &[("continent", "eu"), ("country", "us")]);
    for (team, models) in [(&team, &["one", "two"][..]), (&other, &["stranger"])] {
        team.apply(&wide);
        for name in models {
            let model = team.bounded(name, &["places"], None);
            team.soon(&model, admitted);
            admitted(&team.apply(&model)).unwrap();
        }
    }
    // What narrows it, and what does not.
    let narrow = locations("places", &[("continent", "eu")]);
    let wider = locations("places", &[("continent", "eu"), ("country", "us"), ("country", "ca")]);
    let narrowed = |out: &crate::harness::kubectl::Output| {
        warned("PL013", &["one", "two", "no longer allows country us"])(out)?;
        if out.stderr.contains("stranger") { Err(out.to_string()) } else { Ok(()) }
    };
    team.soon(&narrow, narrowed);
    admitted(&team.tried(&wider)).unwrap();
    narrowed(&team.apply(&narrow)).unwrap();
    assert_eq!(team.kubectl.get("bpol places")["spec"]["locations"].as_array().map(Vec::len), Some(1), "it is done");

    // A deletion is warned about by an entry of its own: first of a policy that is used, then of one that is not.
    let deleted = |policy: &str| team.kubectl.run(&format!("delete bpol {policy} --dry-run=server"));
    poll("the deletion to be warned about", || warned("PL014", &["one", "two"])(&deleted("places"))).unwrap();
    let out = team.kubectl.run("delete bpol places");
    warned("PL014", &["one", "two"])(&out).unwrap();
    assert!(!out.stderr.contains("stranger") && out.stdout.contains("\"places\" deleted"), "{out}");
    team.apply(&locations("unused", &[("continent", "eu")]));
    admitted(&team.kubectl.run("delete bpol unused")).unwrap();

    // A namespace goes with its policies and what relies on them, and nobody is asked.
    let before = asked(plane);
    assert!(before > 0.0, "the deletions above were asked about");
    plane.admin().ok("delete namespace unaffected --timeout=60s");
    assert_eq!(asked(plane), before, "the namespace's own controller is not warned");
}

/// How often the API server has asked about a deletion, by its own count.
fn asked(plane: &crate::harness::ControlPlane) -> f64 {
    let metrics = plane.admin().ok("get --raw /metrics");
    let of_ours = |line: &&str| {
        line.starts_with("apiserver_admission_webhook_request_total{") && line.contains("delete.policy.beamlit.com")
    };
    metrics.lines().filter(of_ours).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[test]
fn a_policy_that_became_narrower_locks_nobody_out() {
    let (plane, _) = governed();
    let team = Team::new(plane, "ratcheted");
    team.apply(&locations("places", &[("country", "us")]));
    team.apply(&locations("de-only", &[("country", "de")]));
    let model = team.bounded("model", &["places"], Some("us.models.example.com"));
    team.soon(&model, admitted);
    admitted(&team.apply(&model)).unwrap();
    warned("PL013", &["ModelDeployment \"model\""])(&team.apply(&locations("places", &[("country", "ca")]))).unwrap();
    team.soon(&team.bounded("other", &["places"], Some("us.models.example.com")), refused("RT014", &["country ca"]));

    // Labels are nobody's business, and another part of the spec may change: the old fault is remarked on.
    team.kubectl.ok("label mdep model tier=one");
    let old = warned("RT014", &["country us", "allowed would be country ca"]);
    old(&team.merge("mdep model", &json!({"spec": {"enabled": false}}))).unwrap();
    old(&team.merge("mdep model", &json!({"spec": {"offloadingConfig": {"behavior": {"percentage": 20}}}}))).unwrap();
    // Another backend, or another list of policies, is judged anew.
    let backend = |host: &str| json!({"spec": {"offloadingConfig": {"remoteBackend": {"host": host}}}});
    refused("RT014", &["country de"])(&team.merge("mdep model", &backend("de.models.example.com"))).unwrap();
    refused("RT015", &["nobody has declared"])(&team.merge("mdep model", &backend("models.other.example"))).unwrap();
    let policies = json!({"spec": {"policies": [{"refType": "localPolicy", "name": "de-only"}]}});
    refused("RT014", &["country us", "allowed would be country de"])(&team.merge("mdep model", &policies)).unwrap();
    // What is refused changes nothing.
    assert_eq!(team.kubectl.get("mdep model")["spec"]["policies"][0]["name"], "places");
}
