//! What a Policy lists: options of its own type, each in its form, each once and none inside of another.

mod in_use;

use std::collections::HashMap;
use std::hash::Hash;

use crate::engine::finding::rules::{PL001, PL002, PL003, PL004, PL005, PL006, PL007, PL008, Rule};
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::{Node, Value};
use crate::engine::policy::{Atlas, Flavor, Place};
use crate::engine::suggest;
use crate::engine::units::{Continent, CountryCode};

/// The type of a policy, or of what a policy lists, by the field that lists it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Location,
    Flavor,
}

impl Type {
    /// The type of that name; of any other the structure has spoken.
    fn of(spec: &Node<'_>) -> Option<Self> {
        match spec.text_of("type")? {
            "location" => Some(Self::Location),
            "flavor" => Some(Self::Flavor),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::Flavor => "flavor",
        }
    }

    const fn list(self) -> &'static str {
        match self {
            Self::Location => "locations",
            Self::Flavor => "flavors",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Location => Self::Flavor,
            Self::Flavor => Self::Location,
        }
    }
}

pub(in crate::engine) use in_use::{deleted, narrowed};

/// Judges the spec of a Policy; `at` is the place of the spec.
pub(super) fn policy(out: &mut Findings, at: &At<'_>, spec: &Node<'_>, atlas: &Atlas) {
    let own = Type::of(spec);
    if let Some(own) = own {
        lists(out, at, spec, own);
    }
    // What the policy's type forbids as a whole is not judged item by item.
    for list in [Type::Location, Type::Flavor] {
        if own.is_none_or(|own| own == list) {
            let items = spec.get(list.list()).map(Node::items).unwrap_or_default();
            match list {
                Type::Location => {
                    let places = each(out, &at.field(list.list()), items, location);
                    contained(out, &at.field(list.list()), items, &places, atlas);
                }
                Type::Flavor => _ = each(out, &at.field(list.list()), items, flavor),
            }
        }
    }
}

/// How many items the list of that type has: none if it is absent. Not known if it is no list, of which the structure has
/// spoken.
fn count(spec: &Node<'_>, list: Type) -> Option<usize> {
    match spec.get(list.list()).map(|node| &node.value) {
        None => Some(0),
        Some(Value::List(items)) => Some(items.len()),
        Some(_) => None,
    }
}

/// At least one option of the policy's own type, none of the other.
fn lists(out: &mut Findings, at: &At<'_>, spec: &Node<'_>, own: Type) {
    let (wanted, unwanted) = (own.list(), own.other().list());
    let surplus = count(spec, own.other()).is_some_and(|count| count > 0);
    if count(spec, own) == Some(0) {
        let finding = Finding::new(
            &PL001,
            &at.field(wanted),
            format!("a policy of type {} lists at least one {}", quoted(own.name()), own.name()),
        );
        let meant = surplus.then(|| format!("did you mean type {}?", quoted(own.other().name())));
        out.add(finding.related(&at.field("type")).maybe_hint(meant));
    }
    if surplus {
        out.add(
            Finding::new(
                &PL002,
                &at.field(unwanted),
                format!("a policy of type {} lists {wanted} only", quoted(own.name())),
            )
            .related(&at.field("type"))
            .hint(format!("write another policy of type {} for them", quoted(own.other().name()))),
        );
    }
}

/// Judges every item, and reports those that stand for the same as an earlier one. Gives what is listed, and where first.
fn each<K: Eq + Hash>(
    out: &mut Findings,
    at: &At<'_>,
    items: &[Node<'_>],
    judge: impl Fn(&mut Findings, &At<'_>, &str, &str) -> Option<K>,
) -> HashMap<K, usize> {
    let mut seen = HashMap::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let (Some(kind), Some(name)) = (item.text_of("type"), item.text_of("name")) else { continue };
        // Of these the structure has spoken.
        if name.is_empty() || (name.len() > MAX_NAME && name.chars().count() > MAX_NAME) {
            continue;
        }
        let place = at.index(index);
        let Some(option) = judge(out, &place.field("name"), kind, name) else { continue };
        let first = *seen.entry(option).or_insert(index);
        if first != index {
            let first = at.index(first);
            out.add(
                Finding::new(&PL007, &place, format!("already listed at {}", first.path())).value(name).related(&first),
            );
        }
    }
    seen
}

/// Reports the places that lie in another one of the list.
fn contained(out: &mut Findings, at: &At<'_>, items: &[Node<'_>], places: &HashMap<Place, usize>, atlas: &Atlas) {
    let mut found: Vec<_> = places
        .iter()
        .filter_map(|(place, index)| {
            let site = atlas.site(place);
            let (outer, first) = site.places().find_map(|outer| {
                let index = places.get(&outer).filter(|_| outer != *place)?;
                Some((outer, *index))
            })?;
            Some((*index, outer, first))
        })
        .collect();
    found.sort_unstable();
    for (index, outer, first) in found {
        let (place, first) = (at.index(index), at.index(first));
        let message = format!("lies in {outer}, which is listed at {}", first.path());
        let name = items.get(index).and_then(|item| item.text_of("name")).unwrap_or_default();
        out.add(Finding::new(&PL008, &place, message).value(name).related(&first));
    }
}

