//! The load of the pods and what becomes of the requests: a fluid that is served up to a capacity, waits, and gives up.

use super::Knobs;

/// What happened within a second. Requests are told as work: 1 is what one pod does in a second at 100 % of what it requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in super::super) struct Second {
    /// Requests that arrived, wherever they were sent.
    pub arrived: f64,
    /// Requests that were sent away.
    pub away: f64,
    /// Requests at home that waited for too long, and were answered.
    pub slow: f64,
    /// Requests at home that were not answered.
    pub failed: f64,
    /// The load of a ready pod, as a share of what it requests; none if none is ready.
    pub load: Option<f64>,
    /// The part of it that requests caused.
    pub served: f64,
    /// Requests at home in flight at the end, waiting ones among them.
    pub in_flight: f64,
}

/// The requests that wait.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Load {
    waiting: f64,
}

impl Load {
    /// Lets a second pass in which so much work arrives, and a share of it is sent away.
    pub(in super::super) fn second(&mut self, knobs: &Knobs, work: f64, away: f64, ready: u32) -> Second {
        let home = work * (1.0 - away);
        let mut out = Second { arrived: work, away: work - home, ..Second::default() };
        let pods = f64::from(ready);
        let capacity = pods * (knobs.saturation - knobs.idle).max(0.0);
        if capacity <= 0.0 {
            out.failed = home + self.waiting;
            self.waiting = 0.0;
            // Pods that can do nothing are as loaded as they can be.
            out.load = (ready > 0).then_some(knobs.saturation);
            return out;
        }
        let before = self.waiting;
        let there = before + home;
        let served = there.min(capacity);
        let longest = capacity * knobs.patience.as_secs_f64();
        out.failed = (there - served - longest).max(0.0);
        self.waiting = there - served - out.failed;
        let wait = (before + self.waiting) / 2.0 / capacity;
        if wait > knobs.slow.as_secs_f64() {
            out.slow = (home - out.failed).max(0.0);
        }
        out.served = served / pods;
        out.load = Some(knobs.idle + out.served);
        out.in_flight = served * knobs.service.as_secs_f64() + self.waiting;
        out
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn knobs() -> Knobs {
        Knobs { idle: 0.2, saturation: 1.2, patience: Duration::from_secs(2), ..Knobs::default() }
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn what_is_sent_away_is_no_load_and_the_idle_load_stays() {
        let mut load = Load::default();
        let second = load.second(&knobs(), 2.0, 0.5, 4);
        close(second.load.unwrap(), 0.2 + 0.25);
        close(second.away, 1.0);
        assert_eq!((second.slow, second.failed), (0.0, 0.0));
        close(load.second(&knobs(), 2.0, 1.0, 4).load.unwrap(), 0.2);
    }

    #[test]
    fn what_is_beyond_the_capacity_waits_then_is_slow_then_fails() {
        let mut load = Load::default();
        // Four pods serve 4 a second, and 5 arrive.
        let seconds: Vec<Second> = (0..20).map(|_| load.second(&knobs(), 5.0, 0.0, 4)).collect();
        close(seconds[0].load.unwrap(), 1.2);
        assert_eq!((seconds[0].slow, seconds[0].failed), (0.0, 0.0));
        close(seconds[0].in_flight, 4.0 * 0.5 + 1.0);
        let slow = seconds.iter().position(|second| second.slow > 0.0).unwrap();
        assert_eq!(slow, 4, "4.5 wait: more than a second of work");
        let failed = seconds.iter().position(|second| second.failed > 0.0).unwrap();
        assert_eq!(failed, 8, "9 wait, and 8 are two seconds of work");
        close(seconds[19].failed, 1.0);
        close(seconds[19].slow, 4.0);
    }

    #[test]
    fn without_a_ready_pod_what_stays_at_home_fails() {
        let mut load = Load::default();
        _ = load.second(&knobs(), 5.0, 0.0, 4);
        let second = load.second(&knobs(), 5.0, 0.6, 0);
        assert_eq!(second.load, None);
        close(second.failed, 2.0 + 1.0);
        close(load.second(&knobs(), 0.0, 0.0, 4).served, 0.0);
    }
}
