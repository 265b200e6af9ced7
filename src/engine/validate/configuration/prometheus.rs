//! Where Prometheus is, and what it is asked with.

use url::Url;

use crate::engine::finding::rules::{CF020, CF021, CF022};
use crate::engine::finding::{At, Finding, Findings, is_unprintable, without_secrets};
use crate::engine::parse::Node;
use crate::engine::suggest;

/// Judges `prometheus`; `at` is its place.
pub(super) fn prometheus(out: &mut Findings, at: &At<'_>, node: &Node<'_>) {
    let text = |field: &str| node.text_of(field).filter(|text| !text.is_empty());
    let mut plain = false;
    if let Some(text) = text("url") {
        match url(text) {
            Ok(url) => plain = url.scheme() == "http",
            Err(message) => {
                let hint = without_api(text).map(|better| suggest::hint(&better));
                out.add(Finding::new(&CF020, &at.field("url"), message).value(&without_secrets(text)).maybe_hint(hint));
            }
        }
    }
    for field in ["caFile", "bearerTokenFile"] {
        if let Some(path) = text(field).filter(|path| !path.starts_with('/')) {
            let message = "must be an absolute path: nobody knows from where the operator was started";
            out.add(Finding::new(&CF021, &at.field(field), message).value(path));
        }
    }
    if plain && text("bearerTokenFile").is_some() {
        let message = "the token of bearerTokenFile travels unencrypted to this Prometheus; use https";
        out.add(Finding::new(&CF022, &at.field("url"), message).related(&at.field("bearerTokenFile")));
    }
}

/// The URL below which the API of a Prometheus is.
///
/// # Errors
/// Why a text is none. The URL parser forgives a lot that must not be forgiven here, hence the looks at the text itself.
pub(in crate::engine) fn url(text: &str) -> Result<Url, &'static str> {
    const WANTED: &str = "must be an absolute URL of http or https, such as http://prometheus.monitoring.svc:9090";
    if text.chars().any(|c| c.is_whitespace() || is_unprintable(c) || c == '\\') {
        return Err("must not contain white space, backslashes, control, invisible or bidirectional characters");
    }
    let url = Url::parse(text).map_err(|_| WANTED)?;
    let authority = ["http://", "https://"].into_iter().find_map(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let authority = authority.and_then(|rest| rest.split(['/', '?', '#']).next()).filter(|it| !it.is_empty());
    let authority = authority.ok_or(WANTED)?;
    if authority.contains('@') {
        return Err("must not contain credentials; use bearerTokenFile");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not contain a query (?) or a fragment (#)");
    }
    if without_api(text).is_some() {
        return Err("must be the URL below which the API is");
    }
    Ok(url)
}

/// The URL that was meant, if the text is one of a page or of the API itself.
fn without_api(text: &str) -> Option<String> {
    let text = text.trim_end_matches('/');
    ["/api/v1/query", "/api/v1", "/api", "/graph", "/query"]
        .into_iter()
        .find_map(|end| text.strip_suffix(end))
        .map(str::to_owned)
}
