//! Ports: those of a Service, those that a workload's pods name, and which of them a reference means.

use std::fmt;

use crate::engine::finding::quoted;
use crate::engine::parse::{Node, Value};

/// A TCP port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The Service's own port.
    pub port: u16,
    /// The port of the pods that it leads to.
    pub target: Target,
}

/// The port of the pods that a Service's port leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By its number.
    Number(u16),
    /// By its name, which each pod gives to a port of its own.
    Named(Box<str>),
}

/// The TCP ports to which the pods of a workload give a name, by that name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodPorts(Box<[(Box<str>, u16)]>);

/// Which port of a Service a reference means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant<'p> {
    /// This one.
    One {
        /// The Service's own port.
        port: u16,
        /// The port of the pods that it leads to; none if it is named, and it is not known what the pods call so.
        pods: Option<u16>,
    },
    /// None of them is named, and there is more than one.
    Unnamed,
    /// The Service has no port, or none with this number or one that leads to it.
    Absent,
    /// None of them has this number, and more than one leads to it.
    Several(Vec<&'p Port>),
    /// None of them has this number, and one leads to a name of which it is not known whether it stands for the number: then the
    /// number is one of the pods.
    Open {
        /// The number.
        pods: u16,
    },
}

/// Which port of a Service with these TCP ports a reference with this `targetPort` means. Its own port counts first, then the port of
/// the pods that just one of them leads to. The pods are those of the workload behind the Service; none if they are not known.
#[must_use]
pub fn meant<'p>(ports: &'p [Port], wanted: Option<u16>, pods: Option<&PodPorts>) -> Meant<'p> {
    let one = |port: &Port| Meant::One { port: port.port, pods: port.of_pods(pods) };
    let Some(wanted) = wanted else {
        return match ports {
            [] => Meant::Absent,
            [port] => one(port),
            _ => Meant::Unnamed,
        };
    };
    if let Some(port) = ports.iter().find(|port| port.port == wanted) {
        return one(port);
    }
    let leading: Vec<&Port> = ports.iter().filter(|port| port.of_pods(pods) == Some(wanted)).collect();
    match leading.as_slice() {
        [port] => one(port),
        // Each pod decides for itself what it calls by a name, and it may be one that this workload does not have.
        [] if ports.iter().any(|port| port.of_pods(pods).is_none()) => Meant::Open { pods: wanted },
        [] => Meant::Absent,
        _ => Meant::Several(leading),
    }
}

impl Meant<'_> {
    /// The Service's own port and the port of the pods, where each is known.
    #[must_use]
    pub fn numbers(&self) -> (Option<u16>, Option<u16>) {
        match self {
            Self::One { port, pods } => (Some(*port), *pods),
            Self::Open { pods } => (None, Some(*pods)),
            Self::Unnamed | Self::Absent | Self::Several(_) => (None, None),
        }
    }
}

impl Port {
    /// The TCP ports of a Service with this spec.
    pub(super) fn all(spec: &Node<'_>) -> Vec<Self> {
        spec.get("ports").map(Node::items).unwrap_or_default().iter().filter(is_tcp).filter_map(Self::of).collect()
    }

    fn of(node: &Node<'_>) -> Option<Self> {
        let port = number(node, "port")?;
        let target = match node.get("targetPort").map(|target| &target.value) {
            Some(Value::Text(name)) => Target::Named(name.as_ref().into()),
            // 0 is what an empty int-or-string comes to, and means the same as nothing.
            _ => Target::Number(number(node, "targetPort").unwrap_or(port)),
        };
        Some(Self { port, target })
    }

    /// The port of the pods that it leads to, as far as it is known.
    #[must_use]
    pub fn of_pods(&self, pods: Option<&PodPorts>) -> Option<u16> {
        match &self.target {
            Target::Number(number) => Some(*number),
            Target::Named(name) => pods?.get(name),
        }
    }

    /// `80`, `80 (leads to 8080)`, `80 (leads to "http")` or, where it is known what the pods call so, `80 (leads to "http", 8080)`.
    pub fn told<'p>(&'p self, pods: Option<&'p PodPorts>) -> impl fmt::Display + 'p {
        fmt::from_fn(move |f| {
            let Self { port, target } = self;
            match (target, self.of_pods(pods)) {
                (Target::Number(target), _) if target == port => write!(f, "{port}"),
                (Target::Number(target), _) => write!(f, "{port} (leads to {target})"),
                (Target::Named(name), None) => write!(f, "{port} (leads to {})", quoted(name)),
                (Target::Named(name), Some(number)) => write!(f, "{port} (leads to {}, {number})", quoted(name)),
            }
        })
    }
}

impl PodPorts {
    /// The named ports of the containers of a workload with this spec, and then of the init containers that go on to run. Of two with
    /// one name the first counts, as it does in the endpoints of a Service.
    pub(super) fn of(spec: &Node<'_>) -> Self {
        let pod = spec.find(&["template", "spec"]);
        let containers = |list: &str| pod.and_then(|pod| pod.get(list)).map(Node::items).unwrap_or_default().iter();
        let runs_on = |container: &&Node<'_>| container.text_of("restartPolicy") == Some("Always");
        let all = containers("containers").chain(containers("initContainers").filter(runs_on));
        let mut named: Vec<(Box<str>, u16)> = Vec::new();
        for port in all.flat_map(|container| container.get("ports").map(Node::items).unwrap_or_default()) {
            if is_tcp(&port)
                && let (Some(name), Some(number)) = (port.text_of("name"), number(port, "containerPort"))
                && !named.iter().any(|(known, _)| known.as_ref() == name)
            {
                named.push((name.into(), number));
            }
        }
        Self(named.into())
    }

