//! A hint is right, or absent: whoever does what it says has one fault less.

use std::borrow::Cow;

use beamlit_operator::engine::finding::{Finding, Findings, Segment};
use beamlit_operator::engine::parse::{Node, Value};
use beamlit_operator::engine::{Kind, Reading};

use crate::findings::judge;
use crate::tree;

/// How many hints of one object are tried.
const MOST: usize = 8;

/// Does what the hints say, one after the other, each on the object as it was.
pub(crate) fn are_right(kind: Kind, object: &Node<'_>, findings: &Findings) {
    for finding in findings.list().iter().filter(|finding| finding.hint.is_some()).take(MOST) {
        let mut mended = object.clone();
        if follow(&mut mended, finding).is_none() {
            continue;
        }
        let after = judge(kind, &mended, Reading::File);
        // What the hint puts into another field must be right as well.
        let beside = finding.hint.as_deref().is_some_and(|hint| hint.contains(" and pathPrefix: "));
        let same = |other: &&Finding| {
            other.rule == finding.rule && other.path == finding.path
                || beside && other.rule.code == "RT003" && tree::parent(&other.path) == tree::parent(&finding.path)
        };
        if let Some(left) = after.list().iter().find(same) {
            panic!("the hint does not help: {finding}\nafter it: {left}");
        }
    }
}

/// Changes the object as the hint says; none if it is no hint that says exactly what to do.
fn follow(object: &mut Node<'_>, finding: &Finding) -> Option<()> {
    let hint = finding.hint.as_deref()?;
    let (last, above) = finding.path.0.split_last()?;
    if let Some(meant) = hint.strip_prefix("did you mean ").and_then(|rest| unquoted(rest.strip_suffix('?')?)) {
        return match (finding.rule.code, last) {
            // Only a part of the value is meant.
            ("RT003", _) if meant.starts_with('$') => None,
            ("OB007", Segment::Field(name)) => rename(tree::at_mut(object, above)?, name, meant),
            _ => replace(tree::at_mut(object, &finding.path.0)?, meant),
        };
    }
    if let Some(right) = hint.strip_prefix("write ").and_then(unquoted) {
        return replace(tree::at_mut(object, &finding.path.0)?, right);
    }
    if let Some(rest) = hint.strip_prefix("write host: ") {
        let (host, rest) = rest.split_once(" and ")?;
        let (field, value) = rest.split_once(": ")?;
        put(tree::at_mut(object, above)?, "host", host);
        put(tree::at_mut(object, above)?, field, value);
        return Some(());
    }
    if let Some(name) = hint.strip_prefix("an internationalised name is written ") {
        return replace(tree::at_mut(object, &finding.path.0)?, name.to_owned());
    }
    let node = tree::at_mut(object, &finding.path.0)?;
    match hint {
        "put it in quotes" => {
            let text = tree::json(node)?.to_string();
            replace(node, text)
        }
        "write it without quotes" => {
            node.value = match node.text()?.trim() {
                "true" | "yes" | "on" => Value::Bool(true),
                "false" | "no" | "off" => Value::Bool(false),
                number => Value::Int(number.parse().ok()?),
            };
            Some(())
        }
        _ => None,
    }
}

fn replace(node: &mut Node<'_>, text: String) -> Option<()> {
    node.value = Value::Text(Cow::Owned(text));
    Some(())
}

/// Gives a member another name, unless there is one of that name.
fn rename(map: &mut Node<'_>, from: &str, to: String) -> Option<()> {
    if map.get(&to).is_some() {
        return None;
    }
    let Value::Map(members) = &mut map.value else { return None };
    members.retain(|member| member.key != to);
    members.iter_mut().find(|member| member.key == from)?.key = Cow::Owned(to);
    Some(())
}

fn put(map: &mut Node<'_>, key: &str, text: &str) {
    let Value::Map(members) = &mut map.value else { return };
    members.retain(|member| member.key != key);
    members.push(beamlit_operator::engine::parse::Member {
        key: Cow::Owned(key.to_owned()),
        key_at: Default::default(),
        value: Node::new(Value::Text(Cow::Owned(text.to_owned()))),
    });
}

/// What stands between quotes, whole.
fn unquoted(text: &str) -> Option<String> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::new();
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        match c {
            // A second pair of quotes: there is a choice.
            '"' => return None,
            '\\' => match chars.next()? {
                'u' => {
                    let number: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                    out.push(char::from_u32(u32::from_str_radix(&number, 16).ok()?)?);
                }
                c => out.push(c),
            },
            c => out.push(c),
        }
    }
    Some(out)
}
