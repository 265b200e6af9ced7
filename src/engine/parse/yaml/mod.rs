//! A stream of documents as kubectl reads it: cut at lines that begin with `---`, each piece JSON or YAML.
//!
//! kubectl cuts the stream before it parses (`k8s.io/apimachinery/pkg/util/yaml`), so that a document that cannot be read
//! does not hide the others. A piece that begins with `{` is JSON, several objects after one another included; where that
//! fails it is YAML after all. YAML goes through the events of `granit-parser`, whose limits on nesting can be set and
//! whose errors are an enum that quotes nothing of the content; what a scalar means is decided in [`scalar`].

mod compose;
mod json_stream;
mod scalar;

use std::collections::VecDeque;

use super::{Mark, Node, ParseError};
use compose::AliasBudget;

/// One document of a stream.
#[derive(Debug)]
pub struct Document<'a> {
    /// Its number from 0; documents without content are not returned and count.
    pub index: usize,
    /// Its content, or why it could not be read.
    pub content: Result<Node<'a>, ParseError>,
}

/// The documents of a file, read one by one.
#[must_use]
pub fn documents(bytes: &[u8]) -> Documents<'_> {
    let utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    Documents {
        rest: Some(bytes),
        line: 1,
        marked: false,
        next: 0,
        ready: VecDeque::new(),
        budget: AliasBudget::default(),
        utf16,
    }
}

/// Iterator over the documents of a file. What aliases add is limited over the whole of it.
#[derive(Debug)]
pub struct Documents<'a> {
    /// What has not been cut yet; none at the end.
    rest: Option<&'a [u8]>,
    /// The line on which `rest` begins.
    line: u32,
    /// Whether a line `---` stands before `rest`.
    marked: bool,
    /// The number of the next document.
    next: usize,
    ready: VecDeque<Document<'a>>,
    budget: AliasBudget,
    utf16: bool,
}

impl<'a> Iterator for Documents<'a> {
    type Item = Document<'a>;

    fn next(&mut self) -> Option<Document<'a>> {
        loop {
            if let Some(document) = self.ready.pop_front() {
                return Some(document);
            }
            let rest = self.rest?;
            if self.utf16 {
                self.rest = None;
                let at = Mark { line: 1, column: 1 };
                self.ready.push_back(Document { index: 0, content: Err(error("the text is UTF-16, not UTF-8", at)) });
                continue;
            }
            let cut = cut(rest);
            let (line, marked) = (self.line, self.marked);
            self.line = line.saturating_add(cut.lines);
            self.rest = cut.rest;
            self.marked = true;
            self.read(cut.piece, line, marked);
            if let Some(lines_to) = cut.bad_separator {
                let at = Mark { line: line.saturating_add(lines_to), column: 4 };
                let message = "only a comment may stand on a line after `---`; kubectl does not read this either";
                self.push(Some(Err(error(message, at))));
                // What follows such a line belongs to the document that it failed to open.
                if let Some(rest) = self.rest {
                    let skipped = cut_after_bad_separator(rest);
                    self.line = self.line.saturating_add(skipped.lines);
                    self.rest = skipped.rest;
                }
            }
        }
    }
}

impl<'a> Documents<'a> {
    /// Reads one piece. A piece before the first `---` counts as a document only if there is something in it.
    fn read(&mut self, piece: &'a [u8], line: u32, marked: bool) {
        let before = self.next;
        let piece = match piece.strip_prefix(b"\xef\xbb\xbf") {
            Some(_) if marked => {
                let message = "a byte order mark stands here, and would become a part of the first key";
                return self.push(Some(Err(error(message, Mark { line, column: 1 }))));
            }
            Some(piece) => piece,
            None => piece,
        };
        match std::str::from_utf8(piece) {
            Ok(text) if is_json(text) => {
                for content in json_stream::read(text, line, &mut self.budget) {
                    self.push(content.transpose());
                }
            }
            Ok(text) => {
                for content in compose::read(text, Mark { line, column: 1 }, &mut self.budget) {
                    self.push(content.transpose());
                }
            }
            Err(stop) => {
                let good = piece.get(..stop.valid_up_to()).unwrap_or_default();
                let at = advance(Mark { line, column: 1 }, std::str::from_utf8(good).unwrap_or_default());
                self.push(Some(Err(error("a byte that is no UTF-8", at))));
            }
        }
        if marked && self.next == before {
            self.next += 1;
        }
    }

    /// Counts a document, and keeps it if there is anything in it.
    fn push(&mut self, content: Option<Result<Node<'a>, ParseError>>) {
        if let Some(content) = content {
            self.ready.push_back(Document { index: self.next, content });
        }
        self.next += 1;
    }
}

/// A piece of the stream, up to a line that begins with `---`.
struct Cut<'a> {
    piece: &'a [u8],
    /// What follows that line; none if there is no such line.
    rest: Option<&'a [u8]>,
    /// How many lines the piece and its end have.
    lines: u32,
    /// How many lines stand before the line that ends the piece, if something else than a comment follows its `---`.
    bad_separator: Option<u32>,
}

fn cut(bytes: &[u8]) -> Cut<'_> {
    let mut lines = 0_u32;
    let mut start = 0;
    while let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) {
        let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let line = rest.get(..length).unwrap_or(rest);
        if let Some(after) = line.strip_prefix(b"---") {
            let good = match after.trim_ascii().first() {
                None | Some(b'#') => true,
                // Go trims every white space that Unicode knows.
                Some(_) => String::from_utf8_lossy(after).trim_start().chars().next().is_none_or(|c| c == '#'),
            };
            return Cut {
                piece: bytes.get(..start).unwrap_or_default(),
                rest: Some(bytes.get(start + length..).unwrap_or_default()),
                lines: lines.saturating_add(1),
                bad_separator: (!good).then_some(lines),
            };
        }
        lines = lines.saturating_add(1);
        start += length;
    }
    Cut { piece: bytes, rest: None, lines, bad_separator: None }
}

/// Passes over everything up to the next line that opens a document.
fn cut_after_bad_separator(bytes: &[u8]) -> Cut<'_> {
    let mut skipped = cut(bytes);
    while let (Some(_), Some(rest)) = (skipped.bad_separator, skipped.rest) {
        let next = cut(rest);
        skipped = Cut { lines: skipped.lines.saturating_add(next.lines), ..next };
    }
    skipped
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

fn error(message: impl Into<String>, at: Mark) -> ParseError {
    ParseError { message: message.into(), at }
}

/// Where one stands after a text that begins at `at`.
fn advance(at: Mark, text: &str) -> Mark {
    let count = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    match text.rfind('\n') {
        None => Mark { line: at.line, column: at.column.saturating_add(count(text)) },
        Some(last) => {
            let lines = text.bytes().filter(|byte| *byte == b'\n').count();
            Mark {
                line: at.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX)),
                column: count(text.get(last + 1..).unwrap_or_default()).saturating_add(1),
            }
        }
    }
}

#[cfg(test)]
mod tests;
