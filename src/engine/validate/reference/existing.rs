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
    let Some(name) = full_name(node, kind.name(), surroundings, names::dns_subdomain) else { return };
    if surroundings.world.workload(kind, &name) == Lookup::Missing {
        out.add(missing(at, kind.name(), &name));
    }
}

/// Judges that a Service is there, and that it has the port.
pub(super) fn service(out: &mut Findings, at: &At<'_>, node: &Node<'_>, surroundings: &Surroundings<'_>) {
    let Some(name) = full_name(node, "Service", surroundings, names::dns_label) else { return };
    match surroundings.world.service(&name) {
        Lookup::Found(ports) => port(out, at, node, &name, ports),
        Lookup::Missing => out.add(missing(at, "Service", &name)),
        Lookup::Unknown => {}
    }
}

/// The name of what is referred to, if the reference is sound and reaches it.
fn full_name(
    node: &Node<'_>,
    kind: &str,
    surroundings: &Surroundings<'_>,
    form: fn(&str) -> Result<(), String>,
) -> Option<Name> {
    let name = node.text_of("name").filter(|name| form(name).is_ok())?;
    let namespace = match node.get("namespace") {
        Some(namespace) => namespace.text().filter(|namespace| names::dns_label(namespace).is_ok())?,
        None => surroundings.namespace,
    };
    grant::reaches(node, kind, surroundings).then(|| Name::new(namespace, name))
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
