//! The readers of files, and `check` on top of them: every place is in the file, JSON is the same through every reader, and
//! `check` says what the webhook would.

use beamlit_operator::engine::configuration::Configuration;
use beamlit_operator::engine::finding::{Finding, Segment, Severity, is_unprintable};
use beamlit_operator::engine::manifest::{Judge, Judged, Named, Outcome};
use beamlit_operator::engine::parse::{Document, JsonLimits, Mark, Node, Value, documents, from_json};
use beamlit_operator::engine::{Kind, Reading, defaults};

use crate::findings::{each_once, in_form, is_shared, judge, texts};
use crate::tree;

/// Reads a file in every way there is, and judges what is in it.
pub fn yaml(data: &[u8]) {
    let lines = Lines::of(data);
    let read: Vec<Document<'_>> = documents(data).collect();
    for pair in read.windows(2) {
        assert!(pair[0].index < pair[1].index, "document {} and then {}", pair[0].index, pair[1].index);
    }
    for document in &read {
        match &document.content {
            Ok(node) => {
                assert!(!node.is_null(), "a document without content");
                lines.hold(node);
                json_again(node);
            }
            Err(error) => {
                lines.has(error.at);
                assert!(!error.message.is_empty() && !error.message.chars().any(is_unprintable), "{error:?}");
            }
        }
    }
    one_line_down(data, &read);
    as_json(data, &read);
    checked(data, &lines, &read);
}

/// The lines of a file, and how many characters each has.
struct Lines(Vec<usize>);

impl Lines {
    fn of(data: &[u8]) -> Self {
        Self(String::from_utf8_lossy(data).split('\n').map(|line| line.chars().count()).collect())
    }

    /// Holds a place to be in the file. The end of the file may be named as the first column of the line that would follow.
    fn has(&self, at: Mark) {
        let line = usize::try_from(at.line).expect("a line is a number");
        let column = usize::try_from(at.column).expect("a column is a number");
        assert!(line >= 1 && line <= self.0.len() + 1, "line {line} of {}", self.0.len());
        let length = self.0.get(line - 1).copied().unwrap_or_default();
        assert!(column <= length + 1, "column {column} of {length} on line {line}");
    }

    fn hold(&self, node: &Node<'_>) {
        self.has(node.at);
        node.items().iter().for_each(|item| self.hold(item));
        for member in node.members() {
            self.has(member.key_at);
            self.hold(&member.value);
        }
    }
}

/// What was read, written as JSON, reads the same, and with strict limits as well.
fn json_again(node: &Node<'_>) {
    let Some(json) = tree::json(node) else { return };
    let bytes = serde_json::to_vec(&json).expect("a tree is JSON");
    let again = from_json(&bytes, JsonLimits::UniqueKeys).expect("what was written as JSON can be read");
    assert!(again == *node, "{json} reads as {again:?}");
}

