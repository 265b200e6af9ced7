//! What is known without a call.

use std::sync::Arc;

use beamlit_operator::controller::beamlit::{Change, Error, Key, Mirror, Owner, Released};
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use super::common::{client, held, key, lines, model, owner, policy};
use crate::beamlit::{Answer, Beamlit};

const LISTS: [&str; 3] = ["GET /models 200", "GET /models?environment=development 200", "GET /policies 200"];

fn mirror(beamlit: &Beamlit) -> (Arc<Mirror>, UnboundedReceiver<Key>) {
    Mirror::new(client(beamlit))
}

fn told(changes: &mut UnboundedReceiver<Key>) -> Vec<Key> {
    std::iter::from_fn(|| changes.try_recv().ok()).collect()
}

#[tokio::test]
async fn what_has_not_changed_costs_no_call() {
    let beamlit = Beamlit::start();
    let (mirror, mut changes) = mirror(&beamlit);
    assert_eq!(mirror.get(&key()), None, "nothing is known yet");
    mirror.refresh().await.unwrap();
    assert_eq!(lines(&beamlit), LISTS);
    assert_eq!(mirror.get(&key()), Some(None));
    mirror.apply_model(&model(), &owner("mine"), false).await.unwrap();
    mirror.apply_policy(&policy(&[("country", "us")]), &owner("mine")).await.unwrap();
    for _ in 0..3 {
        beamlit.forget_calls();
        for _ in 0..10 {
            let applied = mirror.apply_model(&model(), &owner("mine"), false).await.unwrap();
            assert_eq!(applied.change, Change::None);
            mirror.apply_policy(&policy(&[("country", "us")]), &owner("mine")).await.unwrap();
        }
        assert_eq!(beamlit.calls().len(), 0);
        mirror.refresh().await.unwrap();
    }
    assert_eq!(told(&mut changes), [], "our own changes are no news");
    assert_eq!(mirror.workspace().as_deref(), Some("my-workspace"));
    assert_eq!(mirror.apply_model(&model(), &owner("mine"), true).await.unwrap().change, Change::Updated);
}

#[tokio::test]
async fn after_a_start_a_list_is_enough() {
    let beamlit = Beamlit::start();
    mirror(&beamlit).0.apply_model(&model(), &owner("mine"), true).await.unwrap();
    let (mirror, mut changes) = mirror(&beamlit);
    mirror.refresh().await.unwrap();
    assert_eq!(told(&mut changes), [key()]);
    beamlit.forget_calls();
    assert_eq!(mirror.apply_model(&model(), &owner("mine"), true).await.unwrap().change, Change::None);
    assert_eq!(beamlit.calls().len(), 0);
    // What differs is looked at and changed.
    assert_eq!(mirror.apply_model(&model(), &owner("mine"), false).await.unwrap().change, Change::Updated);
    assert_eq!(lines(&beamlit), ["GET /models/m 200", "PUT /models/m 200"]);
}

#[tokio::test]
async fn what_drifted_before_the_start_is_found() {
    let beamlit = Beamlit::start();
    mirror(&beamlit).0.apply_model(&model(), &owner("mine"), false).await.unwrap();
    beamlit.store(|store| {
        store.change_model("production", "my-model-on-Beamlit", |model| model["spec"]["enabled"] = false.into());
    });
    let (mirror, _changes) = mirror(&beamlit);
    mirror.refresh().await.unwrap();
    assert_eq!(mirror.apply_model(&model(), &owner("mine"), false).await.unwrap().change, Change::Updated);
    assert_eq!(held(&beamlit)["spec"]["enabled"], true);
}

#[tokio::test]
async fn what_others_do_is_told_and_put_right() {
    let beamlit = Beamlit::start();
    let (mirror, mut changes) = mirror(&beamlit);
    mirror.apply_model(&model(), &owner("mine"), false).await.unwrap();
    mirror.refresh().await.unwrap();
    told(&mut changes);
    assert!(!mirror.is_deployed(&key()));
    beamlit.store(|store| store.status("production", "my-model-on-Beamlit", "DePlOyEd"));
    mirror.refresh().await.unwrap();
    assert_eq!(told(&mut changes), [key()]);
    assert!(mirror.is_deployed(&key()));
    assert_eq!(mirror.apply_model(&model(), &owner("mine"), false).await.unwrap().change, Change::None);
    for _ in 0..2 {
        beamlit.store(|store| {
            store.change_model("production", "my-model-on-Beamlit", |model| model["spec"]["policies"] = json!([]));
        });
        mirror.refresh().await.unwrap();
        assert_eq!(told(&mut changes), [key()]);
        assert_eq!(mirror.apply_model(&model(), &owner("mine"), false).await.unwrap().change, Change::Updated);
        mirror.refresh().await.unwrap();
        assert_eq!(mirror.apply_model(&model(), &owner("mine"), false).await.unwrap().change, Change::None);
    }
    beamlit.store(|store| store.remove_model("production", "my-model-on-Beamlit"));
    told(&mut changes);
    mirror.refresh().await.unwrap();
    assert_eq!((told(&mut changes), mirror.get(&key())), (vec![key()], Some(None)));
    assert!(!mirror.is_deployed(&key()));
    assert_eq!(mirror.apply_model(&model(), &owner("mine"), false).await.unwrap().change, Change::Created);
}

