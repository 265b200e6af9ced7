//! Where traffic and tokens never go: the machine's own insides, cloud metadata, and other teams' Services.
//!
//! The operator's data plane reaches all of these, so that an unguarded host would lend its position to anyone who may
//! write a ModelDeployment (server-side request forgery).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::engine::configuration::Guarded;
use crate::engine::subject::Surroundings;
use crate::engine::units::Host;

/// Why the host is no target; none if it may be one, which configuration can allow.
pub(in crate::engine::validate) fn forbidden(host: &Host, surroundings: &Surroundings<'_>) -> Option<String> {
    let (guarded, why) = guard(host, surroundings)?;
    (!surroundings.configuration.allows(host, guarded)).then_some(why)
}

/// What the host is guarded against, and why, whatever configuration allows.
pub(in crate::engine::validate) fn guard(host: &Host, surroundings: &Surroundings<'_>) -> Option<(Guarded, String)> {
    match host {
        Host::Ip(address) => address_fault(*address).map(|why| (Guarded::Inside, why.into())),
        Host::Name(name) => name_fault(name, surroundings),
    }
}

fn address_fault(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => v4_fault(v4),
        IpAddr::V6(v6) => v6_fault(v6).or_else(|| embedded(v6).and_then(v4_fault)),
    }
}

fn v4_fault(address: Ipv4Addr) -> Option<&'static str> {
    /// Azure's wire server, Alibaba's and Oracle's metadata services; all others sit in 169.254/16.
    const METADATA: [Ipv4Addr; 3] =
        [Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
    match address.octets() {
        [127, ..] => Some("a loopback address is never a remote backend"),
        [0, ..] => Some("an unspecified address (0.0.0.0/8) is never a remote backend"),
        [169, 254, ..] => {
            Some("a link-local address (169.254.0.0/16, where clouds hand out credentials) is never a remote backend")
        }
        [224..=239, ..] => Some("a multicast address is never a remote backend"),
        [255, 255, 255, 255] => Some("the broadcast address is never a remote backend"),
        _ if METADATA.contains(&address) => Some("the metadata service of a cloud is never a remote backend"),
        _ => None,
    }
}

fn v6_fault(address: Ipv6Addr) -> Option<&'static str> {
    let first = address.segments().first().copied().unwrap_or_default();
    if address.is_loopback() {
        Some("a loopback address is never a remote backend")
    } else if address.is_unspecified() {
        Some("the unspecified address is never a remote backend")
    } else if first & 0xffc0 == 0xfe80 {
        Some("a link-local address is never a remote backend")
    } else if first & 0xff00 == 0xff00 {
        Some("a multicast address is never a remote backend")
    } else if address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) {
        Some("the metadata service of a cloud is never a remote backend")
    } else {
        None
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped and compatible (RFC 4291), NAT64 (RFC 6052, RFC 8215), 6to4
/// (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(join(high, low)),
        // RFC 6052, 2.2: behind a /48 the address is split around a byte that is zero.
        [0x64, 0xff9b, 1, high, middle, low, ..] => Some(join(high, (middle << 8) | (low >> 8))),
        _ => None,
    }
}

