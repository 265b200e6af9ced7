//! Defaulting: what the patch makes of the object as it was written is what was judged, and nothing of it is changed.

use beamlit_operator::engine::parse::{JsonLimits, from_json};
use beamlit_operator::engine::{Kind, Reading, defaults as defaulting};
use json_patch::PatchOperation;
use serde_json::Value as Json;

use crate::findings::{judge, texts};
use crate::{schema, tree};

/// Reads an object and fills in its defaults, in every way there is.
pub fn defaults(data: &[u8]) {
    let Ok(written) = serde_json::from_slice::<Json>(data) else { return };
    for kind in Kind::ALL {
        defaulted(kind, &written);
    }
}

fn defaulted(kind: Kind, written: &Json) {
    let bytes = serde_json::to_vec(written).expect("what was JSON is JSON");
    let Ok(mut judged) = from_json(&bytes, JsonLimits::UniqueKeys) else { return };
    let patch = defaulting::apply(kind, &mut judged);

    // What the API server makes of the patch is what was judged.
    let mut stored = written.clone();
    json_patch::patch(&mut stored, &patch).expect("the patch applies to the object it was made for");
    let stored_bytes = serde_json::to_vec(&stored).expect("what was JSON is JSON");
    let mut again = from_json(&stored_bytes, JsonLimits::UniqueKeys).expect("a patched object can be read");
    assert_eq!(again, judged, "{written} became {stored}");
    let before = texts(judge(kind, &judged, Reading::Review).list());
    assert_eq!(before, texts(judge(kind, &again, Reading::Review).list()));

    // Once is enough, nothing is changed, and nothing is added where it must not be.
    assert!(defaulting::apply(kind, &mut again).0.is_empty(), "a second patch for {stored}");
    assert!(kept(written, &stored), "{written} became {stored}");
    for operation in &patch.0 {
        let PatchOperation::Add(add) = operation else { panic!("{operation} does not add") };
        let path = add.path.to_string();
        assert!(path.starts_with("/spec/"), "{path} is none of ours");
        assert!(!path.split('/').any(|step| step.parse::<usize>().is_ok()), "{path} is inside of a list");
        assert!(written.pointer(&path).is_none_or(Json::is_null), "{path} was there already");
    }

    // The API server has nothing to add to it, and what it adds by itself where the mutator was not asked is the same.
    let mut by_server = stored.clone();
    assert!(!schema::add_defaults(kind, &mut by_server), "{stored} lacks defaults of the CRD: {by_server}");
    let mut server_first = written.clone();
    schema::add_defaults(kind, &mut server_first);
    let server_bytes = serde_json::to_vec(&server_first).expect("what was JSON is JSON");
    let mut server_first = from_json(&server_bytes, JsonLimits::UniqueKeys).expect("a defaulted object can be read");
    defaulting::apply(kind, &mut server_first);
    assert_eq!(server_first, judged, "it matters who comes first");

    // The order of members does not count.
    let mut other = tree::reversed(written);
    let bytes = serde_json::to_vec(&other).expect("what was JSON is JSON");
    let mut node = from_json(&bytes, JsonLimits::UniqueKeys).expect("the other way round it can be read as well");
    let patch = defaulting::apply(kind, &mut node);
    json_patch::patch(&mut other, &patch).expect("the patch applies to the object it was made for");
    assert_eq!(node, judged);
    assert_eq!(other, stored);
}

/// Whether everything that was written is still there, nulls aside.
fn kept(written: &Json, stored: &Json) -> bool {
    match (written, stored) {
        (Json::Object(written), Json::Object(stored)) => written
            .iter()
            .all(|(key, value)| value.is_null() || stored.get(key).is_some_and(|stored| kept(value, stored))),
        _ => written == stored,
    }
}
