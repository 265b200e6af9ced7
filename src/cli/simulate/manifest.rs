//! The ModelDeployment that is simulated: read, judged, chosen, changed and compiled.

use std::path::PathBuf;

use super::compiled::{self, Compiled};
use super::settings;
use crate::cli::{Exit, check, complain};
use crate::engine::configuration::Configuration;
use crate::engine::finding::{Severity, escaped};
use crate::engine::parse::{Node, Value, documents};
use crate::engine::world::{Fact, Resource, World};
use crate::engine::{Kind, Reading, Surroundings, defaults, judge};

/// Files that were judged, and how to find things in them.
pub(super) struct Files {
    given: check::Given,
    namespace: String,
}

impl Files {
    /// Reads and judges them.
    pub(super) fn read(paths: &[PathBuf], namespace: &str) -> Result<Self, Exit> {
        Ok(Self { given: check::given(paths, namespace)?, namespace: namespace.to_owned() })
    }

    /// The ModelDeployment of that name, or the only one, with values set in it, compiled.
    pub(super) fn compiled(&self, name: Option<&str>, set: &[String]) -> Result<Compiled, Exit> {
        let mut world = World::of_files();
        let mut found = Vec::new();
        for (_, bytes) in &self.given.sources {
            for document in documents(bytes).filter_map(|document| document.content.ok()) {
                self.gather(document, &mut world, &mut found);
            }
        }
        let mut chosen = choose(found, name)?;
        settings::apply(&mut chosen, set).map_err(|message| usage(&message))?;
        let namespace = namespace_of(&chosen, &self.namespace).to_owned();
        let name = name_of(&chosen).to_owned();
        if chosen.find(&["spec", "offloadingConfig"]).is_none() {
            let (namespace, name) = (escaped(&namespace), escaped(&name));
            complain(&format!("ModelDeployment {namespace}/{name} has no offloadingConfig: nothing is ever sent away"));
            return Err(Exit::Nothing);
        }
        let configuration = Configuration::default();
        let surroundings =
            Surroundings { namespace: &namespace, name: &name, configuration: &configuration, world: &world };
        if !set.is_empty() {
            let findings = judge(Kind::ModelDeployment, &chosen, &surroundings, Reading::File);
            if findings.refuse() {
                for finding in findings.of(Severity::Error) {
                    complain(&format!("with {}: {finding}", escaped(&set.join(","))));
                }
                return Err(Exit::Refused);
            }
        }
        compiled::compile(&chosen, &surroundings).map_err(|message| {
            complain(&message);
            Exit::Refused
        })
    }

    /// Takes in what others refer to, and keeps the ModelDeployments. Items of Lists are objects as well.
    fn gather<'a>(&self, mut object: Node<'a>, world: &mut World, found: &mut Vec<Node<'a>>) {
        if object.text_of("kind").is_some_and(|kind| kind.ends_with("List"))
            && let Some(Node { value: Value::List(items), .. }) = object.get_mut("items")
        {
            for item in std::mem::take(items) {
                self.gather(item, world, found);
            }
            return;
        }
        let text = |key: &str| object.text_of(key).unwrap_or_default();
        match Resource::of(text("apiVersion"), text("kind")) {
            Some(Resource::ModelDeployments) => {
                _ = defaults::apply(Kind::ModelDeployment, &mut object);
                found.push(object);
            }
            Some(resource) => {
                if let Some(fact) = Fact::of(resource, &object, &self.namespace) {
                    world.put(fact);
                }
            }
            None => {}
        }
    }
}

fn usage(message: &str) -> Exit {
    complain(message);
    Exit::Usage
}

fn name_of<'n>(object: &'n Node<'_>) -> &'n str {
    object.find(&["metadata", "name"]).and_then(Node::text).unwrap_or_default()
}

fn namespace_of<'n>(object: &'n Node<'_>, default: &'n str) -> &'n str {
    object.find(&["metadata", "namespace"]).and_then(Node::text).filter(|name| !name.is_empty()).unwrap_or(default)
}

/// How many names a message lists.
const MAX_NAMES: usize = 10;

fn choose<'a>(found: Vec<Node<'a>>, name: Option<&str>) -> Result<Node<'a>, Exit> {
    let names: Vec<String> = found.iter().take(MAX_NAMES).map(|object| escaped(name_of(object)).to_string()).collect();
    let names = match found.len().saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    };
    let mut matching: Vec<Node<'a>> =
        found.into_iter().filter(|object| name.is_none_or(|name| name_of(object) == name)).collect();
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
