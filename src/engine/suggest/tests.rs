use proptest::prelude::*;

use super::*;

const TYPES: [&str; 5] = ["Resource", "ContainerResource", "Pods", "Object", "External"];
const BACKEND: [&str; 5] = ["host", "scheme", "pathPrefix", "headersToAdd", "authConfig"];

#[test]
fn every_way_of_being_a_little_off() {
    let environments = ["production", "development"];
    for (input, candidates, meant) in [
        // letter case
        ("Production", &environments[..], Some("production")),
        ("RESOURCE", &TYPES, Some("Resource")),
        ("resource", &TYPES, Some("Resource")),
        // surrounding space, and inside
        (" production\n", &environments, Some("production")),
        ("\u{a0}production\u{3000}", &environments, Some("production")),
        ("Container Resource", &TYPES, Some("ContainerResource")),
        ("container-resource", &TYPES, Some("ContainerResource")),
        // invisible characters
        ("pro\u{200b}duction", &environments, Some("production")),
        ("\u{202e}production", &environments, Some("production")),
        ("\u{feff}production", &environments, Some("production")),
        // NFKC
        ("ｐｒｏｄｕｃｔｉｏｎ", &environments, Some("production")),
        ("𝐩𝐫𝐨𝐝𝐮𝐜𝐭𝐢𝐨𝐧", &environments, Some("production")),
        ("ﬁle", &["file", "pile"], Some("file")),
        // confusables
        ("рrоduсtiоn", &environments, Some("production")),
        ("РОDЅ", &TYPES, Some("Pods")),
        ("Ηttp", &["http", "https"], Some("http")),
        ("һttр", &["http", "https"], Some("http")),
        (
            "deployrnent.bearnlit.com",
            &["deployment.beamlit.com", "authorization.beamlit.com"],
            Some("deployment.beamlit.com"),
        ),
        // distance of 1 and 2
        ("prodution", &environments, Some("production")),
        ("porduction", &environments, Some("production")),
        ("produktoin", &environments, Some("production")),
        ("Utilisation", &["Utilization", "Value", "AverageValue"], Some("Utilization")),
        ("behaviour", &["behavior", "metrics"], Some("behavior")),
        ("metric", &["metrics", "behavior"], Some("metrics")),
        ("Mx", &["Max", "Min", "Disabled"], Some("Max")),
        ("gpus", &["cpu", "gpu"], Some("gpu")),
        ("xroduxxion", &environments, None),
        // one inside the other
        ("prod", &environments, Some("production")),
        ("dev", &environments, Some("development")),
        ("my-production-2", &environments, Some("production")),
        ("Percentage", &["Percent"], Some("Percent")),
        ("pr", &environments, None),
        // short words
        ("x", &["cpu", "gpu"], None),
        ("us", &["eu", "as", "af"], None),
        ("tpu", &["cpu", "gpu"], None),
        ("abu", &["cpu"], None),
        // nothing near, or nothing at all
        ("banana", &environments, None),
        ("", &environments, None),
        (" \u{200b}", &environments, None),
        ("production", &[], None),
        ("production", &["", " "], None),
    ] {
        assert_eq!(closest(input, candidates.iter().copied()), meant, "{input:?}");
    }
}

#[test]
fn the_nearest_wins_whatever_the_order() {
    for candidates in [["metrics", "metric", "metricServiceRef"], ["metricServiceRef", "metric", "metrics"]] {
        assert_eq!(closest("Metric", candidates), Some("metric"));
        assert_eq!(closest("metricss", candidates), Some("metrics"));
        assert_eq!(closest("metricService", candidates), Some("metricServiceRef"));
    }
}

#[test]
fn several_equally_near_are_none_but_one_candidate_twice_is_one() {
    assert_eq!(closest("policy-c", ["policy-a", "policy-b"]), None);
    assert_eq!(closest("policy-c", ["policy-a", "policy-a"]), Some("policy-a"));
    assert_eq!(closest("policy-c", ["policy-a", "policy-b", "policy_c"]), Some("policy_c"));
}

#[test]
fn the_input_itself_is_no_suggestion() {
    assert_eq!(closest("cpu", ["cpu"]), None);
    assert_eq!(closest("cpu", ["cpu", "CPU"]), Some("CPU"));
    assert_eq!(field("path", ["path"]), None);
}

