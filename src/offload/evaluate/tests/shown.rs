//! TARGETS and `status.currentMetrics`. The texts are those of `formatHPAMetrics` in Kubernetes 1.36.

use super::*;

fn shown(current: Current) -> Evaluation {
    let sample = Sample::whole(1.0, NOW, WINDOW);
    Evaluation {
        follows: Follows::Traffic,
        outcome: Ok(Outcome { sample, hpa: Hpa { ratio: 1.0, undecided: false }, current, pods: None }),
    }
}

fn percent(percent: i32) -> Evaluation {
    shown(Current { utilization: Some(percent), average: Some(Milli(1)), value: None })
}

fn of_average(milli: i64) -> Evaluation {
    shown(Current { average: Some(Milli(milli)), ..Current::default() })
}

fn of_value(milli: i64) -> Evaluation {
    shown(Current { value: Some(Milli(milli)), ..Current::default() })
}

fn unknown() -> Evaluation {
    let age = SECOND * 80;
    Evaluation { follows: Follows::Traffic, outcome: Err(Fault::Stale { age, limit: SECOND * 75 }) }
}

#[test]
fn targets_as_kubectl_prints_them() {
    let value = json!({"type": "Value", "value": "2k"});
    let average_of = json!({"type": "AverageValue", "averageValue": 30});
    let both = json!({"type": "Value", "value": "2", "averageValue": "30"});
    let proxy = |target: Json| of_container("proxy", &target);
    for (what, metric, evaluation, text) in [
        ("utilization", utilization("cpu", 90), percent(95), "cpu: 95%/90%"),
        ("of memory", utilization("memory", 80), percent(0), "memory: 0%/80%"),
        ("unknown", utilization("cpu", 90), unknown(), "cpu: <unknown>/90%"),
        ("an average of cpu", average("cpu", "0.5"), of_average(250), "cpu: 250m/500m"),
        ("an average of memory", average("memory", "1024Mi"), of_average(536_870_912_000), "memory: 512Mi/1Gi"),
        (
            "memory that is no whole number",
            average("memory", "1Gi"),
            of_average(536_870_912_500),
            "memory: 536870912500m/1Gi",
        ),
        ("an unknown average", average("memory", "1Gi"), unknown(), "memory: <unknown>/1Gi"),
        (
            "the container is not named",
            proxy(json!({"type": "Utilization", "averageUtilization": 70})),
            percent(7),
            "cpu: 7%/70%",
        ),
        ("its average", proxy(json!({"type": "AverageValue", "averageValue": "1"})), of_average(1500), "cpu: 1500m/1"),
        ("pods are not marked as an average", of_pods("30"), of_average(1_000_000), "1k/30"),
        ("pods, unknown", of_pods("30"), unknown(), "<unknown>/30"),
        ("an object", of_object(&value), of_value(1_500_000), "1500/2k"),
        ("an object, unknown", of_object(&value), unknown(), "<unknown>/2k"),
        ("the average of an object", of_object(&average_of), of_average(12_345), "12345m/30 (avg)"),
        ("an object with both targets", of_object(&both), of_value(1000), "1/2"),
        ("external", external(&value), of_value(0), "0/2k"),
        ("the average of external", external(&average_of), of_average(29_000), "29/30 (avg)"),
        ("external, unknown", external(&average_of), unknown(), "<unknown>/30 (avg)"),
        (
            "the largest",
            external(&json!({"type": "Value", "value": "8Ei"})),
            of_value(i64::MAX),
            "9223372036854775807m/9223372036854775807",
        ),
        ("no source", metric(json!({"type": "Pods"})), of_value(1), "<unknown type>"),
    ] {
        assert_eq!(targets(&[metric], &[evaluation]), text, "{what}");
    }
}

#[test]
fn two_are_shown_and_the_others_counted() {
    let metrics = [utilization("cpu", 90), average("memory", "1Gi"), of_pods("30"), of_pods("40")];
    let evaluations = [percent(95), unknown(), of_average(1), of_average(1)];
    for (count, text) in [
        (0, "<none>"),
        (1, "cpu: 95%/90%"),
        (2, "cpu: 95%/90%, memory: <unknown>/1Gi"),
        (3, "cpu: 95%/90%, memory: <unknown>/1Gi + 1 more..."),
        (4, "cpu: 95%/90%, memory: <unknown>/1Gi + 2 more..."),
    ] {
        assert_eq!(targets(&metrics[..count], &evaluations[..count]), text);
    }
    assert_eq!(targets(&metrics[..1], &[]), "cpu: <unknown>/90%", "before the first evaluation");
}

#[test]
fn statuses_in_the_shape_of_autoscaling_v2() {
    let selector =
        json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "NotIn", "values": ["d"]}]});
    let selected = metric(json!({"type": "External", "external": {"metric": {"name": "rps", "selector": selector},
        "target": {"type": "Value", "value": "1"}}}));
    let (reading, pods) = (resource(&[used("a", &[("main", 950)])]), [pod("a", 1000)]);
    let proxy = of_container("proxy", &json!({"type": "AverageValue", "averageValue": "1"}));
    for (metric, evaluation, expected) in [
        (
            utilization("cpu", 90),
            evaluated(&utilization("cpu", 90), &pods, &reading),
            json!({"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 95, "averageValue": "950m"}}}),
        ),
        (
            average("memory", "1Gi"),
            of_average(1_073_741_824_000),
            json!({"type": "Resource", "resource": {"name": "memory", "current": {"averageValue": "1Gi"}}}),
        ),
        (
            proxy,
            of_average(1500),
            json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "proxy", "current": {"averageValue": "1500m"}}}),
        ),
        (
            of_pods("30"),
            of_average(1500),
            json!({"type": "Pods", "pods": {"metric": {"name": "queue"}, "current": {"averageValue": "1500m"}}}),
        ),
        (
            of_object(&json!({"type": "Value", "value": "1"})),
            of_value(2_000_000),
            json!({"type": "Object", "object": {"metric": {"name": "rps"}, "current": {"value": "2k"},
                "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "model"}}}),
        ),
        (
            selected,
            of_value(1),
            json!({"type": "External", "external": {"metric": {"name": "rps", "selector": selector}, "current": {"value": "1m"}}}),
        ),
        (utilization("cpu", 90), unknown(), json!({"type": "Resource", "resource": {"name": "cpu", "current": {}}})),
    ] {
        assert_eq!(serde_json::to_value(status(&metric, &evaluation)).unwrap(), expected);
    }
}
