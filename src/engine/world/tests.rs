use proptest::prelude::*;

use super::*;
use crate::engine::parse::{Node, documents};

/// The objects of some YAML documents as facts, in the namespace `a` unless they name one.
fn facts(text: &str) -> Vec<Fact> {
    let fact = |node: &Node<'_>| {
        let resource = Resource::of(node.text_of("apiVersion")?, node.text_of("kind")?)?;
        Fact::of(resource, node, "a")
    };
    documents(text.as_bytes()).map(|document| fact(&document.content.unwrap()).unwrap()).collect()
}

fn world(text: &str) -> World {
    let mut world = World::of_cluster();
    facts(text).into_iter().for_each(|fact| world.put(fact));
    world
}

#[test]
fn an_object_is_found_missing_or_unknown() {
    let text = "\
apiVersion: authorization.beamlit.com/v1alpha1
kind: Policy
metadata: {name: p}
spec: {type: location, locations: [{type: country, name: US}, {type: country, name: uk}]}
---
apiVersion: authorization.beamlit.com/v1alpha1
kind: Policy
metadata: {name: odd, namespace: b}
spec: {type: quota}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s}}
";
    let name = |namespace: &str, name: &str| Name::new(namespace, name);
    let of_cluster = world(text);
    let us = Options::Location(crate::engine::policy::Place::of("country", "us").into_iter().collect());
    assert_eq!(of_cluster.policy(&name("a", "p")), Lookup::Found(Some(&us)));
    assert_eq!(of_cluster.policy(&name("b", "odd")), Lookup::Found(None));
    assert_eq!(of_cluster.policy(&name("b", "p")), Lookup::Missing);
    assert_eq!(of_cluster.workload(Workload::StatefulSet, &name("a", "s")), Lookup::Found(&Pods::default()));
    assert_eq!(of_cluster.workload(Workload::Deployment, &name("a", "s")), Lookup::Missing);
    assert_eq!(of_cluster.service(&name("a", "s")), Lookup::Missing);

    let mut of_files = World::of_files();
    facts(text).into_iter().for_each(|fact| of_files.put(fact));
    assert_eq!(of_files.policy(&name("b", "p")), Lookup::Missing);
    assert_eq!(of_files.workload(Workload::StatefulSet, &name("a", "s")), Lookup::Found(&Pods::default()));
    assert_eq!(of_files.workload(Workload::Deployment, &name("a", "s")), Lookup::Unknown);
    assert_eq!(of_files.service(&name("a", "s")), Lookup::Unknown);
    assert_eq!(of_files.granted("a", "", "Service", &name("b", "s")), Lookup::Missing);
    assert_eq!(World::unknown().policy(&name("a", "p")), Lookup::Unknown);
    assert_eq!(World::unknown().granted("a", "", "Service", &name("b", "s")), Lookup::Unknown);
}

#[test]
fn the_ports_of_a_service_are_its_tcp_ports_and_where_they_lead() {
    let world = world(
        "\
apiVersion: v1
kind: Service
metadata: {name: s}
spec:
  ports:
  - {port: 80, targetPort: 8080}
  - {port: 81, targetPort: http, protocol: TCP}
  - {port: 82, targetPort: 0}
  - {port: 83}
  - {port: 53, protocol: UDP}
",
    );
    let Lookup::Found(ports) = world.service(&Name::new("a", "s")) else { panic!("{world:?}") };
    let told: Vec<String> = ports.iter().map(|port| port.told(None).to_string()).collect();
    assert_eq!(told, ["80 (leads to 8080)", "81 (leads to \"http\")", "82", "83"]);
}

#[test]
fn the_template_of_pods_is_kept_of_files_alone() {
    let text = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: w}
spec:
  template:
    metadata: {labels: {app: w}}
    spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
";
    let node = documents(text.as_bytes()).next().unwrap().content.unwrap();
    let resource = Resource::Workloads(Workload::Deployment);
    let mut world = World::of_cluster();
    let name = Name::new("a", "w");
    for (fact, template) in [
        (Fact::of(resource, &node, "a"), None),
        (
            Fact::of_file(resource, &node, "a"),
            Some(serde_json::json!({
                "metadata": {"labels": {"app": "w"}},
                "spec": {"containers": [{"name": "app", "ports": [{"name": "http", "containerPort": 8080}]}]},
            })),
        ),
    ] {
        world.put(fact.unwrap());
        let Lookup::Found(pods) = world.workload(Workload::Deployment, &name) else { panic!("{world:?}") };
        assert_eq!(pods.ports.get("http"), Some(8080));
        assert_eq!(pods.template.as_deref(), template.as_ref());
    }
}

