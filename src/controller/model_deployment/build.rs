//! Third step: what is to be true of the cluster and of Beamlit. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::dereference::{Found, workload};
use super::validate::Judged;
use crate::api::OffloadAutoscalerSpec;
use crate::controller::memory::Reference;
use crate::controller::remote;
use crate::controller::stored::{ModelDeployments, Stored, annotation};
use crate::controller::terms::{Held, RemoteModel, Terms};
use crate::engine::compile::{Backend, Blocked, Open, Plan, beamlit};
use crate::engine::configuration::{self, Configuration};
use crate::engine::finding::Finding;
use crate::engine::finding::Rule;
use crate::engine::finding::rules::{MD004, RF003};
use crate::engine::world::Name;
use crate::offload::observation::Pause;

/// What is to be true.
pub(super) struct Desired {
    /// What the object depends on.
    pub(super) references: BTreeSet<Reference>,
    /// Who holds its weight.
    pub(super) pause: Option<Held>,
    /// Whether it says at least that nothing is to be sent away, whatever else is wrong with it.
    pub(super) sends_nothing: bool,
    /// Whether another object had its Service first, whatever else is wrong with it.
    pub(super) service_is_taken: bool,
    /// Whether all that it refers to in other namespaces was granted, as far as anybody can tell.
    pub(super) granted: bool,
    /// The rest, or why nobody knows.
    pub(super) what: Result<What, String>,
}

/// What is to be true of an object that means something.
pub(super) struct What {
    /// The spec of its OffloadAutoscaler; none if nothing is ever sent away.
    pub(super) autoscaler: Option<OffloadAutoscalerSpec>,
    /// By what its weight is decided; none if nothing is ever sent away.
    pub(super) terms: Option<Terms>,
    /// The model on Beamlit.
    pub(super) model: beamlit::Model,
    /// Whose backend its traffic goes to.
    pub(super) backend: Option<Backend>,
    /// Why nothing may be sent away; all of it.
    pub(super) blocked: Vec<Blocked>,
    /// The findings behind that.
    pub(super) blocked_by: Vec<Finding>,
    /// Whether another object had its model on Beamlit first.
    pub(super) model_is_taken: bool,
    /// Whether the weight is held because nobody has read yet what its policies on Beamlit allow.
    pub(super) policies_unread: bool,
    /// What stays open.
    pub(super) open: Vec<Open>,
    /// Whether any policies apply to it.
    pub(super) has_policies: bool,
    /// Whether something is left behind that must be cleaned up when it goes.
    pub(super) leaves_something: bool,
}

/// Says what is to be true.
pub(super) fn build(object: &Stored<ModelDeployments>, found: &Found, judged: Judged) -> Desired {
    let Judged { findings, plan } = judged;
    let what = plan.map_err(|not_compiled| {
        if not_compiled.faults.is_empty() { format!("{} faults", findings.errors()) } else { not_compiled.to_string() }
    });
    let is_found = |rule: &'static Rule| findings.list().iter().any(|finding| finding.rule == rule);
    let (service_is_taken, granted) = (is_found(&MD004), !is_found(&RF003));
    let pause = pause(object, &found.configuration);
    let what = what.and_then(|plan| self::what(object, found, plan, pause.clone()));
    let (references, sends_nothing) = (references(object), sends_nothing(object));
    Desired { references, sends_nothing, service_is_taken, granted, pause, what }
}

/// What is said of a weight that is held because nobody has read yet what policies on Beamlit allow.
pub(super) const UNREAD: &str = "what its policies on Beamlit allow has not been read yet: the weight stays as it is";

