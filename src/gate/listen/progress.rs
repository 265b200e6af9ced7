//! What is known of one connection: what it is doing, since when, and by when it must have moved on.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Limits;
use crate::gate::slots::{Slot, Standing};

/// How many requests in a row may come to nothing on a connection of HTTP/2, most of all because the client gives them up: that
/// many are no accident (CVE-2023-44487).
const MOST_FRUITLESS: u32 = 100;

/// How much may come over a connection while no request is in flight: far more than the largest headers, far less than a flood.
const MOST_UNASKED: usize = 256 * 1024;

/// A connection from when it was accepted to its end.
pub(super) struct Progress {
    slot: Slot,
    http2: bool,
    limits: Limits,
    /// Cancelled when the first request has come.
    began: CancellationToken,
    course: Mutex<Course>,
}

struct Course {
    /// Requests whose headers have come, and that have no answer yet.
    asked: usize,
    /// When that was 0 for the first time since it last was more.
    idle_since: Instant,
    /// Whether a request had an answer that says that it made sense.
    known: bool,
    /// When the first byte of the headers came that are not complete yet. Of HTTP/1.1 alone: in HTTP/2 frames come at any time.
    heading_since: Option<Instant>,
    /// When bytes that are to be written were first not taken, if they still are not.
    stalled_since: Option<Instant>,
    /// What came since no request is in flight.
    unasked: usize,
    /// Requests in a row that came to nothing.
    fruitless: u32,
    /// Whether a request was answered since the connection last had nothing more to be read.
    turn_taken: bool,
    /// Whether the connection is to end as soon as no request is in flight.
    leaving: bool,
}

/// Which time is up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) at: Instant,
    pub(super) why: Why,
}

/// What took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// The headers of a request.
    Headers,
    /// The client to take what is written.
    Writing,
    /// The next request to come.
    Idle,
}

