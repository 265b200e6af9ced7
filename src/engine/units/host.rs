//! A host with an optional port, as a remote backend names it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::engine::finding::is_unprintable;

/// The host of a backend: where, and on which port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Where.
    pub host: Host,
    /// The port, 1 to 65535, if one is given.
    pub port: Option<u16>,
}

/// A DNS name or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS name in lower case, without the root dot.
    Name(String),
    /// An IP address.
    Ip(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => address.fmt(f),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        host.fmt(f)?;
        port.iter().try_for_each(|port| write!(f, ":{port}"))
    }
}

/// Why a text is no host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFault {
    /// What is wrong, in words.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
}

impl HostFault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl HostPort {
    /// Reads `name[:port]`, an IPv4 address or an IPv6 address in brackets.
    ///
    /// # Errors
    /// What is wrong, and a hint. Neither quotes the text, which may hold credentials.
    pub fn parse(text: &str) -> Result<Self, HostFault> {
        foreign_parts(text)?;
        if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) =
                rest.split_once(']').ok_or_else(|| HostFault::new("the bracket [ is never closed"))?;
            let port = match rest {
                "" => None,
                rest => Some(port(rest.strip_prefix(':').ok_or_else(|| HostFault::new("only :port may follow ]"))?)?),
            };
            if address.contains('%') {
                return Err(HostFault::new("an IPv6 zone means nothing on another machine")
                    .hint("leave out % and what follows"));
            }
            let address: Ipv6Addr =
                address.parse().map_err(|_| HostFault::new("not an IPv6 address between the brackets"))?;
            return Ok(Self { host: Host::Ip(address.into()), port });
        }
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(HostFault::new("an IPv6 address needs brackets").hint(format!("write \"[{text}]\"")));
        }
        let (name, port) = match text.split_once(':') {
            None => (text, None),
            Some((name, rest)) => (name, Some(port(rest)?)),
        };
        Ok(Self { host: host(name)?, port })
    }
}

/// What belongs into another field, or nowhere.
fn foreign_parts(text: &str) -> Result<(), HostFault> {
    if text.contains('@') {
        return Err(HostFault::new("must not contain credentials").hint("use authConfig"));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let fault = HostFault::new("must not contain a scheme");
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let named = ["http", "https"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known));
        return Err(match named {
            Some(scheme) if is_host(rest) => fault.hint(format!("write host: {rest} and scheme: {scheme}")),
            _ => fault.hint("use the field scheme"),
        });
    }
    if text.contains(['?', '#']) {
        return Err(HostFault::new("must not contain a query or a fragment"));
    }
    if let Some((host, path)) = text.split_once('/') {
        let fault = HostFault::new("must not contain a path");
        return Err(if is_host(host) && is_path(path) {
            fault.hint(format!("write host: {host} and pathPrefix: /{path}"))
        } else {
            fault.hint("use the field pathPrefix")
        });
    }
    if text.contains('*') {
        return Err(HostFault::new("must be one host, without a wildcard"));
    }
    if text.contains('$') {
        return Err(HostFault::new("must not contain $; only pathPrefix is filled in"));
    }
    if text.chars().any(|c| c.is_whitespace() || is_unprintable(c)) {
        return Err(HostFault::new("must not contain white space, control, invisible or bidirectional characters"));
    }
    if !text.is_ascii() {
        let fault = HostFault::new("must be ASCII");
        let name = text.split(':').next().unwrap_or(text);
        return Err(match idna::domain_to_ascii_strict(name) {
            Ok(ascii) if is_host(&ascii) => fault.hint(format!("an internationalised name is written {ascii}")),
            _ => fault,
        });
    }
    Ok(())
}

/// Whether a text is a host, and safe and sensible to repeat in a hint.
fn is_host(text: &str) -> bool {
    is_plain(text) && HostPort::parse(text).is_ok()
}

/// Whether a text is what may follow the first slash of a path prefix, and safe and sensible to repeat in a hint.
fn is_path(text: &str) -> bool {
    is_plain(&text.replace('/', ""))
        && text.split('/').all(|segment| !matches!(segment, "." | ".."))
        && text.split('/').rev().skip(1).all(|segment| !segment.is_empty())
}

/// Whether a text is safe and sensible to repeat in a hint.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b':' | b'_'))
}

fn port(text: &str) -> Result<u16, HostFault> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .filter(|port| *port > 0)
        .ok_or_else(|| HostFault::new("the port after : must be from 1 to 65535"))
}

fn host(text: &str) -> Result<Host, HostFault> {
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() {
        return Err(HostFault::new("the name before the port is missing"));
    }
    // A name whose last label is a number is read as an IPv4 address, in half a dozen spellings: only the plain one is
    // taken, so that nobody can hide an address.
    if name.rsplit('.').next().is_some_and(is_number) {
        return match text.parse::<Ipv4Addr>() {
            Ok(address) => Ok(Host::Ip(address.into())),
            Err(_) => Err(HostFault::new(
                "ends in a number, and so must be an IPv4 address: four decimal numbers from 0 to 255, without leading zeros",
            )),
        };
    }
    if name.len() > 253 {
        return Err(HostFault::new("a name may not be more than 253 characters"));
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err(HostFault::new("has an empty label: two dots in a row, or one in front"));
        }
        if label.len() > 63 {
            return Err(HostFault::new("has a label (the part between two dots) of more than 63 characters"));
        }
        if label.contains('_') {
            return Err(HostFault::new("must not contain an underscore").hint("host names have hyphens"));
        }
        if !label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-') {
            return Err(HostFault::new("must consist of letters, digits, - and ."));
        }
        // An A-label is what somebody's name was turned into: one that cannot be turned back is nobody's.
        let is_a_label = label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
        if is_a_label && idna::domain_to_unicode(label).1.is_err() {
            return Err(HostFault::new("has a label that starts with xn-- and stands for no internationalised name"));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(HostFault::new("has a label (the part between two dots) that starts or ends with a hyphen"));
        }
    }
    Ok(Host::Name(name.to_ascii_lowercase()))
}

