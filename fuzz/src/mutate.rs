//! Mutations that keep an object an object: members come, go and change places where the schema has them, and what bytes
//! alone would seldom become is reached. Every third time it is bytes after all.

use serde_json::{Map, Value as Json, json};

use crate::schema;
use beamlit_operator::engine::Kind;

/// The mutator of libFuzzer itself: bytes, how many of them count, and the most there may be; it gives the new count.
pub type OfBytes<'f> = &'f mut dyn FnMut(&mut [u8], usize, usize) -> usize;

/// Texts at which something changes.
const TEXTS: &[&str] = &[
    "",
    " ",
    "m",
    "my-model",
    "My_Model",
    "a.b",
    "-a",
    "a/b",
    "%2e%2e",
    "..",
    "é",
    "\u{202e}x",
    "\u{0}",
    "\u{1f600}",
    "'\"\\",
    "us",
    "uk",
    "USA",
    "United Kingdom",
    "eu",
    "Europe",
    "global",
    "aws/us-east-1",
    "a100",
    "gpu/a100",
    "cpu",
    "memory",
    "models.example.com",
    "a.example:8443",
    "https://a.example/v1",
    "https://u:p@a.example",
    "localhost",
    "127.0.0.1",
    "[::ffff:169.254.169.254]",
    "2130706433",
    "web.team-b.svc",
    "kubernetes.default.svc.cluster.local",
    "bücher.example",
    "/v1",
    "/$model",
    "/$modle/x",
    "/a/../b",
    "/%252e%252e/",
    "team-a",
    "team-b",
    "500m",
    "1.5Gi",
    "1e3",
    "-1",
    "0",
    "1e400",
    "99999999999999999999",
    "1h",
    "6s",
    "59m59s",
    "1.5h",
    "P1D",
    "true",
    "yes",
    "5",
    "apps/v1",
    "v1",
    "Service",
    "Deployment",
    "Utilization",
    "AverageValue",
    "Value",
    "authorization",
    "Authorization",
    "Host",
    "In",
    "NotIn",
    "oauth",
];

/// Numbers at which something changes.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "10",
    "15",
    "100",
    "101",
    "300",
    "1800",
    "1801",
    "3600",
    "3601",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "0.5",
    "50.0",
    "1e3",
    "1e300",
    "-0.0",
];

/// A small generator, so that a mutation depends on its seed alone.
struct Dice(u64);

impl Dice {
    fn new(seed: u32) -> Self {
        Self(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `sides`, which is 1 or more.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides.max(1)
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn of<'t, T: ?Sized>(&mut self, all: &[&'t T]) -> &'t T {
        all[self.roll(all.len())]
    }
}

/// Mutates an object, or two one after the other, of which the second is the one that was stored before.
pub fn objects(data: &mut [u8], size: usize, most: usize, seed: u32, of_bytes: OfBytes<'_>) -> usize {
    structured(data, size, most, seed, of_bytes, |values, dice, of_bytes| {
        match values.len() {
            1 if dice.one_in(12) => values.push(values[0].clone()),
            2 if dice.one_in(12) => _ = values.pop(),
            2 if dice.one_in(12) => values.swap(0, 1),
            _ => {}
        }
        let which = dice.roll(values.len());
        object(&mut values[which], dice, of_bytes);
    })
}

/// Mutates a review, most often in its object.
pub fn review(data: &mut [u8], size: usize, most: usize, seed: u32, of_bytes: OfBytes<'_>) -> usize {
    structured(data, size, most, seed, of_bytes, |values, dice, of_bytes| {
        let Some(request) = values[0].get_mut("request").filter(|request| request.is_object()) else {
            return any(&mut values[0], &Json::Null, dice, of_bytes);
        };
        match dice.roll(12) {
            0 => {
                request["operation"] = "UPDATE".into();
                request["oldObject"] = request["object"].clone();
            }
            1 => request["operation"] = (*dice.of(&["CREATE", "UPDATE", "DELETE", "CONNECT"])).into(),
            2 => any(request, &Json::Null, dice, of_bytes),
            3 | 4 => object(&mut request["oldObject"], dice, of_bytes),
            _ => object(&mut request["object"], dice, of_bytes),
        }
    })
}

