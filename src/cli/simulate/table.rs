//! The simulation for people: a row where something changed and every now and then, and the verdict below.

use std::io::{self, Write};

use crate::cli::output::{NOTE, STRONG, WARNING};
use crate::offload::simulate::{Named, Simulation, Step, clock, percent, span};

/// What is shown.
pub(super) struct Options {
    /// Every decision.
    pub verbose: bool,
}

/// How many rows there are if nothing changes.
const ROWS: usize = 40;

/// Writes the table, unless it is not wanted, and the verdict.
pub(super) fn write(out: &mut dyn Write, simulation: &Simulation, table: Option<&Options>) -> io::Result<()> {
    let Simulation { title, about, runs, difference, notes } = simulation;
    let length = runs.first().map_or(0, |named| named.run.length);
    writeln!(out, "{STRONG}{title}{STRONG:#}: {about} ({})", span(length))?;
    if let Some(options) = table {
        writeln!(out)?;
        rows(out, simulation, options)?;
    }
    for Named { name, verdict, .. } in runs {
        writeln!(out, "\n{STRONG}{name}{STRONG:#}")?;
        for line in &verdict.lines {
            writeln!(out, "  {line}")?;
        }
    }
    if !difference.is_empty() {
        writeln!(out, "\n{STRONG}the difference{STRONG:#}")?;
        for line in difference {
            writeln!(out, "  {line}")?;
        }
    }
    if !notes.is_empty() {
        writeln!(out)?;
    }
    for note in notes {
        writeln!(out, "{NOTE}note:{NOTE:#} {note}")?;
    }
    Ok(())
}

/// Writes the rows alone.
pub(super) fn rows(out: &mut dyn Write, simulation: &Simulation, options: &Options) -> io::Result<()> {
    match simulation.runs.as_slice() {
        [one] => single(out, one, options),
        [a, b] => double(out, [a, b], options),
        _ => Ok(()),
    }
}

fn single(out: &mut dyn Write, named: &Named, options: &Options) -> io::Result<()> {
    writeln!(
        out,
        "{STRONG}{:>8} {:>7} {:>6} {:>9} {:>7} {:>7} {:>9} {:>6} {:>6}  REASON{STRONG:#}",
        "TIME", "DEMAND", "LOAD", "OF TARGET", "PODS", "WEIGHT", "IN FLIGHT", "SLOW", "FAILED"
    )?;
    let steps = &named.run.steps;
    let mut before: Option<&Step> = None;
    for (index, step) in steps.iter().enumerate() {
        let changed = before.is_none_or(|before| differs(before, step));
        if options.verbose || changed || due(index, steps.len()) {
            let bad = if step.failed > 0.0 || step.slow > 0.0 { WARNING } else { anstyle::Style::new() };
            writeln!(
                out,
                "{:>8} {:>7} {:>6} {:>9} {:>7} {:>7} {:>9.0} {bad}{:>6} {:>6}{bad:#}  {}",
                clock(step.at),
                whole(step.demand),
                step.load.map_or_else(|| "-".into(), whole),
                step.reading.map_or_else(|| "-".into(), whole),
                format!("{}/{}", step.ready, step.replicas),
                format!("{} %", step.weight),
                step.in_flight,
                short(step.slow),
                short(step.failed),
                step.reason.word(),
            )?;
        }
        before = Some(step);
    }
    Ok(())
}

fn double(out: &mut dyn Write, named: [&Named; 2], options: &Options) -> io::Result<()> {
    let [a, b] = named;
    let columns = format!("{:>6} {:>7} {:>6} {:>6}  {:<18}", "LOAD", "WEIGHT", "PODS", "BAD", "REASON");
    writeln!(out, "{:>16} | {STRONG}{:<47}{STRONG:#} | {STRONG}{}{STRONG:#}", "", cut(&a.name, 47), b.name)?;
    let head = format!("{:>8} {:>7} | {columns} | {columns}", "TIME", "DEMAND");
    writeln!(out, "{STRONG}{}{STRONG:#}", head.trim_end())?;
    let mut times: Vec<u64> = a.run.steps.iter().chain(&b.run.steps).map(|step| step.at).collect();
    times.sort_unstable();
    times.dedup();
    let mut cursors = [a, b].map(|named| named.run.steps.iter().peekable());
    let mut now: [Option<&Step>; 2] = [None, None];
    for (index, time) in times.iter().enumerate() {
        let mut changed = index == 0;
        for (cursor, now) in cursors.iter_mut().zip(&mut now) {
            while let Some(step) = cursor.next_if(|step| step.at <= *time) {
                changed = changed || now.is_some_and(|before| differs(before, step));
                *now = Some(step);
            }
        }
        if !(options.verbose || changed || due(index, times.len())) {
            continue;
        }
        let [Some(first), Some(second)] = now else { continue };
        let half = |step: &Step| {
            format!(
                "{:>6} {:>7} {:>6} {:>6}  {:<18}",
                step.load.map_or_else(|| "-".into(), whole),
                format!("{} %", step.weight),
                format!("{}/{}", step.ready, step.replicas),
                short((step.slow + step.failed).min(1.0)),
                step.reason.word(),
            )
        };
        let line = format!("{:>8} {:>7} | {} | {}", clock(*time), whole(first.demand), half(first), half(second));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Whether a row must not be left out.
fn differs(before: &Step, step: &Step) -> bool {
    (before.weight, before.ready, before.replicas, before.reason)
        != (step.weight, step.ready, step.replicas, step.reason)
}

/// Whether it is time for a row: so that there are about as many as wanted, the last one among them.
fn due(index: usize, count: usize) -> bool {
    index.is_multiple_of(count.div_ceil(ROWS).max(1)) || index + 1 == count
}

fn whole(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn short(share: f64) -> String {
    if share <= 0.0 { "-".into() } else { percent(share).replace("less than ", "<") }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