/// A label that `inet_aton` takes for a number: decimal, octal or hexadecimal.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(hex) => hex.bytes().all(|c| c.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|c| c.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_and_addresses() {
        let long = format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61));
        for (text, host, port) in [
            ("models.example.com", Host::Name("models.example.com".into()), None),
            ("Models.Example.COM.:443", Host::Name("models.example.com".into()), Some(443)),
            ("gateway", Host::Name("gateway".into()), None),
            ("xn--bcher-kva.example", Host::Name("xn--bcher-kva.example".into()), None),
            ("0xyz.example", Host::Name("0xyz.example".into()), None),
            ("1.example", Host::Name("1.example".into()), None),
            ("10.0.0.1:8080", Host::Ip(Ipv4Addr::new(10, 0, 0, 1).into()), Some(8080)),
            ("[2001:db8::1]", Host::Ip("2001:db8::1".parse().unwrap()), None),
            ("[2001:db8::1]:65535", Host::Ip("2001:db8::1".parse().unwrap()), Some(65535)),
            (long.as_str(), Host::Name(long.clone()), None),
        ] {
            assert_eq!(HostPort::parse(text), Ok(HostPort { host, port }), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else_and_says_what_to_do() {
        let long = format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(62));
        let label = format!("{}.example", "a".repeat(64));
        for (text, message) in [
            ("https://models.example.com/v1", "scheme"),
            ("user:secret@example.com", "credentials"),
            ("example.com/v1", "path"),
            ("example.com?x", "query"),
            ("example.com#x", "query"),
            ("*.example.com", "wildcard"),
            ("$model.example.com", "$"),
            ("my_host.example.com", "underscore"),
            ("exa mple.com", "white space"),
            ("example.com\n", "white space"),
            ("exam\u{200b}ple.com", "invisible"),
            ("bücher.example", "ASCII"),
            ("example..com", "empty label"),
            (".example.com", "empty label"),
            ("example.com..", "empty label"),
            ("xn--a.example", "xn--"),
            ("a.XN--zzzzzzzzzz99999.com", "xn--"),
            ("-a.example", "hyphen"),
            ("a-.example", "hyphen"),
            ("example.com:", "port"),
            ("example.com:0", "port"),
            ("example.com:65536", "port"),
            ("example.com:+80", "port"),
            ("example.com:80:90", "port"),
            (":80", "missing"),
            (".", "missing"),
            ("2130706433", "IPv4"),
            ("0x7f000001", "IPv4"),
            ("0x", "IPv4"),
            ("127.1", "IPv4"),
            ("0177.0.0.1", "IPv4"),
            ("10.0.0.01", "IPv4"),
            ("10.0.0.1.", "IPv4"),
            ("256.1.1.1", "IPv4"),
            ("1.2.3.4.5", "IPv4"),
            ("::1", "brackets"),
            ("[::1", "closed"),
            ("[::1]80", "follow"),
            ("[fe80::1%eth0]", "zone"),
            ("[1.2.3.4]", "IPv6"),
            (long.as_str(), "253"),
            (label.as_str(), "63"),
        ] {
            let fault = HostPort::parse(text).expect_err(text);
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
        }
    }

    #[test]
    fn hints_name_the_field_that_was_meant_and_never_repeat_credentials() {
        let hint = |text| HostPort::parse(text).expect_err(text).hint;
        assert_eq!(hint("HTTPS://a.example:8443/v1").as_deref(), Some("write host: a.example:8443 and scheme: https"));
        assert_eq!(hint("a.example/v1/x").as_deref(), Some("write host: a.example and pathPrefix: /v1/x"));
        assert_eq!(
            hint("bücher.example").as_deref(),
            Some("an internationalised name is written xn--bcher-kva.example")
        );
        assert_eq!(hint("https://user:secret@a.example").as_deref(), Some("use authConfig"));
    }

    #[test]
    fn a_hint_names_no_host_and_no_path_that_would_be_refused_in_turn() {
        let hint = |text: &str| HostPort::parse(text).expect_err(text).hint;
        let long = "a".repeat(64);
        for text in [format!("https://{long}.example"), "http://2130706433".into(), "https://:80".into()] {
            assert_eq!(hint(&text).as_deref(), Some("use the field scheme"), "{text}");
        }
        for text in ["21/0706433", "my_host/v1", "a.example/../v1", "a.example/v1//x", "a.example//", "a.example/./"] {
            assert_eq!(hint(text).as_deref(), Some("use the field pathPrefix"), "{text}");
        }
        assert_eq!(hint("a.example/v1/").as_deref(), Some("write host: a.example and pathPrefix: /v1/"));
        assert_eq!(hint("\u{ff11}.\u{ff12}"), None);
    }
}
