//! Step 2: upwards the smallest want of a window, downwards the largest.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::Time;
use super::history::{Ladder, rewind};
use super::rules::Rules;

/// A stretch without a want that is longer than this counts as one in which the weight was wanted that was in force: a window is
/// passed by looking, not by waiting. (The HorizontalPodAutoscaler does the same when it starts.)
pub(super) const UNSEEN: Duration = Duration::from_secs(60);

/// The wants of the last hour, as far as any window can still ask for them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Wants {
    /// Each smaller than all later ones.
    least: Ladder<false>,
    /// Each larger than all later ones.
    most: Ladder<true>,
    /// When somebody last looked.
    seen: Option<Time>,
}

impl Wants {
    /// A want of now.
    pub(super) fn keep(&mut self, now: Time, want: u8, weight: u8) {
        if self.seen.is_none_or(|seen| now.since(seen) > UNSEEN) {
            self.put(now, weight);
        }
        self.put(now, want);
        self.seen = Some(now);
    }

    /// Nothing is wanted now, and nothing is missing either.
    pub(super) fn pass(&mut self, now: Time) {
        self.seen = Some(now);
    }

    fn put(&mut self, now: Time, want: u8) {
        self.least.put(now, want);
        self.most.put(now, want);
    }

    pub(super) fn rewind(&mut self, now: Time, millis: i64) {
        self.least.rewind(now, millis);
        self.most.rewind(now, millis);
        rewind(&mut self.seen, now, millis);
    }

    /// The weight that the windows leave of a want: as near to it as all wants of the window of that direction agree on.
    pub(super) fn stabilise(&self, now: Time, rules: &Rules, weight: u8, want: u8) -> u8 {
        if want > weight {
            self.least.within(now, rules.up.window).map_or(want, |least| least.min(want)).max(weight)
        } else {
            self.most.within(now, rules.down.window).map_or(want, |most| most.max(want)).min(weight)
        }
    }
}
