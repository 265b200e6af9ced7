//! Fifth step: the status says what is so, each condition in a word and a sentence.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::apply::Applied;
use super::build::{Desired, UNREAD, What};
use crate::api::ModelDeploymentStatus;
use crate::controller::conditions::{Holds, PENDING, Said, Type, alike, another, conditions, reworded};
use crate::controller::context::Context;
use crate::controller::events::Tone;
use crate::controller::memory::{Outcome, Routed};
use crate::controller::remote;
use crate::controller::stored::{ModelDeployments, Stored};
use crate::controller::writes::NotWritten;
use crate::engine::compile::{Backend, Blocked, Open};
use crate::offload::decide::Reason;

/// How often it is written for nothing but the words of a condition.
const REWORD: Duration = Duration::from_secs(60);

/// Writes the status, if it says anything else than before, and tells of it; whether it did.
pub(super) async fn show(
    object: &Stored<ModelDeployments>,
    context: &Context,
    desired: &Desired,
    applied: &Applied,
) -> Result<bool, NotWritten> {
    let before: ModelDeploymentStatus = object.status().unwrap_or_default();
    let outcome = context.memory.outcome(&object.name());
    let next = status(object.generation(), &before, desired, applied, outcome.as_ref());
    let differs = !same(&before, &next);
    // Words that differ each time would have the object looked at, and Beamlit asked, again and again.
    let may_reword = || {
        let [old, new] = [&before, &next].map(|status| status.conditions.as_deref().unwrap_or_default());
        reworded(old, new) && context.memory.may_reword(&object.name(), REWORD)
    };
    if !differs && !may_reword() {
        return Ok(false);
    }
    let version = context.writer.status(object, &next).await?;
    context.memory.wrote(&object.name(), version);
    tell(object, context, &before, &next).await;
    Ok(true)
}

/// What the status is to say.
fn status(
    generation: i64,
    before: &ModelDeploymentStatus,
    desired: &Desired,
    applied: &Applied,
    outcome: Option<&Outcome>,
) -> ModelDeploymentStatus {
    let old = before.conditions.as_deref().unwrap_or_default();
    let [workspace, created_at_on_beamlit, updated_at_on_beamlit] = remote::last_said(
        applied.remote.as_ref(),
        [&before.workspace, &before.created_at_on_beamlit, &before.updated_at_on_beamlit],
    );
    let said = match &desired.what {
        Ok(what) => said(what, applied, outcome),
        Err(why) => at_fault(why, outcome),
    };
    let conditions = Some(conditions(old, &said, generation, Timestamp::now()));
    let offloads = desired.what.as_ref().map_or(true, |what| what.terms.is_some());
    let runtime = desired.what.as_ref().ok().and_then(|what| what.model.spec.runtime);
    let port = |port: Option<u16>| port.map(i32::from);
    ModelDeploymentStatus {
        offloading_status: match outcome {
            Some(outcome) => Some(outcome.weight > 0),
            None if offloads => before.offloading_status.or(Some(false)),
            None => Some(false),
        },
        serving_port: runtime.and_then(|runtime| port(runtime.serving_port)),
        metric_port: runtime.and_then(|runtime| port(runtime.metric_port)),
        workspace,
        created_at_on_beamlit,
        updated_at_on_beamlit,
        observed_generation: Some(generation),
        conditions,
    }
}

fn same(one: &ModelDeploymentStatus, other: &ModelDeploymentStatus) -> bool {
    let outline = |status: &ModelDeploymentStatus| ModelDeploymentStatus { conditions: None, ..status.clone() };
    let [old, new] = [one, other].map(|status| status.conditions.as_deref().unwrap_or_default());
    outline(one) == outline(other) && alike(old, new)
}

fn at_fault(why: &str, outcome: Option<&Outcome>) -> Vec<Said> {
    vec![
        Said::new(Type::Accepted, false, "Invalid", why),
        Said::new(Type::PoliciesResolved, Holds::Unknown, "Invalid", remote::INVALID),
        remote::synced(true, None),
        offloading(outcome, true),
        Said::new(Type::Ready, false, "Invalid", "the object is at fault: its weight stays as it is"),
    ]
}

