//! Whoever is spoken to outside of the cluster: over TLS, to one place and no other, and what comes back as people may read it.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use rustls::RootCertStore;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use crate::engine::finding::{escaped, presentable};

/// The authorities that the Web trusts. The image has none of its own.
pub(super) fn public_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(TLS_SERVER_ROOT_CERTS.iter().cloned());
    roots
}

/// A client that trusts these authorities and follows nobody elsewhere: secrets are for whom they are for. What is on this machine itself
/// (`here`) no proxy has a way to.
///
/// # Errors
/// If there is no TLS to be had.
pub(super) fn client(roots: RootCertStore, connect: Duration, here: bool) -> Result<ClientBuilder, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(connect)
        .redirect(Policy::none())
        .referer(false)
        .user_agent(concat!("beamlit-operator/", env!("CARGO_PKG_VERSION")));
    Ok(if here { builder.no_proxy() } else { builder })
}

/// For how long whoever answered wants to be left alone: seconds or a date (RFC 9110, 10.2.3).
pub(super) fn retry_after(header: Option<&str>, now: SystemTime) -> Option<Duration> {
    let header = header?.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is as long as can be.
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::from(u32::MAX))));
    }
    Some(httpdate::parse_http_date(header).ok()?.duration_since(now).unwrap_or_default())
}

/// What somebody else said: one line of so many characters, printable, and without credentials.
pub(super) fn line(text: &str, most: usize) -> String {
    let text = presentable(text.trim());
    let cut: String = text.chars().take(most).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{more}", escaped(&cut))
}

/// The cause at the bottom of an error, in its own words: what the ones around it say is where it happened, which is known.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown_where_a_line_is_cut() {
        assert_eq!(line("no way to https://user:secret@example.com/x?key=secret", 10), "…@example.…");
        assert_eq!(line("no way to https://user:secret@example.com/x?key=secret", 100), "…@example.com/x?…");
        assert_eq!(line("https://a.example?key=secret says no", 100), "https://a.example?… says no");
    }

    #[test]
    fn when_to_come_back_is_read_in_both_forms() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (header, expected) in [
            (None, None),
            (Some("0"), Some(0)),
            (Some("30"), Some(30)),
            (Some(" 0 "), Some(0)),
            (Some(" 120 "), Some(120)),
            (Some("99999999999999999999999"), Some(u64::from(u32::MAX))),
            (Some("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10)),
            (Some("Sun, 06 Nov 1994 08:49:27 GMT"), Some(0)),
            (Some("-1"), None),
            (Some("soon"), None),
            (Some("1.5"), None),
            (Some(""), None),
        ] {
            assert_eq!(retry_after(header, now), expected.map(Duration::from_secs), "{header:?}");
        }
        let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
        let wait = retry_after(Some(&later), SystemTime::now()).unwrap();
        assert!((3000..=3600).contains(&wait.as_secs()), "{wait:?}");
    }
}
