//! A pattern of hosts, as the operator's configuration writes it: one host, or every host below a domain.

use std::fmt;

use super::{Host, HostFault, HostPort};

/// One host, or every host below a domain. Ports do not count: a pattern has none, and a host matches whatever its port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host and no other.
    Exact(Host),
    /// `*.` and a domain, in lower case without the root dot: `*` stands for one or more whole labels, so the domain itself
    /// does not match.
    Below(String),
}

impl HostPattern {
    /// Reads `name`, `*.name`, an IPv4 address or an IPv6 address in brackets.
    ///
    /// # Errors
    /// What is wrong, and a hint.
    pub fn parse(text: &str) -> Result<Self, HostFault> {
        let (below, host) = match text.strip_prefix("*.") {
            Some(domain) => (true, HostPort::parse(domain)?),
            None => (false, HostPort::parse(text)?),
        };
        if host.port.is_some() {
            return Err(HostFault::new("a pattern has no port: it stands for a host on every port"));
        }
        match (below, host.host) {
            (false, host) => Ok(Self::Exact(host)),
            (true, Host::Name(name)) => Ok(Self::Below(name)),
            (true, Host::Ip(_)) => Err(HostFault::new("there is nothing below an address")),
        }
    }

    /// Whether the host is one of these.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Exact(exact), host) => exact == host,
            (Self::Below(domain), Host::Name(name)) => {
                name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            (Self::Below(_), Host::Ip(_)) => false,
        }
    }

    /// How narrow it is, to choose among several that match: one host before every domain, a longer domain before a shorter one.
    #[must_use]
    pub fn narrowness(&self) -> usize {
        match self {
            Self::Exact(_) => usize::MAX,
            Self::Below(domain) => domain.len(),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(f),
            Self::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}
