//! What is known without a call.

use std::sync::Arc;
use std::time::Duration;

use beamlit_operator::controller::beamlit::{Change, Changes, Error, Key, Mirror, Owner, Pace, Released};
use beamlit_operator::engine::world::RemotePolicy;
use serde_json::json;

use super::common::{client, client_of, held, key, lines, model, owner, policy, settings};
use crate::beamlit::{Answer, Beamlit};

const LISTS: [&str; 3] = ["GET /models 200", "GET /models?environment=development 200", "GET /policies 200"];

fn mirror(beamlit: &Beamlit) -> (Arc<Mirror>, Changes) {
    Mirror::new(client(beamlit))
}

/// Whether the model is known to serve, as a decision asks.
fn serves(mirror: &Mirror) -> bool {
    mirror.get(&key()).flatten().and_then(|stored| stored.serves()) == Some(true)
}

fn told(changes: &mut Changes) -> Vec<Key> {
    std::iter::from_fn(|| changes.try_recv()).collect()
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
    assert!(!serves(&mirror));
    beamlit.store(|store| store.status("production", "my-model-on-Beamlit", "DePlOyEd"));
    mirror.refresh().await.unwrap();
    assert_eq!(told(&mut changes), [key()]);
    assert!(serves(&mirror));
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
    assert!(!serves(&mirror));
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
        assert!(serves(&mirror) && mirror.fault().is_some());
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
    assert!(serves(&mirror));
}

/// By a clock that is put forward between the lists, which are real.
#[tokio::test]
async fn an_hour_without_beamlit_costs_few_calls_and_ends_by_itself() {
    let beamlit = Beamlit::start();
    let mut settings = settings(&beamlit);
    let short = Duration::from_millis(1);
    settings.pace = Pace { first_wait: short, longest_wait: short, ..Pace::default() };
    let (mirror, mut changes) = Mirror::new(client_of(settings).0);
    beamlit.store(|store| store.deploys_at_once = true);
    mirror.apply_model(&model(), &owner("mine"), false).await.unwrap();
    mirror.refresh().await.unwrap();
    told(&mut changes);
    beamlit.forget_calls();
    beamlit.down(Some(Answer::error(503, "away")));
    for _ in 0..60 {
        assert!(mirror.refresh().await.is_err());
        assert!(serves(&mirror) && mirror.fault().is_some());
        pass(Duration::from_secs(60)).await;
    }
    let calls = beamlit.calls().len();
    assert!((1..100).contains(&calls), "{calls}");
    beamlit.down(None);
    // No longer than calls are held back at most.
    pass(Duration::from_secs(300)).await;
    mirror.refresh().await.unwrap();
    assert_eq!((mirror.fault(), told(&mut changes)), (None, Vec::new()));
    assert_eq!(mirror.apply_model(&model(), &owner("mine"), true).await.unwrap().change, Change::Updated);
}

/// That much later.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
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
    beamlit.script("GET", "/models?environment=production", [Answer::Late(Duration::from_millis(300))]);
    let listing = tokio::spawn({
        let mirror = Arc::clone(&mirror);
        async move { mirror.refresh().await }
    });
    while !beamlit.lines().iter().any(|line| line.ends_with(" -")) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    mirror.apply_model(&model(), &owner("mine"), false).await.unwrap();
    beamlit.store(|store| store.remove_model("production", "my-model-on-Beamlit"));
    listing.await.unwrap().unwrap();
    assert!(serves(&mirror), "what was written after the list began stays until the next");
    mirror.refresh().await.unwrap();
    assert!(!serves(&mirror));
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

/// A replica that waited for days has the lists of then and of now, and must compare with the last.
#[tokio::test]
async fn what_drifted_while_another_replica_led_is_found() {
    let beamlit = Beamlit::start();
    mirror(&beamlit).0.apply_model(&model(), &owner("mine"), false).await.unwrap();
    let (mirror, _changes) = mirror(&beamlit);
    mirror.refresh().await.unwrap();
    beamlit.store(|store| {
        store.change_model("production", "my-model-on-Beamlit", |model| model["spec"]["enabled"] = false.into());
    });
    mirror.refresh().await.unwrap();
    assert_eq!(mirror.apply_model(&model(), &owner("mine"), false).await.unwrap().change, Change::Updated);
}

