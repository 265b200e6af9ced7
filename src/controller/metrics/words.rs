//! What somebody else said, as people may read it: one line, cut, printable, and without credentials.

use std::error::Error;

use crate::controller::outbound;

/// How many characters are shown.
const MOST: usize = 300;

/// One line.
pub(super) fn line(text: &str) -> String {
    outbound::line(text, MOST)
}

/// The cause at the bottom of an error.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    line(&outbound::innermost(error))
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
