//! The verdict of `check` is that of `kubectl apply --dry-run=server` on a real API server, manifest by manifest.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use beamlit_operator::engine::configuration::Configuration;
use beamlit_operator::engine::finding::rules::{OB008, OB017};
use beamlit_operator::engine::finding::{Rule, Severity};
use beamlit_operator::engine::manifest::{Judge, Named, Outcome};

use crate::gated;
use crate::harness::Kubectl;
use crate::manifests::{Manifest, NAMESPACE, WORLD, all};

/// How many kubectl run at a time.
const THREADS: usize = 3;

/// What `check` and kubectl say of one manifest.
struct Verdicts {
    /// Whether `check` refuses it.
    refused: bool,
    /// Whether it breaks the rules against duplicate keys and nothing else.
    duplicate_keys_alone: bool,
    /// What kubectl says.
    kubectl: crate::harness::kubectl::Output,
}

#[test]
fn check_decides_as_kubectl_apply() {
    let manifests = all();
    assert!(manifests.len() >= 200, "{} manifests", manifests.len());
    let (plane, _) = gated();
    let admin = plane.admin();
    for namespace in namespaces(&manifests) {
        admin.run(&format!("create namespace {namespace}"));
    }
    admin.in_namespace(NAMESPACE).ok_with("apply -f -", WORLD);
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    let compared = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(manifest) = manifests.get(index) else { break };
                    let file = folder.path().join(format!("{index}.yaml"));
                    std::fs::write(&file, &manifest.text).unwrap();
                    let Some(verdicts) = verdicts(admin, manifest, file.to_str().unwrap()) else { continue };
                    compared.fetch_add(1, Ordering::Relaxed);
                    if let Some(fault) = verdicts.fault() {
                        faults.lock().unwrap().push(format!("{}: {fault}\n{}", manifest.name, manifest.text));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} differences\n{}", faults.len(), faults.join("\n"));
    let compared = compared.into_inner();
    assert!(compared >= 200, "{compared} manifests were compared");
}

impl Verdicts {
    fn fault(&self) -> Option<String> {
        let admitted = self.kubectl.succeeded();
        match (self.refused, admitted) {
            // The one exception within an object: kubectl takes the last of equal keys.
            (true, true) if self.duplicate_keys_alone => None,
            (true, true) => Some("check refuses what kubectl admits".to_owned()),
            (false, false) => Some(format!("check admits what kubectl refuses: {}", self.kubectl)),
            (true, false) if self.duplicate_keys_alone => Some(format!("kubectl minds equal keys: {}", self.kubectl)),
            (true, false) | (false, true) => None,
        }
    }
}

/// None if `check` passes it over: then it has no verdict.
fn verdicts(admin: &Kubectl, manifest: &Manifest, file: &str) -> Option<Verdicts> {
    let check = manifest.check()?;
    let rules: Vec<&Rule> =
        check.findings.iter().filter(|f| f.finding.severity == Severity::Error).map(|f| f.finding.rule).collect();
    // `apply` needs a name to find the object by; only `create` lets the server make one.
    let generated = check.name.is_empty() && manifest.text.contains("generateName:");
    let verb = if generated { "create" } else { "apply" };
    let namespace = check.namespace.as_deref().unwrap_or(NAMESPACE);
    let kubectl = admin.in_namespace(namespace).run(&format!("{verb} --dry-run=server --filename {file}"));
    Some(Verdicts {
        refused: check.refused,
        duplicate_keys_alone: !rules.is_empty() && rules.iter().all(|rule| **rule == OB008),
        kubectl,
    })
}

/// The namespaces in which admitted objects stand.
fn namespaces(manifests: &[Manifest]) -> BTreeSet<String> {
    let admitted = manifests.iter().filter_map(Manifest::check).filter(|judged| !judged.refused);
    admitted.filter_map(|judged| judged.namespace).filter(|namespace| namespace != NAMESPACE).collect()
}

#[test]
fn kubectl_takes_the_same_object_twice_and_check_does_not() {
    let kubectl = gated().0.namespace("twice");
    let text = OB017.bad;
    let out = kubectl.feed("apply --dry-run=server -f -", text);
    assert!(out.succeeded(), "{out}");
    assert_eq!(out.stdout.lines().count(), 2, "{out}");
    let outcomes = Judge::new("twice", Configuration::default()).source(text.as_bytes(), Named::Explicitly);
    let [Outcome::Judged(first), Outcome::Judged(second)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert!(!first.refused && second.refused);
    assert_eq!(second.findings[0].finding.rule, &OB017);
}

#[test]
fn a_kind_in_lower_case_is_admitted_by_some_ways_of_applying_and_never_by_check() {
    // kubectl finds the resource by such a kind. What the API server does with it then depends on the resource and on the
    // way of applying: nothing to build on, and `check` refuses it like server-side apply.
    let kubectl = gated().0.namespace("lower-case");
    let model = "apiVersion: deployment.beamlit.com/v1alpha1\nkind: modeldeployment\nmetadata: {name: a}\nspec: {model: m, modelSourceRef: {name: m}}\n";
    let policy = "apiVersion: authorization.beamlit.com/v1alpha1\nkind: policy\nmetadata: {name: a}\nspec: {type: location, locations: [{type: country, name: us}]}\n";
    for (text, verb, admitted) in [
        (model, "apply", true),
        (policy, "apply", false),
        (model, "apply --server-side", false),
        (policy, "apply --server-side", false),
    ] {
        let out = kubectl.feed(&format!("{verb} --dry-run=server -f -"), text);
        assert_eq!(out.succeeded(), admitted, "{verb}\n{text}{out}");
        let outcomes = Judge::new("lower-case", Configuration::default()).source(text.as_bytes(), Named::Explicitly);
        assert!(matches!(outcomes.as_slice(), [Outcome::Judged(judged)] if judged.refused), "{outcomes:?}");
    }
}
