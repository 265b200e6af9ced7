//! What is put before the path of every request.

use crate::engine::finding::rules::RT003;
use crate::engine::finding::{At, Finding, Findings, without_query};
use crate::engine::suggest;

/// The names that are filled in after a `$`.
const VARIABLES: [&str; 2] = ["workspace", "model"];

/// Judges `pathPrefix`.
pub(super) fn path_prefix(out: &mut Findings, at: &At<'_>, text: &str) {
    if let Err((message, hint)) = check(text) {
        out.add(Finding::new(&RT003, at, message).value(&without_query(text)).maybe_hint(hint));
    }
}

fn check(text: &str) -> Result<(), (String, Option<String>)> {
    let fault = |message: &str| Err((message.to_owned(), None));
    let Some(path) = text.strip_prefix('/') else {
        let hint = (!text.is_empty() && text.len() <= 128 && check(&format!("/{text}")).is_ok())
            .then(|| format!("did you mean \"/{text}\"?"));
        return Err(("must start with /".into(), hint));
    };
    if path.contains(['?', '#']) {
        return fault("must not contain a query or a fragment");
    }
    if path.contains('\\') {
        return fault("must not contain a backslash");
    }
    if let Some(c) = path.chars().find(|c| !is_path_character(*c)) {
        return fault(&match c {
            ' ' => "must not contain a space; write %20".into(),
            c if c.is_ascii_graphic() => format!("must not contain {c}, which a URL's path cannot have"),
            _ => String::from("must not contain control or non-ASCII characters; write them as %XX"),
        });
    }
    variables(path)?;
    let Some(once) = decoded(path.as_bytes()) else {
        return fault("has a % that two hexadecimal digits do not follow");
    };
    if path.split('/').rev().skip(1).any(str::is_empty) {
        return fault("must not contain an empty segment (//) but at its end");
    }
    // A proxy or a backend may decode once more than it should: what would be a step up then is one now.
    let twice = decoded(&once).unwrap_or_else(|| once.clone());
    if [path.as_bytes(), &once, &twice].into_iter().any(leads_elsewhere) {
        return fault("must not contain a . or .. segment, in any encoding");
    }
    Ok(())
}

/// RFC 3986 `pchar`, and `/`.
fn is_path_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%/".contains(c)
}

fn variables(path: &str) -> Result<(), (String, Option<String>)> {
    for rest in path.split('$').skip(1) {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default();
        if !VARIABLES.contains(&name) {
            let hint = suggest::closest(name, VARIABLES).map(|near| format!("did you mean \"${near}\"?"));
            return Err(("after $ only workspace or model may stand: $workspace, $model".into(), hint));
        }
    }
    Ok(())
}

/// Percent-decodes; none if a % is not followed by two hexadecimal digits.
fn decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(*rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

/// Whether a segment is `.` or `..`, parameters after a `;` aside (some servers drop them).
fn leads_elsewhere(path: &[u8]) -> bool {
    path.split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|segment| matches!(segment, b"." | b"..") || segment.starts_with(b"..;"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn plain_absolute_paths_pass() {
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/$workspace/models/$model",
            "/a/$model/b",
            "/$model:predict",
            "/a%20b",
            "/~a/b-c_d.e",
            "/a;v=1/b",
            "/...",
            "/a..b",
            "/x/..y",
            "/100%25",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (path, message) in [
            ("", "start with /"),
            ("v1", "start with /"),
            ("//v1", "empty segment"),
            ("/a//b", "empty segment"),
            ("/a//", "empty segment"),
            ("/a?b", "query"),
            ("/a#b", "query"),
            ("/a\\b", "backslash"),
            ("/a b", "space"),
            ("/a\tb", "control"),
            ("/ä", "non-ASCII"),
            ("/a%", "%"),
            ("/a%2", "%"),
            ("/a%zz", "%"),
            ("/a\"b", "cannot have"),
            ("/{a}", "cannot have"),
            ("/.", "segment"),
            ("/..", "segment"),
            ("/a/../b", "segment"),
            ("/a/./b", "segment"),
            ("/..;/b", "segment"),
            ("/..;x=1", "segment"),
            ("/%2e%2e/b", "segment"),
            ("/%2E", "segment"),
            ("/%252e%252e", "segment"),
            ("/a%2f..%2fb", "segment"),
            ("/a%252f%252e%252e", "segment"),
            ("/a%5c..%5cb", "segment"),
            ("/$", "$workspace, $model"),
            ("/$foo", "$workspace, $model"),
            ("/$models", "$workspace, $model"),
            ("/${model}", "cannot have"),
        ] {
            let (found, _) = check(path).expect_err(path);
            assert!(found.contains(message), "{path}: {found}");
        }
    }

    #[test]
    fn hints() {
        assert_eq!(check("v1/$model").unwrap_err().1.as_deref(), Some("did you mean \"/v1/$model\"?"));
        assert_eq!(check("/$Model").unwrap_err().1.as_deref(), Some("did you mean \"$model\"?"));
    }
}
