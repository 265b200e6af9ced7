//! What Beamlit holds, as it was last listed and as we changed it since.
//!
//! Lists are asked for once a minute, whatever the number of objects; what is as it should be costs no call. Nothing is changed by
//! what stands here: a change begins with a fresh look.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use super::changes::{Changes, Told};
use super::client::Outcome;
use super::found::{Found, Kind};
use super::wish::Wish;
use super::{Applied, Change, Client, Error, Key, Owner, Released, Stored};
use crate::engine::compile::beamlit::{Model, Policy};
use crate::engine::parse::{JsonLimits, from_json};
use crate::engine::world::RemotePolicy;

/// How often everything is listed, and how often while something of ours is on its way to being deployed, or the last list failed.
/// Up to a fifth more is added by chance, so that replicas do not come in step.
const EVERY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(15));

/// How old what was listed may be where it has to be known what is there: another replica may have changed it just before.
const FRESH: Duration = Duration::from_secs(5);

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
    /// Held by whoever lists.
    listing: tokio::sync::Mutex<()>,
}

/// What every policy on Beamlit says, by its name.
pub type Policies = Arc<HashMap<String, RemotePolicy>>;

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Key, Entry>,
    /// The kinds of which a list was complete, with the number of the last one that was.
    listed: HashMap<Kind, u64>,
    /// Counts lists and changes: what was changed after a list began is not told by it.
    now: u64,
    /// Why the last lists failed.
    fault: Option<Error>,
    /// When the last lists began, and came to an end.
    last: Option<Instant>,
}

/// What is known of one object.
struct Entry {
    stored: Stored,
    /// Of all that anybody may change.
    fingerprint: u64,
    /// When it was last changed by us.
    changed: u64,
    /// The wish that it is in step with, and the state in which it is.
    settled: Option<Settled>,
    /// The whole of it, until it is first compared with what its owner wants.
    text: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Settled {
    wish: u64,
    fingerprint: u64,
    unkept: Vec<String>,
}

impl std::fmt::Debug for Entry {
    /// The text may hold what nobody may see.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("stored", &self.stored).field("settled", &self.settled).finish_non_exhaustive()
    }
}