fn structured(
    data: &mut [u8],
    size: usize,
    most: usize,
    seed: u32,
    of_bytes: OfBytes<'_>,
    change: impl FnOnce(&mut Vec<Json>, &mut Dice, OfBytes<'_>),
) -> usize {
    let mut dice = Dice::new(seed);
    let read: Result<Vec<Json>, _> = serde_json::Deserializer::from_slice(&data[..size]).into_iter().collect();
    let mut values = match read {
        Ok(values) if !values.is_empty() && !dice.one_in(3) => values,
        _ => return of_bytes(data, size, most),
    };
    change(&mut values, &mut dice, of_bytes);
    let texts: Vec<String> = values.iter().map(Json::to_string).collect();
    let text = texts.join("\n");
    if text.len() > most {
        return of_bytes(data, size, most);
    }
    data[..text.len()].copy_from_slice(text.as_bytes());
    text.len()
}

/// Changes an object in one to three places, most often in its spec.
fn object(object: &mut Json, dice: &mut Dice, of_bytes: OfBytes<'_>) {
    let kind = Kind::ALL.into_iter().find(|kind| object["kind"] == kind.name()).unwrap_or(Kind::ModelDeployment);
    for _ in 0..=dice.roll(3) {
        match object.get_mut("spec").filter(|_| !dice.one_in(8)) {
            Some(spec) => any(spec, schema::of_spec(kind), dice, of_bytes),
            None => any(object, &json!({"properties": {"spec": schema::of_spec(kind)}}), dice, of_bytes),
        }
    }
}

/// Changes a value, or something below it.
fn any(value: &mut Json, schema: &Json, dice: &mut Dice, of_bytes: OfBytes<'_>) {
    match value {
        Json::Object(members) if !members.is_empty() && !dice.one_in(4) => {
            let place = dice.roll(members.len());
            if let Some((name, value)) = members.iter_mut().nth(place) {
                any(value, schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]), dice, of_bytes);
            }
        }
        Json::Array(items) if !items.is_empty() && !dice.one_in(4) => {
            let place = dice.roll(items.len());
            any(&mut items[place], &schema["items"], dice, of_bytes);
        }
        _ if dice.one_in(6) => *value = made(schema, dice, 0),
        Json::Object(members) => map(members, schema, dice, of_bytes),
        Json::Array(items) => list(items, schema, dice),
        Json::String(text) if !dice.one_in(4) => changed(text, dice, of_bytes),
        value => *value = made(if dice.one_in(4) { &Json::Null } else { schema }, dice, 0),
    }
}

fn map(members: &mut Map<String, Json>, schema: &Json, dice: &mut Dice, of_bytes: OfBytes<'_>) {
    let known: Vec<&String> = schema["properties"].as_object().into_iter().flat_map(Map::keys).collect();
    let one = members.keys().nth(dice.roll(members.len())).cloned();
    match (dice.roll(6), one) {
        (0, Some(name)) => _ = members.shift_remove(&name),
        (1, Some(name)) => {
            let mut other = name.clone();
            changed(&mut other, dice, of_bytes);
            if let Some(value) = members.shift_remove(&name) {
                members.insert(other, value);
            }
        }
        (2, Some(name)) => _ = members.insert(name, Json::Null),
        _ if known.is_empty() => {
            let name = dice.of(TEXTS).to_owned();
            members.insert(name, made(&schema["additionalProperties"], dice, 0));
        }
        _ => {
            let name = known[dice.roll(known.len())];
            members.insert(name.clone(), made(&schema["properties"][name], dice, 0));
        }
    }
}

fn list(items: &mut Vec<Json>, schema: &Json, dice: &mut Dice) {
    let place = dice.roll(items.len());
    match dice.roll(4) {
        0 if !items.is_empty() => _ = items.remove(place),
        1 if !items.is_empty() => items.push(items[place].clone()),
        2 if !items.is_empty() => items.swap(0, place),
        _ => items.insert(place, made(&schema["items"], dice, 0)),
    }
}

/// Changes a text: another one, or another letter case, or as bytes.
fn changed(text: &mut String, dice: &mut Dice, of_bytes: OfBytes<'_>) {
    match dice.roll(8) {
        0 => *text = dice.of(TEXTS).to_owned(),
        1 => *text = text.to_uppercase(),
        2 => text.insert_str(0, dice.of(TEXTS)),
        3 => text.push_str(dice.of(TEXTS)),
        _ => {
            let size = text.len();
            let most = size + 16;
            let mut bytes = text.clone().into_bytes();
            bytes.resize(most, 0);
            let size = of_bytes(&mut bytes, size, most);
            *text = String::from_utf8_lossy(&bytes[..size]).into_owned();
        }
    }
}

