//! The documentation's plots and figures are what the tool makes: a test compares them, and `make plots` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use super::{simulate, text};

/// Set by `make plots`: what differs is written instead.
const WRITE: &str = "WRITE_PLOTS";

/// The plots, each as its name and the arguments that make it.
const PLOTS: &str = "docs/simulation/plots.txt";

/// The pages whose examples are run.
const PAGES: [&str; 2] = ["docs/simulation.md", "docs/beside-an-hpa.md"];

/// What an example begins with.
const PROMPT: &str = "$ beamlit-operator simulate ";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

fn compare(path: &str, made: &str, faults: &mut Vec<String>) {
    if read(path) == made {
        return;
    }
    if std::env::var_os(WRITE).is_some() {
        fs::write(root().join(path), made).unwrap();
    } else {
        faults.push(path.to_owned());
    }
}

fn run(arguments: &str) -> String {
    text(&simulate(&arguments.split_whitespace().collect::<Vec<_>>()))
}

#[test]
fn the_plots_are_what_the_tool_draws() {
    let plots = read(PLOTS);
    let plots: Vec<(&str, &str)> = plots.lines().filter_map(|line| line.split_once(": ")).collect();
    assert!(plots.len() >= 9, "{plots:?}");
    let mut faults = Vec::new();
    for (name, arguments) in &plots {
        compare(&format!("docs/simulation/{name}.svg"), &run(&format!("{arguments} --output svg")), &mut faults);
    }
    assert!(faults.is_empty(), "not what the tool draws; `make plots` draws them anew: {faults:?}");
    let there = fs::read_dir(root().join("docs/simulation")).unwrap();
    let mut there: Vec<String> = there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    there.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "svg"));
    there.sort();
    let mut named: Vec<String> = plots.iter().map(|(name, _)| format!("{name}.svg")).collect();
    named.sort();
    assert_eq!(there, named, "plots that nobody makes, or that are not there");
    let pages: String = PAGES.iter().map(|page| read(page)).collect();
    let mut shown: Vec<&str> = pages.split("(simulation/").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    shown.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "svg"));
    shown.sort_unstable();
    assert_eq!(shown, named, "plots that no page shows, or more than one, or that are not there");
}

#[test]
fn the_figures_are_what_the_tool_says() {
    let mut faults = Vec::new();
    for page in PAGES {
        let (made, examples) = with_examples(&read(page));
        assert!(examples > 2, "{page}");
        compare(page, &made, &mut faults);
    }
    assert!(faults.is_empty(), "not what the tool says; `make plots` writes it anew: {faults:?}");
}

/// The page with what its examples print now, and how many there are.
fn with_examples(page: &str) -> (String, usize) {
    let (mut out, mut examples) = (String::new(), 0);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if let Some(arguments) = line.strip_prefix(PROMPT) {
            examples += 1;
            out.push_str(&run(arguments));
            for skipped in lines.by_ref() {
                if skipped == "```" {
                    out.push_str("```\n");
                    break;
                }
            }
        }
    }
    (out, examples)
}
