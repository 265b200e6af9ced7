//! The headers that are added to every request.

use crate::engine::finding::rules::{RT004, RT005, RT006, RT007, RT008};
use crate::engine::finding::{At, Finding, Findings};
use crate::engine::parse::{Member, Node};

/// What only the proxy itself may say: where a request goes, where it ends, and what holds for one hop (RFC 9110, 7.6.1).
const THE_PROXYS_OWN: [&str; 12] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "http2-settings",
];

/// Judges `headersToAdd`; `authenticated` tells whether `authConfig` stands beside it. No value is ever shown.
pub(super) fn headers(out: &mut Findings, at: &At<'_>, node: &Node<'_>, authenticated: bool) {
    // In the order of the names, so that of two equal ones the same is the later one, whoever reads.
    let mut members: Vec<&Member<'_>> = node.members().iter().filter(|member| !member.value.is_null()).collect();
    members.sort_by(|a, b| a.key.cmp(&b.key));
    members.dedup_by(|a, b| a.key == b.key);
    let mut seen = std::collections::HashSet::with_capacity(members.len());
    for member in members {
        header(out, &at.key(&member.key), member, authenticated, &mut seen);
    }
}

fn header(
    out: &mut Findings,
    at: &At<'_>,
    member: &Member<'_>,
    authenticated: bool,
    seen: &mut std::collections::HashSet<String>,
) {
    if member.value.text().is_some_and(|value| !value.bytes().all(|c| c == b'\t' || (b' '..=b'~').contains(&c))) {
        out.add(Finding::new(&RT005, at, "the value must consist of visible ASCII characters, spaces and tabs"));
    }
    if !is_token(&member.key) {
        let hint = member.key.contains([':', ' ']).then_some("the name is the key, the value stands after the colon");
        out.add(
            Finding::new(
                &RT004,
                at,
                "the name must consist of letters, digits and any of ! # $ % & ' * + - . ^ _ ` | ~",
            )
            .maybe_hint(hint),
        );
        return;
    }
    let name = member.key.to_ascii_lowercase();
    // Which of two it is does not matter if neither may be there.
    if THE_PROXYS_OWN.contains(&name.as_str()) {
        let hint = (name == "host").then_some("the host of the backend goes into host");
        out.add(
            Finding::new(&RT007, at, "this header belongs to the request itself and cannot be added").maybe_hint(hint),
        );
        return;
    }
    // Of a value that is no text the structure has spoken.
    if name == "authorization" && member.value.text().is_some() {
        out.add(if authenticated {
            Finding::new(&RT007, at, "authConfig sets this header; it cannot be added beside it")
        } else {
            Finding::new(&RT008, at, "this secret can be read by everyone who can read the object")
                .hint("use authConfig with a clientSecretRef")
        });
    }
    if !seen.insert(name) {
        out.add(Finding::new(&RT006, at, "this header is added already, in another letter case"));
    }
}

/// RFC 9110, 5.6.2.
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c))
}

#[cfg(test)]
mod tests {
    use crate::engine::finding::{At, Findings};
    use crate::engine::parse::{JsonLimits, from_json};

    fn codes(headers: &str, authenticated: bool) -> Vec<String> {
        let mut out = Findings::default();
        super::headers(
            &mut out,
            &At::root(),
            &from_json(headers.as_bytes(), JsonLimits::UniqueKeys).unwrap(),
            authenticated,
        );
        out.list().iter().map(|finding| format!("{} {}", finding.path, finding.rule.code)).collect()
    }

    #[test]
    fn each_header_is_judged() {
        let none: [&str; 0] = [];
        assert_eq!(codes(r#"{"X-Team": "a\tb c~", "x-other": "", "x.y|z": "1"}"#, true), none);
        assert_eq!(
            codes(r#"{"X Team": "a", "": "b", "X:": "c", "Ä": "d"}"#, false),
            ["[] RT004", "[X Team] RT004", "[X:] RT004", "[Ä] RT004"]
        );
        assert_eq!(
            codes(r#"{"A": "x\r\ny", "B": "ä", "C": "\u0000"}"#, false),
            ["[A] RT005", "[B] RT005", "[C] RT005"]
        );
        assert_eq!(
            codes(r#"{"x-team": "a", "X-Team": "b", "X-TEAM": "c"}"#, false),
            ["[X-Team] RT006", "[x-team] RT006"]
        );
        assert_eq!(
            codes(r#"{"HOST": "a", "te": "b", "Content-Length": "3"}"#, false),
            ["[Content-Length] RT007", "[HOST] RT007", "[te] RT007"]
        );
        assert_eq!(codes(r#"{"host": "a", "Host": "b"}"#, false), ["[Host] RT007", "[host] RT007"]);
        assert_eq!(codes(r#"{"authorization": 1}"#, true), none);
        assert_eq!(codes(r#"{"authorization": "Bearer x"}"#, true), ["[authorization] RT007"]);
        assert_eq!(codes(r#"{"authorization": "Bearer x"}"#, false), ["[authorization] RT008"]);
        assert_eq!(codes(r#"{"A": 1, "B": null}"#, false), none, "types are the structure's to judge");
    }
}
