//! What our objects have to do with Beamlit: whose things are, what is told of them, and how they are let go of.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::beamlit::{Applied, Change, Error, Mirror, Owner, Stored as Remote};
use super::conditions::{Holds, Said, Type};
use super::context::Context;
use super::events::Tone;
use super::stored::{Ours, Stored, annotation};
use super::unfinished::Unfinished;
use crate::telemetry::reconciler::LeftBehind;

/// Whether something on Beamlit belongs to the object with this uid.
pub(super) fn is_owned(remote: &Remote, uid: &str) -> bool {
    remote.ownership.as_ref().is_some_and(|ownership| ownership.uid == uid)
}

/// An object as the owner of what is on Beamlit.
pub(super) fn owner<K: Ours>(object: &Stored<K>) -> Owner {
    let name = object.name();
    Owner {
        uid: object.uid().to_owned(),
        namespace: name.namespace().to_owned(),
        name: name.name().to_owned(),
        adopt: object.annotation(annotation::ADOPT) == Some("true"),
    }
}

/// Whether something of an object was on Beamlit when its status was last written.
pub(super) fn was_there<K: Ours>(object: &Stored<K>) -> bool {
    object.status::<Value>().is_some_and(|status| status.get("createdAtOnBeamlit").is_some())
}

/// Tells of what was not made but taken.
pub(super) async fn tell<K: Ours>(object: &Stored<K>, context: &Context, applied: &Applied) {
    let key = &applied.stored.key;
    let note = match &applied.change {
        Change::TakenOver => format!("{key} was on Beamlit already, and is kept in step from now on"),
        Change::Adopted { from } => format!("{key} belonged to {from} on Beamlit, and was taken from it"),
        Change::None | Change::Created | Change::Updated => return,
    };
    context.events.tell(object, Tone::Normal, "TakenOver", &note).await;
}

/// Lets go of everything that an object owns on Beamlit; without asking where nobody can or should be asked.
///
/// # Errors
/// If Beamlit does not do it, and the object has not waited for long enough.
pub(super) async fn release<K: Ours>(object: &Stored<K>, context: &Context) -> Result<(), Unfinished> {
    if object.annotation(annotation::ORPHAN).is_some() {
        let note = format!("the annotation {} says that what is on Beamlit stays as it is", annotation::ORPHAN);
        leave_behind(object, context, LeftBehind::Asked, &note).await;
        return Ok(());
    }
    let outcome = match &context.beamlit {
        Some(mirror) => from_beamlit(object, mirror).await,
        None => Err(Error::NoCredentials("none are given".to_owned()).into()),
    };
    match outcome {
        Ok(()) => Ok(()),
        // Nobody could be asked: waiting would keep every object, and with it every namespace, for nothing.
        Err(Unfinished::Beamlit(Error::NoCredentials(_))) => {
            if was_there(object) {
                let note = "the operator has no credentials for Beamlit any more: what is there stays as it is";
                leave_behind(object, context, LeftBehind::NoCredentials, note).await;
            }
            Ok(())
        }
        Err(error) if waited(object) >= context.patience => {
            let note = format!("what may be on Beamlit stays as it is, for it could not be told for long: {error}");
            leave_behind(object, context, LeftBehind::TimedOut, &note).await;
            Ok(())
        }
        Err(error) => {
            let note = format!("waiting for Beamlit before it can go: {error}");
            context.events.tell(object, Tone::Warning, "BeamlitUnavailable", &note).await;
            Err(error)
        }
    }
}

/// Tells of what stays on Beamlit, where nobody looks after it from now on.
async fn leave_behind<K: Ours>(object: &Stored<K>, context: &Context, why: LeftBehind, note: &str) {
    let (name, kind) = (object.name(), K::KIND.name());
    tracing::warn!(kind, namespace = name.namespace(), name = name.name(), why = why.word(), "left on Beamlit: {note}");
    context.metrics.left_behind(why);
    let (tone, reason) = match why {
        LeftBehind::Asked => (Tone::Normal, "Orphaned"),
        LeftBehind::NoCredentials => (Tone::Warning, "Orphaned"),
        LeftBehind::TimedOut => (Tone::Warning, "FinalizerTimedOut"),
    };
    context.events.tell(object, tone, reason, note).await;
}

async fn from_beamlit<K: Ours>(object: &Stored<K>, mirror: &Mirror) -> Result<(), Unfinished> {
    // A list that was never read says nothing of what is there.
    mirror.complete().await?;
    let owner = owner(object);
    for key in mirror.owned_by(object.uid()) {
        mirror.release(&key, &owner).await?;
    }
    Ok(())
}

fn waited<K: Ours>(object: &Stored<K>) -> Duration {
    let since = object.metadata.deletion_timestamp.as_ref().map(|since| since.0);
    let waited = since.map(|since| Timestamp::now().duration_since(since));
    waited.and_then(|waited| Duration::try_from(waited).ok()).unwrap_or_default()
}

/// Why nothing is on Beamlit where nobody gave the operator any credentials.
pub(super) const NO_CREDENTIALS: &str = "NoCredentials";

/// What is said of an object that is at fault.
pub(super) const INVALID: &str = "nobody knows what the object means";

/// Whether Beamlit holds what an object says: what came of it, none without credentials.
pub(super) fn synced(invalid: bool, applied: Option<&Result<Applied, Error>>) -> Said {
    let said = |holds: Holds, reason, message: String| Said::new(Type::Synced, holds, reason, message);
    match applied {
        _ if invalid => said(Holds::Unknown, "Invalid", INVALID.to_owned()),
        None => said(
            Holds::No,
            NO_CREDENTIALS,
            "the operator has no credentials for Beamlit: nothing is sent there, and everything else works".to_owned(),
        ),
        Some(Ok(Applied { stored, unkept, change: _ })) => {
            let status =
                stored.status.as_deref().map(|status| format!(", and says of it: {status}")).unwrap_or_default();
            let unkept = match unkept.join(", ") {
                unkept if unkept.is_empty() => unkept,
                unkept => format!("; otherwise than it was told: {unkept}"),
            };
            said(Holds::Yes, "Synced", format!("Beamlit holds {}{status}{unkept}", stored.key))
        }
        Some(Err(error)) => said(Holds::No, word(error), error.to_string()),
    }
}

/// The word for what went wrong on Beamlit.
fn word(error: &Error) -> &'static str {
    match error {
        Error::NameTaken { .. } => "NameTaken",
        Error::NoCredentials(_) => NO_CREDENTIALS,
        error if error.is_passing() => "BeamlitUnavailable",
        _ => "BeamlitRefused",
    }
}
