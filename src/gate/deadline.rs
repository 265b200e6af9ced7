//! How long a review may take: what the API server grants in `?timeout=`, less a margin to answer in.

use std::time::Duration;

use crate::engine::units::GoDuration;

/// What an API server grants that does not say.
const DEFAULT: Duration = Duration::from_secs(10);

/// The most that is granted; Kubernetes takes no longer `timeoutSeconds` either.
const MAX: Duration = Duration::from_secs(30);

/// The longest margin.
const MAX_MARGIN: Duration = Duration::from_millis(500);

/// The time from the arrival of a request to its answer, from the query of its URL.
pub(super) fn allowance(query: Option<&str>) -> Duration {
    let granted = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .find_map(|pair| pair.strip_prefix("timeout="))
        .and_then(|text| GoDuration::parse(text).ok()?.to_std())
        .filter(|granted| !granted.is_zero())
        .unwrap_or(DEFAULT)
        .min(MAX);
    granted.saturating_sub((granted / 10).min(MAX_MARGIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_granted_counts_less_a_margin() {
        for (query, milliseconds) in [
            (None, 9_500),
            (Some(""), 9_500),
            (Some("timeout=5s"), 4_500),
            (Some("timeout=2s"), 1_800),
            (Some("a=b&timeout=300ms&c"), 270),
            (Some("timeout=1m30s"), 29_500),
            (Some("timeout=2562047h"), 29_500),
            (Some("timeout=0s"), 9_500),
            (Some("timeout=-5s"), 9_500),
            (Some("timeout=5"), 9_500),
            (Some("timeout=soon"), 9_500),
            (Some("xtimeout=5s"), 9_500),
        ] {
            assert_eq!(allowance(query), Duration::from_millis(milliseconds), "{query:?}");
        }
    }
}
