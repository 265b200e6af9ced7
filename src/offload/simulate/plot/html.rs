//! A page with the plot, the verdict and the table, which needs nothing else.

use std::fmt::Write as _;

use super::super::Simulation;
use super::{svg, xml};

const CSS: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.5 system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;max-width:960px;margin:2rem auto;padding:0 1rem;\
color:#1f2328;background:#fff}\
svg{max-width:100%;height:auto}h2{font-size:1.05rem;margin:1.4rem 0 .3rem}ul{margin:0;padding-left:1.3rem}\
pre{overflow-x:auto;background:#f6f8fa;padding:.8rem;border-radius:6px;font-size:12px;line-height:1.45}\
@media (prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}pre{background:#151b23}}";

/// The page; the table is the one that people get on a terminal.
#[must_use]
pub fn html(simulation: &Simulation, table: &str) -> String {
    let Simulation { title, about: _, runs, difference, notes } = simulation;
    let mut body = svg(simulation);
    for named in runs {
        list(&mut body, &named.name, &named.verdict.lines);
    }
    if !difference.is_empty() {
        list(&mut body, "The difference", difference);
    }
    if !notes.is_empty() {
        list(&mut body, "Notes", notes);
    }
    // Writing into a String cannot fail.
    _ = write!(body, "<h2>Decisions</h2>\n<pre>{}</pre>\n", xml(table));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>{CSS}</style>\n</head>\n\
<body>\n{body}</body>\n</html>\n",
        xml(title)
    )
}

fn list(out: &mut String, title: &str, lines: &[String]) {
    // Writing into a String cannot fail.
    _ = write!(out, "<h2>{}</h2>\n<ul>\n", xml(title));
    for line in lines {
        _ = writeln!(out, "<li>{}</li>", xml(line));
    }
    out.push_str("</ul>\n");
}