#[test]
fn a_grant_holds_for_its_namespaces_kinds_and_names() {
    let world = world(
        "\
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: one, namespace: b}
spec:
  from:
  - {group: deployment.beamlit.com, kind: ModelDeployment, namespace: a}
  - {group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: c}
  to:
  - {group: \"\", kind: Service, name: s}
  - {group: apps, kind: Deployment}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: two, namespace: b}
spec:
  from: [{group: deployment.beamlit.com, kind: ModelDeployment, namespace: d}]
  to: [{kind: Service}]
",
    );
    let granted = |from: &str, group: &str, kind: &str, namespace: &str, name: &str| {
        world.granted(from, group, kind, &Name::new(namespace, name)) == Lookup::Found(())
    };
    assert!(granted("a", "", "Service", "b", "s"));
    assert!(granted("a", "apps", "Deployment", "b", "any"));
    assert!(granted("d", "", "Service", "b", "other"));
    let mut left = world.clone();
    left.remove(Resource::ReferenceGrants, &Name::new("b", "one"));
    assert_eq!(left.granted("a", "", "Service", &Name::new("b", "s")), Lookup::Missing);
    assert_eq!(left.granted("d", "", "Service", &Name::new("b", "s")), Lookup::Found(()));
    // Two grants of the same: one may go.
    let twice = Fact::ReferenceGrant(
        Name::new("b", "three"),
        world.grants.get(&Name::new("b", "one")).unwrap().as_ref().clone(),
    );
    let mut twice_granted = world.clone();
    twice_granted.put(twice.clone());
    twice_granted.put(twice);
    twice_granted.remove(Resource::ReferenceGrants, &Name::new("b", "one"));
    assert_eq!(twice_granted.granted("a", "", "Service", &Name::new("b", "s")), Lookup::Found(()));
    twice_granted.remove(Resource::ReferenceGrants, &Name::new("b", "three"));
    assert_eq!(twice_granted.granted("a", "", "Service", &Name::new("b", "s")), Lookup::Missing);
    for (from, group, kind, namespace, name) in [
        ("a", "", "Service", "b", "other"),
        ("a", "", "Service", "c", "s"),
        ("a", "apps", "StatefulSet", "b", "any"),
        ("c", "", "Service", "b", "s"),
        ("d", "apps", "Deployment", "b", "any"),
        ("b", "", "Service", "b", "s"),
    ] {
        assert!(!granted(from, group, kind, namespace, name), "{from} to {kind} {namespace}/{name}");
    }
}

#[test]
fn an_autoscaler_is_found_by_its_workload_for_as_long_as_it_scales_it() {
    let autoscaler = |name: &str, workload: &str| {
        let target = format!("{{apiVersion: apps/v1, kind: Deployment, name: {workload}}}");
        let text = format!(
            "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: {name}}}, spec: {{scaleTargetRef: {target}}}}}"
        );
        facts(&text).remove(0)
    };
    let mut world = World::of_cluster();
    let of = |world: &World, workload: &str| -> Vec<String> {
        let found = world.autoscalers_of(Workload::Deployment, &Name::new("a", workload));
        found.map(|(name, _)| name.to_string()).collect()
    };
    world.put(autoscaler("two", "x"));
    world.put(autoscaler("one", "x"));
    assert_eq!(of(&world, "x"), ["a/one", "a/two"]);
    assert_eq!(world.autoscalers_of(Workload::StatefulSet, &Name::new("a", "x")).count(), 0);
    world.put(autoscaler("one", "z"));
    assert_eq!((of(&world, "x"), of(&world, "z")), (vec!["a/two".to_owned()], vec!["a/one".to_owned()]));
    assert_eq!(world.count(Resource::HorizontalPodAutoscalers), 2);
    world.remove(Resource::HorizontalPodAutoscalers, &Name::new("a", "two"));
    assert_eq!((of(&world, "x"), world.count(Resource::HorizontalPodAutoscalers)), (vec![], 1));
    world.replace(Resource::HorizontalPodAutoscalers, [autoscaler("three", "x")]);
    assert_eq!((of(&world, "x"), of(&world, "z")), (vec!["a/three".to_owned()], vec![]));
}

