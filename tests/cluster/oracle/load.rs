//! Load that follows the weight, as behind a data plane: what leaves is not served at home, and must not come back for that.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{annotation, offloads};
use crate::harness::simulation::Simulation;
use crate::harness::workload::{Workload, from_the_beginning, manifest};
use crate::harness::{Kubectl, poll};
use crate::offloading::{cpu, wait_for_weight};
use crate::reconciled;

/// What each pod would use of its CPU if all traffic were at home: half of the target of 90 %, and half as much again as the target.
const LITTLE: f64 = 450.0;
const MUCH: f64 = 1350.0;

/// For how long the weight must stay where it is: several samples, each over ten seconds.
const STEADY: Duration = Duration::from_secs(25);

/// A workload behind a data plane.
struct Served {
    name: &'static str,
    workload: Workload,
    /// What was last set.
    uses: String,
    /// The weight at each look.
    weights: Vec<u8>,
}

impl Served {
    fn create(kubectl: &Kubectl, name: &'static str, strategy: &str) -> Self {
        let uses = usage(LITTLE, 0);
        let manifest = from_the_beginning(manifest("Deployment", name, 2), &[("cpu", &uses)]);
        let workload = Workload::create(kubectl, &manifest, 2);
        offloads(kubectl, &workload, (name, "Deployment"), &json!([cpu(90)]), 15);
        let strategy = json!({"spec": {"offloadingConfig": {"behavior": {"strategy": strategy}}}}).to_string();
        let out = kubectl.call(&["patch", "mdep", name, "--type=merge", "--patch", &strategy], "");
        assert!(out.succeeded(), "{out}");
        Self { name, workload, uses, weights: Vec::new() }
    }

    fn weight(&self) -> u8 {
        self.weights.last().copied().unwrap_or_default()
    }

    /// How often the weight turned round.
    fn reversals(&self) -> usize {
        let changes: Vec<bool> =
            self.weights.windows(2).filter(|pair| pair[0] != pair[1]).map(|pair| pair[0] < pair[1]).collect();
        changes.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }
}

fn usage(demand: f64, weight: u8) -> String {
    format!("{:.0}m", demand * (1.0 - f64::from(weight) / 100.0))
}

/// Sends as much of the demand to the pods as the Services say, and notes what they say.
fn serve(simulation: &Simulation, kubectl: &Kubectl, all: &mut [Served], demand: f64) {
    let services = kubectl.get("services");
    for served in all {
        let mut items = services["items"].as_array().into_iter().flatten();
        let service = items.find(|service| service["metadata"]["name"] == served.name).unwrap_or(&Value::Null);
        let weight = annotation(service, "remote-weight").and_then(|weight| weight.parse().ok());
        served.weights.push(weight.unwrap_or_default());
        let uses = usage(demand, served.weight());
        if uses != served.uses {
            // What was used until now was used by what was in force until now.
            simulation.ask_kubelets().unwrap();
            served.workload.set("cpu", &uses);
            served.uses = uses;
        }
    }
    // A data plane follows at once: what it is late by is demand that comes home in the eyes of whoever decides.
    std::thread::sleep(Duration::from_millis(200));
}

#[test]
fn what_leaves_stays_away_while_the_demand_does_and_comes_home_after_it() {
    let (simulation, _) = reconciled();
    let kubectl = simulation.namespace("swing");
    let mut all = [Served::create(&kubectl, "step", "Step"), Served::create(&kubectl, "share", "Proportional")];
    all.iter().for_each(|served| wait_for_weight(&kubectl, served.name, 0, "AtHome"));

    poll("enough to leave", || {
        serve(simulation, &kubectl, &mut all, MUCH);
        let weights = all.each_ref().map(Served::weight);
        if weights[0] == 50 && (28..=42).contains(&weights[1]) { Ok(()) } else { Err(format!("{weights:?}")) }
    })
    .unwrap();
    let steady = Instant::now();
    while steady.elapsed() < STEADY {
        serve(simulation, &kubectl, &mut all, MUCH);
    }
    for served in &all {
        let Served { name, weights, .. } = served;
        assert_eq!(served.reversals(), 0, "{name}: {weights:?}");
    }
    assert_eq!(all[0].weight(), 50);
    // The pods are at their target then, and not below it for want of courage.
    assert!((30..=42).contains(&all[1].weight()), "{:?}", all[1].weights);

    poll("everything to come home", || {
        serve(simulation, &kubectl, &mut all, LITTLE);
        let weights = all.each_ref().map(Served::weight);
        if weights == [0, 0] { Ok(()) } else { Err(format!("{weights:?}")) }
    })
    .unwrap();
    for served in &all {
        let Served { name, weights, .. } = served;
        assert_eq!(served.reversals(), 1, "{name}: {weights:?}");
        wait_for_weight(&kubectl, name, 0, "AtHome");
    }
}
