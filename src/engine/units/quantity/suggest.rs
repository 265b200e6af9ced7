//! What a text that is no quantity was meant to be.

use super::{BINARY, DECIMAL, Quantity, digits};

impl Quantity {
    /// The quantity that a text which is none most likely stands for: `1ki` → `1Ki`, `1GB` → `1G`, `1,5` → `1.5`, `10%` → `0.1`.
    #[must_use]
    pub fn suggest(text: &str) -> Option<String> {
        let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '_').map(ascii).collect();
        let end = plain.find(|c: char| !matches!(c, '0'..='9' | '.' | ',' | '+' | '-')).unwrap_or(plain.len());
        let (number, suffix) = plain.split_at(end);
        let number = with_point(number);
        let suggestion = match suffix {
            "%" => Self { nano: Self::parse(&number)?.nano / 100 }.plain(),
            _ => format!("{number}{}", near_suffix(suffix)?),
        };
        (suggestion != text && Self::parse(&suggestion).is_some()).then_some(suggestion)
    }
}

/// The plain form of characters that look like one: full-width letters and digits, the micro and minus signs.
fn ascii(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{2212}' | '\u{2013}' => '-',
        'µ' | 'μ' => 'u',
        c => c,
    }
}

/// A number with a decimal comma, or with thousands marked off, as one with a point.
fn with_point(number: &str) -> String {
    let mut groups = number.split(',');
    let first = groups.next().unwrap_or_default().trim_start_matches(['+', '-']);
    let rest: Vec<&str> = groups.collect();
    let thousands = matches!(first.len(), 1..=3) && first != "0" && rest.iter().all(|group| digits(group).0.len() == 3);
    match rest.len() {
        _ if thousands => number.replace(',', ""),
        1 => number.replace(',', "."),
        _ => number.to_owned(),
    }
}

/// The suffix that one which is none most likely stands for.
fn near_suffix(suffix: &str) -> Option<&'static str> {
    let near = match suffix.to_ascii_lowercase().as_str() {
        "b" | "byte" | "bytes" | "cpu" | "cpus" | "vcpu" | "core" | "cores" => "",
        "mcpu" | "mcore" | "mcores" | "millicpu" | "millicore" | "millicores" => "m",
        "kb" => "k",
        "mb" => "M",
        "gb" => "G",
        "tb" => "T",
        "pb" => "P",
        "eb" => "E",
        lower => {
            let lower = lower.strip_suffix('b').filter(|rest| rest.ends_with('i')).unwrap_or(lower);
            let mut names = DECIMAL.iter().map(|(name, _)| *name).chain(BINARY.iter().map(|(name, _)| *name));
            // A suffix that is legal as it stands, such as `M`, is never taken for another.
            return names.find(|name| *name == suffix || name.eq_ignore_ascii_case(lower));
        }
    };
    Some(near)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn suggestions() {
        for (text, suggestion) in [
            ("1ki", Some("1Ki")),
            ("1KI", Some("1Ki")),
            ("1K", Some("1k")),
            ("1g", Some("1G")),
            ("1gi", Some("1Gi")),
            ("1GB", Some("1G")),
            ("1gb", Some("1G")),
            ("1Mb", Some("1M")),
            ("1GiB", Some("1Gi")),
            ("1 Gi", Some("1Gi")),
            (" 10 ", Some("10")),
            ("10b", Some("10")),
            ("1,5", Some("1.5")),
            ("-1,5", Some("-1.5")),
            ("0,125", Some("0.125")),
            ("1,000", Some("1000")),
            ("-1,000.5", Some("-1000.5")),
            ("1234,567", Some("1234.567")),
            ("1,5,7", None),
            ("1,000,000", Some("1000000")),
            ("1_000", Some("1000")),
            ("1,5 gib", Some("1.5Gi")),
            ("10%", Some("0.1")),
            ("0.5%", Some("0.005")),
            ("500 millicores", Some("500m")),
            ("2 cores", Some("2")),
            ("5µ", Some("5u")),
            ("１０Gi", Some("10Gi")),
            ("1N", Some("1n")),
            ("", None),
            ("GB", None),
            ("lots", None),
            ("1.2.3", None),
            ("--1", None),
            ("100ms", None),
            ("1e1.5", None),
        ] {
            assert_eq!(Quantity::suggest(text).as_deref(), suggestion, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_suggestion_is_a_quantity(text in any::<String>()) {
            if let Some(suggestion) = Quantity::suggest(&text) {
                prop_assert!(Quantity::parse(&suggestion).is_some());
            }
        }
    }
}
