//! What somebody else said, as people may read it: one line, cut, printable, and without credentials.

use std::error::Error;

use crate::engine::finding::escaped;

/// How many characters are shown.
const MOST: usize = 300;

/// One line.
pub(super) fn line(text: &str) -> String {
    let text = text.trim();
    let cut: String = text.chars().take(MOST).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{more}", escaped(&cut))
}

/// The cause at the bottom of an error: what the ones around it say is where it happened, which is known.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    line(&innermost.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_printable_line_of_bounded_length() {
        assert_eq!(line("  connection\nrefused\u{202e} "), "connection\\u{a}refused\\u{202e}");
        assert_eq!(line("no way to https://user:secret@example.com/x"), "…@example.com/x");
        let long = line(&"ä".repeat(1000));
        assert_eq!((long.chars().count(), long.ends_with("ä…")), (MOST + 1, true));
    }
}