fn said(what: &What, applied: &Applied, outcome: Option<&Outcome>) -> Vec<Said> {
    let synced = match &applied.template_unread {
        None => remote::synced(false, applied.remote.as_ref()),
        Some(unread) => Said::new(
            Type::Synced,
            false,
            "WorkloadUnread",
            format!("Beamlit is not told of the model, whose pods nobody knows: {unread}"),
        ),
    };
    let ready = ready(what, applied, &synced, outcome);
    vec![
        Said::new(Type::Accepted, true, "Accepted", "the object means something, and is compiled"),
        policies(what),
        synced,
        offloading(outcome, what.terms.is_some()),
        ready,
    ]
}

fn policies(what: &What) -> Said {
    let said = |holds: bool, reason, message: &str| Said::new(Type::PoliciesResolved, holds, reason, message);
    if what.policies_unread {
        Said::new(Type::PoliciesResolved, Holds::Unknown, "PoliciesUnresolved", UNREAD)
    } else if what.blocked.contains(&Blocked::PoliciesUnresolved) {
        said(false, "PoliciesUnresolved", &Blocked::PoliciesUnresolved.because(&what.blocked_by))
    } else if what.has_policies {
        said(true, "Resolved", "what its policies allow is known")
    } else {
        said(true, "NoPolicies", "no policy applies: everything is allowed")
    }
}

fn offloading(outcome: Option<&Outcome>, offloads: bool) -> Said {
    let said = |holds: Holds, reason, message: String| Said::new(Type::Offloading, holds, reason, message);
    match outcome {
        Some(outcome) => {
            let message = format!(
                "{} % of the traffic is sent away: {}",
                outcome.weight,
                outcome.reason.because(outcome.blocked)
            );
            said((outcome.weight > 0).into(), outcome.reason.word(), message)
        }
        None if offloads => said(Holds::Unknown, PENDING, "nothing has been decided yet".to_owned()),
        None => said(Holds::No, Reason::Never.word(), "the object has no offloadingConfig".to_owned()),
    }
}

/// The word for what keeps all traffic at home.
const fn word(blocked: Blocked) -> &'static str {
    match blocked {
        Blocked::Disabled => "Disabled",
        Blocked::PoliciesUnresolved => "PoliciesUnresolved",
        Blocked::RemoteRefused => "RemoteRefused",
        Blocked::NotGranted => "NotGranted",
        Blocked::Contested => "Contested",
        Blocked::RemoteNotReady => "RemoteNotReady",
    }
}

