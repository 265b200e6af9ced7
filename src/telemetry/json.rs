//! One log event as one flat JSON object, written straight into the line. The general formatter of tracing-subscriber makes the
//! same object by way of a serializer for arbitrary values, and takes about as long as the judgement that the line tells of.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// What a line of the log is likely to need.
const ROOM: usize = 512;

/// Writes `timestamp`, `level`, the fields of the event and `target`.
pub(super) struct Flat {
    general: Format<Json>,
}

impl Default for Flat {
    fn default() -> Self {
        let general = tracing_subscriber::fmt::format().with_ansi(false).json();
        Self { general: general.flatten_event(true).with_current_span(false).with_span_list(false) }
    }
}

impl<S, N> FormatEvent<S, N> for Flat
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        // What libraries say through the crate `log` has its level and target among its fields. It is rare.
        if metadata.target() == "log" {
            return self.general.format_event(context, out, event);
        }
        let mut line = String::with_capacity(ROOM);
        line.push_str("{\"timestamp\":\"");
        SystemTime.format_time(&mut Writer::new(&mut line))?;
        write!(line, "\",\"level\":\"{}\"", metadata.level())?;
        event.record(&mut Members { line: &mut line });
        line.push_str(",\"target\":\"");
        escape(&mut line, metadata.target());
        line.push_str("\"}\n");
        out.write_str(&line)
    }
}

/// The fields of an event, as further members of an object.
struct Members<'l> {
    line: &'l mut String,
}

impl Members<'_> {
    fn name(&mut self, field: &Field) {
        self.line.push_str(",\"");
        escape(self.line, field.name());
        self.line.push_str("\":");
    }

    /// What JSON writes as it is displayed. Writing to a string does not fail.
    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        self.name(field);
        _ = write!(self.line, "{value}");
    }
}

impl Visit for Members<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() { self.plain(field, value) } else { self.plain(field, "null") }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        self.line.push('"');
        escape(self.line, value);
        self.line.push('"');
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.name(field);
        self.line.push('"');
        _ = write!(Escaping(self.line), "{value:?}");
        self.line.push('"');
    }
}

/// Escapes what is written through it.
struct Escaping<'l>(&'l mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

/// Adds a text as it stands inside a JSON string (RFC 8259, section 7).
fn escape(line: &mut String, text: &str) {
    let special = |c: char| c < ' ' || c == '"' || c == '\\';
    for piece in text.split_inclusive(special) {
        let mut chars = piece.chars();
        match chars.next_back() {
            Some(last) if special(last) => {
                line.push_str(chars.as_str());
                _ = match last {
                    '"' => write!(line, "\\\""),
                    '\\' => write!(line, "\\\\"),
                    control => write!(line, "\\u{:04x}", u32::from(control)),
                };
            }
            _ => line.push_str(piece),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use serde_json::Value;
    use tracing_subscriber::util::SubscriberInitExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The names and values of one line in their order, without the time, which differs.
    fn members(log: &Log) -> Vec<(String, Value)> {
        let text = String::from_utf8(std::mem::take(&mut *log.0.lock().unwrap())).unwrap();
        assert!(text.ends_with("}\n") && text.lines().count() == 1, "{text}");
        let object: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
        let mut members: Vec<(String, Value)> = object.into_iter().collect();
        let (name, time) = members.remove(0);
        assert!(name == "timestamp" && time.as_str().unwrap().ends_with('Z'), "{time}");
        members
    }

    /// The line is what the general formatter writes.
    fn same(act: impl Fn()) {
        let (flat, general) = (Log::default(), Log::default());
        let builder = || tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::TRACE);
        let (mine, theirs) = (flat.clone(), general.clone());
        {
            let subscriber = builder().with_writer(move || mine.clone()).event_format(Flat::default()).finish();
            let _guard = subscriber.set_default();
            act();
        }
        {
            let writer = builder().with_writer(move || theirs.clone());
            let json = writer.json().flatten_event(true).with_current_span(false).with_span_list(false);
            let _guard = json.finish().set_default();
            act();
        }
        assert_eq!(members(&flat), members(&general));
    }

    #[test]
    fn a_line_is_the_one_that_the_general_formatter_writes() {
        same(|| tracing::info!("listening"));
        same(
            || tracing::error!(target: "a::b", uid = "u", dry_run = false, status = 200_u16, below = -1, share = 0.5, "x"),
        );
        same(|| tracing::warn!(shown = %"a \"b\" \\ c\nd\u{1}\u{7f}", told = ?Some("x"), infinite = f64::INFINITY));
        same(|| tracing::debug!(large = u128::MAX, "said {} times", 2));
        same(|| tracing::trace!(error = &io::Error::other("no \"more\"") as &dyn std::error::Error));
    }

    proptest! {
        #[test]
        fn whatever_a_text_holds_it_is_read_back(text in any::<String>()) {
            let mut line = String::from("\"");
            escape(&mut line, &text);
            line.push('"');
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }
}
