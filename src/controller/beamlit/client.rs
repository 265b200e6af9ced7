//! What can be asked of Beamlit and done there: look, list, apply a wish, and let go.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use super::call::{Act, Call, Caller, parsed};
use super::found::{Found, Kind};
use super::wish::{Wish, let_go, secrets_of};
use super::{Applied, Change, Error, Key, Origin, Owner, Pace, Released, Settings, Stored};
use crate::engine::compile::beamlit::{Model, Policy};
use crate::engine::finding::quoted;
use crate::telemetry::metrics::Metrics;

/// For how long a change that Beamlit took and did not keep is not asked for again.
const UNKEPT: Duration = Duration::from_secs(3600);

/// A client of Beamlit's API. Clones share the token, the connections and what is known of Beamlit's health.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    caller: Caller,
    /// The workspace as answers name it, where none is configured, and by which credentials.
    workspace: Mutex<Option<(u64, String)>>,
    /// What Beamlit took and did not keep.
    unkept: Mutex<HashMap<Key, Unkept>>,
}

/// A change that Beamlit took, and the state that it left.
struct Unkept {
    wish: u64,
    before: u64,
    after: u64,
    at: Instant,
}

/// What Beamlit holds after a wish was applied.
pub(super) struct Outcome {
    pub(super) applied: Applied,
    pub(super) fingerprint: u64,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", self.shared.caller.settings()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client. Nothing is called yet.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub fn new(settings: Settings, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let caller = Caller::new(settings, metrics)?;
        Ok(Self { shared: Arc::new(Shared { caller, workspace: Mutex::default(), unkept: Mutex::default() }) })
    }

    /// How calls follow one another.
    pub(super) fn pace(&self) -> Pace {
        self.shared.caller.settings().pace
    }

    /// The workspace: as configured, or as Beamlit's answers name it; none before the first that does.
    #[must_use]
    pub fn workspace(&self) -> Option<String> {
        let configured = self.shared.caller.settings().workspace.clone();
        configured.or_else(|| lock(&self.shared.workspace).as_ref().map(|(_, name)| name.clone()))
    }

    /// What Beamlit holds under a name; none if nothing.
    ///
    /// # Errors
    /// If nobody could tell.
    pub async fn get(&self, key: &Key) -> Result<Option<Stored>, Error> {
        Ok(self.find(key).await?.map(|found| found.stored))
    }

    /// The models of an environment.
    ///
    /// # Errors
    /// If nobody could tell.
    pub async fn models(&self, environment: &str) -> Result<Vec<Stored>, Error> {
        let mut models = Vec::new();
        self.list(&Kind::Models(environment.to_owned()), |found, _| models.push(found.stored)).await?;
        Ok(models)
    }

    /// The policies of the workspace.
    ///
    /// # Errors
    /// If nobody could tell.
    pub async fn policies(&self) -> Result<Vec<Stored>, Error> {
        let mut policies = Vec::new();
        self.list(&Kind::Policies, |found, _| policies.push(found.stored)).await?;
        Ok(policies)
    }

    /// Makes a model on Beamlit what its owner wants, if it is the owner's to change.
    ///
    /// # Errors
    /// If it is not, or a call fails.
    pub async fn apply_model(&self, wanted: &Model, owner: &Owner, offloading: bool) -> Result<Applied, Error> {
        Ok(self.apply(&Wish::of_model(wanted, offloading)?, owner).await?.applied)
    }

    /// Makes a policy on Beamlit what its owner wants, if it is the owner's to change.
    ///
    /// # Errors
    /// If it is not, or a call fails.
    pub async fn apply_policy(&self, wanted: &Policy, owner: &Owner) -> Result<Applied, Error> {
        Ok(self.apply(&Wish::of_policy(wanted)?, owner).await?.applied)
    }

    /// Lets go of something whose owner goes: deletes it if it was created here, or else takes our labels off.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn release(&self, key: &Key, owner: &Owner) -> Result<Released, Error> {
        let Some(found) = self.find(key).await? else { return Ok(Released::Gone) };
        let Some(origin) = found.stored.ownership.as_ref().filter(|its| its.uid == owner.uid).map(|its| its.origin)
        else {
            return Ok(Released::NotOurs);
        };
        let (act, body, released) = match origin {
            Origin::Created => (Act::Delete, None, Released::Deleted),
            Origin::TakenOver => (Act::Update, Some(let_go(&found)), Released::LetGo),
        };
        let secrets = secrets_of(&found);
        lock(&self.shared.unkept).remove(key);
        match self.call(act, key, body.as_ref(), &secrets).await {
            Ok(answer) => {
                // What it says of success is of no interest.
                match parsed(&answer, &secrets) {
                    Err(error) if serde_json::from_slice::<IgnoredAny>(&answer).is_ok() => Err(error),
                    _ => Ok(released),
                }
            }
            Err(Error::Refused { status: 404, .. }) => Ok(Released::Gone),
            Err(error) => Err(error),
        }
    }

    /// Begins with what Beamlit holds now, whatever was known of it, and looks again after whatever left it open.
    pub(super) async fn apply(&self, wish: &Wish, owner: &Owner) -> Result<Outcome, Error> {
        let mut waits = self.shared.caller.waits();
        let mut creating = false;
        loop {
            let found = self.find(&wish.key).await?;
            let error = if let Some(found) = found {
                let Some((body, change)) = wish.change(owner, &found)? else {
                    self.kept(&wish.key);
                    let change = if creating { Change::Created } else { Change::None };
                    return Ok(outcome(found, change, Vec::new()));
                };
                if let Some(kept) = self.known_unkept(wish, owner, &body, &found) {
                    return Ok(outcome(found, Change::None, kept));
                }
                let change = if creating { Change::Created } else { change };
                match self.write(Act::Update, wish, &body).await {
                    Ok(now) => return Ok(self.written(wish, owner, &body, Some(&found), now, change)),
                    // Somebody was faster.
                    Err(error @ Error::Refused { status: 404 | 409, .. }) => error,
                    Err(error) => return Err(error),
                }
            } else {
                let body = wish.creation(owner);
                match self.write(Act::Create, wish, &body).await {
                    Ok(now) => return Ok(self.written(wish, owner, &body, None, now, Change::Created)),
                    Err(error @ Error::Refused { status: 409, .. }) => error,
                    // Whether it is there now, the next look tells.
                    Err(error) if error.is_passing() && !matches!(error, Error::HeldBack { .. }) => {
                        creating = true;
                        error
                    }
                    Err(error) => return Err(error),
                }
            };
            let patience = self.shared.caller.settings().pace.patience;
            let asked = error.after().unwrap_or_default();
            let Some(wait) = waits.next().filter(|_| asked <= patience) else { return Err(error) };
            sleep(wait.max(asked)).await;
        }
    }

    /// Whether the same change was taken before, and left things as they are now: then what would be different.
    fn known_unkept(&self, wish: &Wish, owner: &Owner, body: &Value, found: &Found) -> Option<Vec<String>> {
        let (now, print) = (found.fingerprint(), wish.print(owner));
        let unkept = lock(&self.shared.unkept);
        let known = unkept.get(&wish.key)?;
        let same = known.wish == print && (known.before == now || known.after == now) && known.at.elapsed() < UNKEPT;
        same.then(|| wish.unkept(body, found))
    }

    /// A change was taken. What Beamlit did not keep of it is said once.
    fn written(
        &self,
        wish: &Wish,
        owner: &Owner,
        body: &Value,
        before: Option<&Found>,
        now: Found,
        change: Change,
    ) -> Outcome {
        let unkept = wish.unkept(body, &now);
        let after = now.fingerprint();
        // What was there before may come back in the next answer, too.
        let before = before.map_or(after, Found::fingerprint);
        let known = Unkept { wish: wish.print(owner), before, after, at: Instant::now() };
        lock(&self.shared.unkept).insert(wish.key.clone(), known);
        if !unkept.is_empty() {
            tracing::warn!(key = %shown(&wish.key), fields = ?unkept, "Beamlit took a change and does not hold all of it");
        }
        outcome(now, change, unkept)
    }

    /// What was written is there, and may be written again if it ever changes.
    pub(super) fn kept(&self, key: &Key) {
        lock(&self.shared.unkept).remove(key);
    }

    pub(super) async fn find(&self, key: &Key) -> Result<Option<Found>, Error> {
        match self.call(Act::Get, key, None, &[]).await {
            Ok(answer) => self.named(key, &answer, &[]).map(Some),
            Err(Error::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn write(&self, act: Act, wish: &Wish, body: &Value) -> Result<Found, Error> {
        let answer = self.call(act, &wish.key, Some(body), &wish.secrets).await?;
        self.named(&wish.key, &answer, &wish.secrets)
    }

    async fn call(&self, act: Act, key: &Key, body: Option<&Value>, secrets: &[String]) -> Result<Vec<u8>, Error> {
        let kind = Kind::of(key);
        // A body says by itself what it is about.
        let (name, environment) = match act {
            Act::Create => (None, None),
            Act::Update => (Some(key.name()), None),
            Act::Get | Act::List | Act::Delete => (Some(key.name()), kind.environment()),
        };
        self.shared.caller.call(&Call { act, of: kind.path(), name, environment, body, secrets }).await
    }

    fn named(&self, key: &Key, answer: &[u8], secrets: &[String]) -> Result<Found, Error> {
        let found = Found::named(key, parsed(answer, secrets)?)?;
        self.same_workspace(found.stored.workspace.as_deref())?;
        Ok(found)
    }

    /// Every object of a kind, with its text, one after the other. What is of no use alone is passed over.
    pub(super) async fn list(&self, kind: &Kind, mut each: impl FnMut(Found, &str)) -> Result<(), Error> {
        let call = Call {
            act: Act::List,
            of: kind.path(),
            name: None,
            environment: kind.environment(),
            body: None,
            secrets: &[],
        };
        let answer = self.shared.caller.call(&call).await?;
        // Some servers write an empty list so.
        let items: Option<Vec<&RawValue>> = match serde_json::from_slice(&answer) {
            Ok(items) => items,
            // An error in disguise, if not anything else.
            Err(_) => {
                parsed(&answer, &[])?;
                return Err(Error::Malformed("it is no list".to_owned()));
            }
        };
        let mut odd = 0_usize;
        for item in items.unwrap_or_default() {
            // A server that does not know about environments lists all of them.
            match serde_json::from_str(item.get()).ok().and_then(|item| Found::of(kind, item).ok()) {
                Some(found) => {
                    self.same_workspace(found.stored.workspace.as_deref())?;
                    each(found, item.get());
                }
                None => odd += 1,
            }
        }
        if odd > 0 {
            tracing::debug!(kind = kind.path(), odd, "some of what Beamlit lists is of no use");
        }
        Ok(())
    }

    /// Whether an answer is about our workspace. Where none is configured, the first that answers name is ours, until the credentials
    /// change.
    fn same_workspace(&self, found: Option<&str>) -> Result<(), Error> {
        let Some(found) = found else { return Ok(()) };
        let ours = match &self.shared.caller.settings().workspace {
            Some(ours) => ours.clone(),
            None => {
                let (by, mut known) = (self.shared.caller.credentials(), lock(&self.shared.workspace));
                let (_, ours) = known.take_if(|(of, _)| *of == by).unwrap_or_else(|| (by, found.to_owned()));
                *known = Some((by, ours.clone()));
                ours
            }
        };
        if ours == found { Ok(()) } else { Err(Error::OtherWorkspace { found: quoted(found), ours: quoted(&ours) }) }
    }
}

fn outcome(found: Found, change: Change, unkept: Vec<String>) -> Outcome {
    Outcome { fingerprint: found.fingerprint(), applied: Applied { stored: found.stored, change, unkept } }
}

/// A key as it may be logged: names are the users' own.
fn shown(key: &Key) -> String {
    crate::engine::finding::escaped(&key.to_string()).to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
