//! How the mirror is kept: by lists, and by asking for what a list lacks.
//!
//! A list may be cut short, or lag behind what is there. What was there is gone once Beamlit says so of it by its name; until then it
//! stays as it was.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::entries::Entry;
use super::{ENVIRONMENTS, Mirror, Policies};
use crate::controller::beamlit::found::{Found, Kind};
use crate::controller::beamlit::{Error, Key, Stored};
use crate::engine::parse::{JsonLimits, from_json};
use crate::engine::world::RemotePolicy;

/// How many are asked for by their names that one list lacks. If it lacks more, or has nothing at all, it is rather the list that is at
/// fault, and only a few are asked for each time: in the end everybody's turn comes.
const AT_ONCE: usize = 20;
const FEW: usize = 5;

/// One that was listed: its fingerprint, its text if it is to be compared, and what it is.
type Listed = (u64, Option<Box<str>>, Stored);

impl Mirror {
    /// Lists everything once. What could be listed is taken over, also if something else could not.
    ///
    /// # Errors
    /// The first failure.
    pub async fn refresh(&self) -> Result<(), Error> {
        let _listing = self.listing.lock().await;
        self.list_all().await
    }

    /// Sees to it that all that is on Beamlit is known, also what another replica changed before this one took over.
    ///
    /// # Errors
    /// If nobody could tell.
    pub async fn complete(&self) -> Result<(), Error> {
        let asked = Instant::now();
        let _listing = self.listing.lock().await;
        {
            // Of many that ask, one lists, however long that takes: what counts is how old the list was when it was asked for.
            let state = self.state();
            if state.last.is_some_and(|began| began + self.client.pace().fresh > asked) {
                return state.fault.clone().map_or(Ok(()), Err);
            }
        }
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
        {
            let mut state = self.state();
            match (&state.fault, &fault) {
                (None, Some(error)) => tracing::warn!("what Beamlit holds cannot be listed: {error}"),
                (Some(_), None) => tracing::info!("what Beamlit holds is listed again"),
                _ => {}
            }
            (state.fault, state.last) = (fault, Some(began));
        }
        self.tried.send_replace(true);
        outcome
    }

    async fn list(&self, kind: &Kind) -> Result<(), Error> {
        let began = self.state().tick();
        let (mut listed, mut policies) = (Vec::<Listed>::new(), HashMap::new());
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
        let is_empty = listed.is_empty();
        let missing = self.take_over(kind, began, listed);
        if *kind == Kind::Policies {
            self.policies.send_if_modified(|known| {
                // What they said that were not listed they still say.
                for name in missing.iter().map(Key::name) {
                    if let Some(said) = known.as_deref().and_then(|known| known.get(name)) {
                        policies.entry(name.to_owned()).or_insert_with(|| said.clone());
                    }
                }
                let new = known.as_deref() != Some(&policies);
                if new {
                    *known = Some(Arc::new(policies));
                }
                new
            });
        }
        self.ask(missing, is_empty, began).await;
        Ok(())
    }

    /// Takes over what was listed; returns what was there before, and was not.
    fn take_over(&self, kind: &Kind, began: u64, listed: Vec<Listed>) -> Vec<Key> {
        let (mut state, mut changed, mut kept) = (self.state(), Vec::new(), Vec::new());
        let old = state.entries.iter().filter(|(key, entry)| Kind::of(key) == *kind && entry.changed < began);
        let mut missing: std::collections::HashSet<Key> = old.map(|(key, _)| key.clone()).collect();
        for (fingerprint, text, stored) in listed {
            let key = stored.key.clone();
            missing.remove(&key);
            let Some(entry) = state.entries.get_mut(&key) else {
                if state.released.get(&key).is_some_and(|at| *at > began) {
                    continue;
                }
                changed.push(key);
                state.entries.insert(Entry::new(stored, fingerprint, text));
                continue;
            };
            // The list may not know of it yet.
            if entry.changed > began {
                continue;
            }
            if entry.settled.as_ref().is_some_and(|it| it.fingerprint == fingerprint && it.unkept.is_empty()) {
                kept.push(key.clone());
            }
            if *entry.stored() != stored || entry.fingerprint != fingerprint {
                changed.push(key);
            }
            if entry.fingerprint != fingerprint {
                entry.text = text;
            }
            entry.fingerprint = fingerprint;
            state.restore(stored);
        }
        state.released.retain(|key, at| Kind::of(key) != *kind || *at > began);
        state.listed.insert(kind.clone(), began);
        drop(state);
        kept.iter().for_each(|key| self.client.kept(key));
        self.changed.tell(changed);
        missing.into_iter().collect()
    }

