use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::engine::configuration::{Answer, EnvironmentPolicy, Pause};
use crate::engine::finding::MAX_FINDINGS;
use crate::engine::manifest::{Judge, Named};
use crate::engine::policy::Place;
use crate::engine::schema::Shape;
use crate::engine::units::HostPort;
use crate::engine::validate::shaped;

const HEAD: &str = "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\n";

/// Errors, then warnings.
fn said(document: &str) -> Vec<String> {
    let read = read(document.as_bytes(), None);
    assert_eq!(read.configuration.is_some(), read.lines(Severity::Error).is_empty());
    [read.lines(Severity::Error), read.lines(Severity::Warning)].concat()
}

/// What is said of a document with these fields.
fn of(fields: &str) -> String {
    said(&format!("{HEAD}{fields}")).join("\n")
}

fn sound(fields: &str) -> Configuration {
    load(format!("{HEAD}{fields}").as_bytes(), None).unwrap_or_else(|faults| panic!("{fields}: {faults:?}")).0
}

#[test]
fn the_smallest_configuration_is_the_default() {
    assert_eq!(format!("{:?}", sound("")), format!("{:?}", Configuration::default()));
}

#[test]
fn every_field_comes_to_what_it_says() {
    let configuration = sound(
        "workspace: my-workspace
clusterDomain: K8s.Example.
beamlitHost: Run.Beamlit.DEV.
environments:
  production:
    policies:
    - {name: eu-only}
    - {refType: localPolicy, name: gpus, namespace: platform}
  development: {}
locations:
- {name: eu-par, country: FR}
- {name: somewhere, continent: EU}
backends:
- {host: '*.example.com', country: us}
- {host: models.example.com, location: eu-par, flavors: [{type: gpu, name: t4}]}
allowedHosts: [web.team-b.svc]
defaultRemoteBackend: {host: models.example.com, scheme: https}
missingLocalPolicy: refuse
missingGrant: warn
prometheus: {url: 'https://Prometheus.monitoring.svc:9090/prefix/', caFile: /ca.crt, bearerTokenFile: /token}
pause: home
",
    );
    let prometheus = configuration.prometheus.as_ref().unwrap();
    assert_eq!(prometheus.url.as_str(), "https://prometheus.monitoring.svc:9090/prefix/");
    assert_eq!(
        (prometheus.ca_file.as_deref(), prometheus.bearer_token_file.as_deref()),
        (Some("/ca.crt"), Some("/token"))
    );
    let host = |text: &str| HostPort::parse(text).unwrap().host;
    assert_eq!(configuration.workspace.as_deref(), Some("my-workspace"));
    assert_eq!(configuration.cluster_domain, "k8s.example");
    assert_eq!(configuration.beamlit_host, host("run.beamlit.dev"));
    assert_eq!(
        configuration.policies_of("production"),
        [
            EnvironmentPolicy::Remote("eu-only".into()),
            EnvironmentPolicy::Local { namespace: "platform".into(), name: "gpus".into() }
        ]
    );
    assert!(configuration.policies_of("development").is_empty());
    let places = |site: &crate::engine::policy::Site| site.places().map(|place| place.to_string()).collect::<Vec<_>>();
    let paris = configuration.atlas.site(&Place::Location("eu-par".into()));
    assert_eq!(places(&paris), ["location eu-par", "country fr", "continent eu"]);
    let narrow = configuration.declared(&host("models.example.com")).unwrap();
    assert_eq!(places(&narrow.site), ["location eu-par", "country fr", "continent eu"]);
    assert_eq!(narrow.flavors.iter().map(ToString::to_string).collect::<Vec<_>>(), ["gpu t4"]);
    let wide = configuration.declared(&host("other.example.com")).unwrap();
    assert_eq!(places(&wide.site), ["country us", "continent na"]);
    assert!(configuration.declared(&host("example.com")).is_none());
    assert!(configuration.allowed_hosts.exactly(&host("web.team-b.svc")).is_some());
    assert_eq!(configuration.default_remote_backend.unwrap().host, "models.example.com");
    assert_eq!((configuration.missing_local_policy, configuration.missing_grant), (Answer::Refuse, Answer::Warn));
    assert_eq!(configuration.pause, Some(Pause::Home));
}

