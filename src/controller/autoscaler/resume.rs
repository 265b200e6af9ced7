//! Where to carry on: from the state that was stored, or else from what can be told from the outside, and only then from 0.

use serde_json::Value;
use tokio::time::Instant;

use crate::api::OffloadAutoscalerStatus;
use crate::controller::memory::{Course, Deployed, Routed};
use crate::controller::stored::{OffloadAutoscalers, Stored};
use crate::controller::terms::Terms;
use crate::controller::view::View;
use crate::engine::compile::annotations::{MANAGED_BY, REMOTE_WEIGHT};
use crate::engine::world::{Lookup, Name};
use crate::offload::decide::State;

/// Beside the decision's own state: what Beamlit last said of the model.
pub(super) const REMOTE: &str = "remote";

/// The course of an object that this process decides for the first time.
pub(super) fn resume(terms: &Terms, autoscaler: &Stored<OffloadAutoscalers>, name: &Name, view: &View) -> Course {
    let mut shown: OffloadAutoscalerStatus = autoscaler.status().unwrap_or_default();
    let stored = shown.state.take();
    let state = stored.as_ref().map(State::read);
    let state = match state {
        Some(Ok(state)) => state,
        other => {
            if let Some(Err(unreadable)) = &other {
                tracing::warn!(
                    namespace = name.namespace(),
                    name = name.name(),
                    "the stored state is not used: {unreadable}"
                );
            }
            let kept = other.and_then(Result::err).and_then(|unreadable| unreadable.state).map(|state| *state);
            kept.or_else(|| said_by_service(terms, name, view).map(State::holding))
                .or_else(|| shown.current_remote_weight.and_then(percent).map(State::holding))
                .unwrap_or_default()
        }
    };
    Course {
        uid: terms.uid.clone(),
        state,
        deployed: stored.as_ref().and_then(deployed),
        shown,
        // Thousands that were taken over must not all be written anew at once.
        shown_at: Instant::now(),
        shown_ratios: None,
        routed: Routed::Yes,
    }
}

fn said_by_service(terms: &Terms, name: &Name, view: &View) -> Option<u8> {
    let Lookup::Found(service) = view.service(&terms.service) else { return None };
    let says = |key: &str| service.annotations.get(key).map(String::as_str);
    (says(MANAGED_BY)? == name.to_string()).then_some(())?;
    percent(says(REMOTE_WEIGHT)?.parse().ok()?)
}

fn percent(weight: i32) -> Option<u8> {
    u8::try_from(weight).ok().filter(|weight| *weight <= 100)
}

fn deployed(stored: &Value) -> Option<Deployed> {
    let remote = stored.get(REMOTE)?;
    Some(Deployed { model: remote.get("model")?.as_str()?.to_owned(), is: remote.get("deployed")?.as_bool()? })
}
