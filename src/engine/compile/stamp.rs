//! The stamps: annotations of the object itself that show what it was compiled to, where a dry run can see it.
//!
//! They are what was compiled when spec or stamps last changed, whatever was written there, and nobody trusts them. Neither a secret nor anything named
//! after the object is in them: with `generateName` it has no name yet when it is stamped.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, RemoveOperation};
use serde_json::{Map, Value};

use super::autoscaler;
use crate::api::OffloadAutoscalerSpec;
use crate::engine::finding::rules::OB019;
use crate::engine::finding::{At, Finding, Findings};
use crate::engine::parse::Node;
use crate::engine::subject::{Kind, Surroundings};

/// The compact JSON of the spec of the OffloadAutoscaler.
pub const AUTOSCALER: &str = "offloading.beamlit.com/autoscaler";
/// The weights at rest: `local=100,remote=0`.
pub const WEIGHTS: &str = "routing.beamlit.com/weights";

/// Both, in this order.
pub const KEYS: [&str; 2] = [AUTOSCALER, WEIGHTS];

/// What the annotations of an object may have together, keys and values, in bytes (`TotalAnnotationSizeLimitB` of Kubernetes).
const MOST_BYTES: usize = 256 * 1024;

const AT_REST: &str = "local=100,remote=0";

/// What stamping comes to.
#[derive(Debug, Default)]
pub struct Stamped {
    /// What the object lacks, or has too much.
    pub patch: Vec<PatchOperation>,
    /// What its author should know, all of it warnings.
    pub findings: Findings,
}

/// Stamps an object that has its defaults, and was judged with these findings, with what it comes to; where that is nothing, or
/// sends nothing away, takes its stamps away. `old` is the object as it was stored.
#[must_use]
pub fn stamp<'a>(
    kind: Kind,
    object: &'a Node<'a>,
    old: Option<&Node<'_>>,
    surroundings: &Surroundings<'a>,
    findings: &Findings,
) -> Stamped {
    match kind {
        Kind::ModelDeployment => with(object, old, autoscaler(object, surroundings, findings).as_ref()),
        Kind::OffloadAutoscaler | Kind::Policy => Stamped::default(),
    }
}

fn with(object: &Node<'_>, old: Option<&Node<'_>>, spec: Option<&OffloadAutoscalerSpec>) -> Stamped {
    let mut out = Stamped::default();
    let annotations = object.find(&["metadata", "annotations"]);
    // The API server refuses what is no map in its own words.
    if !object.get("metadata").is_some_and(Node::is_map) || annotations.is_some_and(|node| !node.is_map()) {
        return out;
    }
    let mut wanted = spec.and_then(|spec| serde_json::to_string(spec).ok()).map(|spec| [spec, AT_REST.to_owned()]);
    let root = At::root();
    let at_metadata = root.field("metadata");
    let at = at_metadata.field("annotations");
    if let Some(stamps) = &wanted
        && let Some(too_many) = too_many_bytes(annotations, stamps)
    {
        let message = format!(
            "what this object was compiled to is not shown here: with it, its annotations would have {too_many} bytes, and at \
             most {MOST_BYTES} are allowed"
        );
        out.findings
            .add(Finding::new(&OB019, &at.key(AUTOSCALER), message).hint("`beamlit-operator compile` shows it"));
        wanted = None;
    }
    let mut added = Map::new();
    for (index, key) in KEYS.into_iter().enumerate() {
        let wanted = wanted.as_ref().and_then(|stamps| stamps.get(index));
        let own = annotations.and_then(|annotations| annotations.get(key));
        let is = own.and_then(Node::text) == wanted.map(String::as_str) && own.is_some() == wanted.is_some();
        if is {
            continue;
        }
        if own.is_some() && own != old.and_then(|old| old.find(&["metadata", "annotations", key])) {
            let message = "only the operator writes it: what was written here was not stored";
            out.findings.add(Finding::new(&OB019, &at.key(key), message).hint("leave it out"));
        }
        match wanted {
            Some(stamp) => _ = added.insert(key.to_owned(), Value::String(stamp.clone())),
            None => out.patch.push(PatchOperation::Remove(RemoveOperation { path: pointer(key) })),
        }
    }
    if annotations.is_none() && !added.is_empty() {
        let path = PointerBuf::from_tokens(["metadata", "annotations"]);
        out.patch.push(PatchOperation::Add(AddOperation { path, value: Value::Object(added) }));
    } else {
        let add = |(key, value): (String, Value)| PatchOperation::Add(AddOperation { path: pointer(&key), value });
        out.patch.extend(added.into_iter().map(add));
    }
    out
}

