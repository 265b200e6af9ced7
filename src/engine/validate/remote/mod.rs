//! The remote backend: where traffic is sent, with which headers and which credentials.

mod guard;
mod headers;
mod oauth;
mod path_prefix;

use crate::engine::Surroundings;
use crate::engine::finding::rules::{RT001, RT002};
use crate::engine::finding::{At, Finding, Findings};
use crate::engine::parse::Node;
use crate::engine::units::HostPort;

/// Judges `spec.offloadingConfig.remoteBackend`; `at` is its place.
pub(super) fn backend(out: &mut Findings, at: &At<'_>, node: &Node<'_>, surroundings: &Surroundings<'_>) {
    if let Some(text) = node.text_of("host").filter(|text| !text.is_empty()) {
        host(out, &at.field("host"), text, surroundings);
    }
    if let Some(text) = node.text_of("pathPrefix") {
        path_prefix::path_prefix(out, &at.field("pathPrefix"), text);
    }
    if let Some(headers) = node.get("headersToAdd") {
        headers::headers(out, &at.field("headersToAdd"), headers, node.get("authConfig").is_some());
    }
    if let Some(auth) = node.get("authConfig") {
        oauth::auth(out, at, node, auth, surroundings);
    }
}

fn host(out: &mut Findings, at: &At<'_>, text: &str, surroundings: &Surroundings<'_>) {
    match HostPort::parse(text) {
        Err(fault) => {
            out.add(Finding::new(&RT001, at, fault.message).value(&without_userinfo(text)).maybe_hint(fault.hint))
        }
        Ok(host) => {
            if let Some(why) = guard::forbidden(&host.host, surroundings) {
                out.add(Finding::new(&RT002, at, why).value(text));
            }
        }
    }
}

/// A host or URL as people may see it: credentials before an `@` are left out.
fn without_userinfo(text: &str) -> String {
    match text.rsplit_once('@') {
        None => text.to_owned(),
        Some((before, after)) => match before.split_once("://") {
            Some((scheme, _)) if !scheme.is_empty() && scheme.bytes().all(|c| c.is_ascii_alphanumeric()) => {
                format!("{scheme}://…@{after}")
            }
            _ => format!("…@{after}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::without_userinfo;

    #[test]
    fn credentials_are_left_out() {
        for (text, shown) in [
            ("example.com", "example.com"),
            ("user:secret@example.com", "…@example.com"),
            ("https://user:secret@example.com/x", "https://…@example.com/x"),
            ("https://user:s@cret@example.com", "https://…@example.com"),
            ("user:sec://ret@example.com", "…@example.com"),
        ] {
            assert_eq!(without_userinfo(text), shown);
        }
    }
}
