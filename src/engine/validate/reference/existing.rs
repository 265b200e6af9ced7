//! Workloads and Services that are looked up: whether they are there, and whether the Service has the port.

use super::grant;
use crate::engine::finding::rules::{RF007, RF008, RF009};
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::Node;
use crate::engine::policy::listed;
use crate::engine::subject::Surroundings;
use crate::engine::units::names;
use crate::engine::world::{Lookup, Meant, Name, PodPorts, Port, Target, Workload, meant};

/// Judges that a workload is there. Returns what its pods call their ports, as far as that is known.
pub(super) fn workload<'w>(
    out: &mut Findings,
    at: &At<'_>,
    node: &Node<'_>,
    surroundings: &Surroundings<'w>,
) -> Option<&'w PodPorts> {
    let kind = Workload::of(node.text_of("kind").unwrap_or("Deployment"))?;
    let name = grant::reached(node, kind.name(), names::dns_subdomain, surroundings)?;
    match surroundings.world.workload(kind, &name) {
        Lookup::Found(pods) => Some(&pods.ports),
        Lookup::Missing => {
            out.add(missing(at, kind.name(), &name));
            None
        }
        Lookup::Unknown => None,
    }
}

/// The workload behind the Services of an object.
pub(super) struct Behind<'b> {
    /// Where it is named.
    pub(super) at: &'b At<'b>,
    /// What its pods call their ports, as far as that is known.
    pub(super) pods: Option<&'b PodPorts>,
}

/// Judges that a Service is there, and that it has the port.
pub(super) fn service(
    out: &mut Findings,
    at: &At<'_>,
    node: &Node<'_>,
    behind: &Behind<'_>,
    surroundings: &Surroundings<'_>,
) {
    let Some(name) = grant::reached(node, "Service", names::dns_label, surroundings) else { return };
    match surroundings.world.service(&name) {
        Lookup::Found(ports) => port(at, node, &name, ports, behind).into_iter().for_each(|finding| out.add(finding)),
        Lookup::Missing => out.add(missing(at, "Service", &name)),
        Lookup::Unknown => {}
    }
}

fn missing(at: &At<'_>, kind: &str, name: &Name) -> Finding {
    let message = format!(
        "there is no {kind} of this name in namespace {} yet; no traffic is sent away until there is",
        quoted(name.namespace())
    );
    Finding::new(&RF007, &at.field("name"), message)
        .value(name.name())
        .related(&at.field("namespace"))
        .related(&at.field("kind"))
}

/// What is wrong with the port that a reference to a Service with these ports means.
fn port(at: &At<'_>, node: &Node<'_>, name: &Name, ports: &[Port], behind: &Behind<'_>) -> Option<Finding> {
    let wanted = match node.get("targetPort") {
        None => None,
        // Of what is no port the structure has spoken.
        Some(node) => Some(node.integer().and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0)?),
    };
    let service = format!("the Service {}", quoted(name.name()));
    let told = || listed(ports.iter().map(|port| port.told(behind.pods)));
    let (rule, message) = match meant(ports, wanted, behind.pods) {
        Meant::One { .. } | Meant::Open { .. } => return None,
        Meant::Unnamed => (&RF009, format!("{service} has several ports: {}", told())),
        Meant::Absent if ports.is_empty() => (&RF008, format!("{service} has no TCP port")),
        Meant::Absent => (&RF008, format!("{service} has the ports {}", told())),
        Meant::Several(leading) => {
            let own = listed(leading.into_iter().map(|port| port.port));
            (&RF008, format!("several ports of {service} lead there: {own}"))
        }
    };
    let mut finding = Finding::new(rule, &at.field("targetPort"), message)
        .maybe_hint((rule == &RF009).then_some("name one of them"))
        .related(&at.field("name"))
        .related(&at.field("namespace"));
    if ports.iter().any(|port| matches!(port.target, Target::Named(_))) {
        finding = ["name", "namespace", "kind"]
            .into_iter()
            .fold(finding, |finding, field| finding.related(&behind.at.field(field)));
    }
    Some(match wanted {
        Some(wanted) => finding.number(wanted),
        None => finding,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::engine::configuration::Configuration;
    use crate::engine::validate::testing::found_among;

    const SERVICES: &str = "\
{apiVersion: v1, kind: Service, metadata: {name: one}, spec: {ports: [{port: 80, targetPort: 8080}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: two}, spec: {ports: [{port: 80, targetPort: 8080}, {port: 443, targetPort: 8443}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: same}, spec: {ports: [{port: 80, targetPort: 8080}, {port: 81, targetPort: 8080}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: first}, spec: {ports: [{port: 8080, targetPort: 80}, {port: 80, targetPort: 8080}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: named}, spec: {ports: [{port: 80, targetPort: http}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: outside}, spec: {type: ExternalName, externalName: example.com}}
---
{apiVersion: v1, kind: Service, metadata: {name: dns}, spec: {ports: [{port: 53, protocol: UDP}, {port: 53}]}}
";

    /// What the pods of the workload call their ports.
    const WORKLOAD: &str = "\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: my-model}
spec:
  template:
    spec:
      containers: [{name: app, ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9090}]}]