fn pointer(key: &str) -> PointerBuf {
    PointerBuf::from_tokens(["metadata", "annotations", key])
}

/// How many bytes the annotations would have with these stamps, if those are too many.
fn too_many_bytes(annotations: Option<&Node<'_>>, stamps: &[String; 2]) -> Option<usize> {
    let others = annotations.map(Node::members).unwrap_or_default();
    let size = |text: Option<&str>| text.map(str::len).unwrap_or_default();
    let others = others.iter().filter(|member| !KEYS.contains(&member.key.as_ref()));
    let others: usize = others.map(|member| member.key.len() + size(member.value.text())).sum();
    let ours: usize = KEYS.iter().map(|key| key.len()).chain(stamps.iter().map(String::len)).sum();
    Some(others + ours).filter(|all| *all > MOST_BYTES)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::defaults;
    use crate::engine::finding::Severity;
    use crate::engine::parse::{JsonLimits, from_json};

    fn stamped(object: &Value, old: Option<&Value>) -> (Value, Vec<String>) {
        let bytes = serde_json::to_vec(object).unwrap();
        let mut node = from_json(&bytes, JsonLimits::UniqueKeys).unwrap();
        _ = defaults::apply(Kind::ModelDeployment, &mut node);
        let old = old.map(|old| serde_json::to_vec(old).unwrap());
        let old = old.as_ref().map(|old| from_json(old, JsonLimits::UniqueKeys).unwrap());
        let surroundings = Surroundings::alone("default");
        let out = stamp(Kind::ModelDeployment, &node, old.as_ref(), &surroundings, &Findings::default());
        let mut patched = object.clone();
        json_patch::patch(&mut patched, &json_patch::Patch(out.patch)).unwrap();
        assert_eq!(out.findings.of(Severity::Error).count(), 0);
        (patched, out.findings.list().iter().map(ToString::to_string).collect())
    }

    fn object(annotations: &Value, offloading: &Value) -> Value {
        json!({"metadata": {"name": "m", "annotations": annotations}, "spec": {"model": "m",
            "modelSourceRef": {"name": "m"}, "serviceRef": {"name": "m"}, "offloadingConfig": offloading}})
    }

    #[test]
    fn an_object_that_offloads_is_stamped_and_nothing_else_of_it_changes() {
        for annotations in [json!(null), json!({}), json!({"a/b~c": "kept"})] {
            let (stamped, findings) = stamped(&object(&annotations, &json!({})), None);
            assert_eq!(findings, [""; 0]);
            let all = stamped["metadata"]["annotations"].as_object().unwrap();
            assert_eq!(all[WEIGHTS], "local=100,remote=0");
            let spec: OffloadAutoscalerSpec = serde_json::from_str(all[AUTOSCALER].as_str().unwrap()).unwrap();
            assert_eq!(spec.max_remote_weight, 100);
            assert_eq!(all.len(), 2 + annotations.as_object().map_or(0, Map::len));
            let mut without = stamped.clone();
            without["metadata"]["annotations"] = annotations.clone();
            assert_eq!(without, object(&annotations, &json!({})));
        }
    }

    #[test]
    fn stamped_once_more_nothing_changes_and_nothing_is_said() {
        let (once, _) = stamped(&object(&json!({"a": "b"}), &json!({"behavior": {"percentage": 50}})), None);
        for old in [None, Some(&once)] {
            assert_eq!(stamped(&once, old), (once.clone(), Vec::new()));
        }
    }

    #[test]
    fn a_stamp_goes_with_what_it_showed() {
        let (before, _) = stamped(&object(&json!({"a": "b"}), &json!({})), None);
        let mut object = before.clone();
        object["spec"]["offloadingConfig"] = json!(null);
        let (after, findings) = stamped(&object, Some(&before));
        assert_eq!((&after["metadata"]["annotations"], findings), (&json!({"a": "b"}), Vec::new()));
    }

    #[test]
    fn an_update_renews_the_stamp_without_a_word() {
        let (before, _) = stamped(&object(&json!({}), &json!({"behavior": {"percentage": 50}})), None);
        let mut object = before.clone();
        object["spec"]["offloadingConfig"]["behavior"]["percentage"] = json!(80);
        let (after, findings) = stamped(&object, Some(&before));
        assert!(after["metadata"]["annotations"][AUTOSCALER].as_str().unwrap().contains("\"maxRemoteWeight\":80"));
        assert_eq!(findings, [""; 0]);
    }

    #[test]
    fn a_forged_stamp_is_overwritten_or_taken_away_and_its_author_told() {
        let told = |key: &str| {
            format!(
                "metadata.annotations[{key}]: Forbidden: only the operator writes it: what was written here was not stored; leave it out [OB019]"
            )
        };
        let forged = json!({AUTOSCALER: "{}", WEIGHTS: "local=0,remote=100", "a": "b"});
        let (right, _) = stamped(&object(&json!({"a": "b"}), &json!({})), None);
        for old in [None, Some(&right)] {
            let (overwritten, findings) = stamped(&object(&forged, &json!({})), old);
            assert_eq!(overwritten["metadata"]["annotations"], right["metadata"]["annotations"]);
            assert_eq!(findings, [told(AUTOSCALER), told(WEIGHTS)]);
        }
        let (taken, findings) = stamped(&object(&forged, &json!(null)), None);
        assert_eq!((&taken["metadata"]["annotations"], findings.len()), (&json!({"a": "b"}), 2));
        // One that is stored already, because nobody was there to overwrite it, is mended in silence.
        let stored = object(&forged, &json!({}));
        assert_eq!(stamped(&stored, Some(&stored)).1, [""; 0]);
    }

    #[test]
    fn there_is_no_stamp_beyond_what_annotations_may_have() {
        let room = |size: usize| object(&json!({"a": "x".repeat(size)}), &json!({}));
        let (stamped_object, _) = stamped(&room(0), None);
        let ours: usize = stamped_object["metadata"]["annotations"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| key.len() + value.as_str().unwrap().len())
            .sum();
        let (fits, findings) = stamped(&room(MOST_BYTES - ours), None);
        assert!(fits["metadata"]["annotations"].get(WEIGHTS).is_some() && findings.is_empty());
        let (full, findings) = stamped(&room(MOST_BYTES - ours + 1), None);
        assert_eq!(full, room(MOST_BYTES - ours + 1));
        assert!(findings.len() == 1 && findings[0].contains("262145 bytes"), "{findings:?}");
        // What was stamped before goes, so that the object can be stored at all.
        let mut crowded = stamped_object.clone();
        crowded["metadata"]["annotations"]["a"] = json!("x".repeat(MOST_BYTES - ours + 1));
        let (left, _) = stamped(&crowded, Some(&stamped_object));
        assert_eq!(left["metadata"]["annotations"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_map_is_left_to_the_api_server() {
        for annotations in [json!([]), json!("x"), json!(7)] {
            let object = object(&annotations, &json!({}));
            assert_eq!(stamped(&object, None), (object.clone(), Vec::new()));
        }
        let bare = json!({"spec": object(&json!(null), &json!({}))["spec"]});
        assert_eq!(stamped(&bare, None).0, bare);
    }

    /// With `generateName` an object has no name yet when it is stamped.
    #[test]
    fn nothing_in_a_stamp_is_named_after_the_object() {
        let mut named = object(&json!({}), &json!({}));
        named["metadata"]["name"] = json!("a-name-of-its-own");
        let (stamped, _) = stamped(&named, None);
        assert!(!stamped["metadata"]["annotations"].to_string().contains("a-name-of-its-own"));
    }
}
