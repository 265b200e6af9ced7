//! JSON as it is meant: what is absent, null or empty is the same, members have no order, and 1 is 1.0.

use serde_json::{Map, Value};

/// Takes out every null, wherever it stands.
pub(super) fn without_nulls(members: Map<String, Value>) -> Map<String, Value> {
    members.into_iter().filter_map(|(key, value)| Some((key, not_null(value)?))).collect()
}

fn not_null(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(members) => Some(Value::Object(without_nulls(members))),
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(not_null).collect())),
        other => Some(other),
    }
}

/// Whether all that is wanted is there. What is there beside it, others may have set, or a server for them.
pub(super) fn covers(there: Option<&Value>, wanted: &Value) -> bool {
    if is_empty(wanted) {
        return there.is_none_or(is_empty);
    }
    match (there, wanted) {
        (Some(Value::Object(there)), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| covers(there.get(key), wanted))
        }
        (Some(Value::Array(there)), Value::Array(wanted)) => {
            there.len() == wanted.len() && there.iter().zip(wanted).all(|(there, wanted)| covers(Some(there), wanted))
        }
        (Some(Value::Number(there)), Value::Number(wanted)) => there == wanted || there.as_f64() == wanted.as_f64(),
        (Some(there), wanted) => there == wanted,
        (None, _) => false,
    }
}

/// Whether both are the same in any order, as far as it is theirs to say: letter case does not count in codes of places.
pub(super) fn same_members(there: Option<&Value>, wanted: &Value) -> bool {
    let members = |value: &Value| {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut prints: Vec<u64> = items.iter().map(|item| fingerprint(&folded(item))).collect();
        prints.sort_unstable();
        prints.dedup();
        prints
    };
    match there {
        Some(there @ (Value::Array(_) | Value::Null)) => members(there) == members(wanted),
        Some(_) => false,
        None => members(wanted).is_empty(),
    }
}

fn folded(item: &Value) -> Value {
    let Value::Object(members) = item else { return item.clone() };
    let text = |key: &str| members.get(key).and_then(Value::as_str);
    let mut kept = Map::new();
    for key in ["type", "name"] {
        let Some(value) = text(key) else { continue };
        let code = key == "type" || matches!(text("type"), Some("country" | "continent"));
        kept.insert(key.to_owned(), if code { value.to_lowercase() } else { value.to_owned() }.into());
    }
    Value::Object(kept)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_empty),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Tells one value from another: the same for what means the same, on every build and machine (FNV-1a).
pub(super) fn fingerprint(value: &Value) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.value(value);
    hash.0
}

struct Fnv(u64);

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn text(&mut self, text: &str) {
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        if is_empty(value) {
            return self.bytes(b"0");
        }
        match value {
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().filter(|(_, value)| !is_empty(value)).collect();
                members.sort_unstable_by_key(|(key, _)| *key);
                self.bytes(b"{");
                for (key, value) in members {
                    self.text(key);
                    self.value(value);
                }
                self.bytes(b"}");
            }
            Value::Array(items) => {
                self.bytes(b"[");
                items.iter().for_each(|item| self.value(item));
                self.bytes(b"]");
            }
            Value::Number(number) => match number.as_f64() {
                Some(number) => self.bytes(&[b"n".as_slice(), &number.to_bits().to_le_bytes()].concat()),
                None => self.text(&number.to_string()),
            },
            Value::String(text) => {
                self.bytes(b"s");
                self.text(text);
            }
            Value::Bool(bool) => self.bytes(if *bool { b"t" } else { b"f" }),
            Value::Null => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_means_the_same_is_the_same() {
        for (one, other) in [
            (json!({"a": 1, "b": [1.0, "x"]}), json!({"b": [1, "x"], "a": 1.0})),
            (json!({"a": null, "b": {}, "c": [], "d": "", "e": {"f": {"g": null}}}), json!({})),
            (json!({"a": [{}]}), json!({"a": [null]})),
        ] {
            assert_eq!(fingerprint(&one), fingerprint(&other), "{one} {other}");
            assert!(covers(Some(&one), &other) && covers(Some(&other), &one), "{one} {other}");
        }
    }

    #[test]
    fn what_means_something_else_is_told_apart() {
        for (there, wanted) in [
            (json!({"a": 1}), json!({"a": 2})),
            (json!({"a": 0}), json!({"a": false})),
            (json!({}), json!({"a": false})),
            (json!({"a": [1, 2]}), json!({"a": [2, 1]})),
            (json!({"a": [1, 2]}), json!({"a": [1]})),
            (json!({"a": ["b"]}), json!({"a": {"b": "c"}})),
            (json!({"a": "1"}), json!({"a": 1})),
            (json!({"a": "b"}), json!({"a": ""})),
            (json!({"ab": "c"}), json!({"a": "bc"})),
            (json!([["a"], "b"]), json!([["a", "b"]])),
        ] {
            assert_ne!(fingerprint(&there), fingerprint(&wanted), "{there} {wanted}");
            assert!(!covers(Some(&there), &wanted), "{there} {wanted}");
        }
    }

    #[test]
    fn what_others_added_is_no_difference() {
        let there = json!({"a": {"b": 1, "added": 2}, "list": [{"x": 1, "y": 2}], "more": true});
        assert!(covers(Some(&there), &json!({"a": {"b": 1}, "list": [{"x": 1}]})));
    }

    #[test]
    fn places_have_no_order_and_codes_no_letter_case() {
        let wanted = json!([{"type": "country", "name": "us"}, {"type": "continent", "name": "EU"}, {"type": "location", "name": "A"}]);
        let same = json!([{"type": "location", "name": "A", "x": 1}, {"name": "US", "type": "country"},
            {"type": "continent", "name": "eu"}, {"type": "country", "name": "us"}]);
        assert!(same_members(Some(&same), &wanted));
        for other in [json!([{"type": "location", "name": "a"}]), json!([]), json!("x"), Value::Null] {
            assert!(!same_members(Some(&other), &wanted), "{other}");
        }
        assert!(
            !same_members(None, &wanted)
                && same_members(None, &json!([]))
                && same_members(Some(&Value::Null), &json!([]))
        );
        assert!(same_members(Some(&json!(["b", "a"])), &json!(["a", "b"])));
        assert!(!same_members(Some(&json!(["b", "A"])), &json!(["a", "b"])));
    }

    #[test]
    fn no_null_is_left() {
        let members = json!({"a": null, "b": [null, {"c": null, "d": 0}], "e": false});
        let cleaned = without_nulls(members.as_object().unwrap().clone());
        assert_eq!(Value::Object(cleaned), json!({"b": [{"d": 0}], "e": false}));
    }

    /// A label on Beamlit holds it: what an older version wrote must still be read.
    #[test]
    fn a_fingerprint_is_the_same_forever() {
        assert_eq!(format!("{:016x}", fingerprint(&json!({"a": [1, true, "b"]}))), "57bfabdb64669b06");
    }
}
