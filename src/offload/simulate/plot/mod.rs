//! Plots: one SVG that needs nothing else, for light and dark surroundings, and a page around it.

mod bands;
mod chart;
mod html;
mod path;
mod scale;
mod style;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use super::run::Step;
use super::{Named, Simulation};
use crate::engine::finding::is_unprintable;
use bands::Band;
use chart::{Chart, Panel};
pub use html::html;
use path::{Line, filled, line, steps};
use scale::Scale;
use style::{CSS, Entry, Swatch, legend};

/// How wide a plot is; where its axes begin and end.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 940.0;
/// About as many characters fit on a line.
const LINE: usize = 122;
/// Between two panels.
const GAP: f64 = 34.0;

/// Draws a simulation: one run with all that is known of it, or two in the colours of each.
#[must_use]
pub fn svg(simulation: &Simulation) -> String {
    let Simulation { title, about, runs, .. } = simulation;
    let [first, ..] = runs.as_slice() else { return String::new() };
    let lane = |index| (runs.len() > 1).then_some(index);
    let bands = runs.iter().enumerate().flat_map(|(index, named)| bands::of(&named.run, lane(index)));
    let bands: Vec<Band> = bands.collect();
    let (verdicts, y) = verdicts(runs, 80.0);
    let (key, below) = legend(&entries(simulation, &bands), y + 10.0);
    let mut chart = Chart::new(Scale::of_time(first.run.length), below + 38.0, &bands);
    load(&mut chart, runs);
    weight(&mut chart, runs);
    users(&mut chart, runs);
    pods(&mut chart, runs);
    chart.time_axis();
    let (panels, y) = chart.done();
    let height = y + 48.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" height=\"{height:.0}\" role=\"img\" \
aria-labelledby=\"t d\">\n<title id=\"t\">{title}</title>\n<desc id=\"d\">{desc}</desc>\n<style>{CSS}</style>\n\
<rect class=\"bg\" width=\"{WIDTH}\" height=\"{height:.0}\" rx=\"6\"/>\n\
<text x=\"{LEFT}\" y=\"34\" class=\"h\">{title}</text>\n<text x=\"{LEFT}\" y=\"56\" class=\"s m\">{about}</text>\n\
{verdicts}{key}\n{panels}</svg>\n",
        title = xml(&cut(title, 90)),
        about = xml(&cut(about, 140)),
        desc = xml(&description(simulation)),
    )
}

/// The headlines, in the colours of their runs, and where they end.
fn verdicts(runs: &[Named], top: f64) -> (String, f64) {
    let (mut out, mut y) = (String::new(), top);
    for (index, named) in runs.iter().enumerate() {
        let class = if runs.len() > 1 { ["t1", "t2"].get(index).copied().unwrap_or_default() } else { "" };
        let name = cut(&named.name, 60);
        let mut room = LINE.saturating_sub(name.chars().count() + 2);
        // Writing into a String cannot fail.
        _ = write!(
            out,
            "<text x=\"{LEFT}\" y=\"{y:.0}\" class=\"s\"><tspan class=\"b {class}\">{}:</tspan>",
            xml(&name)
        );
        for word in named.verdict.headline.split(' ') {
            let length = word.chars().count() + 1;
            if length > room {
                y += 18.0;
                room = LINE;
                _ = write!(out, "</text>\n<text x=\"{LEFT}\" y=\"{y:.0}\" class=\"s\">");
            }
            room = room.saturating_sub(length);
            _ = write!(out, " {}", xml(word));
        }
        out.push_str("</text>\n");
        y += 20.0;
    }
    (out, y)
}

/// For those who cannot see it.
fn description(simulation: &Simulation) -> String {
    let runs = simulation.runs.iter().map(|named| format!("{}: {}", named.name, named.verdict.lines.join("; ")));
    runs.chain(simulation.difference.iter().cloned()).collect::<Vec<_>>().join(". ")
}

fn entries(simulation: &Simulation, bands: &[Band]) -> Vec<Entry> {
    let mut out = vec![Entry::of("demand", Swatch::Line("demand"))];
    match simulation.runs.as_slice() {
        [a, b] => {
            out.push(Entry::of(&cut(&a.name, 56), Swatch::Line("r1")));
            out.push(Entry::of(&cut(&b.name, 56), Swatch::Line("r2")));
        }
        _ => {
            out.push(Entry::of("local load", Swatch::Line("load")));
            out.push(Entry::of("remote weight", Swatch::Area("weight")));
            out.push(Entry::of("slow", Swatch::Area("slow")));
            out.push(Entry::of("failed", Swatch::Area("failed")));
        }
    }
    if simulation.runs.iter().any(|named| named.run.level.is_some()) {
        out.push(Entry::of("target", Swatch::Line("target")));
    }
    for kind in bands::Kind::ALL {
        if bands.iter().any(|band| band.kind == kind) {
            out.push(Entry::of(kind.words(), Swatch::Band(kind.class())));
        }
    }
    out
}