/// The longest name, in characters, that the schema lets through.
pub(super) const MAX_NAME: usize = 253;

/// Judges the name of a place.
fn location(out: &mut Findings, at: &At<'_>, kind: &str, name: &str) -> Option<Place> {
    match kind {
        "continent" => {
            let continent = Continent::parse(name);
            if continent.is_none() {
                let all = Continent::ALL.map(|continent| quoted(continent.as_str())).join(", ");
                wrong(out, at, &PL003, name, &format!("supported values: {all}"), Continent::hint);
            }
            continent.map(Place::Continent)
        }
        "country" => {
            let country = CountryCode::parse(name);
            if country.is_none() {
                wrong(out, at, &PL004, name, "not an ISO 3166-1 alpha-2 country code", CountryCode::hint);
            }
            country.map(Place::Country)
        }
        "location" => named(out, at, &PL005, name).map(|name| Place::Location(name.to_owned())),
        _ => None,
    }
}

/// Judges the name of a flavor.
fn flavor(out: &mut Findings, at: &At<'_>, kind: &str, name: &str) -> Option<Flavor> {
    // The form of the name is the same whatever the family, but of which one it repeats nobody can tell.
    named(out, at, &PL006, name).and_then(|name| Flavor::of(kind, name))
}

/// Judges a name that Beamlit gave.
pub(super) fn named<'n>(out: &mut Findings, at: &At<'_>, rule: &'static Rule, name: &'n str) -> Option<&'n str> {
    if is_name(name) {
        return Some(name);
    }
    let message = "must be ASCII letters, digits, \".\", \"_\" and \"-\", with a letter or digit at both ends";
    wrong(out, at, rule, name, message, |name| {
        let meant = suggest::plain(name).replace(' ', "-");
        (is_name(&meant) && meant != name).then(|| suggest::hint(&meant))
    });
    None
}

