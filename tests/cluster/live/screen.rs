//! Where the demo is told: lines that stay, and below them, on a terminal, a picture that is drawn again in place.

use std::io::{self, Write};

use anstyle::Style;

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// Lines that stay, and a picture below them where there is a terminal for it.
pub(crate) struct Screen<'o> {
    out: &'o mut dyn Write,
    size: Option<Size>,
    colours: bool,
    /// How many lines of a picture stand below those that stay.
    drawn: usize,
}

impl<'o> Screen<'o> {
    /// With a size, pictures are drawn in place: the output is a terminal of that size.
    pub(crate) fn new(out: &'o mut dyn Write, size: Option<Size>, colours: bool) -> Self {
        Self { out, size, colours, drawn: 0 }
    }

    /// The size, where pictures are drawn.
    pub(crate) fn size(&self) -> Option<Size> {
        self.size
    }

    /// Draws no pictures from here on, unless one and this many lines have room.
    pub(crate) fn beside(&mut self, lines: usize, height: usize) {
        self.size = self.size.filter(|size| size.rows > lines + height);
    }

    /// A style where there are colours, and none where not.
    pub(crate) fn style(&self, style: Style) -> Style {
        if self.colours { style } else { Style::new() }
    }

    /// Lines that stay.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), String> {
        let before = self.before();
        self.drawn = 0;
        self.write(&format!("{before}{text}\n"))
    }

    /// A picture instead of the one before. The lines are no longer than the terminal is wide.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn draw(&mut self, lines: &[String]) -> Result<(), String> {
        let before = self.before();
        self.drawn = lines.len();
        self.write(&format!("{before}{}\n", lines.join("\n")))
    }

    /// In one go, or one would see it being drawn.
    fn write(&mut self, text: &str) -> Result<(), String> {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.map_err(|error| format!("standard output: {error}"))
    }

    /// Leaves the picture where it is: what comes next stands below it.
    pub(crate) fn leave(&mut self) {
        self.drawn = 0;
    }

    /// Goes back to where the picture began, and clears from there on.
    fn before(&self) -> String {
        if self.drawn == 0 { String::new() } else { format!("\x1b[{}A\x1b[J", self.drawn) }
    }
}

/// The size of the terminal that is standard output, if it is one on which the cursor can be moved.
pub(crate) fn terminal() -> Option<Size> {
    use std::io::IsTerminal as _;
    let plain = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if plain || !io::stdout().is_terminal() {
        return None;
    }
    let out = std::process::Command::new("stty").args(["-F", "/dev/tty", "size"]).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let (rows, columns) = text.trim().split_once(' ')?;
    Some(Size { rows: rows.parse().ok()?, columns: columns.parse().ok()? })
}
