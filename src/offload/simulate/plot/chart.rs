//! The panels, one above the other over the same time.

use std::fmt::Write as _;

use super::bands::Band;
use super::path::short;
use super::{GAP, LEFT, RIGHT, Scale};

/// What is drawn so far.
pub(super) struct Chart<'b> {
    time: Scale,
    bands: &'b [Band],
    y: f64,
    out: String,
}

/// A panel: where values and times lie in it.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    time: Scale,
    top: f64,
    pub bottom: f64,
    most: f64,
}

impl Panel {
    #[cfg(test)]
    pub(super) fn new(time: Scale, top: f64, bottom: f64, most: f64) -> Self {
        Self { time, top, bottom, most }
    }

    pub(super) fn x(&self, at: f64) -> f64 {
        self.time.x(at)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        self.bottom - (value / self.most).clamp(0.0, 1.0) * (self.bottom - self.top)
    }
}

impl<'b> Chart<'b> {
    pub(super) fn new(time: Scale, y: f64, bands: &'b [Band]) -> Self {
        Self { time, bands, y, out: String::new() }
    }

    /// Begins the next panel: its title, its bands, its grid.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn panel(&mut self, title: &str, height: f64, scale: &Scale) -> Panel {
        let (top, bottom) = (self.y, self.y + height);
        let panel = Panel { time: self.time.clone(), top, bottom, most: scale.most };
        let width = short(RIGHT - LEFT);
        // Writing into a String cannot fail.
        _ = writeln!(self.out, "<text x=\"{LEFT}\" y=\"{}\" class=\"s b\">{title}</text>", short(top - 9.0));
        _ = writeln!(
            self.out,
            "<rect class=\"panel\" x=\"{LEFT}\" y=\"{}\" width=\"{width}\" height=\"{}\"/>",
            short(top),
            short(height)
        );
        for band in self.bands.iter().filter(|band| band.lane.is_none()) {
            self.out.push_str(&shade(&panel, band, (top, height), ""));
        }
        let mut grid = String::new();
        for (value, label) in &scale.ticks {
            let y = short(panel.y(*value));
            _ = write!(grid, "M{LEFT} {y}H{RIGHT}");
            _ = writeln!(
                self.out,
                "<text x=\"{}\" y=\"{}\" class=\"t e\">{label}</text>",
                short(LEFT - 8.0),
                short(panel.y(*value) + 4.0)
            );
        }
        for (at, _) in &self.time.ticks {
            _ = write!(grid, "M{} {}V{}", short(panel.x(*at)), short(top), short(bottom));
        }
        _ = writeln!(self.out, "<path class=\"grid\" d=\"{grid}\"/>");
        self.y = bottom + GAP;
        panel
    }

    /// The phases of two runs, as strips below a panel, each with a mark in the colour of its run.
    pub(super) fn lanes(&mut self, panel: &Panel, marks: &[&str]) {
        for (index, mark) in marks.iter().enumerate() {
            let y = panel.bottom + if index == 0 { 2.0 } else { 7.5 };
            let own: Vec<&Band> = self.bands.iter().filter(|band| band.lane == Some(index)).collect();
            if !own.is_empty() {
                // Writing into a String cannot fail.
                _ = writeln!(
                    self.out,
                    "<rect class=\"{mark}\" x=\"{}\" y=\"{}\" width=\"6\" height=\"4\"/>",
                    short(LEFT - 8.0),
                    short(y)
                );
            }
            for band in own {
                self.out.push_str(&shade(panel, band, (y, 4.0), " strip"));
            }
        }
    }

    pub(super) fn add(&mut self, drawn: &str) {
        self.out.push_str(drawn);
    }

    /// A level line.
    pub(super) fn level(&mut self, panel: &Panel, value: f64, class: &str) {
        let y = short(panel.y(value));
        // Writing into a String cannot fail.
        _ = writeln!(self.out, "<path class=\"{class}\" d=\"M{LEFT} {y}H{RIGHT}\"/>");
    }

    /// A remark in the middle of a panel that shows nothing.
    pub(super) fn remark(&mut self, panel: &Panel, text: &str) {
        let y = short((panel.top * 3.0 + panel.bottom) / 4.0 + 4.0);
        // Writing into a String cannot fail.
        _ = writeln!(self.out, "<text x=\"{}\" y=\"{y}\" class=\"t c\">{text}</text>", short((LEFT + RIGHT) / 2.0));
    }

    /// The times below the last panel.
    pub(super) fn time_axis(&mut self) {
        let y = self.y - GAP + 17.0;
        for (at, label) in &self.time.ticks {
            // Writing into a String cannot fail.
            _ = writeln!(
                self.out,
                "<text x=\"{}\" y=\"{}\" class=\"t c\">{label}</text>",
                short(self.time.x(*at)),
                short(y)
            );
        }
        _ = writeln!(
            self.out,
            "<text x=\"{}\" y=\"{}\" class=\"t c\">time, hours and minutes</text>",
            short((LEFT + RIGHT) / 2.0),
            short(y + 17.0)
        );
    }

    /// What was drawn, and where it ends.
    pub(super) fn done(self) -> (String, f64) {
        (self.out, self.y - GAP)
    }
}

#[allow(clippy::cast_precision_loss)]
fn shade(panel: &Panel, band: &Band, (top, height): (f64, f64), class: &str) -> String {
    let (from, until) = (panel.x(band.from as f64), panel.x(band.until as f64));
    format!(
        "<rect class=\"{}{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n",
        band.kind.class(),
        short(from),
        short(top),
        short((until - from).max(1.0)),
        short(height)
    )
}
