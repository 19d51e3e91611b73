//! What was lost of the audit, told on standard error at its end.

use crate::output::clean;
use serde::Deserialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Passes lines on, one in each call of `write`, and learns what was lost.
///
/// Whatever the host loses, be it that its queue was full or that a line was not taken here, it tells in a line
/// `{"at":…,"lost":n}`, and tries to once more at the end. So the last of these that was not taken holds all that the
/// others did not tell.
#[derive(Debug)]
pub(super) struct Counted<W: Write> {
    sink: W,
    place: PathBuf,
    /// In lines that were taken.
    told: u64,
    /// In the last one that was not.
    untold: u64,
    reason: Option<io::Error>,
}

#[derive(Deserialize)]
struct Losses {
    lost: u64,
}

impl<W: Write> Counted<W> {
    /// `place`: what the sink is, for words.
    pub(super) fn new(sink: W, place: &Path) -> Self {
        Self {
            sink,
            place: place.to_owned(),
            told: 0,
            untold: 0,
            reason: None,
        }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let lost = serde_json::from_slice(line).map_or(0, |Losses { lost }| lost);
        match self.sink.write_all(line) {
            Ok(()) => {
                self.told += lost;
                if lost > 0 {
                    self.untold = 0;
                }
                Ok(line.len())
            }
            Err(error) => {
                if lost > 0 {
                    self.untold = lost;
                }
                let kind = error.kind();
                self.reason = Some(error);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

impl<W: Write> Drop for Counted<W> {
    fn drop(&mut self) {
        let lost = self.told + self.untold;
        if lost == 0 {
            return;
        }
        let reason = self.reason.as_ref().map_or_else(
            || "they came faster than they were taken".to_owned(),
            ToString::to_string,
        );
        let place = self.place.display().to_string();
        eprintln!(
            "warning: {lost} lines of the audit {} were lost: {}",
            clean(&place),
            clean(&reason)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes every second line.
    struct Every2nd(u64);

    impl Write for Every2nd {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0.is_multiple_of(2) {
                return Ok(line.len());
            }
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn t66_losses_are_counted_once_whether_they_could_be_told_or_not() {
        let mut counted = Counted::new(Every2nd(0), Path::new("audit"));
        let mut write = |line: &str| counted.write(line.as_bytes()).is_ok();
        assert!(!write("{\"at\":\"now\",\"path\":\"/\"}\n"));
        assert!(write("{\"at\":\"now\",\"lost\":1}\n"));
        assert!(!write("{\"at\":\"now\",\"path\":\"\\\"lost\\\":9\"}\n"));
        assert!(write("{\"at\":\"now\",\"path\":\"/\"}\n"));
        assert!(!write("{\"at\":\"now\",\"lost\":2}\n"));
        assert_eq!((counted.told, counted.untold), (1, 2));
    }
}
