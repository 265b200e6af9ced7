//! What is ready of a Service.

use super::*;

/// A slice of the Service `s`, with one port called `http`.
fn slice(name: &str, endpoints: &Value) -> Value {
    json!({
        "metadata": {"namespace": "ns", "name": name, "labels": {"kubernetes.io/service-name": "s",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}},
        "addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    })
}

fn pod(address: &str, uid: &str, conditions: &Value) -> Value {
    let target = json!({"kind": "Pod", "namespace": "ns", "name": format!("pod-{uid}"), "uid": uid});
    json!({"addresses": [address], "conditions": conditions, "targetRef": target})
}

fn ready() -> Value {
    json!({"ready": true, "serving": true, "terminating": false})
}

/// A cluster with the Service `s`.
fn cluster() -> Driven {
    let driven = Driven::empty();
    driven.put(&driven.inner().services, &service("s", &json!({})));
    driven.told();
    driven
}

fn local(driven: &Driven) -> Local {
    driven.view.local(&name("s"), Some(80))
}

#[test]
fn endpoints_are_ready_unless_somebody_says_that_they_are_not() {
    for (conditions, expected) in [
        (ready(), 1),
        (json!({}), 1),
        (json!({"ready": null}), 1),
        (json!({"ready": false, "serving": true, "terminating": true}), 0),
        (json!({"ready": false}), 0),
        // As a Service with publishNotReadyAddresses has it.
        (json!({"ready": true, "terminating": true}), 0),
    ] {
        let driven = cluster();
        driven.put(&driven.inner().slices, &slice("a", &json!([pod("10.0.0.1", "1", &conditions)])));
        assert_eq!(local(&driven), Local::Ready(expected), "{conditions}");
    }
}

#[test]
fn losing_the_last_ready_endpoint_is_told_and_what_alters_nothing_is_not() {
    let driven = cluster();
    let slices = &driven.inner().slices;
    assert_eq!(local(&driven), Local::Unknown);
    let told = [Change::Endpoints(name("s"))];
    driven.put(slices, &slice("a", &json!([pod("10.0.0.1", "1", &ready())])));
    assert_eq!((local(&driven), driven.told().as_slice()), (Local::Ready(1), &told[..]));
    // One that starts, and one that moves within the slice.
    let starting = pod("10.0.0.2", "2", &json!({"ready": false}));
    driven.put(slices, &slice("a", &json!([starting, pod("10.0.0.1", "1", &ready())])));
    assert_eq!((local(&driven), driven.told().as_slice()), (Local::Ready(1), &[][..]));
    driven.put(slices, &slice("a", &json!([pod("10.0.0.1", "1", &json!({"ready": false}))])));
    assert_eq!((local(&driven), driven.told().as_slice()), (Local::Ready(0), &told[..]));
    // An empty list is null there.
    driven.put(slices, &placeholder());
    assert_eq!(local(&driven), Local::Ready(0));
    driven.delete(slices, &placeholder());
    assert_eq!(local(&driven), Local::Unknown);
}

/// A Service that was deleted and made anew has no slice for a moment, and one without a selector has none for ever: neither is a
/// failover. Of one that selects nothing that is ready there is a slice that says so.
#[test]
fn nobody_can_tell_what_is_ready_of_a_service_without_slices() {
    let driven = cluster();
    let slices = &driven.inner().slices;
    assert_eq!(local(&driven), Local::Unknown);
    driven.put(slices, &placeholder());
    assert_eq!(local(&driven), Local::Ready(0));
}

/// original-defects.md: "More than one EndpointSlice is an error."
#[test]
fn an_endpoint_in_several_slices_counts_once() {
    let driven = cluster();
    let slices = &driven.inner().slices;
    let mut v6 = slice("v6", &json!([pod("fd00::1", "1", &ready()), pod("fd00::2", "2", &json!({"ready": false}))]));
    v6["addressType"] = "IPv6".into();
    driven.put(slices, &v6);
    let v4 = slice("v4", &json!([pod("10.0.0.1", "1", &ready()), pod("10.0.0.2", "2", &ready())]));
    driven.put(slices, &v4);
    assert_eq!(local(&driven), Local::Ready(2));
    // While it is moved from one slice to another it is in both.
    driven.put(slices, &slice("v4-2", &json!([pod("10.0.0.2", "2", &ready()), pod("10.0.0.3", "3", &ready())])));
    assert_eq!(local(&driven), Local::Ready(3));
    driven.delete(slices, &v4);
    assert_eq!(local(&driven), Local::Ready(3));
}

#[test]
fn what_has_no_uid_is_told_by_its_name_and_else_by_its_address() {
    let driven = cluster();
    let named = |address: &str, name: &str| json!({"addresses": [address], "targetRef": {"kind": "Pod", "name": name}});
    let plain = |address: &str| json!({"addresses": [address]});
    let endpoints = json!([
        named("10.0.0.1", "a"),
        named("fd00::1", "a"),
        named("10.0.0.2", "b"),
        plain("10.0.0.3"),
        plain("10.0.0.3"),
        plain("10.0.0.4")
    ]);
    driven.put(&driven.inner().slices, &slice("manual", &endpoints));
    assert_eq!(local(&driven), Local::Ready(4));
}

#[test]
fn our_own_slices_say_nothing_of_what_is_ready_here() {
    let driven = cluster();
    let slices = &driven.inner().slices;
    let mut ours = slice("a", &json!([pod("10.0.0.1", "1", &ready())]));
    ours["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] = "beamlit-operator".into();
    driven.put(slices, &ours);
    assert_eq!((local(&driven), driven.told().as_slice()), (Local::Unknown, &[][..]));
    let theirs = slice("a", &json!([pod("10.0.0.1", "1", &ready())]));
    driven.put(slices, &theirs);
    assert_eq!(local(&driven), Local::Ready(1));
    driven.put(slices, &ours);
    assert_eq!(local(&driven), Local::Unknown);
    assert!(driven.metric("watch_objects{resource=\"endpointslices\"} 0"));
}

#[test]
fn a_slice_that_moves_to_another_service_changes_both() {
    let driven = cluster();
    driven.put(&driven.inner().services, &service("t", &json!({})));
    let slices = &driven.inner().slices;
    driven.put(slices, &slice("a", &json!([pod("10.0.0.1", "1", &ready())])));
    driven.told();
    let mut moved = slice("a", &json!([pod("10.0.0.1", "1", &ready())]));
    moved["metadata"]["labels"]["kubernetes.io/service-name"] = "t".into();
    driven.put(slices, &moved);
    assert_eq!(driven.told(), [Change::Endpoints(name("s")), Change::Endpoints(name("t"))]);
    assert_eq!((local(&driven), driven.view.local(&name("t"), None)), (Local::Unknown, Local::Ready(1)));
    // Nobody's, and of a Service that there is not.
    for labels in [json!({}), json!({"kubernetes.io/service-name": ""}), Value::Null] {
        moved["metadata"]["labels"] = labels;
        driven.put(slices, &moved);
        assert_eq!(driven.view.local(&name("t"), None), Local::Unknown);
    }
    assert_eq!(driven.told(), [Change::Endpoints(name("t"))]);
    assert_eq!(driven.view.local(&name("none"), None), Local::Unknown);
}

/// A pod in which a named port is not to be found (any more) is ready, and yet nothing reaches it.
#[test]
fn a_named_port_that_vanishes_takes_its_endpoints_along() {
    let driven = cluster();
    let Inner { services, slices, .. } = driven.inner();
    let mut two = service("s", &json!({}));
    two["spec"]["ports"] = json!([{"name": "http", "port": 80}, {"name": "metrics", "port": 9090}]);
    driven.put(services, &two);
    assert_eq!(driven.told(), [Change::Service(name("s"))]);
    let at = |port| driven.view.local(&name("s"), port);
    let mut whole = slice("a", &json!([pod("10.0.0.1", "1", &ready())]));
    whole["ports"] = json!([{"name": "http", "port": 8080}, {"name": "metrics", "port": 9}]);
    driven.put(slices, &whole);
    assert_eq!([Some(80), Some(9090), None].map(at), [Local::Ready(1); 3]);
    driven.told();
    whole["ports"] = json!([{"name": "metrics", "port": 9}]);
    driven.put(slices, &whole);
    assert_eq!(driven.told(), [Change::Endpoints(name("s"))]);
    assert_eq!([Some(80), Some(9090), None].map(at), [Local::Ready(0), Local::Ready(1), Local::Ready(1)]);
    whole["ports"] = Value::Null;
    driven.put(slices, &whole);
    assert_eq!([Some(80), Some(9090), None].map(at), [Local::Ready(0); 3]);
    // A port that the Service does not have is a mistake, and never a failover.
    assert_eq!(at(Some(81)), Local::Unknown);
}

#[test]
fn a_service_without_a_name_for_its_port_and_one_without_ports_have_endpoints_too() {
    let driven = Driven::empty();
    let Inner { services, slices, .. } = driven.inner();
    let mut unnamed = service("s", &json!({}));
    unnamed["spec"]["ports"] = json!([{"port": 80}]);
    driven.put(services, &unnamed);
    let mut endpoints = slice("a", &json!([pod("10.0.0.1", "1", &ready())]));
    for port in [json!({"name": "", "port": 8080}), json!({"port": 8080}), json!({"name": null, "port": null})] {
        endpoints["ports"] = json!([port]);
        driven.put(slices, &endpoints);
        assert_eq!(local(&driven), Local::Ready(1));
    }
    let headless = json!({"metadata": {"namespace": "ns", "name": "s"}, "spec": {"clusterIP": "None"}});
    driven.put(services, &headless);
    endpoints["ports"] = json!([]);
    driven.put(slices, &endpoints);
    assert_eq!(driven.view.local(&name("s"), None), Local::Ready(1));
}

#[test]
fn nobody_can_tell_what_is_ready_of_names() {
    let driven = cluster();
    let Inner { services, slices, .. } = driven.inner();
    let mut names = slice("names", &json!([{"addresses": ["elsewhere.example"], "conditions": {"ready": true}}]));
    names["addressType"] = "FQDN".into();
    driven.put(slices, &names);
    assert_eq!(local(&driven), Local::Unknown);
    driven.put(slices, &slice("a", &json!([pod("10.0.0.1", "1", &ready())])));
    assert_eq!(local(&driven), Local::Ready(1));
    let mut external = service("s", &json!({}));
    external["spec"] = json!({"type": "ExternalName", "externalName": "elsewhere.example"});
    driven.told();
    driven.put(services, &external);
    assert_eq!(driven.told(), [Change::Service(name("s"))]);
    assert_eq!(driven.view.local(&name("s"), None), Local::Unknown);
}
