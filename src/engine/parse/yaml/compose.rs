//! The events of one piece of YAML into a tree: aliases put in place, merge keys merged, scalars resolved.
//!
//! First all nodes are laid out flat, an alias being a reference. Then the tree is built from them under limits on depth
//! and size, and on how much aliases may add, so that no file of a few lines can fill the memory.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError};

use super::error;
use super::scalar::{self, Scalar, Tag};
use crate::engine::parse::{MAX_DEPTH, MAX_VALUES, Mark, Member, Node, ParseError, Value};

/// How many values aliases may add in one file (as many as kubectl allows in one document).
const MAX_ALIASED_VALUES: usize = 400_000;

/// How many bytes of text aliases may add in one file.
const MAX_ALIASED_BYTES: usize = 16 << 20;

/// How much aliases may still add.
#[derive(Debug)]
pub(super) struct AliasBudget {
    values: usize,
    bytes: usize,
}

impl Default for AliasBudget {
    fn default() -> Self {
        Self { values: MAX_ALIASED_VALUES, bytes: MAX_ALIASED_BYTES }
    }
}

/// Reads a piece that begins at `base`; `None` is a document without content. At most one document is read, as kubectl
/// reads one: anything that follows it (after `...`) is an error of its own.
pub(super) fn read<'a>(
    text: &'a str,
    base: Mark,
    budget: &mut AliasBudget,
) -> Vec<Result<Option<Node<'a>>, ParseError>> {
    let mut layout = Layout {
        nodes: Vec::new(),
        anchors: HashMap::new(),
        aliased: false,
        base,
        lines: lines_cut_by_returns(text, base),
    };
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut events = Parser::new_from_str_with_options(text, options);
    let root = match layout.document(&mut events) {
        Ok(Some(root)) => root,
        Ok(None) => return Vec::new(),
        Err(stop) => return vec![Err(stop)],
    };
    // The parser has looked no further than the end of the document, so that a fault behind it does not hide it.
    let more = layout.after(&mut events);
    let mut builder = Builder { layout, left: MAX_VALUES, budget, inside_alias: false };
    let content = builder.node(root, 0).map(|node| (!node.is_null()).then_some(node));
    std::iter::once(content).chain(more.map(Err)).collect()
}

/// A node as the events gave it.
struct Entry<'a> {
    raw: Raw<'a>,
    at: Mark,
}

enum Raw<'a> {
    Scalar {
        text: Cow<'a, str>,
        tag: Tag,
        /// Whether `<<` means to merge.
        plain: bool,
    },
    List(Vec<usize>),
    /// Keys and values by turns.
    Map(Vec<usize>),
    Alias(usize),
    /// A list or a map that is still being read, or a node that was taken out already.
    Open,
}

struct Layout<'a> {
    nodes: Vec<Entry<'a>>,
    anchors: HashMap<usize, usize>,
    aliased: bool,
    base: Mark,
    /// Where the parser's lines begin, if they are not those of an editor.
    lines: Option<Vec<Mark>>,
}

/// For the parser a line also ends at a carriage return by itself, for editors and for what cuts the documents it does not.
/// None if there is no such character, which is the rule.
fn lines_cut_by_returns(text: &str, base: Mark) -> Option<Vec<Mark>> {
    let mut rest = text.split('\r').skip(1);
    if rest.all(|rest| rest.starts_with('\n')) {
        return None;
    }
    let mut at = base;
    let mut lines = vec![at];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        at.column = at.column.saturating_add(1);
        if c == '\n' {
            at = Mark { line: at.line.saturating_add(1), column: 1 };
        }
        if c == '\n' || (c == '\r' && chars.peek() != Some(&'\n')) {
            lines.push(at);
        }
    }
    Some(lines)
}

type Events<'a> = Parser<'a, granit_parser::StrInput<'a>>;

