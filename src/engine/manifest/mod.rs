//! Whole manifests, as a file carries them: what nobody has looked at before `check` does.
//!
//! The webhook never sees a wrong kind, malformed metadata, an unknown field or a duplicate key, because the API server
//! refuses or drops them first. Here they are judged too, and the spec by the same engine ([`super::judge`]).

pub mod configuration;
mod metadata;
mod place;
mod references;
mod type_meta;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use super::compile::origin::{self, Explained};
use super::compile::{self, Plan, beamlit};
use super::configuration::Configuration;
use super::finding::rules::{OB001, OB002, OB017};
use super::finding::{At, Finding, Findings};
use super::judge::judge;
use super::parse::{Document, Mark, Member, Node, ParseError, Value, documents};
use super::schema::{Field, Shape};
use super::subject::{Kind, Reading, Surroundings};
use super::world::{Fact, Name, Resource, World};
use super::{defaults, order, validate};

use place::Places;
pub use references::Reference;
use type_meta::Known;

/// How a source was named: decides what happens to a document that is no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A file that was named, or stdin: everything in it is meant to be a manifest.
    Explicitly,
    /// Met while walking a directory, which may hold other things as well.
    Found,
}

/// What became of a document, or of an item of a List.
#[derive(Debug)]
pub enum Outcome {
    /// It was judged.
    Judged(Box<Judged>),
    /// It is somebody else's, or no manifest in a directory of other things.
    Skipped,
    /// It could not be read.
    Unreadable {
        /// Where reading stopped.
        at: Mark,
        /// Why, without quoting the content.
        message: String,
    },
}

/// An object and what was found.
#[derive(Debug, Default)]
pub struct Judged {
    /// The document in its source, from 0.
    pub document: usize,
    /// The item in its List, from 0; none outside of one.
    pub item: Option<usize>,
    /// The object's apiVersion; empty if there is none that is a text.
    pub api_version: String,
    /// The object's kind; empty if there is none that is a text.
    pub kind: String,
    /// The namespace in which the object is judged; none if nobody knows its kind.
    pub namespace: Option<String>,
    /// The object's name; empty if it has none.
    pub name: String,
    /// What was found, in schema order.
    pub findings: Vec<Placed>,
    /// How many findings there are beyond those kept.
    pub more: usize,
    /// Whether the object is refused.
    pub refused: bool,
    /// What it refers to and nobody could look up, each once.
    pub unknown: Vec<Reference>,
    /// What it was compiled to, where that was asked for and it is admitted.
    pub compiled: Option<Compiled>,
}

/// What an object was compiled to.
#[derive(Debug)]
pub enum Compiled {
    /// The plan of a ModelDeployment, and where each of its values comes from.
    ModelDeployment(Box<Plan>, Vec<Explained>),
    /// A Policy as Beamlit is sent it.
    Policy(beamlit::Policy),
}

impl Judged {
    /// With what was found in the object.
    fn with(mut self, object: &Node<'_>, findings: &Findings) -> Self {
        self.refused = findings.refuse();
        self.more = findings.more();
        let mut places = Places::new(object);
        let placed = |finding: &Finding| Placed { finding: finding.clone(), at: places.of(finding) };
        self.findings = findings.list().iter().map(placed).collect();
        self
    }
}

/// A finding and its place in the source.
#[derive(Debug)]
pub struct Placed {
    /// The finding.
    pub finding: Finding,
    /// Where it sits.
    pub at: Mark,
}

/// What somebody does to an object before it is judged.
struct Change(Box<dyn FnMut(&mut Node<'_>) + Send + Sync>);

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Change")
    }
}

/// Judges the manifests of one run, and remembers which objects it has seen.
#[derive(Debug)]
pub struct Judge {
    namespace: String,
    /// What counts more than the domain that a configuration among the files names.
    cluster_domain: Option<String>,
    configuration: Configuration,
    /// What all the files say together.
    world: World,
    /// The source and line of each object's name.
    seen: HashMap<(Kind, String, String), (usize, u32)>,
    /// How many sources were begun.
    sources: usize,
    /// Whether what is admitted is compiled as well.
    compiles: bool,
    /// What is tried out, and on which ModelDeployment.
    change: Option<(Name, Change)>,
}

impl Judge {
    /// A judge that has seen nothing, and puts objects without a namespace into the default one.
    #[must_use]
    pub fn new(default_namespace: &str, configuration: Configuration) -> Self {
        Self {
            namespace: default_namespace.to_owned(),
            cluster_domain: None,
            configuration,
            world: World::of_files(),
            seen: HashMap::new(),
            sources: 0,
            compiles: false,
            change: None,
        }
    }