#[tokio::test]
async fn while_beamlit_is_away_what_was_last_known_counts() {
    let beamlit = Beamlit::start();
    let (mirror, mut changes) = mirror(&beamlit);
    beamlit.store(|store| store.deploys_at_once = true);
    mirror.apply_model(&model(), &owner("mine"), false).await.unwrap();
    for away in [Answer::error(503, "away"), Answer::page(200), Answer::json(200, &json!({"error": "no", "code": 500}))]
    {
        beamlit.down(Some(away));
        assert!(mirror.refresh().await.is_err());
        assert!(mirror.is_deployed(&key()) && mirror.fault().is_some());
        // What is as it should be needs nobody.
        assert_eq!(mirror.apply_model(&model(), &owner("mine"), false).await.unwrap().change, Change::None);
        assert!(mirror.apply_model(&model(), &owner("mine"), true).await.is_err());
    }
    beamlit.down(None);
    mirror.refresh().await.unwrap();
    assert_eq!((mirror.fault(), told(&mut changes)), (None, Vec::new()));
    // A part that fails does not keep the others from being known.
    beamlit.script("GET", "/models?environment=production", [Answer::error(400, "no")]);
    beamlit.store(|store| store.put_policy("new", json!({}), json!({})));
    assert_eq!(mirror.refresh().await, Err(Error::Refused { status: 400, said: "no".to_owned() }));
    assert_eq!(told(&mut changes), [Key::policy("new")]);
    assert!(mirror.is_deployed(&key()));
}

#[tokio::test]
async fn a_list_from_before_a_change_does_not_undo_it() {
    let beamlit = Beamlit::start();
    let (mirror, _changes) = mirror(&beamlit);
    beamlit.store(|store| store.deploys_at_once = true);
    // What the list says, and when: of a time before both changes.
    let old = json!([{"metadata": {"name": "gone", "environment": "production"}, "status": "DEPLOYED"}]);
    beamlit.script("GET", "/models?environment=production", [Answer::json(200, &old)]);
    mirror.refresh().await.unwrap();
    beamlit.script("GET", "/models?environment=production", [Answer::Late(std::time::Duration::from_millis(300))]);
    let listing = tokio::spawn({
        let mirror = Arc::clone(&mirror);
        async move { mirror.refresh().await }
    });
    while !beamlit.lines().iter().any(|line| line.ends_with(" -")) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    mirror.apply_model(&model(), &owner("mine"), false).await.unwrap();
    beamlit.store(|store| store.remove_model("production", "my-model-on-Beamlit"));
    listing.await.unwrap().unwrap();
    assert!(mirror.is_deployed(&key()), "what was written after the list began stays until the next");
    mirror.refresh().await.unwrap();
    assert!(!mirror.is_deployed(&key()));
}

#[tokio::test]
async fn a_name_that_is_known_to_be_taken_costs_no_call() {
    let beamlit = Beamlit::start();
    mirror(&beamlit).0.apply_model(&model(), &owner("other"), false).await.unwrap();
    let (mirror, _changes) = mirror(&beamlit);
    mirror.refresh().await.unwrap();
    beamlit.forget_calls();
    for _ in 0..3 {
        let taken = mirror.apply_model(&model(), &owner("mine"), false).await;
        assert_eq!(taken, Err(Error::NameTaken { by: "team-a/my-model".to_owned() }));
    }
    assert_eq!(beamlit.calls().len(), 0);
    let adopting = Owner { adopt: true, ..owner("mine") };
    assert!(matches!(mirror.apply_model(&model(), &adopting, false).await.unwrap().change, Change::Adopted { .. }));
    assert_eq!(mirror.release(&key(), &adopting).await, Ok(Released::Deleted));
    assert_eq!(mirror.get(&key()), Some(None));
}

/// A server that says it took a change, and lists what was there before, is not written to with every list.
#[tokio::test]
async fn a_server_that_only_pretends_is_written_to_once() {
    let beamlit = Beamlit::start();
    let (mirror, _changes) = mirror(&beamlit);
    mirror.apply_model(&model(), &owner("mine"), false).await.unwrap();
    let before = held(&beamlit);
    mirror.apply_model(&model(), &owner("mine"), true).await.unwrap();
    for _ in 0..4 {
        let spec = before.clone();
        beamlit.store(|store| store.change_model("production", "my-model-on-Beamlit", |model| *model = spec));
        mirror.refresh().await.unwrap();
        mirror.apply_model(&model(), &owner("mine"), true).await.unwrap();
    }
    assert_eq!(beamlit.bodies("PUT").len(), 1);
}
