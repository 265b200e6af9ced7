//! What our objects have to do with Beamlit: whose things are, what is told of them, and how they are let go of.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

use super::beamlit::{Applied, Change, Error, Mirror, Owner, Stored as Remote};
use super::conditions::{self, Holds, Said, Type, alike};
use super::context::Context;
use super::events::Tone;
use super::stored::{Ours, Stored, annotation};
use super::unfinished::Unfinished;
use super::writes::NotWritten;
use crate::telemetry::reconciler::LeftBehind;

/// Whether something on Beamlit belongs to the object with this uid.
pub(super) fn is_owned(remote: &Remote, uid: &str) -> bool {
    remote.ownership.as_ref().is_some_and(|ownership| ownership.uid == uid)
}

/// An object as the owner of what is on Beamlit.
pub(super) fn owner<K: Ours>(object: &Stored<K>, context: &Context) -> Owner {
    let name = object.name();
    Owner {
        uid: object.uid().to_owned(),
        namespace: name.namespace().to_owned(),
        name: name.name().to_owned(),
        cluster: context.cluster.get().cloned(),
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

/// Beamlit does not let go of what an object owns, and the object has not waited for long enough.
pub(super) struct Waits {
    /// Why not.
    pub(super) why: Error,
    /// For how much longer it waits.
    pub(super) left: Duration,
}

/// Lets go of everything that an object owns on Beamlit; without asking where nobody can or should be asked.
///
/// # Errors
/// If it has to wait for that.
pub(super) async fn release<K: Ours>(object: &Stored<K>, context: &Context) -> Result<(), Waits> {
    if object.annotation(annotation::ORPHAN).is_some() {
        let note = format!("the annotation {} says that what is on Beamlit stays as it is", annotation::ORPHAN);
        leave_behind(object, context, LeftBehind::Asked, &note).await;
        return Ok(());
    }
    let outcome = match &context.beamlit {
        Some(mirror) => from_beamlit(object, context, mirror).await,
        None => Err(Error::NoCredentials("none are given".to_owned())),
    };
    match outcome {
        Ok(()) => Ok(()),
        // Nobody could be asked: waiting would keep every object, and with it every namespace, for nothing.
        Err(Error::NoCredentials(_)) => {
            if was_there(object) {
                let note = "the operator has no credentials for Beamlit any more: what is there stays as it is";
                leave_behind(object, context, LeftBehind::NoCredentials, note).await;
            }
            Ok(())
        }
        Err(why) => match patience(object, context) {
            None => {
                let note = format!("what may be on Beamlit stays as it is, for it could not be told for long: {why}");
                leave_behind(object, context, LeftBehind::TimedOut, &note).await;
                Ok(())
            }
            Some(left) => Err(Waits { why, left }),
        },
    }
}

/// What is said of an object that is being deleted.
pub(super) fn deleting(what: &str) -> Said {
    Said::new(Type::Ready, false, "Deleting", format!("the object is being deleted: {what}"))
}

/// Tells what an object that goes waits for, and sees to it that it is looked at again when it has waited for long enough.
pub(super) async fn wait<K: Ours>(
    object: &Stored<K>,
    context: &Context,
    why: Unfinished,
    left: Duration,
    said: &[Said],
) -> Unfinished {
    let (reason, note) = match &why {
        Unfinished::Beamlit(error) => (word(error), format!("waiting for Beamlit before it can go: {why}")),
        _ => ("WriteFailed", format!("waiting for the API server before it can go: {why}")),
    };
    match say(object, context, said).await {
        // Each attempt would take one of the events that an object has, and leave none for its end.
        Ok(false) => {}
        Ok(true) => context.events.tell(object, Tone::Warning, reason, &note).await,
        Err(error) => tracing::warn!("what an object waits for is not in its status: {error}"),
    }
    Unfinished::Going { why: Box::new(why), left }
}

/// Has the status of an object say this, and everything else as before; whether that is new.
async fn say<K: Ours>(object: &Stored<K>, context: &Context, said: &[Said]) -> Result<bool, NotWritten> {
    let mut status: Map<String, Value> = object.status().unwrap_or_default();
    let Some(conditions) = going(status.get("conditions"), said, object.generation()) else { return Ok(false) };
    status.insert("conditions".to_owned(), conditions);
    if said.iter().any(|said| said.of == Type::Offloading && said.holds == Holds::No) {
        status.insert("offloadingStatus".to_owned(), false.into());
    }
    context.writer.status(object, &status).await?;
    Ok(true)
}

/// The conditions of an object that goes, if anything but their words is new: they are written once for each reason, for what is written
/// has the object looked at again.
fn going(before: Option<&Value>, said: &[Said], generation: i64) -> Option<Value> {
    let before: Vec<Condition> = before.and_then(|it| serde_json::from_value(it.clone()).ok()).unwrap_or_default();
    let next = conditions::with(&before, said, generation, Timestamp::now());
    if alike(&before, &next) { None } else { serde_json::to_value(next).ok() }
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

async fn from_beamlit<K: Ours>(object: &Stored<K>, context: &Context, mirror: &Mirror) -> Result<(), Error> {
    // A list that was never read says nothing of what is there.
    mirror.complete().await?;
    let owner = owner(object, context);
    for key in mirror.owned_by(object.uid()) {
        mirror.release(&key, &owner).await?;
    }
    Ok(())
}

/// For how much longer an object that goes waits for what is to be cleaned up; none if it has waited for long enough.
pub(super) fn patience<K: Ours>(object: &Stored<K>, context: &Context) -> Option<Duration> {
    let left = context.patience.saturating_sub(waited(object));
    (!left.is_zero()).then_some(left)
}

fn waited<K: Ours>(object: &Stored<K>) -> Duration {
    let since = object.metadata.deletion_timestamp.as_ref().map(|since| since.0);
    let waited = since.map(|since| Timestamp::now().duration_since(since));
    waited.and_then(|waited| Duration::try_from(waited).ok()).unwrap_or_default()
}

/// The workspace, and when it was created and last changed: as Beamlit says now, or said last.
pub(super) fn last_said(
    applied: Option<&Result<Applied, Error>>,
    [workspace, created_at, updated_at]: [&Option<String>; 3],
) -> [Option<String>; 3] {
    let stored = applied.and_then(|applied| applied.as_ref().ok()).map(|applied| &applied.stored);
    let says = |of: fn(&Remote) -> &Option<String>, before: &Option<String>| {
        stored.and_then(|stored| of(stored).clone()).or_else(|| before.clone())
    };
    [says(|it| &it.workspace, workspace), says(|it| &it.created_at, created_at), says(|it| &it.updated_at, updated_at)]
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::controller::beamlit::Key;

    fn refused() -> Error {
        Error::Refused { status: 400, said: "no".to_owned() }
    }

    #[test]
    fn who_waits_to_go_says_so_and_keeps_the_rest() {
        let condition = |type_: &str, status: &str, reason: &str| {
            json!({"type": type_, "status": status, "reason": reason, "message": "", "observedGeneration": 2,
                "lastTransitionTime": "2026-01-01T00:00:00Z"})
        };
        let before = json!([
            condition("Accepted", "True", "Accepted"),
            condition("Synced", "True", "Synced"),
            condition("Ready", "True", "Ready")
        ]);
        let said = [synced(false, Some(&Err(refused()))), deleting("waiting")];
        let next = going(Some(&before), &said, 3).unwrap();
        let shown =
            |at: usize| format!("{}={}({})", next[at]["type"], next[at]["status"], next[at]["reason"]).replace('"', "");
        assert_eq!(
            [shown(0), shown(1), shown(2)],
            ["Accepted=True(Accepted)", "Synced=False(BeamlitRefused)", "Ready=False(Deleting)"]
        );
        assert_eq!(next[1]["message"], refused().to_string());
        assert_eq!((&next[0], &next[2]["observedGeneration"]), (&before[0], &json!(3)));
        // Other words alone are not written: each time it would be looked at again.
        let other = Error::Refused { status: 400, said: "never".to_owned() };
        assert_eq!(going(Some(&next), &[synced(false, Some(&Err(other))), deleting("still waiting")], 3), None);
        let away = Error::TimedOut(Duration::from_secs(1));
        assert!(going(Some(&next), &[synced(false, Some(&Err(away)))], 3).is_some());
    }

    #[test]
    fn what_beamlit_said_last_stays_until_it_says_something_else() {
        let before = [&Some("w".to_owned()), &Some("then".to_owned()), &None];
        let stored = Remote {
            key: Key::policy("p"),
            workspace: None,
            status: None,
            created_at: Some("now".to_owned()),
            updated_at: Some("now".to_owned()),
            ownership: None,
        };
        let applied = Ok(Applied { stored, change: Change::None, unkept: Vec::new() });
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(last_said(Some(&applied), before), [text("w"), text("now"), text("now")]);
        assert_eq!(last_said(Some(&Err(refused())), before), [text("w"), text("then"), None]);
        assert_eq!(last_said(None, before), [text("w"), text("then"), None]);
    }
}
