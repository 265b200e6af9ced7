//! What was compiled, as objects to apply or as whole plans.

use std::io::{self, Write};

use serde::Serialize;

use crate::api::{DEPLOYMENT_API_VERSION, OffloadAutoscalerSpec};
use crate::cli::check::Given;
use crate::cli::output;
use crate::engine::compile::{Plan, Routing, beamlit};
use crate::engine::finding::escaped;
use crate::engine::manifest::Compiled;

/// An OffloadAutoscaler, ready to be applied.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'p> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'p>,
    spec: &'p OffloadAutoscalerSpec,
}

/// An object that has no name yet is given one when its ModelDeployment is.
#[derive(Serialize)]
struct Metadata<'p> {
    namespace: &'p str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'p str,
}

/// A List, which kubectl applies as it does a file with several documents.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'p> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Object<'p>>,
}

/// Everything that an object comes to.
#[derive(Serialize)]
struct Whole<'p> {
    source: &'p str,
    kind: &'static str,
    namespace: &'p str,
    name: &'p str,
    #[serde(flatten)]
    what: What<'p>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum What<'p> {
    ModelDeployment {
        #[serde(skip_serializing_if = "Option::is_none")]
        autoscaler: Option<&'p OffloadAutoscalerSpec>,
        #[serde(skip_serializing_if = "Option::is_none")]
        routing: Option<&'p Routing>,
        beamlit: &'p beamlit::Model,
        /// Why nothing may be sent away, whatever the metrics say.
        blocked: Vec<String>,
        /// What could not be resolved, and why.
        open: Vec<String>,
    },
    Policy {
        beamlit: &'p beamlit::Policy,
    },
}

/// One document with everything.
#[derive(Serialize)]
struct Plans<'p> {
    version: u8,
    plans: Vec<Whole<'p>>,
}

/// Writes the objects that can be applied.
pub(super) fn objects(out: &mut dyn Write, given: &[Given], json: bool) -> io::Result<()> {
    let all = given.iter().filter_map(|given| {
        let Compiled::ModelDeployment(plan, _) = &given.compiled else { return None };
        let spec = plan.autoscaler.as_ref()?;
        let metadata = Metadata { namespace: &given.namespace, name: &given.name };
        Some((given, plan, Object { api_version: DEPLOYMENT_API_VERSION, kind: "OffloadAutoscaler", metadata, spec }))
    });
    if json {
        let items = all.map(|(_, _, object)| object).collect();
        return output::json(out, &List { api_version: "v1", kind: "List", items });
    }
    for (index, (given, plan, object)) in all.enumerate() {
        if index > 0 {
            writeln!(out, "---")?;
        }
        writeln!(out, "# {}/{} of {}", escaped(&given.namespace), escaped(&given.name), escaped(&given.source))?;
        for blocked in &plan.blocked {
            writeln!(out, "# nothing leaves: {blocked}")?;
        }
        for open in &plan.open {
            writeln!(out, "# open: {open}")?;
        }
        yaml(out, &object)?;
    }
    Ok(())
}

/// Writes everything that is made true.
pub(super) fn plans(out: &mut dyn Write, given: &[Given], json: bool) -> io::Result<()> {
    let plans = given.iter().map(whole).collect::<Vec<_>>();
    if json {
        return output::json(out, &Plans { version: 1, plans });
    }
    for (index, plan) in plans.iter().enumerate() {
        if index > 0 {
            writeln!(out, "---")?;
        }
        yaml(out, plan)?;
    }
    Ok(())
}

fn whole(given: &Given) -> Whole<'_> {
    let Given { source, namespace, name, compiled } = given;
    let (kind, what) = match compiled {
        Compiled::ModelDeployment(plan, _) => {
            let Plan { autoscaler, routing, beamlit, backend: _, blocked, blocked_by: _, policies_unread: _, open } =
                plan.as_ref();
            let what = What::ModelDeployment {
                autoscaler: autoscaler.as_ref(),
                routing: routing.as_ref(),
                beamlit,
                blocked: blocked.iter().map(ToString::to_string).collect(),
                open: open.iter().map(ToString::to_string).collect(),
            };
            ("ModelDeployment", what)
        }
        Compiled::Policy(policy) => ("Policy", What::Policy { beamlit: policy }),
    };
    Whole { source, kind, namespace, name, what }
}

fn yaml(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    // A reader of YAML 1.1, as kubectl is, must not take a text for a boolean or a number: the writer quotes for it.
    let text = serde_saphyr::to_string(document).map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}
