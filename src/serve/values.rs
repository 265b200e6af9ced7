//! The values of flags: durations as Kubernetes writes them, and names.

use std::time::Duration;

use crate::engine::units::GoDuration;

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = GoDuration::parse(text).map_err(|error| error.to_string())?;
    duration.to_std().ok_or_else(|| "must not be negative".to_owned())
}

pub(super) fn positive(text: &str) -> Result<Duration, String> {
    duration(text)
        .and_then(|duration| if duration.is_zero() { Err("must be more than 0".to_owned()) } else { Ok(duration) })
}

/// A DNS domain in lower case without the root's dot: it is compared with names that were brought into this form.
pub(super) fn domain(text: &str) -> Result<String, String> {
    let domain = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.len() <= 253 && domain.split('.').all(label) {
        Ok(domain)
    } else {
        Err("must be a DNS domain, such as cluster.local".to_owned())
    }
}