/// An empty line before everything moves every place by one line, and changes nothing else.
fn one_line_down(data: &[u8], read: &[Document<'_>]) {
    // Marks of the encoding, and directives, must stand first.
    if data.starts_with(b"\xef\xbb\xbf") || data.starts_with(b"\xff\xfe") || data.starts_with(b"\xfe\xff") {
        return;
    }
    let moved = [b"\n", data].concat();
    let moved: Vec<Document<'_>> = documents(&moved).collect();
    assert_eq!(read.len(), moved.len(), "an empty line makes other documents");
    for (read, moved) in read.iter().zip(&moved) {
        assert_eq!(read.index, moved.index);
        match (&read.content, &moved.content) {
            (Ok(read), Ok(moved)) => is_moved(read, moved),
            (Err(read), Err(moved)) => {
                assert_eq!(read.message, moved.message);
                assert_eq!((read.at.line + 1, read.at.column), (moved.at.line, moved.at.column), "{read:?}");
            }
            (read, moved) => panic!("an empty line makes {moved:?} of {read:?}"),
        }
    }
}

fn is_moved(read: &Node<'_>, moved: &Node<'_>) {
    assert_eq!((read.at.line + 1, read.at.column), (moved.at.line, moved.at.column), "{read:?}");
    match (&read.value, &moved.value) {
        (Value::List(read), Value::List(moved)) => {
            assert_eq!(read.len(), moved.len());
            read.iter().zip(moved).for_each(|(read, moved)| is_moved(read, moved));
        }
        (Value::Map(read), Value::Map(moved)) => {
            assert_eq!(read.len(), moved.len());
            for (read, moved) in read.iter().zip(moved) {
                assert_eq!(read.key, moved.key);
                assert_eq!((read.key_at.line + 1, read.key_at.column), (moved.key_at.line, moved.key_at.column));
                is_moved(&read.value, &moved.value);
            }
        }
        (Value::Float(read), Value::Float(moved)) => assert_eq!(read.to_bits(), moved.to_bits()),
        _ => assert!(read == moved, "{read:?} became {moved:?}"),
    }
}

/// What the reader of JSON takes, the reader of files takes as well, as one document and the same tree.
fn as_json(data: &[u8], read: &[Document<'_>]) {
    let Ok(node) = from_json(data, JsonLimits::KeepDuplicates) else { return };
    if !node.is_map() {
        return;
    }
    let [Document { index: 0, content: Ok(of_file) }] = read else {
        panic!("one JSON object is read as {read:?}");
    };
    assert!(node == *of_file, "{node:?} is read as {of_file:?}");
}

/// What `check` makes of the file.
fn checked(data: &[u8], lines: &Lines, read: &[Document<'_>]) {
    let judge = || Judge::new(crate::NAMESPACE, Configuration::default());
    let outcomes = judge().source(data, Named::Explicitly);
    for outcome in &outcomes {
        match outcome {
            Outcome::Judged(judged) => well_judged(judged, lines, read),
            Outcome::Skipped => {}
            Outcome::Unreadable { at, message } => {
                lines.has(*at);
                assert!(!message.chars().any(is_unprintable), "{message:?}");
            }
        }
    }
    // Among other things fewer are meant to be manifests, and what is judged is judged the same.
    let found = judge().source(data, Named::Found);
    assert_eq!(outcomes.len(), found.len());
    for (one, other) in outcomes.iter().zip(&found) {
        match (one, other) {
            (Outcome::Judged(one), Outcome::Judged(other)) => assert_eq!(told(one), told(other)),
            (Outcome::Judged(one), Outcome::Skipped) => assert!(one.namespace.is_none(), "one of ours is passed over"),
            (Outcome::Skipped, Outcome::Skipped) | (Outcome::Unreadable { .. }, Outcome::Unreadable { .. }) => {}
            (one, other) => panic!("{one:?}, but where other things are {other:?}"),
        }
    }
    as_the_webhook(data, &outcomes);
}

fn told(judged: &Judged) -> Vec<String> {
    texts(judged.findings.iter().map(|placed| &placed.finding))
}

fn well_judged(judged: &Judged, lines: &Lines, read: &[Document<'_>]) {
    let is_its = |document: &Document<'_>| document.index == judged.document && document.content.is_ok();
    assert!(read.iter().any(is_its), "an object of document {}, which was not read", judged.document);
    for placed in &judged.findings {
        in_form(&placed.finding);
        lines.has(placed.at);
    }
    each_once(judged.findings.iter().map(|placed| &placed.finding));
    if judged.more == 0 {
        let errors = judged.findings.iter().any(|placed| placed.finding.severity == Severity::Error);
        assert_eq!(judged.refused, errors, "{:#?}", told(judged));
    }
}

/// A single object of ours gets from the webhook what it gets from `check`, apart from what the API server reports by itself.
fn as_the_webhook(data: &[u8], outcomes: &[Outcome]) {
    let [Outcome::Judged(judged)] = outcomes else { return };
    let Some(namespace) = judged.namespace.as_deref().filter(|_| judged.item.is_none() && judged.more == 0) else {
        return;
    };
    let kind =
        Kind::ALL.into_iter().find(|kind| kind.name() == judged.kind).expect("it has a namespace, so it is ours");
    let mut object = documents(data).find_map(|document| document.content.ok()).expect("it was judged");
    defaults::apply(kind, &mut object);
    let is_of_spec =
        |finding: &&Finding| matches!(finding.path.0.first(), Some(Segment::Field(name)) if name.as_ref() == "spec");
    let by_check: Vec<&Finding> = judged.findings.iter().map(|placed| &placed.finding).filter(is_of_spec).collect();
    let by_check: Vec<&Finding> = by_check.into_iter().filter(|finding| is_shared(finding)).collect();
    if namespace == crate::NAMESPACE {
        let by_webhook = judge(kind, &object, Reading::Review);
        assert_eq!(texts(by_check), texts(by_webhook.list()), "check and webhook differ");
    }
}