";

    fn said(field: &str, value: &Value) -> Vec<String> {
        let mut spec = json!({});
        spec[field] = value.clone();
        found_among(SERVICES, &Configuration::default(), &spec)
    }

    #[test]
    fn a_port_is_the_services_own_or_the_one_it_leads_to() {
        for (name, port) in [
            ("one", Some(80)),
            ("one", Some(8080)),
            ("one", None),
            ("two", Some(443)),
            ("two", Some(8443)),
            // Its own port counts first: no matter who else leads there.
            ("first", Some(8080)),
            ("same", Some(80)),
            // Each pod decides for itself where a name leads.
            ("named", Some(9000)),
            ("dns", Some(53)),
            ("dns", None),
        ] {
            assert_eq!(said("serviceRef", &json!({"name": name, "targetPort": port})), [""; 0], "{name} {port:?}");
        }
        for (name, port, message) in [
            ("one", Some(81), "Invalid value: 81: the Service \"one\" has the ports 80 (leads to 8080) [RF008]"),
            (
                "two",
                Some(1),
                "Invalid value: 1: the Service \"two\" has the ports 80 (leads to 8080), 443 (leads to 8443) [RF008]",
            ),
            (
                "same",
                Some(8080),
                "Invalid value: 8080: several ports of the Service \"same\" lead there: 80, 81 [RF008]",
            ),
            ("outside", Some(80), "Invalid value: 80: the Service \"outside\" has no TCP port [RF008]"),
            ("outside", None, "Invalid value: the Service \"outside\" has no TCP port [RF008]"),
            (
                "two",
                None,
                "Required value: the Service \"two\" has several ports: 80 (leads to 8080), 443 (leads to 8443); name one of them [RF009]",
            ),
        ] {
            for field in ["serviceRef", "metricServiceRef"] {
                let said = said(field, &json!({"name": name, "targetPort": port}));
                assert_eq!(said, [format!("spec.{field}.targetPort: {message}")]);
            }
        }
    }

    #[test]
    fn where_a_name_leads_the_workload_says() {
        let named = "\
---
{apiVersion: v1, kind: Service, metadata: {name: both}, spec: {ports: [{port: 80, targetPort: http}, {port: 90, targetPort: metrics}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: twice}, spec: {ports: [{port: 80, targetPort: http}, {port: 81, targetPort: 8080}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {ports: [{port: 80, targetPort: other}]}}
";
        let objects = format!("{SERVICES}{WORKLOAD}{named}");
        let said = |workload: &Value, service: &Value| {
            let spec = json!({"modelSourceRef": workload, "serviceRef": service});
            found_among(&objects, &Configuration::default(), &spec)
        };
        let own = json!({"name": "my-model"});
        for (name, port, message) in [
            ("named", Some(8080), None),
            ("both", Some(9090), None),
            (
                "named",
                Some(9000),
                Some("Invalid value: 9000: the Service \"named\" has the ports 80 (leads to \"http\", 8080) [RF008]"),
            ),
            (
                "both",
                None,
                Some(
                    "Required value: the Service \"both\" has several ports: 80 (leads to \"http\", 8080), 90 (leads to \"metrics\", 9090); name one of them [RF009]",
                ),
            ),
            (
                "twice",
                Some(8080),
                Some("Invalid value: 8080: several ports of the Service \"twice\" lead there: 80, 81 [RF008]"),
            ),
            // The pods of this workload have no port of that name: whose they are nobody knows here.
            ("other", Some(9000), None),
        ] {
            let expected: Vec<String> =
                message.iter().map(|text| format!("spec.serviceRef.targetPort: {text}")).collect();
            assert_eq!(said(&own, &json!({"name": name, "targetPort": port})), expected, "{name} {port:?}");
        }
        // Of a workload that is not there, or not granted, nothing is known.
        let service = json!({"name": "named", "targetPort": 9000});
        for workload in [json!({"name": "gone"}), json!({"name": "my-model", "namespace": "b"})] {
            let said = said(&workload, &service);
            assert!(said.len() == 1 && !said[0].contains("RF008"), "{said:?}");
        }
    }

    #[test]
    fn what_is_not_there_yet_is_a_warning_on_its_name() {
        assert_eq!(
            said("serviceRef", &json!({"name": "gone", "targetPort": 80})),
            [
                "spec.serviceRef.name: Not found: \"gone\": there is no Service of this name in namespace \"default\" yet; no traffic is sent away until there is [RF007]"
            ]
        );
        assert_eq!(
            said("modelSourceRef", &json!({"name": "my-model", "kind": "StatefulSet"})),
            [
                "spec.modelSourceRef.name: Not found: \"my-model\": there is no StatefulSet of this name in namespace \"default\" yet; no traffic is sent away until there is [RF007]"
            ]
        );
        assert_eq!(said("modelSourceRef", &json!({"name": "my-model"})), [""; 0]);
    }

    #[test]
    fn a_reference_that_is_at_fault_itself_is_not_looked_up() {
        for (field, value, codes) in [
            ("serviceRef", json!({"name": "No", "targetPort": 80}), vec!["[RF001]"]),
            ("serviceRef", json!({"name": "gone", "namespace": "N", "targetPort": 80}), vec!["[RF002]"]),
            ("serviceRef", json!({"name": "one", "targetPort": 0}), vec!["[OB004]"]),
            ("modelSourceRef", json!({"name": "gone", "kind": "Pod"}), vec!["[OB003]"]),
            ("modelSourceRef", json!({"name": "gone", "namespace": "b"}), vec!["[RF003]"]),
        ] {
            let said = said(field, &value);
            let found: Vec<&str> = said.iter().map(|text| &text[text.rfind('[').unwrap()..]).collect();
            assert_eq!(found, codes, "{value}");
        }
    }
}
