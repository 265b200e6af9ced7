//! So many at once, and another one every so often.

use std::time::Duration;

use tokio::time::Instant;

/// What is allowed in general.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// How many at once.
    pub(super) most: f64,
    /// After how long there is one more.
    pub(super) every: Duration,
}

/// What is left of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    left: f64,
    since: Instant,
}

impl Allowance {
    /// All of it.
    #[must_use]
    pub(super) const fn full(limit: Limit, now: Instant) -> Self {
        Self { left: limit.most, since: now }
    }

    /// Takes one, if there is one; whether there was.
    pub(super) fn take(&mut self, limit: Limit, now: Instant) -> bool {
        let refilled = now.saturating_duration_since(self.since).as_secs_f64() / limit.every.as_secs_f64();
        self.left = (self.left + refilled).min(limit.most);
        self.since = now;
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }

    /// Whether nobody has taken any for so long that it is full again, at least.
    #[must_use]
    pub(super) fn is_full(&self, limit: Limit, now: Instant) -> bool {
        now.saturating_duration_since(self.since).as_secs_f64() >= limit.most * limit.every.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_another_one_later() {
        let limit = Limit { most: 25.0, every: Duration::from_secs(300) };
        let start = Instant::now();
        let mut allowance = Allowance::full(limit, start);
        assert_eq!((0..40).filter(|_| allowance.take(limit, start)).count(), 25);
        let later = start + limit.every;
        assert!(allowance.take(limit, later) && !allowance.take(limit, later));
        assert!(!allowance.is_full(limit, later) && allowance.is_full(limit, later + limit.every * 25));
        let much_later = later + limit.every * 1000;
        assert_eq!((0..40).filter(|_| allowance.take(limit, much_later)).count(), 25, "no more is saved up");
    }
}
