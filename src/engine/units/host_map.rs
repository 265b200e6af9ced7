//! Values by patterns of hosts, found in a time that does not grow with their number.

use std::collections::HashMap;

use super::{Host, HostPattern};

/// Values by patterns of hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostMap<T> {
    exact: HashMap<Host, T>,
    below: HashMap<String, T>,
}

impl<T> Default for HostMap<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), below: HashMap::new() }
    }
}

impl<T> FromIterator<(HostPattern, T)> for HostMap<T> {
    fn from_iter<I: IntoIterator<Item = (HostPattern, T)>>(entries: I) -> Self {
        let mut map = Self::default();
        entries.into_iter().for_each(|(pattern, value)| map.insert(pattern, value));
        map
    }
}

impl<T> HostMap<T> {
    /// Adds a value; of two with an equal pattern the first stays.
    pub fn insert(&mut self, pattern: HostPattern, value: T) {
        match pattern {
            HostPattern::Exact(host) => _ = self.exact.entry(host).or_insert(value),
            HostPattern::Below(domain) => _ = self.below.entry(domain).or_insert(value),
        }
    }

    /// The value of this very host.
    #[must_use]
    pub fn exactly(&self, host: &Host) -> Option<&T> {
        self.exact.get(host)
    }

    /// The value of the narrowest pattern that matches: one host before every domain, a longer domain before a shorter one.
    #[must_use]
    pub fn narrowest(&self, host: &Host) -> Option<&T> {
        self.exactly(host).or_else(|| {
            let Host::Name(name) = host else { return None };
            if self.below.is_empty() {
                return None;
            }
            name.match_indices('.').find_map(|(dot, _)| self.below.get(name.get(dot + 1..)?))
        })
    }

    /// How many patterns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.exact.len() + self.below.len()
    }

    /// Whether there is no pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::units::HostPort;

    proptest! {
        /// The map finds what looking at every pattern in turn finds.
        #[test]
        fn the_narrowest_pattern_that_matches_is_found(
            patterns in proptest::collection::vec(r"(\*\.)?([ab]\.){0,3}[ab]", 0..8),
            host in r"([ab]\.){0,4}[ab]",
        ) {
            let patterns: Vec<HostPattern> = patterns.iter().map(|text| HostPattern::parse(text).unwrap()).collect();
            let host = HostPort::parse(&host).unwrap().host;
            let map: HostMap<HostPattern> = patterns.iter().map(|pattern| (pattern.clone(), pattern.clone())).collect();
            let one_by_one = patterns.iter().filter(|pattern| pattern.matches(&host)).max_by_key(|pattern| pattern.narrowness());
            prop_assert_eq!(map.narrowest(&host), one_by_one);
        }
    }
}
