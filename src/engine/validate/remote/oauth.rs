//! OAuth 2 client credentials: the id, one secret, and where tokens are had.

use url::Url;

use super::guard;
use crate::engine::finding::rules::{RT002, RT008, RT009, RT010, RT011, RT012, RT013};
use crate::engine::finding::{At, Finding, Findings, is_unprintable, without_secrets};
use crate::engine::parse::Node;
use crate::engine::subject::Surroundings;
use crate::engine::units::{Host, HostPort};
use crate::engine::validate::reference;

/// Judges `authConfig`, which stands in `backend`; `at` is the place of the backend.
pub(super) fn auth(
    out: &mut Findings,
    at: &At<'_>,
    backend: &Node<'_>,
    auth: &Node<'_>,
    surroundings: &Surroundings<'_>,
) {
    let Some(node) = auth.get("oauthConfig").filter(|node| node.is_map()) else { return };
    let auth_at = at.field("authConfig");
    // Without a type that is one, there is no token.
    if auth.text_of("type") == Some("oauth") && backend.text_of("scheme") == Some("http") {
        let finding =
            Finding::new(&RT013, &at.field("scheme"), "the token of authConfig travels unencrypted to this backend");
        out.add(finding.hint("use https").related(&auth_at));
    }
    oauth(out, &auth_at.field("oauthConfig"), node, surroundings);
}

fn oauth(out: &mut Findings, at: &At<'_>, node: &Node<'_>, surroundings: &Surroundings<'_>) {
    let secret_at = at.field("clientSecret");
    let reference_at = at.field("clientSecretRef");
    match (node.get("clientSecret"), node.get("clientSecretRef")) {
        // Of an empty secret, and of one that is no text, the structure has spoken.
        (Some(secret), _) if secret.text().is_none_or(str::is_empty) => {}
        (Some(_), Some(reference)) => {
            if reference.is_map() {
                let finding = Finding::new(&RT009, &secret_at, "cannot be set beside clientSecretRef");
                out.add(finding.hint("keep clientSecretRef").related(&reference_at));
            }
        }
        (Some(_), None) => {
            let finding =
                Finding::new(&RT008, &secret_at, "this secret can be read by everyone who can read the object");
            out.add(finding.hint("put it into a Secret and name it in clientSecretRef"));
        }
        (None, None) => {
            let finding = Finding::new(&RT010, &reference_at, "the client needs a secret");
            out.add(finding.hint("name a Secret of this namespace and its key").related(&secret_at));
        }
        (None, Some(_)) => {}
    }
    if let Some(reference) = node.get("clientSecretRef") {
        reference::named(out, &reference_at, reference, reference::SUBDOMAIN);
        if let Some(key) = reference.text_of("key").filter(|key| !key.is_empty() && !is_secret_key(key)) {
            out.add(
                Finding::new(&RT012, &reference_at.field("key"), "must consist of letters, digits, -, _ and .")
                    .value(key),
            );
        }
    }
    if let Some(text) = node.text_of("tokenUrl").filter(|text| !text.is_empty()) {
        token_url(out, &at.field("tokenUrl"), text, surroundings);
    }
}

fn is_secret_key(key: &str) -> bool {
    key.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_'))
}

fn token_url(out: &mut Findings, at: &At<'_>, text: &str, surroundings: &Surroundings<'_>) {
    match parse_token_url(text) {
        Err(message) => out.add(Finding::new(&RT011, at, message).value(&without_secrets(text))),
        Ok(host) => {
            if let Some(why) = guard::forbidden(&host, surroundings) {
                out.add(
                    Finding::new(&RT002, at, why.replace("a remote backend", "where tokens are had"))
                        .value(&without_secrets(text)),
                );
            }
        }
    }
}