/// Makes a value, most often one that the schema takes; of any type where there is no schema.
fn made(schema: &Json, dice: &mut Dice, depth: usize) -> Json {
    let number = |dice: &mut Dice| serde_json::from_str(dice.of(NUMBERS)).unwrap_or(Json::Null);
    if schema["x-kubernetes-int-or-string"] == true {
        return if dice.one_in(3) { number(dice) } else { dice.of(TEXTS).into() };
    }
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.is_empty() && !dice.one_in(8)) {
        return allowed[dice.roll(allowed.len())].clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
            let mut members = Map::new();
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                let wanted = if required.contains(&name.as_str()) { !dice.one_in(10) } else { dice.one_in(3) };
                if wanted && depth < 8 {
                    members.insert(name.clone(), made(schema, dice, depth + 1));
                }
            }
            if schema["additionalProperties"].is_object() {
                for _ in 0..dice.roll(3) {
                    let name = dice.of(TEXTS).to_owned();
                    members.insert(name, made(&schema["additionalProperties"], dice, depth + 1));
                }
            }
            Json::Object(members)
        }
        Some("array") => (0..dice.roll(4)).map(|_| made(&schema["items"], dice, depth + 1)).collect(),
        Some("string") => dice.of(TEXTS).into(),
        Some("integer") => number(dice),
        Some("boolean") => dice.one_in(2).into(),
        _ => match dice.roll(6) {
            0 => Json::Null,
            1 => dice.one_in(2).into(),
            2 => number(dice),
            3 => {
                json!([made(schema, dice, depth + 1)]).as_array().filter(|_| depth < 3).map_or(json!([]), |l| json!(l))
            }
            4 => json!({ dice.of(TEXTS): 1 }),
            _ => dice.of(TEXTS).into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mutator of bytes that has nothing at its disposal but the length.
    fn shorten(_: &mut [u8], size: usize, _: usize) -> usize {
        size.saturating_sub(1)
    }

    #[test]
    fn a_mutant_is_json_depends_on_its_seed_alone_and_differs_from_the_next() {
        let written =
            br#"{"kind":"ModelDeployment","spec":{"model":"m","policies":[{"name":"p"}],"offloadingConfig":{}}}"#;
        let mutant = |seed| {
            let mut data = written.to_vec();
            data.resize(4096, 0);
            let size = objects(&mut data, written.len(), 4096, seed, &mut shorten);
            data.truncate(size);
            data
        };
        let all: Vec<Vec<u8>> = (1..500).map(mutant).collect();
        let whole =
            |data: &&Vec<u8>| serde_json::Deserializer::from_slice(data).into_iter::<Json>().all(|value| value.is_ok());
        assert!(all.iter().filter(whole).count() > 250, "most mutants are JSON");
        assert_eq!(all[7], mutant(8));
        let mut different = all.clone();
        different.sort();
        different.dedup();
        assert!(different.len() > 200, "only {} mutants differ", different.len());
    }

    #[test]
    fn what_has_no_room_and_what_is_no_json_is_left_to_the_mutator_of_bytes() {
        for (written, most) in [(&br#"{"spec":{}}"#[..], 4), (b"no json", 4096)] {
            for seed in 1..50 {
                let mut data = written.to_vec();
                data.resize(4096, 0);
                let size = objects(&mut data, written.len(), most, seed, &mut shorten);
                assert!(size <= most.max(written.len() - 1), "{size}");
            }
        }
    }

    #[test]
    fn a_review_stays_one() {
        let written =
            br#"{"request":{"uid":"u","operation":"CREATE","object":{"kind":"Policy","spec":{}},"oldObject":null}}"#;
        let mut updates = 0;
        for seed in 1..500 {
            let mut data = written.to_vec();
            data.resize(4096, 0);
            let size = review(&mut data, written.len(), 4096, seed, &mut shorten);
            let mutant = serde_json::from_slice::<Json>(&data[..size]).unwrap_or_default();
            updates +=
                usize::from(mutant["request"]["operation"] == "UPDATE" && mutant["request"]["oldObject"].is_object());
        }
        assert!(updates > 10, "only {updates} updates");
    }
}
