//! What is compiled, what stays open, and what keeps traffic at home.

mod plans;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::origin::{Origin, Step, explain, walk};
use super::*;
use crate::engine::configuration::Configuration;
use crate::engine::parse::{JsonLimits, documents, from_json};
use crate::engine::subject::{Kind, Reading};
use crate::engine::world::World;
use crate::engine::world::{Fact, RemotePolicy, Resource};
use crate::engine::{defaults, judge};

/// The secret that no plan may show.
const SECRET: &str = "hunter2";

/// What everything refers to, in a cluster.
const CLUSTER: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: my-model}
spec:
  template:
    metadata: {labels: {app: my-model}}
    spec:
      containers:
      - name: server
        image: registry.example.com/my-model:1
        env: [{name: TOKEN, value: hunter2}]
        ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9090}]
---
apiVersion: v1
kind: Service
metadata: {name: my-model}
spec: {ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: my-model-metrics}
spec: {ports: [{port: 9000, targetPort: 9090}, {port: 9001}]}
---
apiVersion: authorization.beamlit.com/v1alpha1
kind: Policy
metadata: {name: us}
spec: {type: location, locations: [{type: country, name: us}]}
";

fn facts(text: &str) -> Vec<Fact> {
    let fact = |node: Node<'_>| {
        let resource = Resource::of(node.text_of("apiVersion").unwrap(), node.text_of("kind").unwrap()).unwrap();
        Fact::of_file(resource, &node, "default").unwrap()
    };
    documents(text.as_bytes()).map(|document| fact(document.content.unwrap())).collect()
}

fn world_of(facts: impl IntoIterator<Item = Fact>) -> World {
    let mut world = World::of_cluster();
    facts.into_iter().for_each(|fact| world.put(fact));
    world
}

fn world(text: &str) -> World {
    world_of(facts(text))
}

fn compiled_in(object: &Value, world: &World, configuration: &Configuration) -> Result<Plan, NotCompiled> {
    let bytes = serde_json::to_vec(object).unwrap();
    let mut node = from_json(&bytes, JsonLimits::UniqueKeys).unwrap();
    _ = defaults::apply(Kind::ModelDeployment, &mut node);
    let surroundings = Surroundings { namespace: "default", name: "my-model", configuration, world };
    let findings = judge(Kind::ModelDeployment, &node, &surroundings, Reading::Review);
    compile(&node, &surroundings, &findings)
}

fn compiled(object: &Value) -> Plan {
    compiled_in(object, &world(CLUSTER), &Configuration::default()).unwrap()
}

fn object(spec: Value) -> Value {
    let mut object = json!({"metadata": {"name": "my-model", "labels": {"team": "a", "offloading": "forged"}}, "spec": {
        "model": "my-model", "modelSourceRef": {"name": "my-model"}, "serviceRef": {"name": "my-model"}}});
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    object
}

/// With every field of the schema in use.
fn full() -> Value {
    object(json!({
        "enabled": true, "environment": "development",
        "serviceRef": {"name": "my-model", "targetPort": 8080},
        "metricServiceRef": {"name": "my-model-metrics", "targetPort": 9000},
        "policies": [{"refType": "localPolicy", "name": "us"}, {"name": "on-beamlit"}, {"refType": "remotePolicy", "name": "us"}],
        "serverlessConfig": {"minNumReplicas": 1, "scaleUpMinimum": 2, "metric": "cpu", "target": "70", "stableWindow": "60s"},
        "offloadingConfig": {
            "behavior": {"percentage": 50, "strategy": "Proportional",
                "scaleUp": {"tolerance": 0, "selectPolicy": "Min", "policies": [{"type": "Percent", "value": 10, "periodSeconds": 30}]},
                "scaleDown": {"stabilizationWindowSeconds": 60}},
            "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 90}}},
                {"type": "Pods", "pods": {"metric": {"name": "rps", "selector": {"matchLabels": {"a": "b"}}}, "target": {"averageValue": 100}}},
                {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "10"}}},
                {"type": "Object", "object": {"describedObject": {"kind": "Ingress", "name": "i"}, "metric": {"name": "hits"}, "target": {"value": "2k"}}},
                {"type": "ContainerResource", "containerResource": {"name": "memory", "container": "server", "target": {"averageValue": "1Gi"}}}
            ],
            "remoteBackend": {"host": "Models.Example.com.", "scheme": "https", "pathPrefix": "/v1/$model",
                "headersToAdd": {"x-b": SECRET, "X-A": SECRET},
                "authConfig": {"type": "oauth", "oauthConfig": {"clientId": "c", "clientSecret": SECRET, "tokenUrl": "https://auth.example.com/token"}}}
        }
    }))
}

