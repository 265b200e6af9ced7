//! What a ModelDeployment comes to as far as deciding its weight needs it: written by its reconciler, read at every decision.

use std::collections::BTreeMap;

use crate::api::OffloadAutoscalerSpec;
use crate::engine::compile::{Blocked, Plan, Routing, annotations};
use crate::engine::world::{Name, Workload};
use crate::offload::decide::{OutOfRange, Rules};
use crate::offload::evaluate::Tolerance;
use crate::offload::observation::Pause;

use super::metrics::Query;

/// What a weight is decided by.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// The uid of the ModelDeployment.
    pub(super) uid: String,
    /// What it was compiled to.
    pub(super) spec: OffloadAutoscalerSpec,
    /// The same, as the decision reads it.
    pub(super) rules: Rules,
    /// How far a metric may be from its target, as a metric is evaluated by it.
    pub(super) tolerance: Tolerance,
    /// What the source of each metric is asked, in the order of the spec.
    pub(super) queries: Vec<Option<Query>>,
    /// The workload whose metrics decide; none of a kind that there is not.
    pub(super) workload: Option<(Workload, Name)>,
    /// The Service whose traffic is sent away.
    pub(super) service: Name,
    /// What the Service says with all traffic at home.
    pub(super) at_rest: BTreeMap<&'static str, String>,
    /// Why nothing may be sent away; the first of the reasons.
    pub(super) blocked: Option<Blocked>,
    /// The model on Beamlit that must be deployed before traffic goes there; none for any other backend.
    pub(super) remote: Option<RemoteModel>,
    /// Who holds the weight.
    pub(super) pause: Option<Held>,
    /// Whether all that it refers to in other namespaces was granted; otherwise nothing is written there.
    pub(super) granted: bool,
    /// Whether the Service is its own to route; otherwise another object had it first.
    pub(super) has_service: bool,
}

/// A model on Beamlit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RemoteModel {
    /// Its environment.
    pub(super) environment: &'static str,
    /// Its name.
    pub(super) name: String,
}

/// A weight that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// How.
    pub(super) how: Pause,
    /// By what, for people.
    pub(super) by: String,
}

impl Terms {
    /// What a plan comes to; none where nothing is ever sent away.
    ///
    /// # Errors
    /// If a value of the plan is out of its range, which the judge does not let happen.
    pub(super) fn of(
        uid: &str,
        plan: &Plan,
        remote: Option<RemoteModel>,
        pause: Option<Held>,
    ) -> Result<Option<Self>, OutOfRange> {
        let (Some(spec), Some(Routing { namespace, name, annotations })) = (&plan.autoscaler, &plan.routing) else {
            return Ok(None);
        };
        let rules = Rules::of(spec)?;
        let target = &spec.scale_target_ref;
        // What nobody granted is not looked at.
        let granted = !plan.blocked.contains(&Blocked::NotGranted);
        let kind = Workload::of(&target.kind).filter(|_| granted);
        let query = |metric| Query::of(metric, &target.namespace).filter(|_| granted);
        Ok(Some(Self {
            uid: uid.to_owned(),
            tolerance: Tolerance { up: rules.up.tolerance, down: rules.down.tolerance },
            queries: spec.metrics.iter().map(query).collect(),
            rules,
            workload: kind.map(|kind| (kind, Name::new(&target.namespace, &target.name))),
            service: Name::new(namespace, name),
            at_rest: annotations.clone(),
            blocked: plan.blocked.first().copied(),
            granted,
            has_service: !plan.service_is_taken(),
            remote,
            pause,
            spec: spec.clone(),
        }))
    }

    /// The namespace of the ModelDeployment.
    #[must_use]
    pub(super) fn namespace(&self) -> &str {
        let owner = self.at_rest.get(annotations::MANAGED_BY).and_then(|owner| owner.split_once('/'));
        owner.map_or("", |(namespace, _)| namespace)
    }

    /// Whether anything may be written on the Service.
    #[must_use]
    pub(super) const fn routes(&self) -> bool {
        self.granted && self.has_service
    }

    /// Whether another object stands in the way. Of several reasons [`Terms::blocked`] has the first; whose the Service is is known in any
    /// case.
    #[must_use]
    pub(super) fn is_contested(&self) -> bool {
        self.blocked == Some(Blocked::Contested) || !self.has_service
    }

    /// What the Service says at a weight.
    #[must_use]
    pub(super) fn annotations(&self, weight: u8) -> BTreeMap<&'static str, String> {
        let mut all = self.at_rest.clone();
        all.insert(annotations::LOCAL_WEIGHT, 100_u8.saturating_sub(weight).to_string());
        all.insert(annotations::REMOTE_WEIGHT, weight.min(100).to_string());
        all
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::engine::Surroundings;
    use crate::engine::compile::compile;
    use crate::engine::finding::Findings;
    use crate::engine::parse::{JsonLimits, from_json};

    /// What a ModelDeployment without metrics comes to, with a backend of its own or with Beamlit's.
    pub(in crate::controller) fn plan(own: bool) -> Plan {
        let backend = if own { r#","remoteBackend":{"host":"a.example"}"# } else { "" };
        let object = format!(
            r#"{{"metadata":{{"name":"m"}},"spec":{{"model":"m","modelSourceRef":{{"name":"m"}},"serviceRef":{{"name":"m"}},
                "offloadingConfig":{{"metrics":[]{backend}}}}}}}"#
        );
        let node = from_json(object.as_bytes(), JsonLimits::UniqueKeys).unwrap();
        let surroundings = Surroundings { name: "m", ..Surroundings::alone("default") };
        compile(&node, &surroundings, &Findings::default()).unwrap()
    }

    /// By what its weight is decided.
    pub(in crate::controller) fn terms(own: bool) -> Terms {
        Terms::of("uid", &plan(own), None, None).unwrap().unwrap()
    }

    #[test]
    fn the_weights_of_a_service_make_a_hundred() {
        let terms = terms(true);
        for (weight, local, remote) in [(0, "100", "0"), (30, "70", "30"), (100, "0", "100")] {
            let says = terms.annotations(weight);
            assert_eq!(
                (says[annotations::LOCAL_WEIGHT].as_str(), says[annotations::REMOTE_WEIGHT].as_str()),
                (local, remote)
            );
            assert_eq!(says[annotations::MANAGED_BY], "default/m");
            assert_eq!(says.len(), annotations::ALL.len());
        }
    }
}
