//! The remote backend: where traffic is sent, with which headers and which credentials.

pub(super) mod guard;
mod headers;
mod oauth;
mod path_prefix;

use crate::engine::finding::rules::{RT001, RT002};
use crate::engine::finding::{At, Finding, Findings, without_secrets};
use crate::engine::parse::Node;
use crate::engine::subject::Surroundings;
use crate::engine::units::HostPort;

/// Judges a `remoteBackend`, an object's own or that of the configuration; `at` is its place.
pub(super) fn backend(out: &mut Findings, at: &At<'_>, node: &Node<'_>, surroundings: &Surroundings<'_>) {
    if let Some(text) = node.text_of("host").filter(|text| !text.is_empty()) {
        host(out, &at.field("host"), text, surroundings);
    }
    if let Some(text) = node.text_of("pathPrefix") {
        path_prefix::path_prefix(out, &at.field("pathPrefix"), text);
    }
    if let Some(headers) = node.get("headersToAdd") {
        headers::headers(out, &at.field("headersToAdd"), headers, node.get("authConfig").is_some_and(Node::is_map));
    }
    if let Some(auth) = node.get("authConfig") {
        oauth::auth(out, at, node, auth, surroundings);
    }
}

fn host(out: &mut Findings, at: &At<'_>, text: &str, surroundings: &Surroundings<'_>) {
    match HostPort::parse(text) {
        Err(fault) => {
            out.add(Finding::new(&RT001, at, fault.message).value(&without_secrets(text)).maybe_hint(fault.hint))
        }
        Ok(host) => {
            if let Some(why) = guard::forbidden(&host.host, surroundings) {
                out.add(Finding::new(&RT002, at, why).value(text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::engine::validate::testing::{found, texts};

    #[test]
    fn what_may_be_a_secret_in_a_host_or_a_path_is_not_repeated() {
        for (host, shown) in [
            ("a.example?token=secret", "a.example?…"),
            ("user:secret@a.example", "…@a.example"),
            ("https://a.example/x?token=secret", "https://a.example/x?…"),
            ("a.example#secret", "a.example#…"),
        ] {
            let backend = json!({"remoteBackend": {"host": host, "pathPrefix": "/v1?key=secret"}, "metrics": []});
            let said = texts(&found("offloadingConfig", backend));
            assert!(said.iter().any(|text| text.contains(&format!("\"{shown}\""))), "{said:?}");
            assert!(said.iter().any(|text| text.contains("\"/v1?…\"")), "{said:?}");
            assert!(said.iter().all(|text| !text.contains("secret")), "{said:?}");
        }
    }
}
