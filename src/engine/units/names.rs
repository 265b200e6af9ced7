//! The forms of names and labels that Kubernetes has.

/// A DNS-1123 label: 1 to 63 lower-case letters, digits and `-`, not at an end.
///
/// # Errors
/// What is wrong, in words.
pub fn dns_label(text: &str) -> Result<(), String> {
    if text.len() > 63 {
        return Err("may not be more than 63 characters".into());
    }
    if is_label(text) {
        Ok(())
    } else {
        Err("must consist of lower-case letters, digits and -, and start and end with a letter or digit".into())
    }
}

/// A DNS-1123 subdomain: labels joined by `.`, 253 characters at the most.
///
/// # Errors
/// What is wrong, in words.
pub fn dns_subdomain(text: &str) -> Result<(), String> {
    if text.len() > 253 {
        return Err("may not be more than 253 characters".into());
    }
    if text.split('.').all(is_label) {
        Ok(())
    } else {
        Err("must consist of lower-case letters, digits, - and ., and each part must start and end with a letter or digit".into())
    }
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A qualified name, as of labels, annotations and finalizers: `[prefix/]name`, the prefix a DNS-1123 subdomain, the name
/// 1 to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
///
/// # Errors
/// What is wrong, in words.
pub fn qualified(text: &str) -> Result<(), String> {
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => return Err("must have at most one /".into()),
        Some(("", _)) => return Err("must not start with /".into()),
        Some((prefix, name)) => {
            dns_subdomain(prefix).map_err(|fault| format!("the part before / {fault}"))?;
            name
        }
    };
    match name.len() {
        0 => Err("must have a name".into()),
        64.. => Err("may not be more than 63 characters, a prefix aside".into()),
        _ if is_word(name) => Ok(()),
        _ => Err("must consist of letters, digits, -, _ and ., and start and end with a letter or digit".into()),
    }
}

/// The value of a label: empty, or of the form that the name of a [`qualified`] name has.
///
/// # Errors
/// What is wrong, in words.
pub fn label_value(text: &str) -> Result<(), String> {
    if text.len() > 63 {
        return Err("may not be more than 63 characters".into());
    }
    if text.is_empty() || is_word(text) {
        Ok(())
    } else {
        Err("must consist of letters, digits, -, _ and ., and start and end with a letter or digit".into())
    }
}

fn is_word(text: &str) -> bool {
    let end = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
        && end(text.bytes().next())
        && end(text.bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_forms() {
        type Form = fn(&str) -> Result<(), String>;
        let long = "a".repeat(64);
        let longer = format!("{}.{}", "a".repeat(63), "b.".repeat(100));
        let table: &[(Form, &[&str], &[&str])] = &[
            (dns_label, &["a", "a-b", "0", "a0"], &["", "-a", "a-", "A", "a.b", "a_b", "ä", &long]),
            (dns_subdomain, &["a", "a.b", "a-b.0"], &["", ".", "a.", ".a", "a..b", "A", "a.-b", "a_b", &longer]),
            (
                qualified,
                &["a", "A_b.c-d", "example.com/a"],
                &["", "/a", "a/", "a/b/c", "_a", "a-", "Example.com/a", "ä", &long],
            ),
            (label_value, &["", "a", "A_b.c-d"], &["-a", "a.", "a b", "a/b", &long]),
        ];
        for (form, good, bad) in table {
            for text in *good {
                assert_eq!(form(text), Ok(()), "{text}");
            }
            for text in *bad {
                assert!(form(text).is_err(), "{text}");
            }
        }
    }
}
