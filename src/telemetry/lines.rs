//! Log lines on their way out: gathered for a moment and written together by a thread of their own, so that no review waits for
//! whoever reads them.
//!
//! One write for each line costs more than judging a review does, and a reader that stands still would stop the gate. What was
//! logged is kept through any orderly end and any panic; a line that says ERROR, perhaps the last word, is written at once with
//! all that came before it.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long lines are gathered: what is lost at most if the process is killed.
const GATHER: Duration = Duration::from_millis(1);

/// How many bytes wait for a reader that does not read. Further lines are left out, and counted.
const MOST: usize = 1024 * 1024;

/// How long the end waits for the last lines to be taken.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where lines are gathered.
pub(super) struct Lines<W>(Arc<Shared<W>>);

struct Shared<W> {
    gathered: Mutex<Gathered>,
    changed: Condvar,
    sink: Mutex<Sink<W>>,
}

#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    left_out: u64,
    ending: bool,
    ended: bool,
}

struct Sink<W> {
    writer: W,
    /// Changes place with what was gathered, so that neither is allocated anew.
    bytes: Vec<u8>,
}

/// A line that is being handed over.
pub(super) struct Line<'l, W> {
    shared: &'l Shared<W>,
    urgent: bool,
}

/// Waits, when it is dropped, until all lines are written. Later ones are written at once.
#[must_use = "without it the last lines are lost"]
pub struct Flush {
    finish: Box<dyn Fn() + Send>,
}

impl<W: Write + Send + 'static> Lines<W> {
    /// Starts the thread that writes, and that tells how many lines were left out once there is room again.
    ///
    /// # Errors
    /// If there can be no further thread.
    pub(super) fn to(writer: W, tell: impl Fn(u64) + Send + 'static) -> io::Result<(Self, Flush)> {
        let shared = Arc::new(Shared {
            gathered: Mutex::default(),
            changed: Condvar::new(),
            sink: Mutex::new(Sink { writer, bytes: Vec::new() }),
        });
        let (writing, finishing) = (Arc::clone(&shared), Arc::clone(&shared));
        thread::Builder::new().name("log".into()).spawn(move || writing.write_on(tell))?;
        Ok((Self(shared), Flush { finish: Box::new(move || finishing.finish()) }))
    }
}

/// What stands behind a lock is whole at any time, also if a thread broke down that held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<W: Write> Shared<W> {
    fn gather(&self, line: &[u8], urgent: bool) {
        let mut gathered = lock(&self.gathered);
        if gathered.bytes.len() + line.len() > MOST {
            gathered.left_out += 1;
            return;
        }
        let first = gathered.bytes.is_empty();
        gathered.bytes.extend_from_slice(line);
        let now = urgent || gathered.ended;
        drop(gathered);
        if now {
            self.write_out();
        } else if first {
            self.changed.notify_all();
        }
    }

    /// Writes what was gathered.
    fn write_out(&self) {
        let mut sink = lock(&self.sink);
        let Sink { writer, bytes } = &mut *sink;
        mem::swap(bytes, &mut lock(&self.gathered).bytes);
        // Nobody is left to tell if the log cannot be written.
        _ = writer.write_all(bytes).and_then(|()| writer.flush());
        bytes.clear();
    }

    fn write_on(&self, tell: impl Fn(u64)) {
        loop {
            let gathered = lock(&self.gathered);
            let waited = self.changed.wait_while(gathered, |now| now.bytes.is_empty() && !now.ending);
            let ending = waited.unwrap_or_else(PoisonError::into_inner).ending;
            if !ending {
                thread::sleep(GATHER);
            }
            self.write_out();
            let left_out = mem::take(&mut lock(&self.gathered).left_out);
            if left_out > 0 {
                tell(left_out);
            }
            if ending {
                lock(&self.gathered).ended = true;
                // What came in between.
                self.write_out();
                self.changed.notify_all();
                return;
            }
        }
    }

    fn finish(&self) {
        lock(&self.gathered).ending = true;
        self.changed.notify_all();
        // A reader that stands still does not keep the process from ending.
        _ = self.changed.wait_timeout_while(lock(&self.gathered), LAST_WORDS, |now| !now.ended);
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        (self.finish)();
    }
}