#[tokio::test]
async fn what_another_replica_just_created_is_found_before_it_is_given_up() {
    let beamlit = Beamlit::start();
    let (mirror, _changes) = mirror(&beamlit);
    assert_eq!(mirror.owned_by("mine"), []);
    client(&beamlit).apply_model(&model(), &owner("mine"), false).await.unwrap();
    mirror.complete().await.unwrap();
    assert_eq!(mirror.owned_by("mine"), [key()]);
    // Many who ask at once are answered by one list.
    beamlit.forget_calls();
    let asking = (0..20).map(|_| mirror.complete());
    assert!(futures::future::join_all(asking).await.into_iter().all(|complete| complete.is_ok()));
    assert!(beamlit.calls().len() <= LISTS.len());
}

#[tokio::test]
async fn what_policies_say_is_known_once_all_are() {
    let beamlit = Beamlit::start();
    let (mirror, _changes) = mirror(&beamlit);
    let mut policies = mirror.policies();
    beamlit.store(|store| {
        let europe = json!({"type": "location", "locations": [{"type": "continent", "name": "EU"}]});
        store.put_policy("europe", json!({}), europe);
        store.put_policy("tokens", json!({}), json!({"type": "maxToken", "maxTokens": {"total": 5}}));
        store.put_policy("odd", json!({}), json!({"type": "weather"}));
    });
    assert_eq!(*policies.borrow_and_update(), None);
    beamlit.script("GET", "/policies", [Answer::error(400, "no")]);
    assert!(mirror.refresh().await.is_err());
    assert!(!policies.has_changed().unwrap(), "what could not be listed is not known");
    mirror.refresh().await.unwrap();
    let all = policies.borrow_and_update().clone().unwrap();
    assert!(matches!(all["europe"], RemotePolicy::Allows(_)));
    assert_eq!((all.len(), &all["tokens"], &all["odd"]), (3, &RemotePolicy::LimitsNeither, &RemotePolicy::Unreadable));
    mirror.refresh().await.unwrap();
    assert!(!policies.has_changed().unwrap(), "what is the same is no news");
    // And while Beamlit is away, it stays so.
    beamlit.down(Some(Answer::page(502)));
    assert!(mirror.refresh().await.is_err());
    assert!(!policies.has_changed().unwrap());
}

