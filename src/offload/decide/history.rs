//! A value over time, as the changes it went through: what was in force when, on average, at least and at most.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::Time;

/// For how long changes are kept: the longest period of a policy, and more than the window of any sample that is worth a decision.
const KEPT: Duration = Duration::from_secs(3600);

/// A value over time. What it was before the first change that is known, it is taken to have been for ever.
///
/// Never longer than [`Valued::LONGEST`] changes; stored as `[time, value, milliseconds later, value, …]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct History<V> {
    changes: Vec<(Time, V)>,
}

impl<V> Default for History<V> {
    fn default() -> Self {
        Self { changes: Vec::new() }
    }
}

/// What a history can be of.
pub(super) trait Valued: Copy + PartialEq {
    /// The most changes that are kept.
    const LONGEST: usize;
    fn code(self) -> i64;
    fn read(code: i64) -> Option<Self>;
}

/// A weight in percent. More than 101 changes can never all be extremes of what came after them.
impl Valued for u8 {
    const LONGEST: usize = 160;

    fn code(self) -> i64 {
        i64::from(self)
    }

    fn read(code: i64) -> Option<Self> {
        Self::try_from(code).ok().filter(|weight| *weight <= 100)
    }
}

/// A count, or none where nobody looked.
impl Valued for Option<u32> {
    const LONGEST: usize = 100;

    fn code(self) -> i64 {
        self.map_or(-1, i64::from)
    }

    fn read(code: i64) -> Option<Self> {
        if code == -1 { Some(None) } else { u32::try_from(code).ok().map(Some) }
    }
}

impl<V: Valued> History<V> {
    /// The value is this from now on.
    pub(super) fn push(&mut self, now: Time, value: V) {
        match self.changes.as_mut_slice() {
            [.., (_, last)] if *last == value => return,
            // The first one stands for all that came before.
            [_, .., (at, last)] if *at >= now => *last = value,
            _ => self.changes.push((now, value)),
        }
        let old = now.before(KEPT);
        let gone = self.changes.iter().skip(1).take_while(|(at, _)| *at <= old).count();
        self.changes.drain(..gone);
        self.shorten();
    }

    /// Too many changes: the oldest that is not an extreme of all that came after it goes, so that the least and the most of
    /// any period are still right.
    fn shorten(&mut self) {
        while self.changes.len() > V::LONGEST {
            let codes: Vec<i64> = self.changes.iter().map(|(_, value)| value.code()).collect();
            let plain = (1..codes.len().saturating_sub(1)).find(|index| {
                let Some((own, later)) = codes.get(*index..).and_then(<[i64]>::split_first) else { return false };
                later.iter().any(|code| code <= own) && later.iter().any(|code| code >= own)
            });
            self.changes.remove(plain.unwrap_or_default());
        }
    }

    pub(super) fn last(&self) -> Option<V> {
        self.changes.last().map(|(_, value)| *value)
    }

    pub(super) fn last_change(&self) -> Option<Time> {
        self.changes.last().map(|(at, _)| *at)
    }

    /// The stretches between two moments, with the value that was in force; one without length for a single moment.
    pub(super) fn over(&self, from: Time, to: Time) -> impl Iterator<Item = (Duration, V)> {
        let ends = self.changes.iter().skip(1).map(|(at, _)| Some(*at)).chain([None]);
        self.changes.iter().zip(ends).enumerate().filter_map(move |(index, ((at, value), end))| {
            let start = if index == 0 { from } else { from.max(*at) };
            let inside = start <= to && end.is_none_or(|end| end > from);
            let stop = end.map_or(to, |end| end.min(to));
            inside.then(|| (stop.since(start), *value))
        })
    }

    /// The mean between two moments, each value weighed by how long it was in force; values of which `number` makes nothing are left out.
    pub(super) fn mean(&self, from: Time, to: Time, number: impl Fn(V) -> Option<f64>) -> Option<f64> {
        let known = self.over(from, to).filter_map(|(span, value)| Some((span.as_secs_f64(), number(value)?)));
        let (span, sum, last) = known.fold((0.0, 0.0, None), |(spans, sum, _), (span, number)| {
            (spans + span, sum + span * number, Some(number))
        });
        if span > 0.0 { Some(sum / span) } else { last }
    }

    /// All moments this much earlier, and none after now.
    pub(super) fn rewind(&mut self, now: Time, millis: i64) {
        rewind(self.changes.iter_mut().map(|(at, _)| at), now, millis);
    }
}

impl<V: Valued> Serialize for History<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut last = 0_i64;
        serializer.collect_seq(self.changes.iter().flat_map(|(at, value)| {
            // Wrapping round and back again, so that even the ends of time are read as they were written.
            let later = at.0.wrapping_sub(last);
            last = at.0;
            [later, value.code()]
        }))
    }
}

impl<'de, V: Valued> Deserialize<'de> for History<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut changes = Vec::new();
        let mut last = 0_i64;
        let flat = Vec::<i64>::deserialize(deserializer)?;
        if flat.len() > 2 * V::LONGEST {
            return Err(D::Error::custom("a history is too long"));
        }
        for pair in flat.chunks(2) {
            let &[later, code] = pair else { return Err(D::Error::custom("a history ends within a change")) };
            let at = last.wrapping_add(later);
            let Some(value) = V::read(code).filter(|_| changes.is_empty() || at >= last) else {
                return Err(D::Error::custom("a history has a change that cannot be"));
            };
            changes.push((Time(at), value));
            last = at;
        }
        Ok(Self { changes })
    }
}

/// The extremes of the last hour: with `MOST` each value is larger than all later ones, without it each is smaller. That is all
/// that a window of any length can ask for, and never more than 101 of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ladder<const MOST: bool> {
    rungs: Vec<(Time, u8)>,
}

impl<const MOST: bool> Ladder<MOST> {
    pub(super) fn put(&mut self, now: Time, value: u8) {
        while self.rungs.pop_if(|(_, last)| if MOST { *last <= value } else { *last >= value }).is_some() {}
        let old = now.before(KEPT);
        let gone = self.rungs.iter().take_while(|(at, _)| *at <= old).count();
        self.rungs.drain(..gone);
        self.rungs.push((now, value));
    }

    /// The newest value.
    pub(super) fn last(&self) -> Option<u8> {
        self.rungs.last().map(|(_, value)| *value)
    }

    /// The extreme of a window that ends now.
    pub(super) fn within(&self, now: Time, window: Duration) -> Option<u8> {
        self.rungs.iter().find(|(at, _)| now.since(*at) < window).map(|(_, value)| *value)
    }

    pub(super) fn rewind(&mut self, now: Time, millis: i64) {
        rewind(self.rungs.iter_mut().map(|(at, _)| at), now, millis);
    }
}

impl<const MOST: bool> Serialize for Ladder<MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        History { changes: self.rungs.clone() }.serialize(serializer)
    }
}

impl<'de, const MOST: bool> Deserialize<'de> for Ladder<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let rungs = History::<u8>::deserialize(deserializer)?.changes;
        let falls = |pair: &[(Time, u8)]| match pair {
            [(_, one), (_, next)] => (one > next) == MOST && one != next,
            _ => true,
        };
        if rungs.windows(2).all(falls) { Ok(Self { rungs }) } else { Err(D::Error::custom("wants are out of order")) }
    }
}

/// Moments, this much earlier, and none after now.
pub(super) fn rewind<'a>(times: impl IntoIterator<Item = &'a mut Time>, now: Time, millis: i64) {
    for time in times {
        time.0 = time.0.saturating_add(millis).min(now.0);
    }
}
