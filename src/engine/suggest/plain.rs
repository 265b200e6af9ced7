//! What remains of a text when everything is taken off that people do not see or do not mean.

use std::cell::OnceCell;

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

use crate::engine::finding::is_unprintable;

/// How many characters of a text are looked at. Nothing that is judged against a set is longer than a DNS name.
const MAX_LENGTH: usize = 256;

/// The text without surrounding space and invisible characters, in compatibility form (NFKC), at most [`MAX_LENGTH`]
/// characters of it. Letter case stays.
pub(crate) fn plain(text: &str) -> String {
    let text = cut(text.trim_start());
    let visible = |c: char| match c {
        c if c.is_whitespace() => Some(' '),
        c => (!is_unprintable(c)).then_some(c),
    };
    let mut out: String = if text.is_ascii() {
        text.chars().filter_map(visible).collect()
    } else {
        text.nfkc().filter_map(visible).collect()
    };
    // A compatibility form may be many characters long (U+FDFA is 18), so that the length is limited once more.
    out.truncate(cut(&out).len());
    match out.trim() {
        trimmed if trimmed.len() == out.len() => out,
        trimmed => trimmed.to_owned(),
    }
}

fn cut(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_LENGTH).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text)
}

/// A text made ready to be compared.
#[derive(Debug)]
pub(crate) struct Folded {
    plain: String,
    text: String,
    length: usize,
    skeletons: OnceCell<(String, String)>,
}

impl Folded {
    pub(crate) fn new(text: &str) -> Self {
        let plain = plain(text);
        let text = plain.to_lowercase();
        Self { length: text.chars().count(), plain, text, skeletons: OnceCell::new() }
    }

    /// The plain text in lower case.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// How many characters that is.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Whether the other looks the same. Stops at the first difference, so that large sets of candidates cost little.
    pub(crate) fn looks_like(&self, other: &Self) -> bool {
        let (skeleton, small) = self.skeletons();
        looks(&other.plain).eq(skeleton.chars()) || looks(&other.text).eq(small.chars())
    }

    /// Whether the two are the same but for what separates their words.
    pub(crate) fn spells(&self, other: &Self) -> bool {
        self.joined().next().is_some() && self.joined().eq(other.joined())
    }

    /// The text in lower case without what separates words.
    pub(crate) fn joined(&self) -> impl Iterator<Item = char> {
        self.text.chars().filter(|c| !matches!(c, '-' | '_' | ' '))
    }

    /// What the text looks like, before and after its letters are made small: capital Eta looks like H, small eta does not
    /// look like h.
    pub(crate) fn skeletons(&self) -> &(String, String) {
        self.skeletons.get_or_init(|| (looks(&self.plain).collect(), looks(&self.text).collect()))
    }
}

/// The skeleton of a text (UTS #39), regardless of letter case.
fn looks(text: &str) -> impl Iterator<Item = char> {
    skeleton(text).flat_map(char::to_lowercase)
}
