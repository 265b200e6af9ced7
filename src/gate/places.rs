//! A fixed number of places. When all are taken, who has waited longest for its client gives way to one who comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What the holder of a place does. The least is the first to give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Waits, since then, for a client that has not shown yet that it is worth it.
    Stranger(Instant),
    /// Waits, since then, for a client that has.
    Known(Instant),
    /// Works, and never gives way.
    Busy,
}

impl Standing {
    fn since(self) -> Option<Instant> {
        match self {
            Self::Stranger(since) | Self::Known(since) => Some(since),
            Self::Busy => None,
        }
    }
}

/// The places.
pub(super) struct Places {
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

/// A place that was taken, and who had to give way for it.
pub(super) struct Seated {
    pub(super) place: Place,
    /// Another lost its place to this one.
    pub(super) displaced: bool,
}

impl Places {
    /// So many places. Nobody gives way who has waited for less than `grace`.
    pub(super) fn new(most: usize, grace: Duration) -> Arc<Self> {
        Arc::new(Self { most, grace, taken: Mutex::default(), changed: Notify::new() })
    }

    /// A place, if one is free or somebody waits who can give way. Whoever takes it is a stranger at first.
    pub(super) fn take(self: &Arc<Self>) -> Option<Seated> {
        self.take_at(Instant::now())
    }

    fn take_at(self: &Arc<Self>, now: Instant) -> Option<Seated> {
        let mut taken = self.taken();
        let displaced = taken.holders.len() >= self.most;
        if displaced && !self.displace(&mut taken, now) {
            return None;
        }
        let number = taken.next;
        taken.next = taken.next.wrapping_add(1);
        let lost = CancellationToken::new();
        let holder = Holder { standing: Standing::Stranger(now), lost: lost.clone() };
        taken.holders.insert(number, holder);
        drop(taken);
        Some(Seated { place: Place { places: Arc::clone(self), number, lost }, displaced })
    }

    /// A place, as soon as there is one.
    pub(super) async fn taken_in_turn(self: &Arc<Self>) -> Seated {
        loop {
            let changed = self.changed.notified();
            if let Some(seated) = self.take() {
                return seated;
            }
            if self.grace.is_zero() {
                changed.await;
            } else {
                // Also somebody's grace may end.
                _ = tokio::time::timeout(self.grace, changed).await;
            }
        }
    }

    /// Takes a place away without giving it to anybody. False if nobody can give way.
    pub(super) fn clear_one(&self) -> bool {
        self.displace(&mut self.taken(), Instant::now())
    }

    fn displace(&self, taken: &mut Taken, now: Instant) -> bool {
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

/// One of the places, until it is dropped or lost.
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    lost: CancellationToken,
}

impl Place {
    /// Says what its holder does now. False if the place is lost already.
    pub(super) fn stands(&self, standing: Standing) -> bool {
        let mut taken = self.places.taken();
        let Some(holder) = taken.holders.get_mut(&self.number) else { return false };
        holder.standing = standing;
        drop(taken);
        if standing != Standing::Busy {
            self.places.changed.notify_one();
        }
        true
    }

    /// Gives the place up, as if it had been lost.
    pub(super) fn leave(&self) {
        self.places.taken().holders.remove(&self.number);
        self.lost.cancel();
        self.places.changed.notify_one();
    }

    /// Returns when the place is lost.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().holders.remove(&self.number);
        self.places.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn strangers_give_way_first_then_who_has_waited_longest_and_never_who_works() {
        let places = Places::new(4, Duration::ZERO);
        let start = Instant::now();
        let mut held: Vec<_> = (0..4).map(|number| places.take_at(start + SECOND * number).unwrap().place).collect();
        assert!(held[0].stands(Standing::Busy));
        // It has waited longest, but it is known.
        assert!(held[1].stands(Standing::Known(start)));
        for seat in [2, 3, 1] {
            assert!(!held[seat].lost.is_cancelled());
            let seated = places.take_at(start + SECOND * 60).unwrap();
            assert!(seated.displaced && held[seat].lost.is_cancelled(), "{seat}");
            assert!(seated.place.stands(Standing::Busy));
            held.push(seated.place);
        }
        assert!(places.take().is_none(), "all the others work");
        assert!(!held[0].lost.is_cancelled());
        assert!(!held[1].stands(Standing::Busy), "what is lost does not come back");
        assert_eq!(places.count(), 4);
    }

    #[tokio::test]
    async fn nobody_gives_way_before_the_grace_is_over() {
        let places = Places::new(1, Duration::from_millis(100));
        let start = Instant::now();
        let first = places.take_at(start).unwrap().place;
        assert!(places.take_at(start + Duration::from_millis(99)).is_none());
        let second = places.take_at(start + Duration::from_millis(100)).unwrap();
        assert!(second.displaced && first.lost.is_cancelled());
        let third = timeout(SECOND * 20, places.taken_in_turn()).await.unwrap();
        assert!(third.displaced && second.place.lost.is_cancelled());
        drop((first, second, third));
        assert_eq!(places.count(), 0);
        assert!(!places.take().unwrap().displaced);
    }

    #[tokio::test]
    async fn who_waits_for_a_place_gets_it_when_one_is_left_or_its_holder_waits() {
        let places = Places::new(1, Duration::ZERO);
        let mut held = places.take().unwrap().place;
        for (way, displaced) in [("dropped", false), ("waits", true), ("left", false)] {
            assert!(held.stands(Standing::Busy));
            let waiting = tokio::spawn({
                let places = Arc::clone(&places);
                async move { places.taken_in_turn().await }
            });
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            match way {
                "waits" => assert!(held.stands(Standing::Known(Instant::now()))),
                "left" => held.leave(),
                _ => drop(held),
            }
            let seated = timeout(SECOND * 20, waiting).await.unwrap().unwrap();
            assert_eq!(seated.displaced, displaced, "{way}");
            held = seated.place;
        }
        assert!(places.clear_one() && !places.clear_one());
        timeout(SECOND * 20, held.lost()).await.unwrap();
    }
}
