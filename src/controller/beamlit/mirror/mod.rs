//! What Beamlit holds, as it was last listed and as we changed it since.
//!
//! Lists are asked for once a minute, whatever the number of objects; what is as it should be costs no call. Nothing is changed by
//! what stands here: a change begins with a fresh look.

mod entries;
mod listing;

use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use self::entries::{Entries, Entry, Settled};
use super::changes::{Changes, Told};
use super::client::Outcome;
use super::found::{Found, Kind};
use super::wish::Wish;
use super::{Applied, Change, Client, Error, Key, Owner, Released, Stored};
use crate::engine::compile::beamlit::{Model, Policy};
use crate::engine::world::RemotePolicy;

/// How often everything is listed, and how often while something of ours is on its way to being deployed, or the last list failed.
/// Up to a fifth more is added by chance, so that replicas do not come in step.
const EVERY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(15));

/// The environments that there are.
const ENVIRONMENTS: [&str; 2] = ["production", "development"];

/// What Beamlit holds. It is kept by one task ([`Mirror::keep`]) and asked and changed by all.
#[derive(Debug)]
pub struct Mirror {
    client: Client,
    state: Mutex<State>,
    changed: Told,
    /// What the policies say, once all of them were listed.
    policies: watch::Sender<Option<Policies>>,
    /// Told of each thing that was written.
    written: Notify,
    /// Whether everything was listed once, or could not be.
    tried: watch::Sender<bool>,
    /// Held by whoever lists.
    listing: tokio::sync::Mutex<()>,
}

/// What every policy on Beamlit says, by its name.
pub type Policies = Arc<HashMap<String, RemotePolicy>>;

#[derive(Debug, Default)]
struct State {
    entries: Entries,
    /// The kinds of which a list was complete, with the number of the last one that was.
    listed: HashMap<Kind, u64>,
    /// Counts lists and changes: what was changed after a list began is not told by it.
    now: u64,
    /// Why the last lists failed.
    fault: Option<Error>,
    /// When the last lists began, and came to an end.
    last: Option<Instant>,
    /// Who has to look again when something changes, beside whom it belongs to by then: whoever could not have it because it was
    /// another's, and whose it was. As `<namespace>/<name>`.
    awaited: HashMap<Key, BTreeSet<String>>,
    /// What we let go of, and when: a list that began before does not bring it back.
    released: HashMap<Key, u64>,
}

impl State {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    /// Beamlit holds this under its key now.
    fn restore(&mut self, stored: Stored) {
        let (key, ownership) = (stored.key.clone(), stored.ownership.clone());
        let before = self.entries.restore(stored).and_then(|before| before.ownership);
        if let Some(before) = before.filter(|before| Some(before) != ownership.as_ref()) {
            self.await_change(&key, before.object);
        }
    }

    /// Beamlit holds nothing under the key any more.
    fn remove(&mut self, key: &Key) {
        let before = self.entries.remove(key);
        if let Some(ownership) = before.as_ref().and_then(Entry::ownership) {
            self.await_change(key, ownership.object.clone());
        }
    }

    fn await_change(&mut self, key: &Key, object: String) {
        self.awaited.entry(key.clone()).or_default().insert(object);
    }
}

impl Mirror {
    /// A mirror of which nothing is known yet, and where it tells what has changed on Beamlit other than by its own calls.
    #[must_use]
    pub fn new(client: Client) -> (Arc<Self>, Changes) {
        let changed = Told::default();
        let changes = changed.changes();
        let mirror = Self {
            client,
            state: Mutex::default(),
            changed,
            policies: watch::Sender::new(None),
            written: Notify::new(),
            tried: watch::Sender::new(false),
            listing: tokio::sync::Mutex::default(),
        };
        (Arc::new(mirror), changes)
    }

    /// What the policies on Beamlit say; none before they were listed for the first time. While Beamlit is away, what was last known
    /// counts.
    #[must_use]
    pub fn policies(&self) -> watch::Receiver<Option<Policies>> {
        self.policies.subscribe()
    }