impl<'l, W: Write + 'l> MakeWriter<'l> for Lines<W> {
    type Writer = Line<'l, W>;

    fn make_writer(&'l self) -> Self::Writer {
        Line { shared: &self.0, urgent: false }
    }

    fn make_writer_for(&'l self, meta: &Metadata<'_>) -> Self::Writer {
        Line { shared: &self.0, urgent: *meta.level() == Level::ERROR }
    }
}

impl<W: Write> Write for Line<'_, W> {
    /// Takes a whole line: that is how they come.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.shared.gather(line, self.urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tracing_subscriber::util::SubscriberInitExt as _;

    use super::*;

    /// Passes on each write as it comes; hangs while nobody takes it.
    struct Writes(mpsc::SyncSender<String>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            _ = self.0.send(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(room: usize) -> (Lines<Writes>, Flush, mpsc::Receiver<String>) {
        let (writes, read) = mpsc::sync_channel(room);
        let (lines, flush) = Lines::to(Writes(writes), drop).unwrap();
        (lines, flush, read)
    }

    fn number(count: usize) -> String {
        format!("{count}\n")
    }

    #[test]
    fn every_line_is_written_once_and_in_order_and_many_together() {
        let (lines, flush, read) = lines(20_000);
        for count in 0..10_000 {
            lines.make_writer().write_all(number(count).as_bytes()).unwrap();
        }
        drop(flush);
        let writes: Vec<String> = read.try_iter().collect();
        assert_eq!(writes.concat(), (0..10_000).map(number).collect::<String>());
        assert!(writes.len() < 5_000, "{}", writes.len());
    }

    #[test]
    fn a_line_does_not_wait_for_a_second_one() {
        let (lines, _flush, read) = lines(10);
        lines.make_writer().write_all(b"alone\n").unwrap();
        assert_eq!(read.recv().unwrap(), "alone\n");
    }

    #[test]
    fn an_error_is_written_before_anything_else_happens_with_all_that_came_before() {
        let (lines, flush, read) = lines(100);
        let guard = tracing_subscriber::fmt().with_writer(lines).with_ansi(false).without_time().finish().set_default();
        tracing::info!("before");
        tracing::error!("panic");
        let all: String = read.try_iter().collect();
        assert!(all.contains("before") && all.ends_with(": panic\n"), "{all}");
        drop((guard, flush));
    }

    #[test]
    fn what_is_logged_after_the_end_is_written_at_once() {
        let (lines, flush, read) = lines(10);
        drop(flush);
        lines.make_writer().write_all(b"late\n").unwrap();
        assert!(read.try_iter().any(|write| write == "late\n"));
    }

    #[test]
    fn nobody_waits_for_a_reader_that_stands_still_and_what_it_missed_is_counted() {
        let (lines, flush, read) = lines(0);
        let line = "x".repeat(1023) + "\n";
        let shared = Arc::clone(&lines.0);
        let guard = tracing_subscriber::fmt().with_writer(lines).with_ansi(false).finish().set_default();
        for _ in 0..4 * MOST / line.len() {
            shared.gather(line.as_bytes(), false);
        }
        assert!(lock(&shared.gathered).left_out >= 1024);
        // The end does not wait for it either.
        drop(flush);
        drop((guard, read));
    }

    #[test]
    fn how_many_lines_were_left_out_is_told_once_there_is_room() {
        let (told, hear) = mpsc::channel();
        let (lines, _flush) = Lines::to(io::sink(), move |count| told.send(count).unwrap()).unwrap();
        lock(&lines.0.gathered).left_out = 7;
        lines.make_writer().write_all(b"next\n").unwrap();
        assert_eq!(hear.recv().unwrap(), 7);
    }
}