impl Mirror {
    /// A mirror of which nothing is known yet, and where it tells what has changed on Beamlit other than by its own calls.
    #[must_use]
    pub fn new(client: Client) -> (Arc<Self>, Changes) {
        let changed = Told::default();
        let changes = changed.changes();
        let (state, written, listing) = (Mutex::default(), Notify::new(), tokio::sync::Mutex::default());
        (Arc::new(Self { client, state, changed, policies: watch::Sender::new(None), written, listing }), changes)
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

    /// Lists everything once. What could be listed is taken over, also if something else could not.
    ///
    /// # Errors
    /// The first failure.
    pub async fn refresh(&self) -> Result<(), Error> {
        let _listing = self.listing.lock().await;
        self.list_all().await
    }

    async fn list_all(&self) -> Result<(), Error> {
        let began = Instant::now();
        let mut outcome = Ok(());
        let kinds = ENVIRONMENTS.map(|environment| Kind::Models(environment.to_owned()));
        for kind in kinds.into_iter().chain([Kind::Policies]) {
            if let Err(error) = self.list(&kind).await {
                outcome = outcome.and(Err(error));
            }
        }
        let fault = outcome.as_ref().err().cloned();
        let mut state = self.state();
        match (&state.fault, &fault) {
            (None, Some(error)) => tracing::warn!("what Beamlit holds cannot be listed: {error}"),
            (Some(_), None) => tracing::info!("what Beamlit holds is listed again"),
            _ => {}
        }
        (state.fault, state.last) = (fault, Some(began));
        outcome
    }

    /// What is known: nothing before the first list (none), or that it is not there (inner none).
    #[must_use]
    #[allow(clippy::option_option)]
    pub fn get(&self, key: &Key) -> Option<Option<Stored>> {
        let state = self.state();
        match state.entries.get(key) {
            Some(entry) => Some(Some(entry.stored.clone())),
            None => state.listed.contains_key(&Kind::of(key)).then_some(None),
        }
    }

    /// Whether a model is known to serve. While Beamlit is away, what was last known counts.
    #[must_use]
    pub fn is_deployed(&self, key: &Key) -> bool {
        self.state().entries.get(key).is_some_and(|entry| entry.stored.is_deployed())
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
        state.now += 1;
        match released {
            Released::Deleted | Released::Gone => _ = state.entries.remove(key),
            // It is seen again in the next list, without an owner.
            Released::LetGo => {
                if let Some(entry) = state.entries.get_mut(key) {
                    entry.stored.ownership = None;
                    entry.settled = None;
                }
            }
            Released::NotOurs => {}
        }
        Ok(released)
    }

    async fn apply(&self, wish: &Wish, owner: &Owner) -> Result<Applied, Error> {
        if let Some(applied) = self.settled(wish, owner)? {
            return Ok(applied);
        }
        let Outcome { applied, fingerprint } = self.client.apply(wish, owner).await?;
        let mut state = self.state();
        state.now += 1;
        let settled = Settled { wish: wish.print(owner), fingerprint, unkept: applied.unkept.clone() };
        let entry = Entry {
            stored: applied.stored.clone(),
            fingerprint,
            changed: state.now,
            settled: Some(settled),
            text: None,
        };
        state.entries.insert(wish.key.clone(), entry);
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
        if let Some(its) = &entry.stored.ownership
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
            stored: entry.stored.clone(),
            change: Change::None,
            unkept: settled.unkept.clone(),
        }))
    }

    async fn list(&self, kind: &Kind) -> Result<(), Error> {
        let began = {
            let mut state = self.state();
            state.now += 1;
            state.now
        };
        let (mut listed, mut policies) = (Vec::new(), HashMap::new());
        self.client
            .list(kind, |found, text| {
                let (fingerprint, key) = (found.fingerprint(), &found.stored.key);
                // What nobody owns is not as anybody wants it, and what was compared need not be again.
                let compared = |entry: &Entry| entry.text.is_none() || entry.fingerprint == fingerprint;
                let compare = found.stored.ownership.is_some() && !self.state().entries.get(key).is_some_and(compared);
                if let Key::Policy { name } = key {
                    policies.insert(name.clone(), says(text));
                }
                listed.push((fingerprint, compare.then(|| text.into()), found.stored));
            })
            .await?;
        let (mut state, mut changed, mut kept) = (self.state(), Vec::new(), Vec::new());
        let old = state.entries.iter().filter(|(key, entry)| Kind::of(key) == *kind && entry.changed < began);
        let mut gone: HashSet<Key> = old.map(|(key, _)| key.clone()).collect();
        for (fingerprint, text, stored) in listed {
            let key = stored.key.clone();
            gone.remove(&key);
            let Some(entry) = state.entries.get_mut(&key) else {
                changed.push(key.clone());
                state.entries.insert(key, Entry { stored, fingerprint, changed: 0, settled: None, text });
                continue;
            };
            // The list may not know of it yet.
            if entry.changed > began {
                continue;
            }
            if entry.settled.as_ref().is_some_and(|it| it.fingerprint == fingerprint && it.unkept.is_empty()) {
                kept.push(key.clone());
            }
            if entry.stored != stored || entry.fingerprint != fingerprint {
                changed.push(key);
            }
            if entry.fingerprint != fingerprint {
                entry.text = text;
            }
            (entry.stored, entry.fingerprint) = (stored, fingerprint);
        }
        for key in gone {
            state.entries.remove(&key);
            changed.push(key);
        }
        state.listed.insert(kind.clone(), began);
        drop(state);
        kept.iter().for_each(|key| self.client.kept(key));
        self.changed.tell(changed);
        if *kind == Kind::Policies {
            self.policies.send_if_modified(|known| {
                let new = known.as_deref() != Some(&policies);
                if new {
                    *known = Some(Arc::new(policies));
                }
                new
            });
        }
        Ok(())
    }

    /// Whether something of ours is on its way.
    fn awaits(&self) -> bool {
        let state = self.state();
        let owned = |entry: &&Entry| entry.stored.ownership.is_some() && entry.settled.is_some();
        state
            .entries
            .values()
            .filter(owned)
            .any(|entry| matches!(entry.stored.key, Key::Model { .. }) && !entry.stored.is_deployed())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that is known to be on Beamlit and belongs to the object with this uid, in order.
    #[must_use]
    pub fn owned_by(&self, uid: &str) -> Vec<Key> {
        let state = self.state();
        let owned = state
            .entries
            .values()
            .filter(|entry| entry.stored.ownership.as_ref().is_some_and(|ownership| ownership.uid == uid));
        let mut keys: Vec<Key> = owned.map(|entry| entry.stored.key.clone()).collect();
        keys.sort_unstable();
        keys
    }

    /// Sees to it that all that is on Beamlit is known, also what another replica changed before this one took over.
    ///
    /// # Errors
    /// If nobody could tell.
    pub async fn complete(&self) -> Result<(), Error> {
        // Of many that ask, one lists.
        let _listing = self.listing.lock().await;
        {
            let state = self.state();
            if state.last.is_some_and(|last| last.elapsed() < FRESH) {
                return state.fault.clone().map_or(Ok(()), Err);
            }
        }
        self.list_all().await
    }
}

/// What a policy says that was answered so.
fn says(text: &str) -> RemotePolicy {
    let policy = from_json(text.as_bytes(), JsonLimits::UniqueKeys).ok();
    policy.as_ref().and_then(|policy| policy.get("spec")).map_or(RemotePolicy::Unreadable, RemotePolicy::of)
}

fn read(key: &Key, text: &str) -> Option<Found> {
    Found::named(key, serde_json::from_str(text).ok()?).ok()
}

/// A wait with up to a fifth more, by chance.
fn jittered(wait: Duration) -> Duration {
    let chance = RandomState::new().build_hasher().finish() % 1000;
    wait + wait.mul_f64(f64::from(u32::try_from(chance).unwrap_or_default()) / 5000.0)
}
