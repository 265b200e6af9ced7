//! Plots are whole, bounded and safe, whatever is drawn.

use super::super::run::{Run, Totals};
use super::super::verdict::verdict;
use super::*;
use crate::offload::decide::Reason;

fn step(at: u64, weight: u8) -> Step {
    Step {
        at: at * 15_000,
        demand: 1.5,
        load: (weight < 100).then_some(0.9),
        reading: None,
        weight,
        desired: weight,
        reason: if weight == 100 { Reason::Failover } else { Reason::AtHome },
        replicas: 4,
        ready: if weight == 100 { 0 } else { 4 },
        in_flight: 0.0,
        slow: 0.5,
        failed: 0.25,
        fits: true,
    }
}

fn simulation(name: &str, weights: impl IntoIterator<Item = u8>) -> Simulation {
    let steps: Vec<Step> = weights.into_iter().zip(0..).map(|(weight, at)| step(at, weight)).collect();
    let length = steps.last().map_or(1000, |step| step.at + 15_000);
    let totals = Totals { requests: 100.0, ..Totals::default() };
    let run = Run { steps, totals, level: Some(0.9), most: 50, most_by_hpa: None, length };
    let verdict = verdict(&run);
    Simulation {
        title: name.into(),
        about: name.into(),
        runs: vec![Named { name: name.into(), run, verdict }],
        difference: Vec::new(),
        notes: Vec::new(),
    }
}

/// Whether every tag is closed, in order.
fn whole(xml: &str) -> bool {
    let mut open = Vec::new();
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        let Some(end) = rest[at..].find('>') else { return false };
        let tag = &rest[at + 1..at + end];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
        rest = &rest[at + end + 1..];
    }
    open.is_empty()
}

#[test]
fn a_plot_is_whole_and_needs_nothing_else() {
    let plot = svg(&simulation("a", [0, 50, 50, 100, 100, 50, 0]));
    assert!(whole(&plot), "{plot}");
    for part in
        ["<title id=\"t\">a</title>", "remote weight", "class=\"failover\"", "prefers-color-scheme:dark", "time, hours"]
    {
        assert!(plot.contains(part), "{part} in {plot}");
    }
    for foreign in ["<script", "href", "url(", "@import", "@font-face"] {
        assert!(!plot.contains(foreign), "{foreign}");
    }
}

#[test]
fn names_cannot_break_out() {
    let plot = svg(&simulation("</title><script>\"&\u{202e}", [0, 50]));
    assert!(whole(&plot) && !plot.contains("<script"), "{plot}");
    assert!(plot.contains("&lt;/title&gt;&lt;script&gt;&quot;&amp;\\u{202e}"), "{plot}");
    let page = html(&simulation("<b>", [0, 50]), "<i>");
    assert!(page.contains("<pre>&lt;i&gt;</pre>") && !page.contains("<b>"), "{page}");
}

#[test]
fn a_month_is_drawn_with_few_points() {
    let weights = (0..178_560_u32).map(|n| if n.is_multiple_of(2) { 0 } else { 40 });
    let mut simulation = simulation("month", weights);
    for (n, step) in simulation.runs[0].run.steps.iter_mut().enumerate() {
        step.load = Some(f64::from(u32::try_from(n % 97).unwrap()) / 97.0);
    }
    let plot = svg(&simulation);
    assert!(plot.len() < 400_000, "{} bytes", plot.len());
}

#[test]
fn nothing_is_a_plot_too() {
    assert!(whole(&svg(&simulation("nothing", []))));
    assert!(whole(&svg(&simulation("one", [0]))));
}

#[test]
fn a_line_has_only_the_points_that_show_something() {
    let panel = Panel::new(Scale::of_time(100_000), 0.0, 100.0, 1.0);
    let values = vec![(0, Some(0.5)), (10_000, Some(0.5)), (20_000, Some(0.5)), (30_000, None), (40_000, Some(1.0))];
    assert_eq!(line(&panel, &values, "a"), "<path class=\"a\" d=\"M60 50L236 50M412 0\"/>\n");
    let values = vec![(0, Some(0.0)), (50_000, Some(0.0)), (75_000, Some(1.0))];
    assert_eq!(steps(&panel, &values, 100_000, "a", false), "<path class=\"a\" d=\"M60 100H720V0H940\"/>\n");
    assert_eq!(steps(&panel, &values, 100_000, "a", true), "<path class=\"a\" d=\"M60 100V100H720V0H940V100Z\"/>\n");
}
