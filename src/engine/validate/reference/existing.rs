//! Workloads and Services that are looked up: whether they are there, and whether the Service has the port.

use super::grant;
use crate::engine::finding::rules::{RF007, RF008, RF009};
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::Node;
use crate::engine::policy::listed;
use crate::engine::subject::Surroundings;
use crate::engine::units::names;
use crate::engine::world::{Lookup, Name, Port, Target, Workload};

/// Judges that a workload is there.
pub(super) fn workload(out: &mut Findings, at: &At<'_>, node: &Node<'_>, surroundings: &Surroundings<'_>) {
    let Some(kind) = Workload::of(node.text_of("kind").unwrap_or("Deployment")) else { return };
    let Some(name) = grant::reached(node, kind.name(), names::dns_subdomain, surroundings) else { return };
    if surroundings.world.workload(kind, &name) == Lookup::Missing {
        out.add(missing(at, kind.name(), &name));
    }
}

/// Judges that a Service is there, and that it has the port.
pub(super) fn service(out: &mut Findings, at: &At<'_>, node: &Node<'_>, surroundings: &Surroundings<'_>) {
    let Some(name) = grant::reached(node, "Service", names::dns_label, surroundings) else { return };
    match surroundings.world.service(&name) {
        Lookup::Found(ports) => port(out, at, node, &name, ports),
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

/// The Service's own port counts first, then the port of the pods that one of them leads to.
fn port(out: &mut Findings, at: &At<'_>, node: &Node<'_>, name: &Name, ports: &[Port]) {
    let at_port = at.field("targetPort");
    let said = |finding: Finding| finding.related(&at.field("name")).related(&at.field("namespace"));
    let service = || format!("Service {}", quoted(name.name()));
    let Some(node) = node.get("targetPort") else {
        match ports {
            [_] => {}
            [] => out.add(said(Finding::new(&RF008, &at_port, format!("the {} has no TCP port", service())))),
            several => {
                let message = format!("the {} has several ports: {}", service(), listed(several));
                out.add(said(Finding::new(&RF009, &at_port, message).hint("name one of them")));
            }
        }
        return;
    };
    let Some(wanted) = node.integer().filter(|port| (1..=65_535).contains(port)) else { return };
    if ports.iter().any(|port| port.port == wanted) {
        return;
    }
    let leading: Vec<i64> =
        ports.iter().filter(|port| port.target == Target::Number(wanted)).map(|port| port.port).collect();
    let message = match leading.as_slice() {
        [_] => return,
        [] => {
            // To which number a name leads, each pod decides for itself.
            if ports.iter().any(|port| matches!(port.target, Target::Named(_))) {
                return;
            }
            match ports {
                [] => format!("the {} has no TCP port", service()),
                ports => format!("the {} has the ports {}", service(), listed(ports)),
            }
        }
        several => format!("several ports of the {} lead there: {}", service(), listed(several)),
    };
    out.add(said(Finding::new(&RF008, &at_port, message).number(wanted)));
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
