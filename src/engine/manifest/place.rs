//! The place of a finding in the source: where its value stands, or what is nearest to where it should.

use crate::engine::finding::rules::{OB007, OB008};
use crate::engine::finding::{Finding, Segment};
use crate::engine::parse::{Mark, Node};

/// Where a finding about this object sits. An absent field sits where the map begins that lacks it; an unknown one, or
/// one that stands twice, at its key.
pub(super) fn of(object: &Node<'_>, finding: &Finding) -> Mark {
    let about_key = finding.rule == &OB007 || finding.rule == &OB008;
    let mut node = object;
    let mut nearest = object.at;
    for segment in &finding.path.0 {
        let (key_at, below) = match segment {
            Segment::Index(index) => (None, node.items().get(*index)),
            Segment::Field(name) | Segment::Key(name) => {
                let member = node.members().iter().rev().find(|member| *member.key == **name);
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
