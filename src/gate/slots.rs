//! A fixed number of slots. When all are taken, who has waited longest for its client gives way to one who comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What the holder of a slot does. The least is the first to give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Waits, since then, for a client that has not shown yet that it is worth it.
    Unproven(Instant),
    /// Waits, since then, for a client that has.
    Proven(Instant),
    /// Works, and never gives way.
    Busy,
}

impl Standing {
    fn since(self) -> Option<Instant> {
        match self {
            Self::Unproven(since) | Self::Proven(since) => Some(since),
            Self::Busy => None,
        }
    }
}

/// The slots.
pub(super) struct Slots {
    most: usize,
    grace: Duration,
    taken: Mutex<Taken>,
    changed: Notify,
}

#[derive(Default)]
struct Taken {
    next: u64,
    holders: HashMap<u64, Holder>,
}

struct Holder {
    standing: Standing,
    lost: CancellationToken,
}

/// A slot that was taken, and who had to give way for it.
pub(super) struct Granted {
    pub(super) slot: Slot,
    /// Another lost its slot to this one.
    pub(super) evicted: bool,
}

impl Slots {
    /// So many slots. Nobody gives way who has waited for less than `grace`.
    pub(super) fn new(most: usize, grace: Duration) -> Arc<Self> {
        Arc::new(Self { most, grace, taken: Mutex::default(), changed: Notify::new() })
    }

    /// A slot, if one is free or somebody waits who can give way. Whoever takes it has proved nothing yet.
    pub(super) fn take(self: &Arc<Self>) -> Option<Granted> {
        self.take_at(Instant::now())
    }

    fn take_at(self: &Arc<Self>, now: Instant) -> Option<Granted> {
        let mut taken = self.taken();
        let evicted = taken.holders.len() >= self.most;
        if evicted && !self.evict(&mut taken, now) {
            return None;
        }
        let number = taken.next;
        taken.next = taken.next.wrapping_add(1);
        let lost = CancellationToken::new();
        let holder = Holder { standing: Standing::Unproven(now), lost: lost.clone() };
        taken.holders.insert(number, holder);
        drop(taken);
        Some(Granted { slot: Slot { slots: Arc::clone(self), number, lost }, evicted })
    }

    /// A slot, as soon as there is one.
    pub(super) async fn taken_in_turn(self: &Arc<Self>) -> Granted {
        loop {
            let changed = self.changed.notified();
            if let Some(granted) = self.take() {
                return granted;
            }
            if self.grace.is_zero() {
                changed.await;
            } else {
                // Also somebody's grace may end.
                _ = tokio::time::timeout(self.grace, changed).await;
            }
        }
    }

    /// Takes a slot away without giving it to anybody. False if nobody can give way.
    pub(super) fn clear_one(&self) -> bool {
        self.evict(&mut self.taken(), Instant::now())
    }

    fn evict(&self, taken: &mut Taken, now: Instant) -> bool {
        let first = taken
            .holders
            .iter()
            .filter(|(_, holder)| holder.standing.since().is_some_and(|since| now.duration_since(since) >= self.grace))
            .min_by_key(|(_, holder)| holder.standing)
            .map(|(number, _)| *number);
        let Some(holder) = first.and_then(|number| taken.holders.remove(&number)) else { return false };
        holder.lost.cancel();
        true
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing in here can break off half-way.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are taken.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.taken().holders.len()
    }
}

/// One of the slots, until it is dropped or lost.
pub(super) struct Slot {
    slots: Arc<Slots>,
    number: u64,
    lost: CancellationToken,
}

impl Slot {
    /// Says what its holder does now. False if the slot is lost already.
    pub(super) fn stands(&self, standing: Standing) -> bool {
        let mut taken = self.slots.taken();
        let Some(holder) = taken.holders.get_mut(&self.number) else { return false };
        holder.standing = standing;
        drop(taken);
        if standing != Standing::Busy {
            self.slots.changed.notify_one();
        }
        true
    }

    /// Gives the slot up, as if it had been lost.
    pub(super) fn release(&self) {
        self.slots.taken().holders.remove(&self.number);
        self.lost.cancel();
        self.slots.changed.notify_one();
    }

    /// Returns when the slot is lost.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.taken().holders.remove(&self.number);
        self.slots.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn strangers_give_way_first_then_who_has_waited_longest_and_never_who_works() {
        let slots = Slots::new(4, Duration::ZERO);
        let start = Instant::now();
        let mut held: Vec<_> = (0..4).map(|number| slots.take_at(start + SECOND * number).unwrap().slot).collect();
        assert!(held[0].stands(Standing::Busy));
        // It has waited longest, but it has proved itself.
        assert!(held[1].stands(Standing::Proven(start)));
        for seat in [2, 3, 1] {
            assert!(!held[seat].lost.is_cancelled());
            let granted = slots.take_at(start + SECOND * 60).unwrap();
            assert!(granted.evicted && held[seat].lost.is_cancelled(), "{seat}");
            assert!(granted.slot.stands(Standing::Busy));
            held.push(granted.slot);
        }
        assert!(slots.take().is_none(), "all the others work");
        assert!(!held[0].lost.is_cancelled());
        assert!(!held[1].stands(Standing::Busy), "what is lost does not come back");
        assert_eq!(slots.count(), 4);
    }

    #[tokio::test]
    async fn nobody_gives_way_before_the_grace_is_over() {
        let slots = Slots::new(1, Duration::from_millis(100));
        let start = Instant::now();
        let first = slots.take_at(start).unwrap().slot;
        assert!(slots.take_at(start + Duration::from_millis(99)).is_none());
        let second = slots.take_at(start + Duration::from_millis(100)).unwrap();
        assert!(second.evicted && first.lost.is_cancelled());
        let third = timeout(SECOND * 20, slots.taken_in_turn()).await.unwrap();
        assert!(third.evicted && second.slot.lost.is_cancelled());
        drop((first, second, third));
        assert_eq!(slots.count(), 0);
        assert!(!slots.take().unwrap().evicted);
    }

    #[tokio::test]
    async fn who_waits_for_a_place_gets_it_when_one_is_left_or_its_holder_waits() {
        let slots = Slots::new(1, Duration::ZERO);
        let mut held = slots.take().unwrap().slot;
        for (way, evicted) in [("dropped", false), ("waits", true), ("left", false)] {
            assert!(held.stands(Standing::Busy));
            let waiting = tokio::spawn({
                let slots = Arc::clone(&slots);
                async move { slots.taken_in_turn().await }
            });
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            match way {
                "waits" => assert!(held.stands(Standing::Proven(Instant::now()))),
                "left" => held.release(),
                _ => drop(held),
            }
            let granted = timeout(SECOND * 20, waiting).await.unwrap().unwrap();
            assert_eq!(granted.evicted, evicted, "{way}");
            held = granted.slot;
        }
        assert!(slots.clear_one() && !slots.clear_one());
        timeout(SECOND * 20, held.lost()).await.unwrap();
    }
}
