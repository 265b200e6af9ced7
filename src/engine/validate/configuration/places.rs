//! Countries, continents and locations: their names, and that they do not contradict each other.

use std::collections::HashMap;

use crate::engine::finding::rules::{CF004, CF005, CF006, CF007, CF008, CF009};
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::Node;
use crate::engine::units::{Continent, CountryCode};
use crate::engine::validate::policy;

/// Where a location lies, by the entry that says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) entry: usize,
    pub(super) country: Option<CountryCode>,
    pub(super) continent: Option<Continent>,
}

/// What the entries of `locations` say, of several with one name the first.
#[derive(Debug, Default)]
pub(super) struct Locations<'n>(HashMap<&'n str, Known>);

impl<'n> Locations<'n> {
    pub(super) fn get(&self, name: &str) -> Option<Known> {
        self.0.get(name).copied()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'n str> {
        self.0.keys().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Judges `locations`; `at` is its place.
pub(super) fn locations<'n>(out: &mut Findings, at: &At<'_>, items: &'n [Node<'_>]) -> Locations<'n> {
    let mut known: HashMap<&str, Known> = HashMap::with_capacity(items.len());
    for (entry, item) in items.iter().enumerate() {
        let at = at.index(entry);
        if !item.is_map() {
            continue;
        }
        let named = name(out, &at.field("name"), item, "name");
        let (country, continent) = place(out, &at, item);
        if item.get("country").is_none() && item.get("continent").is_none() {
            let finding = Finding::new(&CF007, &at, "country or continent is required: without them it is only a name");
            out.add(finding.maybe_value(named));
        }
        let Some(name) = named else { continue };
        let first = known.entry(name).or_insert(Known { entry, country, continent }).entry;
        if first != entry {
            let list = At::root();
            let list = list.field("locations");
            let first = list.index(first);
            let message = format!("already declared at {}", first.path());
            out.add(Finding::new(&CF008, &at.field("name"), message).value(name).related(&first));
        }
    }
    Locations(known)
}

/// Judges a name that Beamlit gave, and gives it if it is one.
pub(super) fn name<'n>(out: &mut Findings, at: &At<'_>, item: &'n Node<'_>, field: &str) -> Option<&'n str> {
    let name = item.text_of(field).filter(|name| !name.is_empty() && name.chars().count() <= policy::MAX_NAME)?;
    policy::named(out, at, &CF009, name)
}

/// Judges `country` and `continent`, and gives what is sound of them; with a country goes its continent.
pub(super) fn place(out: &mut Findings, at: &At<'_>, item: &Node<'_>) -> (Option<CountryCode>, Option<Continent>) {
    let text = |field| item.text_of(field).filter(|text| !text.is_empty());
    let (country_at, continent_at) = (at.field("country"), at.field("continent"));
    let country = text("country").and_then(|text| {
        let country = CountryCode::parse(text);
        if country.is_none() {
            let finding = Finding::new(&CF004, &country_at, "not an ISO 3166-1 alpha-2 country code");
            out.add_error(|| finding.value(text).maybe_hint(CountryCode::hint_in_field(text)));
        }
        country
    });
    let continent = text("continent").and_then(|text| {
        let continent = Continent::parse(text);
        if continent.is_none() {
            let all = Continent::ALL.map(|continent| quoted(continent.as_str())).join(", ");
            let finding = Finding::new(&CF005, &continent_at, format!("supported values: {all}"));
            out.add_error(|| finding.value(text).maybe_hint(Continent::hint_in_field(text)));
        }
        continent
    });
    if let (Some(country), Some(continent)) = (country, continent)
        && country.continent() != continent
    {
        let message = format!("country {country} is counted on continent {}", country.continent());
        let finding = Finding::new(&CF006, &continent_at, message).value(text("continent").unwrap_or_default());
        out.add(finding.hint("leave continent out: the country tells it").related(&country_at));
    }
    (country, country.map(CountryCode::continent).or(continent))
}
