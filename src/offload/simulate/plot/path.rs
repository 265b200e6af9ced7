//! Lines and areas: as few points as show the same.

use std::fmt::Write as _;

use super::Panel;

/// Values at times; none breaks the line.
pub(super) type Line = Vec<(u64, Option<f64>)>;

/// More points than this in one column of pixels show nothing more.
const COLUMN: usize = 4;

/// A line through values.
pub(super) fn line(panel: &Panel, values: &Line, class: &str) -> String {
    let mut data = String::new();
    for piece in pieces(panel, values) {
        join(&mut data, &piece, 'M');
    }
    path(&data, class)
}

/// The area under values.
pub(super) fn filled(panel: &Panel, values: &Line, class: &str) -> String {
    let mut data = String::new();
    for piece in pieces(panel, values) {
        let (Some((first, _)), Some((last, _))) = (piece.first(), piece.last()) else { continue };
        if piece.iter().all(|(_, y)| *y >= panel.bottom) {
            continue;
        }
        // Writing into a String cannot fail.
        _ = write!(data, "M{} {}", short(*first), short(panel.bottom));
        join(&mut data, &piece, 'L');
        _ = write!(data, "L{} {}Z", short(*last), short(panel.bottom));
    }
    path(&data, class)
}

/// Values that hold until the next one, as a line or as the area under it.
#[allow(clippy::cast_precision_loss)]
pub(super) fn steps(panel: &Panel, values: &Line, end: u64, class: &str, area: bool) -> String {
    let mut data = String::new();
    let mut before = None;
    let points: Vec<(f64, f64)> =
        values.iter().map(|(at, value)| (panel.x(*at as f64), panel.y(value.unwrap_or_default()))).collect();
    for (x, y) in columns(&points) {
        let (x, y) = (short(x), short(y));
        if before.as_ref() == Some(&y) {
            continue;
        }
        // Writing into a String cannot fail.
        _ = match (&before, area) {
            (None, true) => write!(data, "M{x} {}V{y}", short(panel.bottom)),
            (None, false) => write!(data, "M{x} {y}"),
            (Some(_), _) => write!(data, "H{x}V{y}"),
        };
        before = Some(y);
    }
    if before.is_some() {
        _ = write!(data, "H{}", short(panel.x(end as f64)));
        if area {
            _ = write!(data, "V{}Z", short(panel.bottom));
        }
    }
    path(&data, class)
}

fn path(data: &str, class: &str) -> String {
    if data.is_empty() { String::new() } else { format!("<path class=\"{class}\" d=\"{data}\"/>\n") }
}

/// The unbroken pieces of a line, in pixels, without the points that show nothing.
#[allow(clippy::cast_precision_loss)]
fn pieces(panel: &Panel, values: &Line) -> Vec<Vec<(f64, f64)>> {
    let broken = values.split(|(_, value)| value.is_none());
    let pieces = broken.map(|piece| {
        let points = piece.iter().filter_map(|(at, value)| Some((panel.x(*at as f64), panel.y((*value)?))));
        level(&columns(&points.collect::<Vec<_>>()))
    });
    pieces.filter(|piece| !piece.is_empty()).collect()
}

/// Of many points in one column of pixels the first, the lowest, the highest and the last.
fn columns(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut out = Vec::new();
    for column in points.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        if column.len() <= COLUMN {
            out.extend_from_slice(column);
            continue;
        }
        let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let chosen = [column.first(), column.iter().min_by(by), column.iter().max_by(by), column.last()];
        out.extend(chosen.into_iter().flatten().copied());
    }
    out
}

/// Without the points in the middle of a level stretch.
fn level(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let near = |a: f64, b: f64| (a - b).abs() < 0.05;
    let mut out: Vec<(f64, f64)> = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let before = out.last().is_some_and(|before| near(before.1, point.1));
        let after = points.get(index + 1).is_some_and(|after| near(after.1, point.1));
        if !(before && after) {
            out.push(*point);
        }
    }
    out
}

fn join(data: &mut String, points: &[(f64, f64)], first: char) {
    for (index, (x, y)) in points.iter().enumerate() {
        let command = if index == 0 { first } else { 'L' };
        // Writing into a String cannot fail.
        _ = write!(data, "{command}{} {}", short(*x), short(*y));
    }
}

/// A coordinate to a tenth of a pixel.
pub(super) fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