fn what(
    object: &Stored<ModelDeployments>,
    found: &Found,
    mut plan: Plan,
    mut pause: Option<Held>,
) -> Result<What, String> {
    // What was sent away while it was known to be allowed need not come home because nobody can tell at present.
    let policies_unread = plan.policies_unread && is_away(found, &plan);
    if policies_unread {
        plan.blocked.retain(|blocked| *blocked != Blocked::PoliciesUnresolved);
        pause = pause.or_else(|| Some(Held { how: Pause::Freeze, by: UNREAD.to_owned() }));
    }
    let metadata = &plan.beamlit.metadata;
    let remote = (plan.backend == Some(Backend::Beamlit))
        .then(|| RemoteModel { environment: metadata.environment, name: metadata.name.clone() });
    let terms = Terms::of(object.uid(), &plan, remote, pause).map_err(|error| error.to_string())?;
    let model_is_taken = plan.model_is_taken();
    let Plan { autoscaler, routing: _, beamlit: model, backend, blocked, blocked_by, policies_unread: _, open } = plan;
    Ok(What {
        leaves_something: terms.is_some() || found.beamlit || remote::was_there(object),
        has_policies: !model.spec.policies.is_empty()
            || !found.configuration.policies_of(model.metadata.environment).is_empty(),
        autoscaler,
        terms,
        model,
        backend,
        blocked,
        blocked_by,
        model_is_taken,
        policies_unread,
        open,
    })
}

/// Whether traffic is away by this very plan.
fn is_away(found: &Found, plan: &Plan) -> bool {
    let spec = plan.autoscaler.as_ref().and_then(|spec| serde_json::to_value(spec).ok());
    found.away.is_some() && found.away == spec
}

/// Has terms that were made before say what binds the weight in any case, where nobody can judge the object now: that it is disabled,
/// or offloads no more, that it is paused, and the most that it sends away.
pub(super) fn bind(terms: &mut Terms, object: &Stored<ModelDeployments>, configuration: &Configuration) {
    if sends_nothing(object) {
        terms.blocked = Some(Blocked::Disabled);
    }
    if let Some(held) = pause(object, configuration) {
        terms.pause = Some(held);
    }
    let spec = object.spec().unwrap_or_default();
    let most = spec.pointer("/offloadingConfig/behavior/percentage").and_then(Value::as_u64);
    if let Some(most) = most.and_then(|most| u8::try_from(most).ok()) {
        terms.rules.most = terms.rules.most.min(most);
    }
}

/// Who holds the weight. What brings traffic home counts before what holds it, and the platform before the object's team.
fn pause(object: &Stored<ModelDeployments>, configuration: &Configuration) -> Option<Held> {
    let held = |how, by: String| Some(Held { how, by });
    let annotation = |says: &str| format!("the annotation {} says {says}", annotation::PAUSED);
    match (configuration.pause, object.annotation(annotation::PAUSED)) {
        (Some(configuration::Pause::Home), _) => {
            held(Pause::Home, "the operator's configuration says pause: home: all traffic stays at home".to_owned())
        }
        (_, Some("home")) => held(Pause::Home, annotation("home: all traffic stays at home")),
        (Some(configuration::Pause::Freeze), _) => {
            held(Pause::Freeze, "the operator's configuration says pause: freeze: the weight is held".to_owned())
        }
        (None, Some("freeze")) => held(Pause::Freeze, annotation("freeze: the weight is held")),
        (None, Some(_)) => held(Pause::Freeze, annotation("neither freeze nor home: the weight is held")),
        (None, None) => None,
    }
}

/// Whether the object is disabled, or has no `offloadingConfig`: that much can be told of any.
fn sends_nothing(object: &Stored<ModelDeployments>) -> bool {
    let spec = object.spec().unwrap_or_default();
    let field = |name: &str| spec.get(name).cloned().unwrap_or_default();
    field("enabled") == false || field("offloadingConfig").is_null()
}