impl Progress {
    pub(super) fn new(slot: Slot, http2: bool, limits: Limits) -> Self {
        let course = Course {
            asked: 0,
            idle_since: Instant::now(),
            known: false,
            heading_since: None,
            stalled_since: None,
            unasked: 0,
            fruitless: 0,
            turn_taken: false,
            leaving: false,
        };
        Self { slot, http2, limits, began: CancellationToken::new(), course: Mutex::new(course) }
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        // Nothing in here can break off half-way.
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The headers of a request have come.
    pub(super) fn asked(&self) {
        let mut course = self.course();
        course.asked += 1;
        course.heading_since = None;
        course.unasked = 0;
        if course.asked == 1 {
            self.slot.stands(Standing::Busy);
        }
        drop(course);
        self.began.cancel();
    }

    /// A request has its answer: whether it made sense, or nothing if the client has given it up.
    pub(super) fn answered(&self, sense: Option<bool>) {
        let mut course = self.course();
        course.asked = course.asked.saturating_sub(1);
        if sense == Some(true) {
            course.known = true;
            course.fruitless = 0;
        } else {
            course.fruitless = course.fruitless.saturating_add(1);
        }
        if self.http2 && course.fruitless > MOST_FRUITLESS {
            tracing::debug!("too many requests in a row came to nothing");
            return self.slot.release();
        }
        if course.asked == 0 {
            let now = Instant::now();
            course.idle_since = now;
            self.slot.stands(if course.known { Standing::Proven(now) } else { Standing::Unproven(now) });
        }
    }

    /// Whether this connection has answered another request just before, with no wait between: then it is the turn of others.
    pub(super) fn takes_turn(&self) -> bool {
        !self.http2 && std::mem::replace(&mut self.course().turn_taken, true)
    }

    /// There is nothing to be read.
    pub(super) fn read_all(&self) {
        self.course().turn_taken = false;
    }

    /// So many bytes were read. False if they are too many.
    pub(super) fn read(&self, count: usize) -> bool {
        let mut course = self.course();
        if course.asked > 0 || count == 0 {
            return true;
        }
        if !self.http2 && course.heading_since.is_none() {
            course.heading_since = Some(Instant::now());
        }
        course.unasked = course.unasked.saturating_add(count);
        course.unasked <= MOST_UNASKED
    }

    /// Bytes that are to be written were not taken, or now all were. Taking some of them is not enough: a client that takes a
    /// byte now and then would never be done.
    pub(super) fn written(&self, all: bool) {
        let mut course = self.course();
        if all {
            course.stalled_since = None;
        } else if course.stalled_since.is_none() {
            course.stalled_since = Some(Instant::now());
        }
    }

    /// What is due first, if nothing happens.
    pub(super) fn due(&self) -> Option<Due> {
        let course = self.course();
        let after = |since: Option<Instant>, limit: Duration, why| {
            since.map(|since| Due { at: since.checked_add(limit).unwrap_or(since), why })
        };
        let waits = course.asked == 0;
        let idle = if course.leaving { self.limits.header_timeout } else { self.limits.idle_timeout };
        [
            after(course.heading_since.filter(|_| waits), self.limits.header_timeout, Why::Headers),
            after(course.stalled_since, self.limits.write_timeout, Why::Writing),
            after(Some(course.idle_since).filter(|_| waits), idle, Why::Idle),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The connection is to end: from now on it may be idle only as long as headers may take.
    pub(super) fn leaving(&self) {
        self.course().leaving = true;
    }

    /// Returns when the first request has come.
    pub(super) async fn began(&self) {
        self.began.cancelled().await;
    }

    /// Returns when the connection has lost its slot.
    pub(super) async fn lost(&self) {
        self.slot.lost().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::gate::slots::Slots;

    fn progress(slots: &Arc<Slots>, http2: bool) -> Progress {
        let second = Duration::from_secs(1);
        let limits = Limits {
            max_connections: 1,
            handshake_timeout: second,
            header_timeout: 10 * second,
            write_timeout: 20 * second,
            idle_timeout: 120 * second,
        };
        Progress::new(slots.take().unwrap().slot, http2, limits)
    }

    fn why(progress: &Progress) -> Option<Why> {
        progress.due().map(|due| due.why)
    }

    #[tokio::test]
    async fn each_state_has_its_limit_and_trickling_does_not_move_it() {
        let slots = Slots::new(1, Duration::ZERO);
        let progress = progress(&slots, false);
        assert_eq!(why(&progress), Some(Why::Idle));
        assert!(progress.read(1));
        let due = progress.due().unwrap();
        assert_eq!(due.why, Why::Headers);
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(progress.read(1) && progress.due() == Some(due), "the next byte does not move it");
        progress.asked();
        assert_eq!(why(&progress), None, "a review has its own deadline");
        progress.written(false);
        let due = progress.due().unwrap();
        assert_eq!(due.why, Why::Writing);
        tokio::time::sleep(Duration::from_millis(5)).await;
        progress.written(false);
        assert_eq!(progress.due(), Some(due));
        progress.written(true);
        progress.answered(Some(true));
        assert_eq!(why(&progress), Some(Why::Idle));
    }

    #[tokio::test]
    async fn what_is_sent_without_waiting_for_answers_is_answered_in_turn_with_others() {
        let slots = Slots::new(2, Duration::ZERO);
        let one = progress(&slots, false);
        assert!(!one.takes_turn() && one.takes_turn() && one.takes_turn());
        one.read_all();
        assert!(!one.takes_turn());
        let streams = progress(&slots, true);
        assert!(!streams.takes_turn() && !streams.takes_turn(), "each stream is a task of its own");
    }

    #[tokio::test]
    async fn one_that_is_to_end_may_not_be_idle_for_long() {
        let slots = Slots::new(1, Duration::ZERO);
        let progress = progress(&slots, true);
        let before = progress.due().unwrap();
        progress.leaving();
        let due = progress.due().unwrap();
        assert_eq!((due.why, before.at - due.at), (Why::Idle, Duration::from_secs(110)));
    }

    #[tokio::test]
    async fn frames_of_http2_neither_begin_headers_nor_keep_a_connection_from_being_idle() {
        let slots = Slots::new(1, Duration::ZERO);
        let progress = progress(&slots, true);
        let due = progress.due().unwrap();
        assert!(progress.read(17) && progress.due() == Some(due));
        assert_eq!(due.why, Why::Idle);
    }

    #[tokio::test]
    async fn what_nobody_asked_for_is_counted_until_a_request_comes() {
        let slots = Slots::new(1, Duration::ZERO);
        let progress = progress(&slots, true);
        assert!(progress.read(MOST_UNASKED) && !progress.read(1));
        progress.asked();
        assert!(progress.read(10 * MOST_UNASKED), "a body has its own cap");
        progress.answered(Some(true));
        assert!(progress.read(MOST_UNASKED) && !progress.read(1));
    }

    #[tokio::test]
    async fn a_request_in_flight_keeps_the_place_and_an_answer_that_makes_sense_makes_it_known() {
        let slots = Slots::new(1, Duration::ZERO);
        let first = progress(&slots, true);
        first.asked();
        first.asked();
        first.answered(Some(true));
        assert!(slots.take().is_none(), "one is still in flight");
        first.answered(Some(false));
        assert!(first.course().known);
        let granted = slots.take().unwrap();
        assert!(granted.evicted);
        first.lost().await;
    }

    #[tokio::test]
    async fn who_asks_again_and_again_for_nothing_loses_its_place() {
        let slots = Slots::new(1, Duration::ZERO);
        let progress = progress(&slots, true);
        let ask = |times: u32, sense| {
            for _ in 0..times {
                progress.asked();
                progress.answered(sense);
            }
        };
        ask(MOST_FRUITLESS - 1, None);
        ask(1, Some(false));
        ask(1, Some(true));
        ask(MOST_FRUITLESS, None);
        assert_eq!(slots.count(), 1);
        ask(1, None);
        assert_eq!(slots.count(), 0);
        progress.lost().await;
    }
}