    /// The port of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u16> {
        self.0.iter().find(|(known, _)| known.as_ref() == name).map(|(_, number)| *number)
    }
}

fn is_tcp(node: &&Node<'_>) -> bool {
    node.text_of("protocol").is_none_or(|protocol| protocol == "TCP")
}

fn number(node: &Node<'_>, field: &str) -> Option<u16> {
    node.integer_of(field).and_then(|number| u16::try_from(number).ok()).filter(|number| *number != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse::documents;

    fn read<T>(text: &str, of: impl FnOnce(&Node<'_>) -> T) -> T {
        of(&documents(text.as_bytes()).next().unwrap().content.unwrap())
    }

    /// Of a container, a container beside it, an init container that runs on, and one that does not.
    const POD: &str = "\
template:
  spec:
    initContainers:
    - {name: sidecar, restartPolicy: Always, ports: [{name: http, containerPort: 1}, {name: metrics, containerPort: 9090}]}
    - {name: setup, ports: [{name: setup, containerPort: 2}]}
    containers:
    - {name: app, ports: [{name: http, containerPort: 8080}, {containerPort: 8081}, {name: dns, containerPort: 53, protocol: UDP}]}
    - {name: proxy, ports: [{name: http, containerPort: 3}, {name: dns, containerPort: 5353, protocol: TCP}, {name: odd, containerPort: 65536}]}
";

    #[test]
    fn a_pod_names_the_ports_of_its_containers_the_first_of_each_name_counts() {
        let pods = read(POD, PodPorts::of);
        let found = ["http", "metrics", "setup", "dns", "odd", ""].map(|name| pods.get(name));
        assert_eq!(found, [Some(8080), Some(9090), None, Some(5353), None, None]);
        for nothing in ["{}", "{template: {spec: {containers: [{name: app}, 7, {ports: 1}]}}}", "[]"] {
            assert_eq!(read(nothing, PodPorts::of), PodPorts::default(), "{nothing}");
        }
    }

    #[test]
    fn a_reference_means_the_services_own_port_or_the_one_that_leads_to_the_pods() {
        let one = |port, pods| Meant::One { port, pods };
        let pods = read(POD, PodPorts::of);
        for (ports, wanted, unknown, known) in [
            ("[]", None, Meant::Absent, Meant::Absent),
            ("[]", Some(80), Meant::Absent, Meant::Absent),
            ("[{port: 80}]", None, one(80, Some(80)), one(80, Some(80))),
            ("[{port: 80, targetPort: 8080}]", Some(8080), one(80, Some(8080)), one(80, Some(8080))),
            ("[{port: 80, targetPort: 8080}]", Some(81), Meant::Absent, Meant::Absent),
            ("[{port: 80}, {port: 81}]", None, Meant::Unnamed, Meant::Unnamed),
            // Its own port counts first.
            (
                "[{port: 80, targetPort: 443}, {port: 443, targetPort: http}]",
                Some(443),
                one(443, None),
                one(443, Some(8080)),
            ),
            ("[{port: 80, targetPort: http}]", None, one(80, None), one(80, Some(8080))),
            ("[{port: 80, targetPort: http}]", Some(80), one(80, None), one(80, Some(8080))),
            ("[{port: 80, targetPort: http}]", Some(8080), Meant::Open { pods: 8080 }, one(80, Some(8080))),
            ("[{port: 80, targetPort: http}]", Some(9), Meant::Open { pods: 9 }, Meant::Absent),
            // A name that the workload does not have: the Service leads to other pods, or to none.
            ("[{port: 80, targetPort: other}]", Some(9), Meant::Open { pods: 9 }, Meant::Open { pods: 9 }),
            (
                "[{port: 80, targetPort: http}, {port: 81, targetPort: other}]",
                Some(8080),
                Meant::Open { pods: 8080 },
                one(80, Some(8080)),
            ),
        ] {
            let ports = read(&format!("ports: {ports}"), Port::all);
            assert_eq!(meant(&ports, wanted, None), unknown, "{ports:?} {wanted:?}");
            assert_eq!(meant(&ports, wanted, Some(&pods)), known, "{ports:?} {wanted:?}");
        }
        // A number and a name that come to the same.
        let ports = read("ports: [{port: 80, targetPort: 8080}, {port: 81, targetPort: http}]", Port::all);
        assert_eq!(meant(&ports, Some(8080), None), one(80, Some(8080)));
        assert_eq!(meant(&ports, Some(8080), Some(&pods)), Meant::Several(ports.iter().collect()));
    }

    #[test]
    fn what_is_known_of_a_port_is_told_in_numbers() {
        let numbers = |meant: Meant<'_>| meant.numbers();
        assert_eq!(numbers(Meant::One { port: 80, pods: None }), (Some(80), None));
        assert_eq!(numbers(Meant::Open { pods: 9 }), (None, Some(9)));
        assert_eq!(numbers(Meant::Absent), (None, None));
    }

    #[test]
    fn a_port_is_told_with_what_it_leads_to() {
        let pods = read(POD, PodPorts::of);
        let ports = read(
            "ports: [{port: 80}, {port: 81, targetPort: 8080}, {port: 82, targetPort: http}, {port: 83, targetPort: other}]",
            Port::all,
        );
        let told = |pods| ports.iter().map(|port| port.told(pods).to_string()).collect::<Vec<_>>();
        assert_eq!(told(None), ["80", "81 (leads to 8080)", "82 (leads to \"http\")", "83 (leads to \"other\")"]);
        assert_eq!(
            told(Some(&pods)),
            ["80", "81 (leads to 8080)", "82 (leads to \"http\", 8080)", "83 (leads to \"other\")"]
        );
    }
}