    /// Lists what is on Beamlit again and again. It never ends.
    pub async fn keep(&self) {
        loop {
            let every = match self.refresh().await {
                Ok(()) if !self.awaits() => EVERY.0,
                _ => EVERY.1,
            };
            // What was written a moment ago is soon on its way, and somebody waits for it.
            let written = async {
                self.written.notified().await;
                sleep(jittered(EVERY.1)).await;
            };
            tokio::select! { () = sleep(jittered(every)) => {}, () = written => {} }
        }
    }

    /// Waits until everything was listed once, or could not be.
    pub async fn tried(&self) {
        // The sender is our own.
        _ = self.tried.subscribe().wait_for(|tried| *tried).await;
    }

    /// What is known: nothing before the first list (none), or that it is not there (inner none).
    #[must_use]
    #[allow(clippy::option_option)]
    pub fn get(&self, key: &Key) -> Option<Option<Stored>> {
        let state = self.state();
        match state.entries.get(key) {
            Some(entry) => Some(Some(entry.stored().clone())),
            None => state.listed.contains_key(&Kind::of(key)).then_some(None),
        }
    }

    /// The workspace: as configured, or as Beamlit's answers name it.
    #[must_use]
    pub fn workspace(&self) -> Option<String> {
        self.client.workspace()
    }

    /// Why the last lists failed, if they did.
    #[must_use]
    pub fn fault(&self) -> Option<Error> {
        self.state().fault.clone()
    }

    /// As [`Client::apply_model`]; without a call if nothing has changed.
    ///
    /// # Errors
    /// As there.
    pub async fn apply_model(&self, wanted: &Model, owner: &Owner, offloading: bool) -> Result<Applied, Error> {
        self.apply(&Wish::of_model(wanted, offloading)?, owner).await
    }

    /// As [`Client::apply_policy`]; without a call if nothing has changed.
    ///
    /// # Errors
    /// As there.
    pub async fn apply_policy(&self, wanted: &Policy, owner: &Owner) -> Result<Applied, Error> {
        self.apply(&Wish::of_policy(wanted)?, owner).await
    }

    /// As [`Client::release`].
    ///
    /// # Errors
    /// As there.
    pub async fn release(&self, key: &Key, owner: &Owner) -> Result<Released, Error> {
        let released = self.client.release(key, owner).await?;
        let mut state = self.state();
        let now = state.tick();
        match released {
            Released::Deleted | Released::Gone => {
                state.entries.remove(key);
                state.released.insert(key.clone(), now);
            }
            // It is seen again in the next list, without an owner.
            Released::LetGo => {
                if let Some(entry) = state.entries.get_mut(key) {
                    entry.settled = None;
                    let stored = Stored { ownership: None, ..entry.stored().clone() };
                    state.entries.restore(stored);
                }
            }
            Released::NotOurs => {}
        }
        // The name may be free for whoever could not have it.
        let free = released != Released::NotOurs && state.awaited.contains_key(key);
        drop(state);
        if free {
            self.changed.tell(vec![key.clone()]);
        }
        Ok(released)
    }

    async fn apply(&self, wish: &Wish, owner: &Owner) -> Result<Applied, Error> {
        let applied = match self.settled(wish, owner) {
            Ok(Some(applied)) => return Ok(applied),
            Ok(None) => self.client.apply(wish, owner).await,
            Err(error) => Err(error),
        };
        if let Err(Error::NameTaken { .. }) = &applied {
            self.state().await_change(&wish.key, owner.to_string());
        }
        let Outcome { applied, fingerprint } = applied?;
        let mut state = self.state();
        let settled = Settled { wish: wish.print(owner), fingerprint, unkept: applied.unkept.clone() };
        let mut entry = Entry::new(applied.stored.clone(), fingerprint, None);
        (entry.changed, entry.settled) = (state.tick(), Some(settled));
        state.released.remove(&wish.key);
        let before = state.entries.get(&wish.key).and_then(Entry::ownership).filter(|its| its.uid != owner.uid);
        let whose_it_was = before.map(|its| its.object.clone());
        state.entries.insert(entry);
        if let Some(object) = &whose_it_was {
            state.await_change(&wish.key, object.clone());
        }
        drop(state);
        if whose_it_was.is_some() {
            self.changed.tell(vec![wish.key.clone()]);
        }
        self.written.notify_one();
        Ok(applied)
    }

