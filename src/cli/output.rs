//! What all commands print through: a locked, buffered stdout, JSON that no content can garble, and the styles.

use std::io::{self, BufWriter, ErrorKind, Write};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

use super::{Exit, complain};
use crate::engine::finding::is_unprintable;

/// For whom the output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Lines for people
    Plain,
    /// One JSON document for programs
    Json,
}

/// What is wrong.
pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// What deserves a look.
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// What is good to know.
pub(super) const NOTE: Style = AnsiColor::Cyan.on_default().bold();
/// What the eye should find.
pub(super) const STRONG: Style = Style::new().bold();

/// Writes to stdout, in colours only if it is a terminal that wants them (`NO_COLOR`), and returns `exit`.
///
/// A reader that has seen enough (`| head`) changes nothing about the verdict. A disk that is full does.
pub(super) fn print(exit: Exit, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Exit {
    let mut out = BufWriter::new(anstream::AutoStream::auto(io::stdout().lock()));
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => exit,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit,
        Err(error) => {
            complain(&format!("cannot write the output: {error}"));
            Exit::Internal
        }
    }
}

/// Writes one JSON document and a line break.
pub(super) fn json(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Safe(PrettyFormatter::new())))?;
    out.write_all(b"\n")
}

/// Indented JSON in which every character that prints as nothing, or moves what is around it, is written as `\uXXXX`: the
/// same document for a program, and safe to look at.
struct Safe(PrettyFormatter<'static>);

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, unprintable)) = rest.char_indices().find(|(_, c)| is_unprintable(*c)) {
            let (before, after) = rest.split_at(at);
            out.write_all(before.as_bytes())?;
            for unit in unprintable.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = after.get(unprintable.len_utf8()..).unwrap_or_default();
        }
        out.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

/// `1 object`, `2 objects`.
pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn json_is_safe_to_look_at_and_means_the_same() {
        let document = json!({"na\u{202e}me": ["a\u{200b}b", "\u{e0041}", "\"quoted\"\n", "ä", ""], "empty": {}});
        let mut out = Vec::new();
        super::json(&mut out, &document).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
        for shown in [r"na\u202eme", r"a\u200bb", r"\udb40\udc41", "ä"] {
            assert!(text.contains(shown), "{shown} in {text}");
        }
    }
}
