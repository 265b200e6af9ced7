//! User input inside messages: cut, quoted and escaped, so that no manifest can forge or garble what people read.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// How many characters of a value a message quotes.
pub const MAX_VALUE: usize = 128;

/// A text with everything that prints as nothing, or moves what is around it, shown as `\u{…}`; a URL without credentials.
#[must_use]
pub fn escaped(text: &str) -> impl fmt::Display + '_ {
    Escaped(presentable(text))
}

struct Escaped<'a>(Cow<'a, str>);

/// A text in which nothing is left of what URLs hold of secrets: whatever looks like one may have some, wherever somebody put it. Before
/// a text is cut, it is to be made so: half of a URL does not look like one.
#[must_use]
pub fn presentable(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let text = without_userinfo(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    // Of what stood before credentials, the scheme may be gone.
    let mut begins = if rest.starts_with(LEFT_OUT) { LEFT_OUT } else { "://" };
    while let Some((before, url)) = rest.split_once(begins) {
        let end = url.find(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>')).unwrap_or(url.len());
        let (url, after) = url.split_at(end);
        out.push_str(before);
        out.push_str(begins);
        out.push_str(&without_query(url));
        (rest, begins) = (after, "://");
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What stands in the place of credentials.
const LEFT_OUT: &str = "…@";

/// A host or a URL as people may see it: without what stands before an `@`, and without a query, where some put credentials.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    without_query(&without_userinfo(text))
}

/// A path or a URL without its query and its fragment.
#[must_use]
pub fn without_query(text: &str) -> String {
    match text.find(['?', '#']).and_then(|at| text.split_at_checked(at + 1)) {
        Some((before, after)) if !after.is_empty() => format!("{before}…"),
        _ => text.to_owned(),
    }
}

/// A host or a URL as people may see it: what stands before an `@` is left out, also where the `@` is percent-encoded or
/// full-width.
fn without_userinfo(text: &str) -> String {
    let after = ["@", "\u{ff20}", "%40"].iter().filter_map(|at| text.rfind(at).map(|start| start + at.len())).max();
    let Some(after) = after.and_then(|after| text.get(after..)) else { return text.to_owned() };
    match text.split_once("://") {
        Some((scheme, _)) if !scheme.is_empty() && scheme.bytes().all(|c| c.is_ascii_alphanumeric()) => {
            format!("{scheme}://{LEFT_OUT}{after}")
        }
        _ => format!("{LEFT_OUT}{after}"),
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.0.split_inclusive(is_unprintable) {
            let mut chars = piece.chars();
            match chars.next_back() {
                Some(last) if is_unprintable(last) => write!(f, "{}\\u{{{:x}}}", chars.as_str(), u32::from(last))?,
                _ => f.write_str(piece)?,
            }
        }
        Ok(())
    }
}

/// A value in quotes, escaped, cut after [`MAX_VALUE`] characters; a URL without credentials.
#[must_use]
pub fn quoted(text: &str) -> String {
    let text = presentable(text);
    let mut out = String::from("\"");
    let mut chars = text.chars();
    for c in chars.by_ref().take(MAX_VALUE) {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if is_unprintable(c) => _ = write!(out, "\\u{{{:x}}}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// Control, invisible and bidirectional characters, and every space but the plain one.
///
/// These are the categories Cc, Cf, Zl, Zp and Zs, in which all bidirectional controls are, what Unicode lets a renderer
/// leave out (`Default_Ignorable_Code_Point`: fillers, variation selectors, tags), and the few letters and symbols that are
/// blank by design.
#[must_use]
pub fn is_unprintable(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::SpaceSeparator
    ) || matches!(c,
        // default ignorable, yet of another category or not assigned
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2065}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}'
        // blank: braille, musical null notehead, Egyptian blanks
        | '\u{2800}' | '\u{1d159}' | '\u{13441}' | '\u{13442}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_left_out() {
        for (text, shown) in [
            ("example.com", "example.com"),
            ("user:secret@example.com", "…@example.com"),
            ("user:secret%40example.com", "…@example.com"),
            ("user:secret\u{ff20}example.com", "…@example.com"),
            ("https://user:secret@example.com/x", "https://…@example.com/x"),
            ("https://user:s@cret@example.com", "https://…@example.com"),
            ("https://user:sec/ret%40example.com", "https://…@example.com"),
            ("user:sec://ret@example.com", "…@example.com"),
        ] {
            assert_eq!(without_userinfo(text), shown);
        }
        for (text, shown) in [
            ("example.com?token=secret", "example.com?…"),
            ("user:secret@example.com?token=secret", "…@example.com?…"),
            ("https://example.com/x#secret", "https://example.com/x#…"),
            ("https://example.com/?", "https://example.com/?"),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
        let told =
            "cannot reach https://example.com/x?key=secret for \"http://a.example?key=secret\" of ftp://b.example";
        let shown = "cannot reach https://example.com/x?… for \"http://a.example?…\" of ftp://b.example";
        assert_eq!(presentable(told), shown);
        assert_eq!(quoted("https://example.com?key=secret"), "\"https://example.com?…\"");
        assert_eq!(quoted("https://user:secret@example.com"), "\"https://…@example.com\"");
        assert_eq!(escaped("https://user:secret@example.com").to_string(), "https://…@example.com");
        assert_eq!(quoted("a@b"), "\"a@b\"", "what is no URL is shown as it is");
    }

    #[test]
    fn what_nobody_sees_is_shown_as_its_number() {
        for c in [
            '\0',
            '\n',
            '\t',
            '\u{7f}',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{600}',
            '\u{61c}',
            '\u{1680}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{202f}',
            '\u{2060}',
            '\u{2065}',
            '\u{2066}',
            '\u{2069}',
            '\u{206f}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fff9}',
            '\u{13430}',
            '\u{1bca0}',
            '\u{1d159}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0061}',
            '\u{e0100}',
        ] {
            assert_eq!(escaped(&c.to_string()).to_string(), format!("\\u{{{:x}}}", u32::from(c)));
        }
    }

    #[test]
    fn what_people_write_stays() {
        for text in ["my-model 1", "\"\\", "Türkiye", "страна", "国", "国\u{5e8}", "e\u{301}", "😀", "\u{e000}"]
        {
            assert_eq!(escaped(text).to_string(), text);
        }
    }

    #[test]
    fn whatever_a_renderer_may_leave_out_is_unprintable() {
        // A skeleton drops exactly the default ignorable code points.
        let ignorable = (char::MIN..=char::MAX).filter(|c| unicode_security::skeleton(&c.to_string()).next().is_none());
        let mut count = 0;
        for c in ignorable {
            assert!(is_unprintable(c), "{c:?}");
            count += 1;
        }
        assert!(count > 4000, "{count}");
    }

    #[test]
    fn every_space_and_control_but_the_plain_space_is_unprintable() {
        for c in (char::MIN..=char::MAX).filter(|c| *c != ' ' && (c.is_whitespace() || c.is_control())) {
            assert!(is_unprintable(c), "{c:?}");
        }
    }

    #[test]
    fn a_quoted_value_is_cut_and_cannot_end_its_quotes() {
        assert_eq!(quoted("a\"\\\u{202e}"), r#""a\"\\\u{202e}""#);
        assert_eq!(quoted(&"ä".repeat(MAX_VALUE)), format!("\"{}\"", "ä".repeat(MAX_VALUE)));
        assert_eq!(quoted(&"ä".repeat(MAX_VALUE + 1)), format!("\"{}\"…", "ä".repeat(MAX_VALUE)));
    }
}
