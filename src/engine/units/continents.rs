//! On which continent each country is counted.
//!
//! The source is the column `Continent` of `countryInfo.txt` by GeoNames (<https://download.geonames.org/export/dump/>, CC BY
//! 4.0), as of 2025. It knows the same seven continents as Beamlit, and puts a country that lies on two of them on one: Russia
//! and Cyprus in Europe, Türkiye, Georgia and Kazakhstan in Asia, Egypt in Africa. ISO 3166-1 itself says nothing of
//! continents. A test holds every country against the table.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Continent, CountryCode};

/// The countries of each continent, by code and in order.
const TABLE: [(Continent, &str); 7] = [
    (
        Continent::Africa,
        "ao bf bi bj bw cd cf cg ci cm cv dj dz eg eh er et ga gh gm gn gq gw ke km lr ls ly ma mg ml mr mu \
         mw mz na ne ng re rw sc sd sh sl sn so ss st sz td tg tn tz ug yt za zm zw",
    ),
    (Continent::Antarctica, "aq bv gs hm tf"),
    (
        Continent::Asia,
        "ae af am az bd bh bn bt cc cn ge hk id il in io iq ir jo jp kg kh kp kr kw kz la lb lk mm mn mo mv \
         my np om ph pk ps qa sa sg sy th tj tm tr tw uz vn ye",
    ),
    (
        Continent::Europe,
        "ad al at ax ba be bg by ch cy cz de dk ee es fi fo fr gb gg gi gr hr hu ie im is it je li lt lu lv \
         mc md me mk mt nl no pl pt ro rs ru se si sj sk sm ua va",
    ),
    (
        Continent::NorthAmerica,
        "ag ai aw bb bl bm bq bs bz ca cr cu cw dm do gd gl gp gt hn ht jm kn ky lc mf mq ms mx ni pa pm pr \
         sv sx tc tt us vc vg vi",
    ),
    (Continent::Oceania, "as au ck cx fj fm gu ki mh mp nc nf nr nu nz pf pg pn pw sb tk tl to tv um vu wf ws"),
    (Continent::SouthAmerica, "ar bo br cl co ec fk gf gy pe py sr uy ve"),
];

/// The table by country.
static BY_COUNTRY: LazyLock<HashMap<CountryCode, Continent>> = LazyLock::new(|| {
    let country = |code: &str, continent| Some((CountryCode::parse(code)?, continent));
    TABLE.iter().flat_map(|(continent, codes)| codes.split(' ').filter_map(|code| country(code, *continent))).collect()
});

impl CountryCode {
    /// The continent on which the country is counted.
    #[must_use]
    pub fn continent(self) -> Continent {
        // Total: a test looks up every country.
        BY_COUNTRY.get(&self).copied().unwrap_or(Continent::Antarctica)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_is_on_exactly_one_continent_and_nothing_else_is_on_any() {
        let mut listed: Vec<&str> = TABLE.iter().flat_map(|(_, codes)| codes.split(' ')).collect();
        for code in &listed {
            assert!(CountryCode::parse(code).is_some(), "{code} is no country");
        }
        let count = listed.len();
        listed.sort_unstable();
        listed.dedup();
        assert_eq!(listed.len(), count, "a country is listed twice");
        let mut all: Vec<String> = CountryCode::all().map(|code| code.to_string()).collect();
        all.sort_unstable();
        assert_eq!(listed, all);
        for (continent, codes) in TABLE {
            for code in codes.split(' ') {
                assert_eq!(CountryCode::parse(code).unwrap().continent(), continent, "{code}");
            }
        }
    }

    #[test]
    fn a_country_on_two_continents_is_counted_on_the_one_that_the_source_names() {
        for (code, continent) in [
            ("ru", Continent::Europe),
            ("tr", Continent::Asia),
            ("cy", Continent::Europe),
            ("eg", Continent::Africa),
            ("kz", Continent::Asia),
            ("ge", Continent::Asia),
            ("gl", Continent::NorthAmerica),
            ("gf", Continent::SouthAmerica),
            ("re", Continent::Africa),
            ("aq", Continent::Antarctica),
            ("um", Continent::Oceania),
        ] {
            assert_eq!(CountryCode::parse(code).unwrap().continent(), continent, "{code}");
        }
    }
}
