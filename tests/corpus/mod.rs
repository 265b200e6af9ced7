//! The corpus: manifests, good and bad, on which `check`, the webhook and a real API server must agree.

use beamlit_operator::engine::configuration::Configuration;
use beamlit_operator::engine::finding::rules::{self, Example, Reported, Rule};
use beamlit_operator::engine::manifest::{Judge, Judged, Named, Outcome};
use beamlit_operator::engine::parse::documents;
use serde_json::{Value as Json, json};

mod example;
use example::{read, whole};

/// One object as a file carries it.
pub(crate) struct Manifest {
    /// What it is, and where it is from.
    pub(crate) name: String,
    /// The document as it was written.
    pub(crate) text: String,
}

/// The namespace of an object that names none.
pub(crate) const NAMESPACE: &str = "default";

/// What is there already when a manifest is judged.
pub(crate) const WORLD: &str = include_str!("world.yaml");

/// The documents of `tests/corpus/*.yaml`.
const FILES: [(&str, &str); 8] = [
    ("autoscalers", include_str!("autoscalers.yaml")),
    ("good", include_str!("good.yaml")),
    ("limits", include_str!("limits.yaml")),
    ("metadata", include_str!("metadata.yaml")),
    ("policies", include_str!("policies.yaml")),
    ("references", include_str!("references.yaml")),
    ("spelling", include_str!("spelling.yaml")),
    ("types", include_str!("types.yaml")),
];

/// Every manifest of the corpus.
pub(crate) fn all() -> Vec<Manifest> {
    // A configuration is no object of a cluster.
    let of_objects = rules::all().filter(|rule| rule.reported != Reported::Configuration);
    let mut all: Vec<Manifest> = of_objects.flat_map(examples).collect();
    all.extend(metrics());
    all.extend(FILES.iter().flat_map(|(file, text)| written(file, text)));
    all
}

impl Manifest {
    /// What `check` says of it, and what `compile` makes of it; none if it is somebody else's.
    pub(crate) fn check(&self) -> Option<Judged> {
        let mut judge = Judge::new(NAMESPACE, Configuration::default()).compiling();
        judge.learn(WORLD.as_bytes());
        let mut outcomes = judge.source(self.text.as_bytes(), Named::Explicitly);
        assert_eq!(outcomes.len(), 1, "{}: not one object", self.name);
        match outcomes.remove(0) {
            Outcome::Judged(judged) => Some(*judged),
            Outcome::Skipped => None,
            Outcome::Unreadable { message, .. } => panic!("{}: {message}", self.name),
        }
    }

    /// The object as JSON, of equal keys the last, as kubectl sends it; none if it holds a number that JSON does not have.
    #[allow(dead_code, reason = "the cluster tests hand out the files as they are")]
    pub(crate) fn json(&self) -> Option<Json> {
        documents(self.text.as_bytes()).next()?.content.ok()?.json()
    }
}

/// Both examples of a rule, document by document.
fn examples(rule: &'static Rule) -> impl Iterator<Item = Manifest> {
    [("bad", rule.bad), ("good", rule.good)].into_iter().flat_map(move |(which, text)| {
        let texts: Vec<String> = match rule.example {
            Example::Documents => text.split("---\n").map(str::to_owned).collect(),
            // What is judged with them around is another test's business; here each is judged alone.
            Example::World | Example::Update | Example::Deletion => {
                text.split("---\n").filter(|text| is_ours(text)).map(str::to_owned).collect()
            }
            Example::ModelDeployment | Example::Policy => vec![whole(rule, text)],
        };
        texts.into_iter().map(move |text| Manifest { name: format!("{which} example of {}", rule.code), text })
    })
}

fn is_ours(text: &str) -> bool {
    ["kind: ModelDeployment\n", "kind: Policy\n"].iter().any(|kind| text.contains(kind))
}

/// Every metric of the HPA cases in a ModelDeployment.
fn metrics() -> impl Iterator<Item = Manifest> {
    let cases: Json = serde_json::from_str(include_str!("../hpa/cases.json")).unwrap();
    let cases = cases["cases"].as_array().unwrap().clone();
    cases.into_iter().map(|case| {
        let mut object = read(rules::MODEL_DEPLOYMENT);
        object["spec"]["offloadingConfig"] = json!({"metrics": [case["metric"]]});
        Manifest { name: format!("metric: {}", case["name"].as_str().unwrap()), text: object.to_string() }
    })
}

/// The documents of a file, each under the comment that leads it.
fn written(file: &str, text: &str) -> Vec<Manifest> {
    text.split("\n---\n")
        .map(|text| {
            let comment = text.lines().find_map(|line| line.strip_prefix("# "));
            let comment = comment.unwrap_or_else(|| panic!("{file}: a document does not say what it is:\n{text}"));
            Manifest { name: format!("{file}: {comment}"), text: format!("{text}\n") }
        })
        .collect()
}