/// What the object names, whether it is there or not.
fn references(object: &Stored<ModelDeployments>) -> BTreeSet<Reference> {
    let own = object.name();
    let spec = object.spec().unwrap_or_default();
    let services = ["serviceRef", "metricServiceRef"].into_iter().filter_map(|field| {
        let reference = spec.get(field)?;
        let text = |field: &str| reference.get(field)?.as_str().filter(|text| !text.is_empty());
        Some(Reference::Service(Name::new(text("namespace").unwrap_or(own.namespace()), text("name")?)))
    });
    services.chain(workload(object).map(|(kind, name)| Reference::workload(kind, name))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::validate::validate;
    use super::*;
    use crate::engine::world::World;

    fn paused(configured: Option<configuration::Pause>, annotated: Option<&str>) -> Option<(Pause, String)> {
        let annotations = annotated.map(|says| json!({"offloading.beamlit.com/paused": says}));
        let object = serde_json::from_value(json!({"metadata": {"name": "m", "annotations": annotations}})).unwrap();
        let configuration = Configuration { pause: configured, ..Configuration::default() };
        pause(&object, &configuration).map(|held| (held.how, held.by))
    }

    #[test]
    fn home_counts_before_freeze_and_the_platform_before_the_team() {
        use configuration::Pause::{Freeze, Home};
        assert_eq!(paused(None, None), None);
        for (configured, annotated, how, by) in [
            (Some(Home), Some("freeze"), Pause::Home, "configuration"),
            (Some(Freeze), Some("home"), Pause::Home, "annotation"),
            (Some(Freeze), Some("freeze"), Pause::Freeze, "configuration"),
            (None, Some("freeze"), Pause::Freeze, "annotation"),
            (None, Some("home"), Pause::Home, "annotation"),
        ] {
            let (found, why) = paused(configured, annotated).unwrap();
            assert_eq!(found, how, "{configured:?} {annotated:?}");
            assert!(why.contains(by), "{why}");
        }
    }

    #[test]
    fn any_other_word_freezes_and_that_is_said() {
        for word in ["", "true", "Home", "yes"] {
            let (how, why) = paused(None, Some(word)).unwrap();
            assert_eq!(how, Pause::Freeze);
            assert!(why.contains("neither freeze nor home"), "{why}");
        }
    }

    /// facts/autoscaling.md: "Unknown or invalid: hold, with a condition that says why".
    #[test]
    fn what_is_away_stays_away_until_policies_on_beamlit_are_read() {
        let object = |annotations: Value| -> Stored<ModelDeployments> {
            serde_json::from_value(json!({"metadata": {"name": "m", "namespace": "a", "uid": "u", "annotations": annotations},
                "spec": {"model": "m", "modelSourceRef": {"name": "m"}, "serviceRef": {"name": "m"}, "policies": [{"name": "p"}],
                    "offloadingConfig": {"metrics": [], "remoteBackend": {"host": "a.example"}}}}))
            .unwrap()
        };
        let plain = object(json!(null));
        let what = |object: &Stored<ModelDeployments>, world: World, away: Option<&Value>| {
            let found = Found {
                world,
                configuration: Default::default(),
                beamlit: true,
                away: away.cloned(),
                template_unread: None,
            };
            build(object, &found, validate(object, &found)).what.unwrap()
        };
        let said = |what: &What| {
            let terms = what.terms.as_ref().unwrap();
            (terms.blocked, terms.pause.as_ref().map(|held| held.how), what.policies_unread)
        };
        let unlisted = World::of_cluster;
        let at_home = what(&plain, unlisted(), None);
        let blocked = (Some(Blocked::PoliciesUnresolved), None, false);
        assert_eq!(said(&at_home), blocked);
        let spec = serde_json::to_value(&at_home.autoscaler).unwrap();
        assert_eq!(said(&what(&plain, unlisted(), Some(&spec))), (None, Some(Pause::Freeze), true));
        // What somebody calls home comes home.
        let home = object(json!({"offloading.beamlit.com/paused": "home"}));
        assert_eq!(said(&what(&home, unlisted(), Some(&spec))), (None, Some(Pause::Home), true));
        // To another backend nothing was sent before, and what is read counts.
        let mut other = spec.clone();
        other["route"]["remote"]["host"] = "b.example".into();
        assert_eq!(said(&what(&plain, unlisted(), Some(&other))), blocked);
        let mut listed = unlisted();
        listed.put_remote_policies([]);
        assert_eq!(said(&what(&plain, listed, Some(&spec))), blocked);
    }

    #[test]
    fn what_it_names_is_what_it_depends_on() {
        let object = serde_json::from_value(json!({"metadata": {"name": "m", "namespace": "a"}, "spec": {
            "modelSourceRef": {"kind": "StatefulSet", "name": "w"}, "serviceRef": {"name": "s"},
            "metricServiceRef": {"name": "t", "namespace": "b"}}}))
        .unwrap();
        let all: Vec<Reference> = references(&object).into_iter().collect();
        assert_eq!(
            all,
            [
                Reference::Workload("StatefulSet", Name::new("a", "w")),
                Reference::Service(Name::new("a", "s")),
                Reference::Service(Name::new("b", "t")),
            ]
        );
    }
}
