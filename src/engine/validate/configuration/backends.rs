//! `backends`: which hosts are meant, where they are, and on what they run.

use std::collections::HashMap;

use super::hosts;
use super::places::{self, Locations};
use crate::engine::finding::rules::{CF009, CF010, CF011, CF012};
use crate::engine::finding::{At, Finding, Findings};
use crate::engine::parse::{Member, Node, Value};
use crate::engine::suggest;
use crate::engine::units::{Continent, CountryCode, HostPattern};
use crate::engine::validate::policy;

/// Judges `backends`; `at` is its place.
pub(super) fn backends(out: &mut Findings, at: &At<'_>, items: &[Node<'_>], locations: &Locations<'_>) {
    let mut seen: HashMap<HostPattern, usize> = HashMap::with_capacity(items.len());
    for (entry, item) in items.iter().enumerate() {
        let place = at.index(entry);
        if !item.is_map() {
            continue;
        }
        if let Some(pattern) = hosts::pattern(out, &place.field("host"), item.get("host")) {
            let text = item.text_of("host").unwrap_or_default();
            hosts::once(out, at, &place.field("host"), text, *seen.entry(pattern).or_insert(entry), entry);
        }
        let (country, continent) = places::place(out, &place, item);
        located(out, &place, item, country, continent, locations);
        flavors(out, &place.field("flavors"), item);
        // A field that nobody knows was meant to say something: of it the structure has spoken.
        let silent = |member: &Member<'_>| match member.key.as_ref() {
            "host" => true,
            "flavors" => member.value.is_null() || is_empty_list(&member.value),
            _ => member.value.is_null(),
        };
        if item.members().iter().all(silent) && !item.members().is_empty() {
            out.add(Finding::new(&CF011, &place, "neither a place nor flavors: nothing is declared of this backend"));
        }
    }
}

fn is_empty_list(node: &Node<'_>) -> bool {
    matches!(&node.value, Value::List(items) if items.is_empty())
}

/// How many locations are looked through for what was meant.
const MAX_CANDIDATES: usize = 64;

/// Judges where a backend is against what `locations` says of its location.
fn located(
    out: &mut Findings,
    at: &At<'_>,
    item: &Node<'_>,
    country: Option<CountryCode>,
    continent: Option<Continent>,
    locations: &Locations<'_>,
) {
    let location_at = at.field("location");
    let Some(name) = places::name(out, &location_at, item, "location") else { return };
    let Some(known) = locations.get(name) else {
        if item.get("country").is_none() && item.get("continent").is_none() {
            let message = "locations does not say where it lies: only a policy that allows this very location is met";
            let hint =
                (locations.len() <= MAX_CANDIDATES).then(|| suggest::did_you_mean(name, locations.names())).flatten();
            out.add(Finding::new(&CF012, &location_at, message).value(name).maybe_hint(hint));
        }
        return;
    };
    let root = At::root();
    let list = root.field("locations");
    let entry = list.index(known.entry);
    let (field, message) = match (country, known.country) {
        (Some(here), Some(there)) if here != there => ("country", format!("the location lies in country {there}")),
        _ => match (continent, known.continent) {
            (Some(here), Some(there)) if here != there => {
                let field = if country.is_some() { "country" } else { "continent" };
                (field, format!("the location lies on continent {there}"))
            }
            _ => return,
        },
    };
    let message = format!("{message}, as {} says", entry.path());
    let text = item.text_of(field).unwrap_or_default();
    out.add(Finding::new(&CF010, &at.field(field), message).value(text).related(&location_at).related(&entry));
}

fn flavors(out: &mut Findings, at: &At<'_>, item: &Node<'_>) {
    for (index, flavor) in item.get("flavors").map(Node::items).unwrap_or_default().iter().enumerate() {
        let at = at.index(index);
        if let Some(name) =
            flavor.text_of("name").filter(|name| !name.is_empty() && name.chars().count() <= policy::MAX_NAME)
        {
            policy::named(out, &at.field("name"), &CF009, name);
        }
    }
}
