//! Step 2: upwards the smallest want of a window, downwards the largest.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::Time;
use super::history::{Ladder, rewind};
use super::rules::Rules;

/// A stretch without a want that is longer than this, and no shorter than a window, counts for it as one in which the weight was
/// wanted that was in force: a window is passed by looking, not by waiting. (The HorizontalPodAutoscaler does the same when it starts.)
/// Where such stretches follow each other it is only looked that rarely, and each look stands for the time until the next.
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
    /// The milliseconds from the look before to that one, if that is longer than [`UNSEEN`]; 0 otherwise.
    #[serde(skip_serializing_if = "is_zero")]
    gap: u64,
}

impl Wants {
    /// A want of now.
    pub(super) fn keep(&mut self, now: Time, rules: &Rules, want: u8, weight: u8) {
        let gap = self.seen.map_or(Duration::MAX, |seen| now.since(seen));
        let before = Duration::from_millis(self.gap);
        let unseen = |gap: Duration, window: Duration| gap > UNSEEN && gap >= window;
        let (up, down) = (rules.up.window, rules.down.window);
        if unseen(gap, up) {
            self.least.put(now, self.least.last().filter(|_| unseen(before, up)).unwrap_or(weight));
        }
        if unseen(gap, down) {
            self.most.put(now, self.most.last().filter(|_| unseen(before, down)).unwrap_or(weight));
        }
        self.least.put(now, want);
        self.most.put(now, want);
        self.pass(now);
    }

    /// Nothing is wanted now, and nothing is missing either.
    pub(super) fn pass(&mut self, now: Time) {
        let gap = self.seen.map_or(Duration::ZERO, |seen| now.since(seen));
        self.gap = if gap > UNSEEN { u64::try_from(gap.as_millis()).unwrap_or(u64::MAX) } else { 0 };
        self.seen = Some(now);
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

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(gap: &u64) -> bool {
    *gap == 0
}