fn written(object: &Value, check: impl FnOnce(&Node<'_>)) {
    let bytes = serde_json::to_vec(object).unwrap();
    check(&from_json(&bytes, JsonLimits::UniqueKeys).unwrap());
}

#[test]
fn every_value_is_explained() {
    for object in [full(), object(json!({})), object(json!({"offloadingConfig": {}}))] {
        let plan = compiled(&object);
        let mut leaves = 0;
        walk(&serde_json::to_value(&plan).unwrap(), &mut Vec::new(), &mut |_: &[Step<'_>], _| leaves += 1);
        written(&object, |node| {
            let explained = explain(&plan, node);
            assert_eq!(explained.len(), leaves);
            for each in &explained {
                assert_ne!(each.origin.to_string(), "unexplained", "{}", each.path);
            }
        });
    }
}

/// Where a field is named as the origin, the value stands there, or what it stands for.
#[test]
fn an_explanation_is_true() {
    let object = full();
    let plan = compiled(&object);
    written(&object, |node| {
        for each in explain(&plan, node) {
            let Origin::Field(field) = &each.origin else { continue };
            let pointer = format!("/{}", field.replace(['.', '['], "/").replace([']', '"'], ""));
            let stands = object.pointer(&pointer).unwrap_or_else(|| panic!("{}: {field}", each.path));
            let same = |stands: &Value| {
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                text(stands) == text(&each.value)
            };
            let resolved = ["host", "pathPrefix"].iter().any(|end| field.ends_with(end));
            let among = stands.as_array().is_some_and(|all| all.iter().any(|item| item["name"] == each.value));
            assert!(same(stands) || resolved || among, "{} = {}: {field} = {stands}", each.path, each.value);
        }
    });
}

#[test]
fn what_is_not_there_or_not_known_stays_open() {
    let open = |world: &World, object: &Value| -> Vec<String> {
        let plan = compiled_in(object, world, &Configuration::default()).unwrap();
        plan.open.iter().map(ToString::to_string).collect()
    };
    let object = object(json!({"offloadingConfig": {"remoteBackend": {"host": "models.example.com"}}}));
    assert_eq!(
        open(&World::of_cluster(), &object),
        ["Deployment default/my-model is not there yet", "Service default/my-model is not there yet"]
    );
    assert_eq!(
        open(&World::unknown(), &object),
        ["Deployment default/my-model was not looked up", "Service default/my-model was not looked up"]
    );
    assert_eq!(open(&world(CLUSTER), &object), [""; 0]);
    let mut beamlit = object.clone();
    beamlit["spec"]["offloadingConfig"] = json!({});
    assert_eq!(open(&world(CLUSTER), &beamlit), ["the workspace ($workspace) follows from the operator's credentials"]);
    let plan = compiled_in(&object, &World::of_cluster(), &Configuration::default()).unwrap();
    assert_eq!(plan.autoscaler.unwrap().route.service.port, None);
    assert_eq!(plan.beamlit.spec.runtime, None, "no port is sent as 0");
}

/// The Service of a stored object may lose its port: nobody knows the object any worse for it.
#[test]
fn a_port_that_is_not_there_any_more_stays_open() {
    for service in [json!({"name": "my-model", "targetPort": 81}), json!({"name": "my-model-metrics"})] {
        let name = service["name"].as_str().unwrap().to_owned();
        let object =
            object(json!({"serviceRef": service, "offloadingConfig": {"remoteBackend": {"host": "h.example.com"}}}));
        let plan = compiled_in(&object, &world(CLUSTER), &Configuration::default()).unwrap();
        assert_eq!(plan.open, [Open::Port { service: Name::new("default", &name) }]);
        assert_eq!(plan.autoscaler.unwrap().route.service.port, None);
    }
}

/// One that was stored before anybody judged it, or that nobody could look up.
#[test]
fn a_policy_of_which_nobody_knows_what_it_allows_keeps_traffic_at_home() {
    let object = object(json!({"policies": [{"refType": "localPolicy", "name": "odd"}],
        "offloadingConfig": {"remoteBackend": {"host": "h.example.com"}}}));
    let odd = format!(
        "{CLUSTER}---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata: {{name: odd}}\nspec: {{type: other}}\n"
    );
    for world in [world(&odd), World::unknown()] {
        let plan = compiled_in(&object, &world, &Configuration::default()).unwrap();
        assert_eq!(plan.blocked, [Blocked::PoliciesUnresolved]);
    }
}

/// A start must be told from a policy that is missing: only of the former may traffic stay where it is.
#[test]
fn what_was_not_read_yet_is_told_from_what_is_missing() {
    let backend = json!({"remoteBackend": {"host": "models.example.com"}});
    let unread = |policies: Value, world: &World| {
        let object = object(json!({"policies": policies, "offloadingConfig": backend}));
        let plan = compiled_in(&object, world, &Configuration::default()).unwrap();
        assert_eq!(plan.blocked, [Blocked::PoliciesUnresolved]);
        plan.policies_unread
    };
    let unlisted = world(CLUSTER);
    assert!(unread(json!([{"name": "on-beamlit"}]), &unlisted));
    assert!(!unread(json!([{"name": "on-beamlit"}, {"refType": "localPolicy", "name": "gone"}]), &unlisted));
    let mut listed = world(CLUSTER);
    listed.put_remote_policies([]);
    assert!(!unread(json!([{"name": "on-beamlit"}]), &listed));
    let mut odd = world(CLUSTER);
    odd.put_remote_policies([(&"on-beamlit".to_owned(), &RemotePolicy::Unreadable)]);
    assert!(!unread(json!([{"name": "on-beamlit"}]), &odd));
}

#[test]
fn what_keeps_traffic_at_home_is_a_reason_and_no_fault() {
    let backend = json!({"remoteBackend": {"host": "models.example.com"}});
    let blocked = |spec: Value, configuration: &Configuration| {
        compiled_in(&object(spec), &world(CLUSTER), configuration).unwrap().blocked
    };
    let plain = Configuration::default();
    let missing = json!([{"refType": "localPolicy", "name": "gone"}]);
    assert_eq!(blocked(json!({"offloadingConfig": backend}), &plain), []);
    assert_eq!(blocked(json!({"enabled": false, "offloadingConfig": backend}), &plain), [Blocked::Disabled]);
    assert_eq!(
        blocked(json!({"enabled": false, "policies": missing, "offloadingConfig": {}}), &plain),
        [Blocked::Disabled, Blocked::PoliciesUnresolved]
    );
    // A remote policy of unknown content beside a backend of one's own.
    assert_eq!(
        blocked(json!({"policies": [{"name": "on-beamlit"}], "offloadingConfig": backend}), &plain),
        [Blocked::PoliciesUnresolved]
    );
    // Nobody has declared where the backend is.
    assert_eq!(
        blocked(json!({"policies": [{"refType": "localPolicy", "name": "us"}], "offloadingConfig": backend}), &plain),
        [Blocked::RemoteRefused]
    );
    assert_eq!(
        blocked(json!({"serviceRef": {"name": "s", "namespace": "b"}, "offloadingConfig": backend}), &plain),
        [Blocked::NotGranted]
    );
}

#[test]
fn what_nobody_understands_is_not_compiled() {
    for (spec, code) in [
        (json!({"environment": "prod"}), "OB003"),
        (json!({"offloadingConfig": {"behavior": {"percentage": 101}}}), "OB004"),
        (json!({"offloadingConfig": {"remoteBackend": {"host": "https://x"}}}), "RT001"),
    ] {
        let error = compiled_in(&object(spec), &world(CLUSTER), &Configuration::default()).unwrap_err();
        assert_eq!(error.faults.iter().map(|fault| fault.rule.code).collect::<Vec<_>>(), [code]);
    }
}

#[test]
fn the_operators_default_backend_and_beamlits_own_host_are_told_apart() {
    let default: crate::api::RemoteBackend = serde_json::from_value(
        json!({"host": "gw.example.com:8443", "scheme": "https", "pathPrefix": "/$workspace/$model"}),
    )
    .unwrap();
    let configuration = Configuration {
        workspace: Some("team".into()),
        default_remote_backend: Some(default),
        ..Configuration::default()
    };
    let remote = |offloading: Value| {
        let object = object(json!({"offloadingConfig": offloading}));
        let plan = compiled_in(&object, &world(CLUSTER), &configuration).unwrap();
        let remote = plan.autoscaler.unwrap().route.remote;
        (plan.backend.unwrap(), remote.host, remote.path_prefix, remote.query)
    };
    let is = |backend, host: &str, prefix: &str, query: &str| (backend, host.into(), prefix.into(), query.into());
    assert_eq!(remote(json!({})), is(Backend::Configured, "gw.example.com:8443", "/team/my-model", ""));
    assert_eq!(
        remote(json!({"remoteBackend": {"host": "run.beamlit.com", "pathPrefix": "/team/models/other"}})),
        is(Backend::Own, "run.beamlit.com", "/team/models/other", "environment=production")
    );
}

/// A part of the full object, or nothing, in the place of each of its fields.
fn parts() -> impl Strategy<Value = Value> {
    let of = |value: Value| prop_oneof![Just(None), Just(Some(value))];
    let whole = full();
    let field = move |path: &str| of(whole.pointer(path).unwrap().clone());
    let spec = ["enabled", "environment", "metricServiceRef", "policies", "serverlessConfig", "offloadingConfig"]
        .map(|name| field(&format!("/spec/{name}")));
    let offloading =
        ["behavior", "metrics", "remoteBackend"].map(|name| field(&format!("/spec/offloadingConfig/{name}")));
    let behavior = ["percentage", "strategy", "scaleUp", "scaleDown"]
        .map(|name| field(&format!("/spec/offloadingConfig/behavior/{name}")));
    (spec, offloading, behavior, 0..5_usize).prop_map(|(spec, offloading, behavior, metrics)| {
        let mut object = full();
        let put = |at: &mut Value, names: &[&str], values: &[Option<Value>]| {
            for (name, value) in names.iter().zip(values) {
                match value {
                    Some(value) => at[*name] = value.clone(),
                    None => _ = at.as_object_mut().unwrap().remove(*name),
                }
            }
        };
        put(
            &mut object["spec"],
            &["enabled", "environment", "metricServiceRef", "policies", "serverlessConfig", "offloadingConfig"],
            &spec,
        );
        if spec[5].is_some() {
            put(&mut object["spec"]["offloadingConfig"], &["behavior", "metrics", "remoteBackend"], &offloading);
            if offloading[0].is_some() {
                put(
                    &mut object["spec"]["offloadingConfig"]["behavior"],
                    &["percentage", "strategy", "scaleUp", "scaleDown"],
                    &behavior,
                );
            }
            if let Some(list) = object["spec"]["offloadingConfig"]["metrics"].as_array_mut() {
                list.truncate(metrics);
            }
        }
        object
    })
}

proptest! {
    #[test]
    fn the_same_object_gives_the_same_bytes_explained_and_without_a_secret(object in parts()) {
        let world = world(CLUSTER);
        let text = |world: &World| {
            let plan = compiled_in(&object, world, &Configuration::default()).unwrap();
            (serde_json::to_string(&plan).unwrap(), plan)
        };
        let (first, plan) = text(&world);
        // Learnt in another order, and from the object with its defaults written out.
        let turned = world_of(facts(CLUSTER).into_iter().rev());
        prop_assert_eq!(&first, &text(&turned).0);
        prop_assert!(!first.contains(SECRET), "{}", first);
        let shown = format!("{plan:?}");
        prop_assert!(!shown.contains(SECRET));
        written(&object, |node| {
            for each in explain(&plan, node) {
                assert_ne!(each.origin.to_string(), "unexplained", "{}", each.path);
            }
        });
        // What is compiled is an OffloadAutoscaler by its own schema.
        if let Some(spec) = &plan.autoscaler {
            let schema = crate::api::spec_schema("OffloadAutoscaler").unwrap();
            let spec = serde_json::to_value(spec).unwrap();
            prop_assert!(jsonschema::is_valid(&schema, &spec), "{}", spec);
            prop_assert_eq!(spec.get("metrics").unwrap().as_array().unwrap().len(), object.pointer("/spec/offloadingConfig/metrics").and_then(Value::as_array).map_or(0, Vec::len));
        }
    }
}
