//! The place of a finding in the source: where its value stands, or what is nearest to where it should.

use std::collections::HashMap;

use crate::engine::finding::rules::{OB007, OB008};
use crate::engine::finding::{Finding, Segment};
use crate::engine::parse::{Mark, Member, Node};

/// How many members a map has before looking for them one by one costs too much.
const LARGE: usize = 64;

/// Finds the places of findings about one object.
pub(super) struct Places<'o, 'a> {
    object: &'o Node<'a>,
    /// The members of large maps by name, of several the last; the key is the path of the map.
    large: HashMap<Vec<Segment>, HashMap<&'o str, &'o Member<'a>>>,
}

impl<'o, 'a> Places<'o, 'a> {
    pub(super) fn new(object: &'o Node<'a>) -> Self {
        Self { object, large: HashMap::new() }
    }

    /// Where a finding sits. An absent field sits where the map begins that lacks it; an unknown one, or one that stands
    /// twice, at its key.
    pub(super) fn of(&mut self, finding: &Finding) -> Mark {
        let about_key = finding.rule == &OB007 || finding.rule == &OB008;
        let mut node = self.object;
        let mut nearest = node.at;
        for (depth, segment) in finding.path.0.iter().enumerate() {
            let (key_at, below) = match segment {
                Segment::Index(index) => (None, node.items().get(*index)),
                Segment::Field(name) | Segment::Key(name) => {
                    let above = finding.path.0.get(..depth).unwrap_or_default();
                    let member = self.member(node, above, name);
                    (member.map(|member| member.key_at), member.map(|member| &member.value))
                }
            };
            // What defaulting added has no place.
            let Some(below) = below.filter(|below| below.at.line > 0) else { return nearest };
            let block = below.is_map() || !below.items().is_empty();
            nearest = match key_at {
                Some(key_at) if (block || about_key) && key_at.line > 0 => key_at,
                _ => below.at,
            };
            node = below;
        }
        nearest
    }

    fn member(&mut self, map: &'o Node<'a>, path: &[Segment], name: &str) -> Option<&'o Member<'a>> {
        let members = map.members();
        if members.len() < LARGE {
            return members.iter().rev().find(|member| member.key == name);
        }
        if !self.large.contains_key(path) {
            let by_name = members.iter().map(|member| (member.key.as_ref(), member)).collect();
            self.large.insert(path.to_vec(), by_name);
        }
        self.large.get(path)?.get(name).copied()
    }
}
