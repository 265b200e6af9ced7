//! Answers that no server should give, each told for what it is.

use beamlit_operator::controller::beamlit::{Error, Key};
use serde_json::{Value, json};

use super::common::{SECRET, client, client_of, key, lines, model, owner, settings};
use crate::beamlit::{Answer, Beamlit};

fn object(metadata: Value) -> Answer {
    Answer::json(200, &json!({"metadata": metadata, "spec": {}}))
}

#[tokio::test]
async fn garbage_is_named_and_nothing_is_done_on_it() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    let malformed = |said: &str| format!("Beamlit's answer cannot be used: {said}");
    for (answer, error) in [
        (Answer::page(200), malformed("it is a page, not JSON")),
        (Answer::Status(200, Vec::new(), String::new()), malformed("it is no json (eof error)")),
        (Answer::Status(200, Vec::new(), "{\"metadata\":".into()), malformed("it is no json (eof error)")),
        (Answer::json(200, &json!([])), malformed("it is no object")),
        (Answer::json(200, &json!(null)), malformed("it is no object")),
        (Answer::json(200, &json!({})), malformed("it has no metadata")),
        (Answer::json(200, &json!({"metadata": []})), malformed("it has no metadata")),
        (object(json!({"name": 1})), malformed("it has no name")),
        (object(json!({"name": "other"})), malformed("it is about \"other\", not \"my-model-on-Beamlit\"")),
        (
            object(json!({"name": "my-model-on-Beamlit", "environment": "development"})),
            malformed("it is about the environment \"development\", not production"),
        ),
        // original-defects.md: "PUT after any GET answer but 404 (401 and 500 included)".
        (
            Answer::json(200, &json!({"error": "database is away", "code": 500})),
            malformed("an error under a status of success: database is away"),
        ),
        (
            Answer::redirect("https://elsewhere.example.com/"),
            "Beamlit's answer leads elsewhere (status 307), which is not followed".to_owned(),
        ),
        (Answer::error(400, "bad"), "Beamlit refused with status 400: bad".to_owned()),
        (Answer::error(403, "no"), "Beamlit refused with status 403: no".to_owned()),
    ] {
        beamlit.forget_calls();
        beamlit.script("GET", "/models", [answer]);
        let failed = client.apply_model(&model(), &owner("mine"), false).await.unwrap_err();
        assert_eq!(failed.to_string(), error);
        assert_eq!(beamlit.calls().len(), 1, "{error}: nothing is written, and nothing asked again");
        beamlit.script("GET", "/models", [Answer::error(403, "no")]);
        assert!(client.release(&key(), &owner("mine")).await.is_err());
        assert!(!beamlit.calls().iter().any(|call| call.method != "GET"));
    }
}

/// original-defects.md: "PUT after any GET answer but 404 (401 and 500 included)".
#[tokio::test]
async fn nothing_is_written_unless_it_is_known_what_is_there() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    for (answer, error) in [
        (Answer::error(401, "who?"), "Beamlit does not take the credentials: who?"),
        (Answer::error(500, "oops"), "Beamlit failed with status 500: oops"),
        (Answer::page(502), "Beamlit failed with status 502: with a page"),
        (Answer::busy(429, "0"), "Beamlit takes no more calls for now"),
    ] {
        beamlit.down(None);
        beamlit.script("GET", "/models", vec![answer; 3]);
        let failed = client.apply_model(&model(), &owner("mine"), false).await.unwrap_err();
        assert_eq!(failed.to_string(), error);
        beamlit.script("DELETE", "/models", []);
    }
    assert!(beamlit.calls().iter().all(|call| call.method == "GET"), "{:?}", lines(&beamlit));
}

#[tokio::test]
async fn objects_of_another_workspace_are_not_ours() {
    let beamlit = Beamlit::start();
    let mut settings = settings(&beamlit);
    settings.workspace = Some("my-workspace".to_owned());
    let (client, _) = client_of(settings);
    client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    assert!(beamlit.calls().iter().all(|call| call.workspace.as_deref() == Some("my-workspace")));
    let theirs = || object(json!({"name": "my-model-on-Beamlit", "workspace": "theirs"}));
    beamlit.script("GET", "/models", [theirs()]);
    let error = client.apply_model(&model(), &owner("mine"), true).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Beamlit answered with objects of workspace \"theirs\", and the operator's is \"my-workspace\""
    );
    beamlit.script("GET", "/models", [theirs()]);
    assert!(matches!(client.release(&key(), &owner("mine")).await, Err(Error::OtherWorkspace { .. })));
    beamlit.script(
        "GET",
        "/policies",
        [Answer::json(200, &json!([{"metadata": {"name": "a", "workspace": "theirs"}}]))],
    );
    assert!(matches!(client.policies().await, Err(Error::OtherWorkspace { .. })));
    assert_eq!(beamlit.bodies("PUT").len(), 0);
}