#[test]
fn a_copy_stands_still_while_the_world_goes_on() {
    let mut world = world("{apiVersion: v1, kind: Namespace, metadata: {name: a}}");
    let before = world.clone();
    world.remove(Resource::Namespaces, &Name::new("", "a"));
    assert!(before.has_namespace("a") && !world.has_namespace("a"));
}

#[derive(Clone, Debug)]
enum Step {
    Put(Fact),
    Remove(Resource, Name),
    Replace(Vec<Fact>),
}

fn any_name() -> impl Strategy<Value = Name> {
    (prop::sample::select(vec!["a", "b"]), prop::sample::select(vec!["x", "y", "z"])).prop_map(|(a, b)| Name::new(a, b))
}

fn any_deployment() -> impl Strategy<Value = (Name, Deployment)> {
    let claims =
        (prop::option::of(any_name()), prop::option::of(any_name()), prop::collection::btree_set(any_name(), 0..3));
    (
        any_name(),
        claims.prop_map(|(model, service, policies)| Deployment {
            model,
            service,
            policies: policies.into_iter().collect(),
            age: Age::default(),
        }),
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let deployment = || any_deployment().prop_map(|(name, deployment)| Fact::ModelDeployment(name, deployment));
    prop_oneof![
        4 => deployment().prop_map(Step::Put),
        2 => any_name().prop_map(|name| Step::Put(Fact::Policy(name, None))),
        2 => any_name().prop_map(|name| Step::Remove(Resource::ModelDeployments, name)),
        1 => any_name().prop_map(|name| Step::Remove(Resource::Policies, name)),
        1 => prop::collection::vec(deployment(), 0..3).prop_map(Step::Replace),
    ]
}

proptest! {
    /// Whatever happened before, the indexes say just what a fresh look at the objects that are left says.
    #[test]
    fn the_indexes_follow_the_objects(steps in prop::collection::vec(any_step(), 0..20)) {
        let mut world = World::of_cluster();
        let mut left = std::collections::BTreeMap::new();
        for step in steps {
            match step {
                Step::Put(fact) => {
                    if let Fact::ModelDeployment(name, deployment) = &fact {
                        left.insert(name.clone(), deployment.clone());
                    }
                    world.put(fact);
                }
                Step::Remove(resource, name) => {
                    if resource == Resource::ModelDeployments {
                        left.remove(&name);
                    }
                    world.remove(resource, &name);
                }
                Step::Replace(facts) => {
                    left.clear();
                    for fact in &facts {
                        if let Fact::ModelDeployment(name, deployment) = fact {
                            left.insert(name.clone(), deployment.clone());
                        }
                    }
                    world.replace(Resource::ModelDeployments, facts);
                }
            }
        }
        prop_assert_eq!(world.count(Resource::ModelDeployments), left.len());
        let sorted = |names: Vec<&Name>| { let mut names: Vec<Name> = names.into_iter().cloned().collect(); names.sort(); names };
        let of = |claims: &dyn Fn(&Deployment) -> bool| -> Vec<Name> {
            left.iter().filter(|(_, deployment)| claims(deployment)).map(|(name, _)| name.clone()).collect()
        };
        let nobody = Name::new("", "");
        for namespace in ["a", "b"] {
            for name in ["x", "y", "z"] {
                let key = Name::new(namespace, name);
                // Nothing is granted: claims from elsewhere do not count.
                let granted = |mut names: Vec<Name>| { names.retain(|name| name.namespace() == namespace); names };
                prop_assert_eq!(world.with_model(namespace, name, &nobody, Others::All).cloned(), of(&|it| it.model.as_ref() == Some(&key)).first().cloned());
                prop_assert_eq!(world.with_service(&key, &nobody, Others::All).cloned(), granted(of(&|it| it.service.as_ref() == Some(&key))).first().cloned());
                prop_assert_eq!(sorted(world.with_policy(&key).collect()), granted(of(&|it| it.policies.contains(&key))));
            }
        }
    }
}

#[test]
fn who_was_there_first_is_found_however_many_came_later() {
    let object = |name: &str, created: &str| {
        format!(
            "{{apiVersion: deployment.beamlit.com/v1alpha1, kind: ModelDeployment, metadata: {{name: {name}, creationTimestamp: {created}}}, \
             spec: {{model: m, serviceRef: {{name: s}}}}}}\n"
        )
    };
    let mut objects: Vec<String> =
        (0..=MAX_LOOKED_AT).map(|index| object(&format!("late-{index}"), "\"2026-01-02T00:00:00Z\"")).collect();
    objects.push(object("old", "\"2026-01-01T00:00:00Z\""));
    objects.push(object("nobody-knows", "null"));
    let world = world(&objects.join("---\n"));
    let name = |name: &str| Name::new("a", name);
    let service = name("s");
    let age = |of: &str| world.age(&name(of));
    let before = |of: &str| world.with_model("production", "m", &name(of), Others::Before(age(of))).cloned();
    assert_eq!(before("old"), None);
    assert_eq!(world.with_service(&service, &name("old"), Others::Before(age("old"))), None);
    // Of one second, the name decides.
    assert_eq!(before("late-0"), Some(name("old")));
    assert_eq!(world.with_service(&service, &name("late-7"), Others::Before(age("late-7"))), Some(&name("late-0")));
    assert!(before("nobody-knows").is_some());
    assert!(world.has_service_before(&service, &name("old"), &name("late-0")));
    assert!(world.has_service_before(&service, &name("late-0"), &name("late-1")));
    assert!(!world.has_service_before(&service, &name("late-0"), &name("old")));
    assert!(!world.has_service_before(&service, &name("old"), &name("gone")));
    // Whoever writes anew is told of any.
    assert!(world.with_model("production", "m", &name("old"), Others::All).is_some());
    assert!(world.rivals(&name("late-1")).any(|rival| *rival == name("late-0")));
    assert!(world.rivals(&name("late-1")).all(|rival| *rival != name("late-1")));
    assert_eq!(world.rivals(&name("gone")).count(), 0);
    assert!(size_of::<Deployment>() <= 64, "what is kept of each object is counted by the ten thousand");
}

/// Most events of a watch change nothing that is kept, and a copy of the world would be made for each.
#[test]
fn a_fact_that_is_known_is_recognised_and_any_other_is_not() {
    let objects = "\
{apiVersion: authorization.beamlit.com/v1alpha1, kind: Policy, metadata: {name: x}, spec: {type: location, locations: [{type: country, name: us}]}}
---
{apiVersion: deployment.beamlit.com/v1alpha1, kind: ModelDeployment, metadata: {name: x}, spec: {model: us}}
---
{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [{port: 80}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {template: {spec: {containers: [{ports: [{name: us, containerPort: 80}]}]}}}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: x}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: us}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: x}
spec: {from: [{group: deployment.beamlit.com, kind: ModelDeployment, namespace: us}], to: [{group: '', kind: Service}]}
---
{apiVersion: v1, kind: Namespace, metadata: {name: us}}
";
    let known = world(objects);
    let other = objects.replace("us", "fr").replace("80", "81");
    for (fact, other) in facts(objects).into_iter().zip(facts(&other)) {
        assert!(known.knows(&fact), "{fact:?}");
        assert!(!known.knows(&other), "{other:?}");
        assert!(!World::of_cluster().knows(&fact), "{fact:?}");
    }
}

#[test]
fn policies_on_beamlit_are_unknown_until_all_are_known() {
    let mut world = World::of_cluster();
    assert_eq!(world.remote_policy("a"), Lookup::Unknown);
    let before = world.clone();
    world.put_remote_policies([(&"a".to_owned(), &RemotePolicy::Unreadable)]);
    assert_eq!(world.remote_policy("a"), Lookup::Found(&RemotePolicy::Unreadable));
    assert_eq!(world.remote_policy("b"), Lookup::Missing);
    world.put_remote_policies([(&"b".to_owned(), &RemotePolicy::LimitsNeither)]);
    assert_eq!((world.remote_policy("a"), before.remote_policy("a")), (Lookup::Missing, Lookup::Unknown));
    // What is listed in the cluster changes nothing about it.
    world.replace(Resource::Policies, []);
    assert_eq!(world.remote_policy("b"), Lookup::Found(&RemotePolicy::LimitsNeither));
}
