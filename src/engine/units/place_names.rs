//! What people write instead of a country's or a continent's code. For hints only, never for a verdict.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::{Continent, CountryCode};
use crate::engine::finding::quoted;
use crate::engine::suggest::{self, Folded};

impl CountryCode {
    /// The hint for a text that is no country code: what it most likely stands for. None where that would be a guess: two
    /// letters are near too many codes.
    #[must_use]
    pub fn hint(text: &str) -> Option<String> {
        let folded = Folded::new(text);
        let country = Self::meant(&folded);
        if country.is_some() {
            return country.map(|code| suggest::hint(code.as_str()));
        }
        Continent::meant(&folded).map(|code| wrong_type("continent", code.as_str(), text))
    }

    /// As [`CountryCode::hint`], where country and continent are fields of their own.
    #[must_use]
    pub fn hint_in_field(text: &str) -> Option<String> {
        let folded = Folded::new(text);
        let country = Self::meant(&folded).map(|code| suggest::hint(code.as_str()));
        country.or_else(|| Continent::meant(&folded).map(|code| format!("did you mean continent: {code}?")))
    }

    fn meant(text: &Folded) -> Option<Self> {
        let exact = |text: &str| Self::parse(text).or_else(|| Self::by_other_code(text));
        exact(text.text())
            .or_else(|| COUNTRIES.get(&key(text.text())).copied())
            .or_else(|| subdivided(text.text()).and_then(exact))
            .or_else(|| exact(&text.skeletons().0))
            .or_else(|| misspelt(text, &COUNTRIES))
    }

    /// The country of an alpha-3 or numeric code, or of the alpha-2 codes that only its inhabitants use.
    fn by_other_code(text: &str) -> Option<Self> {
        let country = match text {
            "uk" => return Self::parse("gb"),
            "el" => return Self::parse("gr"),
            _ if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                rust_iso3166::from_alpha3(&text.to_ascii_uppercase())
            }
            _ if text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                rust_iso3166::from_numeric(text.parse().ok()?)
            }
            _ => None,
        };
        Self::parse(country?.alpha2)
    }
}

impl Continent {
    /// The hint for a text that is no continent code: what it most likely stands for.
    #[must_use]
    pub fn hint(text: &str) -> Option<String> {
        let folded = Folded::new(text);
        if AMERICAS.contains(&folded.text()) {
            let [north, south] = [Self::NorthAmerica, Self::SouthAmerica].map(|continent| quoted(continent.as_str()));
            return Some(format!("did you mean {north} or {south}?"));
        }
        let continent = Self::meant(&folded);
        if continent.is_some() {
            return continent.map(|code| suggest::hint(code.as_str()));
        }
        CountryCode::meant(&folded).map(|code| wrong_type("country", code.as_str(), text))
    }

    /// As [`Continent::hint`], where country and continent are fields of their own.
    #[must_use]
    pub fn hint_in_field(text: &str) -> Option<String> {
        let folded = Folded::new(text);
        if Self::meant(&folded).is_none() && !AMERICAS.contains(&folded.text()) {
            return CountryCode::meant(&folded).map(|code| format!("did you mean country: {code}?"));
        }
        Self::hint(text)
    }

    fn meant(text: &Folded) -> Option<Self> {
        Self::parse(text.text())
            .or_else(|| CONTINENTS.get(&key(text.text())).copied())
            .or_else(|| subdivided(text.text()).and_then(Self::parse))
            .or_else(|| Self::parse(&text.skeletons().0))
            .or_else(|| misspelt(text, &CONTINENTS))
    }
}

/// The hint for a place of the other type; the name is left out where it may stay as it is.
fn wrong_type(place: &str, code: &str, text: &str) -> String {
    let place = quoted(place);
    if code.eq_ignore_ascii_case(text) {
        format!("did you mean type {place}?")
    } else {
        format!("did you mean type {place} and name {}?", quoted(code))
    }
}

/// The head of a code with parts, such as `us` of `us-ca` (ISO 3166-2) or of `us-east-1`.
fn subdivided(text: &str) -> Option<&str> {
    let (head, tail) = text.split_once(['-', '_', '.', '/', ':'])?;
    (!tail.is_empty()).then_some(head)
}

/// The place of the name that this one resembles.
fn misspelt<P: Copy>(text: &Folded, places: &HashMap<String, P>) -> Option<P> {
    let name = key(text.text());
    // Shorter texts were meant as codes, and a code resembles names by chance.
    if name.chars().count() <= 3 {
        return None;
    }
    suggest::misspelt(&name, places.keys().map(String::as_str)).and_then(|name| places.get(name)).copied()
}

/// A name in a form in which its spellings are equal: words in lower case without accents and dots, in alphabetical order,
/// without those that come and go. `Korea (Republic of)` and `Republic of Korea` are one name.
fn key(name: &str) -> String {
    let plain: String = name
        .nfd()
        .filter(|c| !is_combining_mark(*c) && !matches!(c, '.' | '\'' | '’'))
        .flat_map(char::to_lowercase)
        .collect();
    let mut words: Vec<&str> = plain
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !matches!(*word, "" | "the" | "of" | "and"))
        .map(|word| if word == "st" { "saint" } else { word })
        .collect();
    words.sort_unstable();
    words.join(" ")
}

