//! The forms of names in Kubernetes, shared by references, metadata, selectors and metrics.
//!
//! Each function says what is wrong in Kubernetes' own words, shortened. They follow `apimachinery/pkg/api/validate/content`;
//! lengths count bytes, as there.

/// The longest DNS-1123 label, and the longest label value.
pub const MAX_LABEL: usize = 63;
/// The longest DNS-1123 subdomain.
pub const MAX_SUBDOMAIN: usize = 253;

/// A DNS-1123 label: namespaces, Services, containers.
///
/// # Errors
/// What is wrong with the name.
pub fn dns_label(text: &str) -> Result<(), String> {
    if text.len() > MAX_LABEL {
        return Err(too_long(MAX_LABEL));
    }
    if is_dns_label(text) {
        Ok(())
    } else if text.split('.').all(is_dns_label) {
        Err("must not contain dots".into())
    } else {
        Err("must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character".into())
    }
}

/// A DNS domain, in any letter case, with or without the root dot; in lower case and without the dot.
///
/// # Errors
/// What is wrong with the domain.
pub fn dns_domain(text: &str) -> Result<String, String> {
    let domain = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    dns_subdomain(&domain).map(|()| domain)
}

/// A DNS-1123 subdomain: the names of most objects, and the prefixes of qualified names.
///
/// # Errors
/// What is wrong with the name.
pub fn dns_subdomain(text: &str) -> Result<(), String> {
    if text.len() > MAX_SUBDOMAIN {
        return Err(too_long(MAX_SUBDOMAIN));
    }
    // A part of a subdomain has no limit of its own: Kubernetes looks at the whole.
    if text.split('.').all(is_dns_label) {
        Ok(())
    } else {
        Err("must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character".into())
    }
}

/// A qualified name, such as the key of a label: a name of at most 63 characters after an optional DNS prefix and `/`.
///
/// # Errors
/// What is wrong with the name.
pub fn qualified(text: &str) -> Result<(), String> {
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => {
            return Err(
                "must be a name with an optional DNS subdomain prefix and one '/', such as example.com/my-name".into(),
            );
        }
        Some(("", _)) => return Err("prefix part must be non-empty".into()),
        Some((prefix, name)) => {
            dns_subdomain(prefix).map_err(|message| format!("prefix part {message}"))?;
            name
        }
    };
    if name.is_empty() {
        Err("name part must be non-empty".into())
    } else if name.len() > MAX_LABEL {
        Err(format!("name part {}", too_long(MAX_LABEL)))
    } else if is_label_word(name) {
        Ok(())
    } else {
        Err(format!("name part {LABEL_WORD}"))
    }
}

/// The value of a label: empty, or 63 characters at most.
///
/// # Errors
/// What is wrong with the value.
pub fn label_value(text: &str) -> Result<(), String> {
    if text.len() > MAX_LABEL {
        Err(too_long(MAX_LABEL))
    } else if text.is_empty() || is_label_word(text) {
        Ok(())
    } else {
        Err(LABEL_WORD.into())
    }
}

/// A name that becomes one segment of a URL path, such as the name of a metric. An empty name passes, as in Kubernetes.
///
/// # Errors
/// What is wrong with the name.
pub fn path_segment(text: &str) -> Result<(), String> {
    match text {
        "." | ".." => Err(format!("may not be '{text}'")),
        _ => match text.chars().find(|c| matches!(c, '/' | '%')) {
            Some(c) => Err(format!("may not contain '{c}'")),
            None => Ok(()),
        },
    }
}

const LABEL_WORD: &str =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

fn too_long(most: usize) -> String {
    format!("must be no more than {most} bytes")
}

/// `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, without a limit on its length.
fn is_dns_label(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]`
fn is_label_word(text: &str) -> bool {
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: fn(&str) -> Result<(), String>, good: &[&str], bad: &[(&str, &str)]) {
        for text in good {
            assert_eq!(form(text), Ok(()), "{text}");
        }
        for (text, part) in bad {
            let message = form(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn dns_labels() {
        let long = "a".repeat(63);
        let longer = "a".repeat(64);
        check(
            dns_label,
            &["a", "0", "my-name", "123-abc", "a--b", &long],
            &[
                ("", "must consist"),
                ("-a", "start and end"),
                ("a-", "start and end"),
                ("A", "lower case"),
                ("a_b", "must consist"),
                ("a.b", "must not contain dots"),
                (".a", "must consist"),
                ("a b", "must consist"),
                ("é", "must consist"),
                (&longer, "no more than 63"),
            ],
        );
    }

    #[test]
    fn dns_subdomains() {
        let long = "a".repeat(253);
        let longer = "a".repeat(254);
        check(
            dns_subdomain,
            &["a", "example.com", "1.2.3", "a-b.c-d", &long],
            &[
                ("", "must consist"),
                ("a..b", "must consist"),
                (".a", "must consist"),
                ("a.", "must consist"),
                ("a.-b", "must consist"),
                ("Example.com", "lower case"),
                ("a_b.c", "must consist"),
                (&longer, "no more than 253"),
            ],
        );
    }

    #[test]
    fn qualified_names() {
        let long = format!("{}/{}", "a".repeat(253), "b".repeat(63));
        let longer = format!("{}/b", "a".repeat(254));
        let name = "b".repeat(64);
        check(
            qualified,
            &["simple", "with-dashes_and.dots", "1234", "Uppercase_OK", "example.com/Uppercase_OK", "1.2.3/4", &long],
            &[
                ("", "name part must be non-empty"),
                ("example.com/", "name part must be non-empty"),
                ("/simple", "prefix part must be non-empty"),
                ("only/one/slash", "one '/'"),
                ("//", "one '/'"),
                ("Example.com/abc", "prefix part must consist"),
                ("example_com/abc", "prefix part must consist"),
                ("-a", "name part must consist"),
                ("a-", "name part must consist"),
                ("no%", "name part must consist"),
                ("é", "name part must consist"),
                (&longer, "prefix part must be no more than 253"),
                (&name, "name part must be no more than 63"),
            ],
        );
    }

    #[test]
    fn label_values() {
        let long = "a".repeat(63);
        let longer = "a".repeat(64);
        check(
            label_value,
            &["", "simple", "a.b_c-d", "1234", "UPPER", &long],
            &[
                ("-a", "start and end"),
                (".a", "start and end"),
                ("a.", "start and end"),
                ("a b", "must consist"),
                ("a/b", "must consist"),
                ("ā", "must consist"),
                (&longer, "no more than 63"),
            ],
        );
    }

    #[test]
    fn path_segments() {
        check(
            path_segment,
            &["", "a", "...", ".a", "..a", "sha256:ABC@DEF", "Iñtërnâtiôn", "a b", "http_requests:rate5m"],
            &[
                (".", "may not be '.'"),
                ("..", "may not be '..'"),
                ("a/b", "may not contain '/'"),
                ("a%b", "may not contain '%'"),
            ],
        );
    }
}