/// The host of an absolute https URL. The URL parser forgives a lot that must not be forgiven here, hence the looks at the
/// text itself.
fn parse_token_url(text: &str) -> Result<Host, &'static str> {
    if text.chars().any(|c| c.is_whitespace() || is_unprintable(c) || c == '\\') {
        return Err("must not contain white space, backslashes, control, invisible or bidirectional characters");
    }
    let url =
        Url::parse(text).map_err(|_| "must be an absolute https URL, such as https://login.example.com/oauth/token")?;
    if url.scheme() != "https" {
        return Err("must be an https URL: the client's secret is sent there");
    }
    // "https:a.example" and "https:///a.example" have a host for this parser alone.
    let authority = text.get(8..).filter(|_| text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")));
    let Some(authority) =
        authority.and_then(|rest| rest.split(['/', '?', '#']).next()).filter(|authority| !authority.is_empty())
    else {
        return Err("must start with https:// and a host");
    };
    if authority.contains('@') {
        return Err("must not contain credentials; use clientId and clientSecretRef");
    }
    if url.fragment().is_some() {
        return Err("must not contain a fragment (#)");
    }
    // What the URL parser makes of a host is more than a host may be: names with wildcards, numbers that are addresses.
    HostPort::parse(authority).map(|host| host.host).map_err(|_| "must name a host: a DNS name, or a plain IP address")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse::{JsonLimits, from_json};

    fn findings(oauth_config: &str, scheme: &str) -> Vec<String> {
        let backend =
            format!(r#"{{"scheme": "{scheme}", "authConfig": {{"type": "oauth", "oauthConfig": {oauth_config}}}}}"#);
        let node = from_json(backend.as_bytes(), JsonLimits::UniqueKeys).unwrap();
        let mut out = Findings::default();
        let surroundings = Surroundings::alone("team-a");
        auth(&mut out, &At::root(), &node, node.get("authConfig").unwrap(), &surroundings);
        out.list().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn exactly_one_secret() {
        let url = r#""tokenUrl": "https://login.example.com/token""#;
        let reference = r#""clientSecretRef": {"name": "s", "key": "k"}"#;
        let none: [&str; 0] = [];
        assert_eq!(findings(&format!("{{{url}, {reference}}}"), "https"), none);
        insta::assert_snapshot!(findings(&format!("{{{url}}}"), "https").join("\n"), @"authConfig.oauthConfig.clientSecretRef: Required value: the client needs a secret; name a Secret of this namespace and its key [RT010]");
        insta::assert_snapshot!(findings(&format!(r#"{{{url}, {reference}, "clientSecret": "hunter2"}}"#), "https").join("\n"), @"authConfig.oauthConfig.clientSecret: Forbidden: cannot be set beside clientSecretRef; keep clientSecretRef [RT009]");
        insta::assert_snapshot!(findings(&format!(r#"{{{url}, "clientSecret": "hunter2"}}"#), "https").join("\n"), @"authConfig.oauthConfig.clientSecret: Invalid value: this secret can be read by everyone who can read the object; put it into a Secret and name it in clientSecretRef [RT008]");
        insta::assert_snapshot!(findings(&format!(r#"{{{url}, "clientSecretRef": {{"name": "S_x", "key": "a b"}}}}"#), "http").join("\n"), @r#"
        scheme: Invalid value: the token of authConfig travels unencrypted to this backend; use https [RT013]
        authConfig.oauthConfig.clientSecretRef.name: Invalid value: "S_x": must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character; did you mean "s-x"? [RF001]
        authConfig.oauthConfig.clientSecretRef.key: Invalid value: "a b": must consist of letters, digits, -, _ and . [RT012]
        "#);
    }

    #[test]
    fn nothing_is_derived_from_what_is_faulty_itself() {
        let url = r#""tokenUrl": "https://login.example.com/token""#;
        let reference = r#""clientSecretRef": {"name": "s", "key": "k"}"#;
        let none: [&str; 0] = [];
        assert_eq!(findings(&format!(r#"{{{url}, {reference}, "clientSecret": ""}}"#), "https"), none);
        assert_eq!(findings(&format!(r#"{{{url}, {reference}, "clientSecret": 1}}"#), "https"), none);
        assert_eq!(findings("1", "http"), none);
    }

    #[test]
    fn credentials_in_a_url_are_not_shown() {
        for url in
            ["https://u:hunter2@a.example/", "https://u:hunter2%40a.example/", "http://a.example/?secret=hunter2"]
        {
            let said = findings(
                &format!(r#"{{"tokenUrl": "{url}", "clientSecretRef": {{"name": "s", "key": "k"}}}}"#),
                "https",
            );
            assert!(said.iter().any(|text| text.contains("RT011")) && !said.join("").contains("hunter2"), "{said:?}");
        }
    }

    #[test]
    fn token_urls() {
        for good in [
            "https://login.example.com/token",
            "HTTPS://login.example.com:8443/a/b?c=d",
            "https://10.0.0.1/token",
            "https://a.example/x@y",
            "https://login.example.com",
        ] {
            assert!(parse_token_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://login.example.com/token",
            "login.example.com/token",
            "/token",
            "https:login.example.com",
            "https:///token",
            "https://",
            "ftp://a.example",
            "https://user:pw@a.example/",
            "https://@a.example/",
            "https://user@a.example/",
            "https://a.example/#x",
            "https://a.example/ x",
            " https://a.example",
            "https://a.example/\n",
            "https:\\\\a.example",
            "https://a.example:99999/",
            "https://exa\u{200b}mple.com",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://t..example/",
            "https://*.example.com/",
        ] {
            assert!(parse_token_url(bad).is_err(), "{bad}");
        }
        let surroundings = Surroundings::alone("team-a");
        for never in [
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://localhost./x",
            "https://web.team-b.svc/",
            "https://169.254.169.254/latest",
        ] {
            assert!(guard::forbidden(&parse_token_url(never).unwrap(), &surroundings).is_some(), "{never}");
        }
    }
}