fn name_fault(name: &str, surroundings: &Surroundings<'_>) -> Option<(Guarded, String)> {
    let inside = |why: &str| Some((Guarded::Inside, why.to_owned()));
    if name == "localhost" || name.ends_with(".localhost") || name == "localhost.localdomain" {
        return inside("a loopback name is never a remote backend");
    }
    if matches!(name, "metadata" | "metadata.google.internal" | "instance-data.ec2.internal") {
        return inside("the metadata service of a cloud is never a remote backend");
    }
    let domain = surroundings.configuration.cluster_domain.trim_matches('.').to_ascii_lowercase();
    let local = name.strip_suffix(&domain).and_then(|name| name.strip_suffix('.')).unwrap_or(name);
    let labels: Vec<&str> = local.split('.').collect();
    if matches!(labels.as_slice(), ["kubernetes", "default"] | [.., "kubernetes", "default", "svc"]) {
        return inside("the cluster's own API server is never a remote backend");
    }
    let namespace = match labels.as_slice() {
        [_, .., namespace, "svc" | "pod"] => *namespace,
        // Two labels may also be a domain of the internet: only what is surely a namespace counts.
        [_, namespace]
            if *namespace == "default"
                || namespace.starts_with("kube-")
                || surroundings.world.has_namespace(namespace) =>
        {
            *namespace
        }
        _ => return None,
    };
    (namespace != surroundings.namespace).then(|| {
        let why = format!("a Service of another namespace ({namespace}) is never a remote backend: its traffic belongs to its own team");
        (Guarded::OtherNamespace, why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::configuration::Configuration;
    use crate::engine::units::{HostPattern, HostPort};
    use crate::engine::world::{Fact, World};

    fn is_forbidden(host: &str) -> bool {
        let surroundings = Surroundings::alone("team-a");
        let parsed = HostPort::parse(host).unwrap_or_else(|fault| panic!("{host}: {}", fault.message));
        forbidden(&parsed.host, &surroundings).is_some()
    }

    #[test]
    fn never_a_target() {
        for host in [
            "127.0.0.1",
            "127.255.255.254:80",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.170.2",
            "224.0.0.1",
            "239.1.1.1",
            "255.255.255.255",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[febf::1]",
            "[ff02::1]",
            "[fd00:ec2::254]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b:1::a9fe:a9fe]",
            "[64:ff9b:1:a9fe:a9:fe00::]",
            "[2002:7f00:1::1]",
            "[2002:a9fe:a9fe::]",
            "[::127.0.0.1]",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "localhost.localdomain",
            "metadata",
            "metadata.google.internal",
            "Metadata.Google.Internal.",
            "instance-data.ec2.internal",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "a.kubernetes.default.svc",
            "web.team-b.svc",
            "web.team-b.svc.cluster.local",
            "WEB.TEAM-B.SVC.CLUSTER.LOCAL.",
            "pod-0.web.team-b.svc",
            "10-0-0-1.team-b.pod.cluster.local",
            "10-0-0-1.team-b.pod",
            "web.default",
            "dns.kube-system",
            "web.kube-public:80",
            "web.default.cluster.local",
        ] {
            assert!(is_forbidden(host), "{host}");
        }
    }

    #[test]
    fn fine() {
        for host in [
            "models.example.com",
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "100.64.0.1",
            "[fd00::1]",
            "[2001:db8::1]",
            "[::ffff:8.8.8.8]",
            "[2002:808:808::1]",
            "gateway",
            "web.team-a.svc",
            "web.team-a.svc.cluster.local",
            "pod-0.web.team-a.svc",
            "web.team-a",
            "web.team-b",
            "10-0-0-1.team-a.pod",
            "localhost.example.com",
            "metadata.example.com",
            "kubernetes.default.example.com",
            "my-metadata",
            "svc.example.com",
            "default.example.com",
            "notlocalhost",
            "run.beamlit.com",
            "128.0.0.1",
            "web.team-b.svc.example.com",
            "instance-data.example",
        ] {
            assert!(!is_forbidden(host), "{host}");
        }
    }

    #[test]
    fn the_own_namespace_is_fine_even_if_it_is_default_but_the_api_server_never_is() {
        let configuration = Configuration { cluster_domain: "corp.example".into(), ..Configuration::default() };
        let surroundings = Surroundings { configuration: &configuration, ..Surroundings::alone("default") };
        for (host, expected) in [
            ("web.default", false),
            ("web.default.svc.corp.example", false),
            ("web.kube-system.svc.corp.example", true),
            ("web.kube-system.svc.cluster.local", false),
            ("kubernetes.default", true),
            ("kubernetes.default.svc.corp.example", true),
        ] {
            assert_eq!(forbidden(&HostPort::parse(host).unwrap().host, &surroundings).is_some(), expected, "{host}");
        }
    }

    #[test]
    fn two_labels_are_a_service_where_the_second_is_a_namespace_that_is_known() {
        let mut world = World::of_cluster();
        for namespace in ["team-a", "team-b", "com"] {
            world.put(Fact::Namespace(namespace.into()));
        }
        let surroundings = Surroundings { world: &world, ..Surroundings::alone("team-a") };
        for (host, expected) in [
            ("web.team-a", false),
            ("web.team-b", true),
            ("web.team-b.cluster.local", true),
            ("web.team-c", false),
            ("example.com", true),
            ("www.example.com", false),
            ("team-b", false),
        ] {
            assert_eq!(forbidden(&HostPort::parse(host).unwrap().host, &surroundings).is_some(), expected, "{host}");
        }
    }

    #[test]
    fn configuration_allows_what_it_names_and_by_a_wildcard_other_namespaces_only() {
        let patterns = ["*.team-b.svc", "*.localhost", "*.kubernetes.default.svc", "*.default.svc", "127.0.0.1"]
            .map(|text| (HostPattern::parse(text).unwrap(), ()));
        let configuration = Configuration { allowed_hosts: patterns.into_iter().collect(), ..Configuration::default() };
        let surroundings = Surroundings { configuration: &configuration, ..Surroundings::alone("team-a") };
        for (host, expected) in [
            ("web.team-b.svc", false),
            ("pod-0.web.team-b.svc", false),
            // The pattern stands for the name as it is written.
            ("web.team-b.svc.cluster.local", true),
            ("web.team-c.svc", true),
            ("web.default.svc", false),
            ("kubernetes.default.svc", true),
            ("a.kubernetes.default.svc", true),
            ("a.localhost", true),
            ("127.0.0.1", false),
            ("127.0.0.2", true),
            ("[::ffff:127.0.0.1]", true),
        ] {
            assert_eq!(forbidden(&HostPort::parse(host).unwrap().host, &surroundings).is_some(), expected, "{host}");
        }
    }
}
