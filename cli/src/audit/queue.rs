//! Audit lines on their way to a writer: a queue and a thread, so that a slow or full writer holds no call up.
//!
//! Lines that find the queue full, or that the writer fails to take, are counted and told in a line
//! `{"at":…,"lost":n}`. The last owner waits up to two seconds until the queue is written.

use host_harness::{Audit, AuditSink};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that wait for a slow writer; those beyond it are lost and counted.
const QUEUE: usize = 4096;
/// How long the last owner waits for its writer to finish.
const FLUSH: Duration = Duration::from_secs(2);

/// Takes audit lines, and hands them to a thread that writes.
pub(super) struct Queue {
    lines: Option<SyncSender<String>>,
    lost: Arc<AtomicU64>,
    finished: std::sync::Mutex<Receiver<()>>,
}

impl Queue {
    /// Starts the thread.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(writer: impl io::Write + Send + 'static) -> io::Result<Self> {
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
        Ok(Self {
            lines: Some(lines),
            lost,
            finished: finished.into(),
        })
    }
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
        if missing > 0 && !write(Audit::losses(missing) + "\n") {
            lost.fetch_add(missing, Ordering::Relaxed);
        }
        let Ok(line) = next else { return };
        if !write(line + "\n") {
            lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;

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

    #[test]
    fn t66_all_lines_are_written_before_the_audit_is_gone() {
        let seen = Shared::default();
        let audit = Queue::start(seen.clone()).unwrap();
        for number in 0..100_u64 {
            audit.line(&format!("{{\"n\":{number}}}"));
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
        let audit = Queue::start(Gate(Arc::clone(&gate), seen.clone())).unwrap();
        let total = 3 * QUEUE as u64;
        for number in 0..total {
            audit.line(&format!("{{\"n\":{number}}}"));
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
        let audit = Queue::start(Disk(Arc::clone(&full), seen.clone())).unwrap();
        for number in 0..100_u64 {
            audit.line(&format!("{{\"n\":{number}}}"));
        }
        // The writer tries them all before there is room.
        thread::sleep(Duration::from_millis(200));
        assert!(seen.0.lock().unwrap().is_empty());
        full.store(false, Ordering::SeqCst);
        audit.line("{\"n\":100}");
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
}
