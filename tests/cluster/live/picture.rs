//! The picture: what clients ask for over time, and how much of it is served at home.

use anstyle::{AnsiColor, Color, Style};

use super::moment::Moment;
use super::screen::{Screen, Size};

/// Rows of the chart, and how many percent each of them is.
const ROWS: i64 = 8;
const STEP: i64 = 15;

/// The target of the metric in `tests/cluster/demo/offloaded.yaml`, in percent.
pub(super) const TARGET: i64 = 90;

/// Lines of a picture: the chart, what stands above and below it, and three commands with what they print.
pub(crate) const HEIGHT: usize = ROWS as usize + 2 + 3 + 3 + 6;

/// From where on `kubectl get ofa,hpa` fits on a line.
pub(super) const WIDE: usize = 118;

/// The least that a picture is of use in.
pub(crate) const SMALLEST: Size = Size { rows: HEIGHT + 2, columns: 78 };

/// What a cell of the chart shows.
#[derive(Clone, Copy, PartialEq)]
enum Cell {
    Home,
    Away,
    Target,
    Nothing,
}

const fn coloured(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

impl Cell {
    const fn text(self) -> &'static str {
        match self {
            Self::Home => "█",
            Self::Away => "░",
            Self::Target => "╌",
            Self::Nothing => " ",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Home => coloured(AnsiColor::Green),
            Self::Away => coloured(AnsiColor::Cyan),
            Self::Target => coloured(AnsiColor::Yellow),
            Self::Nothing => Style::new(),
        }
    }

    /// Of a moment, in a row that ends at this many percent. A row that has begun counts.
    fn of(moment: &Moment, top: i64) -> Self {
        let rows = |percent: i64| (percent + STEP - 1) / STEP;
        if top <= rows(moment.at_home()) * STEP {
            Self::Home
        } else if top <= rows(moment.demand) * STEP {
            Self::Away
        } else if top == TARGET {
            Self::Target
        } else {
            Self::Nothing
        }
    }
}

/// The chart, with what it means below. Where not all moments have room every second one is left out, and then the first ones.
pub(crate) fn chart(moments: &[Moment], columns: usize, screen: &Screen<'_>) -> Vec<String> {
    let width = columns.saturating_sub(9);
    let stride = if moments.len() > width { 2 } else { 1 };
    let moments: Vec<_> = moments.iter().step_by(stride).collect();
    let moments = moments.get(moments.len().saturating_sub(width)..).unwrap_or_default();
    let mut lines = Vec::new();
    for top in (1..=ROWS).rev().map(|row| row * STEP) {
        let mut line = format!("  {top:>3}% {}", if top == TARGET { "┼" } else { "│" });
        let cells: Vec<_> = moments.iter().map(|moment| Cell::of(moment, top)).collect();
        for alike in cells.chunk_by(|one, other| one == other) {
            let Some(cell) = alike.first() else { continue };
            let style = screen.style(cell.style());
            line += &format!("{style}{}{style:#}", cell.text().repeat(alike.len()));
        }
        lines.push(line.trim_end().to_owned());
    }
    let key = [(Cell::Home, "served at home"), (Cell::Away, "sent away"), (Cell::Target, "the target")];
    let key = key.map(|(cell, means)| {
        let style = screen.style(cell.style());
        format!("{style}{}{style:#} {means}", cell.text())
    });
    lines.push(format!("       {}", key.join("   ")));
    lines
}

/// Cuts a line to a width, so that it stays one line. The styles of what is short enough may be in it.
pub(crate) fn cut(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    line.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
}
