//! The audit: one line of JSON for each request that was let out or refused, and one for each call.
//! Never a payload, a filter or a credential. Writing a line never blocks a call and never fails one.

use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

    /// Lines go to `sink`, a closure `Fn(&str)` for example, on the task of the call that they are about: one that can block
    /// hands them to a thread. A sink that panics loses its line, nothing else.
    #[must_use]
    pub fn to(sink: impl AuditSink) -> Self {
        Self(Some(Arc::new(sink)))
    }

    /// The line, without a line break, by which a sink tells how many others it lost: `{"at":…,"lost":n}`.
    #[must_use]
    pub fn losses(lost: u64) -> String {
        Line::new().number("lost", lost).finish()
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

/// A line being written: closed fields, foreign text escaped and cut.
pub(crate) struct Line(String);

impl Line {
    pub(crate) fn new() -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(format!("{{\"at\":\"{}\"", rfc3339(now)))
    }

    /// Of a call, or of a request of it; `by_host`: not because its caller or component asked for it.
    pub(crate) fn of_call(id: u64, tool: &str, by_host: bool) -> Self {
        let line = Self::new().number("call", id).text("tool", tool);
        if by_host {
            line.text("by", "host")
        } else {
            line
        }
    }

    pub(crate) fn number(mut self, key: &'static str, value: impl Into<u64>) -> Self {
        let _ = write!(self.0, ",\"{key}\":{}", value.into());
        self
    }

    pub(crate) fn number_unless_zero(self, key: &'static str, value: impl Into<u64>) -> Self {
        match value.into() {
            0 => self,
            value => self.number(key, value),
        }
    }

    pub(crate) fn text_if(self, key: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// Names as they are in Milvus, in which nothing has to be escaped; of none there is no field.
    pub(crate) fn names(mut self, key: &'static str, names: &[String]) -> Self {
        if !names.is_empty() {
            let _ = write!(self.0, ",\"{key}\":[\"{}\"]", names.join("\",\""));
        }
        self
    }

    pub(crate) fn milliseconds(self, time: Duration) -> Self {
        self.number("ms", u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
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
    use super::*;

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
    fn t66_a_sink_that_panics_costs_its_line_only() {
        let audit = Audit::to(|_: &str| panic!("on purpose"));
        audit.write(Line::new());
        audit.write(Line::new());
    }
}
