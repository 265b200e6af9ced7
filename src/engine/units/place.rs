//! Country and continent codes: what is one, regardless of ASCII letter case.

use std::fmt;

/// An officially assigned ISO 3166-1 alpha-2 code. Codes that are user-assigned (`xk`), reserved (`uk`, `eu`) or withdrawn
/// (`su`) are none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// Reads a code regardless of ASCII letter case; none if it is not officially assigned.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let code: [u8; 2] = text.as_bytes().try_into().ok()?;
        let upper = code.map(|byte| byte.to_ascii_uppercase());
        let assigned = rust_iso3166::from_alpha2(std::str::from_utf8(&upper).ok()?).is_some();
        assigned.then(|| Self(code.map(|byte| byte.to_ascii_lowercase())))
    }

    /// The code in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Total: only ASCII letters get in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Every code, in the order of the English names.
    pub fn all() -> impl Iterator<Item = Self> {
        rust_iso3166::ALL.iter().filter_map(|country| Self::parse(country.alpha2))
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A continent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Continent {
    /// `af`.
    Africa,
    /// `an`.
    Antarctica,
    /// `as`.
    Asia,
    /// `eu`.
    Europe,
    /// `na`, Central America and the Caribbean included.
    NorthAmerica,
    /// `oc`, Australia included.
    Oceania,
    /// `sa`.
    SouthAmerica,
}

impl Continent {
    /// Every continent, in the order of the codes.
    pub const ALL: [Self; 7] = [
        Self::Africa,
        Self::Antarctica,
        Self::Asia,
        Self::Europe,
        Self::NorthAmerica,
        Self::Oceania,
        Self::SouthAmerica,
    ];

    /// Reads a code regardless of ASCII letter case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|continent| continent.as_str().eq_ignore_ascii_case(text))
    }

    /// The code in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Africa => "af",
            Self::Antarctica => "an",
            Self::Asia => "as",
            Self::Europe => "eu",
            Self::NorthAmerica => "na",
            Self::Oceania => "oc",
            Self::SouthAmerica => "sa",
        }
    }
}

impl fmt::Display for Continent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn there_are_249_countries() {
        let all: BTreeSet<CountryCode> = CountryCode::all().collect();
        assert_eq!(all.len(), 249);
        assert!(all.iter().all(|code| CountryCode::parse(code.as_str()) == Some(*code)));
    }

    #[test]
    fn of_all_pairs_of_letters_249_are_countries_and_7_continents() {
        let pairs = || ('a'..='z').flat_map(|a| ('a'..='z').map(move |b| format!("{a}{b}")));
        assert_eq!(pairs().filter(|pair| CountryCode::parse(pair).is_some()).count(), 249);
        assert_eq!(pairs().filter(|pair| Continent::parse(pair).is_some()).count(), 7);
    }

    #[test]
    fn only_what_is_officially_assigned_is_a_country() {
        for text in ["us", "US", "uS", "gb", "gr", "aq", "ax", "bq", "cw", "eh", "ps", "ss", "sx", "tl", "tw", "um"] {
            assert_eq!(CountryCode::parse(text).unwrap().as_str(), text.to_lowercase());
        }
        // user-assigned, reserved, withdrawn, unassigned, and other forms
        for text in [
            "xk",
            "zz",
            "aa",
            "qm",
            "xa",
            "uk",
            "el",
            "eu",
            "su",
            "ac",
            "cp",
            "dg",
            "ea",
            "ic",
            "ta",
            "un",
            "fx",
            "an",
            "bu",
            "cs",
            "dd",
            "nt",
            "tp",
            "yu",
            "zr",
            "oc",
            "jx",
            "usa",
            "840",
            "u",
            "",
            " us",
            "us ",
            "u\0",
            "us-ca",
            "ｕｓ",
            "\u{212a}e",
            "\u{131}t",
            "\u{130}t",
            "ſe",
            "dе",
            "🇺🇸",
        ] {
            assert_eq!(CountryCode::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_seven_codes_are_continents() {
        for (continent, code) in Continent::ALL.into_iter().zip(["af", "an", "as", "eu", "na", "oc", "sa"]) {
            assert_eq!(continent.as_str(), code);
            assert_eq!(Continent::parse(code), Some(continent));
            assert_eq!(Continent::parse(&code.to_uppercase()), Some(continent));
        }
        for text in ["us", "am", "", " eu", "eu ", "europe", "ｅu", "\u{17f}a", "oс"] {
            assert_eq!(Continent::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn codes_ignore_ascii_case_and_nothing_else(text in prop_oneof!["[a-zA-Z]{2}", "[a-zA-ZſK\u{131}]{2}", any::<String>()]) {
            let country = CountryCode::parse(&text);
            prop_assert_eq!(country, CountryCode::parse(&text.to_ascii_lowercase()));
            if let Some(code) = country {
                prop_assert_eq!(code.as_str(), text.to_ascii_lowercase());
            }
            let continent = Continent::parse(&text);
            prop_assert_eq!(continent, Continent::parse(&text.to_ascii_lowercase()));
            if let Some(code) = continent {
                prop_assert_eq!(code.as_str(), text.to_ascii_lowercase());
            }
        }
    }
}