    /// What is known to be as it is wanted.
    ///
    /// # Errors
    /// If it is known to be another object's.
    fn settled(&self, wish: &Wish, owner: &Owner) -> Result<Option<Applied>, Error> {
        let print = wish.print(owner);
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(&wish.key) else { return Ok(None) };
        if let Some(its) = entry.ownership()
            && its.uid != owner.uid
            && !owner.adopt
        {
            return Err(Error::NameTaken { by: its.by() });
        }
        // After a start, what was listed is compared once, and need not be looked at again.
        if let Some(found) = entry.text.take().and_then(|text| read(&wish.key, &text)) {
            let (fingerprint, unkept) = (entry.fingerprint, Vec::new());
            let settled = wish.change(owner, &found)?.is_none();
            entry.settled = settled.then_some(Settled { wish: print, fingerprint, unkept });
        }
        let settled = entry.settled.as_ref().filter(|it| it.wish == print && it.fingerprint == entry.fingerprint);
        Ok(settled.map(|settled| Applied {
            stored: entry.stored().clone(),
            change: Change::None,
            unkept: settled.unkept.clone(),
        }))
    }

    /// Whether something of ours is on its way.
    fn awaits(&self) -> bool {
        let state = self.state();
        let ours = |entry: &Entry| entry.ownership().is_some() && entry.settled.is_some();
        let is_on_its_way = |(key, entry): (&Key, &Entry)| {
            matches!(key, Key::Model { .. }) && ours(entry) && !entry.stored().is_deployed()
        };
        state.entries.iter().any(is_on_its_way)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that is known to be on Beamlit and belongs to the object with this uid, in order.
    #[must_use]
    pub fn owned_by(&self, uid: &str) -> Vec<Key> {
        self.state().entries.owned_by(uid).cloned().collect()
    }

    /// What is on Beamlit for objects of a cluster that are no more, by the names of these; in order.
    #[must_use]
    pub fn orphans(&self, cluster: &str, is_there: impl Fn(&str) -> bool) -> Vec<(Key, String)> {
        let state = self.state();
        // What belongs to other clusters of the workspace is nobody's business here.
        let ours = state.entries.owned_by_others(is_there).filter_map(|entry| {
            let ownership = entry.ownership().filter(|its| its.cluster.as_deref() == Some(cluster))?;
            Some((entry.stored().key.clone(), ownership.object.clone()))
        });
        let mut orphans: Vec<_> = ours.collect();
        orphans.sort_unstable();
        orphans
    }

    /// Has an object look again when something becomes of this, although it never asked for it.
    pub fn await_change(&self, key: &Key, owner: &Owner) {
        self.state().await_change(key, owner.to_string());
    }

    /// Who has to look again because something has changed, beside whom it belongs to now: as `<namespace>/<name>`, each told once.
    #[must_use]
    pub fn awaited_by(&self, key: &Key) -> Vec<String> {
        self.state().awaited.remove(key).into_iter().flatten().collect()
    }
}

fn read(key: &Key, text: &str) -> Option<Found> {
    Found::named(key, serde_json::from_str(text).ok()?).ok()
}

/// A wait with up to a fifth more, by chance.
fn jittered(wait: Duration) -> Duration {
    let chance = RandomState::new().build_hasher().finish() % 1000;
    wait + wait.mul_f64(f64::from(u32::try_from(chance).unwrap_or_default()) / 5000.0)
}