impl<'a> Layout<'a> {
    /// Lays out the first document, and gives the place of its root.
    fn document(&mut self, events: &mut Events<'a>) -> Result<Option<usize>, ParseError> {
        /// A collection that is being read: its node, its children, and whether it is a map.
        struct OpenNode {
            id: usize,
            children: Vec<usize>,
            map: bool,
        }
        let mut open: Vec<OpenNode> = Vec::new();
        let mut root = None;
        while let Some(event) = events.next_event() {
            let (event, span) = event.map_err(|stop| self.scan_error(&stop))?;
            let at = self.mark(span.start.line(), span.start.col());
            let done = match event {
                Event::Scalar(text, style, anchor, tag) => {
                    let plain = style == ScalarStyle::Plain;
                    let tag = match tag {
                        Some(tag) => Tag::named(&format!("{}{}", tag.handle(), tag.suffix())),
                        None if plain => Tag::Absent,
                        None => Tag::Text,
                    };
                    Some(self.add(Raw::Scalar { text, tag, plain }, anchor, at)?)
                }
                Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => {
                    let map = matches!(event, Event::MappingStart(..));
                    let id = self.add(Raw::Open, anchor, at)?;
                    if open.len() + 1 >= MAX_DEPTH {
                        return Err(error(format!("lists and maps are nested more than {MAX_DEPTH} deep"), at));
                    }
                    open.push(OpenNode { id, children: Vec::new(), map });
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => open.pop().map(|OpenNode { id, children, map }| {
                    if let Some(entry) = self.nodes.get_mut(id) {
                        entry.raw = if map { Raw::Map(children) } else { Raw::List(children) };
                    }
                    id
                }),
                Event::Alias(anchor) => {
                    let target = self.anchors.get(&anchor).copied();
                    let target = target.ok_or_else(|| error("an alias without an anchor", at))?;
                    if matches!(self.nodes.get(target), Some(Entry { raw: Raw::Open, .. })) {
                        return Err(error("an alias stands inside of what its own anchor names", at));
                    }
                    self.aliased = true;
                    Some(self.add(Raw::Alias(target), 0, at)?)
                }
                Event::DocumentEnd => return Ok(root),
                _ => None,
            };
            if let Some(id) = done {
                match open.last_mut() {
                    Some(parent) => parent.children.push(id),
                    None => root = Some(id),
                }
            }
        }
        Ok(root)
    }

    /// What stands behind the first document, if that is more than its end.
    fn after(&self, events: &mut Events<'a>) -> Option<ParseError> {
        loop {
            match events.next_event()? {
                Ok((Event::DocumentStart(..), span)) => {
                    let at = self.mark(span.start.line(), span.start.col());
                    return Some(error("kubectl reads nothing between `...` and the next line `---`", at));
                }
                Ok(_) => {}
                Err(stop) => return Some(self.scan_error(&stop)),
            }
        }
    }

    fn add(&mut self, raw: Raw<'a>, anchor: usize, at: Mark) -> Result<usize, ParseError> {
        let id = self.nodes.len();
        if id >= 2 * MAX_VALUES {
            return Err(too_many(at));
        }
        self.nodes.push(Entry { raw, at });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        Ok(id)
    }

    /// The parser counts lines from 1 and columns from 0.
    fn mark(&self, line: usize, column: usize) -> Mark {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let above = line.saturating_sub(1);
        let start = match &self.lines {
            Some(lines) => lines.get(above).or(lines.last()).copied().unwrap_or(self.base),
            None if above == 0 => self.base,
            None => Mark { line: self.base.line.saturating_add(small(above)), column: 1 },
        };
        Mark { line: start.line, column: start.column.saturating_add(small(column)) }
    }

    /// The messages of the parser are fixed words, but for one that names a single character.
    fn scan_error(&self, stop: &ScanError) -> ParseError {
        let marker = stop.marker();
        error(stop.info(), self.mark(marker.line(), marker.col()))
    }
}

fn too_many(at: Mark) -> ParseError {
    error(format!("more than {MAX_VALUES} values"), at)
}

struct Builder<'a, 'b> {
    layout: Layout<'a>,
    left: usize,
    budget: &'b mut AliasBudget,
    inside_alias: bool,
}

impl<'a> Builder<'a, '_> {
    fn node(&mut self, id: usize, depth: usize) -> Result<Node<'a>, ParseError> {
        let Some(entry) = self.layout.nodes.get_mut(id) else { return Ok(Node::default()) };
        let at = entry.at;
        // A node can be asked for again only where there are aliases.
        let aliased = self.layout.aliased;
        let raw = match &mut entry.raw {
            Raw::Alias(target) => Raw::Alias(*target),
            Raw::Open => Raw::Open,
            Raw::List(items) if aliased => Raw::List(items.clone()),
            Raw::Map(members) if aliased => Raw::Map(members.clone()),
            Raw::Scalar { text, tag, plain } if aliased => Raw::Scalar { text: text.clone(), tag: *tag, plain: *plain },
            taken => std::mem::replace(taken, Raw::Open),
        };
        self.spend(&raw, at)?;
        let value = match raw {
            Raw::Scalar { text, tag, .. } => match scalar::resolve(tag, &text).map_err(|why| error(why, at))? {
                Scalar::Text => Value::Text(text),
                Scalar::Decoded(text) => Value::Text(Cow::Owned(text)),
                Scalar::Null => Value::Null,
                Scalar::Bool(value) => Value::Bool(value),
                Scalar::Int(value) => Value::Int(value),
                #[allow(clippy::cast_precision_loss)]
                Scalar::Uint(value) => Value::Float(value as f64),
                Scalar::Float(value) => Value::Float(value),
            },
            Raw::List(items) => {
                let below = self.deeper(depth, at)?;
                Value::List(items.into_iter().map(|id| self.node(id, below)).collect::<Result<_, _>>()?)
            }
            Raw::Map(children) => {
                let below = self.deeper(depth, at)?;
                Value::Map(self.members(&children, below)?)
            }
            Raw::Alias(target) => self.aliased(target, depth)?.value,
            Raw::Open => Value::Null,
        };
        Ok(Node { value, at })
    }

    fn deeper(&self, depth: usize, at: Mark) -> Result<usize, ParseError> {
        match depth + 1 {
            below if below >= MAX_DEPTH => {
                Err(error(format!("lists and maps are nested more than {MAX_DEPTH} deep"), at))
            }
            below => Ok(below),
        }
    }

    /// A node that an alias names. Its inner places are those of the anchor.
    fn aliased(&mut self, target: usize, depth: usize) -> Result<Node<'a>, ParseError> {
        let outer = std::mem::replace(&mut self.inside_alias, true);
        let node = self.node(target, depth);
        self.inside_alias = outer;
        node
    }

    fn spend(&mut self, raw: &Raw<'a>, at: Mark) -> Result<(), ParseError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| too_many(at))?;
        if self.inside_alias {
            let bytes = match raw {
                Raw::Scalar { text: Cow::Owned(text), .. } => text.len(),
                _ => 0,
            };
            let left = self.budget.values.checked_sub(1).zip(self.budget.bytes.checked_sub(bytes));
            let (values, bytes) = left.ok_or_else(|| error("aliases stand for too much", at))?;
            *self.budget = AliasBudget { values, bytes };
        }
        Ok(())
    }

    fn members(&mut self, children: &[usize], depth: usize) -> Result<Vec<Member<'a>>, ParseError> {
        let mut members = Members::default();
        for pair in children.chunks(2) {
            let &[key, value] = pair else { continue };
            if self.merges(key) {
                for source in self.sources(value)? {
                    for member in source_members(self.node(source, depth)?) {
                        members.merge(member);
                    }
                }
                continue;
            }
            let key_at = self.at(key);
            let key = self.key(key, depth)?;
            members.add(Member { key, key_at, value: self.node(value, depth)? });
        }
        Ok(members.list)
    }

    fn merges(&self, key: usize) -> bool {
        matches!(
            self.layout.nodes.get(key).map(|entry| &entry.raw),
            Some(Raw::Scalar { text, plain, tag })
                if text == "<<" && (*tag == Tag::Merge || (*plain && *tag == Tag::Absent))
        )
    }

    /// The maps to merge, in the order in which they go in: of several the first counts most, and so comes last.
    fn sources(&self, value: usize) -> Result<Vec<usize>, ParseError> {
        let is_map = |id: usize| {
            let target = match self.layout.nodes.get(id).map(|entry| &entry.raw) {
                Some(Raw::Alias(target)) => *target,
                _ => id,
            };
            matches!(self.layout.nodes.get(target).map(|entry| &entry.raw), Some(Raw::Map(_)))
        };
        let sources = match self.layout.nodes.get(value).map(|entry| &entry.raw) {
            Some(Raw::List(items)) => items.iter().rev().copied().collect(),
            _ => vec![value],
        };
        if sources.iter().all(|id| is_map(*id)) {
            Ok(sources)
        } else {
            Err(error("only a map, or a list of maps, can be merged", self.at(value)))
        }
    }

    /// A key as kubectl makes it a text.
    fn key(&mut self, id: usize, depth: usize) -> Result<Cow<'a, str>, ParseError> {
        let at = self.at(id);
        let target = match self.layout.nodes.get(id).map(|entry| &entry.raw) {
            Some(Raw::Alias(target)) => *target,
            _ => id,
        };
        let raw = self.layout.nodes.get(target).map(|entry| &entry.raw);
        let Some(Raw::Scalar { text, tag, .. }) = raw else {
            return Err(error("a list or a map cannot be a key", at));
        };
        match scalar::resolve(*tag, text).map_err(|why| error(why, at))? {
            Scalar::Text => match self.node(id, depth)?.value {
                Value::Text(text) => Ok(text),
                _ => Err(error("a key must be a text", at)),
            },
            other => {
                self.left = self.left.checked_sub(1).ok_or_else(|| too_many(at))?;
                scalar::key(&other).map(Cow::Owned).ok_or_else(|| error("a key must be a text", at))
            }
        }
    }

    fn at(&self, id: usize) -> Mark {
        self.layout.nodes.get(id).map_or_else(Mark::default, |entry| entry.at)
    }
}

