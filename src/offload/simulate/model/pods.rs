//! The pods of the workload: how many there are to be, and how many are ready.

use std::collections::VecDeque;

/// The pods at one moment. Times are milliseconds since the beginning.
#[derive(Clone, Debug)]
pub(in super::super) struct Pods {
    started: u32,
    /// When the others will be ready, and how many of them, in the order in which they were made: thousands are made at once.
    starting: VecDeque<(u64, u32)>,
    /// The most that can be ready, whatever else holds.
    limit: Option<u32>,
}

impl Pods {
    /// So many pods, all of them started.
    pub(in super::super) fn new(count: u32) -> Self {
        Self { started: count, starting: VecDeque::new(), limit: None }
    }

    /// How many there are.
    pub(in super::super) fn count(&self) -> u32 {
        self.starting.iter().fold(self.started, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// How many are ready.
    pub(in super::super) fn ready(&self) -> u32 {
        self.limit.map_or(self.started, |limit| limit.min(self.started))
    }

    /// Limits how many can be ready.
    pub(in super::super) fn limit(&mut self, limit: Option<u32>) {
        self.limit = limit;
    }

    /// Makes it so many. New ones are ready at a time; those that are not yet ready go first, as a ReplicaSet has it.
    pub(in super::super) fn scale(&mut self, count: u32, ready_at: u64) {
        let there = self.count();
        if count > there {
            self.starting.push_back((ready_at, count - there));
        }
        let mut less = there.saturating_sub(count);
        while less > 0
            && let Some((ready_at, newest)) = self.starting.pop_back()
        {
            if newest > less {
                self.starting.push_back((ready_at, newest - less));
            }
            less = less.saturating_sub(newest);
        }
        self.started = self.started.min(count);
    }

    /// Lets time pass.
    pub(in super::super) fn at(&mut self, now: u64) {
        let started = &mut self.started;
        self.starting.retain(|(ready_at, count)| {
            let starts = *ready_at > now;
            if !starts {
                *started = started.saturating_add(*count);
            }
            starts
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_take_their_time_to_start_and_the_newest_go_first() {
        let mut pods = Pods::new(2);
        pods.scale(4, 60_000);
        assert_eq!((pods.count(), pods.ready()), (4, 2));
        pods.at(59_999);
        assert_eq!(pods.ready(), 2);
        pods.scale(3, 0);
        assert_eq!((pods.count(), pods.ready()), (3, 2), "one of those that start goes");
        pods.at(60_000);
        assert_eq!((pods.count(), pods.ready()), (3, 3));
        pods.scale(0, 0);
        assert_eq!((pods.count(), pods.ready()), (0, 0));
    }

    #[test]
    fn of_several_that_start_the_newest_go() {
        let mut pods = Pods::new(1);
        pods.scale(5, 10_000);
        pods.scale(8, 20_000);
        pods.scale(4, 0);
        assert_eq!(pods.count(), 4);
        pods.at(10_000);
        assert_eq!(pods.ready(), 4, "three that were made last are gone, and one that was made before them");
        pods.scale(2, 0);
        assert_eq!((pods.count(), pods.ready()), (2, 2));
    }

    #[test]
    fn a_limit_takes_pods_away_and_gives_them_back() {
        let mut pods = Pods::new(4);
        pods.limit(Some(1));
        assert_eq!((pods.count(), pods.ready()), (4, 1));
        pods.limit(Some(9));
        assert_eq!(pods.ready(), 4, "there are no more than there are");
        pods.limit(None);
        assert_eq!(pods.ready(), 4);
    }
}