/// The classes of the lines of each run.
fn classes(runs: &[Named], alone: &'static str) -> Vec<&'static str> {
    if runs.len() > 1 { vec!["r1", "r2"] } else { vec![alone] }
}

fn load(chart: &mut Chart<'_>, runs: &[Named]) {
    let most = runs
        .iter()
        .flat_map(|named| &named.run.steps)
        .fold(1.0_f64, |most, step| most.max(step.demand).max(step.load.unwrap_or_default()));
    let scale = Scale::nice(most * 104.0, 5.0);
    let panel = chart.panel("load and demand, % of what the pods request", 180.0, &scale);
    if let Some(named) = runs.first() {
        let demand = values(&named.run.steps, |step| Some(step.demand * 100.0));
        chart.add(&line(&panel, &demand, "demand"));
    }
    for (named, class) in runs.iter().zip(classes(runs, "load")).rev() {
        let load = values(&named.run.steps, |step| step.load.map(|load| load * 100.0));
        chart.add(&line(&panel, &load, class));
    }
    let mut levels: Vec<f64> = runs.iter().filter_map(|named| named.run.level).collect();
    levels.dedup();
    for level in levels {
        chart.level(&panel, level * 100.0, "target");
    }
}

fn weight(chart: &mut Chart<'_>, runs: &[Named]) {
    let panel = chart.panel("remote weight, % of the traffic", 130.0, &Scale::percent());
    let mut levels: Vec<u8> = runs.iter().map(|named| named.run.most).collect();
    levels.dedup();
    for most in levels.into_iter().filter(|most| *most < 100) {
        chart.level(&panel, f64::from(most), "most");
    }
    for (named, class) in runs.iter().zip(classes(runs, "weight")).rev() {
        let weight = values(&named.run.steps, |step| Some(f64::from(step.weight)));
        if runs.len() == 1 {
            chart.add(&steps(&panel, &weight, named.run.length, "weight fill", true));
        }
        chart.add(&steps(&panel, &weight, named.run.length, class, false));
    }
    chart.lanes(&panel, &["t1", "t2"]);
}

fn users(chart: &mut Chart<'_>, runs: &[Named]) {
    let bad = |step: &Step| (step.slow + step.failed).min(1.0) * 100.0;
    let most = runs.iter().flat_map(|named| &named.run.steps).map(bad).fold(0.0, f64::max);
    let title = if runs.len() > 1 { "slow or failed, % of requests" } else { "what users felt, % of requests" };
    let panel = chart.panel(title, 70.0, &Scale::nice(if most > 0.0 { most.max(1.0) } else { 100.0 }, 3.0));
    match runs {
        [named] => {
            let all = values(&named.run.steps, |step| Some(bad(step)));
            chart.add(&filled(&panel, &all, "slow fill"));
            let failed = values(&named.run.steps, |step| Some(step.failed * 100.0));
            chart.add(&filled(&panel, &failed, "failed fill"));
        }
        _ => {
            for (named, class) in runs.iter().zip(classes(runs, "slow")).rev() {
                chart.add(&line(&panel, &values(&named.run.steps, |step| Some(bad(step))), class));
            }
        }
    }
    if most <= 0.0 {
        chart.remark(&panel, "none slow, none failed");
    }
}

fn pods(chart: &mut Chart<'_>, runs: &[Named]) {
    let counts = |step: &Step| step.replicas.max(step.ready);
    let most = runs.iter().flat_map(|named| &named.run.steps).map(counts).max().unwrap_or_default();
    let first = runs.first().and_then(|named| named.run.steps.first()).map(|step| (step.replicas, step.ready));
    let moves = runs.iter().flat_map(|named| &named.run.steps).any(|step| Some((step.replicas, step.ready)) != first);
    if !moves {
        return;
    }
    let panel = chart.panel("pods: ready, and all (dotted)", 70.0, &Scale::whole(most));
    for (named, class) in runs.iter().zip(classes(runs, "ready")).rev() {
        let all = values(&named.run.steps, |step| Some(f64::from(step.replicas)));
        chart.add(&steps(&panel, &all, named.run.length, &format!("{class} all"), false));
        let ready = values(&named.run.steps, |step| Some(f64::from(step.ready)));
        chart.add(&steps(&panel, &ready, named.run.length, class, false));
    }
}

/// What each step has, at its time.
fn values(steps: &[Step], of: impl Fn(&Step) -> Option<f64>) -> Line {
    steps.iter().map(|step| (step.at, of(step))).collect()
}

/// A text as XML may hold it.
fn xml(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push(c),
            c if is_unprintable(c) => _ = write!(out, "\\u{{{:x}}}", u32::from(c)),
            c => out.push(c),
        }
    }
    out
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