fn source_members(node: Node<'_>) -> Vec<Member<'_>> {
    match node.value {
        Value::Map(members) => members,
        _ => Vec::new(),
    }
}

/// The members of a map while merge keys are at work: a merged key is never a duplicate, what comes later counts.
#[derive(Default)]
struct Members<'a> {
    list: Vec<Member<'a>>,
    /// The place of each key, and whether it was merged; only kept once something was merged.
    places: HashMap<Cow<'a, str>, (usize, bool)>,
    merging: bool,
}

impl<'a> Members<'a> {
    fn add(&mut self, member: Member<'a>) {
        if self.merging
            && let Some((place, merged)) = self.places.get_mut(&member.key)
            && *merged
            && let Some(old) = self.list.get_mut(*place)
        {
            *merged = false;
            *old = member;
            return;
        }
        self.push(member, false);
    }

    fn merge(&mut self, member: Member<'a>) {
        if !self.merging {
            self.merging = true;
            self.places = self.list.iter().enumerate().map(|(place, old)| (old.key.clone(), (place, false))).collect();
        }
        match self.places.get(&member.key).and_then(|(place, _)| self.list.get_mut(*place)) {
            Some(old) => *old = member,
            None => self.push(member, true),
        }
    }

    fn push(&mut self, member: Member<'a>, merged: bool) {
        if self.merging {
            self.places.insert(member.key.clone(), (self.list.len(), merged));
        }
        self.list.push(member);
    }
}
