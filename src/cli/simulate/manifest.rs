//! The ModelDeployment that is simulated: read, judged, chosen, changed and compiled.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::settings::Setting;
use crate::api::OffloadAutoscalerSpec;
use crate::cli::check::{self, Given, Place};
use crate::cli::{Exit, complain, usage};
use crate::engine::compile::{Blocked, Plan};
use crate::engine::finding::escaped;
use crate::engine::manifest::Compiled as Manifest;

/// What decides.
pub(super) struct Compiled {
    /// The object's name.
    pub name: String,
    /// The compiled autoscaler.
    pub spec: OffloadAutoscalerSpec,
    /// Why nothing may be sent away.
    pub blocked: Option<Blocked>,
    /// What else is known of it.
    pub notes: Vec<String>,
}

/// Files that were read, and how to find things in them.
pub(super) struct Files<'p>(check::Files<'p>);

impl<'p> Files<'p> {
    pub(super) fn read(paths: &'p [PathBuf], place: &'p Place) -> Self {
        Self(check::Files::read(paths, place))
    }

    /// The ModelDeployment of that name, or the only one, with values set in it, compiled.
    pub(super) fn compiled(&self, name: Option<&str>, settings: &[Setting]) -> Result<Compiled, Exit> {
        let chosen = choose(deployments(self.0.given(|judge| judge)), name)?;
        if settings.is_empty() {
            return compiled(chosen);
        }
        let fault = Arc::new(OnceLock::new());
        let (settings, told) = (settings.to_vec(), Arc::clone(&fault));
        let again = self.0.given(|judge| {
            judge.changing(&chosen.namespace, &chosen.name, move |object| {
                if let Some(fault) = settings.iter().find_map(|setting| setting.apply(object).err()) {
                    // Of a ModelDeployment that is there twice the first is told.
                    _ = told.set(fault);
                }
            })
        });
        if let Some(fault) = fault.get() {
            return Err(usage(fault));
        }
        let found = deployments(again)?.into_iter().find(|given| given.is(&chosen.namespace, &chosen.name));
        found.map_or(Err(Exit::Internal), compiled)
    }
}

/// A ModelDeployment that was admitted.
struct Chosen {
    namespace: String,
    name: String,
    plan: Plan,
}

impl Chosen {
    fn is(&self, namespace: &str, name: &str) -> bool {
        (&*self.namespace, &*self.name) == (namespace, name)
    }

    fn full_name(&self) -> String {
        format!("{}/{}", escaped(&self.namespace), escaped(&self.name))
    }
}

fn deployments(given: Result<Vec<Given>, Exit>) -> Result<Vec<Chosen>, Exit> {
    let given = match given {
        Ok(given) => given,
        Err(Exit::Nothing) => Vec::new(),
        Err(exit) => return Err(exit),
    };
    let deployments = given.into_iter().filter_map(|Given { source: _, namespace, name, compiled }| match compiled {
        Manifest::ModelDeployment(plan, _) => Some(Chosen { namespace, name, plan: *plan }),
        Manifest::Policy(_) => None,
    });
    Ok(deployments.collect())
}

fn compiled(chosen: Chosen) -> Result<Compiled, Exit> {
    let full_name = chosen.full_name();
    let Plan { autoscaler, routing: _, beamlit: _, backend: _, blocked, blocked_by: _, policies_unread: _, open: _ } =
        chosen.plan;
    let Some(spec) = autoscaler else {
        complain(&format!("ModelDeployment {full_name} has no offloadingConfig: nothing is ever sent away"));
        return Err(Exit::Nothing);
    };
    // What is missing here may be there in a cluster: who simulates wants to see what happens then.
    let disabled = blocked.iter().copied().find(|blocked| *blocked == Blocked::Disabled);
    let notes = blocked.iter().filter(|blocked| **blocked != Blocked::Disabled);
    let notes = notes.map(|blocked| format!("as these files stand nothing may be sent away: {blocked}")).collect();
    Ok(Compiled { name: chosen.name, spec, blocked: disabled, notes })
}

/// How many names a message lists.
const MAX_NAMES: usize = 10;

fn choose(found: Result<Vec<Chosen>, Exit>, name: Option<&str>) -> Result<Chosen, Exit> {
    let found = found?;
    let names: Vec<String> = found.iter().take(MAX_NAMES).map(|chosen| escaped(&chosen.name).to_string()).collect();
    let names = match found.len().saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    };
    let matching = found.into_iter().filter(|chosen| name.is_none_or(|name| chosen.name == name));
    let mut matching: Vec<Chosen> = matching.collect();
    match (matching.len(), name) {
        (1, _) => matching.pop().ok_or(Exit::Internal),
        (0, None) => {
            complain("there is no ModelDeployment");
            Err(Exit::Nothing)
        }
        (0, Some(name)) => Err(usage(&format!("no ModelDeployment is called {}; there are: {names}", escaped(name)))),
        (_, None) => Err(usage(&format!("there are several ModelDeployments: {names}; choose one with --name"))),
        (_, Some(name)) => {
            Err(usage(&format!("several ModelDeployments are called {}, in different namespaces", escaped(name))))
        }
    }
}
