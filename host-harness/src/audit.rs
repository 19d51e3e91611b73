//! The audit: one line of JSON for each request that was let out or refused, and one for each call.
//! Never a payload, a filter or a credential. Writing a line never blocks a call and never fails one.

use std::fmt::{self, Write as _};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Lines that wait for a slow writer; those beyond it are lost and counted.
const QUEUE: usize = 4096;
/// How long the last owner of an audit waits for its writer to finish.
const FLUSH: Duration = Duration::from_secs(2);
/// The longest foreign text in a line, in bytes.
const TEXT: usize = 256;

/// Takes audit lines. Called on the call's own task: hand the line over and return.
pub trait AuditSink: Send + Sync + 'static {
    /// Takes one line, JSON without a line break.
    fn line(&self, line: &str);
}

impl<F: Fn(&str) + Send + Sync + 'static> AuditSink for F {
    fn line(&self, line: &str) {
        self(line);
    }
}

/// Where audit lines go.
#[derive(Clone, Default)]
pub struct Audit(Option<Arc<dyn AuditSink>>);

impl Audit {
    /// Lines go nowhere.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Lines go to `sink`, a closure `Fn(&str)` for example. A sink that panics loses its line, nothing else.
    #[must_use]
    pub fn to(sink: impl AuditSink) -> Self {
        Self(Some(Arc::new(sink)))
    }

    /// Lines go to `writer` by a queue of 4096 lines and a thread of its own, so that a slow or full writer holds
    /// nobody up: lines that find the queue full, or that the writer fails to take, are counted and reported in a
    /// line `{"at":…,"lost":n}`. The last owner waits up to two seconds until the queue is written.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn writer(writer: impl io::Write + Send + 'static) -> io::Result<Self> {
        let (lines, queue) = sync_channel(QUEUE);
        let (done, finished) = sync_channel(1);
        let lost = Arc::new(AtomicU64::new(0));
        let losses = Arc::clone(&lost);
        thread::Builder::new()
            .name("milvus-audit".into())
            .spawn(move || {
                write_lines(&queue, writer, &losses);
                let _ = done.send(());
            })?;
        Ok(Self::to(Queue {
            lines: Some(lines),
            lost,
            finished: finished.into(),
        }))
    }

    pub(crate) fn write(&self, line: Line) {
        if let Some(sink) = &self.0 {
            let text = line.finish();
            let _ = catch_unwind(AssertUnwindSafe(|| sink.line(&text)));
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Audit(on)"
        } else {
            "Audit(none)"
        })
    }
}

struct Queue {
    lines: Option<SyncSender<String>>,
    lost: Arc<AtomicU64>,
    finished: std::sync::Mutex<Receiver<()>>,
}