/// A list may be cut short, or lag behind: traffic must not come home for that.
#[tokio::test]
async fn what_a_list_lacks_is_gone_when_its_name_says_so() {
    let beamlit = Beamlit::start();
    let (mirror, mut changes) = mirror(&beamlit);
    beamlit.store(|store| store.deploys_at_once = true);
    mirror.apply_model(&model(), &owner("mine"), false).await.unwrap();
    mirror.refresh().await.unwrap();
    let nothing = || beamlit.script("GET", "/models?environment=production", [Answer::json(200, &json!([]))]);
    let mut lacking = async || {
        told(&mut changes);
        beamlit.forget_calls();
        nothing();
        mirror.refresh().await.unwrap();
        assert!(lines(&beamlit).iter().any(|line| line.starts_with("GET /models/m ")), "{:?}", lines(&beamlit));
        (serves(&mirror), mirror.owned_by("mine"), told(&mut changes))
    };
    assert_eq!(lacking().await, (true, vec![key()], vec![]));
    // Who cannot be asked, of that nothing is known.
    for answers in [vec![Answer::error(503, "away"); 3], vec![Answer::error(400, "no")], vec![Answer::page(200)]] {
        beamlit.script("GET", "/models/my-model-on-Beamlit", answers);
        assert_eq!(lacking().await, (true, vec![key()], vec![]));
    }
    // What was found is what it is now.
    beamlit.store(|store| store.status("production", "my-model-on-Beamlit", "FAILED"));
    assert_eq!(lacking().await, (false, vec![key()], vec![key()]));
    beamlit.store(|store| store.remove_model("production", "my-model-on-Beamlit"));
    assert_eq!(lacking().await, (false, vec![], vec![key()]));
    assert_eq!(mirror.get(&key()), Some(None));
    // And what policies say they say for as long as they are there.
    beamlit.store(|store| store.put_policy("tokens", json!({}), json!({"type": "maxToken"})));
    mirror.refresh().await.unwrap();
    let said = || mirror.policies().borrow().as_deref().and_then(|all| all.get("tokens").cloned());
    beamlit.script("GET", "/policies", [Answer::json(200, &json!([])), Answer::error(400, "no")]);
    mirror.refresh().await.unwrap();
    assert_eq!(said(), Some(RemotePolicy::LimitsNeither));
    beamlit.store(|store| store.put_policy("tokens", json!({}), json!({"type": "weather"})));
    beamlit.script("GET", "/policies", [Answer::json(200, &json!([]))]);
    mirror.refresh().await.unwrap();
    assert_eq!(said(), Some(RemotePolicy::Unreadable));
    beamlit.script("GET", "/policies", [Answer::json(200, &json!([])), Answer::error(404, "gone")]);
    mirror.refresh().await.unwrap();
    assert_eq!(said(), None);
}

#[tokio::test]
async fn of_much_that_a_list_lacks_a_little_is_asked_for_each_time() {
    let beamlit = Beamlit::start();
    let (mirror, _changes) = mirror(&beamlit);
    let put = |count: usize| {
        beamlit.store(|store| {
            for index in 0..count {
                store.put_model("production", &format!("m{index}"), json!({"managed-by-uid": "mine"}), json!({}));
            }
        });
    };
    let known = || mirror.owned_by("mine").len();
    put(31);
    mirror.refresh().await.unwrap();
    assert_eq!(known(), 31);
    // Up to twenty are asked for at once; of more than that, or if there is nothing at all, five.
    let all: Vec<_> =
        (0..31).filter_map(|index| beamlit.store(|it| it.model("production", &format!("m{index}")))).collect();
    for (listed, asked) in [(11, 20), (10, 5), (0, 5)] {
        let some = json!(all.iter().take(listed).collect::<Vec<_>>());
        beamlit.script("GET", "/models?environment=production", [Answer::json(200, &some)]);
        beamlit.forget_calls();
        mirror.refresh().await.unwrap();
        assert_eq!((beamlit.calls().len() - LISTS.len(), known()), (asked, 31), "{listed}");
    }
    // Everybody's turn comes.
    beamlit.store(|store| (0..31).for_each(|index| store.remove_model("production", &format!("m{index}"))));
    for left in [26, 21, 16, 11, 6, 1, 0, 0] {
        mirror.refresh().await.unwrap();
        assert_eq!(known(), left);
    }
}

/// Who could not have a name looks again when it is free, whoever had it.
#[tokio::test]
async fn who_waits_for_a_name_is_told() {
    let beamlit = Beamlit::start();
    let other = Owner { name: "other".to_owned(), ..owner("other") };
    client(&beamlit).apply_model(&model(), &other, false).await.unwrap();
    let (mirror, mut changes) = mirror(&beamlit);
    assert!(mirror.apply_model(&model(), &owner("mine"), false).await.is_err());
    mirror.refresh().await.unwrap();
    told(&mut changes);
    assert_eq!((mirror.awaited_by(&key()), mirror.awaited_by(&key())), (vec!["team-a/my-model".to_owned()], vec![]));
    assert!(mirror.apply_model(&model(), &owner("mine"), false).await.is_err());
    beamlit.store(|store| store.remove_model("production", "my-model-on-Beamlit"));
    mirror.refresh().await.unwrap();
    assert_eq!(told(&mut changes), [key()]);
    // It may be made anew for whom it was.
    assert_eq!(mirror.awaited_by(&key()), ["team-a/my-model", "team-a/other"]);
    // The same within one cluster, where nobody but ourselves deletes it.
    mirror.apply_model(&model(), &other, false).await.unwrap();
    assert!(mirror.apply_model(&model(), &owner("mine"), false).await.is_err());
    assert_eq!(mirror.release(&key(), &other).await, Ok(Released::Deleted));
    assert_eq!((told(&mut changes), mirror.awaited_by(&key())), (vec![key()], vec!["team-a/my-model".to_owned()]));
}

