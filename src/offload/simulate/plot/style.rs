//! Colours, and the legend that explains them.

use std::fmt::Write as _;

use super::path::short;
use super::{LEFT, RIGHT, xml};

/// Colours that can be told apart by everyone, on white, and on black where the viewer asks for it. No fonts but the viewer's own.
pub(super) const CSS: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328}\
.h{font-size:18px;font-weight:600}.s{font-size:13px}.t{font-size:11px;fill:#59636e}.b{font-weight:600}.m{fill:#59636e}\
.e{text-anchor:end}.c{text-anchor:middle}\
.bg{fill:#fff}.panel{fill:#f6f8fa}\
path{fill:none;stroke-width:1.75;stroke-linejoin:round}\
.grid{stroke:#d1d9e0;stroke-width:.6}\
.demand{stroke:#7d8590;stroke-width:1.5}.load,.r1{stroke:#0969da}.r2{stroke:#bc4c00;stroke-dasharray:7 3}\
.weight{stroke:#8250df}.ready{stroke:#1a7f37}.all{stroke-width:1;stroke-dasharray:2 3}\
.target{stroke:#1f2328;stroke-width:1;stroke-dasharray:5 4}.most{stroke:#8250df;stroke-width:1;stroke-dasharray:2 4}\
.fill{stroke:none}.weight.fill{fill:#8250df;fill-opacity:.18}.slow.fill{fill:#d4a72c}.failed.fill{fill:#cf222e}\
.failover{fill:#cf222e;fill-opacity:.2}.recovering{fill:#cf222e;fill-opacity:.08}.probing{fill:#1b7c83;fill-opacity:.2}\
.held{fill:#bf8700;fill-opacity:.1}.blocked{fill:#59636e;fill-opacity:.2}\
.strip{fill-opacity:.7}.t1{fill:#0969da}.t2{fill:#bc4c00}\
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.t,.m{fill:#9198a1}.bg{fill:#0d1117}.panel{fill:#151b23}.grid{stroke:#3d444d}\
.demand{stroke:#9198a1}.load,.r1{stroke:#4493f8}.r2{stroke:#f0883e}.weight,.most{stroke:#ab7df8}.ready{stroke:#3fb950}\
.target{stroke:#e6edf3}.weight.fill{fill:#ab7df8}.fill{stroke:none}.slow.fill{fill:#d29922}.failed.fill{fill:#f85149}\
.failover,.recovering{fill:#f85149}.probing{fill:#39c5cf}.held{fill:#d29922}.blocked{fill:#9198a1}.t1{fill:#4493f8}.t2{fill:#f0883e}}";

/// A word of the legend and its mark.
pub(super) struct Entry {
    words: String,
    swatch: Swatch,
}

/// A mark.
#[derive(Clone, Copy)]
pub(super) enum Swatch {
    Line(&'static str),
    Area(&'static str),
    Band(&'static str),
}

impl Entry {
    pub(super) fn of(words: &str, swatch: Swatch) -> Self {
        Self { words: words.to_owned(), swatch }
    }

    /// About as wide as it will be: nobody knows the viewer's font.
    #[allow(clippy::cast_precision_loss)]
    fn width(&self) -> f64 {
        24.0 + self.words.chars().count() as f64 * 7.2 + 22.0
    }
}

/// Draws the legend in as many lines as it takes, and tells where it ends.
pub(super) fn legend(entries: &[Entry], top: f64) -> (String, f64) {
    let mut out = String::new();
    let (mut x, mut y) = (LEFT, top);
    for entry in entries {
        if x > LEFT && x + entry.width() > RIGHT {
            (x, y) = (LEFT, y + 20.0);
        }
        // Writing into a String cannot fail.
        _ = match entry.swatch {
            Swatch::Line(class) => write!(out, "<path class=\"{class}\" d=\"M{} {}h18\"/>", short(x), short(y - 4.0)),
            Swatch::Area(class) => {
                write!(out, "<path class=\"{class} fill\" d=\"M{} {}h18v10h-18z\"/>", short(x), short(y - 9.0))
            }
            Swatch::Band(class) => {
                write!(
                    out,
                    "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"18\" height=\"12\"/>",
                    short(x),
                    short(y - 10.0)
                )
            }
        };
        _ = write!(out, "<text x=\"{}\" y=\"{}\" class=\"s\">{}</text>", short(x + 24.0), short(y), xml(&entry.words));
        x += entry.width();
    }
    (out, y)
}