/// What stands in the way, the gravest first.
fn ready(what: &What, applied: &Applied, synced: &Said, outcome: Option<&Outcome>) -> Said {
    let no = |reason, message: String| Said::new(Type::Ready, false, reason, message);
    if let Some(blocked) = what.blocked.first() {
        let all: Vec<String> = what.blocked.iter().map(|blocked| blocked.because(&what.blocked_by)).collect();
        return no(word(*blocked), format!("nothing is sent away: {}", all.join("; ")));
    }
    if let Err(error) = &applied.cluster {
        return no("WriteFailed", error.to_string());
    }
    let needs_beamlit = matches!(what.backend, None | Some(Backend::Beamlit));
    if needs_beamlit && synced.holds != Holds::Yes {
        return no("NotSynced", synced.message.clone());
    }
    let Some(terms) = &what.terms else {
        return Said::new(Type::Ready, true, "Ready", "everything that it asks for is done");
    };
    let Some(outcome) = outcome else {
        return Said::new(Type::Ready, Holds::Unknown, PENDING, "nothing has been decided yet");
    };
    match &outcome.routed {
        Routed::Yes => {}
        Routed::Missing => return no("ServiceMissing", format!("there is no Service {}", terms.service)),
        Routed::Taken(by) => {
            let by = another(by, terms.namespace());
            return no("ServiceTaken", format!("Service {} is routed by {by}", terms.service));
        }
        Routed::Failed(why) => return no("WriteFailed", why.clone()),
    }
    if let Some(blocked) = outcome.blocked {
        return no(word(blocked), format!("nothing is sent away: {blocked}"));
    }
    if what.policies_unread {
        return no("PoliciesUnresolved", UNREAD.to_owned());
    }
    if let Some(held) = &terms.pause {
        return no("Paused", held.by.clone());
    }
    if outcome.reason == Reason::LocalUnknown {
        let open: Vec<String> = what.open.iter().map(ToString::to_string).collect();
        let open = if open.is_empty() { String::new() } else { format!(": {}", open.join("; ")) };
        return no("LocalUnknown", format!("{}{open}", outcome.reason.sentence()));
    }
    // Endpoints of any port count then, and that is not what was asked for.
    let of_service = |open: &&Open| matches!(open, Open::Port { service } if *service == terms.service);
    if let Some(open) = what.open.iter().find(of_service) {
        return no("LocalUnknown", open.to_string());
    }
    if !outcome.unavailable.is_empty() {
        return no("MetricsUnavailable", outcome.unavailable.clone());
    }
    Said::new(Type::Ready, true, "Ready", "everything that it asks for is done, or can be at any time")
}