#[test]
fn the_hint_quotes_what_was_meant() {
    assert_eq!(did_you_mean("prod", ["production", "development"]).as_deref(), Some(r#"did you mean "production"?"#));
    assert_eq!(did_you_mean("a\"", ["A\""]).as_deref(), Some(r#"did you mean "A\""?"#));
    assert_eq!(did_you_mean("banana", ["production"]), None);
}

#[test]
fn fields_are_known_by_their_usual_names() {
    let reference = ["refType", "name", "apiVersion", "kind", "namespace", "uid", "resourceVersion", "fieldPath"];
    let service = ["apiVersion", "kind", "name", "namespace", "targetPort", "uid", "resourceVersion", "fieldPath"];
    for (input, known, meant) in [
        ("path", &BACKEND[..], Some("pathPrefix")),
        ("headers", &BACKEND, Some("headersToAdd")),
        ("Header", &BACKEND, Some("headersToAdd")),
        ("hostname", &BACKEND, Some("host")),
        ("url", &BACKEND, Some("host")),
        ("protocol", &BACKEND, Some("scheme")),
        ("path_prefix", &BACKEND, Some("pathPrefix")),
        ("headers-to-add", &BACKEND, Some("headersToAdd")),
        ("ref", &reference, Some("name")),
        ("port", &service, Some("targetPort")),
        ("secretRef", &["clientId", "clientSecret", "clientSecretRef", "tokenUrl"], Some("clientSecretRef")),
        ("tokenURL", &["clientId", "clientSecret", "clientSecretRef", "tokenUrl"], Some("tokenUrl")),
        ("maxReplicas", &["minNumReplicas", "maxNumReplicas"], Some("maxNumReplicas")),
        ("last_pod_retention_period", &["lastPodRetentionPeriod", "stableWindow"], Some("lastPodRetentionPeriod")),
        ("behaviour", &["behavior", "metrics", "remoteBackend"], Some("behavior")),
        ("policy", &["model", "policies"], Some("policies")),
        ("flavours", &["displayName", "type", "locations", "flavors"], Some("flavors")),
        ("offload", &["model", "offloadingConfig"], Some("offloadingConfig")),
        ("banana", &BACKEND, None),
    ] {
        let hint = meant.map(|meant| format!("did you mean \"{meant}\"?"));
        assert_eq!(field(input, known.iter().copied()), hint, "{input:?}");
    }
}

#[test]
fn huge_inputs_take_bounded_time() {
    let long = "a".repeat(3 << 20);
    let names: Vec<String> = (0..1000).map(|n| format!("{n}{}", "ab".repeat(120))).collect();
    let start = std::time::Instant::now();
    assert_eq!(closest(&long, names.iter().map(String::as_str)), None);
    assert_eq!(closest(&"ba".repeat(122), names.iter().map(String::as_str)), None);
    assert_eq!(closest(&"\u{fdfa}".repeat(100_000), names.iter().map(String::as_str)), None);
    assert_eq!(closest(&format!("a{}", "\u{301}".repeat(100_000)), names.iter().map(String::as_str)), None);
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-dA-D0ORNm_ -]{0,6}", "[αрсеΗI1l\u{200b}ﬁ\u{301}]{0,5}"]
}

proptest! {
    #[test]
    fn what_is_suggested_is_a_candidate_and_not_the_input(input in words(), candidates in prop::collection::vec(words(), 0..8)) {
        let known = || candidates.iter().map(String::as_str);
        if let Some(meant) = closest(&input, known()) {
            prop_assert!(candidates.iter().any(|candidate| candidate == meant));
            prop_assert_ne!(meant, input.as_str());
        }
        let backwards = closest(&input, known().rev());
        prop_assert_eq!(closest(&input, known()), backwards);
        _ = field(&input, known());
    }

    #[test]
    fn one_slip_in_a_long_word_is_forgiven(place in 0_usize..10, c in proptest::char::range('a', 'z')) {
        let mut chars: Vec<char> = "production".chars().collect();
        chars[place] = c;
        let input: String = chars.into_iter().collect();
        prop_assume!(input != "production");
        prop_assert_eq!(closest(&input, ["production", "development"]), Some("production"));
    }

    #[test]
    fn stripping_what_is_common_keeps_the_distance(a in "[abc]{0,8}", b in "[abc]{0,8}") {
        let (rest_a, rest_b) = differing(&a, &b);
        prop_assert_eq!(strsim::osa_distance(rest_a, rest_b), strsim::osa_distance(&a, &b));
    }
}