/// The two continents that one name leaves open.
const AMERICAS: [&str; 2] = ["america", "americas"];

/// The countries by the keys of their English names: as ISO has them, without what ISO adds in parentheses where no other
/// country has the same, and as people call them.
static COUNTRIES: LazyLock<HashMap<String, CountryCode>> = LazyLock::new(|| {
    let mut out = HashMap::new();
    let mut short: HashMap<String, Option<CountryCode>> = HashMap::new();
    for country in rust_iso3166::ALL {
        let Some(code) = CountryCode::parse(country.alpha2) else { continue };
        out.insert(key(country.name), code);
        if let Some((name, _)) = country.name.split_once(" (") {
            short.entry(key(name)).and_modify(|code| *code = None).or_insert(Some(code));
        }
    }
    for (name, code) in short {
        if let Some(code) = code {
            out.entry(name).or_insert(code);
        }
    }
    for (name, code) in COMMON {
        if let Some(code) = CountryCode::parse(code) {
            out.insert(key(name), code);
        }
    }
    out
});

/// What people call countries that ISO calls otherwise.
const COMMON: &[(&str, &str)] = &[
    ("America", "us"),
    ("Bosnia", "ba"),
    ("Britain", "gb"),
    ("Brunei", "bn"),
    ("Burma", "mm"),
    ("Cape Verde", "cv"),
    ("Congo-Brazzaville", "cg"),
    ("Congo-Kinshasa", "cd"),
    ("Czech Republic", "cz"),
    ("DR Congo", "cd"),
    ("DRC", "cd"),
    ("East Timor", "tl"),
    ("Emirates", "ae"),
    ("England", "gb"),
    ("Great Britain", "gb"),
    ("Holland", "nl"),
    ("Ivory Coast", "ci"),
    ("Korea", "kr"),
    ("Laos", "la"),
    ("Macau", "mo"),
    ("Macedonia", "mk"),
    ("North Korea", "kp"),
    ("Northern Ireland", "gb"),
    ("People's Republic of China", "cn"),
    ("Republic of Ireland", "ie"),
    ("Russia", "ru"),
    ("Scotland", "gb"),
    ("South Korea", "kr"),
    ("Swaziland", "sz"),
    ("Syria", "sy"),
    ("Trinidad", "tt"),
    ("Turkey", "tr"),
    ("UAE", "ae"),
    ("United Kingdom", "gb"),
    ("United States", "us"),
    ("U.S.", "us"),
    ("U.K.", "gb"),
    ("U.S.A.", "us"),
    ("Vatican", "va"),
    ("Vatican City", "va"),
    ("Vietnam", "vn"),
    ("Wales", "gb"),
];

