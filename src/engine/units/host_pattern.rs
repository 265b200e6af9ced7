//! A pattern of hosts, as the operator's configuration writes it: one host, or every host below a domain.

use std::fmt;
use std::net::Ipv6Addr;

use super::{Host, HostFault, HostPort};
use crate::engine::finding::quoted;

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
    /// What is wrong, and a hint. Neither quotes the text, which may hold credentials.
    pub fn parse(text: &str) -> Result<Self, HostFault> {
        foreign_parts(text)?;
        let (below, rest) = match text.strip_prefix("*.") {
            Some(domain) => (true, domain),
            None => (false, text),
        };
        let host = HostPort::parse(rest).map_err(|fault| match fault.hint {
            // What is told of the domain is told of the pattern.
            Some(hint) if below => HostFault::new(fault.message).hint(hint.replacen("is written ", "is written *.", 1)),
            _ => fault,
        })?;
        let pattern = match (below, host.host) {
            (false, host) => Self::Exact(host),
            (true, Host::Name(name)) => Self::Below(name),
            (true, Host::Ip(_)) => return Err(HostFault::new("there is nothing below an address")),
        };
        match host.port {
            None => Ok(pattern),
            Some(_) => Err(HostFault::new("must not have a port: a host is meant on every port")
                .hint(format!("write {}", quoted(&pattern.to_string())))),
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

/// What no pattern has, and what a wildcard is often written for.
fn foreign_parts(text: &str) -> Result<(), HostFault> {
    let fault = |message: &str, meant: &str| {
        let fault = HostFault::new(message);
        // What is repeated must be a pattern, and as people see it.
        match (meant != text).then(|| HostPattern::parse(meant).ok()).flatten() {
            Some(pattern) => Err(fault.hint(format!("write {}", quoted(&pattern.to_string())))),
            None => Err(fault),
        }
    };
    if text.contains('@') {
        return fault("must not contain credentials", "");
    }
    if let Some((_, rest)) = text.split_once("://") {
        return fault("must not contain a scheme", rest.split(['/', '?', '#']).next().unwrap_or_default());
    }
    if let Some((host, _)) = text.split_once(['/', '?', '#']) {
        return fault("must not contain a path, a query or a fragment", host);
    }
    if text.contains('*') && text.chars().all(|c| matches!(c, '*' | '.')) {
        return Err(HostFault::new("would match every host").hint("name a host, or a domain such as *.example.com"));
    }
    if text.strip_prefix("*.").unwrap_or(text).contains('*') {
        let domain = text.trim_start_matches(['*', '.']);
        return fault("a wildcard stands at the start, for whole labels, as in *.example.com", &format!("*.{domain}"));
    }
    if let Some(domain) = text.strip_prefix('.').filter(|domain| !domain.starts_with('.')) {
        return fault("must not start with a dot", &format!("*.{domain}"));
    }
    if let Some((address, _)) = text.split_once('%').filter(|(address, _)| address.parse::<Ipv6Addr>().is_ok()) {
        return fault("an IPv6 zone means nothing on another machine", &format!("[{address}]"));
    }
    Ok(())
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(f),
            Self::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_hosts_and_domains() {
        for (text, shown) in [
            ("models.example.com", "models.example.com"),
            ("Models.Example.COM.", "models.example.com"),
            ("*.Example.COM.", "*.example.com"),
            ("*.com", "*.com"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("*.xn--bcher-kva.example", "*.xn--bcher-kva.example"),
            ("10.0.0.1", "10.0.0.1"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("gateway", "gateway"),
        ] {
            assert_eq!(HostPattern::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn refuses_everything_else_and_says_what_to_do() {
        for (text, message, hint) in [
            ("*", "every host", "name a host, or a domain such as *.example.com"),
            ("*.", "every host", "name a host, or a domain such as *.example.com"),
            ("*.*", "every host", "name a host, or a domain such as *.example.com"),
            ("**", "every host", "name a host, or a domain such as *.example.com"),
            ("*example.com", "at the start", "write \"*.example.com\""),
            ("**.example.com", "at the start", "write \"*.example.com\""),
            ("*.*.example.com", "at the start", "write \"*.example.com\""),
            ("a.*.example.com", "at the start", ""),
            ("*.a.*", "at the start", ""),
            ("a*.example.com", "at the start", ""),
            (".example.com", "start with a dot", "write \"*.example.com\""),
            ("*..example.com", "empty label", ""),
            ("example..com", "empty label", ""),
            ("example.com..", "empty label", ""),
            ("example.com:443", "port", "write \"example.com\""),
            ("*.example.com:443", "port", "write \"*.example.com\""),
            ("[2001:db8::1]:443", "port", "write \"[2001:db8::1]\""),
            // A hint that repeats a port would be refused in turn.
            ("https://example.com:443/v1", "scheme", ""),
            ("https://example.com/v1", "scheme", "write \"example.com\""),
            ("example.com/v1", "path", "write \"example.com\""),
            ("user:hunter2@example.com", "credentials", ""),
            ("https://user:hunter2@example.com", "credentials", ""),
            ("bücher.example", "ASCII", "an internationalised name is written xn--bcher-kva.example"),
            ("*.bücher.example", "ASCII", "an internationalised name is written *.xn--bcher-kva.example"),
            ("2001:db8::1", "brackets", "write \"[2001:db8::1]\""),
            ("[fe80::1%eth0]", "zone", "leave out % and what follows"),
            ("fe80::1%eth0", "zone", "write \"[fe80::1]\""),
            ("*.10.0.0.1", "below an address", ""),
            ("*.[::1]", "below an address", ""),
            ("10.0.0.*", "at the start", ""),
            ("10.0.0.01", "IPv4", ""),
            ("a b.example", "white space", ""),
            ("a_b.example", "underscore", "host names have hyphens"),
            ("", "missing", ""),
        ] {
            let fault = HostPattern::parse(text).expect_err(text);
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
            assert_eq!(fault.hint.as_deref().unwrap_or_default(), hint, "{text}");
        }
    }
}
