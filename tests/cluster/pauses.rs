//! A pause of everything, by the operator's configuration: weights are held or all traffic is at home, for as long as it says so.

use crate::beamlit::wait_for;
use crate::configuration::{Mounted, configuration};
use crate::harness::{Kubectl, poll};
use crate::offloading::wait_for_weight;
use crate::reconciler::{failover_only, ready, replica, serve, version};
use crate::troubled;

/// Waits until the configuration holds the weight of both in this way, or of neither.
#[track_caller]
fn wait_for_pause(kubectl: &Kubectl, reason: &str, words: &str) {
    for name in ["away", "home"] {
        let message = wait_for(kubectl, &format!("ofa {name}"), "Paused", reason);
        assert!(message.contains(words), "{name}: {message}");
    }
}

#[test]
fn the_configuration_holds_every_weight_or_calls_all_traffic_home_and_lets_go_again() {
    let plane = troubled();
    let kubectl = plane.namespace("paused");
    let mounted = Mounted::new(plane.folder().path().join("pauses"), &configuration(""));
    let flags = [format!("--config={}", mounted.file().display()), "--config-reload-interval=200ms".to_owned()];
    let operator = replica(&plane, "paused", &flags);
    for name in ["away", "home"] {
        serve(&kubectl, name);
        kubectl.apply(&failover_only(&kubectl, name).to_string());
        wait_for_weight(&kubectl, name, 0, "AtHome");
    }
    ready(&kubectl, "away", false);
    wait_for_weight(&kubectl, "away", 100, "Failover");

    mounted.write(&configuration("pause: freeze\n"));
    wait_for_pause(&kubectl, "Frozen", "pause: freeze");
    let held = ["away", "home"].map(|name| version(&kubectl, &format!("service {name}")));
    // What would send everything away, and let it home, does neither, however often it is looked at.
    ready(&kubectl, "away", true);
    ready(&kubectl, "home", false);
    let decisions = || operator.metric(r#"decisions_total{reason="Paused"}"#);
    let before = decisions().unwrap();
    poll("decisions", || match decisions()? {
        now if now > before + 8.0 => Ok(()),
        now => Err(now.to_string()),
    })
    .unwrap();
    wait_for_weight(&kubectl, "away", 100, "Paused");
    wait_for_weight(&kubectl, "home", 0, "Paused");
    assert_eq!(["away", "home"].map(|name| version(&kubectl, &format!("service {name}"))), held);
    let message = wait_for(&kubectl, "mdep away", "Ready", "Paused");
    assert!(message.contains("pause: freeze"), "{message}");

    mounted.write(&configuration("pause: home\n"));
    wait_for_pause(&kubectl, "Home", "pause: home");
    for name in ["away", "home"] {
        wait_for_weight(&kubectl, name, 0, "Paused");
    }

    mounted.write(&configuration(""));
    wait_for_pause(&kubectl, "Running", "nobody holds the weight");
    wait_for_weight(&kubectl, "home", 100, "Failover");
    wait_for_weight(&kubectl, "away", 0, "AtHome");
    wait_for(&kubectl, "mdep away", "Ready", "Ready");
}
