//! Where to carry on: from the state that was stored, or else from what can be told from the outside, and only then from 0.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

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

/// Beside the decision's own state: the uid of the ModelDeployment.
pub(super) const OWNER: &str = "owner";
/// Beside the decision's own state: the Service whose weight it is, as `<namespace>/<name>`.
pub(super) const SERVICE: &str = "service";
/// Beside the decision's own state: what Beamlit last said of the model.
pub(super) const REMOTE: &str = "remote";

/// The course of an object that this process decides for the first time.
pub(super) fn resume(terms: &Terms, autoscaler: &Stored<OffloadAutoscalers>, name: &Name, view: &View) -> Course {
    let mut shown: OffloadAutoscalerStatus = autoscaler.status().unwrap_or_default();
    // What another object of the same name came to, or this one on another Service, is not where this one begins.
    let stored = shown.state.take();
    shown.current_metrics = None;
    let service = terms.service.to_string();
    let is = |key: &str, own: &str| stored.as_ref().and_then(|stored| stored.get(key)).is_none_or(|its| *its == *own);
    let is_its_own = is(OWNER, &terms.uid) && is(SERVICE, &service);
    let stored = stored.filter(|_| is_its_own);
    let state = match stored.as_ref().map(State::read) {
        Some(Ok(state)) => state,
        _ if !is_its_own => State::default(),
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
        service: terms.service.clone(),
        shown_by: autoscaler.uid().to_owned(),
        state,
        deployed: stored.as_ref().and_then(deployed),
        shown,
        // Thousands that were taken over must not all be written anew at once, neither now nor later.
        shown_at: Instant::now(),
        shown_early: share(name),
        shown_ratios: None,
        shown_asked: true,
        reworded_at: None,
        routed: Routed::Yes,
        written: None,
    }
}

/// A share for each name, evenly spread from 0 to 1.
fn share(name: &Name) -> f64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    f64::from(u16::try_from(hasher.finish() % 1000).unwrap_or_default()) / 1000.0
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::controller::terms::tests::terms;

    fn resumed(status: &Value) -> Course {
        let autoscaler =
            serde_json::from_value(json!({"metadata": {"name": "m", "namespace": "default"}, "status": status}));
        let view = View::new(Default::default());
        resume(&terms(true), &autoscaler.unwrap(), &Name::new("default", "m"), &view)
    }

    /// original-defects.md: "A controller restart resets the weight to 0 in the middle of an incident".
    #[test]
    fn a_restart_carries_on_where_it_was() {
        let state = serde_json::to_value(State::holding(40)).unwrap();
        let course = resumed(&json!({"currentRemoteWeight": 40, "state": state}));
        assert_eq!(course.state, State::holding(40));
        assert_eq!(course.shown.state, None);
    }

    #[test]
    fn what_cannot_be_read_still_says_how_much_is_away() {
        for state in [json!({"version": 99, "weight": 40}), json!({"weight": 40}), json!({"version": 1, "weight": 40})]
        {
            assert_eq!(resumed(&json!({"currentRemoteWeight": 30, "state": state})).state.weight, 40, "{state}");
        }
        for state in [json!(null), json!("garbage"), json!({"version": 99}), json!({"weight": 101})] {
            assert_eq!(resumed(&json!({"currentRemoteWeight": 30, "state": state})).state.weight, 30, "{state}");
        }
        assert_eq!(resumed(&json!(null)).state, State::default());
        assert_eq!(resumed(&json!({"currentRemoteWeight": 400})).state.weight, 0);
    }

    /// One of the same name that was deleted and made again.
    #[test]
    fn what_another_object_came_to_is_not_where_this_one_begins() {
        let mut state = serde_json::to_value(State::holding(100)).unwrap();
        state[OWNER] = "uid".into();
        assert_eq!(resumed(&json!({"state": state})).state.weight, 100);
        state[SERVICE] = "default/m".into();
        assert_eq!(resumed(&json!({"state": state})).state.weight, 100);
        state[SERVICE] = "default/another".into();
        assert_eq!(resumed(&json!({"currentRemoteWeight": 100, "state": state})).state, State::default());
        state[SERVICE] = "default/m".into();
        state[OWNER] = "another".into();
        assert_eq!(resumed(&json!({"state": state})).state, State::default());
    }

    #[test]
    fn those_that_are_taken_over_together_are_written_one_after_the_other() {
        let shares = |from, to| {
            let all = (0..1000).map(|index| share(&Name::new("team", &format!("model-{index}"))));
            all.filter(|share| (from..to).contains(share)).count()
        };
        assert_eq!(shares(0.0, 1.0), 1000);
        for tenth in 0..10 {
            let many = shares(f64::from(tenth) / 10.0, f64::from(tenth + 1) / 10.0);
            assert!((50..200).contains(&many), "{many} in the tenth {tenth}");
        }
    }

    #[test]
    fn what_beamlit_last_said_is_remembered() {
        let mut state = serde_json::to_value(State::default()).unwrap();
        state[REMOTE] = json!({"model": "production/m", "deployed": true});
        let deployed = resumed(&json!({"state": state})).deployed;
        assert_eq!(deployed, Some(Deployed { model: "production/m".to_owned(), is: true }));
    }
}
