//! Logs on standard error, for people or as one JSON object a line.
//!
//! A thread of its own writes them: no review waits for whoever reads them, and a reader that stands still does not stop the
//! gate. Every line is written at any orderly end, and after a panic.

use std::io::{BufWriter, stderr};
use std::panic::PanicHookInfo;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How many lines wait for a reader that does not read. Further ones are left out, and counted.
const MOST_WAITING: usize = 4096;

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A line for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Checks a filter such as `info` or `warn,beamlit_operator::review=info`.
///
/// # Errors
/// If it is none.
pub fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// The log that was started.
#[derive(Debug)]
#[must_use = "without it the last lines are lost"]
pub struct Log {
    /// How many lines were left out.
    pub left_out: ErrorCounter,
    /// Waits, when it is dropped, until all lines are written.
    _last_lines: WorkerGuard,
}

/// Starts logging, and lets panics be logged without what they say: that may hold a part of an object. What is returned is to be
/// dropped last.
///
/// # Errors
/// If the filter is none, or something in this process logs already.
pub fn init(format: Format, filter: &str) -> Result<Log, String> {
    // Lines that wait for the thread are written together.
    let (writer, guard) = NonBlockingBuilder::default()
        .thread_name("log")
        .buffered_lines_limit(MOST_WAITING)
        .finish(BufWriter::new(stderr()));
    let log = Log { left_out: writer.error_counter(), _last_lines: guard };
    subscriber(format, filter, writer)?.try_init().map_err(|error| error.to_string())?;
    std::panic::set_hook(Box::new(panicked));
    Ok(log)
}

/// What libraries say of every attempt to reach the API server is no news: whoever needs the API server tells of it, once. A
/// directive for one of these targets in the filter counts more.
const QUIET: &str = "kube_client=off,kube_runtime=off";

fn subscriber<W>(format: Format, filter: &str, writer: W) -> Result<Box<dyn tracing::Subscriber + Send + Sync>, String>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|error| error.to_string())?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false);
    Ok(match format {
        Format::Text => Box::new(builder.finish()),
        Format::Json => {
            Box::new(builder.json().flatten_event(true).with_current_span(false).with_span_list(false).finish())
        }
    })
}

/// Logs where something panicked.
fn panicked(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(location, thread = thread.name().unwrap_or_default(), "panic");
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format, filter: &str, act: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let guard = subscriber(format, filter, move || writer.clone()).unwrap().set_default();
        act();
        drop(guard);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_is_one_flat_object_a_line() {
        let line = logged(Format::Json, "info", || tracing::info!(uid = "a\nb", kind = "Policy", "review"));
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&object["message"], &object["uid"], &object["kind"]),
            (&"review".into(), &"a\nb".into(), &"Policy".into())
        );
        assert_eq!(object["level"], "INFO");
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn the_filter_decides_what_is_logged() {
        assert_eq!(logged(Format::Text, "warn", || tracing::info!("quiet")), "");
        assert!(logged(Format::Text, "info", || tracing::info!("loud")).contains("loud"));
        assert!(filter("beamlit_operator::review=warn,info").is_ok());
        assert!(filter("a=b=c").is_err());
    }

    #[test]
    fn a_panic_is_logged_by_its_place_alone() {
        let before = std::panic::take_hook();
        let line = logged(Format::Json, "info", || {
            std::panic::set_hook(Box::new(panicked));
            _ = std::panic::catch_unwind(|| panic!("clientSecret is {}", "hunter2"));
        });
        std::panic::set_hook(before);
        assert!(line.contains("logs.rs:") && line.contains("\"panic\""), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
    }
}
