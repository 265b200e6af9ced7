//! Reading a trace: CSV or JSON, with every fault told by its line.

use k8s_openapi::jiff;

use super::{MAX_DEMAND, MAX_DURATION, MAX_PODS, MAX_ROWS, Row, Trace};
use crate::engine::finding::{escaped, quoted};
use crate::engine::parse::{Mark, Node, Value, documents};
use crate::engine::suggest;
use crate::engine::units::GoDuration;

/// What is wrong with a trace, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The place; line 0 for the whole.
    pub at: Mark,
    /// What is wrong.
    pub message: String,
}

impl Fault {
    fn of_line(line: u32, message: impl Into<String>) -> Self {
        Self { at: Mark { line, column: 0 }, message: message.into() }
    }
}

/// The columns; the first two are required.
const COLUMNS: [&str; 5] = ["time", "demand", "replicas", "ready", "metrics"];
/// How many faults are told: with more of them the first say enough.
const MAX_FAULTS: usize = 10;
/// A gap is longer than this many times the usual step …
const GAP_STEPS: u64 = 10;
/// … and than so many milliseconds.
const GAP_LEAST: u64 = 5 * 60 * 1000;

/// Reads a trace: JSON if it begins as such, CSV otherwise.
///
/// # Errors
/// Everything that is wrong with it, up to ten faults.
pub fn read(name: &str, bytes: &[u8]) -> Result<Trace, Vec<Fault>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            return Err(vec![Fault::of_line(u32::try_from(line).unwrap_or(u32::MAX), "is not UTF-8")]);
        }
    };
    let mut rows = Rows::default();
    match text.trim_start().chars().next() {
        Some('[' | '{') => json(&mut rows, text),
        _ => csv(&mut rows, text),
    }
    rows.trace(name)
}

/// The values of one row as they were written.
#[derive(Default)]
struct Raw<'t> {
    line: u32,
    cells: [Option<&'t str>; COLUMNS.len()],
}

/// What was read so far.
#[derive(Default)]
struct Rows {
    rows: Vec<Row>,
    lines: Vec<u32>,
    /// The time of the first row as it was written, in milliseconds.
    first: Option<i64>,
    faults: Vec<Fault>,
}

fn csv(out: &mut Rows, text: &str) {
    let mut header: Option<Vec<usize>> = None;
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let cells = content.split(',').map(|cell| unquoted(cell.trim()));
        let Some(columns) = &header else {
            match columns_of(line, cells) {
                Ok(columns) => header = Some(columns),
                Err(fault) => return out.faults.push(fault),
            }
            continue;
        };
        let cells: Vec<&str> = cells.collect();
        if cells.len() != columns.len() {
            let message = format!("has {} values, and the header {} columns", cells.len(), columns.len());
            out.fault(Fault::of_line(line, message));
        } else {
            let mut raw = Raw { line, ..Raw::default() };
            for (column, cell) in columns.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
                if let Some(place) = raw.cells.get_mut(*column) {
                    *place = Some(cell);
                }
            }
            out.row(&raw);
        }
        if out.full(line) {
            return;
        }
    }
}

fn unquoted(cell: &str) -> &str {
    cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell).trim()
}

fn columns_of<'t>(line: u32, cells: impl Iterator<Item = &'t str>) -> Result<Vec<usize>, Fault> {
    let mut columns = Vec::new();
    for cell in cells {
        let Some(column) = COLUMNS.iter().position(|known| known.eq_ignore_ascii_case(cell)) else {
            return Err(Fault::of_line(line, unknown_column(cell)));
        };
        if columns.contains(&column) {
            return Err(Fault::of_line(line, format!("has the column {} twice", quoted(cell))));
        }
        columns.push(column);
    }
    for (index, missing) in COLUMNS.iter().enumerate().take(2) {
        if !columns.contains(&index) {
            return Err(Fault::of_line(line, format!("has no column {missing}; {}", columns_are())));
        }
    }
    Ok(columns)
}