impl AuditSink for Queue {
    fn line(&self, line: &str) {
        let full = self
            .lines
            .as_ref()
            .is_none_or(|lines| lines.try_send(line.to_owned()).is_err());
        if full {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        drop(self.lines.take());
        if let Ok(finished) = self.finished.get_mut() {
            let _ = finished.recv_timeout(FLUSH);
        }
    }
}

fn write_lines(queue: &Receiver<String>, mut writer: impl io::Write, lost: &AtomicU64) {
    let mut write = |text: String| {
        let written = writer
            .write_all(text.as_bytes())
            .and_then(|()| writer.flush());
        written.is_ok()
    };
    loop {
        let next = queue.recv();
        let missing = lost.swap(0, Ordering::Relaxed);
        if missing > 0 && !write(Line::new().number("lost", missing).finish() + "\n") {
            lost.fetch_add(missing, Ordering::Relaxed);
        }
        let Ok(line) = next else { return };
        if !write(line + "\n") {
            lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A line being written: closed fields, foreign text escaped and cut.
pub(crate) struct Line(String);

impl Line {
    pub(crate) fn new() -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(format!("{{\"at\":\"{}\"", rfc3339(now)))
    }

    pub(crate) fn number(mut self, key: &'static str, value: impl Into<u64>) -> Self {
        let _ = write!(self.0, ",\"{key}\":{}", value.into());
        self
    }

    /// Everything but visible ASCII, `"` and `\` leaves as `\uXXXX`, so that no reader and no terminal sees more
    /// than text.
    pub(crate) fn text(mut self, key: &'static str, value: &str) -> Self {
        let _ = write!(self.0, ",\"{key}\":\"");
        let mut length = 0;
        for character in value.chars() {
            let visible = matches!(character, ' '..='~' if character != '"' && character != '\\');
            length += if visible {
                1
            } else {
                6 * character.len_utf16()
            };
            if length > TEXT {
                self.0.push('~');
                break;
            }
            if visible {
                self.0.push(character);
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(self.0, "\\u{unit:04x}");
            }
        }
        self.0.push('"');
        self
    }

    pub(crate) fn finish(self) -> String {
        self.0 + "}"
    }
}

/// `2026-11-24T11:25:26.042Z`. Days to a date by Howard Hinnant's `civil_from_days`.
fn rfc3339(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let millis = since_1970.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn parsed(line: Line) -> serde_json::Value {
        serde_json::from_str(&line.finish()).expect("JSON")
    }

    #[test]
    fn times_are_rfc_3339() {
        for (seconds, millis, text) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, 999, "2000-02-28T23:59:59.999Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000Z"),
            (1_767_225_600, 1, "2026-01-01T00:00:00.001Z"),
            (4_107_542_399, 0, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(Duration::new(seconds, millis * 1_000_000)), text);
        }
    }

    #[test]
    fn t65_foreign_text_cannot_forge_a_line() {
        for text in [
            "a\nb",
            "\",\"x\":\"y",
            "\\",
            "\u{2028}",
            "\u{1b}[31m",
            "\u{202e}",
            "\u{0}",
            "\u{1f600}",
            "\u{7f}\u{85}",
        ] {
            let line = Line::new().text("path", text).finish();
            assert!(
                line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{line}"
            );
            let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            assert_eq!(value["path"], text);
            assert_eq!(value.as_object().unwrap().len(), 2);
        }
    }

    #[test]
    fn t65_foreign_text_is_cut() {
        let value = parsed(Line::new().text("path", &"x".repeat(10_000)));
        assert_eq!(value["path"].as_str().unwrap().len(), TEXT + 1);
        // The two halves of one character's escape are never parted.
        let value = parsed(Line::new().text("path", &"\u{1f600}".repeat(1000)));
        assert!(value["path"].as_str().unwrap().starts_with('\u{1f600}'));
    }

    #[test]
    fn t66_all_lines_are_written_before_the_audit_is_gone() {
        let seen = Shared::default();
        let audit = Audit::writer(seen.clone()).unwrap();
        for number in 0..100_u64 {
            audit.write(Line::new().number("n", number));
        }
        drop(audit);
        let text = String::from_utf8(seen.0.lock().unwrap().clone()).unwrap();
        let numbers: Vec<u64> = text
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["n"]
                    .as_u64()
                    .unwrap()
            })
            .collect();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn t66_a_stuck_writer_holds_nobody_up_and_its_losses_are_reported() {
        struct Gate(Arc<Mutex<()>>, Shared);
        impl io::Write for Gate {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                drop(self.0.lock().unwrap());
                self.1.write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (gate, seen) = (Arc::new(Mutex::new(())), Shared::default());
        let closed = gate.lock().unwrap();
        let audit = Audit::writer(Gate(Arc::clone(&gate), seen.clone())).unwrap();
        let total = 3 * QUEUE as u64;
        for number in 0..total {
            audit.write(Line::new().number("n", number));
        }
        drop(closed);
        drop(audit);
        let text = String::from_utf8(seen.0.lock().unwrap().clone()).unwrap();
        let (mut written, mut lost) = (0, 0);
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            lost += value["lost"].as_u64().unwrap_or(0);
            written += u64::from(value.get("n").is_some());
        }
        assert!(lost > 0 && written >= QUEUE as u64);
        assert_eq!(written + lost, total);
    }

    #[test]
    fn t66_a_full_disk_loses_lines_and_says_how_many_when_there_is_room_again() {
        #[derive(Clone)]
        struct Disk(Arc<AtomicBool>, Shared);
        impl io::Write for Disk {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if self.0.load(Ordering::SeqCst) {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                self.1.write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (full, seen) = (Arc::new(AtomicBool::new(true)), Shared::default());
        let audit = Audit::writer(Disk(Arc::clone(&full), seen.clone())).unwrap();
        for number in 0..100_u64 {
            audit.write(Line::new().number("n", number));
        }
        // The writer tries them all before there is room.
        thread::sleep(Duration::from_millis(200));
        assert!(seen.0.lock().unwrap().is_empty());
        full.store(false, Ordering::SeqCst);
        audit.write(Line::new().number("n", 100_u64));
        drop(audit);
        let text = String::from_utf8(seen.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(
            (&lines[0]["lost"], &lines[1]["n"]),
            (&100.into(), &100.into())
        );
    }

    #[test]
    fn t66_a_sink_that_panics_costs_its_line_only() {
        let audit = Audit::to(|_: &str| panic!("on purpose"));
        audit.write(Line::new());
        audit.write(Line::new());
    }
}
