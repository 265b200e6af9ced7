//! Events on our objects: what people see in `kubectl describe`. They tell of transitions, not too many, and never fail anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::client::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tokio::time::Instant;

use super::allowance::{Allowance, Limit};
use super::stored::{Ours, Stored};
use super::writes::MANAGER;
use crate::api::VERSION;
use crate::engine::finding::shorten;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::reconciler::Answer;

/// How many events an object may have at once, and after how long it may have another: as client-go's correlator limits them.
const LIMIT: Limit = Limit { most: 25.0, every: Duration::from_secs(300) };

/// The API server takes notes of up to 1,024 bytes.
const LONGEST: usize = 1000;

/// What is done in general.
const RECONCILE: &str = "Reconcile";

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// All in order.
    Normal,
    /// Somebody should look.
    Warning,
}

/// Tells of transitions.
pub(super) struct Events {
    recorder: Recorder,
    metrics: Arc<Metrics>,
    allowed: Mutex<Allowed>,
}

/// How many each object may still have, by its uid.
#[derive(Debug, Default)]
struct Allowed {
    of: HashMap<String, Allowance>,
    /// At how many objects it is looked for those that need not be remembered.
    full: usize,
}

impl Events {
    /// As told by this instance.
    #[must_use]
    pub(super) fn new(client: Client, instance: &str, metrics: Arc<Metrics>) -> Self {
        let reporter = Reporter { controller: MANAGER.to_owned(), instance: Some(instance.to_owned()) };
        Self { recorder: Recorder::new(client, reporter), metrics, allowed: Mutex::default() }
    }

    /// Tells of an object. An event that cannot be written is counted and forgotten.
    pub(super) async fn tell<K: Ours>(&self, of: &Stored<K>, tone: Tone, reason: &str, note: &str) {
        self.tell_of(of, tone, reason, RECONCILE.to_owned(), note).await;
    }

    /// As [`Events::tell`], of something done. What is told of the same object for the same reason and of the same deed is counted up,
    /// and keeps its first words.
    pub(super) async fn tell_of<K: Ours>(&self, of: &Stored<K>, tone: Tone, reason: &str, action: String, note: &str) {
        if !self.allowed.lock().unwrap_or_else(PoisonError::into_inner).may(of.uid(), Instant::now()) {
            return;
        }
        let name = of.name();
        let reference = ObjectReference {
            api_version: Some(format!("{}/{VERSION}", K::KIND.group())),
            kind: Some(K::KIND.name().to_owned()),
            namespace: Some(name.namespace().to_owned()),
            name: Some(name.name().to_owned()),
            uid: Some(of.uid().to_owned()),
            ..ObjectReference::default()
        };
        let mut note = note.to_owned();
        shorten(&mut note, LONGEST);
        let event = Event {
            type_: match tone {
                Tone::Normal => EventType::Normal,
                Tone::Warning => EventType::Warning,
            },
            reason: reason.to_owned(),
            note: Some(note),
            action,
            secondary: None,
        };
        let told = self.recorder.publish(&event, &reference).await;
        self.metrics.kubernetes_request("event", told.map_or_else(|error| Answer::of_error(&error), |()| Answer::Ok));
    }
}

impl Allowed {
    /// Whether an object may have one more; if so, that one is taken off.
    fn may(&mut self, uid: &str, now: Instant) -> bool {
        if self.of.len() >= self.full {
            self.of.retain(|_, allowance| !allowance.is_full(LIMIT, now));
            // Not at every event of thousands of objects.
            self.full = 2 * self.of.len();
        }
        self.of.entry(uid.to_owned()).or_insert_with(|| Allowance::full(LIMIT, now)).take(LIMIT, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_has_its_own() {
        let mut allowed = Allowed::default();
        let now = Instant::now();
        assert_eq!((0..40).filter(|_| allowed.may("a", now)).count(), 25);
        assert!(allowed.may("b", now));
    }

    #[test]
    fn what_is_full_again_is_forgotten() {
        let mut allowed = Allowed::default();
        let mut now = Instant::now();
        for round in 0..50 {
            for object in 0..100 {
                allowed.may(&format!("{round}-{object}"), now);
            }
            now += LIMIT.every * 25;
        }
        assert!(allowed.of.len() <= 400, "{}", allowed.of.len());
    }
}
