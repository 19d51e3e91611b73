//! What a call may use, and the meter that holds a component to it.

use std::fmt;
use std::time::Duration;

use wasmtime::{ResourceLimiter, Result};

/// Limits per call and per host. Sizes are bytes. Start from `Limits::default()` and change what you need.
///
/// ```
/// use host_harness::Limits;
/// use std::time::Duration;
///
/// let limits = Limits { call_time: Duration::from_secs(5), ..Limits::default() };
/// # assert_eq!(limits.memory_bytes, 256 << 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of a call, over all memories of the component. 256 MiB. The component needs some three times
    /// the rows that it is given.
    pub memory_bytes: usize,
    /// Wall clock of a call, everything included. 60 s.
    pub call_time: Duration,
    /// Body of one request. 32 MiB.
    pub request_bytes: u64,
    /// Body of one answer. 64 MiB.
    pub response_bytes: u64,
    /// Requests of a call, let out or refused. 64.
    pub requests_per_call: u32,
    /// Requests and answers that the host holds at a time, over all calls. 256 MiB.
    pub budget_bytes: u64,
    /// Calls at a time; one more is refused as overloaded, none waits. 32.
    pub concurrent_calls: u32,
    /// Handles (requests, bodies, streams, pollables) that a call may hold at a time. 1,024.
    pub handles: usize,
    /// Headers of one request or answer within the sandbox, as they lie in memory. 16 KiB.
    pub header_bytes: usize,
    /// File of the component. 16 MiB.
    pub component_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            call_time: Duration::from_secs(60),
            request_bytes: 32 << 20,
            response_bytes: 64 << 20,
            requests_per_call: 64,
            budget_bytes: 256 << 20,
            concurrent_calls: 32,
            handles: 1024,
            header_bytes: 16 << 10,
            component_bytes: 16 << 20,
        }
    }
}

impl Limits {
    /// How long a request of a call may take, and what the component is told as its time: a little less than the
    /// whole, so that it can still say what happened.
    pub(crate) fn request_time(&self) -> Duration {
        self.call_time - (self.call_time / 20).min(Duration::from_secs(1))
    }

    /// The most that crosses between component and host at once: an answer or a request, whichever is larger.
    pub(crate) fn crossing_bytes(&self) -> usize {
        usize::try_from(self.request_bytes.max(self.response_bytes)).unwrap_or(usize::MAX)
    }
}

/// A limit that ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitKind {
    /// `Limits::memory_bytes`.
    MemoryBytes,
    /// Elements of the component's tables: 100,000.
    TableElements,
    /// `Limits::call_time`, in milliseconds.
    CallTime,
    /// `Limits::handles`.
    Handles,
    /// `Limits::header_bytes`.
    HeaderBytes,
    /// What crosses between component and host at once: the larger of `Limits::request_bytes` and `response_bytes`.
    CrossingBytes,
}

impl LimitKind {
    /// The stable name: kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MemoryBytes => "memory-bytes",
            Self::TableElements => "table-elements",
            Self::CallTime => "call-time",
            Self::Handles => "handles",
            Self::HeaderBytes => "header-bytes",
            Self::CrossingBytes => "crossing-bytes",
        }
    }
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Elements over all tables of a call. A component's own table of functions has some thousands.
pub(super) const TABLE_ELEMENTS: usize = 100_000;
/// Core instances, tables and memories of a call. A component has some three of the first and one of the last.
pub(super) const INSTANCES: u32 = 16;
pub(super) const TABLES: u32 = 16;
pub(super) const MEMORIES: u32 = 2;

/// Counts what a call grows, over all memories and all tables.
#[derive(Debug)]
pub(crate) struct Meter {
    memory: usize,
    memory_limit: usize,
    elements: usize,
    exceeded: Option<(LimitKind, u64)>,
}

impl Meter {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            memory: 0,
            memory_limit: limits.memory_bytes,
            elements: 0,
            exceeded: None,
        }
    }

    /// The limit at which a growth was refused, if one was.
    pub(crate) fn exceeded(&self) -> Option<(LimitKind, u64)> {
        self.exceeded
    }
}

/// Adds a growth to a sum, unless the sum would be beyond its limit.
fn grow(sum: &mut usize, current: usize, desired: usize, limit: usize) -> bool {
    let total = sum.saturating_add(desired.saturating_sub(current));
    let fits = total <= limit;
    if fits {
        *sum = total;
    }
    fits
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        if !grow(&mut self.memory, current, desired, self.memory_limit) {
            self.exceeded = Some((LimitKind::MemoryBytes, self.memory_limit as u64));
            return Ok(false);
        }
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        if !grow(&mut self.elements, current, desired, TABLE_ELEMENTS) {
            self.exceeded = Some((LimitKind::TableElements, TABLE_ELEMENTS as u64));
            return Ok(false);
        }
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn instances(&self) -> usize {
        INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_over_all_memories() {
        let limits = Limits {
            memory_bytes: 3 << 16,
            ..Limits::default()
        };
        let mut meter = Meter::new(&limits);
        assert!(meter.memory_growing(0, 2 << 16, None).unwrap());
        assert!(meter.memory_growing(0, 1 << 16, None).unwrap());
        assert_eq!(meter.exceeded(), None);
        assert!(!meter.memory_growing(1 << 16, 2 << 16, None).unwrap());
        assert_eq!(meter.exceeded(), Some((LimitKind::MemoryBytes, 3 << 16)));
    }

    #[test]
    fn elements_are_counted_over_all_tables() {
        let mut meter = Meter::new(&Limits::default());
        assert!(meter.table_growing(0, TABLE_ELEMENTS, None).unwrap());
        assert!(!meter.table_growing(0, 1, None).unwrap());
        assert!(!meter.table_growing(0, usize::MAX, None).unwrap());
        assert_eq!(
            meter.exceeded(),
            Some((LimitKind::TableElements, TABLE_ELEMENTS as u64))
        );
    }

    #[test]
    fn a_request_ends_before_its_call() {
        for (call, request) in [(60_000, 59_000), (10_000, 9_500), (100, 95), (0, 0)] {
            let limits = Limits {
                call_time: Duration::from_millis(call),
                ..Limits::default()
            };
            assert_eq!(limits.request_time(), Duration::from_millis(request));
        }
    }
}