fn columns_are() -> String {
    let [time, demand, optional @ ..] = COLUMNS;
    format!("a header names {time}, {demand} and, if they are known, {}", optional.join(", "))
}

fn unknown_column(name: &str) -> String {
    // A first line of figures is a trace without its header.
    let hint = match suggest::did_you_mean(name, COLUMNS) {
        Some(hint) if name.parse::<f64>().is_err() => hint,
        _ => columns_are(),
    };
    format!("no column is called {}; {hint}", quoted(name))
}

fn json(out: &mut Rows, text: &str) {
    let mut documents = documents(text.as_bytes());
    let document = match documents.next().map(|document| document.content) {
        Some(Ok(document)) => document,
        Some(Err(error)) => return out.faults.push(Fault { at: error.at, message: error.message }),
        None => return,
    };
    let rows = match &document.value {
        Value::List(rows) => rows.as_slice(),
        _ => match document.get("rows") {
            Some(Node { value: Value::List(rows), .. }) => rows.as_slice(),
            _ => {
                let message = "must be a list of rows, or a map with such a list as rows";
                return out.faults.push(Fault { at: document.at, message: message.into() });
            }
        },
    };
    for row in rows {
        json_row(out, row);
        if out.full(row.at.line) {
            return;
        }
    }
}

fn json_row(out: &mut Rows, row: &Node<'_>) {
    if !row.is_map() {
        return out.fault(Fault { at: row.at, message: format!("a row must be a map, not {}", row.type_name()) });
    }
    let mut texts: [Option<String>; COLUMNS.len()] = Default::default();
    for member in row.members() {
        let Some(place) = COLUMNS.iter().position(|known| *known == member.key).and_then(|at| texts.get_mut(at)) else {
            return out.fault(Fault { at: member.key_at, message: unknown_column(&member.key) });
        };
        *place = match &member.value.value {
            Value::Null => None,
            Value::Bool(value) => Some(value.to_string()),
            Value::Int(value) => Some(value.to_string()),
            Value::Float(value) => Some(value.to_string()),
            Value::Text(value) => Some(value.trim().to_owned()),
            Value::List(_) | Value::Map(_) => {
                let message = format!("{} must be a number, not {}", escaped(&member.key), member.value.type_name());
                return out.fault(Fault { at: member.value.at, message });
            }
        };
    }
    let mut raw = Raw { line: row.at.line, ..Raw::default() };
    for (cell, text) in raw.cells.iter_mut().zip(&texts) {
        *cell = text.as_deref();
    }
    out.row(&raw);
}

impl Rows {
    fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Whether nothing more is to be read.
    fn full(&mut self, line: u32) -> bool {
        if self.rows.len() > MAX_ROWS {
            self.fault(Fault::of_line(line, format!("is one row too many: a trace has at most {MAX_ROWS}")));
            return true;
        }
        self.faults.len() >= MAX_FAULTS
    }

    fn row(&mut self, raw: &Raw<'_>) {
        match self.parsed(raw) {
            Ok(row) => {
                self.rows.push(row);
                self.lines.push(raw.line);
            }
            Err(message) => self.fault(Fault::of_line(raw.line, message)),
        }
    }

