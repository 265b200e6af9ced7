//! Who may change and delete what: every way in which something can be on Beamlit, against every way to come to it.

use beamlit_operator::controller::beamlit::{Change, Error, Key, Origin, Owner, Released};
use beamlit_operator::engine::compile::beamlit::labels;
use serde_json::{Value, json};

use super::common::{client, held, key, lines, model, owner, policy};
use crate::beamlit::Beamlit;

/// What is on Beamlit under the name, as its labels say.
fn there(beamlit: &Beamlit, labels: Value) {
    beamlit.store(|store| store.put_model("production", "my-model-on-Beamlit", labels, json!({"enabled": true})));
}

fn owned_by(uid: &str, origin: &str) -> Value {
    json!({"managed-by": "beamlit-operator", labels::OWNER_UID: uid, labels::OWNER: "team-b/theirs", labels::ORIGIN: origin,
        "their": "label"})
}

fn adopting() -> Owner {
    Owner { adopt: true, ..owner("mine") }
}

#[tokio::test]
async fn who_applies_becomes_the_owner_or_is_told_who_is() {
    let taken = Err(Error::NameTaken { by: "team-b/theirs".to_owned() });
    for (labels, by, change, origin) in [
        (None, owner("mine"), Ok(Change::Created), Origin::Created),
        (Some(json!({})), owner("mine"), Ok(Change::TakenOver), Origin::TakenOver),
        // The earlier Go controller left nothing but this.
        (Some(json!({"managed-by": "beamlit-operator"})), owner("mine"), Ok(Change::TakenOver), Origin::TakenOver),
        (Some(owned_by("mine", labels::CREATED)), owner("mine"), Ok(Change::Updated), Origin::Created),
        (Some(owned_by("mine", labels::TAKEN_OVER)), owner("mine"), Ok(Change::Updated), Origin::TakenOver),
        (Some(owned_by("other", labels::CREATED)), owner("mine"), taken.clone(), Origin::Created),
        (Some(owned_by("other", labels::TAKEN_OVER)), owner("mine"), taken, Origin::Created),
        (
            Some(owned_by("other", labels::CREATED)),
            adopting(),
            Ok(Change::Adopted { from: "team-b/theirs".to_owned() }),
            Origin::Created,
        ),
        (
            Some(owned_by("other", labels::TAKEN_OVER)),
            adopting(),
            Ok(Change::Adopted { from: "team-b/theirs".to_owned() }),
            Origin::TakenOver,
        ),
    ] {
        let beamlit = Beamlit::start();
        labels.clone().into_iter().for_each(|labels| there(&beamlit, labels));
        let before = beamlit.store(|store| store.model("production", "my-model-on-Beamlit"));
        let applied = client(&beamlit).apply_model(&model(), &by, false).await;
        assert_eq!(applied.as_ref().map(|applied| applied.change.clone()).map_err(Clone::clone), change, "{labels:?}");
        if let Ok(applied) = applied {
            let its = applied.stored.ownership.unwrap();
            assert_eq!(
                (its.uid.as_str(), its.object.as_str(), its.origin),
                ("mine", "team-a/my-model", origin),
                "{labels:?}"
            );
            assert_eq!(applied.unkept, [""; 0]);
        } else {
            assert_eq!(Some(held(&beamlit)), before, "what is another's is not touched");
        }
        assert_eq!(beamlit.violations(), [""; 0]);
    }
}

#[tokio::test]
async fn only_what_was_created_here_is_deleted() {
    for (labels, by, released) in [
        (None, owner("mine"), Released::Gone),
        (Some(json!({})), owner("mine"), Released::NotOurs),
        (Some(json!({"managed-by": "beamlit-operator"})), owner("mine"), Released::NotOurs),
        (Some(owned_by("mine", labels::CREATED)), owner("mine"), Released::Deleted),
        (Some(owned_by("mine", labels::TAKEN_OVER)), owner("mine"), Released::LetGo),
        (Some(owned_by("mine", "")), owner("mine"), Released::LetGo),
        (Some(owned_by("other", labels::CREATED)), owner("mine"), Released::NotOurs),
        (Some(owned_by("other", labels::CREATED)), adopting(), Released::NotOurs),
    ] {
        let beamlit = Beamlit::start();
        labels.clone().into_iter().for_each(|labels| there(&beamlit, labels));
        let before = beamlit.store(|store| store.model("production", "my-model-on-Beamlit"));
        assert_eq!(client(&beamlit).release(&key(), &by).await, Ok(released), "{labels:?}");
        let after = beamlit.store(|store| store.model("production", "my-model-on-Beamlit"));
        match released {
            Released::Gone | Released::Deleted => assert_eq!(after, None, "{labels:?}"),
            Released::LetGo => {
                let after = after.unwrap();
                assert_eq!(after["metadata"]["labels"], json!({"their": "label"}));
                assert_eq!(after["spec"], json!({"enabled": true}));
            }
            Released::NotOurs => assert_eq!(after, before, "{labels:?}"),
        }
        assert_eq!(beamlit.violations(), [""; 0]);
    }
}

/// What goes while somebody looks is gone.
#[tokio::test]
async fn what_is_gone_is_gone() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    beamlit.script("DELETE", "/models", [crate::beamlit::Answer::error(404, "not found")]);
    assert_eq!(client.release(&key(), &owner("mine")).await, Ok(Released::Gone));
    assert_eq!(lines(&beamlit)[2..], ["GET /models/m 200", "DELETE /models/m 404"]);
}

/// original-defects.md: "A second object for the same environment/model silently "succeeds"; the check ignores namespaces."
#[tokio::test]
async fn a_second_object_is_told_about_the_first() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    let second = Owner { namespace: "team-b".to_owned(), ..owner("second") };
    let error = client.apply_model(&model(), &second, false).await.unwrap_err();
    assert_eq!(error.to_string(), "the name is taken on Beamlit: it belongs to team-a/my-model");
    // Environments are apart.
    let mut elsewhere = model();
    elsewhere.metadata.environment = "development";
    assert_eq!(client.apply_model(&elsewhere, &second, false).await.unwrap().change, Change::Created);
}

#[tokio::test]
async fn a_policy_has_an_owner_as_well() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    let (wanted, key) = (policy(&[("continent", "eu")]), Key::policy("eu"));
    beamlit.store(|store| {
        store.put_policy("eu", json!({"a": "b"}), json!({"type": "location", "maxTokens": {"total": 5}}))
    });
    assert_eq!(client.apply_policy(&wanted, &owner("mine")).await.unwrap().change, Change::TakenOver);
    let stored = beamlit.store(|store| store.policy("eu")).unwrap();
    assert_eq!(
        stored["spec"],
        json!({"type": "location", "maxTokens": {"total": 5}, "locations": [{"type": "continent", "name": "eu"}]})
    );
    assert_eq!(stored["metadata"]["displayName"], "Europe");
    assert!(matches!(client.apply_policy(&wanted, &owner("other")).await, Err(Error::NameTaken { .. })));
    assert_eq!(client.release(&key, &owner("other")).await, Ok(Released::NotOurs));
    assert_eq!(client.release(&key, &owner("mine")).await, Ok(Released::LetGo));
    assert_eq!(beamlit.store(|store| store.policy("eu")).unwrap()["metadata"]["labels"], json!({"a": "b"}));
    assert_eq!(beamlit.violations(), [""; 0]);
}