#[tokio::test]
async fn a_list_that_takes_long_is_shared_by_all_who_wait_for_it() {
    let beamlit = Beamlit::start();
    let mut settings = settings(&beamlit);
    settings.pace.fresh = Duration::from_millis(500);
    let (mirror, _changes) = Mirror::new(client_of(settings).0);
    beamlit.script("GET", "/models", [Answer::Late(Duration::from_secs(1))]);
    let asking = (0..20).map(|_| mirror.complete());
    assert!(futures::future::join_all(asking).await.into_iter().all(|complete| complete.is_ok()));
    assert_eq!(lines(&beamlit), LISTS);
}

#[tokio::test]
async fn what_is_left_of_objects_of_this_cluster_is_found_and_nothing_else() {
    let beamlit = Beamlit::start();
    let (mirror, _changes) = mirror(&beamlit);
    mirror.apply_model(&model(), &owner("mine"), false).await.unwrap();
    mirror.apply_policy(&policy(&[]), &owner("gone")).await.unwrap();
    beamlit.store(|store| {
        store.put_model(
            "production",
            "elsewhere",
            json!({"managed-by-uid": "x", "managed-by-cluster": "there"}),
            json!({}),
        );
        store.put_model("production", "unmarked", json!({"managed-by-uid": "y"}), json!({}));
        store.put_model("production", "nobodys", json!({"managed-by-cluster": "here"}), json!({}));
    });
    mirror.refresh().await.unwrap();
    let left = |cluster: &str, there: &[&str]| mirror.orphans(cluster, |uid| there.contains(&uid));
    let policy = || (Key::policy("eu"), "team-a/my-model".to_owned());
    assert_eq!(left("here", &["mine", "gone"]), []);
    assert_eq!(left("here", &["mine"]), [policy()]);
    assert_eq!(left("here", &[]), [(key(), "team-a/my-model".to_owned()), policy()]);
    assert_eq!(left("there", &["mine", "gone"]).len(), 1);
    // Who does not know which cluster this is leaves what is written there.
    let unknowing = Owner { cluster: None, ..owner("mine") };
    assert_eq!(mirror.apply_model(&model(), &unknowing, false).await.unwrap().change, Change::None);
    assert_eq!(held(&beamlit)["metadata"]["labels"]["managed-by-cluster"], "here");
    mirror.release(&key(), &unknowing).await.unwrap();
    assert_eq!(left("here", &[]), [policy()]);
}

#[tokio::test]
async fn a_list_from_before_a_deletion_does_not_bring_it_back() {
    let beamlit = Beamlit::start();
    let (mirror, _changes) = mirror(&beamlit);
    mirror.apply_model(&model(), &owner("mine"), false).await.unwrap();
    mirror.refresh().await.unwrap();
    beamlit.forget_calls();
    beamlit.script("GET", "/models?environment=production", [Answer::Old(Duration::from_millis(300))]);
    let listing = tokio::spawn({
        let mirror = Arc::clone(&mirror);
        async move { mirror.refresh().await }
    });
    while !beamlit.lines().iter().any(|line| line.ends_with(" -")) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    mirror.release(&key(), &owner("mine")).await.unwrap();
    listing.await.unwrap().unwrap();
    assert_eq!(mirror.owned_by("mine"), []);
}