    /// Asks for what a list lacks that began then. What nobody can tell of stays as it was.
    async fn ask(&self, missing: Vec<Key>, none_listed: bool, began: u64) {
        for key in self.chosen(missing, none_listed) {
            let found = match self.client.find(&key).await {
                Ok(found) => found,
                // The others would fail as well.
                Err(error) if error.is_passing() => return,
                Err(_) => continue,
            };
            let said = found.as_ref().and_then(|found| says_of(&key, found));
            let mut state = self.state();
            // It may have been changed by us meanwhile, and that is newer.
            let Some(entry) = state.entries.get_mut(&key).filter(|entry| entry.changed < began) else { continue };
            let changed = match found {
                Some(found) => {
                    let fingerprint = found.fingerprint();
                    let changed = *entry.stored() != found.stored || entry.fingerprint != fingerprint;
                    if entry.fingerprint != fingerprint {
                        (entry.fingerprint, entry.text) = (fingerprint, None);
                    }
                    state.restore(found.stored);
                    changed
                }
                None => {
                    state.remove(&key);
                    true
                }
            };
            drop(state);
            if let Key::Policy { name } = &key {
                self.policies.send_if_modified(|known| say(known, name, said));
            }
            if changed {
                self.changed.tell(vec![key]);
            }
        }
    }

    /// Whom to ask for of those that a list lacks: who was not asked for the longest time, and of these first what has an owner.
    fn chosen(&self, mut missing: Vec<Key>, none_listed: bool) -> Vec<Key> {
        let mut state = self.state();
        let most = if none_listed || missing.len() > AT_ONCE { FEW } else { AT_ONCE };
        if missing.len() > most {
            tracing::info!(missing = missing.len(), "a list of what Beamlit holds lacks much of what was there");
        }
        missing.sort_by_cached_key(|key| {
            let entry = state.entries.get(key);
            (entry.map(|it| it.asked), entry.is_none_or(|it| it.ownership().is_none()), key.clone())
        });
        missing.truncate(most);
        let now = state.now;
        for key in &missing {
            state.entries.get_mut(key).into_iter().for_each(|entry| entry.asked = now);
        }
        missing
    }
}

/// A policy says this now, or is gone; whether that is anything new.
fn say(known: &mut Option<Policies>, name: &str, said: Option<RemotePolicy>) -> bool {
    let Some(known) = known else { return false };
    let new = known.get(name) != said.as_ref();
    if new {
        let known = Arc::make_mut(known);
        match said {
            Some(said) => _ = known.insert(name.to_owned(), said),
            None => _ = known.remove(name),
        }
    }
    new
}

/// What a policy says that was answered so.
fn says(text: &str) -> RemotePolicy {
    let policy = from_json(text.as_bytes(), JsonLimits::UniqueKeys).ok();
    policy.as_ref().and_then(|policy| policy.get("spec")).map_or(RemotePolicy::Unreadable, RemotePolicy::of)
}

/// The same of one that was asked for.
fn says_of(key: &Key, found: &Found) -> Option<RemotePolicy> {
    matches!(key, Key::Policy { .. }).then(|| says(&serde_json::json!({"spec": found.spec}).to_string()))
}
