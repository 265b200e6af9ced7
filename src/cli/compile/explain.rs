//! What was compiled, value by value, each with what it came from.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::cli::check::Given;
use crate::cli::output::{self, STRONG};
use crate::engine::compile::origin::Explained;
use crate::engine::finding::escaped;
use crate::engine::manifest::Compiled;

/// One document with every value.
#[derive(Serialize)]
struct Document<'e> {
    version: u8,
    objects: Vec<Object<'e>>,
}

#[derive(Serialize)]
struct Object<'e> {
    source: &'e str,
    namespace: &'e str,
    name: &'e str,
    values: Vec<Line<'e>>,
}

#[derive(Serialize)]
struct Line<'e> {
    path: &'e str,
    value: &'e Value,
    origin: String,
}

/// The widest that the column of values becomes.
const WIDEST: usize = 64;

/// Writes them. Policies are sent to Beamlit as they are written: there is nothing to explain.
pub(super) fn write(out: &mut dyn Write, given: &[Given], json: bool) -> io::Result<()> {
    let all = given.iter().filter_map(|given| match &given.compiled {
        Compiled::ModelDeployment(_, explained) => Some((given, explained)),
        Compiled::Policy(_) => None,
    });
    if json {
        let objects = all.map(|(Given { source, namespace, name, .. }, explained)| Object {
            source,
            namespace,
            name,
            values: explained.iter().map(line).collect(),
        });
        return output::json(out, &Document { version: 1, objects: objects.collect() });
    }
    for (index, (given, explained)) in all.enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let Given { source, namespace, name, compiled: _ } = given;
        writeln!(out, "{STRONG}{}/{} of {}{STRONG:#}", escaped(namespace), escaped(name), escaped(source))?;
        let left = |each: &Explained| format!("{}: {}", escaped(&each.path), escaped(&each.value.to_string()));
        let width = explained.iter().map(|each| left(each).chars().count()).filter(|width| *width <= WIDEST).max();
        for each in explained {
            writeln!(
                out,
                "  {:width$}  # {}",
                left(each),
                escaped(&each.origin.to_string()),
                width = width.unwrap_or_default()
            )?;
        }
    }
    Ok(())
}

fn line(explained: &Explained) -> Line<'_> {
    let Explained { path, value, origin } = explained;
    Line { path, value, origin: origin.to_string() }
}