#[tokio::test]
async fn the_first_workspace_that_is_named_is_ours() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    assert_eq!(client.workspace(), None);
    client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    assert_eq!(client.workspace().as_deref(), Some("my-workspace"));
    assert!(beamlit.calls().iter().all(|call| call.workspace.is_none()));
    beamlit.script("GET", "/models", [object(json!({"name": "my-model-on-Beamlit", "workspace": "theirs"}))]);
    assert!(matches!(client.get(&key()).await, Err(Error::OtherWorkspace { .. })));
}

#[tokio::test]
async fn a_list_is_read_as_far_as_it_makes_sense() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    let items = json!([
        {"metadata": {"name": "a", "environment": "production"}, "status": "DEPLOYED"},
        {"metadata": {"name": "b"}},
        {"metadata": {"name": "c", "environment": "development"}},
        {"metadata": {"environment": "production"}},
        7, null, {"spec": {}},
    ]);
    beamlit.script("GET", "/models?environment=production", [Answer::json(200, &items)]);
    let models = client.models("production").await.unwrap();
    let names: Vec<&str> = models.iter().map(|stored| stored.key.name()).collect();
    assert_eq!(names, ["a", "b"]);
    // As servers in Go write an empty list.
    beamlit.script("GET", "/policies", [Answer::json(200, &Value::Null)]);
    assert_eq!(client.policies().await, Ok(Vec::new()));
    for (answer, said) in [
        (Answer::json(200, &json!({"error": "no", "code": 500})), "an error under a status of success: no"),
        (Answer::json(200, &json!({"items": []})), "it is no list"),
        (Answer::page(200), "it is a page, not JSON"),
        (Answer::Status(200, Vec::new(), "[{}".into()), "it is no json (eof error)"),
    ] {
        beamlit.script("GET", "/policies", [answer]);
        assert_eq!(client.policies().await, Err(Error::Malformed(said.to_owned())));
    }
}

#[tokio::test]
async fn an_answer_has_an_end() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    let large = format!("{{\"metadata\": {{\"name\": \"{}\"}}}}", "a".repeat(5 * 1024 * 1024));
    beamlit.script("GET", "/models", [Answer::Status(200, Vec::new(), large.clone())]);
    let error = client.get(&key()).await.unwrap_err().to_string();
    assert_eq!(error, "Beamlit's answer cannot be used: it is larger than 4194304 bytes");
    beamlit.script("GET", "/models", [Answer::Status(400, Vec::new(), large)]);
    let error = client.get(&key()).await.unwrap_err().to_string();
    assert!(error.starts_with("Beamlit refused with status 400: ") && error.len() < 300, "{error}");
}

#[tokio::test]
async fn names_are_encoded_and_none_leads_elsewhere() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    for name in ["My-Model", "a/b", "../policies", "a?b=c#d", "ü %2F"] {
        let mut wanted = model();
        wanted.metadata.name = name.to_owned();
        client.apply_model(&wanted, &owner("mine"), false).await.unwrap();
        let key = Key::model("production", name);
        assert_eq!(client.get(&key).await.unwrap().unwrap().key, key);
        client.release(&key, &owner("mine")).await.unwrap();
    }
    assert_eq!(beamlit.store(|store| store.len()), 0);
    assert!(beamlit.calls().iter().all(|call| call.target.starts_with("/models")));
    assert!(matches!(client.get(&Key::policy("..")).await, Err(Error::Name(_))));
}

/// What a server repeats of a body is not shown, nor what it repeats of the credentials.
///
/// original-defects.md: "Secrets logged."
#[tokio::test]
async fn no_secret_is_repeated() {
    let beamlit = Beamlit::start();
    let client = client(&beamlit);
    beamlit.script("POST", "/models", [Answer::error(400, &format!("env TOKEN={SECRET} is not allowed"))]);
    let error = client.apply_model(&model(), &owner("mine"), false).await.unwrap_err();
    assert_eq!(error.to_string(), "Beamlit refused with status 400: (left out, for it repeats what nobody may see)");
    client.apply_model(&model(), &owner("mine"), false).await.unwrap();
    let token = beamlit.calls()[0].authorization.clone().unwrap();
    beamlit.script("GET", "/models", [Answer::error(400, &format!("bad header: {token}"))]);
    assert!(client.get(&key()).await.unwrap_err().to_string().contains("left out"));
    // A model that was taken over holds somebody's values as well.
    let spec =
        json!({"podTemplate": {"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": SECRET}]}]}}});
    let labels = json!({"managed-by-uid": "mine"});
    beamlit.store(|store| store.put_model("production", "my-model-on-Beamlit", labels, spec));
    beamlit.script("PUT", "/models", [Answer::error(400, SECRET)]);
    let error = client.release(&key(), &owner("mine")).await.unwrap_err();
    assert!(error.to_string().contains("left out"), "{error}");
    assert!(!format!("{client:?}").contains("s3cr"));
}