    /// The same judge, which compiles what it admits.
    #[must_use]
    pub fn compiling(mut self) -> Self {
        self.compiles = true;
        self
    }

    /// The same judge, which has a ModelDeployment changed before it judges it: what is changed is judged and compiled as if it were
    /// written so.
    #[must_use]
    pub fn changing(
        mut self,
        namespace: &str,
        name: &str,
        change: impl FnMut(&mut Node<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.change = Some((Name::new(namespace, name), Change(Box::new(change))));
        self
    }

    /// The same judge in a cluster of this DNS domain, whatever a configuration among the files says.
    #[must_use]
    pub fn in_cluster_domain(mut self, cluster_domain: Option<&str>) -> Self {
        self.cluster_domain = cluster_domain.map(ToOwned::to_owned);
        self
    }

    /// Takes in what one source says of objects to which others may refer. Whoever wants its files to be one world has all of
    /// them learnt before the first is judged.
    pub fn learn(&mut self, bytes: &[u8]) {
        for Document { content, .. } in documents(bytes) {
            match content {
                Ok(list) if is_list(&list) => unroll(list, &mut |object| self.learn_of(&object)),
                Ok(object) => self.learn_of(&object),
                // It is told of when it is judged.
                Err(_) => {}
            }
        }
    }

    fn learn_of(&mut self, object: &Node<'_>) {
        let text = |key: &str| object.text_of(key).unwrap_or_default();
        let resource = Resource::of(text("apiVersion"), text("kind"));
        // Of two ModelDeployments that lay claim to one thing the later is at fault: they are taken in one by one.
        if let Some(resource) = resource.filter(|resource| *resource != Resource::ModelDeployments)
            && let Some(fact) = Fact::of_file(resource, object, &self.namespace)
        {
            self.world.put(fact);
        }
    }

    /// Judges every document of one source.
    pub fn source(&mut self, bytes: &[u8], named: Named) -> Vec<Outcome> {
        self.sources += 1;
        let mut out = Vec::new();
        for Document { index, content } in documents(bytes) {
            match content {
                Ok(list) if is_list(&list) => {
                    let mut items = 0;
                    unroll(list, &mut |item| {
                        out.push(self.object(item, index, Some(items), named));
                        items += 1;
                    });
                }
                Ok(node) => out.push(self.object(node, index, None, named)),
                Err(ParseError { at, message }) => out.push(Outcome::Unreadable { at, message }),
            }
        }
        out
    }

    fn object(&mut self, mut object: Node<'_>, document: usize, item: Option<usize>, named: Named) -> Outcome {
        let text = |keys: &[&str]| object.find(keys).and_then(Node::text).unwrap_or_default().to_owned();
        let mut judged = Judged {
            document,
            item,
            api_version: text(&["apiVersion"]),
            kind: text(&["kind"]),
            name: text(&["metadata", "name"]),
            ..Judged::default()
        };
        let findings = match type_meta::known(&object) {
            Known::Foreign => return Outcome::Skipped,
            Known::NoManifest(_) if named == Named::Found && !type_meta::has_our_fields(&object) => {
                return Outcome::Skipped;
            }
            Known::NoManifest(findings) | Known::Wrong(findings) => findings,
            Known::Configuration => configuration::findings(&object, self.cluster_domain.as_deref()),
            Known::Ours(kind) => {
                let named = text(&["metadata", "namespace"]);
                let namespace = if named.is_empty() { self.namespace.clone() } else { named };
                if let Some((whose, Change(change))) = &mut self.change
                    && kind == Kind::ModelDeployment
                    && (whose.namespace(), whose.name()) == (&*namespace, &*judged.name)
                {
                    change(&mut object);
                }
                let written = self.compiles.then(|| object.clone());
                _ = defaults::apply(kind, &mut object);
                let findings = self.ours(kind, &object, &namespace);
                judged.compiled =
                    written.and_then(|written| self.compiled(kind, &object, &written, &namespace, &findings));
                judged.unknown =
                    references::unknown(kind, &object, &self.surroundings(&object, &namespace), findings.list());
                if kind == Kind::ModelDeployment
                    && let Some(fact) = Fact::of(Resource::ModelDeployments, &object, &namespace)
                {
                    self.world.put(fact);
                }
                judged.namespace = Some(namespace);
                findings
            }
        };
        Outcome::Judged(Box::new(judged.with(&object, &findings)))
    }

    fn ours(&mut self, kind: Kind, object: &Node<'_>, namespace: &str) -> Findings {
        let mut out = Findings::default();
        validate::keys(&mut out, &At::root(), object, &TOP_LEVEL);
        metadata::judge(&mut out, object);
        self.twice(&mut out, kind, object, namespace);
        out.append(judge(kind, object, &self.surroundings(object, namespace), Reading::File));
        out.sort_by(|a, b| order::compare(kind, a, b).then_with(|| metadata::compare(a, b)));
        out
    }

    /// `written` is the object without its defaults.
    fn compiled(
        &self,
        kind: Kind,
        object: &Node<'_>,
        written: &Node<'_>,
        namespace: &str,
        findings: &Findings,
    ) -> Option<Compiled> {
        let surroundings = self.surroundings(object, namespace);
        match kind {
            // It is what others are compiled to.
            Kind::OffloadAutoscaler => None,
            _ if findings.refuse() => None,
            Kind::ModelDeployment => {
                let plan = compile::compile(object, &surroundings, findings).ok()?;
                let explained = origin::explain(&plan, written);
                Some(Compiled::ModelDeployment(Box::new(plan), explained))
            }
            Kind::Policy => compile::compile_policy(object, &surroundings, findings).ok().map(Compiled::Policy),
        }
    }

    fn surroundings<'s>(&'s self, object: &'s Node<'_>, namespace: &'s str) -> Surroundings<'s> {
        let name = object.find(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
        Surroundings { namespace, name, configuration: &self.configuration, world: &self.world }
    }

    /// Reports an object that this run has seen already: the later one would take the place of the earlier.
    fn twice(&mut self, out: &mut Findings, kind: Kind, object: &Node<'_>, namespace: &str) {
        let Some(node) = object.find(&["metadata", "name"]) else { return };
        let Some(name) = node.text().filter(|name| !name.is_empty()) else { return };
        match self.seen.entry((kind, namespace.to_owned(), name.to_owned())) {
            Entry::Vacant(entry) => _ = entry.insert((self.sources, node.at.line)),
            Entry::Occupied(entry) => {
                let (source, line) = *entry.get();
                let source = if source == self.sources { "this file" } else { "an earlier file" };
                let message = format!("the same object stands on line {line} of {source} already");
                let root = At::root();
                out.add(Finding::new(&OB017, &root.field("metadata").field("name"), message).value(name));
            }
        }
    }
}

/// Calls for every item of a List, and of Lists inside of it, as kubectl unrolls them.
fn unroll<'a>(mut list: Node<'a>, call: &mut impl FnMut(Node<'a>)) {
    let inherited = ["apiVersion", "kind"].map(|key| list.get(key).cloned());
    let Some(Node { value: Value::List(items), .. }) = list.get_mut("items") else { return };
    for mut item in std::mem::take(items) {
        if is_list(&item) {
            unroll(item, call);
        } else {
            inherit(&mut item, &inherited);
            call(item);
        }
    }
}

fn is_list(node: &Node<'_>) -> bool {
    node.text_of("kind").is_some_and(|kind| kind.ends_with("List"))
        && matches!(node.get("items"), Some(Node { value: Value::List(_), .. }))
}

/// An item without type meta has that of its List, as in kubectl.
fn inherit<'a>(item: &mut Node<'a>, [api_version, kind]: &[Option<Node<'a>>; 2]) {
    let bare = ["apiVersion", "kind"].iter().all(|key| item.get(key).is_none());
    let kind_of_item = kind.as_ref().and_then(Node::text).and_then(|kind| kind.strip_suffix("List"));
    let (Some(api_version), Some(kind), true) = (api_version, kind_of_item.filter(|kind| !kind.is_empty()), bare)
    else {
        return;
    };
    if let Value::Map(members) = &mut item.value {
        let kind = Node::new(Value::Text(kind.to_owned().into()));
        for (key, value) in [("apiVersion", Node::new(api_version.value.clone())), ("kind", kind)] {
            members.push(Member { key: key.into(), key_at: Mark::default(), value });
        }
    }
}

/// The fields of an object, in the order in which people write them.
const TOP_LEVEL: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

fn field(name: &str, required: bool, shape: Shape) -> Field {
    Field { name: name.to_owned(), required, shape }
}

fn text(min: usize) -> Shape {
    Shape::Text { min, max: usize::MAX, allowed: Vec::new() }
}

fn wrong_type(at: &At<'_>, node: &Node<'_>, wanted: &str) -> Finding {
    Finding::new(&OB001, at, format!("must be {wanted}, not {}", node.type_name()))
}

fn required(at: &At<'_>, message: &str) -> Finding {
    Finding::new(&OB002, at, message)
}

#[cfg(test)]
mod tests;