#[test]
fn the_domain_that_is_given_wins_also_in_the_judgement() {
    let document = format!("{HEAD}defaultRemoteBackend: {{host: web.team-b.svc.corp.example}}\n");
    assert!(read(document.as_bytes(), None).configuration.is_some());
    let faults = load(document.as_bytes(), Some("corp.example")).unwrap_err();
    assert!(faults.iter().any(|fault| fault.contains("team-b") && fault.ends_with("[RT002]")), "{faults:?}");
    let given = read(HEAD.as_bytes(), Some("corp.example")).configuration.unwrap();
    assert_eq!(given.cluster_domain, "corp.example");
}

#[test]
fn what_is_no_configuration_is_told_what_is() {
    let all = |text: &str| said(text).join("\n");
    insta::assert_snapshot!(all("workspace: a"), @r#"
    1:1: apiVersion: Required value; write apiVersion: config.beamlit.com/v1alpha1 [OB002]
    1:1: kind: Required value; write kind: OperatorConfiguration [OB002]
    "#);
    insta::assert_snapshot!(all("apiVersion: v1\nkind: ConfigMap\ndata: {a: b}"), @r#"2:7: kind: Unsupported value: "ConfigMap": supported values: "OperatorConfiguration"; give the file that it holds, not the ConfigMap [OB009]"#);
    insta::assert_snapshot!(all("apiVersion: config.beamlit.com/v1\nkind: OperatorConfig"), @r#"
    1:13: apiVersion: Unsupported value: "config.beamlit.com/v1": supported values: "config.beamlit.com/v1alpha1"; did you mean "config.beamlit.com/v1alpha1"? [OB009]
    2:7: kind: Unsupported value: "OperatorConfig": supported values: "OperatorConfiguration"; did you mean "OperatorConfiguration"? [OB009]
    "#);
    insta::assert_snapshot!(all("apiVersion: v1\nkind: List\nitems: []"), @r#"2:7: kind: Unsupported value: "List": supported values: "OperatorConfiguration"; a configuration stands in no List [OB009]"#);
    insta::assert_snapshot!(all("apiVersion: 1\nkind: []"), @r#"
    1:13: apiVersion: Invalid value: must be a string, not an integer [OB001]
    2:7: kind: Invalid value: must be a string, not a list [OB001]
    "#);
    insta::assert_snapshot!(all("- a"), @"1:1: Invalid value: must be a map, not a list [OB001]");
    insta::assert_snapshot!(all("# nothing\n---\n"), @"there is nothing in it: an OperatorConfiguration is one document");
    insta::assert_snapshot!(all(&format!("{HEAD}---\n{HEAD}")), @"4:1: a second document begins here: an operator has one configuration, in one document");
    insta::assert_snapshot!(all(&format!("{HEAD}a: *a")), @"3:4: while parsing node, found unknown anchor");
    insta::assert_snapshot!(all(&" ".repeat(MAX_BYTES + 1)), @"larger than 1 MiB");
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}", HEAD.replace('\n', "\n  "));
    assert!(load(list.as_bytes(), None).is_err());
}

#[test]
fn the_structure_is_told_in_the_words_of_any_object() {
    insta::assert_snapshot!(of("
workspace: \"\"
environment: {}
environments: {staging: {policies: []}, production: {policies: [eu-only]}, development: {policies: {name: a}}}
missingGrant: ignore
missingLocalPolicy: 1
pause: Freeze
allowedHosts: [\"\", 1]
backends:
- hosts: a.example
- {host: b.example, flavors: [{type: tpu, name: v5}], region: eu}
- {host: c.example, country: us, country: ca}
- null
defaultRemoteBackend:
  host: d.example
  path: /v1
  headersToAdd: {X-A: 1, '007': [a], a/b~c: {}}
  authConfig: {type: oauth2, oauthConfig: {clientId: a}}
"), @r#"
    4:12: workspace: Required value: must not be empty [OB002]
    6:65: environments.production.policies[0]: Invalid value: must be a map, not a string [OB001]
    6:90: environments.development.policies: Invalid value: must be a list, not a map; start each item with "- " [OB001]
    6:16: environments.staging: Unknown field [OB007]
    12:3: backends[0].host: Required value [OB002]
    12:3: backends[0].hosts: Unknown field; did you mean "host"? [OB007]
    13:38: backends[1].flavors[0].type: Unsupported value: "tpu": supported values: "cpu", "gpu" [OB003]
    13:55: backends[1].region: Unknown field [OB007]
    14:34: backends[2].country: Duplicate value: the key stands here 2 times, and only the last would count [OB008]
    15:3: backends[3]: Invalid value: must be a map, not null [OB001]
    10:16: allowedHosts[0]: Required value: must not be empty [OB002]
    10:20: allowedHosts[1]: Invalid value: must be a string, not an integer; put it in quotes [OB001]
    19:26: defaultRemoteBackend.headersToAdd[007]: Invalid value: must be a string, not a list [OB001]
    19:23: defaultRemoteBackend.headersToAdd[X-A]: Invalid value: must be a string, not an integer; put it in quotes [OB001]
    19:38: defaultRemoteBackend.headersToAdd[a/b~c]: Invalid value: must be a string, not a map [OB001]
    19:38: defaultRemoteBackend.headersToAdd[a/b~c]: Invalid value: the name must consist of letters, digits and any of ! # $ % & ' * + - . ^ _ ` | ~ [RT004]
    20:22: defaultRemoteBackend.authConfig.type: Unsupported value: "oauth2": supported values: "oauth"; did you mean "oauth"? [OB003]
    20:30: defaultRemoteBackend.authConfig.oauthConfig.clientSecretRef: Required value: the client needs a secret; name a Secret of this namespace and its key [RT010]
    20:30: defaultRemoteBackend.authConfig.oauthConfig.tokenUrl: Required value [OB002]
    18:3: defaultRemoteBackend.path: Unknown field; did you mean "pathPrefix"? [OB007]
    8:21: missingLocalPolicy: Invalid value: must be a string, not an integer; put it in quotes [OB001]
    7:15: missingGrant: Unsupported value: "ignore": supported values: "warn", "refuse" [OB003]
    9:8: pause: Unsupported value: "Freeze": supported values: "freeze", "home"; did you mean "freeze"? [OB003]
    5:1: environment: Unknown field; did you mean "environments"? [OB007]
    "#);
}

/// Everything that the issue lists as bad input, and what comes back: a word of the message, and its code.
#[test]
fn bad_input_gets_one_clear_finding() {
    let backend = |host: &str| format!("backends: [{{host: {host}, country: fr}}]");
    let place = |place: &str| format!("locations: [{{name: a, {place}}}]");
    let table: Vec<(String, &[&str])> = vec![
        // patterns that match everything, or nearly
        (backend("'*'"), &["would match every host", "CF001"]),
        (backend("'*.*'"), &["would match every host", "CF001"]),
        (backend("'*.'"), &["would match every host", "CF001"]),
        (backend("'*.com'"), &["top-level domain", "CF002"]),
        (backend("a.*.example"), &["at the start", "CF001"]),
        (backend("'*a.example'"), &["write \"*.a.example\"", "CF001"]),
        ("allowedHosts: ['*']".into(), &["would match every host", "CF001"]),
        ("allowedHosts: ['*.svc']".into(), &["top-level domain", "all namespaces"]),
        ("allowedHosts: ['*.cluster.local']".into(), &["all namespaces", "CF018"]),
        ("allowedHosts: ['*.svc.cluster.local']".into(), &["all namespaces", "CF018"]),
        // IDNA and punycode, trailing dots, ports, IPv6 and zones
        (backend("bücher.example"), &["is written xn--bcher-kva.example", "CF001"]),
        (backend("'*.bücher.example'"), &["is written *.xn--bcher-kva.example", "CF001"]),
        (backend("\"exam\\u200bple.com\""), &["\\u{200b}", "invisible", "CF001"]),
        (backend("xn--bcher-kva.example"), &[]),
        (backend("Models.Example.COM."), &[]),
        (backend("a.example.."), &["empty label", "CF001"]),
        (backend("a.example:443"), &["port", "write \"a.example\"", "CF001"]),
        (backend("'*.a.example:443'"), &["port", "write \"*.a.example\"", "CF001"]),
        (backend("'[2001:db8::1]'"), &[]),
        (backend("'2001:db8::1'"), &["brackets", "CF001"]),
        (backend("'[2001:db8::1]:443'"), &["port", "CF001"]),
        (backend("'[fe80::1%eth0]'"), &["zone", "CF001"]),
        (backend("'fe80::1%eth0'"), &["zone", "write \"[fe80::1]\"", "CF001"]),
        (backend("'*.10.0.0.1'"), &["below an address", "CF001"]),
        (backend("https://a.example/v1"), &["scheme", "write \"a.example\"", "CF001"]),
        (backend("'me:hunter2@a.example'"), &["credentials", "\"…@a.example\"", "CF001"]),
        // codes
        (place("country: FR"), &[]),
        (place("country: GB, continent: EU"), &[]),
        (place("country: uk"), &["did you mean \"gb\"?", "CF004"]),
        (place("country: su"), &["not an ISO 3166-1", "CF004"]),
        (place("country: dd"), &["not an ISO 3166-1", "CF004"]),
        (place("country: yu"), &["not an ISO 3166-1", "CF004"]),
        (place("country: an"), &["did you mean continent: an?", "CF004"]),
        (place("country: eu"), &["did you mean continent: eu?", "CF004"]),
        (place("country: Europe"), &["did you mean continent: eu?", "CF004"]),
        (place("country: usa"), &["did you mean \"us\"?", "CF004"]),
        (place("country: no"), &["must be a string, not a boolean", "put it in quotes", "OB001"]),
        (place("continent: europe"), &["did you mean \"eu\"?", "CF005"]),
        (place("continent: us"), &["did you mean country: us?", "CF005"]),
        (place("continent: america"), &["\"na\" or \"sa\"", "CF005"]),
        (place("continent: null"), &["country or continent is required", "CF007"]),
        // territories on two continents
        (place("country: tr, continent: eu"), &["country tr is counted on continent as", "CF006"]),
        (place("country: ru, continent: as"), &["country ru is counted on continent eu", "CF006"]),
        (place("country: eg, continent: as"), &["country eg is counted on continent af", "CF006"]),
        (place("country: gf, continent: eu"), &["country gf is counted on continent sa", "CF006"]),
        (place("country: kz, continent: as"), &[]),
        // absurd configurations
        ("locations: [{name: a, country: us}, {name: a, continent: na}]".into(), &["already declared at locations[0]", "CF008"]),
        ("locations: [{name: 'us pdx', country: us}]".into(), &["did you mean \"us-pdx\"?", "CF009"]),
        (
            "backends: [{host: a.example, country: fr}, {host: A.example., country: us}]".into(),
            &["already declared at backends[0]", "CF003"],
        ),
        (
            "locations: [{name: us-pdx, country: us}]\nbackends: [{host: a.example, location: us-pdx, country: ca}]".into(),
            &["backends[0].country", "lies in country us, as locations[0] says", "CF010"],
        ),
        (
            "locations: [{name: us-pdx, country: us}]\nbackends: [{host: a.example, location: us-pdx, continent: eu}]".into(),
            &["backends[0].continent", "lies on continent na, as locations[0] says", "CF010"],
        ),
        (
            "locations: [{name: x, continent: eu}]\nbackends: [{host: a.example, location: x, country: us}]".into(),
            &["backends[0].country", "lies on continent eu, as locations[0] says", "CF010"],
        ),
        ("locations: [{name: x, continent: eu}]\nbackends: [{host: a.example, location: x, country: fr}]".into(), &[]),
        ("backends: [{host: a.example}]".into(), &["nothing is declared", "CF011"]),
        ("backends: [{host: a.example, flavors: []}]".into(), &["nothing is declared", "CF011"]),
        (
            "locations: [{name: us-pdx, country: us}]\nbackends: [{host: a.example, location: us-pdt}]".into(),
            &["only a policy that allows this very location", "did you mean \"us-pdx\"?", "CF012"],
        ),
        ("backends: [{host: a.example, location: us-pdx, country: us}]".into(), &[]),
        ("backends: [{host: a.example, flavors: [{type: gpu, name: ' t4'}]}]".into(), &["did you mean \"t4\"?", "CF009"]),
        ("environments: {production: {policies: [{refType: localPolicy, name: a}]}}".into(), &["CF013"]),
        ("environments: {production: {policies: [{name: a, namespace: b}]}}".into(), &["refType: localPolicy", "CF014"]),
        ("environments: {production: {policies: [{name: A_b}]}}".into(), &["did you mean \"a-b\"?", "RF001"]),
        (
            "environments: {development: {policies: [{refType: localPolicy, name: a, namespace: b.c}]}}".into(),
            &["environments.development.policies[0].namespace", "RF002"],
        ),
        (
            "environments: {production: {policies: [{name: a}, {refType: remotePolicy, name: a}]}}".into(),
            &["environments.production.policies[1]", "RF005"],
        ),
        (
            "environments: {production: {policies: [{name: a}]}, development: {policies: [{name: a}]}}".into(),
            &[],
        ),
        ("environments: {prod: {}}".into(), &["did you mean \"production\"?", "OB007"]),
        ("workspace: a/b".into(), &["CF015"]),
        ("workspace: ..".into(), &["CF015"]),
        ("clusterDomain: .cluster.local".into(), &["did you mean \"cluster.local\"?", "CF016"]),
        ("clusterDomain: a..b".into(), &["CF016"]),
        ("beamlitHost: '*.beamlit.com'".into(), &["without a wildcard", "CF017"]),
        ("beamlitHost: metadata.google.internal".into(), &["never a remote backend", "RT002"]),
        (backend("xn--a.example"), &["no internationalised name", "CF001"]),
        ("beamlitHost: run.beamlit.com:443".into(), &["port", "CF017"]),
        ("beamlitHost: https://run.beamlit.com".into(), &["write \"run.beamlit.com\"", "CF017"]),
        ("prometheus: {}".into(), &["prometheus.url: Required value", "OB002"]),
        ("prometheus: {url: ''}".into(), &["prometheus.url", "OB002"]),
        ("prometheus: {url: 'prometheus:9090'}".into(), &["absolute URL", "CF020"]),
        ("prometheus: {url: '/prometheus'}".into(), &["absolute URL", "CF020"]),
        ("prometheus: {url: 'http:prometheus'}".into(), &["absolute URL", "CF020"]),
        ("prometheus: {url: 'http:///prometheus'}".into(), &["absolute URL", "CF020"]),
        ("prometheus: {url: 'ftp://prometheus'}".into(), &["absolute URL", "CF020"]),
        ("prometheus: {url: 'http://p/ metrics'}".into(), &["white space", "CF020"]),
        ("prometheus: {url: 'http://user:hunter2@p'}".into(), &["credentials", "http://…@p", "CF020"]),
        ("prometheus: {url: 'http://p?token=hunter2'}".into(), &["query", "http://p?…", "CF020"]),
        ("prometheus: {url: 'http://p#a'}".into(), &["fragment", "CF020"]),
        ("prometheus: {url: 'http://p:9090/api/v1/'}".into(), &["did you mean \"http://p:9090\"?", "CF020"]),
        ("prometheus: {url: 'http://p:9090/x/graph'}".into(), &["did you mean \"http://p:9090/x\"?", "CF020"]),
        ("prometheus: {url: 'https://p', caFile: ca.crt}".into(), &["absolute path", "CF021"]),
        ("prometheus: {url: 'https://p', bearerTokenFile: ./token}".into(), &["absolute path", "CF021"]),
        ("prometheus: {url: 'http://p', bearerTokenFile: /token}".into(), &["unencrypted", "CF022"]),
        ("prometheus: {url: 'http://p', token: hunter2}".into(), &["token", "OB0"]),
        ("allowedHosts: [169.254.169.254]".into(), &["credentials", "CF018"]),
        ("allowedHosts: [localhost]".into(), &["loopback", "CF018"]),
        ("allowedHosts: ['[::1]']".into(), &["loopback", "CF018"]),
        ("allowedHosts: [kubernetes.default.svc]".into(), &["API server", "CF018"]),
        ("allowedHosts: ['*.default.localhost']".into(), &["allows nothing", "CF019"]),
        ("allowedHosts: ['*.team-b.svc', web.team-c.svc, 10.0.0.1]".into(), &[]),
        ("allowedHosts: [a.example, A.EXAMPLE]".into(), &["already declared at allowedHosts[0]", "CF003"]),
        ("defaultRemoteBackend: {host: web.team-a.svc}".into(), &["defaultRemoteBackend.host", "RT002"]),
        ("defaultRemoteBackend: {host: web.team-a.svc}\nallowedHosts: ['*.team-a.svc']".into(), &[]),
        ("defaultRemoteBackend: {host: 'a.example/v1'}".into(), &["pathPrefix", "RT001"]),
        ("defaultRemoteBackend: {host: a.example, pathPrefix: v1}".into(), &["RT003"]),
        (
            "defaultRemoteBackend: {host: a.example, authConfig: {type: oauth, oauthConfig: {clientId: a, clientSecretRef: {name: a, key: b}, tokenUrl: 'https://a.example'}}}".into(),
            &["defaultRemoteBackend.scheme", "RT013"],
        ),
        ("workspace: a\nworkspace: b".into(), &["workspace", "OB008"]),
        ("metadata: {name: a}".into(), &["metadata", "OB007"]),
        ("spec: {}".into(), &["spec", "OB007"]),
    ];
    for (fields, words) in table {
        let told = of(&fields);
        assert_eq!(words.is_empty(), told.is_empty(), "{fields}: {told}");
        for word in words {
            assert!(told.contains(word), "{fields}: {word} in {told}");
        }
        let expected = if fields.contains("'*.svc'") { 2 } else { words.len().min(1) };
        assert_eq!(told.lines().count(), expected, "{fields}: one fault, one finding: {told}");
    }
}

#[test]
fn a_finding_has_its_place_and_stands_in_the_order_of_the_schema() {
    insta::assert_snapshot!(of("pause: never
backends:
- country: uk
  host: '*'
locations:
- name: a
workspace: a b
"), @r#"
    9:12: workspace: Invalid value: "a b": must not contain white space, control, invisible or bidirectional characters [CF015]
    8:3: locations[0]: Required value: "a": country or continent is required: without them it is only a name [CF007]
    6:9: backends[0].host: Invalid value: "*": would match every host; name a host, or a domain such as *.example.com [CF001]
    5:12: backends[0].country: Invalid value: "uk": not an ISO 3166-1 alpha-2 country code; did you mean "gb"? [CF004]
    3:8: pause: Unsupported value: "never": supported values: "freeze", "home" [OB003]
    "#);
}

#[test]
fn a_configuration_among_other_files_is_judged_too() {
    let text = format!("{HEAD}backends: [{{host: '*', country: fr}}]\n---\n{HEAD}");
    let outcomes = Judge::new("default", Configuration::default()).source(text.as_bytes(), Named::Found);
    let refused: Vec<bool> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Judged(judged) => judged.refused,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(refused, [true, false]);
}

#[test]
fn ten_thousand_entries_are_judged_in_bounded_time() {
    let start = std::time::Instant::now();
    let list = |field: &str, entry: &dyn Fn(usize) -> String| {
        let entries: Vec<String> = (0..10_000).map(entry).collect();
        format!("{field}: [{}]\n", entries.join(", "))
    };
    let good = [
        list("locations", &|n| format!("{{name: l{n}, country: fr}}")),
        list("backends", &|n| format!("{{host: '*.b{n}.example', location: l{n}}}")),
    ];
    let configuration = sound(&good.concat());
    assert_eq!((configuration.backends.len(), configuration.atlas.locations().count()), (10_000, 10_000));
    let allowed = sound(&list("allowedHosts", &|n| format!("h{n}.example")));
    assert_eq!(allowed.allowed_hosts.len(), 10_000);
    let policies = list("policies", &|n| format!("{{name: p{n}}}"));
    assert_eq!(sound(&format!("environments: {{production: {{{policies}}}}}")).production.len(), 10_000);
    for bad in [
        list("backends", &|n| format!("{{host: '*', location: l{n}}}")),
        list("backends", &|_| "{host: a.example, country: atlantis}".into()),
        list("backends", &|n| format!("{{hst: a{n}, reigon: eu}}")),
        list("locations", &|_| "{name: a}".into()),
        list("allowedHosts", &|_| "1".into()),
        (0..10_000).map(|n| format!("bakends{n}: 1\n")).collect(),
        format!(
            "defaultRemoteBackend: {{host: a, headersToAdd: {{{}}}}}",
            (0..10_000).map(|n| format!("h{n}: 1, ")).collect::<String>()
        ),
    ] {
        let read = read(format!("{HEAD}{bad}").as_bytes(), None);
        let Outcome::Judged(judged) = read.outcome else { panic!("{:?}", read.outcome) };
        assert!(judged.refused && judged.findings.len() <= 2 * MAX_FINDINGS, "{}", judged.findings.len());
        assert!(judged.more >= 9_000, "{bad:.60}: {}", judged.more);
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn bombs_and_cycles_of_aliases_are_no_configuration() {
    let bomb: String = (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
    for fields in [format!("a0: &a0 [x]\n{bomb}"), "backends: &a [*a]\n".into(), "a: &a {b: *a}\n".into()] {
        let read = read(format!("{HEAD}{fields}").as_bytes(), None);
        assert!(matches!(read.outcome, Outcome::Unreadable { .. }), "{fields:.40}: {:?}", read.outcome);
    }
    let shared = "locations: [{name: a, country: &c fr}, {name: b, country: *c}]\n";
    assert_eq!(of(shared), "");
}

#[test]
fn no_secret_is_told_or_shown() {
    let oauth = |rest: &str| {
        format!(
            "defaultRemoteBackend: {{host: a.example, scheme: https, headersToAdd: {{X-Key: hunter2}}, authConfig: {{type: oauth, oauthConfig: {{clientId: a, {rest}}}}}}}\n"
        )
    };
    let fine = oauth("clientSecret: hunter2, tokenUrl: 'https://a.example/?k=hunter2'");
    let configuration = sound(&fine);
    assert!(!format!("{configuration:?}").contains("hunter2"));
    for fields in [
        fine,
        oauth("clientSecret: [hunter2], tokenUrl: 'https://me:hunter2@a.example/'"),
        oauth("clientSecret: {hunter2: hunter2}, tokenUrl: 'http://a.example/?hunter2'"),
        "defaultRemoteBackend: {host: 'me:hunter2@a.example', headersToAdd: {X-Key: [hunter2], 'X: hunter2': \"\\n\"}}\n".into(),
        "defaultRemoteBackend: hunter2\n".into(),
        "beamlitHost: me:hunter2@a.example\nallowedHosts: ['https://me:hunter2@a.example']\nbackends: [{host: 'me:hunter2@a.example'}]\n".into(),
    ] {
        let told = of(&fields);
        assert!(!told.is_empty() && !told.contains("hunter2"), "{fields}: {told}");
    }
}

/// A text that may stand in some field.
fn text() -> impl Strategy<Value = serde_json::Value> {
    let words =
        ["", "us", "fr", "eu", "*.example.com", "a.example", "localPolicy", "warn", "gpu", "*", "https", "oauth"];
    prop_oneof![
        6 => proptest::sample::select(words.to_vec()).prop_map(|word| json!(word)),
        1 => Just(json!("x".repeat(300))),
        1 => any::<String>().prop_map(|text| json!(text)),
    ]
}

/// A value where the schema expects another one, or none.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i8>().prop_map(|value| json!(value)),
        Just(json!(0.5)),
        text(),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let fields: Vec<String> =
            fields(Shape::of_configuration()).into_iter().chain(["0".into(), "a/b~".into()]).collect();
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(|items| json!(items)),
            proptest::collection::hash_map(proptest::sample::select(fields), inner, 0..3)
                .prop_map(|members| json!(members)),
        ]
    })
}

fn fields(shape: &Shape) -> Vec<String> {
    let below = match shape {
        Shape::List { item, .. } => fields(item),
        _ => Vec::new(),
    };
    let own = shape.fields().iter().flat_map(|field| std::iter::once(field.name.clone()).chain(fields(&field.shape)));
    own.chain(below).collect()
}

/// A configuration that is mostly of the right shape.
fn shaped_like(shape: &Shape) -> BoxedStrategy<serde_json::Value> {
    let right = match shape {
        Shape::Object(fields) => {
            let members: Vec<_> = fields
                .iter()
                .map(|field| {
                    let share = if field.required { 0.95 } else { 0.5 };
                    proptest::option::weighted(share, shaped_like(&field.shape)).prop_map({
                        let name = field.name.clone();
                        move |value| value.map(|value| (name.clone(), value))
                    })
                })
                .collect();
            members.prop_map(|members| json!(members.into_iter().flatten().collect::<serde_json::Map<_, _>>())).boxed()
        }
        Shape::List { item, .. } => {
            proptest::collection::vec(shaped_like(item), 0..3).prop_map(|items| json!(items)).boxed()
        }
        Shape::Texts => Just(json!({"X-Team": "a"})).boxed(),
        Shape::Text { allowed, .. } if !allowed.is_empty() => {
            proptest::sample::select(allowed.clone()).prop_map(|text| json!(text)).boxed()
        }
        _ => text().boxed(),
    };
    prop_oneof![30 => right, 1 => value()].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever stands in it, it is answered; and what the JSON Schema says is what the structure of any object is held to.
    #[test]
    fn the_schema_and_the_structure_agree(document in shaped_like(Shape::of_configuration())) {
        let text = document.to_string();
        let node = documents(text.as_bytes()).next().map(|document| document.content);
        let Some(Ok(node)) = node else { return Ok(()) };
        _ = read(text.as_bytes(), None);
        prop_assume!(node.is_map());
        let mut by_shape = Findings::default();
        shaped(&mut by_shape, &At::root(), &node, Shape::of_configuration());
        let mut expected: Vec<String> = by_shape.list().iter().map(ToString::to_string).collect();
        let all = rules::judge(&node, None);
        let structural = ["OB001", "OB002", "OB003", "OB004", "OB005", "OB006", "OB007", "OB008"];
        let mut told: Vec<String> = all.list().iter()
            .filter(|finding| structural.contains(&finding.rule.code))
            .map(ToString::to_string).collect();
        expected.sort();
        told.sort();
        prop_assert_eq!(told, expected);
        prop_assert_eq!(all.refuse(), judge(&node, None).1.is_none());
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[a-z:\\-\\[\\]{}*&!'\" \n]{0,200}") {
        _ = read(&bytes, None);
        _ = read(format!("{HEAD}{text}").as_bytes(), None);
    }
}