/// Tells of every condition that turned.
async fn tell(
    object: &Stored<ModelDeployments>,
    context: &Context,
    before: &ModelDeploymentStatus,
    next: &ModelDeploymentStatus,
) {
    let old = before.conditions.as_deref().unwrap_or_default();
    for condition in next.conditions.iter().flatten() {
        // The weight is told of where it is decided; and that there are no credentials is how this operator was set up.
        let is_told_elsewhere =
            condition.type_ == Type::Offloading.word() || condition.reason == remote::NO_CREDENTIALS;
        if is_told_elsewhere || condition.status == Holds::Unknown.word() {
            continue;
        }
        let turned = old.iter().find(|old| old.type_ == condition.type_).is_none_or(|old| {
            old.status != condition.status || old.status == Holds::No.word() && old.reason != condition.reason
        });
        // What is well from the beginning is no news.
        let is_new = !old.iter().any(|old| old.type_ == condition.type_);
        let bad = condition.status == Holds::No.word();
        if turned && (bad || !is_new) {
            let tone = if bad { Tone::Warning } else { Tone::Normal };
            context.events.tell(object, tone, &condition.reason, &condition.message).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::controller::terms::Terms;
    use crate::controller::terms::tests::plan;
    use crate::engine::world::Name;

    /// What an object with a backend of its own comes to; without one, Beamlit's.
    fn what(own: bool) -> What {
        let plan = plan(own);
        let terms = Terms::of("uid", &plan, None, None).unwrap();
        What {
            model_is_taken: plan.model_is_taken(),
            autoscaler: plan.autoscaler,
            terms,
            model: plan.beamlit,
            backend: plan.backend,
            blocked: plan.blocked,
            blocked_by: plan.blocked_by,
            policies_unread: false,
            open: plan.open,
            has_policies: false,
            leaves_something: true,
        }
    }

    fn outcome() -> Outcome {
        Outcome { weight: 0, reason: Reason::AtHome, blocked: None, routed: Routed::Yes, unavailable: String::new() }
    }

    fn desired(what: Result<What, String>) -> Desired {
        Desired {
            references: Default::default(),
            pause: None,
            sends_nothing: false,
            service_is_taken: false,
            granted: true,
            what,
        }
    }

    fn without_beamlit() -> Applied {
        Applied { remote: None, template_unread: None, cluster: Ok(()) }
    }

    /// The conditions as `type=status(reason)`.
    fn shown(what: What, applied: &Applied, outcome: Option<&Outcome>) -> BTreeMap<String, String> {
        let desired = desired(Ok(what));
        let status = status(3, &ModelDeploymentStatus::default(), &desired, applied, outcome);
        let conditions = status.conditions.unwrap_or_default();
        conditions.into_iter().map(|it| (it.type_, format!("{}({})", it.status, it.reason))).collect()
    }

    fn ready(what: What, applied: &Applied, outcome: Option<&Outcome>) -> String {
        shown(what, applied, outcome).remove("Ready").unwrap_or_default()
    }

    #[test]
    fn without_credentials_only_what_needs_beamlit_is_not_ready() {
        assert_eq!(ready(what(true), &without_beamlit(), Some(&outcome())), "True(Ready)");
        assert_eq!(ready(what(false), &without_beamlit(), Some(&outcome())), "False(NotSynced)");
        let all = shown(what(true), &without_beamlit(), Some(&outcome()));
        assert_eq!(all["Synced"], "False(NoCredentials)");
        assert_eq!(all["Offloading"], "False(AtHome)");
        assert_eq!(all["PoliciesResolved"], "True(NoPolicies)");
    }

    #[test]
    fn the_gravest_reason_is_told() {
        let of = |change: fn(&mut Outcome)| {
            let mut outcome = outcome();
            change(&mut outcome);
            ready(what(true), &without_beamlit(), Some(&outcome))
        };
        assert_eq!(of(|it| it.routed = Routed::Missing), "False(ServiceMissing)");
        assert_eq!(of(|it| it.routed = Routed::Taken("a/b".to_owned())), "False(ServiceTaken)");
        assert_eq!(of(|it| it.routed = Routed::Failed("no".to_owned())), "False(WriteFailed)");
        assert_eq!(of(|it| it.blocked = Some(Blocked::RemoteNotReady)), "False(RemoteNotReady)");
        assert_eq!(of(|it| it.reason = Reason::LocalUnknown), "False(LocalUnknown)");
        assert_eq!(of(|it| it.unavailable = "metrics[0]".to_owned()), "False(MetricsUnavailable)");
        let mut blocked = what(true);
        blocked.blocked = vec![Blocked::Disabled, Blocked::NotGranted];
        assert_eq!(ready(blocked, &without_beamlit(), Some(&outcome())), "False(Disabled)");
        assert_eq!(ready(what(true), &without_beamlit(), None), "Unknown(Pending)");
        let unwritten =
            Applied { remote: None, template_unread: None, cluster: Err(NotWritten::Changed("it".to_owned())) };
        assert_eq!(ready(what(true), &unwritten, Some(&outcome())), "False(WriteFailed)");
    }

    #[test]
    fn an_object_that_nobody_understands_says_so_and_keeps_what_beamlit_said() {
        let before = ModelDeploymentStatus {
            workspace: Some("w".to_owned()),
            created_at_on_beamlit: Some("2026-01-01T00:00:00Z".to_owned()),
            ..ModelDeploymentStatus::default()
        };
        let desired = desired(Err("spec.model: Required value".to_owned()));
        let mut away = outcome();
        away.weight = 50;
        let status = status(4, &before, &desired, &without_beamlit(), Some(&away));
        assert_eq!(status.workspace.as_deref(), Some("w"));
        assert_eq!(status.created_at_on_beamlit, before.created_at_on_beamlit);
        // It says what is so: the weight stays as it is.
        assert_eq!((status.offloading_status, status.observed_generation), (Some(true), Some(4)));
        let accepted = status.conditions.unwrap().remove(0);
        assert_eq!((accepted.status.as_str(), accepted.reason.as_str()), ("False", "Invalid"));
        assert_eq!(accepted.message, "spec.model: Required value");
    }

    #[test]
    fn a_service_of_which_only_the_name_is_known_is_named() {
        let mut missing = outcome();
        missing.routed = Routed::Missing;
        let said = super::ready(&what(true), &without_beamlit(), &remote::synced(false, None), Some(&missing));
        assert!(said.message.contains(&Name::new("default", "m").to_string()), "{}", said.message);
    }
}