    fn parsed(&mut self, raw: &Raw<'_>) -> Result<Row, String> {
        let [time, demand, replicas, ready, metrics] = raw.cells;
        let time = millis(time.ok_or("has no time")?)?;
        let first = *self.first.get_or_insert(time);
        let before = self.rows.last().copied();
        let at = u64::try_from(time.saturating_sub(first)).ok();
        let at = match (at, before, self.lines.last()) {
            (Some(at), Some(before), Some(line)) if at == before.at => {
                return Err(format!("has the time of line {line}: {} ms after the first row", at));
            }
            (Some(at), Some(before), _) if at > before.at => at,
            (Some(at), None, _) => at,
            (_, _, line) => {
                return Err(format!("goes back in time, behind line {}", line.copied().unwrap_or_default()));
            }
        };
        if u128::from(at) > MAX_DURATION.as_millis() {
            return Err(format!("is more than {} days after the first row", MAX_DURATION.as_secs() / 86_400));
        }
        let pods = |column: &str, text: Option<&str>| text.map(|text| pods(column, text)).transpose();
        Ok(Row {
            at,
            demand: match (demand, before) {
                (Some(demand), _) => share(demand)?,
                (None, Some(before)) => before.demand,
                (None, None) => return Err("has no demand, and no row is before it".into()),
            },
            replicas: pods("replicas", replicas)?,
            // What is not said holds on, but for the first row, where nothing limits it.
            ready: pods("ready", ready)?.or_else(|| before.and_then(|before| before.ready)),
            metrics: match metrics {
                Some(text) => readable(text)?,
                None => before.is_none_or(|before| before.metrics),
            },
        })
    }

    fn trace(mut self, name: &str) -> Result<Trace, Vec<Fault>> {
        if !self.faults.is_empty() {
            self.faults.truncate(MAX_FAULTS);
            return Err(self.faults);
        }
        let gaps = self.gaps();
        match Trace::of(name, self.rows) {
            Some(trace) => Ok(Trace { notes: gaps, ..trace }),
            None => Err(vec![Fault::of_line(0, format!("holds no row; {}", columns_are()))]),
        }
    }

    /// What is held over a gap was not measured: the reader should know.
    fn gaps(&self) -> Vec<String> {
        let mut steps: Vec<u64> =
            self.rows.iter().zip(self.rows.iter().skip(1)).map(|(a, b)| b.at.saturating_sub(a.at)).collect();
        let all = steps.clone();
        steps.sort_unstable();
        let Some(usual) = steps.get(steps.len() / 2).copied() else { return Vec::new() };
        let limit = usual.saturating_mul(GAP_STEPS).max(GAP_LEAST);
        let gaps: Vec<(u64, u32)> =
            all.into_iter().zip(self.lines.iter().copied()).filter(|(step, _)| *step > limit).collect();
        let named: Vec<String> =
            gaps.iter().take(3).map(|(step, line)| format!("{} min after line {line}", step / 60_000)).collect();
        let more = match gaps.len().saturating_sub(named.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        match named.is_empty() {
            true => Vec::new(),
            false => vec![format!("the trace has gaps, over which its last row is held: {}{more}", named.join(", "))],
        }
    }
}

/// A time in milliseconds: seconds, a duration of Go, or a moment of RFC 3339.
#[allow(clippy::cast_possible_truncation)]
fn millis(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        // Seconds since 1970 end in the year 5138.
        return match seconds.is_finite() && seconds.abs() < 1e11 {
            true => Ok((seconds * 1000.0).round() as i64),
            false => Err(format!("time {} is out of range", quoted(text))),
        };
    }
    if let Ok(duration) = GoDuration::parse(text) {
        return Ok(duration.nanoseconds() / 1_000_000);
    }
    text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond).map_err(|_| {
        format!("time {} is neither seconds, nor a duration such as 1h30m, nor a moment of RFC 3339", quoted(text))
    })
}

fn share(text: &str) -> Result<f64, String> {
    match text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>() {
        Ok(percent) if (0.0..=MAX_DEMAND).contains(&percent) => Ok(percent / 100.0),
        _ => Err(format!("demand {} is not a number from 0 to {MAX_DEMAND}, in percent", quoted(text))),
    }
}

fn pods(column: &str, text: &str) -> Result<u32, String> {
    // Programs that export tables write whole numbers as 4.0, too.
    let whole = text.strip_suffix(".0").unwrap_or(text);
    match whole.parse::<u32>() {
        Ok(pods) if pods <= MAX_PODS => Ok(pods),
        _ => Err(format!("{column} {} is not a whole number from 0 to {MAX_PODS}", quoted(text))),
    }
}

fn readable(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(format!("metrics {} is neither true nor false", quoted(text))),
    }
}