/// The continents by the keys of their names.
static CONTINENTS: LazyLock<HashMap<String, Continent>> = LazyLock::new(|| {
    [
        ("Africa", Continent::Africa),
        ("Antarctica", Continent::Antarctica),
        ("Asia", Continent::Asia),
        ("Europe", Continent::Europe),
        ("European Union", Continent::Europe),
        ("North America", Continent::NorthAmerica),
        ("NorthAmerica", Continent::NorthAmerica),
        ("Northern America", Continent::NorthAmerica),
        ("Central America", Continent::NorthAmerica),
        ("Caribbean", Continent::NorthAmerica),
        ("Oceania", Continent::Oceania),
        ("Australia", Continent::Oceania),
        ("Australasia", Continent::Oceania),
        ("South America", Continent::SouthAmerica),
        ("SouthAmerica", Continent::SouthAmerica),
    ]
    .into_iter()
    .map(|(name, continent)| (key(name), continent))
    .collect()
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(code: &str) -> Option<String> {
        Some(format!("did you mean \"{code}\"?"))
    }

    #[test]
    fn what_stands_for_a_country() {
        for (text, code) in [
            // letter case, space, invisible, compatibility and look-alike characters
            (" us", "us"),
            ("US\n", "us"),
            ("u\u{200b}s", "us"),
            ("ｕｓ", "us"),
            ("dе", "de"),
            ("υѕ", "us"),
            // alpha-3
            ("usa", "us"),
            ("USA", "us"),
            ("deu", "de"),
            ("GBR", "gb"),
            // numeric
            ("840", "us"),
            ("004", "af"),
            ("4", "af"),
            ("８４０", "us"),
            // English names
            ("Germany", "de"),
            ("united states", "us"),
            ("United States of America", "us"),
            ("the United States", "us"),
            ("U.S.", "us"),
            ("America", "us"),
            ("united_kingdom", "gb"),
            ("Great Britain", "gb"),
            ("England", "gb"),
            ("Holland", "nl"),
            ("The Netherlands", "nl"),
            ("Korea", "kr"),
            ("Republic of Korea", "kr"),
            ("South Korea", "kr"),
            ("Democratic People's Republic of Korea", "kp"),
            ("Congo", "cg"),
            ("Democratic Republic of the Congo", "cd"),
            ("Turkey", "tr"),
            ("Turkiye", "tr"),
            ("Côte d’Ivoire", "ci"),
            ("cote d'ivoire", "ci"),
            ("Curacao", "cw"),
            ("Bolivia", "bo"),
            ("British Virgin Islands", "vg"),
            ("US Virgin Islands", "vi"),
            ("St. Lucia", "lc"),
            ("Antigua & Barbuda", "ag"),
            ("Guinea-Bissau", "gw"),
            ("Guinea", "gn"),
            ("Niger", "ne"),
            ("Nigeria", "ng"),
            ("Australia", "au"),
            ("Antarctica", "aq"),
            // misspelt names
            ("Germny", "de"),
            ("Switzerlnad", "ch"),
            ("Frаnce", "fr"),
            // subdivisions
            ("us-ca", "us"),
            ("US-CA", "us"),
            ("us_tx", "us"),
            ("us-east-1", "us"),
            ("gb-eng", "gb"),
            ("uk-lon", "gb"),
            // codes that are not ISO's
            ("uk", "gb"),
            ("UK", "gb"),
            ("el", "gr"),
        ] {
            assert_eq!(CountryCode::hint(text), name(code), "{text:?}");
        }
    }

    #[test]
    fn a_continent_is_no_country() {
        for (text, hint) in [
            ("eu", "did you mean type \"continent\"?"),
            ("EU", "did you mean type \"continent\"?"),
            ("oc", "did you mean type \"continent\"?"),
            ("Europe", "did you mean type \"continent\" and name \"eu\"?"),
            ("North America", "did you mean type \"continent\" and name \"na\"?"),
            ("eu-west-1", "did you mean type \"continent\" and name \"eu\"?"),
        ] {
            assert_eq!(CountryCode::hint(text).as_deref(), Some(hint), "{text:?}");
        }
    }

    #[test]
    fn where_it_would_be_a_guess_there_is_no_hint_of_a_country() {
        for text in [
            "xk",
            "zz",
            "uu",
            "xx",
            "zzz",
            "999",
            "9999",
            "1000000",
            "",
            " ",
            "-",
            "banana",
            "Virgin Islands",
            "the",
            "\u{200b}",
        ] {
            assert_eq!(CountryCode::hint(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_stands_for_a_continent() {
        for (text, code) in [
            (" eu", "eu"),
            ("ｅｕ", "eu"),
            ("еu", "eu"),
            ("Europe", "eu"),
            ("EUROPE", "eu"),
            ("Eurpoe", "eu"),
            ("european union", "eu"),
            ("Africa", "af"),
            ("Antarctica", "an"),
            ("Asia", "as"),
            ("North America", "na"),
            ("north-america", "na"),
            ("NorthAmerica", "na"),
            ("Central America", "na"),
            ("South America", "sa"),
            ("Oceania", "oc"),
            ("Australia", "oc"),
            ("eu-west-1", "eu"),
        ] {
            assert_eq!(Continent::hint(text), name(code), "{text:?}");
        }
        assert_eq!(Continent::hint("America").as_deref(), Some("did you mean \"na\" or \"sa\"?"));
    }

    #[test]
    fn a_country_is_no_continent() {
        for (text, hint) in [
            ("us", "did you mean type \"country\"?"),
            ("US", "did you mean type \"country\"?"),
            ("usa", "did you mean type \"country\" and name \"us\"?"),
            ("uk", "did you mean type \"country\" and name \"gb\"?"),
            ("Germany", "did you mean type \"country\" and name \"de\"?"),
            ("us-ca", "did you mean type \"country\" and name \"us\"?"),
        ] {
            assert_eq!(Continent::hint(text).as_deref(), Some(hint), "{text:?}");
        }
        assert_eq!(Continent::hint("xx"), None);
        assert_eq!(Continent::hint("banana"), None);
    }

    #[test]
    fn every_country_is_known_by_its_name_and_its_other_codes() {
        for country in rust_iso3166::ALL {
            let hint = name(&country.alpha2.to_lowercase());
            assert_eq!(CountryCode::hint(country.name), hint, "{}", country.name);
            assert_eq!(CountryCode::hint(country.alpha3), hint, "{}", country.alpha3);
            assert_eq!(CountryCode::hint(&country.numeric_str()), hint, "{}", country.numeric);
        }
    }

    #[test]
    fn every_common_name_is_of_a_country_and_needed() {
        for (common, code) in COMMON {
            assert_eq!(CountryCode::hint(common), name(code), "{common}");
            assert!(rust_iso3166::ALL.iter().all(|country| key(country.name) != key(common)), "{common}");
        }
    }

    proptest! {
        #[test]
        fn hints_never_panic(text in prop_oneof![any::<String>(), "[a-zA-Z0-9 .-]{0,12}"]) {
            _ = (CountryCode::hint(&text), Continent::hint(&text));
        }
    }
}