/// Whether the text is of the form `[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?`.
fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let at_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    at_end(bytes.first())
        && at_end(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn wrong(
    out: &mut Findings,
    at: &At<'_>,
    rule: &'static Rule,
    name: &str,
    message: &str,
    hint: impl FnOnce(&str) -> Option<String>,
) {
    out.add_error(|| Finding::new(rule, at, message).value(name).maybe_hint(hint(name)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use crate::engine::finding::MAX_FINDINGS;
    use crate::engine::parse::{JsonLimits, from_json};
    use crate::engine::{Kind, Reading, Surroundings, judge};

    use super::*;

    fn findings(spec: &Json) -> Findings {
        let bytes = json!({"spec": spec}).to_string();
        let object = from_json(bytes.as_bytes(), JsonLimits::UniqueKeys).unwrap();
        let surroundings = Surroundings::alone("default");
        judge(Kind::Policy, &object, &surroundings, Reading::Review)
    }

    fn said(spec: &Json) -> Vec<String> {
        findings(spec).list().iter().map(ToString::to_string).collect()
    }

    fn codes(spec: &Json) -> Vec<&'static str> {
        findings(spec).list().iter().map(|finding| finding.rule.code).collect()
    }

    fn located(places: &[(&str, &str)]) -> Json {
        let places: Vec<Json> = places.iter().map(|(kind, name)| json!({"type": kind, "name": name})).collect();
        json!({"type": "location", "locations": places})
    }

    fn flavored(flavors: &[(&str, &str)]) -> Json {
        let flavors: Vec<Json> = flavors.iter().map(|(kind, name)| json!({"type": kind, "name": name})).collect();
        json!({"type": "flavor", "flavors": flavors})
    }

    #[test]
    fn sound_policies_are_passed_in_silence() {
        let mut both_empty =
            located(&[("country", "us"), ("continent", "EU"), ("location", "us"), ("location", "US-pdx_1.a")]);
        both_empty["flavors"] = json!([]);
        for spec in [
            both_empty,
            located(&[("country", "na"), ("continent", "na"), ("location", "na")]),
            located(&[("country", "Fr")]),
            flavored(&[("cpu", "x86"), ("gpu", "t4"), ("gpu", "x86"), ("gpu", "T4")]),
            json!({"type": "flavor", "displayName": " any\ntext ", "locations": null, "flavors": [{"type": "gpu", "name": "a"}]}),
        ] {
            assert_eq!(said(&spec), [""; 0], "{spec}");
        }
    }

    #[test]
    fn a_policy_lists_its_own_type_and_nothing_else() {
        let required = "spec.locations: Required value: a policy of type \"location\" lists at least one location";
        for spec in [
            json!({"type": "location"}),
            json!({"type": "location", "locations": []}),
            json!({"type": "location", "locations": null}),
        ] {
            assert_eq!(said(&spec), [format!("{required} [PL001]")]);
        }
        assert_eq!(
            said(&json!({"type": "flavor", "flavors": []})),
            ["spec.flavors: Required value: a policy of type \"flavor\" lists at least one flavor [PL001]"]
        );
        assert_eq!(
            said(&json!({"type": "location", "flavors": [{"type": "cpu", "name": "x86"}]})),
            [
                format!("{required}; did you mean type \"flavor\"? [PL001]"),
                "spec.flavors: Forbidden: a policy of type \"location\" lists locations only; write another policy of type \
                 \"flavor\" for them [PL002]"
                    .into()
            ]
        );
        let mut spec = flavored(&[("cpu", "x86")]);
        // What is forbidden as a whole is one fault, whatever is in it.
        spec["locations"] = json!([{"type": "country", "name": "uk"}, {"type": "country", "name": "uk"}]);
        assert_eq!(codes(&spec), ["PL002"]);
    }

    #[test]
    fn codes_and_names_are_judged_where_they_stand() {
        let spec = located(&[
            ("country", "us"),
            ("country", "uk"),
            ("continent", "europe"),
            ("continent", "us"),
            ("country", "eu"),
            ("location", "us pdx"),
            ("country", "zz"),
            ("country", "u\u{202e}s"),
        ]);
        assert_eq!(
            said(&spec),
            [
                "spec.locations[1].name: Invalid value: \"uk\": not an ISO 3166-1 alpha-2 country code; did you mean \"gb\"? [PL004]",
                "spec.locations[2].name: Unsupported value: \"europe\": supported values: \"af\", \"an\", \"as\", \"eu\", \"na\", \"oc\", \"sa\"; did you mean \"eu\"? [PL003]",
                "spec.locations[3].name: Unsupported value: \"us\": supported values: \"af\", \"an\", \"as\", \"eu\", \"na\", \"oc\", \"sa\"; did you mean type \"country\"? [PL003]",
                "spec.locations[4].name: Invalid value: \"eu\": not an ISO 3166-1 alpha-2 country code; did you mean type \"continent\"? [PL004]",
                "spec.locations[5].name: Invalid value: \"us pdx\": must be ASCII letters, digits, \".\", \"_\" and \"-\", with a letter or digit at both ends; did you mean \"us-pdx\"? [PL005]",
                "spec.locations[6].name: Invalid value: \"zz\": not an ISO 3166-1 alpha-2 country code [PL004]",
                "spec.locations[7].name: Invalid value: \"u\\u{202e}s\": not an ISO 3166-1 alpha-2 country code; did you mean \"us\"? [PL004]",
            ]
        );
        assert_eq!(
            said(&flavored(&[("gpu", "t4 "), ("cpu", "-x86")])),
            [
                "spec.flavors[0].name: Invalid value: \"t4 \": must be ASCII letters, digits, \".\", \"_\" and \"-\", with a letter or digit at both ends; did you mean \"t4\"? [PL006]",
                "spec.flavors[1].name: Invalid value: \"-x86\": must be ASCII letters, digits, \".\", \"_\" and \"-\", with a letter or digit at both ends [PL006]",
            ]
        );
    }

    #[test]
    fn a_repeated_entry_is_a_warning_on_the_later_one() {
        let spec = located(&[
            ("country", "us"),
            ("country", "US"),
            ("continent", "eu"),
            ("country", "Us"),
            ("continent", "EU"),
        ]);
        let found = findings(&spec);
        assert!(!found.refuse());
        assert_eq!(
            said(&spec),
            [
                "spec.locations[1]: Duplicate value: \"US\": already listed at spec.locations[0] [PL007]",
                "spec.locations[3]: Duplicate value: \"Us\": already listed at spec.locations[0] [PL007]",
                "spec.locations[4]: Duplicate value: \"EU\": already listed at spec.locations[2] [PL007]",
            ]
        );
        // Names are compared letter by letter, and within their type.
        assert_eq!(
            codes(&located(&[("location", "a"), ("location", "A"), ("location", "a"), ("country", "fr")])),
            ["PL007"]
        );
        assert_eq!(codes(&flavored(&[("cpu", "a"), ("gpu", "a"), ("gpu", "A"), ("gpu", "a")])), ["PL007"]);
        // One fault, one finding: what is wrong is not also repeated.
        assert_eq!(codes(&located(&[("country", "uk"), ("country", "uk")])), ["PL004", "PL004"]);
    }

    #[test]
    fn where_the_structure_spoke_the_rules_are_silent() {
        let long = "a".repeat(254);
        let name_of_any_type = json!([{"type": "country", "name": "us"}]);
        for (spec, code) in [
            (json!({"type": "locations", "locations": name_of_any_type}), "OB003"),
            (json!({"type": "Location"}), "OB003"),
            (json!({"type": 1, "flavors": []}), "OB001"),
            (json!({"locations": name_of_any_type}), "OB002"),
            (json!({"type": "location", "locations": "us"}), "OB001"),
            (json!({"type": "location", "locations": name_of_any_type, "flavors": {}}), "OB001"),
            (json!({"type": "location", "locations": ["us"]}), "OB001"),
            (json!({"type": "location", "locations": [{"type": "countries", "name": "uk"}]}), "OB003"),
            (json!({"type": "location", "locations": [{"type": "country"}]}), "OB002"),
            (json!({"type": "location", "locations": [{"name": "uk"}]}), "OB002"),
            (json!({"type": "location", "locations": [{"type": "country", "name": ""}]}), "OB002"),
            (json!({"type": "location", "locations": [{"type": "country", "name": false}]}), "OB001"),
            (json!({"type": "location", "locations": [{"type": "country", "name": long}]}), "OB005"),
            (json!({"type": "location", "locations": [{"type": "location", "name": format!(" {long}")}]}), "OB005"),
            (json!({"type": "flavor", "flavors": [{"type": "tpu", "name": "t4"}]}), "OB003"),
        ] {
            assert_eq!(codes(&spec), [code], "{spec}");
        }
        // Two faults of one entry: a family that is none, and a name that is none in any family.
        assert_eq!(codes(&json!({"type": "flavor", "flavors": [{"type": "tpu", "name": "-"}]})), ["OB003", "PL006"]);
    }

    #[test]
    fn names_have_their_form() {
        let regex = |text: &str| {
            let all: Vec<char> = text.chars().collect();
            let alphanumeric = |c: &char| matches!(c, 'A'..='Z' | 'a'..='z' | '0'..='9');
            match all.as_slice() {
                [] => false,
                [only] => alphanumeric(only),
                [first, inner @ .., last] => {
                    alphanumeric(first)
                        && alphanumeric(last)
                        && inner.iter().all(|c| alphanumeric(c) || ".-_".contains(*c))
                }
            }
        };
        proptest!(|(text in prop_oneof![any::<String>(), "[aZ9._ é-]{0,5}"])| prop_assert_eq!(is_name(&text), regex(&text)));
    }

    #[test]
    fn a_great_many_entries_are_judged_in_bounded_time() {
        let start = std::time::Instant::now();
        for entry in [json!({"type": "country", "name": "atlantis"}), json!({"type": "country", "name": "us"})] {
            let spec = json!({"type": "location", "locations": vec![entry; 100_000]});
            let found = findings(&spec);
            assert_eq!(found.list().len(), MAX_FINDINGS);
            assert!(found.more() >= 100_000 - MAX_FINDINGS - 1);
        }
        assert!(start.elapsed() < std::time::Duration::from_secs(30), "{:?}", start.elapsed());
    }
}
